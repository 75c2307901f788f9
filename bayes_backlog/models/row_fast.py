"""The row model as it is sampled: the plain model's posterior, one to one, at a fraction of the cost.

Same specification, priors and names as `row_pymc` and `row_bambi`. Two things are different, and neither approximates:
what the sampler moves (`row_effects`), and how the likelihood is added up (`negative_binomial_op`).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayes_backlog.models.design import Floats, Ints
from bayes_backlog.models.negative_binomial_op import gather, log_likelihood
from bayes_backlog.models.row_effects import Effects, effects_of, find_coordinates, scale_of
from bayes_backlog.models.row_information import LikelyPrior, RowDesign, find_information
from bayes_backlog.models.row_table import GROUPS, NEW_STARTER, row_terms, term_prior
from bayes_backlog.models.spec import ModelSpec

NORMALS = ("slope_normals", "upper_normals", "own_normals")
INTERNAL = ("scale_places", *NORMALS)
"""What is sampled in place of scales, slopes, intercept and group effects; the posterior has those as well."""
MEDIAN = 0.67
"""Of a half-normal of scale one: a likely spread, before anything is known of it."""


def build_row_fast(table: pd.DataFrame, flow: str, spec: ModelSpec) -> pm.Model:
    """Build the row model of one staff flow.

    Parameters
    ----------
    table : DataFrame
        `row_table` of the design.
    flow : str
        The response.
    spec : ModelSpec
        Terms and priors.

    Returns
    -------
    pymc.Model
        Variables as in `row_pymc`, but for the slopes, one vector `slope`. Arrays enter as `pm.Data`.
    """
    labels = {group: pd.factorize(table[group], sort=True) for group in GROUPS}
    coded = table.assign(**{group: code for group, (code, _) in labels.items()})
    terms = row_terms(spec, table)
    design = _row_design(coded, terms)
    counts = table[flow].to_numpy(dtype=np.int64)
    cells = gather(design.unit, design.profile, counts)
    coords = {
        **{f"{group}__factor_dim": list(names) for group, (_, names) in labels.items()},
        "term": list(terms),
        "upper": list(range(design.by_unit.shape[1] - len(terms))),
        "scale": list(GROUPS),
    }
    with pm.Model(coords=coords) as model:
        effects = _effects(design, counts, np.array([term_prior(term, flow, spec) for term in terms]), spec)
        shared = pt.concatenate([effects.slopes, effects.upper])
        unit_effect = (
            effects.own[pm.Data("investigator_of_unit", design.investigator)]
            + pt.dot(pm.Data("by_unit", design.by_unit), shared)
            + pm.Data("log_exposure", design.log_exposure)
        )
        profile_effect = pt.dot(pm.Data("by_profile", design.by_profile), shared)
        alpha = pm.HalfCauchy("alpha", 1.0)
        data = {name: pm.Data(name, values) for name, values in dataclasses.asdict(cells).items()}
        pm.Potential("likelihood", log_likelihood(unit_effect, profile_effect, alpha, data))
    return model


def _row_design(table: pd.DataFrame, terms: tuple[str, ...]) -> RowDesign:
    """Split rows into units (somebody in one team and role) and profiles (days); shared effects: slopes, then upper."""
    of_unit = [term for term in terms if term == NEW_STARTER]
    units, unit = _distinct(table, [*GROUPS, "log_exposure", *of_unit])
    profiles, profile = _distinct(table, [term for term in terms if term not in of_unit])
    teams, roles = (np.eye(table[group].max() + 1)[units[group]] for group in ("team", "role"))
    place = np.hstack([np.ones((len(units), 1)), teams, roles])
    slopes = [part.reindex(columns=list(terms), fill_value=0.0).to_numpy(dtype=float) for part in (units, profiles)]
    return RowDesign(
        unit=unit,
        profile=profile,
        by_unit=np.hstack([slopes[0], place]),
        by_profile=np.hstack([slopes[1], np.zeros((len(profiles), place.shape[1]))]),
        investigator=units["investigator"].to_numpy(),
        log_exposure=units["log_exposure"].to_numpy(),
    )


def _distinct(table: pd.DataFrame, columns: list[str]) -> tuple[pd.DataFrame, NDArray[np.integer]]:
    """Return the distinct rows of some columns, and the place of every row among them."""
    groups = table.assign(everything=0).groupby(["everything", *columns])
    return groups.size().index.to_frame(index=False), groups.ngroup().to_numpy()


def _effects(design: RowDesign, counts: Ints, slope_prior: Floats, spec: ModelSpec) -> Effects:
    """Add scales, slopes, intercept and group effects with their priors; `slope_prior` has P rows of mean and sd."""
    teams, roles = (len(pm.modelcontext(None).coords[f"{group}__factor_dim"]) for group in ("team", "role"))
    mean, sd = spec.priors.log_staff_rate
    upper_mean = np.array([mean] + (teams + roles) * [0.0])
    likely = {group: MEDIAN * scale for group, scale in spec.group_sd().items()}
    prior = LikelyPrior(
        mean=np.concatenate([slope_prior[:, 0], upper_mean]),
        sd=np.concatenate([slope_prior[:, 1], [sd], np.repeat([likely["team"], likely["role"]], [teams, roles])]),
        own_sd=likely["investigator"],
    )
    numbers = find_coordinates(find_information(design, counts, prior), len(slope_prior), prior)
    relative, log_slope = scale_of(pm.Flat("scale_places", dims="scale", initval=np.zeros(len(GROUPS))))
    sds = {
        group: pm.Deterministic(f"1|{group}_sigma", scale * relative[k])
        for k, (group, scale) in enumerate(spec.group_sd().items())
    }
    upper_sd = pt.concatenate([[sd], pt.repeat(sds["team"], teams), pt.repeat(sds["role"], roles)])
    sizes = {"term": len(slope_prior), "upper": len(upper_mean), "investigator__factor_dim": len(numbers.own_linear)}
    effects = effects_of(
        [pm.Flat(name, dims=dim, initval=np.zeros(sizes[dim])) for name, dim in zip(NORMALS, sizes, strict=True)],
        upper_mean,
        upper_sd,
        sds["investigator"],
        {name: pm.Data(name, values) for name, values in dataclasses.asdict(numbers).items()},
    )
    slope_mean, slope_sd = pm.Data("slope_mean", slope_prior[:, 0]), pm.Data("slope_sd", slope_prior[:, 1])
    densities = [
        pm.logp(pm.HalfNormal.dist(), relative).sum() + log_slope.sum(),
        pm.logp(pm.Normal.dist(slope_mean, slope_sd), effects.slopes).sum(),
        pm.logp(pm.Normal.dist(upper_mean, upper_sd), effects.upper).sum(),
        pm.logp(pm.Normal.dist(0.0, sds["investigator"]), effects.own).sum(),
    ]
    pm.Potential("effects", sum(densities) + effects.log_determinant)
    pm.Deterministic("slope", effects.slopes, dims="term")
    pm.Deterministic("Intercept", effects.upper[0])
    of_group = {"investigator": effects.own, "team": effects.upper[1 : 1 + teams], "role": effects.upper[1 + teams :]}
    for group, effect in of_group.items():
        pm.Deterministic(f"1|{group}", effect, dims=f"{group}__factor_dim")
    return effects
