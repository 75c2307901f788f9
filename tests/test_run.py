"""The whole way on a small office, through the command line: one real run for the session, read by many tests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from whole_run import SECRET, Finished, command

from bayes_backlog import cli
from bayes_backlog.cases.case_log import load_cases
from bayes_backlog.cases.pseudonyms import load_key
from bayes_backlog.config import Config, load_config
from bayes_backlog.forecasts.future import build_future_frame
from bayes_backlog.forecasts.inverse import SEARCHED
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.tables import office_totals
from bayes_backlog.inference.fit import prepare
from bayes_backlog.models.draws import posterior_draws
from bayes_backlog.models.spec import spec_from_json
from bayes_backlog.panels import build_panels
from bayes_backlog.runs import Run, hash_file
from bayes_backlog.vocabulary import MODEL, STOCKS

MAY_BE_EMPTY = {"cases/quarantine.csv", "backtest/not_made.csv"}
FORECAST = ["level", "unit", "target_date", "horizon_days", "mean", "q05", "q10", "q25", "q50", "q75", "q90", "q95"]
PERIOD = ["quantity", "level", "unit", "first_date", "last_date", "n_days", *FORECAST[4:]]
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
    "model/parity.csv": set(["check", "status", "value", "threshold", "message"]),
    "model/priors.csv": set(
        ["prior", "parameter", "distribution", "scale", "low", "median", "high", "meaning", "reason"]
    ),
    "model/prior_predictive.csv": set(
        ["quantity", "flow", "scale", "plausible_low", "plausible_high", "share_beyond", "observed", "status", "reason"]
    ),
    "model/row_counts.csv": set(["flow", "cases", "observed", "expected", "low", "high"]),
    "model/sensitivity.csv": set(["prior", "quantity", "sensitivity", "weaker", "median", "stronger", "status"]),
    "forecast/flows.csv": {"flow", *FORECAST},
    "forecast/flows_cumulative.csv": {"flow", *FORECAST},
    "forecast/stocks.csv": {"stock", *FORECAST},
    "forecast/weekly.csv": {*PERIOD},
    "forecast/monthly.csv": {*PERIOD},
    "forecast/target.csv": {"target_date", "horizon_days", "target", "met", "met_by", "met_for_good"},
    "forecast/answers.csv": {"question", "prob", *FORECAST},
    "forecast/naive.csv": {"target_date", "horizon_days", "mean", "q05", "q50", "q95"},
    "forecast/queue_age.csv": {"measure", *FORECAST[2:]},
    "forecast/uncertainty.csv": {"quantity", "component", "share", "share_total", "standard_error", "horizon_days"},
    "forecast/queue_order.csv": {"cutoff", "target_date", "measure", "observed", "predicted"},
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
            "skill_low",
            "skill_high",
            "win_rate",
            "best_baseline",
        ]
    ),
    "backtest/skill.csv": set(["model", "rival", "quantity", "level", "horizon_working_days", "skill", "p_value"]),
    "backtest/not_made.csv": set(["model", "level", "unit", "reason", "cutoff"]),
}


def test_a_red_gate_ends_with_exit_code_three_after_writing_everything(finished: Finished) -> None:
    assert finished.exit_code == 3
    assert "not fit to publish" in finished.told
    assert "bulk ESS" in finished.told
    assert finished.run.manifest()["gate"]["red"]


@pytest.mark.parametrize("artefact", COLUMNS)
def test_artefacts_have_the_promised_columns(finished: Finished, artefact: str) -> None:
    table = finished.run.table(artefact)
    assert set(table) >= COLUMNS[artefact]
    assert len(table) > 0 or artefact in MAY_BE_EMPTY


def test_the_programs_of_the_row_model_agree(finished: Finished) -> None:
    assert finished.run.table("model/parity.csv")["status"].tolist() == 4 * ["green"]


def test_draws_have_the_promised_dimensions(finished: Finished) -> None:
    predictions = finished.run.dataset("forecast/predictions.nc")
    assert predictions["received"].dims == ("chain", "draw", "date")
    assert predictions["wip"].dims == ("chain", "draw", "date", "investigator")
    assert predictions["allocated"].dtype == np.int32
    assert predictions.sizes["date"] == 90
    assert predictions["team"].dims == ("date", "investigator")


SCENARIOS = [
    {"name": "as_it_is"},
    {"name": "newest_first", "oldest_first": 0.0},
    {"name": "two_more", "joiners": [{"team": "Team 1", "role": "EO", "number": 2, "first_date": "2024-09-02"}]},
]
DIFFERENCE = ["quantity", *FORECAST, "p_lower", "p_higher"]


@pytest.fixture(scope="session")
def compared(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The finished run with its red gate accepted, its scenarios compared and a target asked for."""
    results = tmp_path_factory.mktemp("compared")
    shutil.copytree(finished.run.folder, results / "small")
    settings = yaml.safe_load(finished.config_file.read_text())
    settings["sampling"]["accept_gate_failure_because"] = "a test"
    config_file = results / "small.yaml"
    config_file.write_text(yaml.safe_dump(settings | {"scenarios": SCENARIOS}))
    target = ("--target", "backlog=40", "--by", "2024-11-20")
    levers, days = ("--overtime", "0.2"), ("--from", "2024-10-07", "--from", "2024-11-04")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAYES_BACKLOG_KEY", SECRET)
        with cli.console.capture() as told:
            codes = [
                command("scenario", str(config_file), "--results", str(results), *words)
                for words in ((), (*target, *levers, *days), ("--name", "two_more", *target, *levers))
            ]
    return Finished(Run(results / "small"), config_file, max(codes), told.get())


def test_scenarios_use_the_fit_that_is_there(finished: Finished, compared: Finished) -> None:
    assert compared.exit_code == 0, compared.told
    before, after = (done.run.manifest()["stages"]["fit"] for done in (finished, compared))
    assert before == after


def test_a_scenario_has_the_forecast_s_tables(finished: Finished, compared: Finished) -> None:
    """The one that changes nothing has the very same ones; the other differs, draw by draw."""
    for name in ("flows", "flows_cumulative", "stocks", "queue_age"):
        base, same, more = (
            compared.run.path(f"{folder}/{name}.csv").read_bytes()
            for folder in ("forecast", "scenarios/as_it_is", "scenarios/two_more")
        )
        assert base == same
        assert base != more
    assert list(compared.run.table("scenarios/two_more/difference.csv")) == DIFFERENCE
    same = compared.run.table("scenarios/as_it_is/difference.csv")
    assert (same[["mean", "q05", "q95", "p_lower", "p_higher"]] == 0).all(axis=None)


def test_the_order_of_service_changes_ages_and_nothing_else(compared: Finished) -> None:
    for name in ("flows", "flows_cumulative", "stocks", "queue_age"):
        base, newest = (
            compared.run.path(f"{folder}/{name}.csv").read_bytes() for folder in ("forecast", "scenarios/newest_first")
        )
        assert (base == newest) is (name != "queue_age")


def test_the_staff_needed_is_told_and_written(compared: Finished) -> None:
    """Overtime and an early start spare joiners; so do the two of the scenario that the second question starts from."""
    asked, after_two = (compared.run.table(f"scenarios/{name}/inverse.csv") for name in ("target", "two_more"))
    alone, later = (rows for _, rows in asked.groupby("first_date"))
    for table in (alone, later, after_two):
        assert set(table) >= {"fte", "fte_lower", "fte_upper", "met_without", "most_tried", *SEARCHED}
        assert (table["fte_lower"] <= table["fte"]).all()
        assert (table["fte"] <= table["fte_upper"]).all()
        assert table["overtime"].tolist() == [0.0, 0.2]
        assert table["fte"].iloc[1] <= table["fte"].iloc[0]
    assert (after_two["met_without"].to_numpy() >= alone["met_without"].to_numpy()).all()
    assert (later["fte"].to_numpy() >= alone["fte"].to_numpy()).all()
    assert (later["met_without"].to_numpy() == alone["met_without"].to_numpy()).all()
    assert "FTE needed" in compared.told
    recorded = compared.run.manifest()["stages"]
    for name in ("target", "two_more"):
        assert set(recorded[f"needed {name}"]["artefacts"]) == {
            f"scenarios/{name}/{table}.csv" for table in ("inverse", "inverse_curve")
        }
    curve = compared.run.table("scenarios/target/inverse_curve.csv")
    assert curve.groupby(list(SEARCHED))["met_with"].is_monotonic_increasing.all()


def test_a_forecast_that_the_gate_refused_has_no_scenarios(finished: Finished, tmp_path: Path) -> None:
    shutil.copytree(finished.run.folder, tmp_path / "small")
    settings = yaml.safe_load(finished.config_file.read_text()) | {"scenarios": SCENARIOS}
    config_file = tmp_path / "small.yaml"
    config_file.write_text(yaml.safe_dump(settings))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAYES_BACKLOG_KEY", SECRET)
        assert command("scenario", str(config_file), "--results", str(tmp_path)) == 3
    assert not (tmp_path / "small" / "scenarios").exists()


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


def test_another_target_is_answered_without_forecasting_again(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target changes no forecast; a table of answers that did not depend on it would be stale."""
    monkeypatch.setenv("BAYES_BACKLOG_KEY", SECRET)
    drawn = finished.run.path("forecast/predictions.nc").stat().st_mtime_ns
    settings = yaml.safe_load(finished.config_file.read_text())
    settings["forecast"]["backlog_target"] = 50
    other = finished.config_file.with_name("other_target.yaml")
    other.write_text(yaml.safe_dump(settings))
    for file, target in ((other, 50), (finished.config_file, 30)):
        assert command("forecast", str(file), "--results", str(file.parent)) == 3
        assert set(finished.run.table("forecast/target.csv")["target"]) == {target}
    assert finished.run.path("forecast/predictions.nc").stat().st_mtime_ns == drawn


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
        assert all(again[name].equals(stored[name]) for name in stored.data_vars) is same


def test_published_quantiles_are_those_of_summed_draws(finished: Finished) -> None:
    predictions = finished.run.dataset("forecast/predictions.nc")
    stocks = finished.run.table("forecast/stocks.csv").query("level == 'office' and stock == 'open'")
    draws = office_totals(predictions, "open")
    assert np.allclose(stocks["q95"], np.quantile(draws, 0.95, axis=0).round(3))
    teams = finished.run.table("forecast/stocks.csv").query("level == 'team' and stock == 'wip'")
    assert teams.groupby("target_date")["mean"].sum().to_numpy() == pytest.approx(
        office_totals(predictions, "wip").mean(axis=0), abs=0.01
    )


def test_model_and_baselines_are_scored_on_the_same_units(finished: Finished) -> None:
    """All of them on the same stocks; of flows a random walk of stocks says nothing."""
    scores = finished.run.table("backtest/scores.csv")
    unit = ["quantity", "level", "unit", "cutoff", "target_date"]
    by_model = {name: set(map(tuple, rows[unit].to_numpy())) for name, rows in scores.groupby("model")}
    assert set(by_model) >= {MODEL, "last_quarter", "bootstrap_13_weeks", "random_walk_with_drift"}
    walk = by_model.pop("random_walk_with_drift")
    ours = by_model[MODEL]
    assert walk == {key for key in ours if key[0] in STOCKS}
    assert all(units == ours for units in by_model.values())
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
