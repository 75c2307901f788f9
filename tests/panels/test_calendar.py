"""The working calendar against published dates and a brute-force second implementation."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_backlog.config import Calendar, SchoolHoliday
from bayes_backlog.errors import ConfigError, DataError
from bayes_backlog.panels.calendar import (
    HOLIDAY_CAP,
    calendar_table,
    fourier_terms,
    roll_to_working_day,
    working_days,
)

ENGLAND = Calendar()
day = pd.Timestamp


def table(first: str, last: str, calendar: Calendar = ENGLAND) -> pd.DataFrame:
    return calendar_table(day(first), day(last), calendar)


def test_working_days_leave_out_weekends_and_bank_holidays() -> None:
    easter = working_days(day("2025-04-16"), day("2025-04-23"), ENGLAND)
    assert [d.day for d in easter] == [16, 17, 22, 23]


def test_holidays_are_those_of_the_place() -> None:
    st_andrews, thanksgiving = "2023-11-30", "2023-11-23"
    assert table(st_andrews, st_andrews, Calendar(subdivision="SCT"))["is_bank_holiday"].all()
    assert not table(st_andrews, st_andrews)["is_bank_holiday"].any()
    assert table(thanksgiving, thanksgiving, Calendar(country="US", subdivision="IL"))["is_bank_holiday"].all()


def test_month_end_counts_working_days() -> None:
    may = table("2025-05-01", "2025-05-31")
    # Friday 30 May is the last working day; Saturday the 31st has none left either.
    assert may.loc["2025-05-28":"2025-05-31", "working_days_to_month_end"].tolist() == [2, 1, 0, 0]
    assert may.loc["2025-05-01":"2025-05-07", "working_days_from_month_start"].tolist() == [0, 1, 2, 2, 2, 2, 3]


def test_holiday_distances_are_zero_on_the_holiday_and_one_next_to_it() -> None:
    easter = table("2025-04-09", "2025-04-30")
    # Good Friday is the 18th, Easter Monday the 21st, early May bank holiday the 5th.
    assert easter.loc["2025-04-09":"2025-04-18", "days_to_holiday"].tolist() == [5, 5, 5, 4, 4, 4, 3, 2, 1, 0]
    assert easter.loc["2025-04-18":"2025-04-23", "days_from_holiday"].tolist() == [0, 0, 0, 0, 1, 2]
    assert easter.loc["2025-04-30", "days_from_holiday"] == HOLIDAY_CAP


def test_christmas_weeks_season_and_week() -> None:
    winter = table("2024-12-19", "2025-01-05")
    assert winter.index[winter["is_christmas_weeks"]].strftime("%d %b").tolist()[:: len(winter) - 3] == [
        "20 Dec",
        "04 Jan",
    ]
    assert table("2025-02-28", "2025-03-01")["season"].tolist() == ["winter", "spring"]
    assert table("2025-01-05", "2025-01-06")["week"].dt.day.tolist() == [30, 6]


@pytest.mark.parametrize(
    ("when", "in_term"),
    [
        ("2024-02-14", False),  # half-term week of 12 to 16 February 2024
        ("2025-02-19", False),  # half-term week of 17 to 21 February 2025
        ("2025-04-16", False),  # week before Easter
        ("2025-05-28", False),  # half-term week of the late May bank holiday
        ("2025-08-15", False),
        ("2024-10-30", False),  # half-term week of 28 October to 1 November 2024
        ("2025-12-29", False),
        ("2025-03-12", True),
        ("2025-06-18", True),
        ("2025-11-12", True),
        ("2031-03-12", True),  # the rule needs no table, so it knows years to come
    ],
)
def test_school_terms_of_england(when: str, in_term: bool) -> None:
    assert table(when, when)["is_school_term"].tolist() == [in_term]


def test_given_school_holidays_replace_the_rule() -> None:
    own = Calendar(school_holidays=(SchoolHoliday(first_date=date(2025, 3, 11), last_date=date(2025, 3, 12)),))
    assert table("2025-03-10", "2025-03-13", own)["is_school_term"].tolist() == [True, False, False, True]
    assert table("2025-08-15", "2025-08-15", own)["is_school_term"].all()


@pytest.mark.parametrize(
    ("calendar", "words"),
    [
        (Calendar(country="England"), "calendar.country 'England'"),
        (Calendar(subdivision="ENX"), "Did you mean 'ENG'?"),
        (Calendar(country="US", subdivision="ILL"), "Did you mean 'IL'?"),
    ],
)
def test_unknown_places_are_refused_with_the_nearest(calendar: Calendar, words: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        table("2025-01-01", "2025-01-02", calendar)
    assert words in str(refusal.value)


def test_a_calendar_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(DataError, match=r"data\.as_of"):
        table("2025-01-02", "2025-01-01")


def test_events_roll_to_the_next_working_day_and_at_the_end_back() -> None:
    days = working_days(day("2025-04-14"), day("2025-04-27"), ENGLAND)
    dates = pd.Series(pd.to_datetime(["2025-04-17", "2025-04-18", "2025-04-20", "2025-04-26", None]))
    rolled = roll_to_working_day(dates, days)
    assert rolled.dt.strftime("%d").tolist()[:4] == ["17", "22", "22", "25"]
    assert rolled.isna().tolist() == [False] * 4 + [True]


def test_rolling_needs_a_working_day() -> None:
    weekend = working_days(day("2025-04-19"), day("2025-04-20"), ENGLAND)
    with pytest.raises(DataError, match="no working day"):
        roll_to_working_day(pd.Series([day("2025-04-19")]), weekend)


def test_fourier_terms_are_annual_waves() -> None:
    waves = fourier_terms(pd.date_range("2000-01-01", periods=1461), 3)
    assert waves.columns.tolist() == ["sin_1", "cos_1", "sin_2", "cos_2", "sin_3", "cos_3"]
    np.testing.assert_allclose(waves.iloc[0], [0, 1, 0, 1, 0, 1], atol=1e-12)
    # Four years of whole waves sum to nothing and are uncorrelated.
    np.testing.assert_allclose(waves.sum(), 0, atol=0.1)
    np.testing.assert_allclose(waves.T @ waves / 1461, np.eye(6) / 2, atol=1e-3)


def _slow_row(when: pd.Timestamp) -> tuple[int, int, int, int]:
    """Month-end and holiday distances of one day, by walking day by day."""
    around = pd.date_range(when - pd.Timedelta(days=60), when + pd.Timedelta(days=60))
    working = set(working_days(around[0], around[-1], ENGLAND))
    closed = {d for d in around if d.weekday() < 5 and d not in working}
    month = [d for d in around if (d.year, d.month) == (when.year, when.month) and d in working]
    following = next((d for d in around if d >= when and d in closed), around[-1])
    preceding = next((d for d in around[::-1] if d <= when and d in closed), around[0])
    return (
        sum(d > when for d in month),
        sum(d < when for d in month),
        min(sum(when <= d < following for d in working), HOLIDAY_CAP),
        min(sum(preceding < d <= when for d in working), HOLIDAY_CAP),
    )


@settings(max_examples=40, deadline=None)
@given(st.dates(date(2005, 1, 1), date(2035, 12, 31)), st.integers(0, 40), st.integers(0, 40))
def test_a_day_reads_the_same_in_every_table(when: date, before: int, after: int) -> None:
    here = pd.Timestamp(when)
    long = calendar_table(here - pd.Timedelta(days=before), here + pd.Timedelta(days=after), ENGLAND)
    pd.testing.assert_series_equal(long.loc[here], calendar_table(here, here, ENGLAND).loc[here])
    columns = ["working_days_to_month_end", "working_days_from_month_start", "days_to_holiday", "days_from_holiday"]
    assert tuple(long.loc[here, columns]) == _slow_row(here)
