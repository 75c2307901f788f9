"""Figures draw what their tables hold, with letters that can be read, and take labels from the data literally."""

import inspect
import re
from io import StringIO
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.text import Text

from bayes_backlog.reporting import answer_figures, figures
from bayes_backlog.reporting.answer_figures import LINES, probability_chart, share_panels
from bayes_backlog.reporting.answer_tables import split_bars, target_lines
from bayes_backlog.reporting.backtest_tables import fold_intervals
from bayes_backlog.reporting.check_tables import replicates
from bayes_backlog.reporting.data_tables import monthly_flows
from bayes_backlog.reporting.figures import (
    fan_chart,
    fan_panels,
    fold_panels,
    gap_panels,
    history_panels,
    ratio_panels,
    replicate_panels,
    rootogram_panels,
    shrinkage_panels,
    spread,
)
from bayes_backlog.reporting.forecast_tables import stock_fan
from bayes_backlog.reporting.parameter_tables import calendar_ratios
from bayes_backlog.reporting.style import (
    BASELINE,
    FAN,
    GROUPS,
    MODEL,
    MUTED,
    OBSERVED,
    TARGET,
    VERDICTS,
    WIDTH,
    use_style,
)
from bayes_backlog.reporting.team_tables import team_fan

PHONE_PIXELS, SMALLEST_LETTER = 362, 7.5
STYLES = Path(__file__).parents[2] / "reports" / "styles.css"
VISION = {
    "ordinary": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
"""What becomes of linear red, green and blue: Machado, Oliveira and Fernandes 2009, doi:10.1109/TVCG.2009.113."""
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.119192, 0.9503041]]
)
FAR_ENOUGH = 15
"""Distance in CIELAB: some six times what can just be seen of two patches side by side."""
SEEN_TOGETHER = {
    "parts of a whole": GROUPS,
    "lines of probability": LINES,
    "marks": (OBSERVED, MODEL, BASELINE, TARGET, MUTED),
    "verdicts": (OBSERVED, *VERDICTS.values()),
}


@pytest.fixture(autouse=True)
def style():
    use_style()


def svg(figure: Figure) -> str:
    buffer = StringIO()
    figure.savefig(buffer, format="svg")
    return buffer.getvalue()


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def line(ax, colour):
    return next(artist for artist in ax.lines if artist.get_color() == colour)


def every_figure(run) -> dict[str, Figure]:
    """Return one figure or more of every function that makes one, by its name and what is drawn."""
    flows, places = ("allocated", "signed off"), np.linspace(0, 1, 5)
    gaps = [(flow, place, 0.1, -0.2, 0.2, "amber") for flow in flows for place in places]
    feet = [(flow, words, 9.0, 8.0, 4.0, 12.0, "amber") for flow in flows for words in ("0", "1", "2 or more")]
    people = pd.DataFrame([(flow, k / 6, 1 + (k - 6) / 12) for flow in flows for k in range(12)])
    return {
        "fan_chart": fan_chart(stock_fan(run, ("backlog",)), y_label="backlog, cases", target=90),
        "fan_panels of stocks": fan_panels(stock_fan(run)),
        "fan_panels of teams": fan_panels(team_fan(run, "wip")),
        "history_panels": history_panels(monthly_flows(run)),
        "replicate_panels": replicate_panels(replicates(run, "day_sd"), x_label="standard deviation"),
        "gap_panels": gap_panels(pd.DataFrame(gaps, columns=["panel", "place", "gap", "low", "high", "status"])),
        "rootogram_panels": rootogram_panels(
            pd.DataFrame(feet, columns=["panel", "cases", "observed", "expected", "low", "high", "status"])
        ),
        "ratio_panels": ratio_panels(calendar_ratios(run)),
        "shrinkage_panels": shrinkage_panels(people.set_axis(["panel", "raw", "estimated"], axis=1)),
        "fold_panels": fold_panels(fold_intervals(run)),
        "probability_chart": probability_chart(target_lines(run)),
        "share_panels": share_panels(split_bars(run)),
    }


def makers_of_figures() -> set[str]:
    functions = [
        *inspect.getmembers(figures, inspect.isfunction),
        *inspect.getmembers(answer_figures, inspect.isfunction),
    ]
    return {name for name, make in functions if make.__annotations__.get("return") == "Figure" and name[0] != "_"}


def in_lab(colour: str, vision: str) -> np.ndarray:
    """Return a colour as it is seen, in CIELAB."""
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    seen = TO_XYZ @ np.clip(VISION[vision] @ linear, 0, 1) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(seen > 216 / 24389, np.cbrt(seen), (24389 / 27 * seen + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def too_near(colours, vision: str) -> list[tuple[str, str]]:
    """Return the pairs of colours that somebody takes for one another."""
    pairs = combinations(colours, 2)
    return [(a, b) for a, b in pairs if np.linalg.norm(in_lab(a, vision) - in_lab(b, vision)) < FAR_ENOUGH]


def test_the_fan_draws_the_numbers_of_its_table(tiny_run):
    table = stock_fan(tiny_run, ("backlog",))
    figure = fan_chart(table, y_label="backlog, cases", target=90)
    (ax,) = figure.axes
    future, past = table.dropna(subset="q50"), table.dropna(subset="observed")
    assert line(ax, MODEL).get_ydata().tolist() == future["q50"].tolist()
    assert line(ax, MODEL).get_xdata().tolist() == date2num(future["date"]).tolist()
    assert line(ax, OBSERVED).get_ydata().tolist() == past["observed"].tolist()
    outlines = [band.get_paths()[0].vertices for band in ax.collections[:3]]
    assert [outline[:, 1].max() for outline in outlines] == pytest.approx(table[["q95", "q90", "q75"]].max().tolist())
    target = next(artist for artist in ax.collections if tuple(artist.get_linewidth()) == (1.2,))
    assert target.get_segments()[0][:, 1].tolist() == [90, 90]


def test_the_fan_is_labelled_directly(tiny_run):
    shown = words(fan_chart(stock_fan(tiny_run, ("backlog",)), y_label="backlog, cases", target=90))
    for label in ("median 107", "50 %", "80 %", "90 %", "target 90", "known to 15 Jan 2025", "backlog, cases"):
        assert label in [word.replace("\u00a0", " ") for word in shown]


def test_without_a_target_no_target_is_drawn(tiny_run):
    figure = fan_chart(stock_fan(tiny_run, ("backlog",)), y_label="backlog, cases")
    assert not any("target" in word for word in words(figure))
    assert TARGET.lower() not in svg(figure).lower()


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6).map(sorted), st.floats(0.1, 20))
def test_labels_are_kept_apart_in_their_order(positions, gap):
    moved = spread(positions, gap)
    assert all(after >= before for before, after in zip(positions, moved, strict=True))
    assert np.all(np.diff(moved) >= gap * 0.999)


def test_letters_can_be_read_on_a_phone(tiny_run):
    for name, figure in every_figure(tiny_run).items():
        svg(figure)
        assert figure.get_figwidth() == WIDTH, name
        sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
        assert min(sizes) / 72 * PHONE_PIXELS / WIDTH >= SMALLEST_LETTER, name


def test_no_maker_of_figures_is_forgotten(tiny_run):
    assert {name.partition(" ")[0] for name in every_figure(tiny_run)} == makers_of_figures()


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("what", SEEN_TOGETHER)
def test_colours_stay_apart_without_red_or_green(what, vision):
    assert too_near(SEEN_TOGETHER[what], vision) == []


def test_a_common_red_and_green_would_be_seen():
    pair = ("#D62728", "#2CA02C")
    assert {vision: too_near(pair, vision) for vision in VISION} == {
        "ordinary": [],
        "protanopia": [],  # Red is dark to those who lack its cones.
        "deuteranopia": [pair],
    }
    assert too_near(("#C86400", "#2E8B00"), "protanopia") != []


@pytest.mark.parametrize("vision", VISION)
def test_bands_of_a_fan_keep_their_order_for_everybody(vision):
    lightness = [in_lab(FAN[prob], vision)[0] for prob in sorted(FAN, reverse=True)]
    assert np.all(np.diff([*lightness, in_lab(MODEL, vision)[0]]) < -5)


def test_pages_and_pictures_have_the_same_colours_of_verdicts():
    stated = dict(re.findall(r"\.verdict\.(\w+) \{ color: (#\w+); \}", STYLES.read_text(encoding="utf-8")))
    assert stated == {status: colour.lower() for status, colour in VERDICTS.items()}


def test_a_wide_figure_with_small_letters_would_be_seen():
    assert 9 / 72 * PHONE_PIXELS / 7.5 < SMALLEST_LETTER


@pytest.mark.parametrize("label", ["$x_1", "$a$ and $b$", "<script>", "a|b", "100 %", "T\x0bm"])
def test_labels_from_the_data_are_taken_literally(tiny_run, label):
    table = team_fan(tiny_run, "wip").replace({"panel": {"A": label}})
    figure = fan_panels(table)
    drawn = svg(figure)
    assert label.replace("\x0b", " ") in words(figure)
    assert "<script>" not in drawn


def test_every_panel_has_its_own_fan(tiny_run):
    figure = fan_panels(stock_fan(tiny_run))
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.axison]
    assert titles == ["backlog", "wip", "open"]
    assert line(figure.axes[1], OBSERVED).get_ydata()[-1] == 21


def test_panels_begin_at_zero_unless_all_are_far_from_it():
    def fan(level):
        dates = pd.to_datetime(["2025-01-01", "2025-03-01", "2025-04-01"])
        quantiles = {name: level for name in ("q05", "q10", "q25", "q50", "q75", "q90", "q95")}
        rows = pd.DataFrame({"panel": str(level), "date": dates, "observed": [level, level - 10, np.nan], **quantiles})
        return rows.assign(q05=rows["q05"] - 5)

    far = fan_panels(pd.concat([fan(1000.0), fan(2000.0)]))
    assert [ax.get_ylim()[0] > 900 for ax in far.axes] == [True, True]
    near = fan_panels(pd.concat([fan(1000.0), fan(20.0)]))
    assert [ax.get_ylim()[0] for ax in near.axes[:2]] == [0, 0]


def test_gaps_in_the_past_stay_gaps(tiny_run):
    table = team_fan(tiny_run, "allocated")
    whole = line(fan_panels(table).axes[0], OBSERVED).get_ydata()
    assert not np.isnan(whole).any()
    gap = table.assign(observed=table["observed"].mask(table["date"] == table["date"].iloc[5]))
    assert np.isnan(line(fan_panels(gap).axes[0], OBSERVED).get_ydata()).any()


def test_the_real_value_stands_among_the_replicates(tiny_run):
    (ax,) = replicate_panels(replicates(tiny_run, "day_sd"), x_label="sd").axes
    assert line(ax, OBSERVED).get_xdata()[0] == 2.0
    assert sum(patch.get_height() for patch in ax.patches) == 3


def test_ratios_are_drawn_at_their_values(tiny_run):
    table = calendar_ratios(tiny_run)
    figure = ratio_panels(table)
    signed_off = figure.axes[2]
    assert max(line(signed_off, MODEL).get_xdata()) == pytest.approx(3)
    assert [label.get_text() for label in signed_off.get_yticklabels()][5] == "last day of month"


@pytest.mark.parametrize("highest", [1.1, 4.0, 80.0])
def test_the_ticks_of_ratios_stay_few(highest):
    table = pd.DataFrame([{"panel": "removed", "effect": "Monday", "median": 1.0, "low": 0.9, "high": highest}])
    (ax,) = ratio_panels(table).axes
    ticks = [tick for tick in ax.get_xticks() if ax.get_xlim()[0] < tick < ax.get_xlim()[1]]
    assert 2 <= len(ticks) <= 4
    assert 1 in ticks
    assert ax.get_xlim()[1] > highest


def test_folds_show_model_baseline_and_what_came(tiny_run):
    table = fold_intervals(tiny_run)
    figure = fold_panels(table)
    ax = figure.axes[0]
    assert [artist.get_segments()[0][:, 1].tolist() for artist in ax.collections] == [[105, 195], [125, 175]] * 2
    assert line(ax, OBSERVED).get_ydata().tolist() == [120, 120]
    assert {"model", "baseline", "what came"} <= set(words(figure))


@pytest.mark.parametrize("n_folds", [1, 12])
def test_many_folds_do_not_crowd_the_axis(n_folds):
    cutoffs = pd.date_range("2022-01-01", periods=n_folds, freq="91D")
    values = {"observed": 1.0, "q05": 0.0, "q25": 0.5, "q50": 1.0, "q75": 1.5, "q95": 2.0}
    table = pd.DataFrame([{"panel": "wip", "cutoff": day, "model": "bayes_backlog", **values} for day in cutoffs])
    assert len(fold_panels(table).axes[0].get_xticks()) == min(n_folds, 4)


def test_tables_without_rows_give_a_figure_all_the_same(tiny_run):
    empty = stock_fan(tiny_run).iloc[:0]
    assert "<svg" in svg(fan_panels(empty))
    assert "<svg" in svg(replicate_panels(replicates(tiny_run, "team_week_sd"), x_label="sd"))
    assert "No forecasts of the past in this run." in words(fold_panels(fold_intervals(tiny_run).iloc[:0]))
