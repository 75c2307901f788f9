"""All folds of a backtest over workers, each kept as it finishes, so that a study which was stopped continues.

A fold's tables are in `backtest/folds/<cutoff>/` and its key in the manifest; one that is there with the same key is
not run again. The study's tables are made of the folds' files alone, so they do not tell where, or in how many goes,
the folds were run. A fold that fails is a row of `backtest/failures.csv` and is tried again by the next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.config import Config
from bayes_backlog.evaluation.backtest import FoldResult, run_fold
from bayes_backlog.evaluation.folds import Fold
from bayes_backlog.evaluation.skill import skill_table, summarise
from bayes_backlog.inference.sampling import Progress, compiled_here
from bayes_backlog.jobs import Failure, Workers, map_jobs
from bayes_backlog.keys import Keys, fold_stage
from bayes_backlog.panels import Panels
from bayes_backlog.runs import Run, is_current, record_stage, write_table

PARTS = ("forecasts.parquet", "scores.parquet", "verdicts.parquet", "not_made.parquet")
TABLES = ("forecasts.parquet", "scores.csv", "verdicts.csv", "not_made.csv", "summary.csv", "skill.csv")
FAILURES = "failures.csv"


@dataclass(frozen=True)
class Study:
    """What every fold reads; it travels to workers.

    Attributes
    ----------
    log : CaseLog
        The whole log; a fold's model gets it truncated at the cutoff.
    panels : Panels
        Of the whole log: the truth.
    roster : DataFrame or None
        The roster file, if the office has one.
    config : Config
        As for the published forecast.
    cores : int or None
        Cores that one fold may use.
    """

    log: CaseLog
    panels: Panels
    roster: pd.DataFrame | None
    config: Config
    cores: int | None = None


def run_study(
    run: Run,
    study: Study,
    folds: Sequence[Fold],
    keys: Keys,
    workers: Workers,
    progress: Progress,
) -> tuple[int, dict[pd.Timestamp, Failure]]:
    """Run the folds that are not there yet and write each as it finishes.

    Parameters
    ----------
    run : Run
        Where.
    study : Study
        What the folds read.
    folds : sequence of Fold
        All of them.
    keys : Keys
        Of the stages, the folds' among them.
    workers : Workers
        Who runs them.
    progress : callable
        Told of finished folds, those reused first.

    Returns
    -------
    tried : int
        Folds that were run.
    failures : dict
        Those of them that failed, by cutoff.
    """

    def is_missing(fold: Fold) -> bool:
        stage = fold_stage(fold.cutoff)
        return not is_current(run, stage, keys.of(stage), _artefacts(fold))

    missing = [fold for fold in folds if is_missing(fold)]
    done = len(folds) - len(missing)
    words = f"{done} reused" if done else ""
    progress(done, len(folds), words)
    failures: dict[pd.Timestamp, Failure] = {}
    for fold, result in map_jobs(run_one, study, missing, workers):
        done += 1
        if isinstance(result, Failure):
            failures[fold.cutoff] = result
            words = f"{len(failures)} failed"
        else:
            _keep(run, fold, result, keys)
        progress(done, len(folds), words)
    return len(missing), dict(sorted(failures.items()))


def run_one(study: Study, fold: Fold) -> FoldResult:
    """Run one fold, with the models that its process has compiled so far."""
    return run_fold(study.log, study.panels, study.roster, study.config, fold, compiled_here(), cores=study.cores)


def _folder(fold: Fold) -> str:
    return f"backtest/folds/{fold.cutoff:%Y-%m-%d}"


def _artefacts(fold: Fold) -> tuple[str, ...]:
    return tuple(f"{_folder(fold)}/{part}" for part in PARTS)


def _keep(run: Run, fold: Fold, result: FoldResult, keys: Keys) -> None:
    tables = (result.forecasts, result.scores, result.verdicts, result.not_made)
    for artefact, table in zip(_artefacts(fold), tables, strict=True):
        write_table(table, run.path(artefact))
    stage = fold_stage(fold.cutoff)
    record_stage(run, stage, keys.of(stage), _artefacts(fold))


def write_failures(run: Run, failures: dict[pd.Timestamp, Failure]) -> None:
    """Write which folds failed, and why."""
    rows = [(cutoff, failure.error, failure.message) for cutoff, failure in failures.items()]
    write_table(pd.DataFrame(rows, columns=["cutoff", "error", "message"]), run.path(f"backtest/{FAILURES}"))


def write_scores(run: Run, folds: Sequence[Fold]) -> None:
    """Write the study's tables from the files of its folds.

    Parameters
    ----------
    run : Run
        Where.
    folds : sequence of Fold
        Those that have files, one at least.
    """
    found = [pd.concat([run.table(f"{_folder(fold)}/{part}") for fold in folds], ignore_index=True) for part in PARTS]
    scores = found[1]
    for name, table in zip(TABLES, (*found, summarise(scores), skill_table(scores)), strict=True):
        write_table(table, run.path(f"backtest/{name}"))
