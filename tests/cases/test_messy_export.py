"""The raw export has the oddities it claims, its answers are right, and the package's own reader gets them right."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from bayes_backlog.cases.case_log import CaseLog, load_cases
from bayes_backlog.cases.messy_export import BLANK_COLUMNS, BLANK_ROWS, FIRST_NAMES, LAST_NAMES, write_messy_export
from bayes_backlog.cases.pseudonyms import Key, normal_person, pseudonymise
from bayes_backlog.cases.synthetic import SimulatedOffice, simulate_office
from bayes_backlog.config import Data, Simulate
from bayes_backlog.errors import DataError

FORMATS = {"dd/mm/yyyy": "%d/%m/%Y", "d/m/yy": "%d/%m/%y", "ISO": "%Y-%m-%d %H:%M:%S", "dd-Mon-yyyy": "%d-%b-%Y"}
UNREADABLE = {"year 0205", "year 1924", "year 2205", "note behind", "month first", "no such day", "year only"}
MISTAKES = {"allocated before received", "closed before sign-off", "rejection not entered", "receipt not entered"}
PERSONAL = ["Investigator", "Client/Donor Title", "Lawyer", "Flag Lawyer", "PG Signatory", "Reason For Rejection 1"]


@pytest.fixture(scope="module")
def office() -> SimulatedOffice:
    return simulate_office(
        Simulate(
            seed=5,
            first_date=date(2023, 9, 1),
            last_date=date(2025, 5, 12),
            future_days=0,
            n_investigators=12,
            n_teams=3,
            cases_per_week=14,
        )
    )


@pytest.fixture(scope="module")
def export(office: SimulatedOffice, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    path = tmp_path_factory.mktemp("export") / "raw.csv"
    return path, write_messy_export(office, path, seed=1)


@pytest.fixture(scope="module")
def rows(export: tuple[Path, pd.DataFrame]) -> list[list[str]]:
    with export[0].open(encoding="cp1252", newline="") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def answers(export: tuple[Path, pd.DataFrame]) -> pd.DataFrame:
    return export[1]


@pytest.fixture(scope="module")
def loaded(export: tuple[Path, pd.DataFrame]) -> CaseLog:
    return load_cases(Data(file=export[0]), Key.for_synthetic_data())


def milestone_answers(answers: pd.DataFrame) -> pd.DataFrame:
    return answers[answers["column"].str.startswith("dt_")]


# -------------------------------------------------------------------------------------------------- the sheet


def test_headers_are_the_66_of_the_raw_system(rows: list[list[str]]) -> None:
    headers = rows[0]
    assert len(headers) == 66 + BLANK_COLUMNS
    assert headers[66:] == [""] * BLANK_COLUMNS
    assert headers[:4] == ["ID", "LPA or DeputyID", "Investigator", "Investigator FTE"]
    assert headers[14] == "Date Received in  Investigations"
    assert headers[40] == "Date of Legel Review Request 3"
    assert headers[65] == "Concern Received From"


def test_blank_columns_and_rows_trail_the_data(rows: list[list[str]]) -> None:
    assert {len(row) for row in rows} == {66 + BLANK_COLUMNS}
    assert all(not any(row) for row in rows[-BLANK_ROWS:])
    assert all(row[0] for row in rows[:-BLANK_ROWS])


def test_the_file_is_cp1252_and_nothing_else(export: tuple[Path, pd.DataFrame]) -> None:
    data = export[0].read_bytes()
    assert "’" in data.decode("cp1252")
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")


def test_free_text_holds_quotes_newlines_and_separators(rows: list[list[str]]) -> None:
    reasons = [row[34] for row in rows[1:] if row[34]]
    assert rows[0][34] == "Reason For Rejection 1"
    for sign in ('"', "\n", ";", ",", "|", "="):
        assert any(sign in reason for reason in reasons), sign
    assert any("\n" in row[1] for row in rows[1:])


def test_personal_columns_hold_names_and_the_others_none(rows: list[list[str]]) -> None:
    words = {word.casefold() for name in (*FIRST_NAMES, *LAST_NAMES) for word in name.split()}

    def named(header: str) -> bool:
        column = [row[rows[0].index(header)] for row in rows[1:]]
        return any(word in cell.casefold() for cell in column for word in words)

    assert all(named(header) for header in PERSONAL)
    public = [h for h in rows[0] if h and h not in {*PERSONAL, "Recommended Court Outcome"}]
    assert not any(named(header) for header in public)


# -------------------------------------------------------------------------------------------------- the answers


def test_answers_quote_the_file(rows: list[list[str]], answers: pd.DataFrame) -> None:
    place = {" ".join(header.split()): n for n, header in enumerate(rows[0])}
    in_file = [rows[row][place[header]] for row, header in zip(answers["source_row"], answers["header"], strict=True)]
    assert in_file == list(answers["written"])


@pytest.mark.parametrize("kind", FORMATS)
def test_readings_match_a_reader_that_is_told_the_format(answers: pd.DataFrame, kind: str) -> None:
    cells = answers[answers["kind"] == kind]
    assert len(cells) > 50
    read = [f"{datetime.strptime(text, FORMATS[kind]):%Y-%m-%d}" for text in cells["written"]]
    assert read == list(cells["reading"]) == list(cells["truth"])


def test_serials_count_days_from_the_end_of_1899(answers: pd.DataFrame) -> None:
    cells = answers[answers["kind"] == "serial"]
    read = [str(date(1899, 12, 30) + timedelta(days=int(text))) for text in cells["written"]]
    assert read == list(cells["reading"])
    assert str(date(1899, 12, 30) + timedelta(days=45786)) == "2025-05-09"


def test_ordinals_are_spelt_as_people_do(answers: pd.DataFrame) -> None:
    days = set(answers.loc[answers["kind"] == "ordinal", "written"].str.split().str[0])
    assert {"1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd"} <= days
    assert len(days) <= 31


def test_truth_is_what_the_office_knows(office: SimulatedOffice, answers: pd.DataFrame) -> None:
    ids = answers[answers["column"] == "case_id"].set_index("source_row")["truth"]
    facts = office.cases.set_index("case_id")
    for column, cells in milestone_answers(answers).groupby("column"):
        expected = facts.loc[ids[cells["source_row"]], column].dt.strftime("%Y-%m-%d").fillna("")
        assert list(cells["truth"]) == list(expected)


def test_reading_differs_from_truth_only_where_the_kind_says_so(answers: pd.DataFrame) -> None:
    differs = answers["reading"] != answers["truth"]
    assert set(answers.loc[differs, "kind"]) == UNREADABLE | MISTAKES | {"name not entered"}
    assert (answers.loc[answers["kind"].isin(UNREADABLE), "reading"] == "").all()


def test_every_kind_of_oddity_is_there(answers: pd.DataFrame) -> None:
    kinds = answers["kind"].value_counts()
    rare = UNREADABLE | MISTAKES | {"duplicate", "name not entered"}
    assert (kinds[sorted(rare)] == 3).all()
    assert kinds[["word for missing", "two spaces", "LAST, First", "lower case"]].min() > 10
    ids = answers[answers["column"] == "case_id"]
    assert ids["truth"].duplicated().sum() == 3


def test_spellings_of_one_person_fold_together_and_people_stay_apart(answers: pd.DataFrame) -> None:
    people = answers[(answers["column"] == "investigator") & (answers["written"] != "")]
    assert people["written"].nunique() > people["truth"].nunique()
    folded = people["written"].map(normal_person)
    assert list(folded) == list(people["truth"].map(normal_person))
    assert folded.nunique() == people["truth"].nunique()


def test_same_seed_same_bytes(office: SimulatedOffice, export: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    again = write_messy_export(office, tmp_path / "again.csv", seed=1)
    write_messy_export(office, tmp_path / "other.csv", seed=2)
    assert (tmp_path / "again.csv").read_bytes() == export[0].read_bytes()
    assert (tmp_path / "other.csv").read_bytes() != export[0].read_bytes()
    pd.testing.assert_frame_equal(again, export[1])


def test_more_people_than_names_are_refused(office: SimulatedOffice, tmp_path: Path) -> None:
    crowd = pd.DataFrame({"case_id": [f"C{n}" for n in range(500)], "investigator": [f"I{n}" for n in range(500)]})
    cases = crowd.join(office.cases.drop(columns=["case_id", "investigator"]).iloc[:500])
    with pytest.raises(DataError, match="500 investigators and there are 420 invented names"):
        write_messy_export(replace(office, cases=cases), tmp_path / "raw.csv", seed=1)


# -------------------------------------------------------------------------------------------------- the reader


def wrong_dates(answers: pd.DataFrame, read: pd.DataFrame) -> pd.DataFrame:
    """Cells whose date is neither the reading nor missing; `read` is indexed by source_row."""
    cells = milestone_answers(answers)
    cells = cells[cells["source_row"].isin(read.index)]
    got = pd.Series(index=cells.index, dtype="str")
    for column, part in cells.groupby("column"):
        got[part.index] = read[column].dt.strftime("%Y-%m-%d").reindex(part["source_row"]).fillna("").to_numpy()
    return cells[(got != cells["reading"]).to_numpy()]


def test_the_reader_gets_every_date_right_or_quarantines_it(loaded: CaseLog, answers: pd.DataFrame) -> None:
    """A missing receipt is the one date filled in, from the organisation's own date of receipt."""
    wrong = wrong_dates(answers, loaded.cases.set_index("source_row"))
    assert set(wrong["column"]) == {"dt_received_inv"}
    assert set(wrong["kind"]) <= UNREADABLE | {"receipt not entered"}
    unreadable = answers[answers["kind"].isin(UNREADABLE)]
    quarantined = set(zip(loaded.quarantine["source_row"], loaded.quarantine["column"], strict=True))
    assert set(zip(unreadable["source_row"], unreadable["column"], strict=True)) <= quarantined


def test_a_reader_that_takes_iso_dates_day_first_is_caught(answers: pd.DataFrame) -> None:
    cells = milestone_answers(answers)
    cells = cells[cells["kind"].isin(["ISO", "dd/mm/yyyy"])]
    swapped = pd.to_datetime(
        cells["written"].str.replace(r"^(\d+)-(\d\d)-(\d\d).*", r"\2/\3/\1", regex=True), dayfirst=True, format="mixed"
    )
    read = cells.assign(date=swapped).pivot(index="source_row", columns="column", values="date")
    assert set(wrong_dates(cells, read)["kind"]) == {"ISO"}


def test_the_reader_knows_the_people(loaded: CaseLog, answers: pd.DataFrame) -> None:
    people = answers[answers["column"] == "investigator"].set_index("source_row")["reading"]
    read = loaded.cases.set_index("source_row")["investigator"]
    expected = pseudonymise(people[read.index].replace("", pd.NA).astype("str"), Key.for_synthetic_data(), "person")
    pd.testing.assert_series_equal(read, expected, check_names=False)


def test_no_name_gets_past_the_reader(loaded: CaseLog) -> None:
    words = {word.casefold() for name in (*FIRST_NAMES, *LAST_NAMES) for word in name.split()}
    for table in (loaded.cases, loaded.quarantine, loaded.findings):
        text = table.to_csv().casefold()
        assert not [word for word in words if word in text]
