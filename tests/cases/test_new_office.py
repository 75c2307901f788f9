"""A new office's configuration: the right columns are proposed, it loads, it works, and it gives no value away."""

from __future__ import annotations

import csv
import random
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from whole_run import command

from bayes_backlog import cli
from bayes_backlog.cases.case_log import load_cases
from bayes_backlog.cases.headers import ALIASES, RAW_HEADERS, map_headers
from bayes_backlog.cases.messy_export import write_messy_export
from bayes_backlog.cases.new_office import n_folds, office_config, office_name
from bayes_backlog.cases.profiles import KIND_OF, profile
from bayes_backlog.cases.proposal import Proposal, propose
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.cases.reader import read_table
from bayes_backlog.cases.resemblance import EXACT, PART, PHRASES, SYNONYM, phrase, resemblance
from bayes_backlog.cases.synthetic import simulate_office
from bayes_backlog.config import CANONICAL_COLUMNS, Backtest, Config, Simulate, load_config
from bayes_backlog.errors import ConfigError, DataError

KEY = Key.for_synthetic_data()
PEOPLE = ["Ann Lee-Marchbanks", "Bob Raistrick", "Cy Poe"]
INVENTED = {
    "Ticket Ref": "case_id",
    "OpenedAt": "dt_received_inv",
    "Handler": "investigator",
    "Squad": "team",
    "Grade": "role",
    "Assigned on": "dt_alloc_invest",
    "Finnished Date": "dt_pg_signoff",
    "Target close date": None,
    "Topic": None,
    "Notes": None,
    "Reassigned?": "is_reallocated",
    "n_handlers": None,
}


def invented_rows(date_format: str = "%d/%m/%Y", n: int = 200) -> list[list[str]]:
    """Cases of an office with headers of its own, header line included."""
    rng = random.Random(1)
    rows = [list(INVENTED)]
    for number in range(n):
        opened = date(2024, 1, 1) + timedelta(days=rng.randrange(400))
        assigned = opened + timedelta(days=rng.randrange(30))
        finished = assigned + timedelta(days=rng.randrange(60))
        days = [day.strftime(date_format) for day in (opened, assigned, finished, finished)]
        who, where, grade = rng.choice(PEOPLE), rng.choice("AB"), rng.choice(["HEO", "EO"])
        note = f"long note about case {rng.random()} and the people in it"
        topic, moved = rng.choice(["roads", "parks"]), rng.choice("YN")
        rows.append([f"T-{number:04d}", days[0], who, where, grade, *days[1:], topic, note, moved, "1"])
    return rows


def write(folder: Path, rows: list[list[str]], name: str = "export.csv") -> Path:
    path = folder / name
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    return path


@dataclass(frozen=True)
class Office:
    proposal: Proposal
    text: str
    config: Config


def new_office(export: Path) -> Office:
    """Propose, write the configuration beside the export, and load it."""
    file = export.parent / "new-office.yaml"
    proposal = propose(export)
    file.write_text(office_config(proposal, export, file), encoding="utf-8")
    return Office(proposal, file.read_text(encoding="utf-8"), load_config(file))


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return new_office(write(tmp_path_factory.mktemp("invented"), invented_rows()))


@pytest.fixture(scope="module")
def messy(tmp_path_factory: pytest.TempPathFactory) -> Office:
    folder = tmp_path_factory.mktemp("messy")
    simulate = Simulate(
        seed=5,
        first_date=date(2023, 9, 1),
        last_date=date(2025, 5, 12),
        n_investigators=12,
        n_teams=3,
        cases_per_week=14,
    )
    write_messy_export(simulate_office(simulate), folder / "export.csv", seed=5)
    return new_office(folder / "export.csv")


def test_headers_of_another_office_are_understood(invented: Office) -> None:
    assert invented.config.data.columns == {meaning: header for header, meaning in INVENTED.items() if meaning}
    assert invented.proposal.unused == tuple(header for header, meaning in INVENTED.items() if meaning is None)
    assert invented.proposal.missing == {}
    surenesses = {match.profile.header: match.sureness for match in invented.proposal.matches.values()}
    assert surenesses["Handler"] == "likely"
    assert surenesses["Finnished Date"] == "check"


def test_the_proposed_configuration_is_read_at_once(invented: Office) -> None:
    log = load_cases(invented.config.data, KEY)
    assert len(log.cases) == 200
    assert log.cases["investigator"].nunique() == len(PEOPLE)


def test_the_raw_export_is_mapped_as_without_a_mapping(messy: Office) -> None:
    assert messy.config.data.columns == {name: header for header, name in RAW_HEADERS.items() if name is not None}
    assert {match.sureness for match in messy.proposal.matches.values()} == {"sure"}
    as_proposed = load_cases(messy.config.data, KEY)
    by_itself = load_cases(messy.config.data.model_copy(update={"columns": {}}), KEY)
    pd.testing.assert_frame_equal(as_proposed.cases, by_itself.cases)


def test_the_demonstration_export_is_mapped_to_itself(small_config: Config) -> None:
    assert small_config.data.file is not None
    headers = read_table(small_config.data.file).headers
    matches = propose(small_config.data.file).matches
    assert {name: match.profile.header for name, match in matches.items()} == {name: name for name in headers}


@pytest.mark.parametrize("file", ["ipra_cases_2007_2018.csv.gz", "uci_incidents_cases_2016.csv.gz"])
def test_real_logs_are_understood_and_their_two_allocations_pointed_at(shared_data: Path, file: str) -> None:
    found = propose(shared_data / file)
    assert found.missing == {}
    assert found.matches["dt_alloc_invest"].rivals == ("dt_alloc_invest_first",)
    assert found.matches["dt_alloc_invest"].sureness == "check"
    assert found.matches["dt_received_inv"].sureness == "sure"


def test_other_people_and_cases_give_the_same_configuration(invented: Office, tmp_path: Path) -> None:
    rows = [[cell.translate(str.maketrans("aeiouT", "uoieaX")) for cell in row] for row in invented_rows()[1:]]
    assert not any(person in str(rows) for person in PEOPLE)
    assert new_office(write(tmp_path, [list(INVENTED), *rows])).text == invented.text


def test_no_personal_value_is_in_the_configuration(messy: Office) -> None:
    assert messy.config.data.file is not None
    table = read_table(messy.config.data.file)
    personal = [*("ID", "Investigator", "Client/Donor Title", "Lawyer", "PG Signatory", "Reason For Rejection 1")]
    values = {v for name in personal for v in table.columns[table.headers.index(name)].unique().to_pylist() if v}
    assert len(values) > 100
    assert not [value for value in values if f'"{value}"' in messy.text or (len(value) > 6 and value in messy.text)]


def test_a_header_line_is_needed(tmp_path: Path) -> None:
    """Without one the first case would be taken for headers, and its values written into the configuration."""
    rows = invented_rows()[1:]
    rows[0][list(INVENTED).index("Target close date")] = ""
    headless = write(tmp_path, rows)
    with pytest.raises(DataError, match="a case and not the columns' names"):
        propose(headless)


def test_month_first_dates_are_marked_as_work_to_do(tmp_path: Path) -> None:
    office = new_office(write(tmp_path, invented_rows("%m/%d/%Y")))
    assert "TODO dates are written month first" in office.text
    assert office.proposal.matches["dt_received_inv"].sureness == "check"
    with pytest.raises(DataError):
        load_cases(office.config.data, KEY)


def test_a_needed_column_that_nothing_resembles_is_left_to_the_person(tmp_path: Path) -> None:
    rows = invented_rows()
    for header, other in (("Assigned on", "Zweites Datum"), ("Finnished Date", "Drittes Datum")):
        rows[0][rows[0].index(header)] = other
    office = new_office(write(tmp_path, rows))
    dates = ["Zweites Datum", "Drittes Datum", "Target close date"]
    assert office.proposal.missing == {"dt_alloc_invest": dates, "dt_pg_signoff": dates}
    assert office.text.count("# TODO ") == 2
    with pytest.raises(DataError, match="mandatory column dt_alloc_invest"):
        load_cases(office.config.data, KEY)


def test_a_file_about_something_else_still_gives_a_configuration_that_loads(tmp_path: Path) -> None:
    office = new_office(write(tmp_path, [["Colour", "Length"], ["red", "1.5"], ["blue", "2.5"]]))
    assert office.config.data.columns == {}
    assert set(office.proposal.missing) == {"case_id", "dt_received_inv", "dt_alloc_invest", "dt_pg_signoff"}
    # Nothing is known of the log's length, so the default stands and is to be checked.
    assert office.config.backtest.n_folds == Backtest().n_folds
    assert "# CHECK cutoffs" in office.text


def test_strange_headers_stay_text(tmp_path: Path) -> None:
    rows = invented_rows()
    for header, strange in (
        ("Handler", 'Case worker: "a" # {b} \\ \u00e9'),
        ("Topic", "yes\x07: [no"),
        ("Notes", "%&*!"),
    ):
        rows[0][rows[0].index(header)] = strange
    office = new_office(write(tmp_path, rows))
    assert office.config.data.columns["investigator"] == 'Case worker: "a" # {b} \\ \u00e9'


# --- words ---


@pytest.mark.parametrize("text", ["DateReceived", "date_received", "Received On", "RECEIVED  date", "dt.received"])
def test_spellings_of_one_header_are_one_phrase(text: str) -> None:
    assert phrase(text) == "received"


def test_a_phrase_stands_for_one_column_only() -> None:
    """`Assigned to` and `Assigned on` are one phrase: what the cells hold parts them."""
    meant = [(known, KIND_OF.get(name, "labels")) for name, phrases in PHRASES.items() for known in phrases]
    assert [pair for pair, n in Counter(meant).items() if n > 1] == []


@pytest.mark.parametrize("name", CANONICAL_COLUMNS)
def test_what_a_run_takes_by_itself_is_exact_and_nothing_else_is(name: str) -> None:
    headers = [*CANONICAL_COLUMNS, *ALIASES]
    exact = {header for header in headers if resemblance(header, name) == EXACT}
    assert exact == {header for header in headers if header == name or ALIASES.get(header) == name}
    for header in exact:
        others = ["case_id", "dt_received_inv", "dt_alloc_invest"]
        headers_of_file = [header, *(other for other in others if other != name)]
        assert map_headers(headers_of_file, {}).positions[name] == 0


@pytest.mark.parametrize(
    ("header", "name", "low", "high"),
    [
        ("Received", "dt_received_inv", SYNONYM, SYNONYM),
        ("Recieved", "dt_received_inv", PART, SYNONYM - 0.01),
        ("Date case was received by unit", "dt_received_inv", PART, SYNONYM - 0.01),
        ("n_investigators", "investigator", 0, 0),
        ("Days to close", "dt_close", 0, 0),
        ("Target close date", "dt_close", 0, 0),
        ("Last updated", "dt_close", 0, 0),
        ("Colour", "team", 0, 0),
    ],
)
def test_resemblance_falls_with_distance(header: str, name: str, low: float, high: float) -> None:
    assert low <= resemblance(header, name) <= high


# --- contents ---


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["2024-01-02", "2024-02-03"] * 20, "dates (year-month-day)"),
        (["01/02/2024", "13/02/2024", "chased"] * 20, "dates (day/month/year)"),
        (["2 Jan 2024", "13-Feb-24"] * 20, "dates (day month-name year)"),
        (["02/01/2024", "02/13/2024"] * 20, "dates (month/day/year)"),
        (["45292", "45293.5"] * 20, "dates (spreadsheet serial)"),
        (["Y", "n", ""] * 20, "yes or no"),
        (["0.8", "1.0"] * 20, "numbers"),
        ([f"A{n}" for n in range(60)], "keys"),
        (["red", "blue"] * 20, "labels"),
        ([f"a long sentence about something, number {n}" for n in range(60)], "free text"),
        (["", "n/a"] * 20, "nothing"),
    ],
)
def test_cells_tell_what_a_column_holds(tmp_path: Path, cells: list[str], words: str) -> None:
    path = write(tmp_path, [["row", "x"], *([str(n), cell] for n, cell in enumerate(cells))])
    table = read_table(path)
    assert profile("x", table.columns[1]).words == words


def test_five_digit_case_numbers_are_keys_too(tmp_path: Path) -> None:
    path = write(tmp_path, [["Case number", "x"], *([str(40000 + n), "a"] for n in range(90))])
    assert profile("Case number", read_table(path).columns[0]).fits("case_id")


# --- the configuration ---


def test_a_date_that_may_end_the_work_is_pointed_out(invented: Office, messy: Office) -> None:
    asked = '# CHECK not read although it holds dates: "Target close date". Is one of them dt_close?'
    assert asked in invented.text
    assert "not read although" not in messy.text


@pytest.mark.parametrize(("days", "folds"), [(200, 0), (280, 1), (400, 2), (2000, 4)])
def test_as_many_folds_as_the_log_has_room_for(days: int, folds: int) -> None:
    first = pd.Timestamp("2024-01-01")
    span = (first, first + pd.Timedelta(days=days))
    assert n_folds(span) == folds


@pytest.mark.parametrize(
    ("file", "name"), [("Our Office!.yaml", "our-office"), ("x" * 60 + ".yaml", "x" * 41), ("\u00a3.yaml", "office")]
)
def test_the_office_is_called_like_the_file(file: str, name: str) -> None:
    assert office_name(Path(file)) == name


# --- the command ---


def test_the_command_proposes_and_never_overwrites_unasked(tmp_path: Path) -> None:
    export, out = write(tmp_path, invented_rows()), tmp_path / "configs" / "office.yaml"
    with cli.console.capture() as told:
        assert command("init", str(export), "--out", str(out)) == 0
    assert "Ticket Ref" in told.get()
    assert "check dt_pg_signoff" in told.get()
    assert "0 line(s) marked TODO, to complete, and 3 marked CHECK" in told.get()
    assert not [person for person in PEOPLE if person in told.get()]
    out.write_text("mine")
    with cli.console.capture() as told:
        assert command("init", str(export), "--out", str(out)) == 2
    assert "there already" in told.get()
    assert out.read_text() == "mine"
    assert command("init", str(export), "--out", str(out), "--force") == 0
    assert load_config(out).name == "office"


def test_the_export_is_never_overwritten(tmp_path: Path) -> None:
    export = write(tmp_path, invented_rows())
    before = export.read_bytes()
    assert command("init", str(export), "--out", str(export), "--force") == ConfigError.exit_code
    assert export.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x00\x01\x02\x03", "NUL byte"),
        (b"one column\n1\n", "holds no separator"),
        (b"a;b\n", "no data rows"),
        (b'a;b\n"1;2\n', "quote is not closed"),
        (b"a;a\n1;2\n", "stand twice"),
        (b"PK\x03\x04rubbish", "holds a workbook"),
    ],
)
def test_malformed_exports_are_refused_and_nothing_is_written(tmp_path: Path, content: bytes, message: str) -> None:
    export = tmp_path / "export.csv"
    export.write_bytes(content)
    with cli.console.capture() as told:
        assert command("init", str(export), "--out", str(tmp_path / "office.yaml")) == 2
    assert message in told.get()
    assert not (tmp_path / "office.yaml").exists()
