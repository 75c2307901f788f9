"""What all stages share, made of the configuration: cases read, panels built, rooms written.

Reading and building panels take a second and are done anew. Nothing is written before the cases and panels have been
read and checked, so bad input leaves no half-written run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from bayes_backlog.cases.case_log import CaseLog, load_cases
from bayes_backlog.cases.pseudonyms import Key, load_key
from bayes_backlog.cases.synthetic import SimulatedOffice, simulate_office, write_office
from bayes_backlog.config import Config, with_data
from bayes_backlog.errors import ConfigError
from bayes_backlog.evaluation.folds import Fold, rolling_folds
from bayes_backlog.inference.fit import Prepared, prepare
from bayes_backlog.inference.sampling import Progress
from bayes_backlog.keys import FILES, READS, Keys
from bayes_backlog.panels import Panels, build_panels
from bayes_backlog.panels.roster import read_roster
from bayes_backlog.runs import (
    Run,
    git_commit,
    has_uncommitted_code,
    hash_file,
    hash_of,
    refuse_unwritable,
    run_stage,
    start_manifest,
    versions,
    write_table,
)
from bayes_backlog.stages.days_ahead import refuse_unfit_assumptions
from bayes_backlog.stages.order import STAGES

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
            refuse_unfit_assumptions(config, prepared)
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


def make_stage(shop: Workshop, stage: str, artefacts: tuple[str, ...], make: Callable[[], None]) -> None:
    """Make a stage's artefacts, or say that they were there already."""
    if not run_stage(shop.run, stage, shop.keys.of(stage), artefacts, make):
        shop.say(f"{stage}: reused, nothing that it reads has changed")


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
