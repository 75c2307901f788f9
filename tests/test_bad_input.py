"""What a user can get wrong, through the command line: one message that says what to do, and nothing half-written.

No test here may sample: everything is refused before the fit, which is replaced by a failure.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from whole_run import command

from bayes_backlog import cli
from bayes_backlog.cases.synthetic import simulate_office
from bayes_backlog.config import Config, Simulate
from bayes_backlog.errors import DataError
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.design import build_design
from bayes_backlog.runs import Run, update_manifest

VERBS = ("run", "cases", "panel", "fit", "check", "forecast", "backtest")
ROOT = os.name == "posix" and os.geteuid() == 0
SIMULATE = Simulate(
    seed=3, first_date=date(2024, 1, 1), last_date=date(2024, 9, 30), n_investigators=5, n_teams=2, cases_per_week=8
)


@pytest.fixture(scope="session")
def cases() -> pd.DataFrame:
    """Nine months of a small office, as text."""
    table = simulate_office(SIMULATE).cases
    return table.apply(lambda column: column.astype("str").where(column.notna(), ""))


@dataclass(frozen=True)
class Desk:
    """A folder with a case log and a configuration that would run, and the command line beside it."""

    folder: Path
    cases: pd.DataFrame
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def write(self, settings: dict[str, Any] | None = None, cases: pd.DataFrame | None = None) -> Path:
        """Write the case log, and a configuration with these settings in place of the plain ones."""
        (self.cases if cases is None else cases).to_csv(self.folder / "log.csv", index=False)
        plain = {"name": "office", "title": "Office", "data": {"file": "log.csv"}, "backtest": {"n_folds": 0}}
        config = self.folder / "office.yaml"
        config.write_text(yaml.safe_dump(plain | (settings or {})))
        return config

    def command(self, *arguments: object) -> tuple[int, str]:
        """Return exit code and what was told on the terminal."""
        self.patch.setattr("sys.argv", ["bayes-backlog", *map(str, arguments)])
        self.capture.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        return code, self.capture.readouterr().err

    def refused(self, *arguments: object, code: int = 2) -> str:
        """Run a command that must be refused, and return the message."""
        before = contents(self.results)
        found, told = self.command(*arguments, "--results", self.results)
        assert found == code, told
        assert "Traceback" not in told
        assert contents(self.results) == before
        return told


def contents(folder: Path) -> dict[str, bytes] | bytes | None:
    if folder.is_file():
        return folder.read_bytes()
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()} if folder.exists() else None


@pytest.fixture
def desk(
    tmp_path: Path, cases: pd.DataFrame, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Desk:
    def sampled(*_: object) -> None:
        pytest.fail("the fit began: what is wrong should have been refused before it")

    monkeypatch.setenv("BAYES_BACKLOG_KEY", "a key for these tests only")
    monkeypatch.setattr("bayes_backlog.stages.running.fit_stage", sampled)
    return Desk(tmp_path, cases, capsys, monkeypatch)


def test_the_plain_office_is_not_refused(desk: Desk) -> None:
    """Otherwise every refusal below could have another cause than the one it names."""
    code, told = desk.command("panel", desk.write(), "--results", desk.results)
    assert (code, (desk.results / "office/panels/caseload.parquet").is_file()) == (0, True), told
    with pytest.raises(pytest.fail.Exception, match="the fit began"):
        desk.command("fit", desk.write(), "--results", desk.results)


# --- the configuration ---


def test_a_missing_configuration(desk: Desk) -> None:
    assert "There is no configuration file at" in desk.refused("run", desk.folder / "absent.yaml")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"foercast": {"horizon_days": 30}}, "unknown key 'foercast'. Did you mean 'forecast'?"),
        ({"data": {"fle": "log.csv"}}, "unknown key 'data.fle'. Did you mean 'file'?"),
        ({"data": {}}, "no data: give data.file"),
        ({"data": {"file": "log.csv", "first_date": date(2024, 9, 1), "as_of": date(2024, 8, 1)}}, "lies before"),
        ({"calendar": {"country": "GBB"}}, "calendar.country 'GBB' is not a country"),
        ({"calendar": {"country": "GB", "subdivision": "ENGL"}}, "calendar.subdivision 'ENGL'"),
        ({"data": {"file": "log.csv", "max_findings": {"late_date": 3}}}, "'late_date' (Did you mean 'late_dates'?)"),
        ({"data": {"file": "log.csv", "columns": {"team": "Squad"}}}, "maps team to 'Squad'"),
    ],
)
def test_a_wrong_setting(desk: Desk, settings: dict[str, Any], told: str) -> None:
    assert told in desk.refused("run", desk.write(settings))


STAFF = {"joiners": [{"team": "Team 9", "role": "EO", "first_date": "2024-10-07"}]}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"staffing": STAFF}, "joiners.team: 'Team 9' is not known. Did you mean 'Team"),
        ({"staffing": {"leavers": [{"investigator": "Bob", "last_date": "2024-10-07"}]}}, "'Bob' is not known"),
        ({"scenarios": [{"name": "more", **STAFF}]}, "joiners.team: 'Team 9' is not known"),
        ({"scenarios": [{"name": "more", "clearings": [{"day": "2024-09-02", "cases": 3}]}]}, "outside the forecast"),
        ({"scenarios": [{"name": "a"}, {"name": "a"}]}, "each scenario needs a name of its own"),
        ({"scenarios": [{"name": "a", "rates": [{"flow": "recieved"}]}]}, "scenarios.0.rates.0.flow"),
        ({"scenarios": [{"name": "target"}]}, "the folder of what --target finds"),
        ({"scenarios": [{"name": "a", "oldest_first": 1.2}]}, "scenarios.0.oldest_first"),
        ({"model": {"further_flows": ["court_orders"]}}, "Did you mean 'court_order'?"),
    ],
)
def test_an_assumption_that_does_not_fit(desk: Desk, settings: dict[str, Any], told: str) -> None:
    assert told in desk.refused("run", desk.write(settings))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "The configuration has no scenarios"),
        (("--target", "backlog=20"), "--target needs --by"),
        (("--target", "backlog<20", "--by", "2024-11-29"), "names no number of cases"),
        (("--target", "received=20", "--by", "2024-11-29"), "Write one of backlog, wip, open"),
        (("--target", "backlog=20", "--by", "2026-11-29"), "is not in the forecast"),
        (("--target", "backlog=20", "--by", "2024-11-29", "--team", "Tem 1"), "Did you mean 'Team 1'?"),
        (
            (
                "--target",
                "backlog=20",
                "--by",
                "2024-11-29",
                *(f"--inflow=0.{k}" for k in range(1, 10)),
                "--overtime=.1",
            ),
            "20 combinations",
        ),
        (("--target", "backlog=20", "--by", "29/11/2024"), "does not match"),
        (("--target", "backlog=20", "--by", "2024-11-29", "--overtime", "-2"), "greater than or equal to"),
    ],
)
def test_a_question_about_staff_that_cannot_be_answered(desk: Desk, arguments: tuple[str, ...], told: str) -> None:
    code, words = desk.command("scenario", desk.write(), "--results", desk.results, *arguments)
    assert code == 2
    assert told in " ".join(words.split())
    assert "Traceback" not in words


def test_a_scenario_that_is_not_there(desk: Desk) -> None:
    config = desk.write({"scenarios": [{"name": "five_more"}]})
    assert "Did you mean 'five_more'?" in desk.refused("scenario", config, "--name", "five_mor")


# --- the file ---


def test_a_missing_data_file_with_the_nearest_one(desk: Desk) -> None:
    config = desk.write({"data": {"file": "logg.csv"}})
    assert "Did you mean log.csv?" in desk.refused("run", config)
    assert "does not exist either" in desk.refused("run", config, "--data", desk.folder / "nowhere/log.csv")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_refuses_alike(desk: Desk, verb: str) -> None:
    config = desk.write({"data": {"file": "logg.csv"}})
    assert "there is no file at" in desk.refused(verb, config)


def workbook(path: Path) -> None:
    """A zip that is no workbook."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<text/>")


@pytest.mark.parametrize(
    ("name", "write", "told"),
    [
        ("junk.csv", lambda path: path.write_bytes(bytes(range(256)) * 9), "NUL byte"),
        ("photo.csv", lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(128, 256)) * 9), "photo.csv"),
        ("workbook.csv", workbook, "Rename it to .xlsx"),
        ("text.xlsx", lambda path: path.write_text("case_id,team\n1,a\n"), "not a readable workbook"),
        ("other.xlsx", workbook, "not a readable workbook"),
        ("old.xlsx", lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 90), "old .xls workbook"),
        ("cut.csv.gz", lambda path: path.write_bytes(b"\x1f\x8b\x08\x00cut"), "not a complete gzip file"),
        ("log.dat", lambda path: path.write_text("case_id,team\n1,a\n"), "suffix '.dat'"),
        ("empty.csv", lambda path: path.write_bytes(b""), "is empty"),
        ("header.csv", lambda path: path.write_text("case_id,dt_received_inv,dt_alloc_invest\n"), "no data rows"),
        ("folder.csv", lambda path: path.mkdir(), "is a folder"),
    ],
)
def test_a_file_that_is_no_case_log(desk: Desk, name: str, write: Callable[[Path], object], told: str) -> None:
    write(desk.folder / name)
    assert told in desk.refused("run", desk.write(), "--data", desk.folder / name)


@pytest.mark.skipif(ROOT, reason="root may read every file")
def test_a_file_that_may_not_be_read(desk: Desk) -> None:
    config = desk.write()
    (desk.folder / "log.csv").chmod(0)
    assert "Check its permissions" in desk.refused("run", config)


# --- its columns and cells ---


def test_a_missing_mandatory_column_with_the_nearest_header(desk: Desk) -> None:
    cases = desk.cases.rename(columns={"dt_received_inv": "dt_recieved_inv"}).drop(columns="dt_alloc_invest")
    told = desk.refused("run", desk.write(cases=cases))
    assert "the mandatory column dt_received_inv" in told
    assert "Did you mean 'dt_recieved_inv'?" in told
    assert "the mandatory column dt_alloc_invest" in told


def swapped(cases: pd.DataFrame, earlier: str, later: str, n: int) -> pd.DataFrame:
    """Swap two milestones of the first n cases that have both, a week apart at least."""
    cases = cases.copy()
    both = cases[(cases[earlier] != "") & (cases[later] != "") & (cases[earlier] < cases[later])].index[:n]
    assert len(both) == n
    cases.loc[both, [earlier, later]] = cases.loc[both, [later, earlier]].to_numpy()
    return cases


def test_cases_allocated_before_they_were_received(desk: Desk) -> None:
    """More than 1 % is refused; so is nothing less, and a limit of the configuration decides otherwise."""
    wrong = swapped(desk.cases, "dt_received_inv", "dt_alloc_invest", len(desk.cases) // 100 + 1)
    told = desk.refused("run", desk.write(cases=wrong))
    assert "allocated before they were received" in told
    assert "data.max_findings.allocated_before_received" in told
    few = swapped(desk.cases, "dt_received_inv", "dt_alloc_invest", len(desk.cases) // 100)
    assert desk.command("cases", desk.write(cases=few), "--results", desk.results)[0] == 0
    allowed = {"data": {"file": "log.csv", "max_findings": {"allocated_before_received": len(wrong)}}}
    assert desk.command("cases", desk.write(allowed, wrong), "--results", desk.results)[0] == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda cases: cases.assign(dt_received_inv="soon", dt_received_opg="soon"), "cannot be used"),
        (lambda cases: cases.assign(dt_received_inv="", dt_received_opg=""), "none of the"),
        (lambda cases: cases.assign(investigator=""), "no case of the log is allocated to a named investigator"),
        (lambda cases: cases.assign(dt_alloc_invest=""), "no case of the log is allocated to a named investigator"),
        (lambda cases: cases.assign(case_id=""), "none of the"),
    ],
)
def test_columns_without_anything_usable(desk: Desk, change: Callable[[pd.DataFrame], pd.DataFrame], told: str) -> None:
    assert told in desk.refused("run", desk.write(cases=change(desk.cases)))


@pytest.mark.parametrize(("column", "value"), [("fte", "-1"), ("fte", "full"), ("weighting", "-2"), ("fte", "NaN1")])
def test_a_number_that_cannot_be_is_told_and_set_aside(desk: Desk, column: str, value: str) -> None:
    """Not worth refusing a log for; but never silent, and never a negative capacity."""
    wrong = desk.cases.copy()
    wrong.loc[:2, column] = value
    code, told = desk.command("cases", desk.write(cases=wrong), "--results", desk.results)
    assert code == 0
    assert f"3 value(s) of {column} are not a number" in told
    written = pd.read_parquet(desk.results / "office/cases/cases.parquet")
    assert written.loc[:2, column].tolist() == [1.0, 1.0, 1.0]
    quarantine = pd.read_csv(desk.results / "office/cases/quarantine.csv")
    assert (quarantine["column"] == column).sum() == 3


@pytest.mark.parametrize("value", [-1, 0.5, np.nan])
@pytest.mark.parametrize("flow", ["allocated", "signed_off"])
def test_counts_that_no_count_model_can_take_are_refused(small: Prepared, flow: str, value: float) -> None:
    daily = small.panels.daily.astype({flow: float})
    daily.loc[[5, 9], flow] = value
    with pytest.raises(DataError, match=rf"2 row\(s\).*{flow} count that is negative, fractional or missing"):
        build_design(replace(small.panels, daily=daily), small.spec)


# --- the window ---


def test_an_empty_window(desk: Desk) -> None:
    data = {"file": "log.csv"}
    after = desk.write({"data": data | {"first_date": date(2025, 1, 1)}})
    assert "Correct data.first_date or data.as_of" in desk.refused("run", after)
    before = desk.write({"data": data | {"as_of": date(2000, 1, 1)}})
    assert "no case was received by 2000-01-01" in desk.refused("run", before)


def test_a_window_with_too_few_working_days(desk: Desk) -> None:
    config = desk.write({"data": {"file": "log.csv", "first_date": date(2024, 8, 1)}})
    told = desk.refused("run", config)
    assert "working days with staff present; at least 60" in told
    assert "Set an earlier data.first_date" in told
    # Whoever only wants to see the cases needs no window for a model.
    assert desk.command("cases", config, "--results", desk.results)[0] == 0


@pytest.mark.parametrize(
    ("backtest", "told"),
    [
        ({"n_folds": 9}, "6 of 9 cutoffs of the backtest (2022-05-10, "),
        ({"n_folds": 1, "last_cutoff": date(2024, 9, 1)}, "1 of 1 cutoffs of the backtest (2024-09-01) lie too late"),
    ],
)
def test_a_backtest_that_does_not_fit(desk: Desk, backtest: dict[str, Any], told: str) -> None:
    """Known before the fit, not after an hour of it; a forecast alone does not need it."""
    config = desk.write({"backtest": backtest})
    assert told in desk.refused("run", config)
    with pytest.raises(pytest.fail.Exception, match="the fit began"):
        desk.command("forecast", config, "--results", desk.results)


def test_an_embedded_office_that_is_too_short_leaves_nothing_behind(desk: Desk) -> None:
    settings = {"data": {}, "simulate": SIMULATE.model_dump(), "backtest": {"n_folds": 9}}
    assert "half a year" in desk.refused("run", desk.write(settings))


# --- the roster ---


@pytest.mark.parametrize(
    ("roster", "told"),
    [
        (None, "there is no file at"),
        ("person,team,first_date\nAnn,North,2024-01-01\n", "'investigator' is missing"),
        ("investigator,team,first_date\nAnn,North,soon\n", "dates that cannot be read"),
        (
            "investigator,team,first_date,last_date\nAnn,North,2024-01-01,\nAnn,South,2024-05-01,\n",
            "overlap an earlier spell",
        ),
        ("investigator,team,first_date,fte\nAnn,North,2024-01-01,-1\n", "fte that is not a positive number"),
        ("investigator,team,first_date\nAnn,North,2030-01-01\n", "nobody present"),
    ],
)
def test_a_roster_that_cannot_be(desk: Desk, roster: str | None, told: str) -> None:
    if roster is not None:
        (desk.folder / "roster.csv").write_text(roster)
    assert told in desk.refused("run", desk.write({"data": {"file": "log.csv", "roster": "roster.csv"}}))


# --- the key ---


def test_a_key_that_protects_nothing(desk: Desk) -> None:
    desk.patch.setenv("BAYES_BACKLOG_KEY", "short")
    told = desk.refused("run", desk.write())
    assert "can be guessed" in told
    assert "short" not in told
    desk.patch.delenv("BAYES_BACKLOG_KEY")
    desk.patch.setenv("BAYES_BACKLOG_KEY_FILE", str(desk.folder / "absent"))
    assert "names no file" in desk.refused("run", desk.write())


# --- the results ---


def test_results_that_are_a_file(desk: Desk) -> None:
    config = desk.write()
    desk.results.write_text("mine")
    assert "is a file, so no results can be written" in desk.refused("run", config)
    code, told = desk.command("run", config, "--results", desk.results / "below")
    assert (code, "is a file" in told) == (2, True)
    assert desk.results.read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder here that even root cannot write to")
def test_results_where_nobody_can_write(desk: Desk) -> None:
    """Nothing forbids it beforehand, so the operating system refuses while writing."""
    code, told = desk.command("panel", desk.write(), "--results", "/proc/self/results")
    assert code == 2
    assert "Traceback" not in told
    assert "could not be read or written" in told or "write-protected" in told


@pytest.mark.skipif(ROOT, reason="root may write everywhere")
def test_results_that_are_write_protected(desk: Desk) -> None:
    desk.results.mkdir(mode=0o500)
    assert "write-protected" in desk.refused("run", desk.write())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda desk: desk.write({"calendar": {"country": "GBB"}}),
        lambda desk: desk.write({"backtest": {"n_folds": 9}}),
        lambda desk: desk.write(cases=desk.cases.drop(columns="case_id")),
        lambda desk: desk.write({"data": {"file": "log.csv", "first_date": date(2024, 9, 1)}}),
    ],
)
def test_an_earlier_run_stays_as_it_is(desk: Desk, spoil: Callable[[Desk], Path]) -> None:
    assert desk.command("panel", desk.write(), "--results", desk.results)[0] == 0
    assert contents(desk.results)
    desk.refused("run", spoil(desk))


def test_another_configuration_starts_another_manifest(desk: Desk) -> None:
    """Or its report would show an earlier run's forecast and gate as its own."""
    desk.command("panel", desk.write(), "--results", desk.results)
    run = Run(desk.results / "office")
    before = run.manifest()["run_id"]
    update_manifest(run, gate={"red": []}, stages=run.manifest()["stages"] | {"fit": {"key": "old"}})
    desk.command("panel", desk.write({"report": {"marking": "NONE"}}), "--results", desk.results)
    assert "gate" in run.manifest()
    assert set(run.manifest()["stages"]) == {"cases", "panels"}  # nothing has the fit's key any more
    desk.command("panel", desk.write({"forecast": {"horizon_days": 30}}), "--results", desk.results)
    assert "gate" not in run.manifest()
    assert run.manifest()["run_id"] != before
    assert set(run.manifest()["stages"]) == {"cases", "panels"}


# --- the command itself ---


@pytest.mark.parametrize("arguments", [("rum", "office.yaml"), ("run",), ("run", "office.yaml", "--reslts", "x")])
def test_a_mistyped_command_is_a_user_error(desk: Desk, arguments: tuple[str, ...]) -> None:
    code, told = desk.command(*arguments)
    assert code == 2
    assert "Traceback" not in told


def test_a_report_on_nothing(desk: Desk) -> None:
    code, told = desk.command("report", desk.folder / "absent")
    assert (code, "Traceback" in told) == (2, False)
    assert "absent" in told


def test_an_office_that_cannot_be_simulated(desk: Desk) -> None:
    code, told = desk.command("simulate", desk.write(), "--out", desk.folder / "out")
    assert (code, (desk.folder / "out").exists()) == (2, False)
    assert "has no simulate section" in told


def test_an_unforeseen_error_is_one_message_and_its_details_are_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """No real input is known to cause one, so a verb is broken here on purpose."""

    def broken(_path: Path) -> Config:
        raise KeyError("P_secret")

    monkeypatch.setattr(cli, "load_config", broken)
    with cli.console.capture() as told:
        code = command("describe", "configs/demo.yaml")
    assert code == 1
    message = told.get()
    assert "KeyError" in message
    assert "Traceback" not in message
    assert "P_secret" not in message
    (log,) = [word.rstrip(";") for word in message.split() if "bayes-backlog-" in word]
    assert "P_secret" in Path(log).read_text(encoding="utf-8")
    Path(log).unlink()
