"""Cells: each type reads what it should, and what it cannot read is in the quarantine with the case kept."""

from __future__ import annotations

import pandas as pd
import pytest

from bayes_backlog.cases.cells import (
    Column,
    parse_days,
    read_days,
    read_flags,
    read_levels,
    read_numbers,
    read_people,
)
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.cases.quarantine import mask
from bayes_backlog.config import Data

KEY = Key.for_synthetic_data()


def cells(*values: str | None, name: str = "column") -> pd.Series:
    return pd.Series(values, index=range(1, len(values) + 1), name=name, dtype="str")


def days(*values: str | None) -> Column:
    column = cells(*values, name="dt_close")
    return read_days(column, parse_days(column.to_frame(), Data()))


def rules(column: Column) -> dict[str, int]:
    return {finding.rule: finding.count for finding in column.findings}


def quarantined(column: Column) -> list[tuple[int, str, str]]:
    return [
        (row.source_row, row.value, row.action) for part in column.quarantined for row in part.itertuples(index=False)
    ]


def test_days_keep_the_case_and_mask_the_letters() -> None:
    column = days("12/05/2025", None, "TBC", "13/05/2025 - Jane chased")
    assert column.values.tolist()[0] == pd.Timestamp("2025-05-12")
    assert column.values.isna().tolist() == [False, True, True, True]
    assert quarantined(column) == [(4, "13/05/2025 - xxxx xxxxxx", "taken as missing")]
    assert rules(column) == {"unusable_dates": 1}
    assert "Jane" not in column.findings[0].message


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("07700 900123", "##### ######"),
        ("rang Jo on 020 7946 0018", "xxxx xx xx ### #### ####"),
        ("case 12345678, 2 May", "xxxx ########, # xxx"),
        ("QQ 12 34 56 C", "xx ## ## ## x"),
        ("31/02/2025", "31/02/2025"),
        ("2025-13-01T25:10:00Z", "2025-13-01x25:10:00x"),
        ("31 Feb 2025, not 1", "31 xxx 2025, xxx #"),
        ("20251301", "20251301"),
        ("192.168.100.20", "###.###.###.##"),
        ("99999", "99999"),
        ("-3.75", "-3.75"),
    ],
)
def test_digits_of_no_date_are_masked_as_well(value: str, masked: str) -> None:
    assert mask(value) == masked


def test_a_message_quotes_no_telephone_number() -> None:
    column = days("07700 900123", "07700 900456")
    assert "sheet lines 2, 3; masked: '##### ######')" in column.findings[0].message


def test_days_of_a_blank_column_are_missing() -> None:
    column = days(None, None)
    assert column.values.isna().all()
    assert column.values.dtype == "datetime64[us]"
    assert column.findings == ()


def test_times_and_zones_leave_the_day() -> None:
    column = days("2025-05-12 23:59:59", "2025-05-12T23:59Z")
    assert (column.values == pd.Timestamp("2025-05-12")).all()
    assert rules(column) == {"time_zones": 1}


def test_month_first_dates_are_counted_apart() -> None:
    column = days("05/13/2025", "05/12/2025")
    assert rules(column) == {"swapped_dates": 1, "unusable_dates": 1}


@pytest.mark.parametrize(
    ("text", "number"), [("0.8", 0.8), ("2", 2.0), (None, 1.0), ("N/A", 1.0), ("-1", 1.0), ("inf", 1.0), ("full", 1.0)]
)
def test_numbers(text: str | None, number: float) -> None:
    column = read_numbers(cells(text, name="weighting"), "0 or more", lambda x: x >= 0)
    assert column.values.tolist() == [number]


def test_unusable_numbers_are_told_apart_from_missing_ones() -> None:
    column = read_numbers(cells("1", None, "-", "-2", "abc", name="weighting"), "0 or more", lambda x: x >= 0)
    assert rules(column) == {"missing_weighting": 2, "unusable_numbers": 2}
    assert quarantined(column) == [(4, "-2", "taken as 1.0"), (5, "xxx", "taken as 1.0")]


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("Yes", True),
        ("y", True),
        ("TRUE", True),
        ("1", True),
        ("No", False),
        ("0", False),
        (None, False),
        ("n/a", False),
    ],
)
def test_flags(text: str | None, flag: bool) -> None:
    column = read_flags(cells(text))
    assert column.values.tolist() == [flag]
    assert column.values.dtype == bool
    assert column.findings == ()


def test_unusable_flag_is_no_and_reported() -> None:
    column = read_flags(cells("Yes", "perhaps"))
    assert column.values.tolist() == [True, False]
    assert quarantined(column) == [(2, "xxxxxxx", "taken as no")]


def test_spellings_of_a_level_become_the_commonest() -> None:
    column = read_levels(
        cells("Awaiting Investigator", "awaiting investigator", "Awaiting Investigator", "Unknown", None)
    )
    assert column.values.tolist()[:4] == ["Awaiting Investigator"] * 3 + ["Unknown"]
    assert column.values.isna().tolist() == [False] * 4 + [True]
    assert rules(column) == {"spellings_of_levels": 1}


@pytest.mark.parametrize("nobody", ["", "N/A", "-", "Unknown", "TBC", None])
def test_null_strings_are_nobody(nobody: str | None) -> None:
    assert read_people(cells(nobody), KEY).values.isna().all()


def test_two_spellings_of_one_person_are_one_and_counted() -> None:
    column = read_people(cells("Jane Smith", "SMITH, Jane", "Bob Baker"), KEY)
    assert column.values.nunique() == 2
    assert rules(column) == {"spellings_of_people": 1}


@pytest.mark.parametrize(("one", "other"), [("Jane Smith", "Smith Jane"), ("Ann O'Brien", "Ann OBrien")])
def test_possibly_one_person_is_said_without_names(one: str, other: str) -> None:
    column = read_people(cells(one, other, "Bob Baker"), KEY)
    assert column.values.nunique() == 3
    assert rules(column) == {"possibly_one_person": 1}
    assert not any(word in column.findings[0].message.casefold() for word in ("jane", "smith", "brien"))


def test_coded_people_are_not_alike() -> None:
    assert read_people(cells("INV001", "INV002", "INV010"), KEY).findings == ()
