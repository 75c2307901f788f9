"""People's own pace: discounted sums, what newcomers begin with, and nothing of a week before it is over."""

from __future__ import annotations

import numpy as np

from bayes_backlog.models.own_pace import CARRIED, HALF_LIFE_DAYS, by_person, log_pace, mornings, weekly_pace


def test_a_day_counts_half_after_forty() -> None:
    per_day = np.zeros((HALF_LIFE_DAYS + 1, 2))
    per_day[0] = [8.0, 2.0]
    assert np.allclose(mornings(per_day)[-1], [4.0, 1.0])
    assert np.array_equal(mornings(per_day)[0], [0.0, 0.0])


def test_sums_by_hand() -> None:
    table = by_person(np.array([1, 2, 4]), np.array([0, 0, 2]), np.array([1, 1, 0]), 3, 2)
    assert table.tolist() == [[0, 3], [0, 0], [4, 0]]


def test_twice_the_work_is_less_than_twice_the_pace_and_newcomers_begin_at_one() -> None:
    """Two cases are added to both: 22 of an expected 11 and 2, over the rate of those present alone."""
    cases, fte = np.array([20.0, 2.0, 0.0, 50.0]), np.array([10.0, 10.0, 0.0, 1.0])
    pace = np.exp(log_pace(cases, fte, np.array([True, True, True, False])))
    assert np.allclose(pace[:3], [22 / 13, 4 / 13, 1.0])


def test_what_happens_in_a_week_is_not_known_before_it() -> None:
    """Changing a week's cases leaves its own pace alone and changes the next one's."""
    rng = np.random.default_rng(4)
    week_of_day = np.repeat([3, 4, 6], [2, 5, 4])
    cases, fte = rng.poisson(2.0, (2, 11, 5)).astype(float), np.ones((11, 5))
    pace, week = weekly_pace(cases, fte, week_of_day)
    assert week.tolist() == np.repeat([0, 1, 2], [2, 5, 4]).tolist()
    other = cases.copy()
    other[:, 2:7] = rng.poisson(2.0, (2, 5, 5))
    changed, _ = weekly_pace(other, fte, week_of_day)
    assert np.array_equal(changed[:, :2], pace[:, :2])
    assert not np.allclose(changed[:, 2], pace[:, 2])
    assert np.allclose(pace[:, 0], 0.0)
    assert np.isclose(CARRIED**HALF_LIFE_DAYS, 0.5)
