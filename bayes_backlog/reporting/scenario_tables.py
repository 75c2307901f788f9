"""What scenarios change, for the page and the terminal: pictures' numbers, and tables in words.

Only scenarios and answers that the manifest lists are shown: those made with the forecast that is there.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from rich.box import SIMPLE
from rich.markup import escape as literal
from rich.table import Table

from bayes_backlog.assumptions import NO_SCENARIO
from bayes_backlog.forecasts.inverse import SEARCHED
from bayes_backlog.forecasts.queue_age import THRESHOLDS, share_over
from bayes_backlog.keys import NEEDED_PREFIX, SCENARIO_PREFIX
from bayes_backlog.reporting.forecast_tables import QUANTILES, as_of, in_panels, joined, stock_fan
from bayes_backlog.reporting.markdown import TO, between, cases, escape, interval, percent, pipe_table, plural, share
from bayes_backlog.reporting.standing import standing
from bayes_backlog.runs import Run
from bayes_backlog.vocabulary import OFFICE

BASE = "as forecast"
NOT_COMPARED = "No scenario has been compared with this forecast: `bayes-backlog scenario CONFIG` does it."
NONE_OF_A_REFUSED = "The forecast was refused, and a scenario of it would be no better: none was made."
NOT_ASKED_OF_A_REFUSED = "Of a refused forecast nothing can be asked."
NOT_ASKED = (
    "Nobody has asked this forecast what staff a target needs: `bayes-backlog scenario CONFIG --target backlog=CASES "
    "--by DATE` does it."
)
NEEDED_CAPTION = "In brackets the 90 % Monte-Carlo interval; at the end the probability with no more staff."
SHOWN_PROBS = (0.5, 0.9)
"""Probabilities for which the staff needed are told beside the one asked for."""


def compared(run: Run) -> dict[str, str]:
    """Return the titles of the scenarios that were compared with the run's forecast, by name, as configured."""
    stages = run.manifest()["stages"]
    return {name: title for name, title in _titles(run).items() if SCENARIO_PREFIX + name in stages}


def _titles(run: Run) -> dict[str, str]:
    described = run.manifest()["config"].get("scenarios", [])
    return {one["name"]: one["title"] or one["name"] for one in described}


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
                f"{_signed(change['q50'])} ({between(_signed(change['q05']), _signed(change['q95']))})",
                percent(change["p_lower"]),
            ]
        )
    headers = ["Future", f"Backlog on {last['date']:%-d %B %Y}", "Change", "Probability that it is lower"]
    return pipe_table(headers, rows, align="lrrr")


def ages_table(run: Run) -> str:
    """Return how long cases wait at the end under the forecast and every scenario as Markdown."""
    folders = {"forecast": BASE} | {f"scenarios/{name}": title for name, title in compared(run).items()}
    rows = []
    for folder, title in folders.items():
        ages = run.table(f"{folder}/queue_age.csv")
        end = ages[ages["horizon_days"] == ages["horizon_days"].max()].set_index("measure")[["q50", "q05", "q95"]]
        over = end.loc[[share_over(days) for days in THRESHOLDS]].map(share)
        rows.append(
            [
                escape(title),
                *(f"{row['q50']} ({row['q05']}{TO}{row['q95']})" for row in over.to_dict("records")),
                interval(*end.loc["oldest_age"]),
            ]
        )
    headers = ["Future", *(f"over {days} days" for days in THRESHOLDS), "oldest case, days"]
    return pipe_table(headers, rows, align="l" + "r" * (len(headers) - 1))


def needed_table(run: Run) -> str:
    """Return the staff that targets need, as asked of this forecast and its scenarios, as Markdown; or what to do."""
    titles = {NO_SCENARIO: BASE} | _titles(run)
    asked = [stage.removeprefix(NEEDED_PREFIX) for stage in run.manifest()["stages"] if stage.startswith(NEEDED_PREFIX)]
    rows = [
        [
            f"{row['quantity']} of at most {row['at_most']:,} on {pd.Timestamp(row['target_date']):%-d %B %Y} with "
            f"{percent(row['prob'])} probability",
            _future(titles[name], row["overtime"], row["inflow"]),
            f"{escape(row['role'])} in {escape(row['team'])} from {pd.Timestamp(row['first_date']):%-d %B %Y}",
            f"{fte_words(row['fte'], row['most_tried'])} ({fte_words(row['fte_lower'], row['most_tried'])}{TO}"
            f"{fte_words(row['fte_upper'], row['most_tried'])})",
            *(_fte_for(curve, prob) for prob in SHOWN_PROBS),
            percent(row["met_without"]),
        ]
        for name in sorted(asked)
        for row, curve in _answers(run, name)
    ]
    others = (f"for {share(prob)}" for prob in SHOWN_PROBS)
    headers = ["Target", "Future", "Who", "FTE needed", *others, "Probability with none"]
    if not rows:
        return NOT_ASKED if standing(run).publishes else NOT_ASKED_OF_A_REFUSED
    return pipe_table(headers, rows, align="lllrrrr")


def _answers(run: Run, name: str) -> Iterator[tuple[dict[Hashable, Any], pd.DataFrame]]:
    """Yield each row of inverse.csv, and its probability by FTE."""
    curves = run.table(f"scenarios/{name}/inverse_curve.csv")
    for row in run.table(f"scenarios/{name}/inverse.csv").to_dict("records"):
        same = [curves[of] == row[of] for of in SEARCHED]
        yield row, curves[np.logical_and.reduce(same)]


def _future(title: str, overtime: float, inflow: float) -> str:
    """Return a future in words, with the levers that were pulled besides."""
    pulled = {"overtime": overtime, "received": inflow}
    return escape(title) + "".join(f", {100 * by:+.0f}\u00a0% {what}" for what, by in pulled.items() if by)


def _fte_for(curve: pd.DataFrame, prob: float) -> str:
    """Return the fewest FTE with which a probability is reached."""
    enough = curve.loc[curve["met_with"] >= prob, "fte"]
    return fte_words(enough.min() if len(enough) else np.inf, round(curve["fte"].max()))


def scenario_sentence(run: Run) -> str:
    """Return how many scenarios were compared, or that none was and what to do."""
    n = len(compared(run))
    if n == 0:
        return NOT_COMPARED if standing(run).publishes else NONE_OF_A_REFUSED
    return f"{plural(n, 'scenario')} of the configuration, each on the randomness of the forecast itself."


def needed_staff_table(inverse: pd.DataFrame) -> Table:
    """Return the answers of inverse.csv as a table for the terminal."""
    first = inverse.iloc[0]
    title = (
        f"{first['quantity']} of at most {first['at_most']} on {first['target_date']:%Y-%m-%d}, probability "
        f"{first['prob']:.0%}: FTE in {first['team']}"
    )
    table = Table("role", title=literal(title), box=SIMPLE, caption=NEEDED_CAPTION)
    for name in ("from", "overtime", "received", "FTE needed", "with none"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in inverse.to_dict("records"):
        told = (fte_words(row[name], row["most_tried"]) for name in ("fte", "fte_lower", "fte_upper"))
        fte, lower, upper = (words.replace("more than ", ">") for words in told)
        table.add_row(
            *(literal(row["role"]), f"{row['first_date']:%Y-%m-%d}"),
            *(f"{row['overtime']:+.0%}", f"{row['inflow']:+.0%}"),
            *(f"{fte} ({lower} to {upper})", f"{row['met_without']:.0%}"),
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
