"""The slow level: unit spread, a momentum that dies out, and a future that is the exact conditional of its past."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_backlog.models.slow_level import KNOT_WEEKS, continue_level, knot_correlation, level_weights

RANGE = 104.0
WEEKS_AHEAD = 53


def test_level_has_unit_variance_at_knots_and_the_stated_correlation() -> None:
    weights = level_weights(105, RANGE)
    covariance = weights @ weights.T
    assert np.allclose(np.diag(covariance)[::KNOT_WEEKS], 1.0)
    assert np.isclose(covariance[0, 104], (1 + np.sqrt(3)) * np.exp(-np.sqrt(3)))


@pytest.mark.parametrize("n_weeks", [97, 101])
def test_the_future_is_the_conditional_of_the_past(n_weeks: int) -> None:
    """Paths continued from drawn pasts have the covariance of paths drawn whole, wherever the last knot lies.

    20,000 paths: a covariance near 1 has a standard error of 0.01; the tolerance is four of those.
    """
    rng = np.random.default_rng(3)
    knots = level_weights(n_weeks, RANGE).shape[1]
    past = rng.standard_normal((20_000, knots)) @ level_weights(n_weeks, RANGE).T
    ahead = continue_level(past[:, None], np.ones((20_000, 1)), WEEKS_AHEAD, RANGE, rng)[:, 0]
    path = np.concatenate([past, ahead[:, 1:]], axis=1)
    whole = level_weights(n_weeks + WEEKS_AHEAD - 1, RANGE)
    expected = whole @ whole.T
    at = [0, n_weeks // 2, n_weeks - 1, n_weeks + 12, n_weeks + 51]
    assert np.allclose(np.cov(path[:, at].T), expected[np.ix_(at, at)], atol=0.04)
    # A future drawn without regard to its past has the variance and not the covariance.
    unrelated = np.roll(path[:, n_weeks:], 1, axis=0)
    broken = np.cov(past[:, -1], unrelated[:, 12])[0, 1]
    assert abs(broken - expected[n_weeks - 1, n_weeks + 12]) > 0.5


def test_a_rise_goes_on_for_a_while_and_not_for_ever() -> None:
    """Four rising knots: the mean of what follows rises on, then comes back towards zero."""
    level = np.linspace(-0.3, 0.3, 97)[None, None]
    nothing = np.zeros((1, 1))
    ahead = continue_level(level, nothing, 400, RANGE, np.random.default_rng(1))[0, 0]
    assert np.isclose(ahead[0], 0.3)
    assert ahead[13] > 0.31
    assert abs(ahead[-1]) < 0.15


def test_correlation_falls_with_distance() -> None:
    first_row = knot_correlation(20, RANGE)[0]
    assert first_row[0] == 1
    assert (np.diff(first_row) < 0).all()
