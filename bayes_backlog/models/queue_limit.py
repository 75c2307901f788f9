"""Days that empty a queue: nobody knows how many cases people would have taken, only that no fewer.

Totals of `likelihoods.add_totals` have the probability of exactly y cases. Where all that waited was taken, y or more
were wanted, and the likelihood is the sum of the tail,

    P(Y >= y) = P(Y = y) * (1 + P(Y = y + 1) / P(Y = y) + ...),

whose second factor is added here. Without it a short queue looks like idle people, and a long one like eager ones.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayes_backlog.models.design import Floats, Ints
from bayes_backlog.models.kernel_op import KernelOp
from bayes_backlog.models.packed_data import PackedData

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

NEGLIGIBLE = 1e-14
"""Part of a sum that a further term must have to be counted."""


def add_queue_limit(
    name: str,
    data: PackedData,
    totals: Ints,
    emptied: NDArray[np.bool_],
    mean: TensorVariable,
    dispersion: TensorVariable,
) -> None:
    """Add what a queue that was emptied hides.

    Parameters
    ----------
    name : str
        Of the flow.
    data : PackedData
        Where arrays go.
    totals : (D,) int
        Cases that were taken on each day.
    emptied : (D,) bool
        Whether that was all there were.
    mean : (D,) tensor
        Cases expected to be wanted.
    dispersion : scalar or (D,) tensor
        Variance = mean + mean^2 / dispersion.
    """
    days = data.add(np.flatnonzero(emptied))
    spread = dispersion + pt.zeros_like(mean)
    tail = log_tail(mean[days], spread[days], data.add(totals[emptied].astype(float)))[0]
    pm.Potential(f"{name}_queue_limit", tail)


def log_tail_kernel(mean: Floats, dispersion: Floats, least: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the sum of log(P(Y >= y) / P(Y = y)) of negative binomials, and derivatives by mean and dispersion.

    Beyond the mean the tail is summed term by term; before it, it is what the terms below y leave of one.

    Parameters
    ----------
    mean, dispersion, least : (D,) float
        Of each, the last being y.
    """
    by_mean, by_dispersion = np.zeros(len(mean)), np.zeros(len(mean))
    value = 0.0
    for d in range(len(mean)):
        m, a, y = mean[d], dispersion[d], least[d]
        share = m / (a + m)
        ratio = 1.0  # of P(Y = k) to P(Y = y)
        slope = 0.0  # derivative of its logarithm by a
        if y > m:
            tail, tail_slope, k = 1.0, 0.0, y
            while ratio > NEGLIGIBLE * tail:
                ratio *= (a + k) * share / (k + 1.0)
                slope += 1.0 / (a + k) - 1.0 / (a + m)
                tail += ratio
                tail_slope += ratio * slope
                k += 1.0
            log_ratio = math.log(tail)
            by_dispersion[d] = tail_slope / tail
        else:
            log_p = -a * math.log1p(m / a)
            slope_at_y = share - math.log1p(m / a)
            below, below_slope, k = 0.0, 0.0, y
            while k > 0.0:
                k -= 1.0
                log_p += math.log((a + k) * share / (k + 1.0))
                slope_at_y += 1.0 / (a + k) - 1.0 / (a + m)
                ratio *= (k + 1.0) / ((a + k) * share)
                slope -= 1.0 / (a + k) - 1.0 / (a + m)
                below += ratio
                below_slope += ratio * slope
            p = math.exp(log_p)
            rest = 1.0 - p * below
            log_ratio = math.log(rest) - log_p
            by_dispersion[d] = -p * (below_slope + below * slope_at_y) / rest - slope_at_y
        by_mean[d] = y / m * math.expm1(-log_ratio) + (y + a) / (a + m)
        value += log_ratio
    return np.array(value), by_mean, by_dispersion


log_tail = KernelOp(log_tail_kernel, n_differentiable=2)
