"""The command line: one verb a stage, one message for everything that can go wrong.

Exit codes: 0 when every gate passed, 1 for an error that nobody foresaw, 2 for one that the user can mend, 3 when a
gate refused the forecast, a fold of the backtest failed or the office has drifted from its forecast.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated

import pandas as pd
import typer
from pydantic import ValidationError
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from bayes_backlog import __version__, stages
from bayes_backlog.attribution import attribute as attribute_changes
from bayes_backlog.attribution import forecast_runner
from bayes_backlog.cases.messy_export import write_messy_export
from bayes_backlog.cases.new_office import marked, office_config, proposal_table
from bayes_backlog.cases.proposal import propose
from bayes_backlog.cases.synthetic import simulate_office, write_office
from bayes_backlog.config import Compute, Config, Rows, load_config, with_data
from bayes_backlog.errors import BacklogError, ConfigError, Drifted, GateRefused, examples
from bayes_backlog.evaluation.monitor import verdict_sentence
from bayes_backlog.evaluation.verification import verify as verify_run
from bayes_backlog.inference.sampling import Progress as Report
from bayes_backlog.models.describe import description
from bayes_backlog.models.row_variant import row_variant
from bayes_backlog.models.spec import spec_from_config, spec_from_json
from bayes_backlog.reporting import comparison
from bayes_backlog.reporting.finished import refuse_unfinished
from bayes_backlog.reporting.headline import headline_sentences
from bayes_backlog.reporting.monitoring import CHART, HISTORY, STOCKS_HISTORY, watch
from bayes_backlog.reporting.publish import publish as publish_tables
from bayes_backlog.reporting.render import existing_run, render_report
from bayes_backlog.reporting.scenario_tables import needed_staff_table
from bayes_backlog.reporting.standing import warning
from bayes_backlog.runs import Run, write_text
from bayes_backlog.stages.fitting import CALIBRATION, calibrate_stage
from bayes_backlog.stages.scenarios import (
    Asked,
    Levers,
    chosen_scenarios,
    compare_scenarios,
    forecast_scenarios,
    needed_staff,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(stderr=True, highlight=False, soft_wrap=True)

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file such as configs/demo.yaml.")]
DataPath = Annotated[Path | None, typer.Option("--data", help="Case log to read instead of the configuration's.")]
ResultsPath = Annotated[Path, typer.Option("--results", help="Folder that gets one folder per configuration.")]

WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Folds run side by side, by default one a core.")
]
SchedulerOption = Annotated[
    str | None, typer.Option("--scheduler", help="Run folds on a Dask cluster: tcp://HOST:PORT, or 'local'.")
]

DEFAULT_RESULTS = Path("results")
UNFORESEEN = 1
"""Exit code of an error that nobody foresaw."""
PACE_SECONDS = 86_400.0
"""Remaining time is told by the pace of the whole stage: a single fold can take minutes."""


@contextmanager
def progress_bar(title: str) -> Iterator[Report]:
    """Show one stage's progress, with elapsed and remaining time, on the terminal's error stream."""
    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=False),
    )
    with Progress(
        *columns, console=console, transient=not console.is_terminal, speed_estimate_period=PACE_SECONDS
    ) as progress:
        if not console.is_terminal:
            console.print(f"{title} ...")
        task = progress.add_task(title, total=None, words="")

        def report(done: int, total: int, words: str) -> None:
            progress.update(task, completed=done, total=total or None, words=words)

        yield report
    if not console.is_terminal:
        console.print(f"{title}: done")


def _config(path: Path, data: Path | None, compute: Compute) -> Config:
    config = load_config(path)
    given = {name: value for name, value in compute.model_dump().items() if value is not None}
    config = config.model_copy(update={"compute": config.compute.model_copy(update=given)})
    return config if data is None else with_data(config, file=data.resolve())


def _run_stages(
    config_path: Path, data: Path | None, results: Path, wanted: Collection[str], compute: Compute | None = None
) -> Run:
    shop = _open(config_path, data, results, wanted, compute)
    stages.run_stages(shop, wanted)
    console.print(f"Written: {shop.run.folder}")
    return shop.run


def _open(
    config_path: Path, data: Path | None, results: Path, wanted: Collection[str], compute: Compute | None = None
) -> stages.Workshop:
    config = _config(config_path, data, compute or Compute())
    return stages.open_workshop(config, Run(results / config.name), progress_bar, console.print, wanted)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"bayes_backlog {__version__}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Bayesian 90-day forecasts of case-work backlogs."""


@app.command()
def run(
    config: ConfigPath,
    data: DataPath = None,
    results: ResultsPath = DEFAULT_RESULTS,
    workers: WorkersOption = None,
    scheduler: SchedulerOption = None,
) -> None:
    """Do everything: cases, panel, fit, check, forecast, backtest, and the configuration's scenarios."""
    shop = _open(config, data, results, stages.STAGES, _compute(workers, scheduler))
    stages.run_stages(shop, stages.STAGES)
    forecast_scenarios(shop, shop.config.scenarios)
    console.print(f"Written: {shop.run.folder}")
    _show_headline(shop.run)


@app.command()
def cases(config: ConfigPath, data: DataPath = None, results: ResultsPath = DEFAULT_RESULTS) -> None:
    """Read, type and pseudonymise the case log; list findings and the quarantine."""
    done = _run_stages(config, data, results, stages.up_to("cases"))
    for finding in done.table("cases/findings.csv").itertuples():
        console.print(f"{finding.severity}: {finding.message}", markup=False)


@app.command()
def panel(config: ConfigPath, data: DataPath = None, results: ResultsPath = DEFAULT_RESULTS) -> None:
    """Build events, stocks, roster and the daily panel."""
    done = _run_stages(config, data, results, stages.up_to("panel"))
    office = done.table("panels/caseload.parquet").query("level == 'office'").iloc[-1]
    console.print(
        f"At the close of {office['date']:%-d %B %Y}: {office['backlog']:,} cases in the backlog, {office['wip']:,} in "
        "progress. Does the office count the same?"
    )


@app.command()
def fit(config: ConfigPath, data: DataPath = None, results: ResultsPath = DEFAULT_RESULTS) -> None:
    """Sample the posterior and apply the convergence gate."""
    _run_stages(config, data, results, stages.up_to("fit"))


@app.command()
def check(config: ConfigPath, data: DataPath = None, results: ResultsPath = DEFAULT_RESULTS) -> None:
    """Compare replicated with real totals and list the verdicts."""
    try:
        _show_verdicts(_run_stages(config, data, results, stages.up_to("check")))
    except GateRefused:
        _show_verdicts(Run(results / load_config(config).name))
        raise


@app.command()
def rows(config: ConfigPath, data: DataPath = None, results: ResultsPath = DEFAULT_RESULTS) -> None:
    """Sample the transparent row model of each staff flow: a cross-check, too narrow for totals to forecast with."""
    done = _run_stages(config, data, results, ("cases", "panel", "rows"))
    for verdict in done.table("model/rows_verdicts.csv").itertuples():
        console.print(f"{verdict.status:5} {verdict.flow}, {verdict.check}: {verdict.message}", markup=False)


@app.command()
def calibrate(
    config: ConfigPath,
    data: DataPath = None,
    results: ResultsPath = DEFAULT_RESULTS,
    n: Annotated[int, typer.Option("-n", min=20, help="Offices to invent and fit; about a minute each.")] = 40,
    workers: WorkersOption = None,
    scheduler: SchedulerOption = None,
) -> None:
    """Invent offices like this one, fit and forecast them, and rank what is known of them among the draws."""
    shop = _open(config, data, results, ("cases", "panel", "fit"), _compute(workers, scheduler))
    if shop.prepared is not None:
        calibrate_stage(shop, shop.prepared, n)
        outside = shop.run.table(CALIBRATION).query("not stays_in_all")["quantity"].tolist()
        console.print(
            f"Outside their band: {', '.join(outside)}." if outside else "All ranks lie in their bands.", markup=False
        )
        console.print(f"Written: {shop.run.path(CALIBRATION)}")


def _show_headline(done: Run) -> None:
    for sentence in headline_sentences(done):
        console.print(sentence)
    _show_standing(done)


def _show_standing(done: Run) -> None:
    """Say it wherever a forecast leaves the report that a check failed."""
    told = warning(done)
    if told is not None:
        console.print(told, markup=False, style="yellow")


def _show_verdicts(done: Run) -> None:
    for verdict in done.table("model/verdicts.csv").itertuples():
        console.print(f"{verdict.status:5} {verdict.check}: {verdict.message}", markup=False)


@app.command()
def forecast(config: ConfigPath, data: DataPath = None, results: ResultsPath = DEFAULT_RESULTS) -> None:
    """Roll forward to flows and stocks of the horizon."""
    done = _run_stages(config, data, results, stages.up_to("forecast"))
    _show_headline(done)


@app.command()
def backtest(
    config: ConfigPath,
    data: DataPath = None,
    results: ResultsPath = DEFAULT_RESULTS,
    workers: WorkersOption = None,
    scheduler: SchedulerOption = None,
) -> None:
    """Forecast the past from earlier cutoffs and score it; finished folds are kept, so a stopped one continues."""
    _run_stages(config, data, results, ("cases", "panel", "backtest"), _compute(workers, scheduler))


def _compute(workers: int | None, scheduler: str | None) -> Compute:
    try:
        return Compute(workers=workers, scheduler=scheduler)
    except ValidationError as error:
        raise ConfigError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error


@app.command()
def describe(
    what: Annotated[Path, typer.Argument(metavar="CONFIG|RUN", help="A configuration, or the folder of a run.")],
) -> None:
    """Show a model's specification as formula, mathematics, plain words and implied rate ratios."""
    if what.is_dir():
        run = Run(existing_run(what))
        spec = spec_from_json(run.text("model/spec.json"))
        rows = Rows.model_validate(run.manifest().get("config", {}).get("rows", {}))
    else:
        config = load_config(what)
        spec, rows = spec_from_config(config.model, has_removed=True, further=config.model.further_flows), config.rows
        console.print("Before any data: a flow of which the office has too few events is left out of the fit.")
    typer.echo(description(spec, row_variant(rows)))


@app.command()
def scenario(
    config: ConfigPath,
    data: DataPath = None,
    results: ResultsPath = DEFAULT_RESULTS,
    name: Annotated[str | None, typer.Option("--name", help="Of one scenario; all of them by default.")] = None,
    target: Annotated[str | None, typer.Option("--target", help="Ask for the staff needed: backlog=200.")] = None,
    by: Annotated[datetime | None, typer.Option("--by", formats=["%Y-%m-%d"], help="Day of the target.")] = None,
    prob: Annotated[float, typer.Option("--prob", min=0.01, max=0.99, help="Probability of meeting it.")] = 0.8,
    team: Annotated[str | None, typer.Option("--team", help="Of the joiners; the largest by default.")] = None,
    role: Annotated[
        list[str] | None, typer.Option("--role", help="Of the joiners; the largest by default. May repeat.")
    ] = None,
    first_date: Annotated[
        list[datetime] | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="Day on which they start. May repeat."),
    ] = None,
    overtime: Annotated[
        list[float] | None,
        typer.Option("--overtime", min=-0.9, max=5, help="Also with so much more work of all: 0.1. May repeat."),
    ] = None,
    inflow: Annotated[
        list[float] | None,
        typer.Option("--inflow", min=-0.9, max=5, help="Also with so many more cases: -0.1 is fewer. May repeat."),
    ] = None,
) -> None:
    """Compare scenarios with the forecast; or, with --target and --by, ask how many FTE a target needs."""
    chosen = chosen_scenarios(load_config(config), name) if name or target is None else ()
    shop = _open(config, data, results, stages.up_to("forecast"))
    if target is None:
        compare_scenarios(shop, chosen)
        for one in chosen:
            console.print(f"Written: {shop.run.folder}/scenarios/{one.name}")
        _show_standing(shop.run)
        return
    if by is None:
        raise ConfigError("--target needs --by, the day on which it counts, such as --by 2026-03-31.")
    first_dates = tuple(day.date() for day in first_date or ())
    asked = Asked(target, by.date(), prob, team, tuple(role or ()), first_dates)
    levers = Levers(tuple(overtime or ()), tuple(inflow or ()))
    console.print(needed_staff_table(needed_staff(shop, chosen[0] if name else None, asked, levers)))
    _show_standing(shop.run)


@app.command()
def init(
    export: Annotated[Path, typer.Argument(metavar="EXPORT", help="A case log: CSV (also .gz) or XLSX.")],
    out: Annotated[Path, typer.Option("--out", help="Where the configuration goes.")] = Path("configs/office.yaml"),
    sheet: Annotated[str | None, typer.Option("--sheet", help="Of a workbook; the first one by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a configuration that is there already.")] = False,
) -> None:
    """Propose a configuration for a new office from the headers and cells of its export."""
    if out.suffix not in (".yaml", ".yml"):
        raise ConfigError(f"--out is {out}, which is no name of a configuration. Give one that ends in .yaml.")
    proposal = propose(export, sheet)
    if out.exists() and not force:
        raise ConfigError(f"{out} is there already and would be lost. Give another --out, or --force to replace it.")
    text = office_config(proposal, export, out)
    write_text(text, out)
    console.print(proposal_table(proposal))
    doubts = {name: match.doubt for name, match in proposal.matches.items() if match.doubt}
    for name, doubt in doubts.items():
        console.print(f"check {name}: {doubt}", markup=False)
    todo, check = (marked(text, mark) for mark in ("TODO", "CHECK"))
    console.print(f"Written: {out}, with {todo} line(s) marked TODO, to complete, and {check} marked CHECK.")
    console.print(f"Next: read it, then bayes-backlog cases {out}", markup=False)


@app.command()
def simulate(
    config: ConfigPath,
    out: Annotated[Path, typer.Option("--out", help="Folder for the case log, the roster and, apart, the truth.")],
    messy: Annotated[
        bool, typer.Option("--messy", help="Also write a raw export as untidy as a real one, with its truth.")
    ] = False,
) -> None:
    """Write the embedded office of a configuration, with its known truth."""
    loaded = load_config(config)
    if loaded.simulate is None:
        raise ConfigError(
            f"{config} has no simulate section, so there is no office to simulate. See configs/demo.yaml."
        )
    office = simulate_office(loaded.simulate)
    write_office(office, out)
    if messy:
        expected = write_messy_export(office, out / "messy_export.csv", loaded.simulate.seed)
        expected.to_csv(out / "truth" / "messy_cells.csv", index=False)
    console.print(f"Written: {out}")


@app.command()
def report(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run, such as results/demo.")],
) -> None:
    """Render a finished run's report and print its path."""
    refuse_unfinished(Run(existing_run(run_folder)))
    typer.echo(render_report(run_folder))


@app.command()
def verify(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run, such as results/demo.")],
    data: Annotated[Path | None, typer.Option("--data", help="Also compare this case log with the one read.")] = None,
) -> None:
    """Recompute a run's hashes, and its tables and scores from what lies beneath them."""
    found = verify_run(Run(existing_run(run_folder)), data)
    table = Table("what", "values", "", box=SIMPLE)
    for line in found:
        verdict = Text(line.problem or "agrees", style="red" if line.problem else "green")
        table.add_row(line.what, f"{line.n:,}", verdict)
    console.print(table)
    wrong = [line.what for line in found if line.problem]
    if wrong:
        raise GateRefused(
            f"{run_folder} is not what it says: {len(wrong)} of {len(found)} checks do not agree ({examples(wrong)}). "
            "Do not use it; make it again with bayes-backlog run CONFIG."
        )


@app.command()
def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="A finished run.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Another one.")],
    attribute: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="CONFIG_A CONFIG_B", help="Run A again with one change of B at a time (minutes each)."),
    ] = None,
) -> None:
    """Show what differs between two runs: data, configuration, versions, code; and what became of the answer."""
    a, b = (Run(existing_run(folder)) for folder in (run_a, run_b))
    _show("What differs", comparison.differences(a, b))
    _show("The backlog, cases", comparison.headlines(a, b))
    _show("Scores of the office", comparison.score_changes(a, b))
    if attribute is None:
        return
    configs = [load_config(path) for path in attribute]
    runner = forecast_runner(progress_bar, console.print)
    _show("What moved the mean backlog, cases", pd.concat(attribute_changes(a, b, configs[0], configs[1], runner)))


def _show(title: str, table: pd.DataFrame) -> None:
    shown = Table(*map(str, table), title=title, title_justify="left", box=SIMPLE)
    for row in table.itertuples(index=False):
        shown.add_row(*(Text(f"{value:,.2f}" if isinstance(value, float) else str(value)) for value in row))
    Console(highlight=False).print(shown if len(table) else f"{title}: nothing")


@app.command()
def publish(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run, such as results/demo.")],
    people: Annotated[
        bool, typer.Option("--people", help="Also what is forecast for each person, under pseudonyms.")
    ] = False,
) -> None:
    """Write the tables of a run that may leave the office: teams and roles too small to be shown are withheld."""
    done = Run(existing_run(run_folder))
    refuse_unfinished(done)
    for path in publish_tables(done, people=people):
        typer.echo(path)
    _show_standing(done)


@app.command()
def monitor(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run, such as results/demo.")],
    new_data: Annotated[Path, typer.Argument(metavar="NEW_DATA", help="A later export with the same columns.")],
    allocation_history: Annotated[
        Path | None, typer.Option("--allocation-history", help="Of the later export, where the run had one.")
    ] = None,
) -> None:
    """Score a run's forecast against what came since, and say whether the office has drifted (exit code 3)."""
    done = Run(existing_run(run_folder))
    found = watch(done, new_data, allocation_history)
    console.print(f"Written: {done.path(HISTORY)}, {done.path(STOCKS_HISTORY)}, {done.path(CHART)}")
    if found.is_alarm:
        raise Drifted(verdict_sentence(found))
    typer.echo(verdict_sentence(found))


def _show_warning(message: Warning | str, *_: object) -> None:
    console.print(f"Note: {message}", markup=False)


def main() -> None:
    """Run the command line; every refusal becomes one message and an exit code."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    try:
        app()
    except BacklogError as error:
        console.print(str(error), markup=False, style="red")
        sys.exit(error.exit_code)
    except OSError as error:
        where = error.filename or "a file"
        console.print(
            f"{where} could not be read or written: {error.strerror or error}. Check its path, its permissions and the "
            "space on the disk, and run again: finished stages are kept.",
            markup=False,
            style="red",
        )
        sys.exit(BacklogError.exit_code)
    except Exception as error:
        console.print(_unforeseen(error), markup=False, style="red")
        sys.exit(UNFORESEEN)


def _unforeseen(error: Exception) -> str:
    """Keep an unforeseen error's details in a file, since they may quote data, and return what to tell."""
    with NamedTemporaryFile("w", prefix="bayes-backlog-", suffix=".log", delete=False, encoding="utf-8") as log:
        log.writelines(traceback.format_exception(error))
    return (
        f"Something happened that nobody foresaw ({type(error).__name__}), which is a fault of this program and not of "
        "yours. Your data are as they were, and finished stages are kept. Where it happened is written in "
        f"{log.name}; please report that, after looking whether it quotes anything of your data."
    )
