"""The tables of a run that may leave the office: groups too small withheld, people only when asked for by name.

A run's folder is for the office itself: it holds a row per case and per person. `published/` holds copies without them.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from bayes_backlog.errors import GateRefused
from bayes_backlog.forecasts.tables import PER_PERSON, flat, summary
from bayes_backlog.reporting.finished import predictions
from bayes_backlog.reporting.hubverse import hub_file, hub_table
from bayes_backlog.reporting.standing import standing
from bayes_backlog.reporting.team_tables import (
    WINDOW_DAYS,
    Level,
    group_history,
    recent_history,
    shown_groups,
)
from bayes_backlog.runs import Run, write_table
from bayes_backlog.vocabulary import OFFICE

LEVELS: tuple[Level, ...] = get_args(Level)
FOLDER = "published"


def publish(run: Run, *, people: bool = False) -> list[Path]:
    """Write what may be published of a finished run into its folder `published`.

    Parameters
    ----------
    run : Run
        Finished.
    people : bool
        Whether to write what is forecast for each person as well, under pseudonyms and in their order: no ranking.

    Returns
    -------
    list of Path
        What was written: history.csv, every table of `forecast/` without the groups withheld, the same forecast in the
        hubverse's format, and standing.csv: which checks it passed.

    Raises
    ------
    GateRefused
        When a check of the run came out red and no reason is recorded.
    """
    if not standing(run).publishes:
        raise GateRefused(
            f"The forecast in {run.folder} was refused, so none of it is published. See model/verdicts.csv for the "
            "checks that came out red."
        )
    forecast = {path.name: run.table(f"forecast/{path.name}") for path in sorted(run.path("forecast").glob("*.csv"))}
    tables = {"history.csv": history(run)} | {name: without_withheld(run, table) for name, table in forecast.items()}
    shown = {(level, unit) for level in LEVELS for unit in shown_groups(run, level)}
    tables[hub_file(run)] = hub_table(run, shown)
    tables["standing.csv"] = standing_table(run)
    if people:
        tables["people.csv"] = people_table(run)
    for name, table in tables.items():
        write_table(table, run.path(f"{FOLDER}/{name}"))
    return [run.path(f"{FOLDER}/{name}") for name in tables]


def history(run: Run) -> pd.DataFrame:
    """Return the past of the office and of the groups that may be shown.

    Returns
    -------
    DataFrame
        quantity, level, unit, date, n_days, observed: wip at the close of the date, flows summed over the n_days up to
        it.
    """
    parts = []
    for level in LEVELS:
        for quantity in PER_PERSON:
            past = recent_history(group_history(run, quantity, level), quantity)
            shown = past.reindex(columns=shown_groups(run, level), fill_value=0)
            if level == LEVELS[0]:
                parts.append(_long(past.sum(axis=1).to_frame(OFFICE), quantity, OFFICE))
            parts.append(_long(shown, quantity, level))
    return pd.concat(parts, ignore_index=True)


def standing_table(run: Run) -> pd.DataFrame:
    """Return what the gates said, in one row.

    Returns
    -------
    DataFrame
        run_id, as_of, status, n_checks, red and amber (names of checks, semicolons between), accepted_because.
    """
    found, manifest = standing(run), run.manifest()
    named = {"red": found.red, "amber": found.amber}
    row = {
        "run_id": manifest["run_id"],
        "as_of": manifest["as_of"],
        "status": found.status,
        "n_checks": found.n_checks,
        **{status: "; ".join(table["check"]) for status, table in named.items()},
        "accepted_because": found.accepted_because if found.status == "accepted" else "",
    }
    return pd.DataFrame([row])


def without_withheld(run: Run, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of forecasts with the office and the groups that may be shown."""
    if "level" not in table:
        return table
    kept = table["level"] == OFFICE
    for level in LEVELS:
        kept |= (table["level"] == level) & table["unit"].isin(shown_groups(run, level))
    return table[kept]


def people_table(run: Run) -> pd.DataFrame:
    """Return what is forecast for each person over the whole horizon, in the order of the pseudonyms.

    Returns
    -------
    DataFrame
        investigator, quantity, target_date, mean, q05 ... q95: wip at the close of the last day, flows summed until it.
    """
    future = predictions(run)
    parts = []
    for quantity in PER_PERSON:
        values = flat(future[quantity])
        at_end = values[:, -1] if quantity == "wip" else values.sum(axis=1)
        parts.append(
            pd.DataFrame(
                {
                    "investigator": future["investigator"].to_numpy().astype(str),
                    "quantity": quantity,
                    "target_date": pd.Timestamp(future["date"].to_numpy()[-1]),
                    **summary(at_end),
                }
            )
        )
    return pd.concat(parts).sort_values(["investigator", "quantity"], ignore_index=True)


def _long(past: pd.DataFrame, quantity: str, level: str) -> pd.DataFrame:
    n_days = 1 if quantity == "wip" else WINDOW_DAYS
    table = past.rename_axis("date").reset_index().melt("date", var_name="unit", value_name="observed")
    table["observed"] = table["observed"].astype(np.int64)
    return table.assign(quantity=quantity, level=level, n_days=n_days)[
        ["quantity", "level", "unit", "date", "n_days", "observed"]
    ]
