"""Random counts: their moments, and what keeps them whole."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_backlog.models.draws import draw_division, draw_negative_binomial, generators

N = 40_000


def moments_match(counts: np.ndarray, mean: float, dispersion: float) -> bool:
    """Return whether mean and variance lie within 4 Monte-Carlo standard errors of a negative binomial's."""
    variance = mean + mean**2 / dispersion
    mean_error = np.sqrt(variance / N)
    variance_error = np.std((counts - mean) ** 2) / np.sqrt(N)
    return bool(abs(counts.mean() - mean) < 4 * mean_error and abs(counts.var() - variance) < 4 * variance_error)


@pytest.mark.parametrize(("mean", "dispersion"), [(0.3, 0.2), (12.0, 3.0), (40.0, 1e6)])
def test_counts_have_the_stated_mean_and_variance(mean: float, dispersion: float) -> None:
    counts = draw_negative_binomial(np.random.default_rng(1), np.full(N, mean), dispersion)
    assert moments_match(counts, mean, dispersion)
    assert not moments_match(counts, 1.1 * mean, dispersion)
    assert not moments_match(counts, mean, dispersion / 3 if dispersion < 1e3 else 3.0)


def test_a_runaway_mean_stays_a_large_count() -> None:
    counts = draw_negative_binomial(np.random.default_rng(1), np.array([1e30, np.inf]), 5.0)
    assert (counts > 1_000).all()


def test_division_keeps_the_total_and_follows_the_weights() -> None:
    """With weights 2, 1, 1 and 0 the shares are 1/2, 1/4, 1/4 and nothing; 4 standard errors of a clumped share."""
    total = np.full(N, 8)
    parts = draw_division(np.random.default_rng(2), total, np.tile([2.0, 1.0, 1.0, 0.0], (N, 1)))
    assert (parts.sum(axis=1) == total).all()
    error = 4 * parts.std(axis=0) / np.sqrt(N)
    assert (np.abs(parts.mean(axis=0) - [4, 2, 2, 0]) <= error).all()
    # A plain multinomial, which has no clumps, would have a variance of 2 here.
    assert parts[:, 0].var() > 3


def test_nobody_present_means_nothing_divided() -> None:
    assert draw_division(np.random.default_rng(2), np.array([5]), np.zeros((1, 3))).sum() == 0


def test_tiny_weights_give_everything_to_one_person() -> None:
    """Gammas of such weights underflow to zero; dividing by expected shares instead would spread what must clump."""
    parts = draw_division(np.random.default_rng(2), np.full(400, 5), np.tile([3e-5, 1e-5, 0.0], (400, 1)))
    assert (parts.sum(axis=1) == 5).all()
    assert (parts.max(axis=1) == 5).all()
    first = (parts[:, 0] == 5).mean()
    assert abs(first - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 400)
    assert (parts[:, 2] == 0).all()


def test_streams_are_independent_of_each_other_s_names() -> None:
    alone = generators(3, ("received",))["received"].random(4)
    among = generators(3, ("removed", "received"))["received"].random(4)
    assert np.array_equal(alone, among)
    assert not np.array_equal(alone, generators(4, ("received",))["received"].random(4))
