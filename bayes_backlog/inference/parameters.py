"""Which names of the default model are parameters, and which are members of a population that a parameter describes."""

from __future__ import annotations

import pymc as pm

POPULATIONS = frozenset({"week", "knot", "investigator", "team", "role", "group"})
"""Dimensions whose labels come from the data; what lies along them follows a distribution that parameters describe."""


def parameter_names(model: pm.Model) -> list[str]:
    """Return what has a prior of its own: every free variable that does not lie along a population."""
    return [
        str(variable.name)
        for variable in model.free_RVs
        if POPULATIONS.isdisjoint(model.named_vars_to_dims.get(variable.name, ()))
    ]
