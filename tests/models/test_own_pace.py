"""People's own pace: discounted sums, what newcomers begin with, and nothing of a week before it is over."""

from __future__ import annotations

import numpy as np

from bayes_backlog.models.own_pace import HALF_LIFE_DAYS, Record, by_person, log_pace, weekly_pace


def nothing_yet(n_people: int) -> Record:
    cases, fte = np.zeros((1, n_people)), np.zeros(n_people)
    return Record(cases, cases, fte, fte)


def test_a_day_counts_half_after_forty() -> None:
    record = nothing_yet(2).a_day_later(np.array([[8.0, 2.0]]), np.ones(2))
    for _ in range(HALF_LIFE_DAYS):
        record = record.a_day_later(np.zeros((1, 2)), np.zeros(2))
    assert np.allclose(record.cases_lately, [[4.0, 1.0]])
    assert np.allclose(record.fte_lately, [0.5, 0.5])
    assert np.array_equal(record.cases, [[8.0, 2.0]])


def test_sums_by_hand() -> None:
    table = by_person(np.array([1, 2, 4]), np.array([0, 0, 2]), np.array([1, 1, 0]), 3, 2)
    assert table.tolist() == [[0, 3], [0, 0], [4, 0]]


def test_pace_is_lately_over_ever_and_newcomers_begin_at_one() -> None:
    """Two cases are added to each count: 22 of an expected 13 lately, 62 of an expected 62 ever."""
    record = Record(
        cases_lately=np.array([[20.0, 2.0, 0.0, 50.0]]),
        cases=np.array([[60.0, 60.0, 0.0, 70.0]]),
        fte_lately=np.array([10.0, 10.0, 0.0, 1.0]),
        fte=np.array([40.0, 40.0, 0.0, 5.0]),
    )
    pace = np.exp(log_pace(record, np.array([True, True, True, False])))
    assert np.allclose(pace[0, :3], [22 / 13, 4 / 13, 1.0])


def test_who_goes_on_as_ever_is_at_one() -> None:
    """Somebody with thrice the work of a colleague, every day alike, approaches 1 as the two added cases fade."""
    fte = np.ones((1000, 2))
    cases = np.tile([[3.0, 1.0]], (1000, 1, 1))
    pace, _, _ = weekly_pace(cases, fte, np.arange(1000) // 5)
    assert np.abs(pace[-1]).max() < 0.05
    changed = cases.copy()
    changed[900:] = 2.0
    assert np.abs(weekly_pace(changed, fte, np.arange(1000) // 5)[0][-1]).min() > 0.2


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
    assert np.array_equal(record.cases, cases.sum(axis=0))
