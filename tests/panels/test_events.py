from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_backlog.panels.events import build_event_log, flow_dates

CASES = [
    {
        "received": "2025-01-02",
        "allocated": "2025-01-02",
        "signed_off": "2025-01-08",
        "closed": "2025-01-10",
        "dt_legal_req_1": "2025-01-03",
        "dt_legal_req_2": "2025-01-06",
        "dt_alloc_team": "2025-01-02",
        "investigator": "ann",
        "team": "north",
    },
    {"received": "2025-01-03", "closed": "2025-01-06"},
    {"received": "2025-01-03", "allocated": "2025-01-06", "closed": "2025-01-07", "investigator": "bob"},
]


def test_each_case_enters_each_flow_at_most_once(make_log: Callable) -> None:
    flows = {name: dates.dt.day.tolist() for name, dates in flow_dates(make_log(CASES).cases).items()}
    gone = [None] * 3
    assert flows["received"] == [2, 3, 3]
    assert pd.Series(flows["allocated"]).equals(pd.Series([2, gone[0], 6]))
    assert pd.Series(flows["removed"]).equals(pd.Series([None, 6.0, None]))
    # The first of sign-off and closure ends the work; a closure alone does too.
    assert pd.Series(flows["signed_off"]).equals(pd.Series([8, None, 7.0]))
    assert flows["closed"] == [10, 6, 7]


def test_event_log_attributes_events_from_the_allocation_on(make_log: Callable) -> None:
    events = build_event_log(make_log(CASES))
    assert events.columns.tolist() == ["date", "case_id", "investigator", "team", "role", "event"]
    first_case = events[events["case_id"] == "C1"]
    assert first_case["event"].tolist() == [
        "received",
        "allocated",
        "team_allocated",
        "legal_requested",
        "legal_requested",
        "signed_off",
        "closed",
    ]
    # Received and given to a team on the day it was allocated: still nobody's doing.
    assert first_case["investigator"].isna().tolist() == [True, False, True, False, False, False, False]
    assert events.loc[events["case_id"] == "C2", "investigator"].isna().all()
    assert events.loc[events["case_id"] == "C2", "event"].tolist() == ["received", "removed", "closed"]
    assert events["date"].is_monotonic_increasing


def test_a_sign_off_dated_before_the_allocation_keeps_its_investigator(make_log: Callable) -> None:
    row = {"received": "2025-01-02", "allocated": "2025-01-09", "signed_off": "2025-01-08", "investigator": "ann"}
    events = build_event_log(make_log([row])).set_index("event")
    assert events.loc["signed_off", "investigator"] == "ann"


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_row_order_changes_nothing(data: st.DataObject, drawn_log: Callable) -> None:
    log = data.draw(drawn_log(ordered=False))
    shuffled = log.cases.sample(frac=1, random_state=1).reset_index(drop=True)
    pd.testing.assert_frame_equal(build_event_log(log), build_event_log(type(log)(shuffled, *_rest(log))))


def _rest(log: object) -> tuple:
    return (log.quarantine, log.findings, log.as_of, log.source)
