"""Counts on common random numbers: exact distributions, and randomness that means cannot move."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from bayes_backlog.forecasts import paired
from bayes_backlog.models.draws import draw_negative_binomial

N = 40_000


def chi_square_p(counts: np.ndarray, expected: dict[int, float]) -> float:
    """Return the p-value of counts against probabilities; values not listed share what is left."""
    left = 1 - sum(expected.values())
    observed = [int((counts == value).sum()) for value in expected]
    return float(stats.chisquare([*observed, N - sum(observed)], N * np.array([*expected.values(), left])).pvalue)


@pytest.mark.parametrize(("mean", "dispersion"), [(0.3, 0.2), (3.0, 3.0), (4.0, 1e12)])
def test_totals_have_the_exact_distribution(mean: float, dispersion: float) -> None:
    """Each value from 0 to 9 as often as scipy's own probabilities say; a mean 5 % off is found out."""
    uniform = paired.uniforms(1, "flow", 1, N)[:, 0]
    counts = paired.negative_binomial(uniform, np.full(N, mean), np.full(N, dispersion))
    exact = stats.nbinom(dispersion, dispersion / (dispersion + mean)) if dispersion < 1e6 else stats.poisson(mean)
    expected = {k: float(exact.pmf(k)) for k in range(10) if exact.pmf(k) * N > 10}
    assert chi_square_p(counts, expected) > 0.001
    off = paired.negative_binomial(uniform, np.full(N, 1.1 * mean), np.full(N, dispersion))
    assert chi_square_p(off, expected) < 0.001


def test_a_total_never_falls_when_its_mean_rises() -> None:
    """A generator read in turn gives some draws fewer cases at a higher mean, which pairing must rule out."""
    rng = np.random.default_rng(1)
    uniform, mean, dispersion = rng.random(N), rng.gamma(2, 5, N), rng.gamma(4, 2, N)
    low, high = (paired.negative_binomial(uniform, factor * mean, dispersion) for factor in (1.0, 1.02))
    assert (high >= low).all()
    assert (high > low).any()
    in_turn = [draw_negative_binomial(np.random.default_rng(1), factor * mean, dispersion) for factor in (1.0, 1.02)]
    assert (in_turn[1] < in_turn[0]).any()


def test_a_runaway_mean_stays_a_large_count() -> None:
    counts = paired.negative_binomial(np.array([0.3, 0.9]), np.array([1e30, np.inf]), np.array([5.0, 5.0]))
    assert (counts > 1_000).all()


def dirichlet_multinomial(total: int, weights: np.ndarray) -> dict[tuple[int, ...], float]:
    """Return the probability of every division of a small total, from the formula."""
    divisions = (parts for parts in itertools.product(range(total + 1), repeat=len(weights)) if sum(parts) == total)
    return {parts: float(stats.dirichlet_multinomial.pmf(parts, weights, total)) for parts in divisions}


def test_the_urn_is_a_dirichlet_multinomial() -> None:
    """All 15 divisions of four cases among three people, against the formula; without clumps it fails."""
    weights = np.array([1.5, 0.8, 0.2])
    key = paired.keys(2, 1, N, "flow")[:, 0]
    parts = paired.divide(np.full(N, 4, np.int32), np.tile(weights, (N, 1)), key)
    assert (parts.sum(axis=1) == 4).all()
    expected = dirichlet_multinomial(4, weights)
    place = {division: number for number, division in enumerate(expected)}

    def p_value(parts: np.ndarray) -> float:
        numbers = np.array([place[tuple(row)] for row in parts.tolist()])
        return float(stats.chisquare(np.bincount(numbers, minlength=15), N * np.array([*expected.values()])).pvalue)

    assert p_value(parts) > 0.001
    assert p_value(paired.divide(np.full(N, 4, np.int32), np.tile(1e9 * weights, (N, 1)), key)) < 0.001


def test_nobody_gets_a_case_without_weight() -> None:
    key = paired.keys(2, 1, 3, "flow")[:, 0]
    nobody = paired.divide(np.array([5, 5, 5], np.int32), np.zeros((3, 2)), key)
    assert nobody.sum() == 0
    weights = np.array([[0.0, 1e-300, 0.0], [0.0, 1e300, 0.0], [0.0, 1.0, 0.0]])
    assert (paired.divide(np.array([5, 5, 5], np.int32), weights, key) == [0, 5, 0]).all()


def test_one_draw_s_rates_leave_every_other_draw_alone() -> None:
    """Also with other totals: gammas and multinomials read in turn would shift all draws after the changed one."""
    rng = np.random.default_rng(3)
    total, weights = rng.poisson(6, 50).astype(np.int32), rng.gamma(2, 1, (50, 4))
    key = paired.keys(3, 1, 50, "flow")[:, 0]
    before = paired.divide(total, weights, key)
    total[7], weights[7] = total[7] + 30, 5 * weights[7, ::-1]
    after = paired.divide(total, weights, key)
    assert np.array_equal(np.delete(before, 7, axis=0), np.delete(after, 7, axis=0))
    assert not np.array_equal(before[7], after[7])


def test_a_longer_horizon_begins_with_the_shorter_one() -> None:
    for make in (paired.uniforms, lambda seed, name, days, n: paired.keys(seed, days, n, name)):
        assert np.array_equal(make(1, "flow", 5, 8), make(1, "flow", 9, 8)[:, :5])
        assert not np.array_equal(make(1, "flow", 5, 8), make(1, "other", 5, 8))
        assert not np.array_equal(make(1, "flow", 5, 8), make(2, "flow", 5, 8))
    assert not np.array_equal(
        paired.stream(1, "flow").integers(2**64, size=8, dtype=np.uint64), paired.keys(1, 1, 8, "flow")[:, 0]
    )
