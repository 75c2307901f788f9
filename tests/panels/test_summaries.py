from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_backlog.config import Calendar
from bayes_backlog.errors import DataError
from bayes_backlog.panels.daily_panel import build_daily_panel
from bayes_backlog.panels.stocks import CASELOAD_FLOWS, build_caseload
from bayes_backlog.panels.summaries import summarise_caseload, summarise_daily_panel

day = pd.Timestamp
CASES = [
    {
        "received": "2025-01-06",
        "allocated": "2025-01-07",
        "signed_off": "2025-01-15",
        "investigator": "ann",
        "team": "north",
    },
    {"received": "2025-01-06", "allocated": "2025-01-09", "investigator": "bob", "team": "north"},
    {"received": "2025-01-08", "allocated": "2025-01-13", "investigator": "cat", "team": "south"},
    {"received": "2025-01-14"},
]


@pytest.fixture
def caseload(make_log: Callable) -> pd.DataFrame:
    return build_caseload(make_log(CASES).cases, day("2025-01-06"), day("2025-01-17"))


@pytest.fixture
def panel(make_log: Callable, full_time: Callable) -> pd.DataFrame:
    roster = full_time("ann", "bob", "cat")
    roster["last_date"] = [pd.NaT, day("2025-01-15"), pd.NaT]
    return build_daily_panel(make_log(CASES, "2025-01-17"), roster, Calendar(), day("2025-01-06"))


def test_weeks_sum_flows_and_take_the_last_stock(caseload: pd.DataFrame) -> None:
    weeks = summarise_caseload(caseload, "W-FRI")
    office = weeks[weeks["level"] == "office"]
    assert office["date"].dt.strftime("%a %d").tolist() == ["Fri 10", "Fri 17"]
    assert office["received"].tolist() == [3, 1]
    assert office["allocated"].tolist() == [2, 1]
    assert office["backlog"].tolist() == [1, 1]
    assert office["wip"].tolist() == [2, 2]
    # Friday to Friday: the first week has five days in the table, Saturday to Friday has seven.
    assert office["n_days"].tolist() == [5, 7]


@pytest.mark.parametrize("freq", ["W-FRI", "W-SUN", "MS"])
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_identities_hold_over_periods(freq: str, data: st.DataObject, drawn_log: Callable) -> None:
    log = data.draw(drawn_log(ordered=False))
    table = build_caseload(log.cases, log.cases.filter(like="dt_").min().min(), log.as_of)
    periods = summarise_caseload(table, freq)
    assert periods[list(CASELOAD_FLOWS)].sum().equals(table[list(CASELOAD_FLOWS)].sum())
    office = periods[periods["level"] == "office"]
    net = office["received"] - office["allocated"] - office["removed"]
    assert office["backlog"].tolist() == net.cumsum().tolist()


def test_panel_by_day_and_team(panel: pd.DataFrame) -> None:
    days = summarise_daily_panel(panel).set_index(["date", "team"])
    assert days.loc[(day("2025-01-09"), "north"), ["allocated", "wip", "n_staff"]].tolist() == [1, 2, 2]
    assert days.loc[(day("2025-01-15"), "north"), ["signed_off", "wip"]].tolist() == [1, 1]
    # ann 6 working days after her pickup, bob 4: the typical day of the team.
    assert days.loc[(day("2025-01-15"), "north"), "days_since_last_allocation"] == 5


def test_panel_by_week_counts_people_once_and_takes_closing_stocks(panel: pd.DataFrame) -> None:
    weeks = summarise_daily_panel(panel, by=("date",), freq="W-FRI")
    assert weeks["allocated"].tolist() == [2, 1]
    assert weeks["n_staff"].tolist() == [3, 3]
    # Bob's case is still open, but bob is not there on the second Friday.
    assert weeks["wip"].tolist() == [2, 1]


def test_a_group_absent_on_the_closing_day_holds_nothing_then(panel: pd.DataFrame) -> None:
    weeks = summarise_daily_panel(panel, by=("date", "investigator"), freq="W-FRI").set_index(["investigator", "date"])
    assert weeks.loc[("bob", day("2025-01-10")), "wip"] == 1
    assert weeks.loc[("bob", day("2025-01-17")), ["wip", "n_staff"]].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": ("backlog_prev",)}, "'backlog_prev' is a covariate"),
        ({"columns": ("days_since_last_allocation",)}, "neither a flow nor a stock"),
        ({"columns": ("newcase",)}, "not in the vocabulary"),
        ({"columns": ("received",)}, "not a column of the panel"),
        ({"by": ("date", "teem")}, "Did you mean 'team'?"),
        ({"by": ("date", "season")}, "not a key"),
        ({"by": ("team",)}, "needs 'date'"),
        ({"freq": "weekly"}, "W-FRI"),
    ],
)
def test_what_has_no_meaning_is_refused(panel: pd.DataFrame, options: dict, words: str) -> None:
    with pytest.raises(DataError) as refusal:
        summarise_daily_panel(panel, **options)
    assert words in str(refusal.value)


def test_a_caseload_column_that_is_neither_flow_nor_stock_is_refused(caseload: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="not in the vocabulary"):
        summarise_caseload(caseload.assign(mood=1), "MS")
