"""The working calendar: one set of rules for past and future days.

Nothing here depends on the data, so a calendar column of a forecast day means what it meant in training, and a table of
a longer span holds the same values on the days that two spans share.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import holidays
import numpy as np
import numpy.typing as npt
import pandas as pd

from bayes_backlog import config
from bayes_backlog.errors import ConfigError, DataError, nearest

HOLIDAY_CAP = 5
ANNUAL_HARMONICS = 2
SEASONS = ("winter", "spring", "summer", "autumn")
_MARGIN = pd.Timedelta(days=62)
"""Days read beyond a table's ends, so that month ends and near holidays outside it are seen."""


def working_days(first_date: pd.Timestamp, last_date: pd.Timestamp, calendar: config.Calendar) -> pd.DatetimeIndex:
    """Return the days from Monday to Friday that are no bank holiday, both ends inclusive.

    Raises
    ------
    ConfigError
        When the country or subdivision is unknown.
    """
    days = pd.date_range(first_date, last_date, name="date")
    return days[(days.day_of_week < 5) & ~_is_bank_holiday(days, calendar)]


def calendar_table(first_date: pd.Timestamp, last_date: pd.Timestamp, calendar: config.Calendar) -> pd.DataFrame:
    """Return what is known about every calendar day, working or not.

    Parameters
    ----------
    first_date, last_date : Timestamp
        Both inclusive.
    calendar : config.Calendar
        Country and subdivision of the bank holidays; school holidays where they differ from England's.

    Returns
    -------
    DataFrame
        Indexed by `date`: `is_working_day`; `weekday` (0 = Monday); `is_bank_holiday`; `working_days_to_month_end` and
        `working_days_from_month_start` (working days of the month after, and before, this day: 0 on the last and on
        the first working day); `days_to_holiday` and `days_from_holiday` (working days, 0 on a bank holiday, 1 on the
        working day next to it, at most 5); `is_christmas_weeks` (20 December to 4 January); `is_school_term`;
        `season`; `week` (the Monday); `sin_1`, `cos_1`, ... (annual).

    Raises
    ------
    ConfigError
        When the country or subdivision is unknown.
    DataError
        When `last_date` lies before `first_date`.
    """
    if last_date < first_date:
        raise DataError(
            f"the calendar would end ({last_date:%Y-%m-%d}) before it begins ({first_date:%Y-%m-%d}), so there is no "
            f"day to describe. Correct data.first_date or data.as_of."
        )
    wide = pd.date_range(first_date - _MARGIN, last_date + _MARGIN, name="date")
    is_holiday = _is_bank_holiday(wide, calendar)
    is_working = (wide.day_of_week < 5) & ~is_holiday
    # A holiday at a weekend moves nobody's work, so distances look only at those from Monday to Friday.
    to_holiday, from_holiday = _holiday_distances(is_working, is_holiday & (wide.day_of_week < 5))
    working = pd.Series(is_working.astype(np.int64), index=wide)
    month = wide.year * 12 + wide.month
    done = working.groupby(month).cumsum()
    table = pd.DataFrame(
        {
            "is_working_day": is_working,
            "weekday": wide.day_of_week,
            "is_bank_holiday": is_holiday,
            "working_days_to_month_end": working.groupby(month).transform("sum") - done,
            "working_days_from_month_start": done - working,
            "days_to_holiday": to_holiday,
            "days_from_holiday": from_holiday,
            "is_christmas_weeks": _is_christmas_weeks(wide),
            "is_school_term": _is_school_term(wide, calendar),
            "season": pd.Series(np.array(SEASONS)[wide.month % 12 // 3], index=wide, dtype="str"),
            "week": wide - pd.to_timedelta(wide.day_of_week, unit="D"),
        },
        index=wide,
    ).join(fourier_terms(wide, ANNUAL_HARMONICS))
    return table.loc[first_date:last_date]


def roll_to_working_day(dates: pd.Series, working_days: pd.DatetimeIndex) -> pd.Series:
    """Return every date moved to the next working day; dates after the last one move back to it.

    The last rule keeps totals: an event on the weekend that ends the data has no later working day to go to. Missing
    dates stay missing.

    Raises
    ------
    DataError
        When there is no working day to roll to.
    """
    if working_days.empty:
        raise DataError(
            "there is no working day in the period, so no event can be placed on one. "
            "Move data.first_date and data.as_of further apart."
        )
    place = np.minimum(working_days.searchsorted(dates.dt.normalize()), len(working_days) - 1)
    rolled = pd.Series(working_days[place], index=dates.index, name=dates.name)
    return rolled.where(dates.notna())


def fourier_terms(dates: pd.DatetimeIndex, n: int) -> pd.DataFrame:
    """Return `n` pairs of annual waves, columns sin_1, cos_1, ... sin_n, cos_n, indexed by the dates.

    The phase counts days since 2000 in years of 365.2425 days, so it runs smoothly over leap years.
    """
    years = (dates - pd.Timestamp("2000-01-01")).days.to_numpy() / 365.2425
    waves = {
        f"{name}_{k}": wave(2 * np.pi * k * years)
        for k in range(1, n + 1)
        for name, wave in (("sin", np.sin), ("cos", np.cos))
    }
    return pd.DataFrame(waves, index=dates)


def england_school_holidays(year: int) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Return England's school holidays of one year by rule, both days inclusive.

    Local authorities differ by a week here and there; the rule is what most of them do: 20 December to 2 January, a
    week from the Monday on or after 12 February, two weeks around Easter, the week of the last Monday of May,
    22 July to 31 August, and a week from the Monday on or after 22 October.
    """

    def day(month: int, day_of_month: int) -> pd.Timestamp:
        return pd.Timestamp(year, month, day_of_month)

    monday, week = pd.offsets.Week(weekday=0), pd.Timedelta(days=6)
    easter = pd.offsets.Easter().rollforward(day(1, 1))
    february, may, october = (
        monday.rollforward(day(2, 12)),
        monday.rollback(day(5, 31)),
        monday.rollforward(day(10, 22)),
    )
    return [
        (day(1, 1), day(1, 2)),
        (february, february + week),
        (easter - week, easter + pd.Timedelta(days=7)),
        (may, may + week),
        (day(7, 22), day(8, 31)),
        (october, october + week),
        (day(12, 20), day(12, 31)),
    ]


def _is_school_term(days: pd.DatetimeIndex, calendar: config.Calendar) -> npt.NDArray[np.bool_]:
    if calendar.school_holidays is None:
        breaks = [span for year in range(days[0].year, days[-1].year + 1) for span in england_school_holidays(year)]
    else:
        breaks = [(pd.Timestamp(h.first_date), pd.Timestamp(h.last_date)) for h in calendar.school_holidays]
    in_term = np.ones(len(days), dtype=bool)
    for first_day, last_day in breaks:
        in_term[(days >= first_day) & (days <= last_day)] = False
    return in_term


def _is_christmas_weeks(days: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
    month, day = days.month, days.day
    return np.asarray(((month == 12) & (day >= 20)) | ((month == 1) & (day <= 4)))


def _is_bank_holiday(days: pd.DatetimeIndex, calendar: config.Calendar) -> npt.NDArray[np.bool_]:
    if days.empty:
        return np.zeros(0, dtype=bool)
    found = _bank_holidays(calendar.country, calendar.subdivision, days[0].year, days[-1].year)
    return np.asarray(days.isin(pd.DatetimeIndex(found)))


@lru_cache(maxsize=64)
def _bank_holidays(country: str, subdivision: str | None, first_year: int, last_year: int) -> tuple[date, ...]:
    try:
        found = holidays.country_holidays(country, subdiv=subdivision, years=range(first_year, last_year + 1))
    except NotImplementedError as error:
        raise ConfigError(_unknown_place(country, subdivision)) from error
    return tuple(sorted(found))


def _unknown_place(country: str, subdivision: str | None) -> str:
    known = holidays.list_supported_countries()
    if country not in known:
        return f"calendar.country '{country}' is not a country whose bank holidays are known. {nearest(country, known)}"
    advice = nearest(str(subdivision), known[country]) if known[country] else "Leave calendar.subdivision empty."
    return f"calendar.subdivision '{subdivision}' is not a part of {country} whose bank holidays are known. {advice}"


def _holiday_distances(
    is_working: npt.NDArray[np.bool_], is_holiday: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Working days in [day, next holiday) and in (last holiday, day], capped."""
    before = np.concatenate([[0], np.cumsum(is_working)])
    index = np.arange(len(is_working))
    holiday = np.flatnonzero(is_holiday)
    if not holiday.size:
        far = np.full(len(index), HOLIDAY_CAP)
        return far, far.copy()
    following, preceding = np.searchsorted(holiday, index), np.searchsorted(holiday, index, side="right") - 1
    ahead = before[holiday[np.minimum(following, len(holiday) - 1)]] - before[index]
    behind = before[index + 1] - before[holiday[np.maximum(preceding, 0)]]
    ahead = np.where(following < len(holiday), ahead, HOLIDAY_CAP)
    behind = np.where(preceding >= 0, behind, HOLIDAY_CAP)
    return np.minimum(ahead, HOLIDAY_CAP), np.minimum(behind, HOLIDAY_CAP)
