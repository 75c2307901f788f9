"""A study keeps what is finished, tries again what failed, and hides neither. Nothing is sampled here."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bayes_backlog.cases.case_log import CaseLog, truncate
from bayes_backlog.config import Backtest, Config
from bayes_backlog.evaluation.backtest import FoldResult, baselines, days_ahead, score_fold
from bayes_backlog.evaluation.folds import Fold, rolling_folds
from bayes_backlog.evaluation.study import PARTS, TABLES, Study, run_study, write_failures, write_scores
from bayes_backlog.inference.sampling import silent
from bayes_backlog.jobs import HERE, Failure, Workers
from bayes_backlog.keys import Keys, fold_stage
from bayes_backlog.panels import Panels, build_panels
from bayes_backlog.runs import Run, record_stage, write_table

CUTOFFS = [pd.Timestamp("2024-02-29"), pd.Timestamp("2024-03-31")]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "office")


@pytest.fixture(scope="module")
def keys(small_config: Config) -> Keys:
    return Keys(small_config, "data")


@pytest.fixture(scope="module")
def folds(small_config: Config, small_panels: Panels) -> list[Fold]:
    backtest = Backtest(cutoffs=tuple(cutoff.date() for cutoff in CUTOFFS))
    first_date = pd.Timestamp(small_panels.daily["date"].min())
    return rolling_folds(backtest, small_config.calendar, first_date, small_panels.as_of)


@pytest.fixture(scope="module")
def hopeless(folds: list[Fold]) -> Fold:
    """Its window ends a month after the data begin: too short for any model."""
    cutoff = pd.Timestamp("2023-02-01")
    return Fold(cutoff, folds[0].targets, folds[0].working_days_ahead, folds[0].horizon_days)


@pytest.fixture(scope="module")
def study(small_log: CaseLog, small_panels: Panels, small_config: Config) -> Study:
    return Study(small_log, small_panels, None, small_config)


@pytest.fixture(scope="module")
def result(small_log: CaseLog, small_panels: Panels, small_config: Config, folds: list[Fold]) -> FoldResult:
    """What a fold leaves, the baselines alone being scored."""
    known = build_panels(truncate(small_log, folds[0].cutoff), small_config)
    found, not_made = baselines(known, days_ahead(folds[0], small_config), small_config)
    forecasts, scores = score_fold(found, small_panels, folds[0])
    return FoldResult(forecasts, scores, pd.DataFrame({"check": ["R-hat"], "status": ["green"]}), not_made)


def keep(run: Run, fold: Fold, result: FoldResult, keys: Keys) -> None:
    """Leave a fold as an earlier run would have."""
    names = [f"backtest/folds/{fold.cutoff:%Y-%m-%d}/{part}" for part in PARTS]
    for name, table in zip(names, (result.forecasts, result.scores, result.verdicts, result.not_made), strict=True):
        write_table(table.assign(cutoff=fold.cutoff), run.path(name))
    record_stage(run, fold_stage(fold.cutoff), keys.of(fold_stage(fold.cutoff)), names)


def test_finished_folds_are_kept_and_a_failed_one_is_told_and_tried_again(
    run: Run, study: Study, folds: list[Fold], hopeless: Fold, result: FoldResult, keys: Keys
) -> None:
    for fold in folds:
        keep(run, fold, result, keys)
    told: list[tuple[int, int, str]] = []
    for workers in (HERE, HERE, Workers(2)):
        tried, failures = run_study(
            run, study, [hopeless, *folds], keys, workers, lambda done, total, words: told.append((done, total, words))
        )
        assert (tried, list(failures)) == (1, [hopeless.cutoff])
        assert failures[hopeless.cutoff].error == "DataError"
        assert "at least 60" in failures[hopeless.cutoff].message
    assert told == [(2, 3, "2 reused"), (3, 3, "1 failed")] * 3
    assert not run.path("backtest/folds/2023-02-01").exists()


@pytest.mark.parametrize("change", ["file", "key"])
def test_a_fold_that_is_not_what_it_was_is_run_again(
    change: str, run: Run, study: Study, hopeless: Fold, result: FoldResult, keys: Keys
) -> None:
    """Seen by its failing: nothing was tried while its files and its key were right."""
    keep(run, hopeless, result, keys)
    assert run_study(run, study, [hopeless], keys, HERE, silent)[0] == 0
    if change == "file":
        run.path(f"backtest/folds/2023-02-01/{PARTS[1]}").write_bytes(b"")
    else:
        keys = Keys(keys.config, "other data")
    tried, failures = run_study(run, study, [hopeless], keys, HERE, silent)
    assert (tried, len(failures)) == (1, 1)


def test_tables_are_made_of_the_folds_alone(run: Run, folds: list[Fold], result: FoldResult, keys: Keys) -> None:
    """So they are the same bytes whichever fold was finished first."""
    written = []
    for order in (folds, folds[::-1]):
        for fold in order:
            keep(run, fold, result, keys)
        write_scores(run, folds)
        written.append([run.path(f"backtest/{name}").read_bytes() for name in TABLES])
    assert written[0] == written[1]
    assert run.table("backtest/scores.csv")["cutoff"].unique().tolist() == ["2024-02-29", "2024-03-31"]
    assert set(run.table("backtest/summary.csv")["n_folds"]) == {2}


def test_failures_are_a_table_even_when_there_are_none(run: Run) -> None:
    write_failures(run, {})
    assert list(run.table("backtest/failures.csv")) == ["cutoff", "error", "message"]
    write_failures(run, {CUTOFFS[0]: Failure("DataError", "no case")})
    assert run.table("backtest/failures.csv").to_dict("records") == [
        {"cutoff": "2024-02-29", "error": "DataError", "message": "no case"}
    ]
