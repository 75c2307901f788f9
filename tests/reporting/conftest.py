"""A finished run small enough to be worked out by hand: ten draws, two weeks ahead, three teams, two folds."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from reporting.read_pages import pages_in

from bayes_backlog.forecasts.differences import difference_table
from bayes_backlog.forecasts.periods import period_table
from bayes_backlog.forecasts.queue_age import queue_age_table, queue_order, waiting_cases
from bayes_backlog.forecasts.tables import cumulative_flow_table, flow_table, stock_table
from bayes_backlog.forecasts.target import target_dates, target_table
from bayes_backlog.forecasts.uncertainty import COLUMNS as UNCERTAINTY_COLUMNS
from bayes_backlog.models.spec import ModelSpec
from bayes_backlog.reporting.finished import predictions
from bayes_backlog.reporting.render import render_report
from bayes_backlog.runs import Run, hash_file, write_dataset, write_table, write_text

AS_OF = pd.Timestamp("2025-01-15")  # a Wednesday
FIRST = pd.Timestamp("2024-11-01")  # a Friday
DAYS_AHEAD = 14
B = "B|<script>alert(1)</script>"
TEAM_OF = {"P_a1": "A", "P_a2": "A", "P_a3": "A", "P_b4": B, "P_b5": B, "P_b6": B}
WIP_NOW = {"P_a1": 10, "P_a2": 1, "P_a3": 1, "P_b4": 6, "P_b5": 2, "P_b6": 1}


def hand_made_predictions() -> xr.Dataset:
    """Draw k ends every day d (from 1) with a backlog of 100 + (k - 4) d, k = 0 ... 9: 44, 58, ... 170 on day 14.

    On each working day k + 1 cases are received; P_a1 is allocated one; P_b4 signs one off; nothing is removed.
    """
    dates = pd.date_range(AS_OF + pd.Timedelta(days=1), periods=DAYS_AHEAD)
    k, works = np.arange(10), (dates.day_of_week < 5).astype(int)
    people = list(TEAM_OF)

    def office(values):
        return ("chain", "draw", "date"), values.reshape(2, 5, DAYS_AHEAD).astype(np.int32)

    def staff(who):
        values = np.zeros((10, DAYS_AHEAD, len(people)), np.int32)
        values[:, :, people.index(who)] = works
        return values

    allocated, signed_off = staff("P_a1"), staff("P_b4")
    wip = np.array(list(WIP_NOW.values())) + (allocated - signed_off).cumsum(axis=1)
    by_person = {"allocated": allocated, "signed_off": signed_off, "wip": wip}
    dims = ("chain", "draw", "date", "investigator")
    label = np.tile(np.array(list(TEAM_OF.values())), (DAYS_AHEAD, 1))
    return xr.Dataset(
        {
            "received": office(np.outer(k + 1, works)),
            "removed": office(np.zeros((10, DAYS_AHEAD))),
            "backlog": office(100 + np.outer(k - 4, np.arange(1, DAYS_AHEAD + 1))),
            **{name: (dims, v.reshape(2, 5, DAYS_AHEAD, -1).astype(np.int32)) for name, v in by_person.items()},
            "backlog_start": ((), np.int32(100)),
            "wip_start": (("investigator",), np.array(list(WIP_NOW.values()), np.int32)),
        },
        coords={
            "date": dates,
            "investigator": people,
            "team": (("date", "investigator"), label),
            "role": (("date", "investigator"), np.full(label.shape, "EO")),
        },
    )


def hand_made_scenario(base: xr.Dataset) -> xr.Dataset:
    """In draws 0 to 4 the backlog is lower by one case a day, 14 on the last; in the others nothing changes."""
    lower = np.outer(np.arange(10) < 5, np.arange(1, DAYS_AHEAD + 1)).reshape(2, 5, DAYS_AHEAD)
    return base.assign(backlog=base["backlog"] - lower.astype(np.int32))


def inverse() -> pd.DataFrame:
    """A target asked for twice: as forecast, and with a tenth of overtime, when nobody more is needed."""
    row = {"quantity": "backlog", "at_most": 60, "target_date": "2025-01-29", "prob": 0.8, "team": "A|1", "role": "EO"}
    row |= {"first_date": "2025-01-16", "inflow": 0.0, "most_tried": 4}
    answers = [(0.0, 2.5, 2.0, 3.0, 0.4), (0.1, 0.0, 0.0, 0.2, 0.85)]
    names = ("overtime", "fte", "fte_lower", "fte_upper", "met_without")
    return pd.DataFrame([row | dict(zip(names, answer, strict=True)) for answer in answers])


def inverse_curve() -> pd.DataFrame:
    """Every FTE of the first answer adds 0.16 to the probability from 0.4; the second is met at once."""
    fte = np.arange(41) / 10
    of = {"role": "EO", "first_date": "2025-01-16", "overtime": 0.0, "inflow": 0.0}
    alone = pd.DataFrame({"fte": fte, "met_with": np.minimum(0.4 + 0.16 * fte, 0.88), **of})
    return pd.concat([alone, alone.assign(overtime=0.1, met_with=0.95)], ignore_index=True)


def caseload() -> pd.DataFrame:
    """Two cases received on every working day, one allocated; backlog 100 and wip 21 all the time."""
    days = pd.date_range(FIRST, AS_OF)
    works = (days.day_of_week < 5).astype(int)
    flows = {"received": 2 * works, "allocated": works, "removed": 0, "signed_off": works, "closed": works}
    return pd.DataFrame(
        {"date": days, "level": "office", "unit": "office", **flows, "backlog": 100, "wip": 21, "open": 121}
    )


def panels() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The daily panel (people and teams) and the events that make `WIP_NOW`."""
    days = pd.bdate_range(FIRST, AS_OF)
    daily = pd.DataFrame([(day, who, team, "EO") for day in days for who, team in TEAM_OF.items()])
    daily.columns = ["date", "investigator", "team", "role"]
    # P_a1 is allocated two cases a day and everybody else one; all sign off one.
    daily = daily.assign(exposure=1.0, allocated=1 + (daily["investigator"] == "P_a1"), signed_off=1)
    # Everybody is allocated all cases on the first day, P_a1 half of them on one of the last: no count is small.
    at = {who: [days[0]] * n for who, n in WIP_NOW.items()} | {"P_a1": [days[0]] * 5 + [days[-10]] * 5}
    events = [(day, who, "allocated") for who, days_of_cases in at.items() for day in days_of_cases]
    return daily, pd.DataFrame(events, columns=["date", "investigator", "event"])


def case_log() -> pd.DataFrame:
    """Four cases, one in each state; one of the three allocated ones changed hands."""
    day = pd.to_datetime(["2024-11-01", "2024-11-04", "2024-11-05", "2024-11-06"])
    none = pd.NaT
    return pd.DataFrame(
        {
            "source_row": [1, 2, 3, 4],
            "is_reallocated": [False, True, False, False],
            "dt_received_inv": day,
            "dt_alloc_invest": [none, day[2], day[3], none],
            "dt_pg_signoff": [none, none, day[3] + pd.Timedelta(days=30), none],
            "dt_close": [none, none, none, day[3] + pd.Timedelta(days=9)],
        }
    )


def posterior() -> xr.DataTree:
    """Two draws a chain around round values, for the flows received, allocated and signed_off."""
    flows, staff = ["received", "allocated", "signed_off"], ["allocated", "signed_off"]
    spec = ModelSpec(office_flows=("received",))

    def constant(value, *dims):
        sizes = {"flow": 3, "staff_flow": 2, "term": len(spec.terms), "elasticity_of": 4, "investigator": 6}
        shape = tuple(sizes[dim] for dim in dims)
        spread = np.array([-1e-6, 1e-6]).reshape(1, 2, *[1] * len(dims))
        return ("chain", "draw", *dims), np.full((2, 2, *shape), value) * (1 + spread)

    data = xr.Dataset(
        {
            "calendar": constant(0.0, "flow", "term"),
            "elasticity": constant(0.5, "elasticity_of"),
            "week_sd": constant(np.log(1.2), "flow"),
            "week_persistence": constant(0.75, "flow"),
            "level_sd": constant(np.log(1.1), "flow"),
            "dispersion": constant(25.0, "flow"),
            "investigator_sd": constant(np.log(1.5), "staff_flow"),
            "team_sd": constant(np.log(1.25), "staff_flow"),
            "role_sd": constant(0.0, "staff_flow"),
            "ramp": constant(np.log(0.5), "staff_flow"),
            "investigator_rate": constant(-1.0, "staff_flow", "investigator"),
        },
        coords={
            "flow": flows,
            "staff_flow": staff,
            "term": list(spec.terms),
            "investigator": list(TEAM_OF),
            "elasticity_of": ["allocated~backlog", "allocated~recent_received", "allocated~wip", "signed_off~wip"],
        },
    )
    data["calendar"].loc[{"flow": "signed_off", "term": "month_end"}] = np.log(3)
    for weekday in ("monday", "tuesday", "wednesday", "thursday"):
        data["calendar"].loc[{"flow": "received", "term": weekday}] = np.log(2) / 4
    return xr.DataTree.from_dict({"posterior": data})


VERDICTS = [
    ("R-hat", "green", 1.003, 1.01, "largest R-hat 1.003 (intercept)", "convergence"),
    ("bulk ESS", "green", 812.0, 400, "smallest bulk effective sample size 812 (level_sd)", "convergence"),
    ("divergences", "amber", 0.0005, 0.001, "2 divergent draws (0.05%)", "convergence"),
    ("received day_sd", "green", 0.4, 0.05, "spread of day totals: 2.00, expected 1.50 to 2.50", "predictive"),
    ("signed_off week_sd", "green", 0.2, 0.05, "spread of week totals: 5.00, expected 4.00 to 8.00", "predictive"),
]


def queue_events() -> pd.DataFrame:
    """A hundred cases, received two a day up to the cutoff: what waits there. All that came before left the queue."""
    received = pd.date_range(end=AS_OF, periods=100).repeat(2).insert(0, pd.Timestamp("2024-06-01"))
    rows = [(day, f"C{k:03d}", "received") for k, day in enumerate(received)]
    rows += [(day + pd.Timedelta(days=50), f"C{k:03d}", "removed") for k, day in enumerate(received[:-100])]
    return pd.DataFrame(rows, columns=["date", "case_id", "event"])


def uncertainty() -> pd.DataFrame:
    """Shares of the last two weeks; where they stand alone they add up to 0.9, and counts are an error below zero."""
    shares = {"parameters": 0.5, "inflow": 0.3, "week": 0.12, "counts": -0.02, "interaction": 0.1}
    rows = [
        (quantity, AS_OF + pd.Timedelta(days=ahead), ahead, component, share, 0.02, share)
        for quantity in ("backlog", "wip", "received", "allocated", "signed_off")
        for ahead in (7, 14)
        for component, share in shares.items()
    ]
    return pd.DataFrame(rows, columns=UNCERTAINTY_COLUMNS)


def verdicts() -> pd.DataFrame:
    return pd.DataFrame(VERDICTS, columns=["check", "status", "value", "threshold", "message", "gate"])


def backtest_summary() -> pd.DataFrame:
    """The model wins on backlog (office) and wip (team), is even on wip and loses on received."""
    rows = [
        ("backlog", "office", 5, 4.0, 8.0),
        ("backlog", "office", 63, 10.0, 40.0),
        ("wip", "office", 63, 20.0, 20.2),
        ("received", "office", 63, 12.0, 10.0),
        ("wip", "team", 63, 3.0, 4.0),
    ]
    table = []
    for quantity, level, ahead, ours, theirs in rows:
        common = {"quantity": quantity, "level": level, "horizon_working_days": ahead, "n_folds": 2, "n_independent": 1}
        cover = {"coverage_50": 0.5, "coverage_80": 1.0, "coverage_90": 0.5, "width_90": 50.0}
        common |= cover | {"best_baseline": "bootstrap_13_weeks"}
        won = 0.0 if quantity == "received" else 0.5 if quantity == "backlog" and ahead == 63 else 1.0
        ends = {"skill_low": np.nan, "skill_high": np.nan}
        skill = ends | {"skill_vs_best_baseline": 1 - ours / theirs, "win_rate": won}
        table.append({"model": "bayes_backlog", **common, "crps": ours, **skill})
        same = ends | {"skill_vs_best_baseline": 0.0, "win_rate": 0.5}
        table.append({"model": "bootstrap_13_weeks", **common, "crps": theirs, **same})
    return pd.DataFrame(table)


def backtest_skill() -> pd.DataFrame:
    """The model against the one baseline there is."""
    table = backtest_summary()
    theirs = table.loc[table["model"] != "bayes_backlog", "crps"].to_numpy()
    ours = table[table["model"] == "bayes_backlog"].rename(columns={"skill_vs_best_baseline": "skill"})
    return ours.rename(columns={"best_baseline": "rival"}).assign(crps_rival=theirs, p_value=np.nan)


def backtest_rows() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and forecast quantiles of two folds; the model loses on the first one's backlog and on received."""
    cutoffs = ["2024-06-27", "2024-09-26"]
    scores, forecasts = [], []
    for row in backtest_summary().to_dict("records"):
        for number, cutoff in enumerate(cutoffs):
            key = {name: row[name] for name in ("model", "quantity", "level", "horizon_working_days")} | {
                "cutoff": cutoff
            }
            swap = 6.0 if row["quantity"] == "backlog" and row["model"] == "bayes_backlog" else 0.0
            crps = row["crps"] + (swap * 6 if number == 0 else -swap)
            scores.append(key | {"unit": "office", "crps": crps})
            for level in (0.05, 0.10, 0.25, 0.5, 0.75, 0.90, 0.95):
                predicted = 100 + 100 * level
                forecasts.append(key | {"observed": 120.0, "quantile_level": level, "predicted": predicted})
    return pd.DataFrame(scores), pd.DataFrame(forecasts).assign(cutoff=lambda t: pd.to_datetime(t["cutoff"]))


def manifest() -> dict:
    return {
        "run_id": "0123456789ab",
        "name": "tiny",
        "title": "Tiny office",
        "as_of": "2025-01-15",
        "git_commit": "f" * 40,
        "versions": {"bayes_backlog": "0.1.0", "pymc": "6.4.0", "xarray": "2026.9.0"},
        "data": {"file": "cases_[x].csv", "sha256": "c0ffee" * 10 + "abcd", "n_rows": 200, "encoding": "utf-8"},
        "seeds": {"sampling": 7, "simulate": None},
        "timings": {"fit": 60.0, "check": 1.5},
        "config": {
            "report": {"marking": "OFFICIAL-SENSITIVE", "organisation": "Office & Co"},
            "forecast": {"backlog_target": 90.0, "horizon_days": DAYS_AHEAD},
            "backtest": {"n_folds": 2},
            "scenarios": [{"name": "more", "title": "More | staff"}, {"name": "not_yet", "title": ""}],
            "sampling": {"chains": 2, "draws": 1000, "tune": 500, "seed": 7},
        },
        "gate": {"red": [], "accepted_because": None},
        "stages": {},
    }


def write_run(folder: Path) -> Run:
    """Write the whole run and record its artefacts in the manifest."""
    run, drawn, (daily, events), (scores, forecasts) = Run(folder), hand_made_predictions(), panels(), backtest_rows()
    scenario = hand_made_scenario(drawn)
    queued, target = queue_events(), target_table(drawn, AS_OF, 90.0)
    answers = target_dates(target).assign(level="office", unit="office")
    tables = {
        "cases/findings.csv": pd.DataFrame(
            [("missing_fte", "info", 12, "12 cases have no fte"), ("late_sign_off", "warning", 1200, "a|b <script>")],
            columns=["rule", "severity", "count", "message"],
        ),
        "cases/quarantine.csv": pd.DataFrame(
            [("x.csv", 5, "fte", "0.x", "no number", "value left out")] * 2
            + [("x.csv", 9, "dt_close", "??", "no date", "row left out")],
            columns=["file", "source_row", "column", "value", "reason", "action"],
        ),
        "cases/cases.parquet": case_log(),
        "panels/caseload.parquet": caseload(),
        "panels/daily_panel.parquet": daily,
        "panels/events.parquet": pd.concat([events, queued], ignore_index=True),
        "model/verdicts.csv": verdicts(),
        "model/parity.csv": pd.DataFrame(
            [
                ("signed_off: Bambi and PyMC", "green", 2e-11, 1e-6, "the same"),
                ("signed_off: as sampled and PyMC", "red", 0.3, 1e-6, "two models"),
            ],
            columns=["check", "status", "value", "threshold", "message"],
        ),
        "model/replicates.parquet": pd.DataFrame(
            [("day_sd", "received", 2.0, r) for r in (1.0, 2.0, 3.0)]
            + [("week_sd", "signed_off", 5.0, r) for r in (4.0, 5.0, 6.0)],
            columns=["check", "flow", "observed", "replicate"],
        ),
        "forecast/flows.csv": flow_table(drawn, AS_OF),
        "forecast/flows_cumulative.csv": cumulative_flow_table(drawn, AS_OF),
        "forecast/stocks.csv": stock_table(drawn, AS_OF),
        "forecast/weekly.csv": period_table(drawn, "week"),
        "forecast/monthly.csv": period_table(drawn, "month"),
        "forecast/uncertainty.csv": uncertainty(),
        "forecast/target.csv": target,
        "forecast/answers.csv": answers,
        "forecast/naive.csv": pd.DataFrame(
            {
                "target_date": drawn["date"].to_numpy(),
                "horizon_days": range(1, DAYS_AHEAD + 1),
                **{"q05": 80.4, "q50": 99.0, "q95": 120.0},
            }
        ),
        "forecast/queue_age.csv": queue_age_table(drawn, waiting_cases(queued, AS_OF), AS_OF),
        "forecast/queue_order.csv": queue_order(queued, AS_OF, DAYS_AHEAD),
        "scenarios/more/stocks.csv": stock_table(scenario, AS_OF),
        "scenarios/more/queue_age.csv": queue_age_table(scenario, waiting_cases(queued, AS_OF), AS_OF),
        "scenarios/target/inverse.csv": inverse(),
        "scenarios/target/inverse_curve.csv": inverse_curve(),
        "scenarios/more/difference.csv": difference_table(scenario, drawn, AS_OF),
        "backtest/summary.csv": backtest_summary(),
        "backtest/scores.csv": scores,
        "backtest/forecasts.parquet": forecasts,
        "backtest/verdicts.csv": pd.DataFrame(
            [("R-hat", "green", 1.004, "2024-06-27"), ("R-hat", "green", 1.002, "2024-09-26")],
            columns=["check", "status", "value", "cutoff"],
        ).assign(model="bayes_backlog"),
        "backtest/skill.csv": backtest_skill(),
        "backtest/not_made.csv": pd.DataFrame(columns=["model", "level", "unit", "reason", "cutoff"]),
        "backtest/failures.csv": pd.DataFrame(columns=["cutoff", "error", "message"]),
        **{f"backtest/folds/{cutoff}/scores.parquet": of_fold for cutoff, of_fold in scores.groupby("cutoff")},
    }
    for artefact, table in tables.items():
        write_table(table, run.path(artefact))
    cutoffs = scores["cutoff"].unique()
    write_dataset(drawn, run.path("forecast/predictions.nc"))
    write_dataset(posterior(), run.path("model/posterior.nc"))
    write_text(ModelSpec(office_flows=("received",)).to_json(), run.path("model/spec.json"))
    stages = {
        "cases": [f"cases/{name}" for name in ("cases.parquet", "quarantine.csv", "findings.csv")],
        "panels": [f"panels/{name}.parquet" for name in ("daily_panel", "events", "caseload")],
        "fit": ["model/posterior.nc", "model/spec.json"],
        "check": ["model/verdicts.csv", "model/replicates.parquet", "model/parity.csv"],
        "forecast": [
            f"forecast/{name}"
            for name in (
                "predictions.nc",
                "flows.csv",
                "flows_cumulative.csv",
                "stocks.csv",
                "weekly.csv",
                "monthly.csv",
            )
        ],
        "uncertainty": ["forecast/uncertainty.csv"],
        "answers": [f"forecast/{name}.csv" for name in ("target", "answers", "naive", "queue_age", "queue_order")],
        "scenario more": [f"scenarios/more/{name}.csv" for name in ("stocks", "queue_age", "difference")],
        "needed target": ["scenarios/target/inverse.csv", "scenarios/target/inverse_curve.csv"],
        **{f"backtest {cutoff}": [f"backtest/folds/{cutoff}/scores.parquet"] for cutoff in cutoffs},
        "backtest": [name for name in tables if name.startswith("backtest/") and "folds" not in name],
    }
    recorded = {
        stage: {"key": "k", "artefacts": {name: hash_file(run.path(name)) for name in names}}
        for stage, names in stages.items()
    }
    write_text(json.dumps(manifest() | {"stages": recorded}), run.path("manifest.json"))
    return run


def with_manifest(run: Run, **changes) -> Run:
    """Change sections of a run's manifest; `config` is merged by section."""
    known = run.manifest()
    changed = changes.get("config", {})
    config = known["config"] | {name: known["config"][name] | section for name, section in changed.items()}
    write_text(json.dumps(known | changes | {"config": config}), run.path("manifest.json"))
    predictions.cache_clear()
    return run


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> Run:
    """The run as it is; tests that change it make their own with `own_run`."""
    return write_run(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def own_run(tmp_path) -> Run:
    return write_run(tmp_path)


@pytest.fixture(scope="session")
def change():
    return with_manifest


@pytest.fixture(scope="session")
def rewrite():
    return write_table


@pytest.fixture(scope="session")
def rendered(tiny_run, tmp_path_factory):
    """All pages of the small run, by name; those of the guide begin with "guide/"."""
    output = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.which", lambda name: None)
        render_report(tiny_run.folder, output, root=Path(__file__).parents[2])
    return pages_in(output)
