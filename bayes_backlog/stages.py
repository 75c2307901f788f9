"""The stages of a run, in order: cases, panel, fit, check, forecast, backtest.

Reading and building panels take a second and are done anew; sampling and what follows is cached by content, stage by
stage (`keys`). Nothing is written before the cases and panels have been read and checked, so bad input leaves no
half-written run. The backtest needs the panels alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from bayes_backlog.assumptions import Scenario
from bayes_backlog.cases.case_log import CaseLog, load_cases
from bayes_backlog.cases.pseudonyms import Key, load_key
from bayes_backlog.cases.synthetic import SimulatedOffice, simulate_office, write_office
from bayes_backlog.config import Config, with_data
from bayes_backlog.errors import ConfigError, FoldsFailed, GateRefused, examples
from bayes_backlog.evaluation.backtest import sampler_settings as fold_settings
from bayes_backlog.evaluation.calibration import Calibration, forecaster_ranks, ordinary_priors
from bayes_backlog.evaluation.folds import Fold, rolling_folds
from bayes_backlog.evaluation.prior_predictive import prior_predictive
from bayes_backlog.evaluation.study import FAILURES, TABLES, Study, run_study, write_failures, write_scores
from bayes_backlog.forecasts.answers import answers_table
from bayes_backlog.forecasts.assumed import with_scenario, with_staffing
from bayes_backlog.forecasts.future import FutureFrame, build_future_frame
from bayes_backlog.forecasts.naive import naive_backlog
from bayes_backlog.forecasts.periods import period_table
from bayes_backlog.forecasts.queue_age import queue_age_table, queue_order, waiting_cases
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.tables import at_end, cumulative_flow_table, flow_table, stock_table
from bayes_backlog.forecasts.target import target_table
from bayes_backlog.forecasts.uncertainty import uncertainty_split
from bayes_backlog.inference.calibration import calibration_table
from bayes_backlog.inference.checks import aggregate_verdicts, replicate_flows
from bayes_backlog.inference.fit import Prepared, fit, prepare
from bayes_backlog.inference.gate import convergence_verdicts, verdict_table
from bayes_backlog.inference.leave_one_out import leave_one_out_pit, pit_places, pit_verdicts
from bayes_backlog.inference.parity import parity_verdicts
from bayes_backlog.inference.row_checks import row_count_table
from bayes_backlog.inference.rows import fit_rows
from bayes_backlog.inference.sampling import Progress, SamplerSettings, compiled_here
from bayes_backlog.inference.sensitivity import prior_densities, sensitivity_table
from bayes_backlog.jobs import Failure, as_many_as
from bayes_backlog.keys import CALIBRATION_PREFIX, FILES, READS, Keys, calibration_stage
from bayes_backlog.models.draws import PosteriorDraws, evenly_spaced, posterior_draws
from bayes_backlog.models.forecaster import build_forecaster
from bayes_backlog.models.prior_table import prior_table
from bayes_backlog.models.row_table import row_table
from bayes_backlog.panels import Panels, build_panels
from bayes_backlog.panels.roster import read_roster
from bayes_backlog.runs import (
    Run,
    forget_stage,
    git_commit,
    has_uncommitted_code,
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
PRIOR_DRAWS = 400
"""Offices simulated from the prior: a share of 0.1 is then known to 0.015, one Monte-Carlo standard error."""
KEPT_DRAWS_PER_CHAIN = 1000
"""At most, evenly spaced: the gate judges all draws before they are thinned."""
POSTERIOR_NOT_KEPT = ("week_persistence_share", "week_normals", "level_normals", "group_normals", "own_normals")
"""What the sampler moves in place of effects that are kept themselves."""

SENSITIVITY = "model/sensitivity.csv"
CALIBRATION = "model/calibration.csv"

ProgressBar = Callable[[str], AbstractContextManager[Progress]]
"""Opens a progress bar with a title; gives the function that moves it."""
Say = Callable[[str], None]
"""Tells the user one sentence."""


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
        Of the backtest, where it is wanted.
    keys : Keys
        Of the stages.
    bar : ProgressBar
        Shows progress.
    say : Say
        Tells what was reused or failed.
    """

    config: Config
    run: Run
    log: CaseLog
    roster: pd.DataFrame | None
    panels: Panels
    prepared: Prepared | None
    folds: list[Fold]
    keys: Keys
    bar: ProgressBar
    say: Say


def up_to(last_stage: str) -> tuple[str, ...]:
    """Return the stages up to and including `last_stage`."""
    return STAGES[: STAGES.index(last_stage) + 1]


def open_workshop(config: Config, run: Run, bar: ProgressBar, say: Say, wanted: Collection[str] = STAGES) -> Workshop:
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
        prepared = prepare(panels, config.model) if {"fit", "rows"} & set(wanted) else None
        if prepared is not None and "forecast" in wanted:
            _refuse_unfit_assumptions(config, prepared)
        folds = _folds(config, panels) if "backtest" in wanted else []
        if not folds and "backtest" in wanted and "fit" not in wanted:
            raise ConfigError(
                "backtest.n_folds is 0, so there is nothing to try on the past. Raise it, or name cutoffs."
            )
        progress(2, 3, "writing")
        if office is not None:
            write_office(office, run.path("simulated"))
        data_hash = hash_of(
            log.source.sha256,
            [hash_file(file) for name in sorted(FILES) if (file := getattr(config.data, name)) is not None],
            # A case's pseudonym stands for the secret key: another key gives other labels, so nothing cached fits.
            log.cases["case_id"].iloc[0],
        )
        shop = Workshop(config, run, log, roster, panels, prepared, folds, Keys(config, data_hash), bar, say)
        _begin_manifest(shop)
        _write_rooms(shop)
        progress(3, 3, "done")
    return shop


def _written(office: SimulatedOffice, folder: Path, config: Config) -> Config:
    """Write the embedded office's case log, roster and, apart from them, its truth; return a configuration of them."""
    write_office(office, folder)
    return with_data(config, file=folder / "case_log.csv", roster=folder / "roster.csv")


def _folds(config: Config, panels: Panels) -> list[Fold]:
    first_date = pd.Timestamp(panels.daily["date"].min())
    return rolling_folds(config.backtest, config.calendar, first_date, panels.as_of)


def _begin_manifest(shop: Workshop) -> None:
    config, source = shop.config, shop.log.source
    start_manifest(
        shop.run,
        hash_of([shop.keys.of(stage) for stage in READS])[:12],
        shop.keys.of,
        name=config.name,
        title=config.title,
        config=config.model_dump(mode="json", exclude={"data": {*FILES, "exclude"}, "compute": True}),
        data={name: getattr(source, name) for name in ("file", "sha256", "n_rows", "encoding", "sheet")},
        as_of=f"{shop.log.as_of:%Y-%m-%d}",
        seeds={"sampling": config.sampling.seed, "simulate": config.simulate.seed if config.simulate else None},
        versions=versions(),
        git_commit=git_commit(),
        has_uncommitted_code=has_uncommitted_code(),
    )


def _write_rooms(shop: Workshop) -> None:
    log, panels, run = shop.log, shop.panels, shop.run
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

        run_stage(run, room, shop.keys.of(room), named, make)


def fit_stage(shop: Workshop, prepared: Prepared) -> None:
    """Sample the posterior and write it with its specification."""

    def make() -> None:
        with shop.bar("Fitting the model") as progress:
            trace = fit(prepared, _sampler_settings(shop.config), compiled_here(), progress=progress)
        thin = -(-shop.config.sampling.draws // KEPT_DRAWS_PER_CHAIN)
        kept = trace["posterior"].to_dataset().isel(draw=slice(None, None, thin))
        trace["log_prior"] = prior_densities(build_forecaster(prepared.design, prepared.spec), kept)
        write_table(verdict_table(convergence_verdicts(trace)), shop.run.path("model/convergence.csv"))
        trace["posterior"] = kept.drop_vars(POSTERIOR_NOT_KEPT, errors="ignore")
        write_dataset(trace, shop.run.path("model/posterior.nc"))
        write_text(prepared.spec.to_json() + "\n", shop.run.path("model/spec.json"))

    make_stage(shop, "fit", ("model/posterior.nc", "model/spec.json", "model/convergence.csv"), make)


def _sampler_settings(config: Config) -> SamplerSettings:
    sampling = config.sampling
    return SamplerSettings(sampling.chains, sampling.draws, sampling.tune, sampling.target_accept, sampling.seed)


def fitted_draws(shop: Workshop, prepared: Prepared, per_chain: int) -> PosteriorDraws:
    """Return so many draws of each chain of the run's posterior."""
    return posterior_draws(shop.run.tree("model/posterior.nc"), prepared.design, prepared.spec, per_chain)


def check_stage(shop: Workshop, prepared: Prepared) -> None:
    """Compare what the prior holds possible with plausible ranges, replicated with real totals; write all verdicts."""

    def make() -> None:
        seed = shop.config.sampling.seed
        with shop.bar("Checking priors and replicated totals") as progress:
            progress(0, 5, "drawing from the prior")
            prior_verdicts, ranges = prior_predictive(prepared, shop.config.calendar, PRIOR_DRAWS, seed)
            write_table(prior_table(prepared.spec.priors), shop.run.path("model/priors.csv"))
            write_table(ranges, shop.run.path("model/prior_predictive.csv"))
            progress(1, 5, "drawing replicates")
            draws = fitted_draws(shop, prepared, -(-CHECK_DRAWS // shop.config.sampling.chains))
            replicates = replicate_flows(draws, prepared.design, prepared.spec, seed)
            progress(2, 5, "comparing")
            verdicts, replicated = aggregate_verdicts(replicates, prepared.design, prepared.spec)
            convergence = shop.run.table("model/convergence.csv").assign(gate="convergence")
            prior = verdict_table(prior_verdicts).assign(gate="prior")
            aggregate = verdict_table(verdicts).assign(gate="predictive")
            everything = pd.concat([convergence, prior, aggregate], ignore_index=True)
            write_table(everything, shop.run.path("model/verdicts.csv"))
            write_table(replicated, shop.run.path("model/replicates.parquet"))
            rows = row_count_table(replicates, prepared.design, prepared.spec)
            write_table(rows, shop.run.path("model/row_counts.csv"))
            progress(3, 5, "leaving out one total after another")
            left_out = leave_one_out_pit(draws, prepared.design, prepared.spec, seed)
            write_table(left_out, shop.run.path("model/loo_pit.parquet"))
            places = pit_places(left_out)
            write_table(places, shop.run.path("model/loo_pit_places.parquet"))
            write_table(verdict_table(pit_verdicts(left_out, places)), shop.run.path("model/loo_pit.csv"))
            progress(4, 5, "comparing programs of the row model")
            table = row_table(prepared.design, prepared.spec)
            flows = prepared.spec.staff_flows
            parity = [v for flow in flows for v in parity_verdicts(table, flow, prepared.spec, seed)]
            write_table(verdict_table(parity), shop.run.path("model/parity.csv"))
            progress(5, 5, "done")

    tables = ("verdicts.csv", "replicates.parquet", "priors.csv", "prior_predictive.csv", "parity.csv")
    names = (*tables, "loo_pit.parquet", "loo_pit_places.parquet", "loo_pit.csv", "row_counts.csv")
    make_stage(shop, "check", tuple(f"model/{name}" for name in names), make)


def future_frame(config: Config, prepared: Prepared) -> FutureFrame:
    """Return the days ahead, with the changes of staff that the configuration assumes."""
    frame = build_future_frame(
        prepared.panels, prepared.design, prepared.spec, config.calendar, config.forecast.horizon_days
    )
    return with_staffing(frame, config.staffing, prepared.panels.roster)


def scenario_frame(config: Config, prepared: Prepared, scenario: Scenario | None) -> FutureFrame:
    """Return the days ahead under a scenario; None is the forecast itself."""
    frame = future_frame(config, prepared)
    return frame if scenario is None else with_scenario(frame, scenario, prepared.panels.roster)


def _refuse_unfit_assumptions(config: Config, prepared: Prepared) -> None:
    for scenario in (None, *config.scenarios):
        scenario_frame(config, prepared, scenario)


def rows_stage(shop: Workshop, prepared: Prepared) -> None:
    """Sample the row model of every staff flow: it has no shared effects, so no forecast is made of it.

    Raises
    ------
    GateRefused
        When the sampling of a flow did not converge.
    """
    table, verdicts = row_table(prepared.design, prepared.spec), "model/rows_verdicts.csv"
    posteriors = {flow: f"model/rows_{flow}.nc" for flow in prepared.spec.staff_flows}

    def make() -> None:
        found = []
        for flow, artefact in posteriors.items():
            with shop.bar(f"Fitting the row model of {flow}") as progress:
                settings = _sampler_settings(shop.config)
                trace = fit_rows(table, flow, prepared.spec, settings, compiled_here(), progress=progress)
            found.append(verdict_table(convergence_verdicts(trace)).assign(flow=flow))
            write_dataset(trace, shop.run.path(artefact))
        write_table(pd.concat(found, ignore_index=True), shop.run.path(verdicts))

    make_stage(shop, "rows", (*posteriors.values(), verdicts), make)
    red = shop.run.table(verdicts).query("status == 'red'")
    if not red.empty:
        lines = "\n  - ".join(red["flow"] + ", " + red["check"] + ": " + red["message"])
        raise GateRefused(
            f"The row model in {shop.run.folder} is not to be relied on: {len(red)} check(s) of its sampling came out "
            f"red.\n  - {lines}"
        )


def forecast_stage(shop: Workshop, prepared: Prepared) -> None:
    """Roll forward and write draws and tables."""
    config = shop.config

    def make() -> None:
        with shop.bar("Rolling forward") as progress:
            draws = fitted_draws(shop, prepared, config.forecast.draws_per_chain)
            predictions = roll_forward(
                draws,
                future_frame(config, prepared),
                prepared.design,
                prepared.spec,
                config.sampling.seed,
                progress=lambda done, total: progress(done, total, "draws rolled forward"),
            )
        with shop.bar("Writing the forecast") as progress:
            write_dataset(predictions, shop.run.path("forecast/predictions.nc"))
            progress(1, 2, "tables")
            as_of = shop.panels.as_of
            write_table(flow_table(predictions, as_of), shop.run.path("forecast/flows.csv"))
            write_table(cumulative_flow_table(predictions, as_of), shop.run.path("forecast/flows_cumulative.csv"))
            write_table(stock_table(predictions, as_of), shop.run.path("forecast/stocks.csv"))
            write_table(period_table(predictions, "week"), shop.run.path("forecast/weekly.csv"))
            write_table(period_table(predictions, "month"), shop.run.path("forecast/monthly.csv"))
            progress(2, 2, "done")

    names = ("predictions.nc", "flows.csv", "flows_cumulative.csv", "stocks.csv", "weekly.csv", "monthly.csv")
    make_stage(shop, "forecast", tuple(f"forecast/{name}" for name in names), make)


def uncertainty_stage(shop: Workshop, prepared: Prepared) -> None:
    """Split the variance of the forecast by what is random in it."""
    config = shop.config

    def make() -> None:
        with shop.bar("Splitting the uncertainty") as progress:
            table = uncertainty_split(
                fitted_draws(shop, prepared, config.forecast.draws_per_chain),
                future_frame(config, prepared),
                prepared.design,
                prepared.spec,
                config.sampling.seed,
                progress=lambda done, total: progress(done, total, "futures rolled forward"),
            )
            numbers = list(table.select_dtypes("number"))
            write_table(table.round(dict.fromkeys(numbers, 4)), shop.run.path("forecast/uncertainty.csv"))

    make_stage(shop, "uncertainty", ("forecast/uncertainty.csv",), make)


def answers_stage(shop: Workshop, prepared: Prepared) -> None:
    """Answer from the draws what people ask: the target, the age of the queue, the pace of work."""
    config, panels = shop.config.forecast, prepared.panels
    as_of = panels.as_of

    def make() -> None:
        with shop.bar("Answering questions") as progress:
            progress(0, 3, "target and pace")
            predictions = shop.run.dataset("forecast/predictions.nc")
            frame = future_frame(shop.config, prepared)
            target = target_table(predictions, as_of, config.backlog_target)
            tables = {
                "target": target,
                "answers": answers_table(predictions, frame, as_of, target, shop.config.sampling.seed),
                "naive": naive_backlog(panels, frame.all_dates, shop.config.calendar, shop.config.sampling.seed),
            }
            progress(1, 3, "age of the queue")
            tables |= {
                "queue_age": queue_age_table(predictions, waiting_cases(panels.events, as_of), as_of),
                "queue_order": queue_order(panels.events, as_of, config.horizon_days),
            }
            for name, table in tables.items():
                write_table(table, shop.run.path(f"forecast/{name}.csv"))
            progress(2, 3, "sensitivity to priors")
            prior = shop.run.tree("model/posterior.nc")["log_prior"].to_dataset()
            prior = prior.isel(draw=evenly_spaced(prior.sizes["draw"], config.draws_per_chain))
            write_table(sensitivity_table(at_end(predictions), prior), shop.run.path(SENSITIVITY))
            progress(3, 3, "done")

    names = ("target", "answers", "naive", "queue_age", "queue_order")
    artefacts = tuple(f"forecast/{name}.csv" for name in names)
    make_stage(shop, "answers", (*artefacts, SENSITIVITY), make)


def calibrate_stage(shop: Workshop, prepared: Prepared, n: int) -> None:
    """Calibrate model, sampler and forecast by n offices like this one, fitted as folds of the backtest are."""
    compute = shop.config.compute
    spec = dataclasses.replace(prepared.spec, priors=ordinary_priors(prepared.design, prepared.spec))
    frame = future_frame(shop.config, prepared)
    asked = Calibration(dataclasses.replace(prepared, spec=spec), frame, fold_settings(shop.config), spec)

    def make() -> None:
        workers = as_many_as(n, compute.workers, compute.scheduler)
        with shop.bar(f"Calibration by {n} simulations") as progress:
            ranks = forecaster_ranks(asked, n, workers, progress)
        write_table(calibration_table(ranks), shop.run.path(CALIBRATION))

    for stage in shop.run.manifest().get("stages", {}):
        if stage.startswith(CALIBRATION_PREFIX) and stage != calibration_stage(n):
            forget_stage(shop.run, stage)
    make_stage(shop, calibration_stage(n), (CALIBRATION,), make)


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
    lines = "\n  - ".join(red["check"] + ": " + red["message"])
    raise GateRefused(
        f"The forecast in {run.folder} is not fit to publish: {len(red)} check(s) came out red.\n  - {lines}\n"
        "Mend the model or the data; or record in sampling.accept_gate_failure_because why it may be used, and the "
        "report will print the reason."
    )


def make_stage(shop: Workshop, stage: str, artefacts: tuple[str, ...], make: Callable[[], None]) -> None:
    """Make a stage's artefacts, or say that they were there already."""
    if not run_stage(shop.run, stage, shop.keys.of(stage), artefacts, make):
        shop.say(f"{stage}: reused, nothing that it reads has changed")
