"""Kernels of totals and of their division against scipy, their derivatives against differences."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln

from bayes_backlog.models.kernel_op import compiled
from bayes_backlog.models.likelihoods import log_division_kernel, log_totals_kernel

TOTALS = np.array([0, 3, 12, 0, 140], dtype=np.int32)
MEANS = np.array([0.2, 4.0, 9.0, 30.0, 100.0])
COUNTS = np.array([2, 0, 1, 0, 0, 5, 1], dtype=np.int32)
ENDS = np.array([0, 3, 5, 5, 7], dtype=np.int32)
WEIGHTS = np.array([0.3, 1.0, 0.2, 0.5, 0.5, 3.0, 0.1])
HARDLY = np.array([1e-200, 1.0, 0.2, 0.5, 0.5, 3.0, 0.1])
STEP = 1e-6


def slopes(function: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    """Derivatives by relative steps, in each direction apart."""
    steps = STEP * np.diag(at)
    return np.array([(function(at + step) - function(at - step)) / (2 * step.sum()) for step in steps])


@pytest.mark.parametrize("dispersion", [[2.0] * 5, [0.4, 1.0, 1.0, 8.0, 50.0], [1e4] * 5], ids=str)
def test_totals_are_negative_binomial(dispersion: list[float]) -> None:
    kernel, sizes = compiled(log_totals_kernel), np.array(dispersion)
    value, by_mean, by_dispersion = kernel(MEANS, sizes, TOTALS)
    expected = stats.nbinom.logpmf(TOTALS, sizes, sizes / (sizes + MEANS)) + gammaln(TOTALS + 1)
    np.testing.assert_allclose(value, expected.sum(), rtol=1e-8)
    np.testing.assert_allclose(by_mean, slopes(lambda at: kernel(at, sizes, TOTALS)[0], MEANS), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        by_dispersion, slopes(lambda at: kernel(MEANS, at, TOTALS)[0], sizes), rtol=1e-4, atol=1e-6
    )


def test_cases_of_a_row_that_hardly_weighs_are_improbable_and_not_impossible() -> None:
    sizes, expected = np.array([2.0, 1.0, 4.0, 0.7]), 0.0
    for size, (begin, end) in zip(sizes, itertools.pairwise(ENDS), strict=True):
        counts, shares = COUNTS[begin:end], HARDLY[begin:end] / HARDLY[begin:end].sum()
        expected -= np.log(size + np.arange(counts.sum())).sum()
        expected += sum(np.log(size * share + np.arange(n)).sum() for share, n in zip(shares, counts, strict=True))
    np.testing.assert_allclose(compiled(log_division_kernel)(HARDLY, sizes, COUNTS, ENDS)[0], expected)


@pytest.mark.parametrize("times", [1, 1000], ids=["few cases", "less probable than a number can be"])
def test_divisions_are_dirichlet_multinomial(times: int) -> None:
    """Of seven rows in four groups, one of them without cases and one without rows; weights count in proportion."""
    kernel, sizes, dealt = compiled(log_division_kernel), np.array([2.0, 1.0, 4.0, 0.7]), times * COUNTS
    value, by_weight, by_size = kernel(WEIGHTS, sizes, dealt, ENDS)
    expected = 0.0
    for group, (begin, end) in enumerate(itertools.pairwise(ENDS)):
        counts, weights = dealt[begin:end], WEIGHTS[begin:end]
        if counts.sum():
            alpha = sizes[group] * weights / weights.sum()
            ways = gammaln(counts.sum() + 1) - gammaln(counts + 1).sum()
            expected += stats.dirichlet_multinomial.logpmf(counts, alpha, counts.sum()) - ways
    np.testing.assert_allclose(value, expected)
    np.testing.assert_allclose(kernel(3 * WEIGHTS, sizes, dealt, ENDS)[0], expected)
    np.testing.assert_allclose(
        by_weight, slopes(lambda at: kernel(at, sizes, dealt, ENDS)[0], WEIGHTS), rtol=1e-5, atol=1e-7
    )
    np.testing.assert_allclose(
        by_size, slopes(lambda at: kernel(WEIGHTS, at, dealt, ENDS)[0], sizes), rtol=1e-5, atol=1e-7
    )
