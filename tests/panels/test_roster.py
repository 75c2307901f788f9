from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bayes_backlog.cases.pseudonyms import Key, pseudonymise
from bayes_backlog.errors import DataError
from bayes_backlog.panels.roster import COLUMNS, checked_roster, read_roster, roster_as_of

KEY = Key.for_synthetic_data()
ROSTER = """Investigator,Team,Role,FTE,First date,Last date,Note
"Smith, Ann",north,EO,0.8,2025-01-06,31/03/2025,moved
Ann Smith,south,HEO,1,2025-04-01,,
Bob Jones,,,1,2025-02-03,,
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def written(text: str) -> Path:
        path = tmp_path / "roster.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_a_roster_file_becomes_dated_spells_of_pseudonyms(write: Callable) -> None:
    roster = read_roster(write(ROSTER), KEY)
    assert roster.columns.tolist() == list(COLUMNS)
    ann, bob = pseudonymise(pd.Series(["ann smith", "Bob Jones"]), KEY, "person")
    by_person = roster.set_index("investigator")
    assert by_person.loc[ann, "team"].tolist() == ["north", "south"]
    assert by_person.loc[ann, "fte"].tolist() == [0.8, 1.0]
    assert by_person.loc[ann, "last_date"].dt.strftime("%Y-%m-%d").tolist()[0] == "2025-03-31"
    assert by_person.loc[ann, "last_date"].isna().tolist() == [False, True]
    # The second spell is no second start.
    assert set(by_person.loc[ann, "start_date"]) == {pd.Timestamp("2025-01-06")}
    assert by_person.loc[bob, ["team", "role"]].tolist() == ["(none)", "(none)"]


def test_role_fte_and_last_date_may_be_absent(write: Callable) -> None:
    roster = read_roster(write("investigator,team,first_date\nAnn,north,2025-01-06\n"), KEY)
    assert roster.loc[0, ["role", "fte"]].tolist() == ["(none)", 1.0]
    assert roster["last_date"].isna().all()


HEADER = "investigator,team,role,fte,first_date,last_date\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("investigater,team,first_date\nAnn,north,2025-01-06\n", "Did you mean 'investigater'?"),
        ("investigator,team,start\nAnn,north,2025-01-06\n", "'first_date' is missing"),
        (HEADER + "Ann,north,EO,1,2025-02-30,\nBob,north,EO,1,soon,never\n", "first_date: '2025-02-30', 'soon'"),
        (HEADER + "Ann,north,EO,0,2025-01-06,\n", "1 spell(s) have an fte that is not a positive number"),
        (HEADER + "Ann,north,EO,,2025-01-06,\n", "1 spell(s) have an fte that is not a positive number"),
        (HEADER + "Ann,north,EO,1,2025-01-06,2025-01-03\n", "1 spell(s) end before they begin"),
        (HEADER + ",north,EO,1,2025-01-06,\n", "1 spell(s) have no investigator"),
        (HEADER + "Ann,north,EO,1,,\n", "1 spell(s) have no first_date"),
        (HEADER + "Ann,north,EO,1,2025-01-06,2025-02-01\nANN,south,EO,1,2025-02-01,\n", "1 spell(s) overlap"),
        (HEADER + "Ann,north,EO,1,2025-01-06,\nAnn,south,EO,1,2025-02-01,\n", "1 spell(s) overlap"),
    ],
)
def test_an_unusable_roster_is_refused_with_what_is_wrong(write: Callable, text: str, words: str) -> None:
    with pytest.raises(DataError) as refusal:
        read_roster(write(text), KEY)
    assert words in str(refusal.value)
    assert "Ann" not in str(refusal.value)


def test_all_contradictions_are_told_at_once(write: Callable) -> None:
    text = HEADER + "Ann,north,EO,0,2025-01-06,2025-01-03\nBob,north,EO,1,,\n"
    with pytest.raises(DataError, match=r"no first_date.*end before they begin.*positive"):
        read_roster(write(text), KEY)


def test_a_long_spell_overlaps_every_short_one_inside_it(full_time: Callable) -> None:
    """Comparing each spell with the one before it alone would miss the third."""
    roster = full_time("ann", "ann", "ann").assign(
        first_date=pd.to_datetime(["2025-01-01", "2025-02-01", "2025-06-01"]),
        last_date=pd.to_datetime(["2025-12-31", "2025-02-28", "2025-06-30"]),
    )
    with pytest.raises(DataError, match=r"2 spell\(s\) overlap"):
        checked_roster(roster)


def test_a_roster_without_its_columns_is_refused(full_time: Callable) -> None:
    with pytest.raises(DataError, match="lacks column"):
        checked_roster(full_time("ann").drop(columns="fte"))


def test_roster_as_of_a_day_knows_no_later_leaving(full_time: Callable) -> None:
    roster = full_time("ann", "bob", "cat").assign(
        first_date=pd.to_datetime(["2025-01-01", "2025-01-01", "2025-06-01"]),
        last_date=pd.to_datetime(["2025-02-28", "2025-04-30", None]),
    )
    known = roster_as_of(roster, pd.Timestamp("2025-03-31"))
    assert known["investigator"].tolist() == ["ann", "bob"]
    assert known["last_date"].isna().tolist() == [False, True]
