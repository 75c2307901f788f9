"""The command line: one verb a stage, one message for everything that can go wrong.

Exit codes: 0 when every gate passed, 2 for an error that the user can mend, 3 when a gate refused the forecast.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bayes_backlog import stages
from bayes_backlog.cases.messy_export import write_messy_export
from bayes_backlog.cases.synthetic import simulate_office, write_office
from bayes_backlog.config import Config, load_config, with_data
from bayes_backlog.errors import BacklogError, ConfigError, GateRefused
from bayes_backlog.inference.sampling import Progress as Report
from bayes_backlog.reporting.finished import refuse_unfinished
from bayes_backlog.reporting.headline import headline_sentences
from bayes_backlog.reporting.render import existing_run, render_report
from bayes_backlog.runs import Run

app = typer.Typer(
    help="Bayesian 90-day forecasts of case-work backlogs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(stderr=True, highlight=False, soft_wrap=True)

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="A YAML file such as configs/demo.yaml.")]
DataPath = Annotated[Path | None, typer.Option("--data", help="Case log to read instead of the configuration's.")]
ResultsPath = Annotated[Path, typer.Option("--results", help="Folder that gets one folder per configuration.")]

DEFAULT_RESULTS = Path("results")


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
    with Progress(*columns, console=console, transient=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None, words="")

        def report(done: int, total: int, words: str) -> None:
            progress.update(task, completed=done, total=total or None, words=words)

        yield report
    if not console.is_terminal:
        console.print(f"{title}: done")


def _config(path: Path, data: Path | None) -> Config:
    config = load_config(path)
    return config if data is None else with_data(config, file=data.resolve())


def _run_stages(config_path: Path, data: Path | None, results: Path, last_stage: str) -> Run:
    config = _config(config_path, data)
    run = Run(results / config.name)
    shop = stages.open_workshop(config, run, progress_bar, last_stage)
    stages.run_to(shop, last_stage)
    console.print(f"Written: {run.folder}")
    return run


@app.command()
def run(config: ConfigPath, data: DataPath = None, results: ResultsPath = DEFAULT_RESULTS) -> None:
    """Do everything: cases, panel, fit, check, forecast, backtest."""
    done = _run_stages(config, data, results, stages.STAGES[-1])
    for sentence in headline_sentences(done):
        console.print(sentence)


@app.command()
def cases(config: ConfigPath, data: DataPath = None, results: ResultsPath = DEFAULT_RESULTS) -> None:
    """Read, type and pseudonymise the case log; list findings and the quarantine."""
    done = _run_stages(config, data, results, "cases")
    for finding in done.table("cases/findings.csv").itertuples():
        console.print(f"{finding.severity}: {finding.message}", markup=False)


@app.command()
def panel(config: ConfigPath, data: DataPath = None, results: ResultsPath = DEFAULT_RESULTS) -> None:
    """Build events, stocks, roster and the daily panel."""
    _run_stages(config, data, results, "panel")


@app.command()
def fit(config: ConfigPath, data: DataPath = None, results: ResultsPath = DEFAULT_RESULTS) -> None:
    """Sample the posterior and apply the convergence gate."""
    _run_stages(config, data, results, "fit")


@app.command()
def check(config: ConfigPath, data: DataPath = None, results: ResultsPath = DEFAULT_RESULTS) -> None:
    """Compare replicated with real totals and list the verdicts."""
    try:
        _show_verdicts(_run_stages(config, data, results, "check"))
    except GateRefused:
        _show_verdicts(Run(results / load_config(config).name))
        raise


def _show_verdicts(done: Run) -> None:
    for verdict in done.table("model/verdicts.csv").itertuples():
        console.print(f"{verdict.status:5} {verdict.check}: {verdict.message}", markup=False)


@app.command()
def forecast(config: ConfigPath, data: DataPath = None, results: ResultsPath = DEFAULT_RESULTS) -> None:
    """Roll forward to flows and stocks of the horizon."""
    done = _run_stages(config, data, results, "forecast")
    for sentence in headline_sentences(done):
        console.print(sentence)


@app.command()
def backtest(config: ConfigPath, data: DataPath = None, results: ResultsPath = DEFAULT_RESULTS) -> None:
    """Forecast the past from earlier cutoffs and score it."""
    _run_stages(config, data, results, "backtest")


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
