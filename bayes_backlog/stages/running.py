"""Stages in their order, and the gate at the end: what came out red is not published."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Any

import pandas as pd

from bayes_backlog.config import Config
from bayes_backlog.errors import FoldsFailed, GateRefused, examples
from bayes_backlog.evaluation.study import FAILURES, TABLES, Study, run_study, write_failures, write_scores
from bayes_backlog.jobs import Failure, as_many_as
from bayes_backlog.runs import Run, forget_stage, update_manifest
from bayes_backlog.stages.fitting import check_stage, fit_stage, rows_stage
from bayes_backlog.stages.forecasting import answers_stage, forecast_stage, uncertainty_stage
from bayes_backlog.stages.workshop import Workshop, make_stage


def run_stages(shop: Workshop, wanted: Collection[str]) -> None:
    """Run the stages wanted, then refuse what must not be published.

    Raises
    ------
    GateRefused
        When the fit was part of it and a check came out red, unless the configuration records why that is accepted.
    FoldsFailed
        When the backtest was part of it and has folds without scores.
    """
    if shop.prepared is not None and "rows" in wanted:
        rows_stage(shop, shop.prepared)
    if shop.prepared is not None and "fit" in wanted:
        fit_stage(shop, shop.prepared)
        check_stage(shop, shop.prepared)
        if "forecast" in wanted:
            forecast_stage(shop, shop.prepared)
            uncertainty_stage(shop, shop.prepared)
            answers_stage(shop, shop.prepared)
    failures = backtest_stage(shop) if shop.folds else {}
    if "fit" in wanted:
        apply_gate(shop.config, shop.run)
    if failures:
        told = examples(f"{cutoff:%Y-%m-%d}: {failure.message}" for cutoff, failure in failures.items())
        raise FoldsFailed(
            f"{len(failures)} of {len(shop.folds)} folds failed ({told}). The scores in {shop.run.folder} leave them "
            "out, so they may flatter; backtest/failures.csv has all messages. Mend the cause and run again: the other "
            "folds are kept."
        )


def apply_gate(config: Config, run: Run) -> None:
    """Refuse a run with a red convergence or predictive check."""
    verdicts = run.table("model/verdicts.csv")
    red = verdicts[verdicts["status"] == "red"]
    reason = config.sampling.accept_gate_failure_because
    update_manifest(run, gate={"red": red["check"].tolist(), "accepted_because": reason})
    if red.empty or reason:
        return
    lines = "\n  - ".join(_told(row) for row in red.to_dict("records"))
    raise GateRefused(
        f"The forecast in {run.folder} is not fit to publish: {len(red)} check(s) came out red.\n  - {lines}\n"
        f"`bayes-backlog report {run.folder}` shows why, without the answer. Draw more where the sampling failed, mend "
        "the model or the data; or record in sampling.accept_gate_failure_because why it may be used, and the report "
        "will print the reason."
    )


def _told(verdict: dict[Hashable, Any]) -> str:
    limit = f" (limit {verdict['threshold']:g})" if verdict["gate"] == "convergence" else ""
    return f"{verdict['check']}: {verdict['message']}{limit}"


def backtest_stage(shop: Workshop) -> dict[pd.Timestamp, Failure]:
    """Forecast from earlier cutoffs and write scores, every fold cached by itself; return the folds that failed."""
    folds = shop.folds
    workers = as_many_as(len(folds), shop.config.compute.workers, shop.config.compute.scheduler)
    study = Study(shop.log, shop.panels, shop.roster, shop.config, workers.cores_each)
    with shop.bar(f"Backtest, {len(folds)} folds") as progress:
        tried, failures = run_study(shop.run, study, folds, shop.keys, workers, progress)
    if tried < len(folds):
        shop.say(f"backtest: {len(folds) - tried} of {len(folds)} folds reused")
    if tried:
        forget_stage(shop.run, "backtest")
    write_failures(shop.run, failures)
    scored = [fold for fold in folds if fold.cutoff not in failures]
    if scored:
        artefacts = tuple(f"backtest/{name}" for name in (*TABLES, FAILURES))
        make_stage(shop, "backtest", artefacts, lambda: write_scores(shop.run, scored))
    return failures
