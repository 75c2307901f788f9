"""Counts as PyMC potentials: totals, and how totals are divided, each in one compiled kernel.

Both are written with rising factorials, case by case. They stay exact when the dispersion is huge, where a difference
of log-gammas would be rounding noise that a sampler can get stuck in, and they cost nothing where no case is. Kernels
give their derivatives along with their value: a graph of a hundred nodes less takes a compiler minutes less. Everything
of the data enters as data, so compiled code takes data of other lengths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_backlog.models.design import Floats, Ints
from bayes_backlog.models.kernel_op import KernelOp
from bayes_backlog.models.packed_data import PackedData

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


def totals_of(counts: Ints, group_of_row: Ints, n_groups: int = 0) -> Ints:
    """Return the sum of counts per group, at least `n_groups` of them."""
    return np.bincount(group_of_row, counts, minlength=n_groups).astype(np.int64)


def sums_of(data: PackedData, values: TensorVariable, group_of_row: Ints, n_groups: int = 0) -> TensorVariable:
    """Return the sum of values per group along the last axis, whose rows are ordered by group."""
    sums = pt.concatenate([pt.zeros_like(values[..., :1]), pt.cumsum(values, axis=-1)], axis=-1)
    return pt.diff(sums[..., data.add(_ends(group_of_row, n_groups))], axis=-1)


def add_totals(name: str, data: PackedData, totals: Ints, mean: TensorVariable, dispersion: TensorVariable) -> None:
    """Add the log-likelihood of totals with variance = mean + mean^2 / dispersion, up to a constant in the counts.

    Parameters
    ----------
    name : str
        Of the potential.
    data : PackedData
        Where arrays go.
    totals : (U,) int
        Cases.
    mean : (U,) tensor
        Cases expected.
    dispersion : scalar or (U,) tensor
        The same for all totals, or each one's.
    """
    pm.Potential(f"{name}_likelihood", log_totals(mean, dispersion + pt.zeros_like(mean), data.add(totals))[0])


def add_division(
    name: str,
    data: PackedData,
    counts: Ints,
    group_of_row: Ints,
    weights: TensorVariable,
    sizes: TensorVariable,
) -> None:
    """Add the log-likelihood of the Dirichlet-multinomial division of totals among rows.

    Parameters
    ----------
    name : str
        Of the potential.
    data : PackedData
        Where arrays go.
    counts, group_of_row : (R,) int
        What was divided; rows are ordered by group.
    weights : (R,) tensor
        Each row's part of its group's Dirichlet weights, in proportion.
    sizes : (G,) tensor
        Sum of the weights of each group's rows.
    """
    ends = data.add(_ends(group_of_row))
    pm.Potential(f"{name}_division", log_division(weights, sizes, data.add(counts), ends)[0])


def _ends(group_of_row: Ints, n_groups: int = 0) -> Ints:
    """(G + 1,) index of each group's first row, and of the last one's end."""
    return np.append(0, np.cumsum(np.bincount(group_of_row, minlength=n_groups)))


def log_totals_kernel(mean: Floats, dispersion: Floats, totals: Ints) -> tuple[Floats, Floats, Floats]:
    """Return the negative binomial log-likelihood, without log y!, and its derivatives by mean and dispersion.

    Gamma(y + a) / (Gamma(a) a^y) = (1 + 1/a) (1 + 2/a) ... (1 + (y - 1)/a), kept from total to total while a stays.
    """
    by_mean, by_dispersion = np.zeros(len(mean)), np.zeros(len(mean))
    rising, slope = np.zeros(totals.max() + 1), np.zeros(totals.max() + 1)
    last, known = -1.0, 0
    value = 0.0
    for u in range(len(mean)):
        m, a, y = mean[u], dispersion[u], totals[u]
        if a != last:
            last, known = a, 0
        while known < y:
            rising[known + 1] = rising[known] + np.log1p(known / a)
            slope[known + 1] = slope[known] - known / (a * (a + known))
            known += 1
        logs = np.log1p(m / a)
        value += rising[y] + y * (np.log(m) - logs) - a * logs
        by_mean[u] = y / m - (y + a) / (a + m)
        by_dispersion[u] = slope[y] + y * m / (a * (a + m)) - logs + m / (a + m)
    return np.array(value), by_mean, by_dispersion


def log_division_kernel(weights: Floats, sizes: Floats, counts: Ints, ends: Ints) -> tuple[Floats, Floats, Floats]:
    """Return the Dirichlet-multinomial log-likelihood, up to a constant, and derivatives by weights and sizes.

    Cases share a logarithm, of the product of their probabilities, until that nears the smallest number there is.
    """
    by_weight, by_size = np.zeros(len(weights)), np.zeros(len(sizes))
    value, product = 0.0, 1.0
    for g in range(len(ends) - 1):
        begin, end, size = ends[g], ends[g + 1], sizes[g]
        whole, total = 0.0, 0
        for r in range(begin, end):
            whole += weights[r]
            total += counts[r]
        if total == 0:
            continue
        strength = size / whole
        dealt, ahead, by_strength = 0, 0.0, 0.0
        for r in range(begin, end):
            if counts[r] == 0:
                continue
            own, pull = strength * weights[r], 0.0
            for k in range(counts[r]):
                probability = (own + k) / (size + dealt)
                if product * probability < 1e-150:
                    value += np.log(product)
                    product = probability
                else:
                    product *= probability
                pull += 1.0 / (own + k)
                ahead += 1.0 / (size + dealt)
                dealt += 1
            by_weight[r] = strength * pull
            by_strength += weights[r] * pull
        by_size[g] = by_strength / whole - ahead
        by_whole = by_strength * strength / whole
        for r in range(begin, end):
            by_weight[r] -= by_whole
    return np.array(value + np.log(product)), by_weight, by_size


log_totals = KernelOp(log_totals_kernel, n_differentiable=2)
log_division = KernelOp(log_division_kernel, n_differentiable=2)
