"""Text becomes a day by an explicit format, or it is not read at all.

Each distinct text is parsed once. ISO text is year first, everything else day first, and an Excel serial counts only
between 20000 and 80000 (the years 1954 to 2119). Whatever else it may be ("12/05/2025 - chased", "2024", "05/13/2025")
is handed back with the reason; nothing is repaired by guessing.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

NULL_STRINGS = frozenset(
    {
        "",
        "na",
        "n/a",
        "n\\a",
        "none",
        "null",
        "nan",
        "nat",
        "-",
        "--",
        "unknown",
        "not completed",
        "not complete",
        "tbc",
    }
)
SERIAL_FIRST, SERIAL_LAST = 20_000, 80_000
NOT_A_DAY = np.datetime64("NaT", "D")
SERIAL_ORIGIN = np.datetime64("1899-12-30", "D")
MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
MONTH_NUMBERS: dict[str, int] = {
    name: number for number, month in enumerate(MONTHS, start=1) for name in (month, month[:3])
} | {"sept": 9}
TWO_DIGIT_PIVOT = 70
"""Two-digit years below it are 20yy, the others 19yy."""

STYLES = ("year-month-day", "day/month/year", "day-month-year", "day month-name year")
SERIAL_STYLE, MONTH_FIRST = "spreadsheet serial", "month/day/year"
"""How dates are written, in the order of `_FORMATS`; the serial is a number of days, month first cannot be read."""
MAX_SWAPPED_SHARE, FEW_SWAPPED = 0.01, 2
"""More dates whose month is over 12 than this mean that a column writes the month first."""

UNREADABLE = "not a date in a known format"
NO_SUCH_DAY = "no such day"
SWAPPED = "no such day; day and month look swapped"
IMPLAUSIBLE = "outside the plausible dates"

_ZONE = r"(?P<zone> ?(?:z|utc|gmt|bst|[+-]\d{2}(?::?\d{2})?))?"
_TIME = rf"(?:(?:t| |, )\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d+)?)?(?: ?[ap]m)?{_ZONE})?$"
_FORMATS = (
    rf"(?a)^(?P<year>\d{{4}})(?P<mark>[-/])(?P<month>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}}){_TIME}",
    rf"(?a)^(?P<day>\d{{1,2}})(?P<mark>[/.])(?P<month>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}|\d{{2}}){_TIME}",
    rf"(?a)^(?P<day>\d{{1,2}})-(?P<month>\d{{1,2}})-(?P<year>\d{{4}}){_TIME}",
    rf"(?a)^(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[ -/]?(?P<month>[a-z]{{3,9}})[ -/,]? ?(?P<year>\d{{4}}|\d{{2}}){_TIME}",
)
_SERIAL = r"(?a)^(\d{5})(?:\.\d+)?$"


def parse_dates(texts: pd.Index, first_date: date, last_date: date) -> pd.DataFrame:
    """Parse distinct texts into days.

    Parameters
    ----------
    texts : Index of str
        Distinct values, in any case.
    first_date, last_date : date
        Plausible dates, both inclusive.

    Returns
    -------
    DataFrame
        Indexed by text: `date` (datetime64, midnight; NaT where missing or unusable), `reason` (str; "" where the text
        is a date or stands for a missing one) and `has_zone` (bool; the local day as written is kept).
    """
    plain = pd.Series(texts, index=texts, dtype="str").str.strip().str.casefold()
    days = np.full(len(plain), NOT_A_DAY)
    reason = np.full(len(plain), "", dtype=object)
    has_zone = np.zeros(len(plain), dtype=bool)
    left = ~plain.isin(NULL_STRINGS).to_numpy()
    for pattern in _FORMATS:
        if not left.any():
            break
        place, parts = _matches(plain, left, pattern)
        year, month, day = _numbers(parts)
        days[place] = _days(year, month, day)
        reason[place] = _why_no_day(days[place], year, month, day)
        has_zone[place] = parts["zone"].notna()
        left[place] = False
    place, parts = _matches(plain, left, _SERIAL)
    serial = parts[0].astype("int64").to_numpy()
    is_serial = (serial >= SERIAL_FIRST) & (serial <= SERIAL_LAST)
    days[place[is_serial]] = SERIAL_ORIGIN + serial[is_serial].astype("timedelta64[D]")
    left[place[is_serial]] = False
    reason[left] = UNREADABLE
    outside = (days < np.datetime64(first_date, "D")) | (days > np.datetime64(last_date, "D"))
    reason[outside] = f"{IMPLAUSIBLE} {first_date} to {last_date}"
    days[outside] = NOT_A_DAY
    return pd.DataFrame({"date": days.astype("datetime64[us]"), "reason": reason, "has_zone": has_zone}, index=texts)


def date_style(texts: pd.Series) -> str:
    """Return how most texts write a date, `MONTH_FIRST` where some can only be read so, "" where none is a date."""
    plain = texts.str.strip().str.casefold()
    forms = dict(zip((*STYLES, SERIAL_STYLE), (*_FORMATS, _SERIAL), strict=True))
    share = {style: plain.str.extract(form).iloc[:, 0].notna().sum() for style, form in forms.items()}
    style = max(share, key=lambda name: share[name])
    if not share[style]:
        return ""
    days = parse_dates(pd.Index(plain.unique()), date.min, date.max)
    swapped = int(plain.isin(days.index[days["reason"] == SWAPPED]).sum())
    return MONTH_FIRST if swapped > max(FEW_SWAPPED, MAX_SWAPPED_SHARE * len(plain)) else style


def _matches(plain: pd.Series, left: np.ndarray, pattern: str) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the positions among `left` that match, and their groups."""
    places = np.flatnonzero(left)
    parts = plain.iloc[places].str.extract(pattern)
    matched = parts.iloc[:, 0].notna().to_numpy()
    return places[matched], parts[matched]


def _numbers(parts: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return year, month and day as integers; month 0 where the month's name is unknown."""
    year = parts["year"].astype("int64").to_numpy()
    short = parts["year"].str.len().eq(2).to_numpy()
    year = np.where(short, year + np.where(year < TWO_DIGIT_PIVOT, 2000, 1900), year)
    month = parts["month"].map(lambda text: int(text) if text.isdigit() else MONTH_NUMBERS.get(text, 0))
    return year, month.to_numpy(dtype="int64"), parts["day"].astype("int64").to_numpy()


def _days(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return the days as datetime64[D], NaT where the calendar has no such day."""
    is_month = (month >= 1) & (month <= 12)
    start = ((year - 1970) * 12 + np.where(is_month, month, 1) - 1).astype("datetime64[M]")
    first = start.astype("datetime64[D]")
    length = ((start + np.timedelta64(1, "M")).astype("datetime64[D]") - first).astype("int64")
    exists = is_month & (day >= 1) & (day <= length)
    return np.where(exists, first + (day - 1).astype("timedelta64[D]"), NOT_A_DAY)


def _why_no_day(days: np.ndarray, year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    swapped = (month > 12) & ~np.isnat(_days(year, day, month))
    return np.where(~np.isnat(days), "", np.where(swapped, SWAPPED, NO_SUCH_DAY))
