"""People's own pace: discounted sums, what newcomers begin with, and nothing of a week before it is over."""

from __future__ import annotations

import numpy as np

from bayes_backlog.models.own_pace import HALF_LIFE_DAYS, Record, by_person, log_pace, weekly_pace


def nothing_yet(n_people: int) -> Record:
    cases, fte = np.zeros((1, n_people)), np.zeros(n_people)
    return Record(cases, fte)


def test_a_day_counts_half_after_forty() -> None:
    record = nothing_yet(2).a_day_later(np.array([[8.0, 2.0]]), np.ones(2))
    for _ in range(HALF_LIFE_DAYS):
        record = record.a_day_later(np.zeros((1, 2)), np.zeros(2))
    assert np.allclose(record.cases, [[4.0, 1.0]])
    assert np.allclose(record.fte, [0.5, 0.5])


def test_sums_by_hand() -> None:
    table = by_person(np.array([1, 2, 4]), np.array([0, 0, 2]), np.array([1, 1, 0]), 3, 2)
    assert table.tolist() == [[0, 3], [0, 0], [4, 0]]


def test_pace_is_cases_over_what_hours_account_for_and_newcomers_begin_at_one() -> None:
    """Two cases are added to each count: 22 of an expected 13 for half of the cases of those present; 2 of 2."""
    record = Record(cases=np.array([[20.0, 2.0, 0.0, 50.0]]), fte=np.array([10.0, 10.0, 0.0, 1.0]))
    pace = np.exp(log_pace(record, np.array([True, True, True, False])))
    assert np.allclose(pace[0, :3], [22 / 13, 4 / 13, 1.0])


def test_a_change_of_duties_is_soon_the_pace() -> None:
    """Thrice the work of a colleague is a pace of 1.5 against 0.5; equal work a while later is one of 1 for both."""
    cases = np.tile([[3.0, 1.0]], (1000, 1, 1))
    cases[600:] = 2.0
    pace, _, _ = weekly_pace(cases, np.ones((1000, 2)), np.arange(1000) // 5)
    assert np.allclose(np.exp(pace[119, 0]), [1.5, 0.5], atol=0.02)
    assert np.allclose(np.exp(pace[-1, 0]), 1.0, atol=0.01)


def test_what_happens_in_a_week_is_not_known_before_it() -> None:
    """Changing a week's cases leaves its own pace alone and changes the next one's."""
    rng = np.random.default_rng(4)
    week_of_day = np.repeat([3, 4, 6], [2, 5, 4])
    cases, fte = rng.poisson(2.0, (11, 2, 5)).astype(float), np.ones((11, 5))
    pace, week, record = weekly_pace(cases, fte, week_of_day)
    assert week.tolist() == np.repeat([0, 1, 2], [2, 5, 4]).tolist()
    other = cases.copy()
    other[2:7] = rng.poisson(2.0, (5, 2, 5))
    changed, _, _ = weekly_pace(other, fte, week_of_day)
    assert np.array_equal(changed[:2], pace[:2])
    assert not np.allclose(changed[2], pace[2])
    assert np.allclose(pace[0], 0.0)
    assert (record.cases < cases.sum(axis=0)).any()
