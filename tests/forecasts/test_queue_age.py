"""The age of the queue against one worked out case by case, and its order measured on queues whose order is known."""

from __future__ import annotations

from collections import deque

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bayes_backlog.forecasts.queue_age import (
    MEASURES,
    THRESHOLDS,
    first_in_first_out,
    from_both_ends,
    misaged_share,
    queue_age_table,
    queue_order,
    share_over,
    waiting_cases,
)
from bayes_backlog.panels import Panels

CUTOFF = pd.Timestamp("2025-06-30")
HORIZON = 25


def queue_of(ages: list[int]) -> pd.Series:
    """Cases of these ages at the cutoff."""
    return (
        pd.Series([CUTOFF - pd.Timedelta(days=age) for age in ages], dtype="datetime64[us]").value_counts().sort_index()
    )


def case_by_case(
    ages: list[int], received: list[int], left: list[int], oldest_first: float = 1.0
) -> tuple[np.ndarray, dict[str, list[float]]]:
    """Return the backlog and ages of one queue, every case in its place in a line.

    Of the first k cases to leave, floor(share * k) leave at the head; a day's oldest leave before its newest.
    """
    line = deque(sorted(-age for age in ages))
    backlog, found = [], {measure: [] for measure in MEASURES}
    gone = 0
    for day, (came, went) in enumerate(zip(received, left, strict=True), start=1):
        line.extend([day] * came)
        leaving = min(went, len(line))
        at_head = int(oldest_first * (gone + leaving)) - int(oldest_first * gone)
        gone += leaving
        for _ in range(at_head):
            line.popleft()
        for _ in range(leaving - at_head):
            line.pop()
        waited = sorted(day - since for since in line)
        backlog.append(len(waited))
        for limit in THRESHOLDS:
            found[share_over(limit)].append(float(np.mean([age > limit for age in waited])) if waited else 0.0)
        for measure, level in (("median_age", 0.5), ("p90_age", 0.9), ("oldest_age", 1.0)):
            found[measure].append(waited[int(np.ceil(level * len(waited))) - 1] if waited else 0)
    return np.array(backlog), found


few = st.integers(0, 4)
futures = st.lists(st.tuples(few, few), min_size=HORIZON, max_size=HORIZON)


@given(ages=st.lists(st.integers(0, 120), max_size=40), paths=st.lists(futures, min_size=1, max_size=4))
def test_ages_are_those_of_a_line_served_from_its_head(ages: list[int], paths: list[list[tuple[int, int]]]) -> None:
    received = np.array([[came for came, _ in path] for path in paths])
    lines = [case_by_case(ages, *map(list, zip(*path, strict=True))) for path in paths]
    backlog = np.array([stock for stock, _ in lines])
    dates = pd.date_range(CUTOFF + pd.Timedelta(days=1), periods=HORIZON)
    found = first_in_first_out(queue_of(ages), received, backlog, dates)
    for measure in MEASURES:
        np.testing.assert_allclose(found[measure], [ages[measure] for _, ages in lines], err_msg=measure)


@given(
    ages=st.lists(st.integers(0, 120), max_size=40),
    paths=st.lists(futures, min_size=1, max_size=4),
    oldest_first=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
)
def test_ages_are_those_of_a_line_served_from_both_ends(
    ages: list[int], paths: list[list[tuple[int, int]]], oldest_first: float
) -> None:
    received = np.array([[came for came, _ in path] for path in paths])
    lines = [case_by_case(ages, *map(list, zip(*path, strict=True)), oldest_first) for path in paths]
    backlog = np.array([stock for stock, _ in lines])
    dates = pd.date_range(CUTOFF + pd.Timedelta(days=1), periods=HORIZON)
    found = from_both_ends(queue_of(ages), received, backlog, dates, oldest_first)
    for measure in MEASURES:
        np.testing.assert_allclose(found[measure], [ages[measure] for _, ages in lines], err_msg=measure)


def test_the_order_of_service_decides_who_waits_and_not_how_many() -> None:
    """One case in and one out a day: first in, first out renews the queue; the other way round the old ones stay."""
    dates = pd.date_range(CUTOFF + pd.Timedelta(days=1), periods=60)
    steady, queue = np.full((1, 60), 1), queue_of([5, 4, 3, 2])
    there = xr.Dataset(
        {
            name: (("chain", "draw", "date"), values[None])
            for name, values in (("received", steady), ("backlog", 4 * steady))
        },
        coords={"date": dates},
    )

    def oldest(share: float) -> float:
        table = queue_age_table(there, queue, CUTOFF, share)
        return float(table.loc[table["measure"] == "oldest_age", "mean"].iloc[-1])

    assert [oldest(share) for share in (1.0, 0.0)] == [3, 65]
    assert oldest(1.0) < oldest(0.5) < oldest(0.0)
    assert queue_age_table(there, queue, CUTOFF, 1.0).equals(queue_age_table(there, queue, CUTOFF))


def test_a_queue_is_not_older_than_what_it_began_with() -> None:
    """Nothing leaves: every age grows by a day a day, and the shares are those of the cases there."""
    dates = pd.date_range(CUTOFF + pd.Timedelta(days=1), periods=40)
    still = first_in_first_out(queue_of([70, 25, 25, 0]), np.zeros((1, 40), int), np.full((1, 40), 4), dates)
    assert still["oldest_age"][0].tolist() == list(range(71, 111))
    assert still["median_age"][0, 0] == 26
    assert still["share_over_30"][0, [4, 5]].tolist() == [0.25, 0.75]
    assert still["share_over_90"][0, [19, 20]].tolist() == [0.0, 0.25]


def test_dates_in_disorder_leave_no_negative_or_missing_ages() -> None:
    """A backlog below zero, or above all cases known to wait, is what contradictory dates leave behind."""
    dates = pd.date_range(CUTOFF + pd.Timedelta(days=1), periods=2)
    ages = first_in_first_out(queue_of([5]), np.zeros((1, 2), int), np.array([[-3, 7]]), dates)
    assert ages["oldest_age"].tolist() == [[0, 7]]
    nobody = first_in_first_out(queue_of([]), np.zeros((2, 2), int), np.zeros((2, 2), int), dates)
    assert all((values == 0).all() for values in nobody.values())


def test_the_table_has_every_measure_on_every_day() -> None:
    dates = pd.date_range(CUTOFF + pd.Timedelta(days=1), periods=3)
    dims = ("chain", "draw", "date")
    draws = xr.Dataset(
        {"received": (dims, np.ones((1, 2, 3), int)), "backlog": (dims, np.array([[[1, 1, 1], [4, 4, 4]]]))},
        coords={"date": dates},
    )
    table = queue_age_table(draws, queue_of([10, 40, 40]), CUTOFF)
    assert list(table)[:4] == ["measure", "target_date", "horizon_days", "mean"]
    assert set(table["measure"]) == set(MEASURES)
    oldest = table.query("measure == 'oldest_age'")
    # One draw keeps the case of the day; the other four, of which the last case of 40 days leaves on the third day.
    assert oldest["mean"].tolist() == [20.5, 21.0, 6.5]
    assert oldest["horizon_days"].tolist() == [1, 2, 3]


def test_the_real_queue_is_the_backlog_of_the_cutoff(small_panels: Panels) -> None:
    office = small_panels.caseload.query("level == 'office'").set_index("date")["backlog"]
    for date in (small_panels.as_of, small_panels.as_of - pd.Timedelta(days=100)):
        queue = waiting_cases(small_panels.events, date)
        assert queue.sum() == office[date]
        assert queue.index.max() <= date


def served(*, oldest_first: bool) -> pd.DataFrame:
    """Events of an office that receives two cases a day and starts one, from a queue that only grows."""
    dates = pd.date_range("2024-01-01", CUTOFF)
    waiting: list[str] = []
    rows = []
    for day, date in enumerate(dates):
        for k in range(2):
            waiting.append(f"C{day:04d}-{k}")
            rows.append((date, waiting[-1], "received"))
        rows.append((date, waiting.pop(0 if oldest_first else -1), "allocated"))
    return pd.DataFrame(rows, columns=["date", "case_id", "event"])


def test_a_queue_served_oldest_first_is_aged_exactly() -> None:
    order = queue_order(served(oldest_first=True), CUTOFF, 90)
    assert (order["predicted"] == order["observed"]).all()
    assert misaged_share(order).tolist() == [0.0] * order["target_date"].nunique()
    assert order["target_date"].max() == CUTOFF
    assert ((order["target_date"] - order["cutoff"]).dt.days == 90).all()


def test_a_queue_served_newest_first_is_seen_to_be_misaged() -> None:
    """The assumption fails here: nearly everything that waits is old, which first in, first out would have served."""
    wrong = misaged_share(queue_order(served(oldest_first=False), CUTOFF, 90))
    assert (wrong > 0.15).all()
    oldest = queue_order(served(oldest_first=False), CUTOFF, 90).query("measure == 'oldest_age'")
    assert (oldest["predicted"] < oldest["observed"]).all()


def test_misaged_cases_are_those_that_would_have_to_move() -> None:
    """Observed: all over 90 days. Predicted: a fifth each in the middle bands, three fifths over 90."""
    rows = [("share_over_30", 1.0, 1.0), ("share_over_60", 1.0, 0.8), ("share_over_90", 1.0, 0.6)]
    order = pd.DataFrame(rows, columns=["measure", "observed", "predicted"]).assign(target_date=CUTOFF)
    assert misaged_share(order).tolist() == [pytest.approx(0.4)]


def test_a_log_too_short_says_nothing_of_the_order() -> None:
    short = served(oldest_first=True).query("date > '2025-05-01'")
    assert queue_order(short, CUTOFF, 90).empty
