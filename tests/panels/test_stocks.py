"""Stocks against the definition read literally: count the cases that are there on each day."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_backlog.cases.case_log import CaseLog, truncate
from bayes_backlog.errors import DataError
from bayes_backlog.panels.calendar import roll_to_working_day, working_days
from bayes_backlog.panels.events import flow_dates
from bayes_backlog.panels.office import working_day_flows
from bayes_backlog.panels.stocks import (
    CASELOAD_FLOWS,
    CASELOAD_STOCKS,
    build_backlog_series,
    build_caseload,
    build_wip_series,
    check_identities,
)
from bayes_backlog.vocabulary import NO_TEAM

day = pd.Timestamp
EXAMPLES = settings(max_examples=30, deadline=None)
TABLE = [*CASELOAD_FLOWS, *CASELOAD_STOCKS]


def span(log: CaseLog, skip: int = 0) -> tuple[pd.Timestamp, pd.Timestamp]:
    return log.cases["dt_received_inv"].min() + pd.Timedelta(days=skip), log.as_of


def office(caseload: pd.DataFrame) -> pd.DataFrame:
    return caseload[caseload["level"] == "office"].set_index("date")


def test_a_case_from_2_to_5_january_is_work_on_those_four_days(make_log: Callable) -> None:
    log = make_log(
        [{"received": "2025-01-01", "allocated": "2025-01-02", "signed_off": "2025-01-05", "investigator": "ann"}]
    )
    wip = build_wip_series(log.cases, day("2025-01-01"), day("2025-01-06"))
    assert wip["wip"].tolist() == [0, 1, 1, 1, 1, 0]
    # End of day leaves out the case that was signed off that day.
    assert office(build_caseload(log.cases, day("2025-01-01"), day("2025-01-06")))["wip"].tolist() == [0, 1, 1, 1, 0, 0]


def test_cases_on_hold_can_be_left_out_of_the_work(make_log: Callable) -> None:
    row = {"received": "2025-01-01", "allocated": "2025-01-02", "investigator": "ann", "team": "north"}
    cases = make_log(
        [row | {"dt_hold_from": "2025-01-04"}, row | {"dt_hold_from": "2025-01-01"}, row | {"signed_off": "2025-01-05"}]
    ).cases
    days = pd.Timestamp("2025-01-01"), pd.Timestamp("2025-01-06")
    assert build_wip_series(cases, *days)["wip"].tolist() == [0, 3, 3, 3, 3, 2]
    assert build_wip_series(cases, *days, without_on_hold=True)["wip"].tolist() == [0, 2, 2, 1, 1, 0]


def test_wip_load_is_weighting_over_fte_with_stated_defaults(make_log: Callable) -> None:
    held = {"received": "2025-01-01", "allocated": "2025-01-02", "investigator": "ann", "team": "north"}
    log = make_log(
        [
            held | {"weighting": 3.0, "fte": 0.5},
            held | {"weighting": None, "fte": None},
            held | {"weighting": 2.0, "fte": 0.0, "closed": "2025-01-02"},
            {"received": "2025-01-01", "allocated": "2025-01-03"},
        ]
    )
    wip = build_wip_series(log.cases, day("2025-01-02"), day("2025-01-03")).set_index(["investigator", "date"])
    assert wip.loc["ann", "wip_load"].tolist() == [6 + 1 + 2, 6 + 1]
    # A case allocated to no name is work too.
    assert wip.loc["(none)", "wip"].tolist() == [0, 1]


@EXAMPLES
@given(data=st.data())
def test_wip_counts_the_bars_over_each_day(data: st.DataObject, drawn_log: Callable) -> None:
    log = data.draw(drawn_log(min_size=3))
    first, last = span(log, skip=10)
    cases = log.cases.assign(ends=log.cases[["dt_pg_signoff", "dt_close"]].min(axis=1).fillna(last))
    wip = build_wip_series(log.cases, first, last)
    for row in wip.iloc[:: max(len(wip) // 40, 1)].itertuples():
        bars = (cases["dt_alloc_invest"] <= row.date) & (row.date <= cases["ends"])
        mine = cases[bars & (cases["investigator"] == row.investigator)]
        assert row.wip == len(mine)
        assert row.wip_load == mine["weighting"].sum()


@EXAMPLES
@given(data=st.data())
def test_work_during_the_day_is_end_of_day_wip_plus_sign_offs(data: st.DataObject, drawn_log: Callable) -> None:
    log = data.draw(drawn_log(ordered=False))
    during = build_wip_series(log.cases, *span(log)).groupby("date")["wip"].sum()
    end = office(build_caseload(log.cases, *span(log)))
    expected = end["wip"] + end["signed_off"]
    assert (during.reindex(expected.index, fill_value=0) == expected).all()


def test_backlog_series_keeps_the_opening_stock_and_lets_removed_cases_go(make_log: Callable) -> None:
    log = make_log(
        [
            {"received": "2024-12-01", "weighting": 5.0},
            {"received": "2025-01-01", "allocated": "2025-01-03"},
            {"received": "2025-01-02", "closed": "2025-01-04", "weighting": 3.0},
        ]
    )
    window = (day("2025-01-01"), day("2025-01-04"))
    series = build_backlog_series(log.cases, *window)
    assert series.columns.tolist() == ["date", "received_cum", "allocated_cum", "removed_cum", "backlog"]
    assert series["backlog"].tolist() == [2, 3, 2, 1]
    assert series["received_cum"].tolist() == [2, 3, 3, 3]
    assert build_backlog_series(log.cases, *window, weighted=True)["backlog"].tolist() == [6, 9, 8, 5]


@EXAMPLES
@given(data=st.data())
def test_caseload_counts_the_cases_that_are_there(data: st.DataObject, drawn_log: Callable) -> None:
    """Oracle: a case waits from receipt to the end of the day before it leaves, and is worked on after that."""
    log = data.draw(drawn_log(min_size=3))
    first, last = span(log, skip=10)
    table = office(build_caseload(log.cases, first, last))
    flows = flow_dates(log.cases)
    for when in table.index[::7]:
        left = flows["allocated"].fillna(flows["removed"])
        waiting = (flows["received"] <= when) & ~(left <= when)
        working = (flows["allocated"] <= when) & ~(flows["signed_off"] <= when)
        assert table.loc[when, ["backlog", "wip"]].tolist() == [waiting.sum(), working.sum()]
        assert table.loc[when, list(CASELOAD_FLOWS)].tolist() == [(flows[f] == when).sum() for f in CASELOAD_FLOWS]
    series = build_backlog_series(log.cases, first, last)
    assert series["backlog"].tolist() == table["backlog"].tolist()


def test_a_case_given_to_a_team_but_to_nobody_is_still_the_queue_s(make_log: Callable) -> None:
    log = make_log([{"received": "2025-01-01", "closed": "2025-01-02", "team": "intake"}])
    teams = build_caseload(log.cases, day("2025-01-01"), day("2025-01-02")).query("level == 'team'")
    assert teams["unit"].unique().tolist() == [NO_TEAM]
    assert teams["closed"].tolist() == [0, 1]


@EXAMPLES
@given(data=st.data())
def test_teams_add_up_to_the_office_and_the_queue_has_no_team(data: st.DataObject, drawn_log: Callable) -> None:
    log = data.draw(drawn_log(ordered=False))
    caseload = build_caseload(log.cases, *span(log))
    teams = caseload[caseload["level"] == "team"]
    pd.testing.assert_frame_equal(teams.groupby("date")[TABLE].sum(), office(caseload)[TABLE])
    assert not teams.loc[teams["unit"] != NO_TEAM, ["received", "removed", "backlog"]].any(axis=None)
    assert {"north", "south"} & set(log.cases["team"].dropna()) == set(teams["unit"]) - {NO_TEAM}


@EXAMPLES
@given(data=st.data())
def test_row_order_changes_nothing(data: st.DataObject, drawn_log: Callable) -> None:
    log = data.draw(drawn_log(ordered=False))
    shuffled = log.cases.sample(frac=1, random_state=1).reset_index(drop=True)
    for build in (build_caseload, build_wip_series, build_backlog_series):
        pd.testing.assert_frame_equal(build(log.cases, *span(log)), build(shuffled, *span(log)))


@EXAMPLES
@given(data=st.data())
def test_a_case_adds_its_own_bar_and_nothing_else(data: st.DataObject, drawn_log: Callable) -> None:
    log = data.draw(drawn_log(min_size=2))
    first, last = span(log)
    rest, own = log.cases.iloc[:-1], log.cases.iloc[-1:]
    added = office(build_caseload(log.cases, first, last))[TABLE] - office(build_caseload(rest, first, last))[TABLE]
    pd.testing.assert_frame_equal(added, office(build_caseload(own, first, last))[TABLE])


@EXAMPLES
@given(data=st.data())
def test_what_was_known_on_a_day_does_not_change_later(data: st.DataObject, drawn_log: Callable) -> None:
    """The table of the whole log, up to a day, is the table of the log truncated at that day."""
    log = data.draw(drawn_log(min_size=3))
    first, last = span(log)
    as_of = first + (last - first) * data.draw(st.floats(0, 1))
    known = truncate(log, as_of.floor("D"))
    later = build_caseload(log.cases, first, last)
    then = build_caseload(known.cases, first, known.as_of)
    wide = [t.pivot(index="date", columns=["level", "unit"], values=TABLE) for t in (later, then)]
    wide[0] = wide[0].loc[: known.as_of]
    seen = wide[0].columns.intersection(wide[1].columns)
    pd.testing.assert_frame_equal(wide[0][seen], wide[1][seen])
    assert not wide[0].drop(columns=seen).any(axis=None)


def test_a_negative_stock_is_shown_and_never_clipped(make_log: Callable) -> None:
    row = {"received": "2025-01-03", "allocated": "2025-01-02", "signed_off": "2025-01-01", "investigator": "ann"}
    table = office(build_caseload(make_log([row]).cases, day("2025-01-01"), day("2025-01-03")))
    assert table["backlog"].tolist() == [0, -1, 0]
    assert table["wip"].tolist() == [-1, 0, 0]


@pytest.mark.parametrize(
    ("column", "level", "rule"),
    [
        ("wip", "team", r"wip\[t\]"),
        ("signed_off", "team", r"wip\[t\]"),
        ("removed", "office", r"backlog\[t\]"),
        ("open", "office", "open = backlog"),
        ("closed", "office", "teams add up"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(make_log: Callable, column: str, level: str, rule: str) -> None:
    log = make_log([{"received": "2025-01-01", "allocated": "2025-01-02", "investigator": "ann", "team": "north"}])
    caseload = build_caseload(log.cases, day("2025-01-01"), day("2025-01-05"))
    check_identities(caseload)
    row = caseload.index[(caseload["level"] == level) & (caseload["date"] == day("2025-01-04"))][0]
    caseload.loc[row, column] += 1
    with pytest.raises(DataError, match=rule):
        check_identities(caseload)


@EXAMPLES
@given(data=st.data())
def test_working_days_carry_all_flows_and_the_same_stocks(
    data: st.DataObject, drawn_log: Callable, england: object
) -> None:
    log = data.draw(drawn_log(ordered=False))
    cases, first = log.cases, log.cases.filter(like="dt_").min().min()
    days = working_days(first, log.as_of, england)
    table, calendar_days = working_day_flows(cases, log.as_of, england), office(build_caseload(cases, first, log.as_of))
    assert table.index.equals(days)
    assert table[list(CASELOAD_FLOWS)].sum().tolist() == calendar_days[list(CASELOAD_FLOWS)].sum().tolist()
    # A working day's stock is that of the last calendar day whose events it holds: its own, or the end of the log.
    last_gathered = pd.Series(calendar_days.index, calendar_days.index)
    gathered = last_gathered.groupby(roll_to_working_day(last_gathered, days)).max()
    for stock in ("backlog", "wip"):
        np.testing.assert_array_equal(table[stock], calendar_days.loc[gathered, stock])
