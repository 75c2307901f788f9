"""The whole way on a small office, through the command line: one real run for the session, read by many tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from bayes_backlog import cli
from bayes_backlog.cases.case_log import load_cases
from bayes_backlog.cases.pseudonyms import load_key
from bayes_backlog.config import Config, load_config
from bayes_backlog.forecasts.future import build_future_frame
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.tables import office_totals
from bayes_backlog.inference.fit import prepare
from bayes_backlog.models.draws import posterior_draws
from bayes_backlog.models.spec import spec_from_json
from bayes_backlog.panels import build_panels
from bayes_backlog.runs import Run, hash_file

SECRET = "a key that only this test session knows"
FEW_DRAWS = {"chains": 2, "draws": 150, "tune": 250}
"""Too few for the gate, enough for everything else."""

FORECAST = ["level", "unit", "target_date", "horizon_days", "mean", "q05", "q10", "q25", "q50", "q75", "q90", "q95"]
COLUMNS = {
    "cases/cases.parquet": set(
        [
            "source_row",
            "case_id",
            "investigator",
            "team",
            "role",
            "fte",
            "weighting",
            "is_reallocated",
            "dt_received_inv",
            "dt_alloc_invest",
            "dt_pg_signoff",
            "dt_close",
        ]
    ),
    "cases/quarantine.csv": set(["file", "source_row", "column", "value", "reason", "action"]),
    "cases/findings.csv": set(["rule", "severity", "count", "message"]),
    "panels/daily_panel.parquet": set(
        [
            "date",
            "investigator",
            "team",
            "role",
            "fte",
            "exposure",
            "allocated",
            "signed_off",
            "closed",
            "legal_requested",
            "wip_prev",
            "wip_load_prev",
            "backlog_prev",
            "days_since_last_allocation",
            "weeks_since_start",
            "is_new_starter",
            "weekday",
            "is_bank_holiday",
            "is_school_term",
            "season",
            "working_days_to_month_end",
        ]
    ),
    "panels/events.parquet": set(["date", "case_id", "investigator", "team", "role", "event"]),
    "panels/caseload.parquet": set(
        ["date", "level", "unit", "received", "allocated", "removed", "signed_off", "closed", "backlog", "wip", "open"]
    ),
    "panels/team_weekly.csv": set(["unit", "week_ending", "allocated", "signed_off", "wip"]),
    "model/verdicts.csv": set(["check", "status", "value", "threshold", "message"]),
    "forecast/flows.csv": {"flow", *FORECAST},
    "forecast/flows_cumulative.csv": {"flow", *FORECAST},
    "forecast/stocks.csv": {"stock", *FORECAST},
    "backtest/forecasts.parquet": set(
        ["model", "cutoff", "target_date", "horizon_days", "level", "unit", "quantile_level", "predicted", "observed"]
    ),
    "backtest/scores.csv": set(
        [
            "model",
            "quantity",
            "cutoff",
            "crps",
            "crps_log",
            "wis",
            "coverage_50",
            "coverage_80",
            "coverage_90",
            "width_90",
            "bias",
        ]
    ),
    "backtest/summary.csv": set(
        [
            "model",
            "quantity",
            "level",
            "horizon_working_days",
            "n_folds",
            "n_independent",
            "crps",
            "crps_log",
            "wis",
            "coverage_50",
            "coverage_80",
            "coverage_90",
            "width_90",
            "bias",
            "skill_vs_best_baseline",
            "best_baseline",
        ]
    ),
}


@dataclass(frozen=True)
class Finished:
    """What a run left, and how the command line ended it."""

    run: Run
    config_file: Path
    exit_code: int
    told: str


def command(*arguments: str) -> int:
    """Run the command line in this process and return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["bayes-backlog", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return int(ended.value.code or 0)


@pytest.fixture(scope="session")
def finished(small_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("whole")
    settings = {
        "name": "small",
        "title": "Small office",
        "data": {"file": str(small_config.data.file), "first_date": small_config.data.first_date},
        "sampling": FEW_DRAWS,
        "forecast": {"draws_per_chain": 100, "backlog_target": 30},
        "backtest": {"n_folds": 2, **FEW_DRAWS},
    }
    config_file = folder / "small.yaml"
    config_file.write_text(yaml.safe_dump(settings))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAYES_BACKLOG_KEY", SECRET)
        with cli.console.capture() as told:
            code = command("run", str(config_file), "--results", str(folder))
    return Finished(Run(folder / "small"), config_file, code, told.get())


def test_a_red_gate_ends_with_exit_code_three_after_writing_everything(finished: Finished) -> None:
    assert finished.exit_code == 3
    assert "not fit to publish" in finished.told
    assert "bulk ESS" in finished.told
    assert finished.run.manifest()["gate"]["red"]


@pytest.mark.parametrize("artefact", COLUMNS)
def test_artefacts_have_the_promised_columns(finished: Finished, artefact: str) -> None:
    table = finished.run.table(artefact)
    assert set(table) >= COLUMNS[artefact]
    assert len(table) > 0 or artefact == "cases/quarantine.csv"


def test_draws_have_the_promised_dimensions(finished: Finished) -> None:
    predictions = finished.run.dataset("forecast/predictions.nc")
    assert predictions["received"].dims == ("chain", "draw", "date")
    assert predictions["wip"].dims == ("chain", "draw", "date", "investigator")
    assert predictions["allocated"].dtype == np.int32
    assert predictions.sizes["date"] == 90
    assert predictions["team"].dims == ("date", "investigator")


def test_manifest_names_what_made_the_run(finished: Finished) -> None:
    manifest = finished.run.manifest()
    assert {"config", "data", "as_of", "seeds", "versions", "git_commit", "timings", "stages"} <= set(manifest)
    assert manifest["as_of"] == "2024-08-30"
    recorded_artefacts = {a for stage in manifest["stages"].values() for a in stage["artefacts"]}
    assert recorded_artefacts >= {*COLUMNS, "model/posterior.nc", "model/spec.json", "forecast/predictions.nc"}
    for stage in manifest["stages"].values():
        for artefact, recorded in stage["artefacts"].items():
            assert hash_file(finished.run.path(artefact)) == recorded
    assert SECRET not in json.dumps(manifest)


def test_recording_a_reason_lets_the_same_run_through_without_sampling_again(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAYES_BACKLOG_KEY", SECRET)
    posterior = finished.run.path("model/posterior.nc")
    before = posterior.stat().st_mtime_ns, hash_file(finished.run.path("backtest/scores.csv"))
    settings = yaml.safe_load(finished.config_file.read_text())
    settings["sampling"]["accept_gate_failure_because"] = "a test with few draws"
    accepting = finished.config_file.with_name("accepting.yaml")
    accepting.write_text(yaml.safe_dump(settings))
    assert command("run", str(accepting), "--results", str(accepting.parent)) == 0
    assert (posterior.stat().st_mtime_ns, hash_file(finished.run.path("backtest/scores.csv"))) == before
    assert finished.run.manifest()["gate"]["accepted_because"] == "a test with few draws"


def test_a_reloaded_fit_forecasts_the_same_numbers(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stored posterior, read back with the stored specification, gives the stored forecast to the unit."""
    monkeypatch.setenv("BAYES_BACKLOG_KEY", SECRET)
    config = load_config(finished.config_file)
    prepared = prepare(build_panels(load_cases(config.data, load_key()), config), config.model)
    spec = spec_from_json(finished.run.text("model/spec.json"))
    assert spec == prepared.spec
    trace = finished.run.tree("model/posterior.nc")
    frame = build_future_frame(prepared.panels, prepared.design, spec, config.calendar, 90)
    stored = finished.run.dataset("forecast/predictions.nc")
    for seed, same in ((config.sampling.seed, True), (config.sampling.seed + 1, False)):
        again = roll_forward(posterior_draws(trace, prepared.design, spec, 100), frame, prepared.design, spec, seed)
        assert all(np.array_equal(again[name], stored[name]) for name in stored.data_vars) is same


def test_published_quantiles_are_those_of_summed_draws(finished: Finished) -> None:
    predictions = finished.run.dataset("forecast/predictions.nc")
    stocks = finished.run.table("forecast/stocks.csv").query("level == 'office' and stock == 'open'")
    draws = office_totals(predictions, "open")
    assert np.allclose(stocks["q95"], np.quantile(draws, 0.95, axis=0).round(3))
    teams = finished.run.table("forecast/stocks.csv").query("level == 'team' and stock == 'wip'")
    assert teams.groupby("target_date")["mean"].sum().to_numpy() == pytest.approx(
        office_totals(predictions, "wip").mean(axis=0), abs=0.01
    )


def test_model_and_baseline_are_scored_on_the_same_units(finished: Finished) -> None:
    scores = finished.run.table("backtest/scores.csv")
    unit = ["quantity", "level", "unit", "cutoff", "target_date"]
    by_model = {name: set(map(tuple, rows[unit].to_numpy())) for name, rows in scores.groupby("model")}
    first, second = by_model.values()
    assert first == second
    assert scores["cutoff"].nunique() == 2


def test_people_and_cases_stay_pseudonymous_in_every_file(finished: Finished, small_config: Config) -> None:
    assert small_config.data.file is not None
    names = pd.read_csv(small_config.data.file)["investigator"].dropna().unique()
    needles = [str(name).encode() for name in names]
    for path in finished.run.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [needle for needle in needles if needle in content], path
    # The check can fail: the export itself holds the names.
    assert needles[0] in Path(small_config.data.file).read_bytes()
