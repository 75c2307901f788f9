"""The daily panel: conservation, presence, and covariates that know nothing of the day they stand on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.config import Calendar
from bayes_backlog.errors import DataError
from bayes_backlog.panels.calendar import roll_to_working_day, working_days
from bayes_backlog.panels.daily_panel import PERSON_FLOWS, build_daily_panel
from bayes_backlog.panels.events import build_event_log

EXAMPLES = settings(max_examples=25, deadline=None)
STATE = ["wip_prev", "wip_load_prev", "backlog_prev", "days_since_last_allocation", "weeks_since_start"]
ENGLAND = Calendar()
PEOPLE = ("ann", "bob", "cat", "dan")
day = pd.Timestamp


def build(log: CaseLog, roster: pd.DataFrame, first: str | pd.Timestamp = "2025-01-01") -> pd.DataFrame:
    return build_daily_panel(log, roster, ENGLAND, day(first).as_unit("us"))


def of(panel: pd.DataFrame, who: str) -> pd.DataFrame:
    return panel[panel["investigator"] == who].set_index("date")


ANN = {"received": "2025-01-06", "allocated": "2025-01-07", "investigator": "ann", "team": "north"}


def test_one_person_one_week_by_hand(make_log: Callable, full_time: Callable) -> None:
    log = make_log(
        [
            ANN | {"signed_off": "2025-01-09", "closed": "2025-01-10", "weighting": 3.0, "fte": 0.5},
            ANN | {"dt_legal_req_1": "2025-01-08", "dt_legal_req_2": "2025-01-08"},
            ANN | {"received": "2025-01-08", "allocated": "2025-01-09"},
            {"received": "2025-01-06", "closed": "2025-01-09"},
        ],
        as_of="2025-01-10",
    )
    panel = of(build(log, full_time("ann"), "2025-01-06"), "ann")
    assert panel.index.day.tolist() == [6, 7, 8, 9, 10]
    assert panel["allocated"].tolist() == [0, 2, 0, 1, 0]
    assert panel["signed_off"].tolist() == [0, 0, 0, 1, 0]
    assert panel["closed"].tolist() == [0, 0, 0, 0, 1]
    assert panel["legal_requested"].tolist() == [0, 0, 2, 0, 0]
    assert panel["wip_prev"].tolist() == [0, 0, 2, 2, 2]
    assert panel["wip_load_prev"].tolist() == [0, 0, 7, 7, 2]
    assert panel["backlog_prev"].tolist() == [0, 3, 1, 2, 0]
    assert panel["days_since_last_allocation"].fillna(-1).tolist() == [-1, -1, 1, 2, 1]
    assert panel["exposure"].tolist() == [1.0] * 5


def test_events_on_days_off_count_on_the_next_working_day(make_log: Callable, full_time: Callable) -> None:
    weekend = ANN | {"allocated": "2025-01-11", "signed_off": "2025-01-12"}
    panel = of(build(make_log([ANN, weekend], "2025-01-14"), full_time("ann")), "ann")
    monday, tuesday = panel.loc["2025-01-13"], panel.loc["2025-01-14"]
    assert monday[["allocated", "signed_off", "wip_prev"]].tolist() == [1, 1, 1]
    assert tuesday[["allocated", "signed_off", "wip_prev"]].tolist() == [0, 0, 1]
    assert day("2025-01-11") not in panel.index


def test_events_of_the_closing_weekend_count_on_the_last_working_day(make_log: Callable, full_time: Callable) -> None:
    panel = build(make_log([ANN | {"signed_off": "2025-01-11"}], "2025-01-12"), full_time("ann"))
    assert panel.iloc[-1][["date", "signed_off"]].tolist() == [day("2025-01-10"), 1]


def test_cases_before_the_panel_are_its_opening_stock(make_log: Callable, full_time: Callable) -> None:
    log = make_log([ANN, ANN | {"received": "2025-01-02", "allocated": None, "investigator": None}], "2025-02-07")
    panel = of(build(log, full_time("ann"), "2025-02-03"), "ann")
    assert panel["wip_prev"].tolist() == [1] * 5
    assert panel["backlog_prev"].tolist() == [1] * 5
    assert panel["days_since_last_allocation"].tolist() == [19, 20, 21, 22, 23]
    assert panel["allocated"].sum() == 0


def test_presence_team_role_and_fte_are_those_of_the_roster(make_log: Callable, full_time: Callable) -> None:
    roster = full_time("ann", "ann", "bob").assign(
        team=["north", "south", "north"],
        fte=[0.6, 1.0, 1.0],
        first_date=pd.to_datetime(["2025-01-01", "2025-01-08", "2025-01-09"]),
        last_date=pd.to_datetime(["2025-01-07", None, "2025-01-09"]),
    )
    panel = build(make_log([ANN], "2025-01-10"), roster, "2025-01-06")
    assert of(panel, "ann")["team"].tolist() == ["north", "north", "south", "south", "south"]
    assert of(panel, "ann")["exposure"].tolist() == [0.6, 0.6, 1.0, 1.0, 1.0]
    assert of(panel, "bob").index.day.tolist() == [9]
    assert not panel.duplicated(["date", "investigator"]).any()


def test_a_new_starter_is_one_for_four_weeks_of_a_known_start(make_log: Callable, full_time: Callable) -> None:
    roster = full_time("ann", "bob", "cat").assign(
        first_date=pd.to_datetime(["2025-01-06", "2024-01-01", "2024-01-01"]),
        start_date=pd.to_datetime(["2025-01-06", "2024-01-01", None]),
    )
    panel = build(make_log([ANN], "2025-02-28"), roster)
    ann = of(panel, "ann")
    assert ann["weeks_since_start"].loc["2025-01-10":"2025-01-13"].tolist() == [0, 1]
    assert ann.index[ann["is_new_starter"]].max() == day("2025-01-31")
    assert of(panel, "bob")["weeks_since_start"].iloc[0] == 52
    assert of(panel, "cat")["weeks_since_start"].isna().all()
    assert not panel.loc[panel["investigator"] != "ann", "is_new_starter"].any()


def test_a_person_twice_on_a_day_is_refused(make_log: Callable, full_time: Callable) -> None:
    """Two rows a day would join to one person's cases and count them twice."""
    with pytest.raises(DataError, match="exposure would be counted twice"):
        build(make_log([ANN]), full_time("ann", "ann"))


def test_a_roster_beside_the_panel_is_refused(make_log: Callable, full_time: Callable) -> None:
    with pytest.raises(DataError, match="nobody present"):
        build(make_log([ANN]), full_time("ann", first_date="2026-01-01"))


def test_a_panel_without_working_days_is_refused(make_log: Callable, full_time: Callable) -> None:
    with pytest.raises(DataError, match="nobody present on any of the 0 working days"):
        build(make_log([ANN], "2025-01-12"), full_time("ann"), "2025-01-11")


@EXAMPLES
@given(data=st.data())
def test_every_event_of_a_present_person_is_counted_once(
    data: st.DataObject, drawn_log: Callable, full_time: Callable
) -> None:
    log = data.draw(drawn_log(ordered=False))
    panel = build(log, full_time(*PEOPLE), log.cases.filter(like="dt_").min().min())
    events = build_event_log(log)
    events["date"] = roll_to_working_day(events["date"], working_days(events["date"].min(), log.as_of, ENGLAND))
    for flow in PERSON_FLOWS:
        owned = events[(events["event"] == flow) & events["investigator"].notna()]
        expected = owned.groupby(["investigator", "date"]).size().to_dict()
        assert panel[panel[flow] > 0].set_index(["investigator", "date"])[flow].to_dict() == expected


@EXAMPLES
@given(data=st.data())
def test_wip_follows_from_flows_day_by_day(data: st.DataObject, drawn_log: Callable, full_time: Callable) -> None:
    log = data.draw(drawn_log(ordered=False))
    first = log.cases["dt_received_inv"].min() + pd.Timedelta(days=5)
    panel = build(log, full_time(*PEOPLE), min(first, log.as_of - pd.Timedelta(days=5)))
    for who in PEOPLE:
        mine = of(panel, who)
        closing = mine["wip_prev"] + mine["allocated"] - mine["signed_off"]
        assert mine["wip_prev"].tolist()[1:] == closing.tolist()[:-1]


@EXAMPLES
@given(data=st.data())
def test_row_order_changes_nothing(data: st.DataObject, drawn_log: Callable, full_time: Callable) -> None:
    log = data.draw(drawn_log(ordered=False))
    shuffled = replace(log, cases=log.cases.sample(frac=1, random_state=1).reset_index(drop=True))
    roster = full_time(*PEOPLE)
    pd.testing.assert_frame_equal(build(log, roster), build(shuffled, roster.iloc[::-1]))


def leaks(builder: Callable[[CaseLog], pd.DataFrame], log: CaseLog, when: pd.Timestamp) -> list[str]:
    """State covariates of days up to `when` that change when everything from `when` on is taken out of the log."""
    milestones = [name for name in log.cases if name.startswith("dt_")]
    cases = log.cases[log.cases["dt_received_inv"] < when].reset_index(drop=True)
    cases[milestones] = cases[milestones].where(cases[milestones] < when)
    with_future, without = (
        panel.loc[panel["date"] <= when, STATE] for panel in (builder(log), builder(replace(log, cases=cases)))
    )
    return [name for name in STATE if not with_future[name].equals(without[name])]


@EXAMPLES
@given(data=st.data())
def test_no_covariate_knows_its_own_day_or_a_later_one(
    data: st.DataObject, drawn_log: Callable, full_time: Callable
) -> None:
    log = data.draw(drawn_log(min_size=3))
    later = (log.cases["dt_received_inv"].min() + pd.Timedelta(days=1), log.as_of)
    when = data.draw(st.sampled_from(list(pd.date_range(min(later), max(later)))))
    assert leaks(lambda each: build(each, full_time(*PEOPLE)), log, when) == []


def test_the_leak_test_sees_a_panel_that_leaks(make_log: Callable, full_time: Callable) -> None:
    """A twin that reads the state at the close of its own day, as a join on the date would."""

    def leaking(log: CaseLog) -> pd.DataFrame:
        panel = build(log, full_time("ann"))
        by_person = panel.groupby("investigator")
        return panel.assign(
            wip_prev=panel["wip_prev"] + panel["allocated"] - panel["signed_off"],
            backlog_prev=by_person["backlog_prev"].shift(-1).ffill(),
            days_since_last_allocation=panel["days_since_last_allocation"].mask(panel["allocated"] > 0, 0),
        )

    log = make_log([ANN, ANN | {"received": "2025-01-13", "allocated": "2025-01-15"}], "2025-01-31")
    caught = {name for when in pd.date_range("2025-01-07", "2025-01-20") for name in leaks(leaking, log, when)}
    assert caught == {"wip_prev", "backlog_prev", "days_since_last_allocation"}
