"""What people, their teams and their roles do to the flows that are counted per person.

As written, standard normals times their spreads make the effects, and that is how the prior draws them. As sampled,
other standard normals of the same effects are moved, those of their likely posterior (`nested_effects`).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy.linalg import block_diag

from bayes_backlog.models.design import Design, Floats, in_use
from bayes_backlog.models.half_normal import half_normal
from bayes_backlog.models.nested_effects import Likelihood, effects_of
from bayes_backlog.models.packed_data import PackedData
from bayes_backlog.models.spec import ModelSpec
from bayes_backlog.models.staff_information import spell_information

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


def spell_effects(
    design: Design,
    spec: ModelSpec,
    data: PackedData,
    intercept: TensorVariable,
    clumping: TensorVariable,
    exponents: list[tuple[TensorVariable, TensorVariable]],
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
    exponents : list of F_staff pairs of scalar tensors
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
        names = ("team", "role", "investigator")
        z = {group: pm.Normal(f"{group}_z", dims=("staff_flow", group)) for group in names}
        upper = pt.concatenate([sds[group][:, None] * z[group] for group in ("team", "role")], axis=1)
        own = sds["investigator"][:, None] * z["investigator"]
    else:
        terms = [[1.0, intercept[k], ramp[k], *pair] for k, pair in enumerate(exponents)]
        upper, own = sampled_effects(design, data, sds, clumping, [pt.stack(each) for each in terms], of_spell)
    centred = upper @ data.add(centring).T
    pm.Deterministic("team_effect", centred[:, :n_teams], dims=("staff_flow", "team"))
    pm.Deterministic("role_effect", centred[:, n_teams:], dims=("staff_flow", "role"))
    at_home = upper @ data.add(_one_hot(staff.home_team, staff.home_role, design) @ centring).T
    pm.Deterministic("investigator_rate", intercept[:, None] + at_home + own, dims=("staff_flow", "investigator"))
    place = intercept[:, None] + upper @ data.add(of_spell).T + ramp[:, None] * data.add(staff.spell_ramp)
    return own[:, data.add(staff.spell_investigator)] + place


def sampled_effects(
    design: Design,
    data: PackedData,
    sds: dict[str, TensorVariable],
    clumping: TensorVariable,
    terms: list[TensorVariable],
    of_spell: Floats,
) -> tuple[TensorVariable, TensorVariable]:
    """Sample people, teams and roles.

    Parameters
    ----------
    design, data : Design, PackedData
        Training arrays, and where arrays go.
    sds : dict of (F_staff,) tensor
        Spreads of people (`investigator`), teams and roles.
    clumping : (F_staff,) tensor
        1 / sqrt(concentration) of a day's division.
    terms : list of F_staff (A,) tensors
        What log rates add up besides; see `SpellInformation`.
    of_spell : (S, K) float
        Teams and roles of every spell, without their mean.

    Returns
    -------
    (F_staff, K) tensor
        Effects of teams and roles, their mean included.
    (F_staff, I) tensor
        Own effects.
    """
    n_teams, n_roles = len(design.staff.teams), len(design.staff.roles)
    for_upper = pm.Flat("group_normals", dims=("staff_flow", "group"))
    for_own = pm.Flat("own_normals", dims=("staff_flow", "investigator"))
    found = []
    for k, term in enumerate(terms):
        numbers = spell_information(design, k, of_spell)
        crowd, present = data.add(np.array([numbers.crowd]))[0], data.add(np.array([numbers.present]))[0]
        # The variance of a Dirichlet-multinomial division over that of a multinomial one.
        lumpy = (1 + crowd * clumping[k] ** 2 / present) / (1 + clumping[k] ** 2 / present)
        arrays = {
            field.name: data.add(getattr(numbers, field.name)) / lumpy
            for field in dataclasses.fields(numbers)
            if field.name not in ("crowd", "present")
        }
        likelihood = Likelihood(
            upper_curvature=arrays["upper_curvature"],
            own_curvature=arrays["own_curvature"],
            own_by_upper=arrays["own_by_upper"],
            upper_linear=arrays["upper_terms"] @ term,
            own_linear=arrays["own_terms"] @ term,
        )
        spread = pt.concatenate([pt.repeat(sds["team"][k], n_teams), pt.repeat(sds["role"][k], n_roles)])
        own_sd = sds["investigator"][k]
        effects = effects_of(for_upper[k], for_own[k], pt.zeros_like(spread), spread, own_sd, likelihood)
        found.append((effects.upper, effects.own))
        squares = ((effects.upper / spread) ** 2).sum() + ((effects.own / own_sd) ** 2).sum()
        scales = pt.log(spread).sum() + pt.log(own_sd) * for_own.shape[1]
        pm.Potential(f"staff_{k}_density", effects.log_determinant - scales - squares / 2)
    upper, own = zip(*found, strict=True)
    return pt.stack(upper), pt.stack(own)


def _centring(labels: tuple[str, ...]) -> Floats:
    """Return the matrix that takes off the mean over the labels in use."""
    used = in_use(labels).astype(float)
    return np.eye(len(labels)) - used / used.sum()


def _one_hot(team: np.ndarray, role: np.ndarray, design: Design) -> Floats:
    """Return the (n, K) team and role of each."""
    return np.hstack([np.eye(len(design.staff.teams))[team], np.eye(len(design.staff.roles))[role]])
