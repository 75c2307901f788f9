"""The numbers behind each picture, as a table that opens below it: for a screen reader, for copying, for checking.

Every function takes the table that its figure draws, so both show the same; days are thinned to weeks, which is as much
as the eye takes from a curve.
"""

from __future__ import annotations

import pandas as pd

from bayes_backlog.reporting.markdown import TO, cases, escape, interval, pipe_table, verdict
from bayes_backlog.reporting.style import FAN
from bayes_backlog.vocabulary import MODEL, quantile_column

SUMMARY = "The numbers of this picture"
PAST_ROWS = 4
"""Observed points shown before a forecast."""


def details(table: str, summary: str = SUMMARY) -> str:
    """Return Markdown folded away under a line that opens it, by mouse or keyboard."""
    return f"<details>\n<summary>{summary}</summary>\n\n{table}\n\n</details>"


def fan_numbers(table: pd.DataFrame) -> str:
    """Return the points of `fan_chart` and `fan_panels`, a week apart: the last observed, and all forecast to the end.

    Parameters
    ----------
    table : DataFrame
        panel, date, observed, q05 ... q95.
    """
    if table.empty:
        return ""
    rows = []
    for panel, points in table.groupby("panel", sort=False):
        past, future = points[points["observed"].notna()], points[points["observed"].isna() & points["q50"].notna()]
        step = _rows_a_week(future if len(future) > 1 else past)
        for point in past.iloc[::-step].head(PAST_ROWS).iloc[::-1].to_dict("records"):
            rows.append([escape(panel), f"{point['date']:%-d %b %Y}", cases(point["observed"]), *[""] * len(FAN), ""])
        shown = sorted({*range(step - 1, len(future), step), *range(len(future))[-1:]})
        for point in future.iloc[shown].to_dict("records"):
            bands = [
                f"{cases(point[quantile_column((1 - prob) / 2)])}{TO}{cases(point[quantile_column((1 + prob) / 2)])}"
                for prob in sorted(FAN)
            ]
            rows.append([escape(panel), f"{point['date']:%-d %b %Y}", "", cases(point["q50"]), *bands])
    headers = ["Panel", "Date", "Observed", "Median", *(f"{100 * prob:.0f}\u00a0%" for prob in sorted(FAN))]
    return details(_without_single_panel(headers, rows, align="lrrr" + "r" * len(FAN)))


def history_numbers(table: pd.DataFrame) -> str:
    """Return the points of `history_panels`, panels in columns, the latest first."""
    wide = table.pivot(index="date", columns="panel", values="observed")[table["panel"].unique()]
    rows = [[f"{date:%b %Y}", *map(cases, values)] for date, values in zip(wide.index, wide.to_numpy(), strict=True)]
    return details(pipe_table(["Month", *map(escape, wide)], rows[::-1], align="l" + "r" * wide.shape[1]))


def replicate_numbers(table: pd.DataFrame) -> str:
    """Return what `replicate_panels` draws: the real value, and median and 90 % interval of the replicated ones."""
    rows = []
    for panel, values in table.groupby("panel", sort=False):
        low, median, high = values["replicate"].quantile([0.05, 0.5, 0.95])
        first = values.iloc[0]
        rows.append(
            [escape(panel), verdict(first["status"], f"{first['observed']:.2f}"), interval(median, low, high, digits=2)]
        )
    return details(pipe_table(["Flow", "Real", "Invented pasts (90\u00a0%)"], rows, align="lrr"))


def gap_numbers(table: pd.DataFrame) -> str:
    """Return what `gap_panels` draws: the largest gap each way, and where all of them should stay."""
    rows = []
    for panel, found in table.groupby("panel", sort=False):
        low, high = (f"{found['gap'].agg(end):+.3f}" for end in ("min", "max"))
        rows.append(
            [
                escape(panel),
                verdict(found["status"].iloc[0], f"{low} to {high}"),
                f"{found['low'].min():+.3f} to {found['high'].max():+.3f}",
            ]
        )
    return details(pipe_table(["Flow", "Gaps", "Band at its widest"], rows, align="lrr"))


def ratio_numbers(table: pd.DataFrame) -> str:
    """Return what `ratio_panels` draws, panels in columns."""
    cells = {
        (row["effect"], row["panel"]): interval(row["median"], row["low"], row["high"], digits=2)
        for row in table.to_dict("records")
    }
    panels, effects = table["panel"].unique(), table["effect"].unique()
    rows = [[escape(effect), *(cells.get((effect, panel), "") for panel in panels)] for effect in effects]
    return details(pipe_table(["Effect", *map(escape, panels)], rows, align="l" + "r" * len(panels)))


def shrinkage_numbers(table: pd.DataFrame) -> str:
    """Return what `shrinkage_panels` shows without any one person: spread of rates by how long people were present."""
    if table.empty:
        return ""
    rows = []
    for panel, people in table.groupby("panel", sort=False):
        thirds = pd.qcut(people["fte_days"].rank(method="first"), 3, labels=["shortest", "middle", "longest"])
        for presence, of_third in people.groupby(thirds, observed=True):
            spreads = [interval(*of_third[name].quantile([0.5, 0.1, 0.9]), digits=2) for name in ("raw", "estimated")]
            rows.append([escape(panel), f"{presence} third", str(len(of_third)), *spreads])
    headers = ["Flow", "Presence", "People", "Raw: middle (tenths)", "Estimated: middle (tenths)"]
    return details(pipe_table(headers, rows, align="llrrr"))


def fold_numbers(table: pd.DataFrame) -> str:
    """Return what `fold_panels` draws: what came, and the median and 90 % interval of model and baseline."""
    rows = []
    for (panel, cutoff), forecasts in table.groupby(["panel", "cutoff"], sort=False):
        ours, theirs = forecasts[forecasts["model"] == MODEL], forecasts[forecasts["model"] != MODEL]
        rows.append(
            [
                escape(panel),
                f"{cutoff:%-d %b %Y}",
                cases(forecasts["observed"].iloc[0]),
                *(interval(*found.iloc[0][["q50", "q05", "q95"]]) if len(found) else "" for found in (ours, theirs)),
            ]
        )
    return details(pipe_table(["Quantity", "From", "What came", "Model", "Baseline"], rows, align="lrrrr"))


def _rows_a_week(points: pd.DataFrame) -> int:
    """Return how many rows make a week: seven of days, one of weeks."""
    if len(points) < 2:
        return 1
    days_apart = points["date"].diff().dt.days.median()
    return max(1, round(7 / float(days_apart)))


def _without_single_panel(headers: list[str], rows: list[list[str]], *, align: str) -> str:
    """Leave out the first column when it says the same in every row."""
    skip = 1 if len({row[0] for row in rows}) <= 1 else 0
    return pipe_table(headers[skip:], [row[skip:] for row in rows], align=align[skip:])
