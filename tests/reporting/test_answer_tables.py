"""The answers on the forecast page, worked out by hand on the tiny run."""

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.reporting.answer_figures import probability_chart, share_panels
from bayes_backlog.reporting.answer_tables import (
    age_fan,
    monthly_table,
    order_sentence,
    split_bars,
    split_numbers,
    split_sentence,
    starts_table,
    target_lines,
    target_sentence,
    waiting_table,
)
from bayes_backlog.reporting.team_tables import withheld_teams_and_roles


def plain(text: str) -> str:
    return text.replace("\u2060", "").replace("\u00a0", " ")


def test_the_sentence_on_the_target(tiny_run):
    """Draws 0 to 2 fall below 90, three tenths: never likely enough."""
    assert plain(target_sentence(tiny_run)) == (
        "The target is a backlog below 90 cases. The probability that it is reached stays below 80 % throughout."
    )


@pytest.mark.parametrize(
    ("once", "for_good", "told"),
    [
        ("2025-01-20", "", "reached once by 20 January 2025; that it is held from some day on is less likely"),
        ("2025-01-20", "2025-01-27", "by 20 January 2025, and held from 27 January 2025 to the end"),
    ],
)
def test_the_sentence_names_the_dates_of_the_table(own_run, rewrite, once, for_good, told):
    answers = own_run.table("forecast/answers.csv")
    answers["target_date"] = answers["question"].map({"met_by": once, "met_for_good": for_good})
    rewrite(answers, own_run.path("forecast/answers.csv"))
    assert told in target_sentence(own_run)


def test_without_a_target_none_is_judged(own_run, change, rewrite):
    run = change(own_run, config={"forecast": {"backlog_target": None}})
    rewrite(own_run.table("forecast/target.csv").head(0), own_run.path("forecast/target.csv"))
    assert "No target is set" in target_sentence(run)
    assert probability_chart(target_lines(run)).axes == []


def test_three_lines_of_the_target(tiny_run):
    """Draw k has 100 + (k - 4) d cases on day d: below 90 are draw 0 from day 3, draw 1 from day 4, 2 from day 6."""
    lines = target_lines(tiny_run).pivot(index="date", columns="panel", values="probability")
    assert lines["below that day"].tolist() == [0, 0, 0.1, 0.2, 0.2, *[0.3] * 5, *[0.4] * 4]
    assert (lines["once by then"] == lines["below that day"]).all()
    assert lines["from then on"].tolist() == lines["below that day"].tolist()
    ax = probability_chart(target_lines(tiny_run)).axes[0]
    heights = sorted(note.xy[1] for note in ax.texts)
    assert len(heights) == 3
    assert (np.diff(heights) > 0.06).all()


def test_months_are_those_of_the_days_named(tiny_run):
    header, _, row = plain(monthly_table(tiny_run)).splitlines()
    assert header == "| Days | received | allocated | signed off | removed | backlog at the end |"
    assert row == "| 16–29 Jan | 55 (14–96) | 10 (10–10) | 10 (10–10) | 0 (0–0) | 107 (50–164) |"


def test_ages_join_on_the_last_known_day(tiny_run):
    """A hundred cases wait, received two a day: ages 0 to 49, half of them up to 24 or 25."""
    fan = age_fan(tiny_run).set_index(["panel", "date"])
    oldest = fan.loc["the oldest case"]
    assert oldest.loc["2025-01-15", ["observed", "q50"]].tolist() == [49, 49]
    assert oldest.index[-2:].tolist() == [pd.Timestamp("2025-01-22"), pd.Timestamp("2025-01-29")]
    assert oldest["observed"].isna().tolist()[-2:] == [True, True]


def test_shares_that_wait_long_begin_with_the_real_queue(tiny_run):
    """Of ages 0 to 49, two cases each, 38 are over 30 days."""
    rows = plain(waiting_table(tiny_run)).splitlines()
    assert rows[0] == "| Waiting | now | in 14 days |"
    assert rows[2].startswith("| over 30 days | 38 % |")
    assert rows[4].startswith("| over 90 days | 0 % | 0 % (0–0 %) |")


def test_the_order_of_service_is_judged_on_the_past(tiny_run, own_run, rewrite):
    assert "put 0 % of the queue (at most 0 %)" in plain(order_sentence(tiny_run))
    order = own_run.table("forecast/queue_order.csv")
    late = order["measure"].str.startswith("share_over_90")
    rewrite(order.assign(predicted=order["predicted"] + 0.25 * late), own_run.path("forecast/queue_order.csv"))
    assert "put 25 % of the queue (at most 25 %)" in plain(order_sentence(own_run))
    assert "This office serves in another order" in order_sentence(own_run)
    assert "another order" not in order_sentence(tiny_run)
    rewrite(order.head(0), own_run.path("forecast/queue_order.csv"))
    assert "too short" in order_sentence(own_run)


def test_units_that_may_not_be_shown_have_no_pace(own_run, rewrite):
    """One person of a role: neither the role nor the one from whose rate it could be worked out is shown."""
    daily = own_run.table("panels/daily_panel.parquet")
    roles = daily["investigator"].map({"P_a1": "G7"}).fillna("HEO")
    rewrite(daily.assign(role=roles), own_run.path("panels/daily_panel.parquet"))
    withheld_teams_and_roles.cache_clear()
    units = [("office", "office"), ("team", "A"), ("team", "(none)"), ("role", "HEO")]
    starts = pd.DataFrame([("starts_per_fte_day", *unit, 0.5, 0.4, 0.6) for unit in units])
    starts.columns = ["question", "level", "unit", "q50", "q05", "q95"]
    rewrite(starts, own_run.path("forecast/answers.csv"))
    rows = plain(starts_table(own_run)).splitlines()[2:]
    assert rows == ["| office | office | 0.50 (0.40–0.60) |", "| team | A | 0.50 (0.40–0.60) |"]


def test_the_bars_of_the_split_are_the_last_day_and_never_negative(tiny_run):
    bars = split_bars(tiny_run)
    assert bars["panel"].unique().tolist() == ["backlog", "wip", "received", "allocated", "signed off"]
    backlog = bars[bars["panel"] == "backlog"].set_index("component")["share"]
    assert backlog.tolist() == [0.5, 0.3, 0.12, 0.0, 0.1]
    assert "| chance of single cases | 0 %" in plain(split_numbers(tiny_run))


def test_a_bar_is_as_long_as_its_whole(tiny_run):
    ax = share_panels(split_bars(tiny_run)).axes[0]
    ends = [bar.get_x() + bar.get_width() for bar in ax.patches]
    assert max(ends) == pytest.approx(1)
    assert [text.get_text() for text in ax.texts].count(plain("49\u00a0%").replace(" ", "\u00a0")) == 5


def test_the_largest_sources_are_named(tiny_run):
    assert (
        "comes from what is not known of the office today (50 %), then from what will come in (30 %). The shares are "
        "known to within 2 percentage points"
    ) in plain(split_sentence(tiny_run))
