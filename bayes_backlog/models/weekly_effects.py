"""What a week does to everybody: an AR(1) effect of its own, and a slowly moving level.

As written, standard normals make both, and that is how the prior draws them. Counts pull on such normals all at once,
and on their scales with them: short steps, and scales that hardly move. With a likelihood other standard normals of the
same effects are sampled, those of their likely posterior (`weekly_coordinates`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_backlog.models.design import Design
from bayes_backlog.models.half_normal import half_normal
from bayes_backlog.models.packed_data import PackedData
from bayes_backlog.models.slow_level import level_weights
from bayes_backlog.models.spec import ModelSpec
from bayes_backlog.models.week_correlation import Factors, week_factors
from bayes_backlog.models.weekly_coordinates import Evidence, sampled_level, sampled_weeks

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


def weekly_effects(design: Design, spec: ModelSpec, data: PackedData, evidence: Evidence | None) -> TensorVariable:
    """Add weeks and level, with their scales, to the model.

    Parameters
    ----------
    design, spec, data : Design, ModelSpec, PackedData
        Training arrays, parts and priors, and where arrays go.
    evidence : Evidence, optional
        What counts are likely to say of the sum of both; without it, effects are as written.

    Returns
    -------
    (F, W) tensor
        The sum of `week_effect` and `slow_level`.
    """
    total = pt.zeros((len(spec.flows), len(design.weeks)))
    weekly = [spec.flows.index(flow) for flow in spec.weekly_flows]
    if weekly:
        sd = half_normal("week_sd", spec.priors.week_sd, dims="weekly_flow")
        stretched = pm.Beta("week_persistence_share", *spec.priors.week_persistence, dims="weekly_flow")
        persistence = pm.Deterministic("week_persistence", 2 * stretched - 1, dims="weekly_flow")
    if spec.slow_level:
        of_level = evidence
        if evidence is not None and weekly:
            of_level = evidence.blurred(weekly, sd**2 * (1 + persistence) / (1 - persistence))
        level = _level(design, spec, data, of_level)
        total = total + level
        evidence = evidence and evidence.without(level)
    if weekly:
        factors = week_factors(spec, persistence) if spec.week_pairs else None
        weeks = _weeks(sd, persistence, factors, design, data, evidence and evidence.of(weekly))
        total = pt.inc_subtensor(total[weekly], weeks)
    return total


def _level(design: Design, spec: ModelSpec, data: PackedData, evidence: Evidence | None) -> TensorVariable:
    """(F, W) slow level of each flow."""
    sd = half_normal("level_sd", np.array([spec.level_sd(flow) for flow in spec.flows]), dims="flow")
    weights = level_weights(len(design.weeks), spec.priors.level_range_weeks)
    if evidence is None:
        level = sd[:, None] * (pm.Normal("level_z", dims=("flow", "knot")) @ data.add(weights).T)
    else:
        level = sampled_level(sd, weights, design, data, evidence)
    return pm.Deterministic("slow_level", level, dims=("flow", "week"))


def _weeks(
    sd: TensorVariable,
    persistence: TensorVariable,
    factors: Factors | None,
    design: Design,
    data: PackedData,
    evidence: Evidence | None,
) -> TensorVariable:
    """(F_weekly, W) AR(1) effects."""
    if evidence is None:
        z = pm.Normal("week_z", dims=("weekly_flow", "week"))
        z = z if factors is None else factors.correlated(z)
        n_flows = len(pm.modelcontext(None).coords["weekly_flow"])
        weeks = sd[:, None] * pt.stack([_autoregressive(z[k], persistence[k]) for k in range(n_flows)])
    else:
        weeks = sampled_weeks(sd, persistence, factors, design, data, evidence)
    return pm.Deterministic("week_effect", weeks, dims=("weekly_flow", "week"))


def _autoregressive(z: TensorVariable, persistence: TensorVariable) -> TensorVariable:
    """Return a stationary AR(1) series of unit sd from standard normal innovations, by one triangular solve."""
    n = z.shape[0]
    scaled = pt.concatenate([z[:1], z[1:] * pt.sqrt(1 - persistence**2)])
    return pt.linalg.solve_triangular(pt.eye(n) - persistence * pt.eye(n, k=-1), scaled, lower=True)
