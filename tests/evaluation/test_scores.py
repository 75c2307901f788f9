"""Scores against brute force and a second implementation, and coverage in worlds where it must and must not hold."""

import numpy as np
import pytest
import scoringrules
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bayes_backlog.errors import DataError
from bayes_backlog.evaluation.scores import (
    covered,
    crps,
    interval,
    log_score,
    pit_histogram,
    probability_integral_transform,
    weighted_interval_score,
)
from bayes_backlog.vocabulary import PROBS

counts = st.integers(-50, 500).map(float)
parts = ("wis_dispersion", "wis_overprediction", "wis_underprediction")


@st.composite
def forecasts(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Draws (n_units, n_draws), ties included, and observations."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(2, 12)))
    return draw(hnp.arrays(float, shape, elements=counts)), draw(hnp.arrays(float, shape[:1], elements=counts))


def brute_force_crps(values: np.ndarray, truth: float) -> float:
    """E|X - y| - E|X - X'| / 2 by every pair of different draws."""
    n = len(values)
    pairs = [abs(values[i] - values[j]) for i in range(n) for j in range(n) if i != j]
    return float(np.mean([abs(x - truth) for x in values]) - np.mean(pairs) / 2)


def brute_force_wis(values: np.ndarray, truth: float, probs: tuple[float, ...]) -> float:
    """The score as its paper writes it: alpha / 2 times each interval score, half weight on the median."""
    total = 0.5 * abs(truth - np.median(values))
    for prob in probs:
        alpha = 1 - prob
        lower, upper = np.quantile(values, [alpha / 2, 1 - alpha / 2])
        score = (upper - lower) + 2 / alpha * max(lower - truth, 0) + 2 / alpha * max(truth - upper, 0)
        total += alpha / 2 * score
    return float(total / (len(probs) + 0.5))


@given(forecasts())
def test_crps_is_the_fair_one(given_: tuple[np.ndarray, np.ndarray]) -> None:
    draws, observed = given_
    found = crps(draws, observed)
    np.testing.assert_allclose(found, list(map(brute_force_crps, draws, observed)), atol=1e-9)
    second = scoringrules.crps_ensemble(observed, draws, estimator="fair", backend="numpy")
    np.testing.assert_allclose(found, second, atol=1e-9)


def test_crps_of_known_draws() -> None:
    """E|X - 2| = 1 and the only pair is 2 apart: 1 - 2/2 = 0. The plain ensemble score would say 0.5."""
    assert crps([[1.0, 3.0], [1.0, 3.0], [5.0, 5.0]], [2.0, 7.0, 7.0]) == pytest.approx([0.0, 4.0, 2.0])


def test_fair_crps_does_not_depend_on_the_number_of_draws() -> None:
    """For a standard normal and y = 0, CRPS is (sqrt 2 - 1) / sqrt pi; the plain score of 5 draws is 0.11 too high."""
    rng = np.random.default_rng(1)
    exact = (np.sqrt(2) - 1) / np.sqrt(np.pi)
    for n_draws in (2, 5, 50):
        scores = crps(rng.standard_normal((20_000, n_draws)), np.zeros(20_000))
        assert abs(scores.mean() - exact) < 4 * scores.std() / np.sqrt(20_000)
    few = rng.standard_normal((20_000, 5))
    unfair = np.abs(few).mean(axis=1) - np.abs(few[:, :, None] - few[:, None, :]).mean(axis=(1, 2)) / 2
    assert unfair.mean() - exact > 20 * unfair.std() / np.sqrt(20_000)


@given(forecasts(), st.sampled_from([(0.5,), (0.9,), PROBS]))
def test_wis_by_its_definition_and_as_the_sum_of_its_parts(
    given_: tuple[np.ndarray, np.ndarray], probs: tuple[float, ...]
) -> None:
    draws, observed = given_
    score = weighted_interval_score(draws, observed, probs)
    expected = [brute_force_wis(values, truth, probs) for values, truth in zip(draws, observed, strict=True)]
    np.testing.assert_allclose(score["wis"], expected, atol=1e-9)
    np.testing.assert_allclose(score["wis"], sum(score[part] for part in parts), atol=1e-9)
    assert all((score[part] >= 0).all() for part in parts)


@pytest.mark.parametrize(("observed", "blamed"), [(0.0, "wis_overprediction"), (100.0, "wis_underprediction")])
def test_wis_says_which_way_a_forecast_missed(observed: float, blamed: str) -> None:
    """Draws 40 ... 60, one interval from 45 to 55: 10 wide, missed by 45, median by 50."""
    score = weighted_interval_score([np.arange(40.0, 61)], [observed], (0.5,))
    expected = {"wis_dispersion": 2.5, "wis_overprediction": 0.0, "wis_underprediction": 0.0} | {blamed: 45 + 25}
    assert {part: score[part][0] * 1.5 for part in parts} == pytest.approx(expected)


def test_coverage_of_known_draws() -> None:
    """Draws 0 ... 100: the 50 % interval is [25, 75], both ends inside."""
    draws = np.tile(np.arange(101.0), (5, 1))
    assert covered(draws, [24, 25, 50, 75, 76], 0.5).tolist() == [False, True, True, True, False]
    assert np.concatenate(interval(draws[:1], 0.8)) == pytest.approx([10.0, 90.0])


def coverage_error(predicted_sd: float, prob: float) -> float:
    """Coverage minus `prob` in Monte-Carlo standard errors, for a truth of sd 1 and 2,000 forecasts of 1,000 draws."""
    n = 2_000
    rng = np.random.default_rng(20240229)
    draws = predicted_sd * rng.standard_normal((n, 1_000))
    share = covered(draws, rng.standard_normal(n), prob).mean()
    return float((share - prob) / np.sqrt(prob * (1 - prob) / n))


@pytest.mark.parametrize("prob", PROBS)
def test_a_calibrated_forecast_covers_as_often_as_it_says(prob: float) -> None:
    assert abs(coverage_error(1.0, prob)) < 3


@pytest.mark.parametrize("prob", PROBS)
def test_an_over_confident_forecast_does_not(prob: float) -> None:
    """With four fifths of the true spread, the 90 % interval covers 81 %."""
    assert coverage_error(0.8, prob) < -5


@given(forecasts(), st.floats(0.1, 0.8))
def test_a_wider_interval_covers_whatever_a_narrower_one_covers(
    given_: tuple[np.ndarray, np.ndarray], prob: float
) -> None:
    assert (covered(*given_, prob) <= covered(*given_, prob + 0.1)).all()


def negative_binomial(n_units: int, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Counts of mean 12 and variance 12 + 12^2 / 3 = 60."""
    return rng.negative_binomial(3, 3 / 15, (n_units, n_draws)).astype(float)


@pytest.mark.parametrize("n_draws", [200, 1_000])
def test_the_log_score_of_draws_is_nearly_that_of_their_distribution(n_draws: int) -> None:
    """For 2,000 counts of a negative binomial, against its own probabilities: finite draws cost a few hundredths.

    A forecast half as wide is 0.9 worse, so the estimate tells them apart with ease.
    """
    rng = np.random.default_rng(6)
    observed = negative_binomial(2_000, 1, rng)[:, 0]
    exact = scoringrules.logs_negbinom(observed, 3.0, 3 / 15, backend="numpy")
    draws = negative_binomial(2_000, n_draws, rng)
    found = log_score(draws, observed)
    assert found.mean() == pytest.approx(exact.mean(), abs=0.06 if n_draws == 200 else 0.03)
    narrow = np.rint(12 + (draws - 12) / 2)
    assert log_score(narrow, observed).mean() - exact.mean() > 0.8


@given(forecasts())
def test_the_log_score_is_that_of_a_distribution(given_: tuple[np.ndarray, np.ndarray]) -> None:
    """Over all whole numbers within reach, probabilities add up to one but for what the heavy tail holds."""
    draws, _ = given_
    numbers = np.arange(-3_000.0, 3_501)
    probabilities = np.exp(-log_score(np.repeat(draws[:1], len(numbers), axis=0), numbers))
    assert probabilities.sum() == pytest.approx(1, abs=0.03)
    assert (probabilities > 0).all()


def test_what_no_draw_came_near_costs_much_and_not_everything() -> None:
    certain = np.full((3, 100), 7.0)
    hit, near, far = log_score(certain, [7.0, 9.0, 1e6])
    assert hit < 0.02
    assert 5 < near < 15 < far < 60


def test_pit_by_counting() -> None:
    low, high = probability_integral_transform([[1, 2, 2, 3]] * 3, [2, 0, 3])
    assert (low.tolist(), high.tolist()) == ([0.25, 0.0, 0.75], [0.75, 0.0, 1.0])


def test_the_pit_histogram_shares_out_each_observation() -> None:
    """[0.25, 0.75] is the middle two of four bins; a miss below falls into the first, one above into the last."""
    assert pit_histogram([0.25], [0.75], 4).tolist() == [0, 0.5, 0.5, 0]
    assert pit_histogram([0.0, 1.0], [0.0, 1.0], 4).tolist() == [0.5, 0, 0, 0.5]
    assert pit_histogram([0.5], [0.5], 4).tolist() == [0, 1, 0, 0]
    assert pit_histogram([0.2, 0.0], [0.9, 1.0], 7).sum() == pytest.approx(1)


def test_the_pit_histogram_of_a_calibrated_count_forecast_is_flat() -> None:
    """Within four standard errors of each share; draws four fifths as wide pile up at the ends."""
    rng = np.random.default_rng(9)
    n, bins = 4_000, 10
    draws, observed = negative_binomial(n, 500, rng), negative_binomial(n, 1, rng)[:, 0]
    error = 4 * np.sqrt(1 / bins * (1 - 1 / bins) / n)
    flat = pit_histogram(*probability_integral_transform(draws, observed), bins)
    assert np.abs(flat - 1 / bins).max() < error
    narrow = pit_histogram(*probability_integral_transform(12 + 0.8 * (draws - 12), observed), bins)
    assert narrow[-1] > 1 / bins + error


@pytest.mark.parametrize(
    ("draws", "observed"),
    [
        (np.ones((3, 10)), np.ones(10)),  # transposed: it would broadcast where both are equal
        (np.ones((3, 10)), np.ones((3, 1))),
        (np.ones(10), np.ones(10)),
        (np.ones((3, 1)), np.ones(3)),
    ],
)
def test_shapes_that_do_not_belong_together_are_refused(draws: np.ndarray, observed: np.ndarray) -> None:
    for score in (crps, lambda d, o: covered(d, o, 0.5), lambda d, o: weighted_interval_score(d, o, PROBS)):
        with pytest.raises(DataError, match="do not belong"):
            score(draws, observed)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_a_number_is_refused(bad: float) -> None:
    draws, observed = np.ones((2, 3)), np.ones(2)
    for wrong in ((np.where(np.eye(2, 3) > 0, bad, draws), observed), (draws, np.array([1.0, bad]))):
        for score in (crps, lambda d, o: covered(d, o, 0.5), lambda d, o: weighted_interval_score(d, o, PROBS)):
            with pytest.raises(DataError, match="not a number"):
                score(*wrong)
