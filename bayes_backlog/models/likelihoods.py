"""Counts as PyMC potentials: totals, and how totals are divided, without a log-gamma anywhere.

Both are written with rising factorials, from how often each rank occurs or case by case. They stay exact when the
dispersion is huge, where a difference of log-gammas would be rounding noise that a sampler can get stuck in, and they
cost nothing where no case is. Everything of the data enters as data, so compiled code takes data of other lengths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_backlog.models.design import Floats, Ints
from bayes_backlog.models.packed_data import PackedData

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


@dataclass(frozen=True)
class Cases:
    """The N cases of a flow, in the rows where they are counted and the groups whose totals are divided among rows.

    Attributes
    ----------
    row, group : (N,) int
        Indices.
    rank_in_row, rank_in_group : (N,) float
        How many cases come before one in its row and in its group.
    """

    row: TensorVariable
    group: TensorVariable
    rank_in_row: TensorVariable
    rank_in_group: TensorVariable


def cases_of(data: PackedData, counts: Ints, group_of_row: Ints) -> Cases:
    """Return the cases counted in rows that are ordered by group."""
    totals = totals_of(counts, group_of_row)
    return Cases(
        row=data.add(np.repeat(np.arange(len(counts)), counts)),
        group=data.add(np.repeat(np.arange(len(totals)), totals)),
        rank_in_row=data.add(_ranks(counts)),
        rank_in_group=data.add(_ranks(totals)),
    )


def totals_of(counts: Ints, group_of_row: Ints, n_groups: int = 0) -> Ints:
    """Return the sum of counts per group, at least `n_groups` of them."""
    return np.bincount(group_of_row, counts, minlength=n_groups).astype(np.int64)


def sums_of(data: PackedData, values: TensorVariable, group_of_row: Ints, n_groups: int = 0) -> TensorVariable:
    """Return the sum of values per group along the last axis, whose rows are ordered by group."""
    sizes = np.bincount(group_of_row, minlength=n_groups)
    ends = data.add(np.append(0, np.cumsum(sizes)))
    sums = pt.concatenate([pt.zeros_like(values[..., :1]), pt.cumsum(values, axis=-1)], axis=-1)
    return pt.diff(sums[..., ends], axis=-1)


def add_totals(name: str, data: PackedData, totals: Ints, mean: TensorVariable, dispersion: TensorVariable) -> None:
    """Add the log-likelihood of totals with variance = mean + mean^2 / dispersion, up to a constant in the counts.

    Gamma(y + a) / (Gamma(a) a^y) = (1 + 1/a) (1 + 2/a) ... (1 + (y - 1)/a), summed from how often each factor occurs.
    """
    occurrences = np.bincount(_ranks(totals).astype(int))
    rank = data.add(np.arange(len(occurrences), dtype=float))
    rising = (data.add(occurrences.astype(float)) * pt.log1p(rank / dispersion)).sum()
    _add_negative_binomial(name, data, totals, mean, dispersion, rising)


def add_independent_totals(
    name: str, data: PackedData, totals: Ints, mean: TensorVariable, sizes: TensorVariable, cases: Cases
) -> None:
    """Add the log-likelihood of totals of independent rows: one dispersion, `sizes`, for each total."""
    rising = (pt.log(sizes[cases.group] + cases.rank_in_group) - pt.log(sizes)[cases.group]).sum()
    _add_negative_binomial(name, data, totals, mean, sizes, rising)


def add_division(name: str, cases: Cases, weights: TensorVariable, sizes: TensorVariable) -> None:
    """Add the log-likelihood of the Dirichlet-multinomial division of totals among rows.

    Parameters
    ----------
    name : str
        Of the potential.
    cases : Cases
        What was divided.
    weights : (N,) float
        Dirichlet weight of each case's row.
    sizes : (groups,) float
        Sum of the weights of each group's rows.
    """
    log_ahead = pt.log(sizes[cases.group] + cases.rank_in_group)
    pm.Potential(f"{name}_division", (pt.log(weights + cases.rank_in_row) - log_ahead).sum())


def _add_negative_binomial(
    name: str, data: PackedData, totals: Ints, mean: TensorVariable, dispersion: TensorVariable, rising: TensorVariable
) -> None:
    total = data.add(totals.astype(float))
    ratio = pt.log1p(mean / dispersion)
    pm.Potential(f"{name}_likelihood", rising + (total * (pt.log(mean) - ratio) - dispersion * ratio).sum())


def _ranks(counts: Ints) -> Floats:
    """Return 0, 1, ..., count - 1 for each count in turn."""
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    return (np.arange(counts.sum()) - starts).astype(float)
