"""Odd days: defaults and future typos are found, month-end rushes and thin tails are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.cases.implausible import bulk_day, last_credible_date, lonely_days

WORKING_DAYS = pd.Series(pd.bdate_range("2023-01-02", "2025-06-30"))


def with_days(*extra: str, times: int = 1) -> pd.Series:
    days = np.concatenate([WORKING_DAYS.to_numpy(), *(np.full(times, pd.Timestamp(day)) for day in extra)])
    return pd.Series(days.astype("datetime64[us]"))


def last(days: pd.Series) -> pd.Timestamp | None:
    return last_credible_date(pd.DataFrame({"dt_close": days}))


@pytest.mark.parametrize("default", ["1999-01-01", "2049-12-31"])
def test_a_default_is_a_sentinel_and_a_typo_a_stray(default: str) -> None:
    assert lonely_days(with_days(default, times=5)).sentinels.tolist() == [pd.Timestamp(default)]
    lonely = lonely_days(with_days(default, times=4))
    assert lonely.sentinels.empty
    assert lonely.strays.tolist() == [pd.Timestamp(default)]


def test_two_defaults_are_both_found() -> None:
    assert len(lonely_days(with_days("1999-01-01", "2009-01-01", times=9)).sentinels) == 2


@pytest.mark.parametrize("days", [WORKING_DAYS, WORKING_DAYS.head(1), WORKING_DAYS.head(0)])
def test_ordinary_days_are_not_lonely(days: pd.Series) -> None:
    lonely = lonely_days(days)
    assert lonely.sentinels.empty
    assert lonely.strays.empty


def test_a_clean_up_day_is_bulk() -> None:
    assert bulk_day(with_days("2024-03-05", times=60)) == pd.Timestamp("2024-03-05")


def test_month_end_rushes_are_not_bulk() -> None:
    rush = pd.date_range("2023-01-31", "2025-05-31", freq="BME")
    assert bulk_day(with_days(*map(str, rush), times=60)) is None


@pytest.mark.parametrize("days", [WORKING_DAYS, WORKING_DAYS.head(0), pd.Series([WORKING_DAYS[0]] * 10)])
def test_ordinary_days_are_not_bulk(days: pd.Series) -> None:
    assert bulk_day(days) is None


@pytest.mark.parametrize("typo", ["2025-07-30", "2035-05-12"])
def test_a_future_typo_is_not_the_last_day(typo: str) -> None:
    assert last(with_days(typo)) == pd.Timestamp("2025-06-30")


def test_several_typos_in_different_years() -> None:
    assert last(with_days("2031-02-01", "2035-05-12", "2049-01-09")) == pd.Timestamp("2025-06-30")


def test_work_that_goes_on_after_a_break_is_the_last_day() -> None:
    resumed = pd.Series(pd.bdate_range("2026-02-02", "2026-06-30").astype("datetime64[us]"))
    assert last(pd.concat([with_days(), resumed])) == pd.Timestamp("2026-06-30")


def test_slow_offices_have_long_gaps() -> None:
    slow = pd.Series(pd.to_datetime(["2024-01-10", "2024-03-05", "2024-05-20", "2024-06-28", "2024-09-02"]))
    assert last(slow) == pd.Timestamp("2024-09-02")


def test_no_dates_give_none() -> None:
    assert last(WORKING_DAYS.head(0)) is None
