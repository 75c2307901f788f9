"""Pictures of the answers on the forecast page; see `figures` for the rules that they keep."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from bayes_backlog.reporting.figures import date_axis, note, spread
from bayes_backlog.reporting.markdown import share
from bayes_backlog.reporting.style import GROUPS, HEIGHT, MODEL, MUTED, OBSERVED, TARGET, WIDTH

LINES = (MODEL, TARGET, OBSERVED)
LIGHT = 1.5
"""Sum of red, green and blue from which a colour is too light for white letters."""
SMALLEST_NAMED = 0.09
"""Parts of a bar that are wide enough to hold their number."""


def probability_chart(table: pd.DataFrame) -> Figure:
    """Draw probabilities over time, each line named at its end.

    Parameters
    ----------
    table : DataFrame
        panel (what the line is called), date, probability; empty where the office has no target.
    """
    if table.empty:
        figure = Figure(figsize=(WIDTH, 0.6))
        figure.text(0, 0.4, "No target is set.", color=MUTED)
        return figure
    figure = Figure(figsize=(WIDTH, HEIGHT))
    ax = figure.subplots()
    first, last = table["date"].min(), table["date"].max()
    lines = [rows for _, rows in table.groupby("panel", sort=False)]
    ends = [float(rows["probability"].iloc[-1]) for rows in lines]
    for rows, colour in zip(lines, LINES, strict=False):
        ax.plot(date2num(rows["date"]), rows["probability"], color=colour)
    ax.set_xlim(first, last + 0.28 * (last - first))
    ax.set_ylim(0, 1.03)
    order = sorted(range(len(lines)), key=lambda k: -ends[k])
    for k, below in zip(order, spread((1 - ends[k] for k in order), gap=0.07), strict=True):
        note(ax, last, 1 - below, lines[k]["panel"].iloc[0], colour=LINES[k], offset=(5, 0), va="center")
    ax.yaxis.set_major_formatter(lambda value, _: share(value))
    ax.set_ylabel("probability")
    date_axis(ax, first, last)
    return figure


def share_panels(table: pd.DataFrame) -> Figure:
    """Draw what each whole is made of: one bar a panel, its parts in the table's order, named in a key.

    Parameters
    ----------
    table : DataFrame
        panel, component, share (of the bar).
    """
    panels, parts = list(table["panel"].unique()), list(dict.fromkeys(table["component"]))
    figure = Figure(figsize=(WIDTH, 0.42 * len(panels) + 0.23 * len(parts) + 0.7))
    ax = figure.subplots()
    wide = table.pivot(index="panel", columns="component", values="share").fillna(0.0).loc[panels, parts]
    widths = wide.to_numpy(dtype=float)
    widths = widths / widths.sum(axis=1, keepdims=True)
    left = widths.cumsum(axis=1) - widths
    for k, (part, colour) in enumerate(zip(parts, GROUPS, strict=False)):
        ax.barh(range(len(panels)), widths[:, k], left=left[:, k], color=colour, height=0.7, label=part)
    for row, k in np.argwhere(widths >= SMALLEST_NAMED).tolist():
        at = left[row, k] + widths[row, k] / 2
        light = sum(to_rgb(GROUPS[k])) > LIGHT
        ink = OBSERVED if light else "white"
        ax.text(at, row, share(widths[row, k]), ha="center", va="center", color=ink, fontsize=9)
    ax.set_yticks(range(len(panels)), panels)
    ax.set_ylim(len(panels) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(lambda value, _: share(value))
    ax.grid(visible=False)
    ax.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower left", ncols=2, fontsize=10, handlelength=1.0, columnspacing=1.2)
    return figure
