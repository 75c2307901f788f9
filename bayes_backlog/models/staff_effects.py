"""What people, their teams and their roles do to the flows that are counted per person.

As written, standard normals times their spreads make the effects, and that is how the prior draws them. As sampled,
other standard normals of the same effects are moved, those of their likely posterior (`staff_coordinates`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy.linalg import block_diag

from bayes_backlog.models.design import Design, Floats, in_use
from bayes_backlog.models.half_normal import half_normal
from bayes_backlog.models.packed_data import PackedData
from bayes_backlog.models.spec import ModelSpec
from bayes_backlog.models.staff_coordinates import sampled_staff

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


def spell_effects(
    design: Design,
    spec: ModelSpec,
    data: PackedData,
    intercept: TensorVariable,
    clumping: TensorVariable,
    exponents: tuple[TensorVariable, TensorVariable],
    *,
    as_written: bool,
) -> TensorVariable:
    """Add people, teams, roles and the ramp of new starters, with their scales, to the model.

    Effects of teams and of roles sum to zero over those in use, so that the intercept is their average.

    Parameters
    ----------
    design, spec, data : Design, ModelSpec, PackedData
        Training arrays, parts and priors, and where arrays go.
    intercept, clumping : (F_staff,) tensor
        Log rate per FTE-day on an average day, and 1 / sqrt(concentration) of a day's division.
    exponents : pair of (F_staff,) tensors
        Of own work in progress, and of own pace.
    as_written : bool
        With the prior's own normals, from which the prior can be drawn.

    Returns
    -------
    (F_staff, S) tensor
        Log rates per FTE-day of each spell on an average day.
    """
    staff, n_teams = design.staff, len(design.staff.teams)
    sds = {group: half_normal(f"{group}_sd", scale, dims="staff_flow") for group, scale in spec.group_sd().items()}
    ramp = pm.Normal("ramp", *spec.priors.ramp, dims="staff_flow")
    centring = block_diag(*(_centring(labels) for labels in (staff.teams, staff.roles)))
    of_spell = _one_hot(staff.spell_team, staff.spell_role, design) @ centring
    if as_written:
        z = {group: pm.Normal(f"{group}_z", dims=("staff_flow", group)) for group in sds}
        upper = pt.concatenate([sds[group][:, None] * z[group] for group in ("team", "role")], axis=1)
        own = sds["investigator"][:, None] * z["investigator"]
    else:
        terms = pt.stack([pt.ones_like(intercept), intercept, ramp, *exponents], axis=1)
        upper, own = sampled_staff(design, data, sds, clumping, terms, of_spell)
    centred = upper @ data.add(centring).T
    pm.Deterministic("team_effect", centred[:, :n_teams], dims=("staff_flow", "team"))
    pm.Deterministic("role_effect", centred[:, n_teams:], dims=("staff_flow", "role"))
    at_home = upper @ data.add(_one_hot(staff.home_team, staff.home_role, design) @ centring).T
    pm.Deterministic("investigator_rate", intercept[:, None] + at_home + own, dims=("staff_flow", "investigator"))
    place = intercept[:, None] + upper @ data.add(of_spell).T + ramp[:, None] * data.add(staff.spell_ramp)
    return own[:, data.add(staff.spell_investigator)] + place


def _centring(labels: tuple[str, ...]) -> Floats:
    """Return the matrix that takes off the mean over the labels in use."""
    used = in_use(labels).astype(float)
    return np.eye(len(labels)) - used / used.sum()


def _one_hot(team: np.ndarray, role: np.ndarray, design: Design) -> Floats:
    """Return the (n, K) team and role of each."""
    return np.hstack([np.eye(len(design.staff.teams))[team], np.eye(len(design.staff.roles))[role]])
