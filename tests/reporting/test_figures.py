"""Figures draw what their tables hold, with letters that can be read, and take labels from the data literally."""

from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.text import Text

from bayes_backlog.reporting.backtest_tables import fold_intervals
from bayes_backlog.reporting.check_tables import replicates
from bayes_backlog.reporting.figures import fan_chart, fan_panels, fold_panels, ratio_panels, replicate_panels, spread
from bayes_backlog.reporting.forecast_tables import stock_fan
from bayes_backlog.reporting.parameter_tables import calendar_ratios
from bayes_backlog.reporting.style import MODEL, OBSERVED, TARGET, WIDTH, use_style
from bayes_backlog.reporting.team_tables import team_fan

PHONE_PIXELS, SMALLEST_LETTER = 362, 7.5


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
    return {
        "fan": fan_chart(stock_fan(run, ("backlog",)), y_label="backlog, cases", target=90),
        "stocks": fan_panels(stock_fan(run)),
        "teams": fan_panels(team_fan(run, "wip")),
        "replicates": replicate_panels(replicates(run, "day_sd"), x_label="standard deviation"),
        "ratios": ratio_panels(calendar_ratios(run)),
        "folds": fold_panels(fold_intervals(run)),
    }


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
