"""Monitoring: its false alarms under a right forecast, its alarms under a wrong one, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from bayes_backlog import cli
from bayes_backlog.errors import DataError
from bayes_backlog.evaluation.monitor import COLUMNS, FALSE_ALARMS, STOCK_COLUMNS, cusum, monitor
from bayes_backlog.reporting.monitoring import HISTORY, STOCKS_HISTORY, watch
from bayes_backlog.runs import Run, hash_file, write_dataset, write_table, write_text
from bayes_backlog.vocabulary import BY_NAME

CUTOFF = pd.Timestamp("2025-01-31")
WEEKS = 12
DATES = pd.date_range(CUTOFF + pd.Timedelta(days=1), periods=7 * WEEKS)
WORKS = (DATES.day_of_week < 5).astype(float)
FLOWS = ("received", "removed", "allocated", "signed_off")
N, WORLDS = 1000, 120


def futures(n: int, seed: int, factor: float = 1.0) -> dict[str, np.ndarray]:
    """Flows of n futures (n, date) that share a level for good: weeks and flows of a future depend on one another."""
    rng = np.random.default_rng(seed)
    level = np.exp(0.15 * rng.standard_normal((n, 1)))
    means = {"received": 8 * factor, "removed": 0.3, "allocated": 7.5, "signed_off": 7.0}
    return {flow: rng.poisson(mean * level * WORKS) for flow, mean in means.items()}


@pytest.fixture(scope="module")
def forecast() -> xr.Dataset:
    drawn = futures(N, seed=1)
    person = ("chain", "draw", "date", "investigator")
    office = {name: (person[:3], drawn[name][None]) for name in ("received", "removed")}
    staff = {name: (person, drawn[name][None, ..., None]) for name in ("allocated", "signed_off")}
    backlog, wip = stocks_of(drawn)
    stocks = {"backlog": (person[:3], backlog[None]), "wip": (person, wip[None, ..., None])}
    return xr.Dataset(office | staff | stocks, coords={"date": DATES, "investigator": ["P_a"]})


def stocks_of(flows: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Backlog and work in progress, from a hundred each at the cutoff."""
    backlog = (flows["received"] - flows["removed"] - flows["allocated"]).round().cumsum(axis=-1)
    wip = (flows["allocated"] - flows["signed_off"]).cumsum(axis=-1)
    return 100 + backlog.astype(int), 100 + wip.astype(int)


def world_of(flows: dict[str, np.ndarray], k: int = 0) -> pd.DataFrame:
    """What came, by day."""
    came = {flow: flows[flow][k] for flow in FLOWS}
    backlog, wip = stocks_of(came)
    return pd.DataFrame(came | {"backlog": backlog, "wip": wip}, index=DATES)


def alarm_rate(forecast: xr.Dataset, factor: float, n: int = WORLDS) -> float:
    came = futures(n, seed=2, factor=factor)
    worlds = (world_of(came, k) for k in range(n))
    return float(np.mean([monitor(forecast, world, "r", CUTOFF, DATES[-1]).is_alarm for world in worlds]))


def test_a_right_forecast_gives_few_false_alarms(forecast: xr.Dataset) -> None:
    """Within three Monte-Carlo standard errors of one in twenty, though weeks and flows depend on one another."""
    rate = alarm_rate(forecast, 1.0)
    assert rate == pytest.approx(
        FALSE_ALARMS, abs=3 * np.sqrt(FALSE_ALARMS * (1 - FALSE_ALARMS) / WORLDS * (1 + WORLDS / N))
    )


def test_limits_that_took_weeks_as_independent_would_alarm_too_often(forecast: xr.Dataset) -> None:
    """The broken twin: sums of independent z-scores stay far below those of futures with a level of their own."""
    z = np.random.default_rng(3).standard_normal((4, N, WEEKS))
    naive = np.quantile(np.max([cusum(flow).max(axis=(0, 2)) for flow in z], axis=0), 1 - FALSE_ALARMS)
    world = world_of(futures(1, seed=5))
    assert monitor(forecast, world, "r", CUTOFF, DATES[-1]).weeks["limit"].iloc[0] > 1.5 * naive


def test_an_office_that_drifts_is_found(forecast: xr.Dataset) -> None:
    assert alarm_rate(forecast, 1.8) > 0.9


def test_sums_by_hand() -> None:
    up, down = cusum(np.array([[1.0, 2.0, -3.0, 0.2]]))[:, 0]
    assert up.tolist() == pytest.approx([0.5, 2.0, 0.0, 0.0])
    assert down.tolist() == pytest.approx([0.0, 0.0, 2.5, 1.8])


def test_a_week_is_placed_among_its_draws(forecast: xr.Dataset) -> None:
    world = world_of(futures(1, seed=5))
    weeks = monitor(forecast, world, "r", CUTOFF, DATES[20] + pd.Timedelta(days=3)).weeks
    assert tuple(weeks) == COLUMNS
    assert set(COLUMNS) - set(BY_NAME) <= {"q05", "q50", "q95"}
    assert weeks["last_date"].nunique() == 3
    first = weeks[weeks["flow"] == "received"].iloc[0]
    drawn = forecast["received"].isel(date=slice(0, 7)).sum("date").to_numpy().ravel()
    assert first["observed"] == world["received"].iloc[:7].sum()
    assert first["pit"] == pytest.approx((drawn < first["observed"]).mean() + (drawn == first["observed"]).mean() / 2)
    assert first["cusum_up"] == pytest.approx(max(0.0, stats.norm.ppf(first["pit"]) - 0.5), abs=1e-3)


def test_stocks_are_scored_on_every_day_that_has_come(forecast: xr.Dataset) -> None:
    """Days off keep the stocks of the day before; what falls outside the forecast is told by its place and score."""
    world = world_of(futures(1, seed=5))
    start = pd.DataFrame(dict.fromkeys(FLOWS, 0) | {"backlog": 100, "wip": 100}, index=[CUTOFF])
    working = pd.concat([start, world[world.index.day_of_week < 5]])
    stocks = monitor(forecast, working, "r", CUTOFF, DATES[20]).stocks
    assert tuple(stocks) == STOCK_COLUMNS
    assert set(STOCK_COLUMNS) - set(BY_NAME) <= {"q05", "q50", "q95"}
    by_day = stocks.set_index(["stock", "target_date"])
    assert by_day.loc["backlog", "observed"].tolist() == world["backlog"].iloc[:21].tolist()
    assert (by_day.loc["open", "observed"] == by_day.loc["backlog", "observed"] + by_day.loc["wip", "observed"]).all()
    drawn = forecast["backlog"].sel(date=DATES[20]).to_numpy().ravel()
    last = by_day.loc[("backlog", DATES[20])]
    assert (last["q05"], last["q95"]) == tuple(np.quantile(drawn, [0.05, 0.95]))
    far = monitor(forecast, working.assign(backlog=10_000), "r", CUTOFF, DATES[20]).stocks.set_index("stock")
    assert (far.loc["backlog", "pit"] == 1.0).all()
    assert far.loc["backlog", "crps"].min() > 100 * by_day.loc["backlog", "crps"].max()


# --- a run, and exports of its office ---


def export(folder: Path, name: str, days_after: int, a_day: int) -> Path:
    """Write a case log: eight cases a working day until the cutoff, `a_day` after; all started and ended soon."""
    last = CUTOFF + pd.Timedelta(days=days_after)
    days = pd.bdate_range("2023-06-01", last)
    received = days.repeat([8 if day <= CUTOFF else a_day for day in days])
    cases = pd.DataFrame({"case_id": [f"C{k:05d}" for k in range(len(received))], "dt_received_inv": received})
    later = {"dt_alloc_invest": 7, "dt_pg_signoff": 14}
    for milestone, wait in later.items():
        reached = received + pd.Timedelta(days=wait)
        cases[milestone] = reached.where(reached <= last)
    cases.assign(investigator="Ann").to_csv(folder / name, index=False)
    return folder / name


@pytest.fixture
def run(tmp_path: Path, forecast: xr.Dataset) -> Run:
    run = Run(tmp_path / "office")
    write_dataset(forecast.astype(np.int32), run.path("forecast/predictions.nc"))
    days = pd.bdate_range("2023-06-01", CUTOFF)
    write_table(
        pd.DataFrame({"date": days, "level": "office", "unit": "office", "received": 8}),
        run.path("panels/caseload.parquet"),
    )
    write_table(pd.DataFrame({"rule": ["unused_columns"]}), run.path("cases/findings.csv"))
    recorded = {"forecast/predictions.nc": hash_file(run.path("forecast/predictions.nc"))}
    manifest = {
        "run_id": "abc",
        "as_of": f"{CUTOFF:%Y-%m-%d}",
        "config": {"name": "office", "title": "Office", "data": {"as_of": f"{CUTOFF:%Y-%m-%d}"}},
        "stages": {"forecast": {"key": "k", "artefacts": recorded}},
    }
    write_text(json.dumps(manifest), run.path("manifest.json"))
    return run


def command(*arguments: object) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["bayes-backlog", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return int(ended.value.code or 0)


def test_the_command_says_whether_the_office_drifted(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert command("monitor", run.folder, export(tmp_path, "same.csv", 42, 8)) == 0
    assert "no flow has left what was forecast" in " ".join(capsys.readouterr().out.split())
    with cli.console.capture() as told:
        assert command("monitor", run.folder, export(tmp_path, "more.csv", 56, 30)) == 3
    assert "cases received ran above the forecast" in told.get()
    assert run.path("monitor/cusum.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_the_history_only_grows(run: Run, tmp_path: Path) -> None:
    watch(run, export(tmp_path, "four.csv", 28, 8))
    first = run.path(HISTORY).read_text(encoding="utf-8")
    watch(run, tmp_path / "four.csv")
    assert run.path(HISTORY).read_text(encoding="utf-8") == first
    watch(run, export(tmp_path, "eight.csv", 56, 8))
    assert run.path(HISTORY).read_text(encoding="utf-8").startswith(first)
    assert run.table(HISTORY)["as_of"].nunique() == 2
    assert run.table(STOCKS_HISTORY)["target_date"].nunique() == 56


def handed_on(folder: Path, log: Path) -> tuple[Path, Path]:
    """Write a log that shows only the second holders of every third case, a month on, and the history of them all."""
    cases = pd.read_csv(log, parse_dates=["dt_received_inv", "dt_alloc_invest", "dt_pg_signoff"])
    again = cases["dt_alloc_invest"] + pd.Timedelta(days=28)
    moved = (cases.index % 3 == 0) & (again <= cases["dt_pg_signoff"].max())
    first = cases.loc[cases["dt_alloc_invest"].notna(), ["case_id", "investigator", "dt_alloc_invest"]]
    second = first[moved[first.index]].assign(investigator="Bea", dt_alloc_invest=again)
    history = pd.concat([first, second]).rename(columns={"dt_alloc_invest": "first_date"})
    history.to_csv(folder / "history.csv", index=False)
    latest = {"dt_alloc_invest": cases["dt_alloc_invest"].mask(moved, again), "dt_pg_signoff": cases["dt_pg_signoff"]}
    latest["dt_pg_signoff"] = latest["dt_pg_signoff"].mask(moved)
    cases.assign(**latest).to_csv(folder / "latest.csv", index=False)
    return folder / "latest.csv", folder / "history.csv"


def test_an_office_with_an_allocation_history_is_watched_with_its_history(run: Run, tmp_path: Path) -> None:
    """First allocations are those of the plain log; latest ones alone, the twin, are others."""
    plain = watch(run, export(tmp_path, "plain.csv", 56, 8)).weeks.set_index(["flow", "last_date"])["observed"]
    latest, history = handed_on(tmp_path, tmp_path / "plain.csv")
    misled = watch(run, latest).weeks.set_index(["flow", "last_date"])["observed"]
    with pytest.raises(DataError, match="made without an allocation history"):
        watch(run, latest, history)
    write_table(pd.DataFrame({"rule": ["allocation_history"]}), run.path("cases/findings.csv"))
    told = watch(run, latest, history).weeks.set_index(["flow", "last_date"])["observed"]
    assert told["allocated"].tolist() == plain["allocated"].tolist()
    assert misled["allocated"].tolist() != plain["allocated"].tolist()
    with pytest.raises(DataError, match="Give the history that belongs to them"):
        watch(run, latest)
    assert command("monitor", run.folder, latest, "--allocation-history", history) in (0, 3)


def test_a_forecast_flow_must_be_told_of(run: Run, forecast: xr.Dataset, tmp_path: Path) -> None:
    """An export without its dates has no court orders to count; none at all would look like a drift."""
    with_orders = forecast.assign(court_order=forecast["received"]).astype(np.int32)
    log = pd.read_csv(export(tmp_path, "log.csv", 28, 8))
    flows = pd.DataFrame(
        {flow: log["dt_received_inv"].value_counts().rename(index=pd.Timestamp) for flow in (*FLOWS, "court_order")}
    ).assign(backlog=0, wip=0)
    assert "court_order" in set(monitor(with_orders, flows, "r", CUTOFF, DATES[27]).weeks["flow"])
    with pytest.raises(DataError, match="no dates of court_order"):
        monitor(with_orders, flows[list(FLOWS)], "r", CUTOFF, DATES[27])


def test_what_cannot_be_compared_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing has come since"):
        watch(run, export(tmp_path, "old.csv", -10, 8))
    with pytest.raises(DataError, match="no whole week has come"):
        watch(run, export(tmp_path, "few.csv", 4, 8))
    other = pd.read_csv(export(tmp_path, "other.csv", 28, 8))
    other.rename(columns={"dt_received_inv": "Came in"}).to_csv(tmp_path / "columns.csv", index=False)
    with pytest.raises(DataError, match="dt_received_inv"):
        watch(run, tmp_path / "columns.csv")
    other.iloc[::3].to_csv(tmp_path / "third.csv", index=False)
    with pytest.raises(DataError, match="do not seem to be of the same office"):
        watch(run, tmp_path / "third.csv")
    assert not run.path(HISTORY).is_file()
