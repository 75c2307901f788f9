"""The tail of negative binomials against scipy, its derivatives against differences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from bayes_backlog.models.kernel_op import compiled
from bayes_backlog.models.queue_limit import log_tail_kernel

CASES = list(itertools.product([0.05, 3.0, 10.0, 80.0], [0.3, 4.0, 50.0, 1e6], [0.0, 1.0, 5.0, 12.0, 60.0]))
STEP = 1e-6


def log_tail(mean: float, dispersion: float, least: float) -> tuple[float, float, float]:
    value, by_mean, by_dispersion = compiled(log_tail_kernel)(*(np.array([x]) for x in (mean, dispersion, least)))
    return float(value), by_mean[0], by_dispersion[0]


@pytest.mark.parametrize(("mean", "dispersion", "least"), CASES)
def test_tail_is_that_of_the_named_distribution(mean: float, dispersion: float, least: float) -> None:
    wanted = stats.nbinom(dispersion, dispersion / (dispersion + mean))
    expected = wanted.logsf(least - 1) - wanted.logpmf(least)
    # Scipy's mass has six digits left at a dispersion of a million.
    np.testing.assert_allclose(log_tail(mean, dispersion, least)[0], expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(("mean", "dispersion", "least"), CASES)
def test_derivatives_are_those_of_the_value(mean: float, dispersion: float, least: float) -> None:
    _, by_mean, by_dispersion = log_tail(mean, dispersion, least)
    up, down = 1 + STEP, 1 - STEP
    of_mean = log_tail(mean * up, dispersion, least)[0] - log_tail(mean * down, dispersion, least)[0]
    of_dispersion = log_tail(mean, dispersion * up, least)[0] - log_tail(mean, dispersion * down, least)[0]
    np.testing.assert_allclose(2 * STEP * mean * by_mean, of_mean, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(2 * STEP * dispersion * by_dispersion, of_dispersion, rtol=1e-5, atol=1e-11)


def test_a_mean_far_beyond_hides_nothing() -> None:
    """Whoever wants a thousand would have taken ten: the tail is all there is."""
    value, by_mean, _ = log_tail(1000.0, 50.0, 10.0)
    wanted = stats.nbinom(50.0, 50 / 1050)
    np.testing.assert_allclose(value, -wanted.logpmf(10))
    np.testing.assert_allclose(by_mean, -(10 / 1000 - 60 / 1050), rtol=1e-9)
