"""Dates: what is read, what is refused, and that no ISO date is ever day-first."""

from __future__ import annotations

from datetime import date, datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayes_backlog.cases.dates import IMPLAUSIBLE, NO_SUCH_DAY, NULL_STRINGS, SWAPPED, UNREADABLE, parse_dates

FIRST, LAST = date(1990, 1, 1), date(2050, 12, 31)


def parse(*texts: str) -> pd.DataFrame:
    return parse_dates(pd.Index(texts, dtype="str"), FIRST, LAST)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("12/05/2025", "2025-05-12"),
        ("5/6/25", "2025-06-05"),
        ("1.2.2024", "2024-02-01"),
        ("12-05-2025", "2025-05-12"),
        ("31/12/99", "1999-12-31"),
        ("2025-05-12", "2025-05-12"),
        ("2025-5-1", "2025-05-01"),
        ("2025/05/12", "2025-05-12"),
        ("2025-05-12 00:00:00", "2025-05-12"),
        ("2025-05-12T23:59:59.999", "2025-05-12"),
        ("12/05/2025 10:15", "2025-05-12"),
        ("12/05/2025, 3:04 PM", "2025-05-12"),
        ("12-May-2025", "2025-05-12"),
        ("12-MAY-25", "2025-05-12"),
        ("12 May, 2025", "2025-05-12"),
        ("1st Jan 2025", "2025-01-01"),
        ("2nd January 2025", "2025-01-02"),
        ("3rd Sept 2024", "2024-09-03"),
        ("24th dec 2024", "2024-12-24"),
        ("45786", "2025-05-09"),
        ("45786.75", "2025-05-09"),
        ("36526", "2000-01-01"),
        ("29/02/2024", "2024-02-29"),
        ("  12/05/2025 ", "2025-05-12"),
    ],
)
def test_reads(text: str, day: str) -> None:
    row = parse(text).iloc[0]
    assert row["date"] == pd.Timestamp(day)
    assert row["reason"] == ""
    assert not row["has_zone"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("05/13/2025", SWAPPED),
        ("2025-13-05", SWAPPED),
        ("31/02/2025", NO_SUCH_DAY),
        ("29/02/2023", NO_SUCH_DAY),
        ("00/01/2025", NO_SUCH_DAY),
        ("1 Foo 2024", NO_SUCH_DAY),
        ("2024", UNREADABLE),
        ("20250512", UNREADABLE),
        ("12052025", UNREADABLE),
        ("19999", UNREADABLE),
        ("80001", UNREADABLE),
        ("12-05-25", UNREADABLE),
        ("12/05/2025 - chased", UNREADABLE),
        ("12/05.2025", UNREADABLE),
        ("see notes", UNREADABLE),
        ("٣/٤/2025", UNREADABLE),
        ("1900-01-01", IMPLAUSIBLE),
        ("0205-01-02", IMPLAUSIBLE),
        ("01/01/2205", IMPLAUSIBLE),
        ("20000", IMPLAUSIBLE),
    ],
)
def test_hands_back_with_reason(text: str, reason: str) -> None:
    row = parse(text).iloc[0]
    assert pd.isna(row["date"])
    assert row["reason"].startswith(reason)


@pytest.mark.parametrize("text", [*sorted(NULL_STRINGS), "N/A", "Not Completed", "N\\A", "TBC", "Unknown"])
def test_null_strings_are_missing_without_complaint(text: str) -> None:
    row = parse(text).iloc[0]
    assert pd.isna(row["date"])
    assert row["reason"] == ""


@pytest.mark.parametrize("text", ["2025-05-12T09:30Z", "2025-05-12 09:30:00+01:00", "2025-05-12 09:30 UTC"])
def test_time_zone_is_noticed_and_the_written_day_kept(text: str) -> None:
    row = parse(text).iloc[0]
    assert row["has_zone"]
    assert row["date"] == pd.Timestamp("2025-05-12")


def test_plausible_window_is_inclusive() -> None:
    table = parse("1990-01-01", "1989-12-31", "2050-12-31", "2051-01-01")
    assert table["date"].notna().tolist() == [True, False, True, False]


def test_no_texts_give_an_empty_table() -> None:
    assert parse().empty


@given(day=st.dates(FIRST, LAST))
def test_every_day_survives_every_format(day: date) -> None:
    """A day-first reading of ISO text would swap every day up to the 12th."""
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(day.day, "th")
    texts = [
        day.isoformat(),
        f"{day.isoformat()} 00:00:00",
        day.strftime("%d/%m/%Y"),
        f"{day.day}/{day.month}/{day.year}",
        day.strftime("%d-%b-%Y"),
        f"{day.day}{suffix} {day:%B} {day.year}",
        str((day - date(1899, 12, 30)).days),
    ]
    table = parse(*texts)
    assert (table["date"] == pd.Timestamp(day)).all(), table


@given(text=st.from_regex(r"[0-9]{1,2}/[0-9]{1,2}/(?:19|20)[0-9]{2}", fullmatch=True))
def test_slashes_agree_with_strptime(text: str) -> None:
    """Second implementation: the standard library."""
    row = parse(text).iloc[0]
    try:
        expected = datetime.strptime(text, "%d/%m/%Y").date()
    except ValueError:
        assert row["reason"] in (NO_SUCH_DAY, SWAPPED)
        return
    if FIRST <= expected <= LAST:
        assert row["date"] == pd.Timestamp(expected)
    else:
        assert row["reason"].startswith(IMPLAUSIBLE)


@given(text=st.text(max_size=20))
def test_any_text_is_a_day_a_reason_or_missing(text: str) -> None:
    row = parse(text).iloc[0]
    assert pd.isna(row["date"]) or row["reason"] == ""
