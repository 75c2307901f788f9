"""What the forecast pictures draw: weeks and days before and after the cutoff, worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.forecasts.tables import cumulative_flow_table
from bayes_backlog.reporting.finished import predictions
from bayes_backlog.reporting.forecast_tables import (
    as_of,
    cumulative_flows,
    cumulative_flows_table,
    meanings_table,
    shown_flows,
    stock_fan,
    stock_sentence,
    weekly_fan,
    weekly_flow_fan,
)
from bayes_backlog.runs import write_dataset
from bayes_backlog.vocabulary import BY_NAME


def test_stocks_join_on_the_last_known_day(tiny_run):
    fan = stock_fan(tiny_run, ("backlog",)).set_index("date")
    assert fan.index.is_unique
    assert fan.loc["2025-01-15", ["observed", "q05", "q50", "q95"]].tolist() == [100] * 4
    assert fan.loc["2025-01-14", "q50":].isna().all()
    assert np.isnan(fan.loc["2025-01-29", "observed"])
    assert fan.loc["2025-01-29", ["q05", "q50", "q95"]].tolist() == pytest.approx([50.3, 107.0, 163.7])


def test_the_history_is_half_a_year_at_most(tiny_run):
    assert stock_fan(tiny_run, ("wip",))["date"].min() == pd.Timestamp("2024-11-01")


def test_the_week_under_way_is_what_is_known_plus_what_is_to_come(tiny_run):
    # Two received on Monday to Wednesday; k + 1 on Thursday and Friday: 8, 10, ... 26. The week after: 5, 10, ... 50.
    fan = weekly_flow_fan(tiny_run).query("panel == 'received'").set_index("date")
    assert fan.loc["2025-01-13", "q50"] == 17
    assert fan.loc["2025-01-20", "q50"] == 27.5
    assert fan.loc["2025-01-20", "q95"] == pytest.approx(5 * 9.55)


def test_only_whole_weeks_are_shown(tiny_run):
    # The data begin on a Friday, the forecast ends on a Wednesday.
    fan = weekly_flow_fan(tiny_run).query("panel == 'received'")
    past = fan.dropna(subset="observed")
    assert past["date"].tolist() == pd.date_range("2024-11-04", "2025-01-06", freq="7D").tolist()
    assert set(past["observed"]) == {10}
    assert fan["date"].max() == pd.Timestamp("2025-01-20")


@pytest.mark.parametrize("last_known", ["2025-01-17", "2025-01-18", "2025-01-19"])
def test_a_week_that_ends_with_the_data_is_history(last_known):
    past = pd.Series(1, pd.date_range("2025-01-06", last_known))
    days = pd.date_range(pd.Timestamp(last_known) + pd.Timedelta(days=1), periods=14)
    works = (days.day_of_week < 5).astype(int)
    fan = weekly_fan(past, np.tile(works, (3, 1)), days)
    future = fan.dropna(subset="q50")
    assert future["date"].iloc[0] == pd.Timestamp("2025-01-20")
    assert future["q50"].tolist()[0] == 5


def test_flows_add_up_from_the_cutoff(tiny_run):
    # Ten working days: 10, 20, ... 100 received.
    table = cumulative_flows(tiny_run).set_index(["flow", "horizon_days"])
    assert table.loc[("received", 14), ["q05", "q50", "q95"]].tolist() == pytest.approx([14.5, 55.0, 95.5])
    assert table.loc[("allocated", 14), "q50"] == 10
    lines = cumulative_flows_table(tiny_run).replace("\u2060", "").replace("\u00a0", " ").splitlines()
    assert lines[0] == "| Cases | in 14 days |"
    assert lines[2:4] == ["| received | 55 (14–96) |", "| allocated | 10 (10–10) |"]


def test_the_sentence_on_stocks(tiny_run):
    assert (
        stock_sentence(tiny_run)
        .replace("\u2060", "")
        .startswith(
            "Until 29 January 2025 the medians go: backlog from 100 to 107 (50–164), wip from 21 to 21 (21–21) and open"
        )
    )


def test_further_flows_stand_behind_those_that_move_cases(tiny_run, own_run, rewrite):
    """Court orders: one a week in every future, and one on each Monday of the past."""
    assert "court_order" not in shown_flows(tiny_run)
    drawn = predictions(own_run)
    orders = drawn["received"] * 0 + (drawn["date"].dt.dayofweek == 0).astype(drawn["received"].dtype)
    told = drawn.assign(court_order=orders)
    caseload = own_run.table("panels/caseload.parquet")
    mondays = (caseload["date"].dt.day_of_week == 0).astype(int)
    rewrite(caseload.assign(court_order=mondays), own_run.path("panels/caseload.parquet"))
    rewrite(cumulative_flow_table(told, as_of(own_run)), own_run.path("forecast/flows_cumulative.csv"))
    write_dataset(told, own_run.path("forecast/predictions.nc"))
    predictions.cache_clear()
    assert shown_flows(own_run) == (*shown_flows(tiny_run), "court_order")
    fan = weekly_flow_fan(own_run).query("panel == 'court order'")
    assert set(fan["observed"].dropna()) == {1}
    assert set(fan.iloc[-1][["q05", "q50", "q95"]]) == {1}
    assert cumulative_flows_table(own_run).splitlines()[-1].startswith("| court\u00a0order | 2 (2")
    assert BY_NAME["court_order"].meaning in meanings_table(own_run)


def test_meanings_are_those_of_the_vocabulary(tiny_run):
    assert BY_NAME["wip"].meaning in meanings_table(tiny_run)
