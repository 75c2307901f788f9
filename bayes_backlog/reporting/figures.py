"""Pictures: functions from a table of numbers to a matplotlib Figure, with the words that a reader needs inside.

A figure holds no number that its table does not. Labels stand beside what they name; text from the data is never read
as mathematics. Figures are made outside pyplot, so none outlives the cell that shows it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from bayes_backlog.reporting.markdown import cases, plain, share
from bayes_backlog.reporting.style import (
    BASELINE,
    BASELINE_WORDS,
    FAN,
    GRID,
    HEIGHT,
    MODEL,
    MUTED,
    OBSERVED,
    TARGET,
    VERDICTS,
    WIDTH,
)
from bayes_backlog.vocabulary import MODEL as MODEL_NAME
from bayes_backlog.vocabulary import quantile_column

PANEL_HEIGHT = 1.9
SMALL = 10
LONGEST_LINE = 30
"""Letters of a panel's title that fit above half a figure."""


def fan_chart(table: pd.DataFrame, *, y_label: str, target: float | None = None) -> Figure:
    """Draw one quantity: what was observed, the fan of what is forecast, and the target.

    Parameters
    ----------
    table : DataFrame
        Rows of one panel of a fan table: date, observed, q05 ... q95. Without a forecast, history is drawn and the
        picture says that there is none.
    y_label : str
        What is counted.
    target : float, optional
        Drawn as a line across.
    """
    figure = Figure(figsize=(WIDTH, HEIGHT))
    ax = figure.subplots()
    _draw_fan(ax, table)
    _scale([ax], table, target, most_ticks=6)
    past, future = table.dropna(subset="observed"), table.dropna(subset="q50")
    first, cutoff = past["date"].iloc[0], past["date"].iloc[-1]
    last = cutoff if future.empty else future["date"].iloc[-1]
    ax.set_xlim(first, last + (0.4 if future.empty else 0.17) * (last - first))
    if future.empty:
        middle = sum(ax.get_ylim()) / 2
        note(ax, last, middle, "no forecast\nis published", colour=VERDICTS["red"], offset=(10, 0), va="center")
    else:
        _label_bands(ax, future.iloc[-1])
    _label_cutoff(ax, cutoff)
    if target is not None:
        ends = date2num([first, last])
        ax.hlines(target, *ends, color=TARGET, linewidth=1.2, linestyle=(0, (6, 3)), zorder=1.5)
        at = _emptiest(past, target)
        note(ax, at, target, f"target {cases(target)}", colour=TARGET, offset=(0, -3), va="top")
    ax.set_ylabel(y_label)
    date_axis(ax, first, last)
    return figure


def fan_panels(table: pd.DataFrame, *, columns: int = 2, when_empty: str = "Nothing of this may be shown.") -> Figure:
    """Draw every panel of a fan table in a small picture of its own, all over the same time."""
    if table.empty:
        return _words_only(when_empty)
    panels = table["panel"].unique()
    figure, axes = _grid(len(panels), columns)
    for ax, panel in zip(axes, panels, strict=True):
        rows = table[table["panel"] == panel]
        _draw_fan(ax, rows, small=True)
        cutoff = rows.loc[rows["q50"].notna(), "date"].iloc[0]
        ax.axvline(date2num(cutoff), color=MUTED, linewidth=1, linestyle=":")
        ax.set_xlim(rows["date"].iloc[0], rows["date"].iloc[-1])
        _title(ax, panel)
        date_axis(ax, rows["date"].iloc[0], rows["date"].iloc[-1], most=4)
    _scale(axes, table)
    return figure


def history_panels(table: pd.DataFrame, *, columns: int = 2) -> Figure:
    """Draw what was observed over a long time, each panel from zero.

    Parameters
    ----------
    table : DataFrame
        panel, date, observed.
    columns : int
        Panels side by side.
    """
    panels = table["panel"].unique()
    figure, axes = _grid(len(panels), columns, height=1.6)
    for ax, panel in zip(axes, panels, strict=True):
        rows = table[table["panel"] == panel]
        ax.plot(date2num(rows["date"]), rows["observed"], color=OBSERVED, linewidth=1.3)
        ax.set_ylim(min(0.0, rows["observed"].min()), 1.1 * max(1.0, rows["observed"].max()))
        ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: cases(value)))
        _title(ax, panel)
        date_axis(ax, rows["date"].iloc[0], rows["date"].iloc[-1], most=4)
    return figure


def replicate_panels(table: pd.DataFrame, *, x_label: str, columns: int = 2) -> Figure:
    """Draw what the model expects of one statistic and what the data show, a panel for each flow.

    Parameters
    ----------
    table : DataFrame
        panel, replicate, observed, status.
    x_label : str
        The statistic and its unit.
    columns : int
        Panels side by side.
    """
    panels = table["panel"].unique()
    figure, axes = _grid(len(panels), columns, height=1.6)
    for ax, panel in zip(axes, panels, strict=True):
        rows = table[table["panel"] == panel]
        observed, status = rows["observed"].iloc[0], rows["status"].iloc[0]
        ax.hist(rows["replicate"], bins=24, color=FAN[0.5])
        ax.axvline(observed, color=OBSERVED, linewidth=2)
        ax.set_ylim(0, 1.3 * ax.get_ylim()[1])
        on_left = observed > sum(ax.get_xlim()) / 2
        note(
            ax, observed, ax.get_ylim()[1], "observed", colour=OBSERVED if status == "green" else VERDICTS[status],
            offset=(-4 if on_left else 4, -2), ha="right" if on_left else "left", va="top",
        )  # fmt: skip
        ax.yaxis.set_major_locator(NullLocator())
        ax.spines["left"].set_visible(False)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        _title(ax, panel)
    figure.supxlabel(x_label, fontsize=SMALL + 1)
    return figure


def gap_panels(table: pd.DataFrame, *, columns: int = 2) -> Figure:
    """Draw how far places in a distribution are from uniform, in the band of uniform ones, a panel for each flow.

    Parameters
    ----------
    table : DataFrame
        panel, place, gap, low, high, status.
    columns : int
        Panels side by side.
    """
    if table.empty:
        return _words_only("This run left no total out.")
    panels = table["panel"].unique()
    figure, axes = _grid(len(panels), columns, height=1.6)
    for ax, panel in zip(axes, panels, strict=True):
        rows = table[table["panel"] == panel]
        status = rows["status"].iloc[0]
        ax.fill_between(rows["place"], rows["low"], rows["high"], color=FAN[0.9], linewidth=0)
        ax.step(rows["place"], rows["gap"], where="post", color=OBSERVED if status == "green" else VERDICTS[status])
        ax.axhline(0, color=MUTED, linewidth=0.8)
        ax.set_xlim(0, 1)
        ax.xaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
        ax.yaxis.set_major_locator(MaxNLocator(4))
        _title(ax, panel)
    figure.supxlabel("place in what was expected", fontsize=SMALL + 1)
    return figure


def rootogram_panels(table: pd.DataFrame, *, columns: int = 2) -> Figure:
    """Draw the feet of a hanging rootogram: square roots of counts, hung from those expected, a panel for each flow.

    A whole one is as high as its largest bar, beside which band and feet are too small to see.

    Parameters
    ----------
    table : DataFrame
        panel, cases, observed, expected, low, high, status.
    columns : int
        Panels side by side.
    """
    if table.empty:
        return _words_only("This run did not count days of people by their cases.")
    panels = table["panel"].unique()
    figure, axes = _grid(len(panels), columns, height=2.1)
    for ax, panel in zip(axes, panels, strict=True):
        rows = table[table["panel"] == panel]
        at = np.arange(len(rows))
        low, foot, high = (np.sqrt(rows["expected"]) - np.sqrt(rows[name]) for name in ("high", "observed", "low"))
        reach = 1.5 * max(1.0, *map(abs, [*low, *foot, *high]))
        colours = [OBSERVED if status == "green" else VERDICTS[status] for status in rows["status"]]
        ax.bar(at, high - low, bottom=low, width=0.94, color=FAN[0.9])
        ax.bar(at, np.sqrt(rows["observed"]), bottom=foot, width=0.4, color=MUTED)
        ax.axhline(0, color=MUTED, linewidth=0.8)
        ax.hlines(foot, at - 0.2, at + 0.2, color=colours, linewidth=3)
        ax.set_ylim(-reach, reach)
        ax.yaxis.set_major_locator(MaxNLocator(4))
        ax.set_xticks(at, [words.replace(" or more", "+") for words in rows["cases"]])
        _title(ax, panel)
    figure.supxlabel("cases of one person on one day", fontsize=SMALL + 1)
    figure.supylabel("square root of days", fontsize=SMALL + 1)
    return figure


def ratio_panels(table: pd.DataFrame, *, columns: int = 2) -> Figure:
    """Draw rate ratios with their intervals on a logarithmic axis, a panel for each flow.

    Parameters
    ----------
    table : DataFrame
        panel, effect, median, low, high.
    columns : int
        Panels side by side.
    """
    panels, effects = table["panel"].unique(), list(table["effect"].unique())
    figure, axes = _grid(len(panels), columns, height=0.7 + 0.2 * len(effects), sharey=True)
    for ax, panel in zip(axes, panels, strict=True):
        rows = table[table["panel"] == panel]
        at = rows["effect"].map(effects.index)
        ax.axvline(1, color=MUTED, linewidth=1)
        ax.hlines(at, rows["low"], rows["high"], color=MODEL, linewidth=2)
        ax.plot(rows["median"], at, "o", color=MODEL, markersize=4.5)
        ax.set_xscale("log")
        low, high = min(0.45, 0.9 * rows["low"].min()), max(2.2, 1.1 * rows["high"].max())
        ax.xaxis.set_major_locator(FixedLocator(_doublings(low, high)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"×{value:g}"))
        ax.set_xlim(low, high)
        ax.set_yticks(range(len(effects)), effects, fontsize=SMALL)
        ax.set_ylim(len(effects) - 0.4, -0.6)
        ax.grid(axis="x")
        _title(ax, panel)
    return figure


def shrinkage_panels(table: pd.DataFrame, *, columns: int = 2) -> Figure:
    """Draw raw and estimated rates of unnamed people, joined by a line, a panel for each flow.

    Parameters
    ----------
    table : DataFrame
        panel, raw, estimated, by rising raw rate.
    columns : int
        Panels side by side.
    """
    if table.empty:
        return _words_only("Too few people for a picture of their rates.")
    panels = table["panel"].unique()
    figure, axes = _grid(len(panels), columns, height=2.4)
    for ax, panel in zip(axes, panels, strict=True):
        rows = table[table["panel"] == panel].reset_index(drop=True)
        ax.axhline(1, color=MUTED, linewidth=1)
        ax.vlines(rows.index, rows["raw"], rows["estimated"], color=GRID, linewidth=1.5)
        ax.plot(rows.index, rows["raw"], "o", color=BASELINE, markersize=3)
        ax.plot(rows.index, rows["estimated"], "o", color=MODEL, markersize=3)
        top = 1.15 * max(1.0, rows[["raw", "estimated"]].to_numpy().max())
        ax.set_ylim(0, top)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"×{value:g}"))
        ax.yaxis.set_major_locator(MaxNLocator(4))
        ax.set_xticks([])
        ax.set_xlabel("people, by raw rate", fontsize=SMALL)
        note(ax, 0, top, "raw", colour=BASELINE_WORDS, offset=(2, -3), va="top")
        note(ax, 0, top, "estimated", colour=MODEL, offset=(2, -16), va="top")
        _title(ax, panel)
    return figure


def _words_only(words: str) -> Figure:
    """Say why there is no picture, inside axes: a notebook shows no figure without any."""
    figure = Figure(figsize=(WIDTH, 0.6))
    ax = figure.subplots()
    ax.set_axis_off()
    ax.text(0, 0.5, words, color=OBSERVED, transform=ax.transAxes)
    return figure


def _doublings(low: float, high: float) -> list[float]:
    """Return at most four or so powers of two between two rates, one of them 1."""
    powers = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    every = -(-len(powers) // 4)
    return [2.0**power for power in powers if power % every == 0]


def fold_panels(table: pd.DataFrame, *, columns: int = 2) -> Figure:
    """Draw the forecasts of every fold beside what came, model and baseline side by side, a panel for each quantity.

    Parameters
    ----------
    table : DataFrame
        panel, cutoff, model, observed, q05, q25, q50, q75, q95.
    columns : int
        Panels side by side.
    """
    if table.empty:
        return _words_only("No forecasts of the past in this run.")
    panels = table["panel"].unique()
    cutoffs = pd.DatetimeIndex(sorted(table["cutoff"].unique()))
    figure, axes = _grid(len(panels), columns, spare=1)
    for ax, panel in zip(axes, panels, strict=False):
        rows = table[table["panel"] == panel]
        for name, side, colour in ((MODEL_NAME, -0.17, MODEL), (None, 0.17, BASELINE)):
            of_model = rows[rows["model"] == name] if name else rows[rows["model"] != MODEL_NAME]
            at = cutoffs.get_indexer(pd.DatetimeIndex(of_model["cutoff"])) + side
            ax.vlines(at, of_model["q05"], of_model["q95"], color=colour, linewidth=2)
            ax.vlines(at, of_model["q25"], of_model["q75"], color=colour, linewidth=5.5)
        came = rows.drop_duplicates("cutoff")
        ax.plot(
            cutoffs.get_indexer(pd.DatetimeIndex(came["cutoff"])), came["observed"], "D", color=OBSERVED, markersize=4.5
        )
        ax.set_xlim(-0.6, len(cutoffs) - 0.4)
        ax.set_xticks(*_fold_ticks(cutoffs), fontsize=SMALL)
        ax.tick_params(axis="x", length=0)
        ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: cases(value)))
        _title(ax, panel)
    _key_of_folds(axes[len(panels)])
    return figure


def _fold_ticks(cutoffs: pd.DatetimeIndex) -> tuple[Sequence[int], Sequence[str]]:
    """Return at most four ticks: more would run into one another."""
    every = -(-len(cutoffs) // 4)
    at = range(0, len(cutoffs), every)
    return at, [f"{cutoffs[k]:%b}\n{cutoffs[k]:%Y}" for k in at]


def _key_of_folds(ax: Axes) -> None:
    """Say in an empty panel what the marks are."""
    ax.set_axis_off()
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    for y, colour, words in ((0.8, MODEL, "model"), (0.55, BASELINE, "baseline")):
        ax.hlines(y, 0.02, 0.2, color=colour, linewidth=2)
        ax.hlines(y, 0.07, 0.15, color=colour, linewidth=5.5)
        ax.text(0.26, y, words, va="center", fontsize=SMALL + 1)
    ax.plot([0.11], [0.3], "D", color=OBSERVED, markersize=4.5)
    ax.text(0.26, 0.3, "what came", va="center", fontsize=SMALL + 1)
    ax.text(0.02, 0.05, f"lines {share(0.9)}, bars {share(0.5)}", va="center", fontsize=SMALL, color=MUTED)


def _grid(
    n_panels: int,
    columns: int,
    *,
    height: float = PANEL_HEIGHT,
    spare: int = 0,
    sharey: bool = False,
) -> tuple[Figure, list[Axes]]:
    """Return a figure of equal panels; `spare` ones stay for a key, and what is left over in the last row is empty."""
    wanted = max(1, n_panels + spare)
    columns = min(columns, wanted)
    rows = -(-wanted // columns)
    figure = Figure(figsize=(WIDTH, rows * height + 0.3))
    figure.set_layout_engine("constrained", h_pad=0.09, w_pad=0.07)
    axes = figure.subplots(rows, columns, squeeze=False, sharey=sharey).ravel().tolist()
    for ax in axes[n_panels + spare :]:
        ax.set_axis_off()
    return figure, axes[: n_panels + spare]


def _draw_fan(ax: Axes, table: pd.DataFrame, *, small: bool = False) -> None:
    future = table.dropna(subset="q50")
    dates = date2num(future["date"])
    for prob, shade in FAN.items():
        low, high = (future[quantile_column(level)] for level in ((1 - prob) / 2, (1 + prob) / 2))
        ax.fill_between(dates, low, high, color=shade, linewidth=0)
    width = 1.3 if small else 1.8
    ax.plot(dates, future["q50"], color=MODEL, linewidth=width)
    past = table[table["date"] <= table.loc[table["observed"].notna(), "date"].max()]
    ax.plot(date2num(past["date"]), past["observed"], color=OBSERVED, linewidth=width)


def _scale(axes: Sequence[Axes], table: pd.DataFrame, target: float | None = None, *, most_ticks: int = 4) -> None:
    """Begin all axes at zero unless every panel is so far from it that nothing could be seen."""
    values = table.set_index("panel")[["observed", "q05", "q95"]].assign(target=target).astype(float)
    low, high = (getattr(values.groupby(level=0, sort=False), end)().agg(end, axis=1) for end in ("min", "max"))
    from_zero = bool((low < 0.7 * high).any())
    for ax, bottom, top in zip(axes, low, high, strict=True):
        room = 0.1 * (top - min(0.0, bottom) if from_zero else top - bottom)
        ax.set_ylim(min(0.0, bottom) if from_zero else bottom - room, max(top, bottom + 1.0) + room)
        ax.yaxis.set_major_locator(MaxNLocator(most_ticks, integer=True))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: cases(value)))


def _label_bands(ax: Axes, end: pd.Series) -> None:
    """Name the median and the upper edges of the bands at their right end, apart from one another."""
    labels = [(end["q50"], f"median {cases(end['q50'])}", MODEL)]
    labels += [(end[quantile_column((1 + prob) / 2)], share(prob), OBSERVED) for prob in sorted(FAN)]
    low, high = ax.get_ylim()
    for (_, words, colour), y in zip(labels, spread([at for at, *_ in labels], gap=0.062 * (high - low)), strict=True):
        note(ax, end["date"], y, words, colour=colour, offset=(5, 0), va="center")


def _emptiest(past: pd.DataFrame, level: float) -> pd.Timestamp:
    """Return where in the past a label just below a level hides least of the line; it is a quarter of it wide."""
    width = max(1, len(past) // 4)
    apart = (past["observed"] - level).abs().to_numpy()
    nearest = [apart[start : start + width].min() for start in range(len(apart) - width + 1)]
    return pd.Timestamp(past["date"].iloc[int(np.argmax(nearest))])


def spread(positions: Iterable[float], gap: float) -> list[float]:
    """Move labels in rising order upwards until each is at least `gap` above the one before."""
    moved: list[float] = []
    for position in positions:
        moved.append(max(position, moved[-1] + gap) if moved else position)
    return moved


def _label_cutoff(ax: Axes, cutoff: pd.Timestamp) -> None:
    ax.axvline(date2num(cutoff), color=MUTED, linewidth=1.2, linestyle=":")
    note(
        ax,
        cutoff,
        ax.get_ylim()[1],
        f"known to {cutoff:%-d %b %Y}",
        colour=OBSERVED,
        offset=(-5, -2),
        ha="right",
        va="top",
    )


def note(
    ax: Axes, x: object, y: float, words: str, *, colour: str, offset: tuple[float, float], ha: str = "left", va: str
) -> None:
    """Write words beside a point, at an offset in points."""
    at = date2num(x) if isinstance(x, pd.Timestamp) else x
    ax.annotate(
        words, (at, y), xytext=offset, textcoords="offset points", color=colour, fontsize=SMALL, ha=ha, va=va,
        annotation_clip=False, parse_math=False, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
    )  # fmt: skip


def _title(ax: Axes, words: str) -> None:
    ax.set_title(fill(plain(words), LONGEST_LINE), fontsize=11, parse_math=False)


def date_axis(ax: Axes, first: pd.Timestamp, last: pd.Timestamp, *, most: int = 7) -> None:
    """Name months between two dates; what the axis has beyond them is room for labels."""
    locator = AutoDateLocator(minticks=3, maxticks=most)
    ticks = [tick for tick in locator.tick_values(first, last) if date2num(first) <= tick <= date2num(last)]
    ax.set_xticks(ticks, ConciseDateFormatter(locator, show_offset=False).format_ticks(ticks))
