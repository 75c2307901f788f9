"""The negative-binomial log-likelihood of rows whose log mean is a sum of two effects, exactly and fast.

Every row belongs to one unit and one profile, log mu = unit effect + profile effect, and the likelihood falls apart:

    log p(y | mu, alpha) =   y log mu                                      linear: sums of counts by unit and by profile
                           + log[(1 + 1/alpha) ... (1 + (y - 1)/alpha)]    rising factorial: how often each rank occurs
                           - (y + alpha) log(1 + mu / alpha)               saturation: the only term with a row in it
                           - log y!                                        a constant, which is left out

with variance = mu + mu^2 / alpha. Nothing is approximated: no row needs a log-gamma or an exponential, rows of equal
unit, profile and count are one cell, and cells that weigh the same share one logarithm, of the product of their
1 + mu / alpha. `saturation` is a compiled kernel that returns its own gradient; the rest is plain PyTensor.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayes_backlog.models.design import Floats, Ints
from bayes_backlog.models.kernel_op import KernelOp

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

MAX_BLOCK = 32
"""Cells that share a logarithm, at most: a product of so many factors stays a number up to factors of 1e9."""


@dataclass(frozen=True)
class Cells:
    """Rows of counts, gathered: C cells in B blocks; U units, P profiles.

    Attributes
    ----------
    cell_profile : (C,) int
        Profile of each cell; a cell is all rows of one unit, profile and count.
    block_start : (B + 1,) int
        Cells block_start[b] to block_start[b + 1] - 1 are block b: equal unit, number of rows and sum of counts.
    block_unit : (B,) int
        Unit of each block.
    block_rows, block_total : (B,) float
        Rows and sum of counts of every single cell of the block.
    unit_total : (U,) float
    profile_total : (P,) float
        Sums of counts.
    rank_occurrences : (largest count,) float
        How many rows have a count above 0, 1, 2, ...
    """

    cell_profile: Ints
    block_start: Ints
    block_unit: Ints
    block_rows: Floats
    block_total: Floats
    unit_total: Floats
    profile_total: Floats
    rank_occurrences: Floats


def gather(unit: NDArray[np.integer], profile: NDArray[np.integer], counts: Ints) -> Cells:
    """Gather rows into cells.

    Parameters
    ----------
    unit, profile : (R,) int
        0, 1, ... without gaps.
    counts : (R,) int
        Not negative.
    """
    n_profiles = int(profile.max()) + 1
    place, cell_counts = np.unique(np.stack([unit * n_profiles + profile, counts]), axis=1, return_counts=True)
    keys = {"unit": place[0] // n_profiles, "rows": cell_counts, "total": place[1] * cell_counts}
    order = np.lexsort(tuple(keys.values()))
    sorted_keys = np.stack([key[order] for key in keys.values()])
    changes = np.flatnonzero((np.diff(sorted_keys, axis=1) != 0).any(axis=0)) + 1
    runs = np.concatenate([[0], changes, [len(order)]])
    starts = np.concatenate([np.arange(*run, MAX_BLOCK) for run in itertools.pairwise(runs)])
    return Cells(
        cell_profile=(place[0] % n_profiles)[order],
        block_start=np.append(starts, len(order)),
        block_unit=sorted_keys[0, starts],
        block_rows=sorted_keys[1, starts].astype(float),
        block_total=sorted_keys[2, starts].astype(float),
        unit_total=np.bincount(unit, weights=counts),
        profile_total=np.bincount(profile, weights=counts),
        rank_occurrences=(counts[:, None] > np.arange(counts.max(initial=0))).sum(axis=0).astype(float),
    )


def log_likelihood(
    unit_effect: TensorVariable, profile_effect: TensorVariable, alpha: TensorVariable, cells: dict[str, Any]
) -> TensorVariable:
    """Return the log-likelihood up to the constant sum of log y!.

    Parameters
    ----------
    unit_effect, profile_effect : (U,), (P,) tensor
        Logarithms; the mean of a row is exp(unit effect + profile effect), cases per row.
    alpha : scalar tensor
        Dispersion, variance = mean + mean^2 / alpha.
    cells : dict
        The arrays of `Cells` by name, as tensors or `pm.Data`.
    """
    ranks = cells["rank_occurrences"]
    rising = (ranks * pt.log1p(pt.arange(ranks.shape[0]) / alpha)).sum()
    linear = cells["unit_total"] @ unit_effect + cells["profile_total"] @ profile_effect
    blocks = (cells[name] for name in ("cell_profile", "block_start", "block_unit", "block_rows", "block_total"))
    return linear + rising - saturation(unit_effect, profile_effect, alpha, *blocks)[0]


def saturation_kernel(
    unit_effect: Floats,
    profile_effect: Floats,
    alpha: float,
    cell_profile: Ints,
    block_start: Ints,
    block_unit: Ints,
    block_rows: Floats,
    block_total: Floats,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the sum over rows of (y + alpha) log(1 + mu / alpha), and its derivatives by the first three arguments.

    `product` is (1 + x_1) (1 + x_2) ... - 1, which keeps every digit of the small x = mu / alpha of a large alpha.
    """
    profile_ratio = np.exp(profile_effect)
    unit_ratio = np.exp(unit_effect) / alpha
    by_unit = np.zeros_like(unit_effect)
    by_profile = np.zeros_like(profile_effect)
    value = 0.0
    by_alpha = 0.0
    for b in range(len(block_unit)):
        u = block_unit[b]
        weight = block_total[b] + block_rows[b] * alpha
        product = 0.0
        share = 0.0
        for c in range(block_start[b], block_start[b + 1]):
            p = cell_profile[c]
            x = unit_ratio[u] * profile_ratio[p]
            y = 1.0 + x
            s = x / y
            product = x + y * product
            share += s
            by_profile[p] += weight * s
        logs = np.log1p(product)
        value += weight * logs
        by_alpha += block_rows[b] * logs - weight * share / alpha
        by_unit[u] += weight * share
    return np.array(value), by_unit, by_profile, np.array(by_alpha)


saturation = KernelOp(saturation_kernel, n_differentiable=3)
