"""Effects of people, teams and roles as they are sampled: standard normals of their likely posterior, exactly.

If counts were Gaussian the effects would be, given their spreads, and a chain of diagonal maps takes standard normals
to them: teams, people's own effects integrated out; roles, given the teams; people's own, given both. With the spread s
of people's own effects, what is seen of a group through a person shrinks by s^2 / (1 + s^2 curvature).

What couples two teams, or a team and a role that comes after it, is left out of the map and not of the model: priors
are exact and the map's log-determinant is part of the density. Under it a spread and what it spreads do not pull on
each other, whether somebody has three cases or three thousand. Whole matrices would fit closer, and their factors take
a compiler minutes.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_backlog.models.design import Design, Floats
from bayes_backlog.models.packed_data import PackedData
from bayes_backlog.models.staff_information import spell_information

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


def sampled_staff(
    design: Design,
    data: PackedData,
    sds: dict[str, TensorVariable],
    clumping: TensorVariable,
    terms: TensorVariable,
    of_spell: Floats,
) -> tuple[TensorVariable, TensorVariable]:
    """Sample people, teams and roles.

    Parameters
    ----------
    design, data : Design, PackedData
        Training arrays, and where arrays go.
    sds : dict of (F,) tensor
        Spreads of people (`investigator`), teams and roles.
    clumping : (F,) tensor
        1 / sqrt(concentration) of a day's division.
    terms : (F, A) tensor
        What log rates add up besides; see `SpellInformation`.
    of_spell : (S, K) float
        Teams and roles of every spell, without their mean.

    Returns
    -------
    (F, K) tensor
        Effects of teams and roles, their mean included.
    (F, I) tensor
        Own effects.
    """
    numbers = spell_information(design, of_spell)
    told = {field.name: data.add(getattr(numbers, field.name)) for field in dataclasses.fields(numbers)}
    # The variance of a Dirichlet-multinomial division over that of a multinomial one.
    clumped = clumping**2 / told["present"]
    clear = ((1 + clumped) / (1 + told["crowd"] * clumped))[:, None]
    own_sd = sds["investigator"][:, None]
    shrink = own_sd**2 / (1 + own_sd**2 * clear * told["own"])
    heard = clear * _weighted(told["own_terms"], terms)
    for_groups, for_own = (
        pm.Flat(name, dims=("staff_flow", dim))
        for name, dim in (("group_normals", "group"), ("own_normals", "investigator"))
    )
    upper = pt.zeros_like(for_groups)
    density = pt.log(shrink).sum()
    begins = np.cumsum([0, len(design.staff.teams), len(design.staff.roles)])
    for group, begin, end in zip(("team", "role"), begins[:-1], begins[1:], strict=True):
        cross, sd = clear[:, :, None] * told["cross"][:, :, begin:end], sds[group][:, None]
        among = clear * (told["upper"][:, np.arange(begin, end), np.arange(begin, end)])
        known = clear * (told["upper"][:, begin:end] * upper[:, None, :]).sum(axis=2)
        curvature = among - (shrink[:, :, None] * cross**2).sum(axis=1)
        pull = clear * _weighted(told["upper_terms"][:, begin:end], terms) - known
        variance = sd**2 / (1 + sd**2 * curvature)
        effect = variance * (pull - ((shrink * heard)[:, :, None] * cross).sum(axis=1))
        effect = effect + pt.sqrt(variance) * for_groups[:, begin:end]
        upper = pt.set_subtensor(upper[:, begin:end], effect)
        heard = heard - (cross * effect[:, None, :]).sum(axis=2)
        density = density + (pt.log(variance) - 2 * pt.log(sd) - (effect / sd) ** 2).sum()
    own = shrink * heard + pt.sqrt(shrink) * for_own
    density = density - (2 * pt.log(own_sd) + (own / own_sd) ** 2).sum()
    pm.Potential("staff_density", density / 2)
    return upper, own


def _weighted(values: TensorVariable, terms: TensorVariable) -> TensorVariable:
    """(F, n) sums of (F, n, A) values times (F, A) terms."""
    return (values * terms[:, None, :]).sum(axis=2)
