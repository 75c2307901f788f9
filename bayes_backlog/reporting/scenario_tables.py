"""What scenarios change, for the page and the terminal: pictures' numbers, and tables in words.

Only scenarios that the manifest lists are shown: those made with the forecast that is there.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from rich.markup import escape as literal
from rich.table import Table

from bayes_backlog.reporting.forecast_tables import QUANTILES, as_of, in_panels, joined, stock_fan
from bayes_backlog.reporting.markdown import TO, cases, escape, interval, percent, pipe_table, plural
from bayes_backlog.runs import Run
from bayes_backlog.vocabulary import OFFICE

BASE = "as forecast"
STAGE = "scenario "


def compared(run: Run) -> dict[str, str]:
    """Return the titles of the scenarios that were compared with the run's forecast, by name, as configured."""
    stages = run.manifest()["stages"]
    described = run.manifest()["config"].get("scenarios", [])
    return {one["name"]: one["title"] or one["name"] for one in described if STAGE + one["name"] in stages}


def scenario_fan(run: Run) -> pd.DataFrame:
    """Return the office's backlog as forecast and under each scenario, and what each changes.

    Returns
    -------
    DataFrame
        panel, date, observed, q05 ... q95 (cases): the forecast, then each scenario's backlog, then the differences,
        scenario minus forecast in the same future, which begin at none on the last known day.
    """
    base = stock_fan(run, ("backlog",))
    past = base.dropna(subset="observed").set_index("date")["observed"]
    fans = {BASE: base.drop(columns="panel")}
    for name, title in compared(run).items():
        table = _backlog(run.table(f"scenarios/{name}/stocks.csv"), "stock")
        fans[title] = joined(past, table)
    nothing = pd.Series([0.0], [as_of(run)])
    for name, title in compared(run).items():
        change = _backlog(run.table(f"scenarios/{name}/difference.csv"), "quantity")
        fans[f"change: {title}"] = joined(nothing, change)
    return in_panels(fans)


def scenario_table(run: Run) -> str:
    """Return the backlog at the end under the forecast and every scenario as Markdown, with the paired difference."""
    last = _backlog(run.table("forecast/stocks.csv"), "stock").iloc[-1]
    rows = [[BASE, interval(last["q50"], last["q05"], last["q95"]), "", ""]]
    for name, title in compared(run).items():
        backlog = _backlog(run.table(f"scenarios/{name}/stocks.csv"), "stock").iloc[-1]
        change = _office(run.table(f"scenarios/{name}/difference.csv"), "quantity").iloc[-1]
        rows.append(
            [
                escape(title),
                interval(backlog["q50"], backlog["q05"], backlog["q95"]),
                f"{_signed(change['q50'])} ({_signed(change['q05'])}{TO}{_signed(change['q95'])})",
                percent(change["p_lower"]),
            ]
        )
    headers = ["Future", f"Backlog on {last['date']:%-d %B %Y}", "Change", "Probability that it is lower"]
    return pipe_table(headers, rows, align="lrrr")


def scenario_sentence(run: Run) -> str:
    """Return how many scenarios were compared, or that none was and what to do."""
    n = len(compared(run))
    if n == 0:
        return "No scenario has been compared with this forecast: `bayes-backlog scenario CONFIG` does it."
    return f"{plural(n, 'scenario')} of the configuration, each on the randomness of the forecast itself."


def needed_staff_table(inverse: pd.DataFrame) -> Table:
    """Return the answers of inverse.csv as a table for the terminal."""
    first = inverse.iloc[0]
    title = (
        f"{first['quantity']} of at most {first['at_most']} on {first['target_date']:%Y-%m-%d}, probability "
        f"{first['prob']:.0%}: FTE of {first['role']} in {first['team']} from {first['first_date']:%Y-%m-%d}"
    )
    table = Table(title=literal(title))
    for name in ("overtime", "received", "FTE needed", "90 % Monte-Carlo interval", "probability with none"):
        table.add_column(name, justify="right")
    for row in inverse.to_dict("records"):
        fte, lower, upper = (fte_words(row[name], row["most_tried"]) for name in ("fte", "fte_lower", "fte_upper"))
        table.add_row(
            f"{row['overtime']:+.0%}", f"{row['inflow']:+.0%}", fte, f"{lower} to {upper}", f"{row['met_without']:.0%}"
        )
    return table


def fte_words(fte: float, most_tried: int) -> str:
    """Return a number of FTE, or that more are needed than were tried."""
    return f"{fte:.1f}" if np.isfinite(fte) else f"more than {most_tried}"


def _office(table: pd.DataFrame, column: str) -> pd.DataFrame:
    rows = table[(table["level"] == OFFICE) & (table[column] == "backlog")]
    return rows.assign(date=pd.to_datetime(rows["target_date"])).sort_values("date")


def _backlog(table: pd.DataFrame, column: str) -> pd.DataFrame:
    return _office(table, column)[["date", *QUANTILES]].reset_index(drop=True)


def _signed(change: float) -> str:
    return f"{'+' if change > 0 else ''}{cases(change)}".replace("-", "\u2212")
