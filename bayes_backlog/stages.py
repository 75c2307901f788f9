"""The stages of a run, in order: cases, panel, fit, check, forecast, backtest.

Reading and building panels take a second and are done anew; sampling and what follows is cached by content. Nothing is
written before the cases and panels have been read and checked, so bad input leaves no half-written run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from bayes_backlog.cases.case_log import CaseLog, load_cases
from bayes_backlog.cases.pseudonyms import Key, load_key
from bayes_backlog.cases.synthetic import SimulatedOffice, simulate_office, write_office
from bayes_backlog.config import Config, with_data
from bayes_backlog.errors import GateRefused
from bayes_backlog.evaluation.backtest import FoldResult, run_fold, summarise
from bayes_backlog.evaluation.folds import Fold, rolling_folds
from bayes_backlog.forecasts.future import build_future_frame
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.tables import cumulative_flow_table, flow_table, stock_table
from bayes_backlog.inference.checks import aggregate_verdicts, replicate_flows
from bayes_backlog.inference.fit import Prepared, fit, prepare
from bayes_backlog.inference.gate import convergence_verdicts, verdict_table
from bayes_backlog.inference.sampling import CompiledModels, Progress, SamplerSettings
from bayes_backlog.models.draws import PosteriorDraws, posterior_draws
from bayes_backlog.panels import Panels, build_panels
from bayes_backlog.panels.roster import read_roster
from bayes_backlog.runs import (
    Run,
    code_hash,
    git_commit,
    hash_file,
    hash_of,
    refuse_unwritable,
    run_stage,
    start_manifest,
    update_manifest,
    versions,
    write_dataset,
    write_table,
    write_text,
)

STAGES = ("cases", "panel", "fit", "check", "forecast", "backtest")
CHECK_DRAWS = 1000
"""Replicates: a tail probability of 0.005 is then known to 0.002, one Monte-Carlo standard error."""
FILES = {"file", "roster", "allocation_history"}
CHANGES_NO_NUMBER: dict[str, Any] = {
    "sampling": {"accept_gate_failure_because"},
    "forecast": {"backlog_target"},
    "report": True,
}
KEPT_DRAWS_PER_CHAIN = 1000
"""At most, evenly spaced: the gate judges all draws before they are thinned."""
POSTERIOR_NOT_KEPT = ("week_persistence_share", "week_z", "level_z", "team_z", "role_z", "investigator_z")
"""Standard normals behind effects that are kept themselves."""

ProgressBar = Callable[[str], AbstractContextManager[Progress]]
"""Opens a progress bar with a title; gives the function that moves it."""


@dataclass(frozen=True)
class Workshop:
    """Everything the stages share.

    Attributes
    ----------
    config : Config
        What was asked for.
    run : Run
        Where it goes.
    log : CaseLog
        Typed cases.
    roster : DataFrame or None
        Who works when, where a file says so.
    panels : Panels
        Built from the log and the roster.
    prepared : Prepared or None
        What the model is fitted to, where the stages wanted fit one.
    folds : list of Fold
        Of the backtest.
    key : str
        Hash of data, configuration and code.
    compiled : CompiledModels
        Shared by the fit and the folds.
    bar : ProgressBar
        Shows progress.
    """

    config: Config
    run: Run
    log: CaseLog
    roster: pd.DataFrame | None
    panels: Panels
    prepared: Prepared | None
    folds: list[Fold]
    key: str
    compiled: CompiledModels
    bar: ProgressBar


def up_to(last_stage: str) -> tuple[str, ...]:
    """Return the stages up to and including `last_stage`."""
    return STAGES[: STAGES.index(last_stage) + 1]


def open_workshop(config: Config, run: Run, bar: ProgressBar, last_stage: str = STAGES[-1]) -> Workshop:
    """Read the cases and build the panels; write both rooms once all that the stages wanted may refuse was tried."""
    refuse_unwritable(run.folder)
    with bar("Reading cases and building panels") as progress, TemporaryDirectory() as temporary:
        progress(0, 3, "reading")
        office = None
        if config.data.file is None and config.simulate is not None:
            office = simulate_office(config.simulate)
            config = _written(office, Path(temporary), config)
        key = load_key() if office is None else Key.for_synthetic_data()
        log = load_cases(config.data, key)
        roster = None if config.data.roster is None else read_roster(config.data.roster, key)
        progress(1, 3, "building panels")
        panels = build_panels(log, config, roster)
        prepared = prepare(panels, config.model) if "fit" in up_to(last_stage) else None
        folds = _folds(config, panels) if "backtest" in up_to(last_stage) else []
        progress(2, 3, "writing")
        if office is not None:
            write_office(office, run.path("simulated"))
        settings = config.model_dump(mode="json", exclude={"data": {*FILES, "exclude"}})
        stage_key = hash_of(
            log.source.sha256,
            [hash_file(file) for name in FILES if (file := getattr(config.data, name)) is not None],
            config.model_dump(mode="json", exclude={"data": FILES, **CHANGES_NO_NUMBER}),
            code_hash(),
            versions(),
            # A case's pseudonym stands for the secret key: another key gives other labels, so nothing cached fits.
            log.cases["case_id"].iloc[0],
        )
        _write_manifest(run, config, settings, log, stage_key)
        _write_rooms(run, stage_key, log, panels)
        progress(3, 3, "done")
    return Workshop(config, run, log, roster, panels, prepared, folds, stage_key, CompiledModels(), bar)


def _written(office: SimulatedOffice, folder: Path, config: Config) -> Config:
    """Write the embedded office's case log, roster and, apart from them, its truth; return a configuration of them."""
    write_office(office, folder)
    return with_data(config, file=folder / "case_log.csv", roster=folder / "roster.csv")


def _folds(config: Config, panels: Panels) -> list[Fold]:
    first_date = pd.Timestamp(panels.daily["date"].min())
    return rolling_folds(config.backtest, config.calendar, first_date, panels.as_of)


def _write_manifest(run: Run, config: Config, settings: dict[str, Any], log: CaseLog, stage_key: str) -> None:
    source = log.source
    start_manifest(
        run,
        run_id=stage_key[:12],
        name=config.name,
        title=config.title,
        config=settings,
        data={name: getattr(source, name) for name in ("file", "sha256", "n_rows", "encoding", "sheet")},
        as_of=f"{log.as_of:%Y-%m-%d}",
        seeds={"sampling": config.sampling.seed, "simulate": config.simulate.seed if config.simulate else None},
        versions=versions(),
        git_commit=git_commit(),
    )


def _write_rooms(run: Run, stage_key: str, log: CaseLog, panels: Panels) -> None:
    caseload = panels.caseload
    weekly = caseload[caseload["level"] == "team"].groupby(["unit", pd.Grouper(key="date", freq="W-SUN")])
    flows = ["received", "allocated", "removed", "signed_off", "closed"]
    team_weekly = weekly[flows].sum().join(weekly[["backlog", "wip", "open"]].last()).reset_index()
    tables = {
        "cases/cases.parquet": log.cases,
        "cases/quarantine.csv": log.quarantine,
        "cases/findings.csv": pd.concat([log.findings, panels.findings], ignore_index=True),
        "panels/daily_panel.parquet": panels.daily,
        "panels/events.parquet": panels.events,
        "panels/caseload.parquet": caseload,
        "panels/team_weekly.csv": team_weekly.rename(columns={"date": "week_ending"}),
    }
    for room in ("cases", "panels"):
        named = {artefact: table for artefact, table in tables.items() if artefact.startswith(f"{room}/")}

        def make(named: dict[str, pd.DataFrame] = named) -> None:
            for artefact, table in named.items():
                write_table(table, run.path(artefact))

        run_stage(run, room, hash_of(stage_key, room), named, make)


def fit_stage(shop: Workshop, prepared: Prepared) -> None:
    """Sample the posterior and write it with its specification."""
    sampling = shop.config.sampling
    settings = SamplerSettings(sampling.chains, sampling.draws, sampling.tune, sampling.target_accept, sampling.seed)

    def make() -> None:
        with shop.bar("Fitting the model") as progress:
            trace = fit(prepared, settings, shop.compiled, progress=progress)
        thin = -(-sampling.draws // KEPT_DRAWS_PER_CHAIN)
        kept = trace["posterior"].to_dataset().drop_vars(POSTERIOR_NOT_KEPT, errors="ignore")
        kept = kept.isel(draw=slice(None, None, thin))
        write_table(verdict_table(convergence_verdicts(trace)), shop.run.path("model/convergence.csv"))
        trace["posterior"] = kept
        write_dataset(trace, shop.run.path("model/posterior.nc"))
        write_text(prepared.spec.to_json() + "\n", shop.run.path("model/spec.json"))

    _timed(shop, "fit", ("model/posterior.nc", "model/spec.json", "model/convergence.csv"), make)


def _fitted_draws(shop: Workshop, prepared: Prepared, per_chain: int) -> PosteriorDraws:
    return posterior_draws(shop.run.tree("model/posterior.nc"), prepared.design, prepared.spec, per_chain)


def check_stage(shop: Workshop, prepared: Prepared) -> None:
    """Compare replicated with real totals; write all verdicts."""

    def make() -> None:
        with shop.bar("Checking replicated totals") as progress:
            progress(0, 2, "drawing replicates")
            draws = _fitted_draws(shop, prepared, -(-CHECK_DRAWS // shop.config.sampling.chains))
            replicates = replicate_flows(draws, prepared.design, prepared.spec, shop.config.sampling.seed)
            progress(1, 2, "comparing")
            verdicts, replicated = aggregate_verdicts(replicates, prepared.design, prepared.spec)
            convergence = shop.run.table("model/convergence.csv").assign(gate="convergence")
            aggregate = verdict_table(verdicts).assign(gate="predictive")
            write_table(pd.concat([convergence, aggregate], ignore_index=True), shop.run.path("model/verdicts.csv"))
            write_table(replicated, shop.run.path("model/replicates.parquet"))
            progress(2, 2, "done")

    _timed(shop, "check", ("model/verdicts.csv", "model/replicates.parquet"), make)


def forecast_stage(shop: Workshop, prepared: Prepared) -> None:
    """Roll forward and write draws and tables."""
    config = shop.config

    def make() -> None:
        with shop.bar("Rolling forward") as progress:
            draws = _fitted_draws(shop, prepared, config.forecast.draws_per_chain)
            frame = build_future_frame(
                prepared.panels, prepared.design, prepared.spec, config.calendar, config.forecast.horizon_days
            )
            predictions = roll_forward(
                draws,
                frame,
                prepared.design,
                prepared.spec,
                config.sampling.seed,
                progress=lambda done, total: progress(done, total, "days drawn"),
            )
        with shop.bar("Writing the forecast") as progress:
            write_dataset(predictions, shop.run.path("forecast/predictions.nc"))
            progress(1, 2, "tables")
            as_of = shop.panels.as_of
            write_table(flow_table(predictions, as_of), shop.run.path("forecast/flows.csv"))
            write_table(cumulative_flow_table(predictions, as_of), shop.run.path("forecast/flows_cumulative.csv"))
            write_table(stock_table(predictions, as_of), shop.run.path("forecast/stocks.csv"))
            progress(2, 2, "done")

    names = ("predictions.nc", "flows.csv", "flows_cumulative.csv", "stocks.csv")
    _timed(shop, "forecast", tuple(f"forecast/{name}" for name in names), make)


def backtest_stage(shop: Workshop) -> None:
    """Forecast from earlier cutoffs and write scores; every fold is cached by itself."""
    folds = shop.folds
    parts = ("forecasts.parquet", "scores.parquet", "verdicts.parquet")
    for number, fold in enumerate(folds, start=1):
        where = f"backtest/folds/{fold.cutoff:%Y-%m-%d}"
        title = f"Backtest {number} of {len(folds)}, from {fold.cutoff:%Y-%m-%d}"

        def make(fold: Fold = fold, where: str = where, title: str = title) -> None:
            with shop.bar(title) as progress:
                result = run_fold(
                    shop.log, shop.panels, shop.roster, shop.config, fold, shop.compiled, progress=progress
                )
            _write_fold(shop.run, where, result)

        _timed(shop, f"backtest {fold.cutoff:%Y-%m-%d}", tuple(f"{where}/{part}" for part in parts), make)

    def gather() -> None:
        def all_of(part: str) -> pd.DataFrame:
            found = [shop.run.table(f"backtest/folds/{fold.cutoff:%Y-%m-%d}/{part}") for fold in folds]
            return pd.concat(found, ignore_index=True) if found else pd.DataFrame()

        scores = all_of("scores.parquet")
        write_table(all_of("forecasts.parquet"), shop.run.path("backtest/forecasts.parquet"))
        write_table(scores, shop.run.path("backtest/scores.csv"))
        write_table(all_of("verdicts.parquet"), shop.run.path("backtest/verdicts.csv"))
        write_table(summarise(scores, shop.config.backtest.step_days), shop.run.path("backtest/summary.csv"))

    if folds:
        names = ("forecasts.parquet", "scores.csv", "verdicts.csv", "summary.csv")
        _timed(shop, "backtest", tuple(f"backtest/{name}" for name in names), gather)


def _write_fold(run: Run, where: str, result: FoldResult) -> None:
    write_table(result.forecasts, run.path(f"{where}/forecasts.parquet"))
    write_table(result.scores, run.path(f"{where}/scores.parquet"))
    write_table(result.verdicts, run.path(f"{where}/verdicts.parquet"))


def run_to(shop: Workshop, last_stage: str) -> None:
    """Run every stage up to and including `last_stage`, then apply the gate to what was done.

    Raises
    ------
    GateRefused
        When the fit was part of it and a check came out red, unless the configuration records why that is accepted.
    """
    wanted = up_to(last_stage)
    if shop.prepared is None:
        return
    fit_stage(shop, shop.prepared)
    check_stage(shop, shop.prepared)
    if "forecast" in wanted:
        forecast_stage(shop, shop.prepared)
    if "backtest" in wanted:
        backtest_stage(shop)
    apply_gate(shop.config, shop.run)


def apply_gate(config: Config, run: Run) -> None:
    """Refuse a run with a red convergence or predictive check."""
    verdicts = run.table("model/verdicts.csv")
    red = verdicts[verdicts["status"] == "red"]
    reason = config.sampling.accept_gate_failure_because
    update_manifest(run, gate={"red": red["check"].tolist(), "accepted_because": reason})
    if red.empty or reason:
        return
    lines = "\n  - ".join(red["check"] + ": " + red["message"])
    raise GateRefused(
        f"The forecast in {run.folder} is not fit to publish: {len(red)} check(s) came out red.\n  - {lines}\n"
        "Mend the model or the data; or record in sampling.accept_gate_failure_because why it may be used, and the "
        "report will print the reason."
    )


def _timed(shop: Workshop, stage: str, artefacts: tuple[str, ...], make: Callable[[], None]) -> None:
    begun = time.perf_counter()
    if run_stage(shop.run, stage, hash_of(shop.key, stage), artefacts, make):
        timings = shop.run.manifest().get("timings", {})
        update_manifest(shop.run, timings=timings | {stage: round(time.perf_counter() - begun, 1)})
