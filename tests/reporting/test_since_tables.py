"""What came since the forecast: only of this very run, the latest data first, and nothing where nothing is known."""

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.reporting.forecast_tables import stock_fan
from bayes_backlog.reporting.monitoring import STOCKS_HISTORY
from bayes_backlog.reporting.since_tables import (
    BEFORE,
    NOTHING,
    since_fan,
    since_numbers,
    since_sentence,
    since_table,
)


@pytest.fixture
def later(own_run, rewrite):
    """The first ten days, told twice, of which the second tells other numbers; and another run's."""
    forecast = own_run.table("forecast/stocks.csv").query("level == 'office'")
    days = sorted(forecast["target_date"].unique())[:10]
    rows = forecast[forecast["target_date"].isin(days)][["stock", "target_date", "q05", "q50", "q95"]]
    mine = rows.assign(run_id=own_run.manifest()["run_id"], pit=0.5, crps=1.0)
    outside = (mine["stock"] == "backlog") & (mine["target_date"] == days[-1])
    told = [
        mine.assign(as_of="2099-01-01", observed=7),
        mine.assign(as_of="2099-02-01", observed=np.where(outside, 99_999, mine["q50"].round())),
        mine.assign(as_of="2099-03-01", observed=8, run_id="another"),
    ]
    rewrite(pd.concat(told, ignore_index=True), own_run.path(STOCKS_HISTORY))
    return own_run


def test_the_fan_goes_on_with_what_came(later):
    before, after = stock_fan(later), since_fan(later)
    assert after["date"].min() >= pd.Timestamp(later.manifest()["as_of"]) - BEFORE
    before = before[before["date"] >= after["date"].min()]
    pd.testing.assert_frame_equal(before.drop(columns="observed"), after.drop(columns="observed"))
    backlog = after[(after["panel"] == "backlog") & before["observed"].isna()]
    assert backlog["observed"].notna().sum() == 10
    assert backlog["observed"].dropna().iloc[-1] == 99_999
    pd.testing.assert_series_equal(after["observed"][before["observed"].notna()], before["observed"].dropna())


def test_days_in_and_out_of_the_interval_are_counted(later):
    assert "on 9 of 10 days" in since_sentence(later)


def test_the_last_day_known_is_in_the_table_with_its_verdict(later):
    lines = [line for line in since_table(later).splitlines() if "99,999" in line]
    assert len(lines) == 1
    assert lines[0].rstrip(" |").endswith("no")
    assert since_numbers(later).count("yes") == 3, "one week of three stocks"


def test_where_nothing_came_the_page_says_so(own_run):
    assert since_fan(own_run).empty
    assert since_sentence(own_run).startswith(NOTHING)
    assert since_table(own_run) == ""
    assert since_numbers(own_run) == ""
