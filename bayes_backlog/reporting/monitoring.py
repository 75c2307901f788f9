"""A finished run watched: new data scored against its forecast, the history kept, the running sums drawn."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from bayes_backlog.cases.case_log import load_cases
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.config import Config
from bayes_backlog.errors import DataError, RunError
from bayes_backlog.evaluation.monitor import Monitored, monitor, refuse_another_office
from bayes_backlog.panels.office import working_day_flows
from bayes_backlog.reporting.style import MODEL, MUTED, TARGET, WIDTH, use_style
from bayes_backlog.runs import Run, hash_file, replacing, write_table
from bayes_backlog.vocabulary import OFFICE

HISTORY, STOCKS_HISTORY, CHART = "monitor/history.csv", "monitor/stocks.csv", "monitor/cusum.svg"
PREDICTIONS = "forecast/predictions.nc"


def watch(run: Run, new_data: Path, allocation_history: Path | None = None) -> Monitored:
    """Score a run's forecast against what came since, add it to the history and draw the running sums.

    Parameters
    ----------
    run : Run
        With a forecast.
    new_data : Path
        A later export of the same office, with the columns that the run's configuration names.
    allocation_history : Path, optional
        The history that belongs to it, where the run was made with one.

    Returns
    -------
    Monitored
        The new rows of the histories, monitor/history.csv and monitor/stocks.csv; those already there are never
        changed, and the same data are not added twice.

    Raises
    ------
    DataError
        When the new data have other columns, another past, or no whole week after the run's last known day; or when
        only one of the run and the new data has an allocation history.
    RunError
        When the run's forecast is not as the run wrote it.
    """
    manifest = run.manifest()
    recorded = manifest.get("stages", {}).get("forecast", {}).get("artefacts", {}).get(PREDICTIONS)
    if recorded is None or hash_file(run.path(PREDICTIONS)) != recorded:
        raise RunError(
            f"The forecast in {run.folder} is missing or not as the run wrote it, so nothing can be held against it. "
            "Run bayes-backlog run CONFIG again."
        )
    _refuse_other_allocations(run, allocation_history)
    settings = manifest["config"]
    # The run's configuration, but for the files and the day on which its own data ended.
    history = allocation_history and allocation_history.resolve()
    new = {"file": new_data.resolve(), "allocation_history": history, "as_of": None}
    config = Config.model_validate(settings | {"data": settings["data"] | new})
    # Only the office's totals are kept, so any key will do.
    log = load_cases(config.data, Key.for_synthetic_data())
    cutoff = pd.Timestamp(manifest["as_of"])
    if log.as_of <= cutoff:
        raise DataError(
            f"The new data end on {log.as_of:%Y-%m-%d}, the forecast was made from {cutoff:%Y-%m-%d}: nothing has come "
            "since. Give a later export."
        )
    flows = working_day_flows(log.cases, log.as_of, config.calendar)
    caseload = run.table("panels/caseload.parquet")
    seen = caseload[caseload["level"] == OFFICE].set_index("date")["received"]
    refuse_another_office(seen, flows["received"], cutoff)
    found = monitor(run.dataset(PREDICTIONS), flows, manifest["run_id"], cutoff, log.as_of)
    _remember(run, HISTORY, found.weeks)
    _remember(run, STOCKS_HISTORY, found.stocks)
    _draw(run, found.weeks)
    return found


def _refuse_other_allocations(run: Run, allocation_history: Path | None) -> None:
    """Refuse to hold first allocations against latest ones: a case that changed hands would be allocated twice."""
    had_history = (run.table("cases/findings.csv")["rule"] == "allocation_history").any()
    if had_history and allocation_history is None:
        raise DataError(
            "The run was made with an allocation history, so its forecast is of cases leaving the queue for the first "
            "time; the new data alone say when their present holders got them. Give the history that belongs to them "
            "with --allocation-history."
        )
    if allocation_history is not None and not had_history:
        raise DataError(
            "The run was made without an allocation history, so its forecast is of the allocations that the log alone "
            "shows, and a history would count others. Leave out --allocation-history."
        )


def _remember(run: Run, history: str, rows: pd.DataFrame) -> None:
    """Add rows to a history, in one step."""
    path = run.path(history)
    known = run.table(history) if path.is_file() else rows.head(0)
    dates = rows.select_dtypes("datetime")
    new = rows.assign(**{str(name): values.dt.strftime("%Y-%m-%d") for name, values in dates.items()})
    if not ((known["run_id"] == new["run_id"].iloc[0]) & (known["as_of"] == new["as_of"].iloc[0])).any():
        write_table(pd.concat([known, new], ignore_index=True) if len(known) else new, path)


def _draw(run: Run, weeks: pd.DataFrame) -> None:
    use_style()
    with replacing(run.path(CHART)) as temporary:
        cusum_panels(weeks).savefig(temporary, format="svg", metadata={"Date": None})


def cusum_panels(weeks: pd.DataFrame) -> Figure:
    """Draw the running sums of every flow, above expectation upwards and below it downwards, with both limits."""
    flows, limit = list(weeks["flow"].unique()), float(weeks["limit"].iloc[0])
    figure = Figure(figsize=(WIDTH, 1.5 * len(flows) + 0.4))
    figure.set_layout_engine("constrained")
    for ax, flow in zip(figure.subplots(len(flows), 1, sharex=True, squeeze=False)[:, 0], flows, strict=True):
        rows = weeks[weeks["flow"] == flow]
        number = range(1, len(rows) + 1)
        ax.bar(number, rows["cusum_up"], color=MODEL, width=0.7)
        ax.bar(number, -rows["cusum_down"], color=MUTED, width=0.7)
        for edge in (limit, -limit):
            ax.axhline(edge, color=TARGET, linewidth=1.2, linestyle=(0, (6, 3)))
        top = 1.15 * max(limit, rows["cusum_up"].max(), rows["cusum_down"].max())
        ax.set_ylim(-top, top)
        ax.set_title(flow.replace("_", " "), fontsize=11)
    ax.set_xlabel("weeks after the last known day")
    return figure
