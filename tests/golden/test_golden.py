"""Golden tests: the published tables of a small run with fixed seeds, beside those it gave before.

(The UK's RAP guidance calls this backtesting; here a backtest forecasts the past.) What is read and counted must be the
same to the digit. What is sampled may differ by Monte-Carlo error, because another processor rounds differently and the
sampler then takes another path: by `ERRORS` standard errors of a mean or quantile, and scores by `SCORE_SHARE` and half
a case. A change that is meant is accepted with `make golden`, and its differences are reviewed like code.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from whole_run import Finished

from bayes_backlog.runs import write_table

EXPECTED = Path(__file__).parent
REGENERATE = "BAYES_BACKLOG_WRITE_GOLDEN"

EFFECTIVE_DRAWS = 80
"""What the small run's 200 draws are worth: draws in a chain resemble one another."""
ERRORS = 6
"""Standard errors: two independent runs differ by sqrt(2) of one's, and a thousand numbers are compared."""
SCORE_SHARE = 0.3
HALF_A_CASE = 0.5
"""Scores of flows with hardly a case hang on single draws of one or two."""
QUANTILES = {"q05": 0.05, "q10": 0.10, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q90": 0.90, "q95": 0.95}
STATISTICS = ["mean", *QUANTILES]
SCORES = ["crps", "crps_log", "wis", "width_90"]
SHARES = ["coverage_50", "coverage_80", "coverage_90", "met", "met_by", "met_for_good"]
DAYS = (1, 7, 30, 60, 90)

Excerpt = Callable[[pd.DataFrame], pd.DataFrame]


def some_days(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["horizon_days"].isin(DAYS)]


def everything(table: pd.DataFrame) -> pd.DataFrame:
    return table


def only(*columns: str) -> Excerpt:
    return lambda table: table[list(columns)]


TABLES: dict[str, Excerpt] = {
    "cases/findings.csv": only("rule", "severity", "count"),
    "panels/caseload.parquet": lambda table: table[table["date"] >= table["date"].max() - pd.Timedelta(days=6)],
    "panels/team_weekly.csv": lambda table: table.groupby("unit").tail(4),
    "model/verdicts.csv": only("check", "threshold", "gate"),
    "model/priors.csv": everything,
    "model/sensitivity.csv": lambda table: table[["prior", "quantity"]].sort_values(["prior", "quantity"]),
    "forecast/flows.csv": some_days,
    "forecast/flows_cumulative.csv": some_days,
    "forecast/stocks.csv": some_days,
    "forecast/weekly.csv": lambda table: table[table["level"] == "office"],
    "forecast/monthly.csv": everything,
    "forecast/target.csv": some_days,
    "forecast/naive.csv": some_days,
    "forecast/answers.csv": lambda table: table[table["question"].str.startswith("starts")],
    "forecast/queue_age.csv": some_days,
    "forecast/queue_order.csv": everything,
    "forecast/uncertainty.csv": only("quantity", "target_date", "horizon_days", "component"),
    "backtest/summary.csv": lambda table: table[
        ["model", "quantity", "level", "horizon_working_days", "n_folds", *SCORES, *SHARES[:3]]
    ],
}


def file_of(artefact: str) -> Path:
    return EXPECTED / f"{artefact.replace('/', '-').rpartition('.')[0]}.csv"


def as_written(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Return a table as it comes back from CSV, as the expected one does."""
    write_table(table.reset_index(drop=True), folder / "table.csv")
    return pd.read_csv(folder / "table.csv", keep_default_na=False, na_values=[""])


def in_errors_of_the_mean(statistic: str) -> float:
    """Return the standard error of a statistic, that of the mean being 1: known for a normal distribution."""
    if statistic == "mean":
        return 1.0
    share = QUANTILES[statistic]
    return float(np.sqrt(share * (1 - share)) / stats.norm.pdf(stats.norm.ppf(share)))


def disagreements(expected: pd.DataFrame, found: pd.DataFrame) -> list[str]:
    """Say where two tables differ by more than the tolerances above."""
    if list(expected) != list(found) or len(expected) != len(found):
        return [f"columns {list(found)} and {len(found)} rows, expected {list(expected)} and {len(expected)}"]
    tolerance = {name: np.zeros(len(expected)) for name in expected}
    if set(STATISTICS) <= set(expected):
        error = ((expected["q95"] - expected["q05"]) / (2 * stats.norm.ppf(0.95)) / np.sqrt(EFFECTIVE_DRAWS)).to_numpy()
        # Counts are whole: a quantile of few moves by one, a share of few by a twentieth.
        least = 1.0 if expected["q95"].max() > 1 else 0.05
        tolerance |= {name: np.maximum(ERRORS * error * in_errors_of_the_mean(name), least) for name in STATISTICS}
    tolerance |= {
        name: SCORE_SHARE * expected[name].abs().to_numpy() + HALF_A_CASE for name in SCORES if name in expected
    }
    tolerance |= {name: np.full(len(expected), 0.5) for name in SHARES if name in expected}
    return [
        f"{name} of row {row}: {found[name].iloc[row]}, expected {expected[name].iloc[row]}"
        for name in expected
        for row in np.flatnonzero(_differs(expected[name], found[name], tolerance[name]))
    ]


def _differs(expected: pd.Series, found: pd.Series, tolerance: np.ndarray) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(expected) and pd.api.types.is_numeric_dtype(found):
        gap = np.abs(found.to_numpy(dtype=float) - expected.to_numpy(dtype=float))
        both_missing = expected.isna().to_numpy() & found.isna().to_numpy()
        return ~(gap <= tolerance + 1e-9) & ~both_missing
    return expected.fillna("").astype(str).to_numpy() != found.fillna("").astype(str).to_numpy()


@pytest.mark.parametrize("artefact", TABLES)
def test_a_published_table_is_what_it_was(finished: Finished, artefact: str, tmp_path: Path) -> None:
    found = as_written(TABLES[artefact](finished.run.table(artefact)), tmp_path)
    if os.environ.get(REGENERATE):
        write_table(found, file_of(artefact))
    expected = pd.read_csv(file_of(artefact), keep_default_na=False, na_values=[""])
    assert disagreements(expected, found)[:5] == []


def test_no_expected_table_is_left_over() -> None:
    assert {path.name for path in EXPECTED.glob("*.csv")} == {file_of(artefact).name for artefact in TABLES}


# --- the comparison itself ---


@pytest.fixture
def stocks() -> pd.DataFrame:
    return pd.read_csv(file_of("forecast/stocks.csv"))


def test_a_forecast_moved_by_a_bit_of_its_spread_is_seen(stocks: pd.DataFrame) -> None:
    office = stocks[stocks["stock"] == "open"].reset_index(drop=True)
    moved = 1 + 0.25 * (office["q95"] - office["q05"])
    higher = office.assign(**{name: office[name] + moved for name in STATISTICS})
    assert len(disagreements(office, higher)) >= len(office)


def test_a_count_off_by_one_is_seen() -> None:
    caseload = pd.read_csv(file_of("panels/caseload.parquet"))
    assert len(disagreements(caseload, caseload.assign(backlog=caseload["backlog"] + 1))) == len(caseload)


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.iloc[1:],
        lambda table: table.drop(columns="q05"),
        lambda table: table.assign(unit="elsewhere"),
        lambda table: table.assign(mean=np.nan),
    ],
)
def test_rows_columns_labels_and_gaps_are_seen(stocks: pd.DataFrame, change: Excerpt) -> None:
    assert disagreements(stocks, stocks) == []
    assert disagreements(stocks, change(stocks)) != []
