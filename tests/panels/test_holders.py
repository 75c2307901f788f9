"""An allocation history: the queue ends at the first allocation, and work moves from holder to holder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_backlog.cases.case_log import CaseLog, load_cases, truncate
from bayes_backlog.cases.holdings import read_holdings
from bayes_backlog.cases.pseudonyms import Key, pseudonymise
from bayes_backlog.config import Config, Data
from bayes_backlog.errors import DataError
from bayes_backlog.panels import build_panels
from bayes_backlog.panels.holders import cases_by_holder
from bayes_backlog.panels.roster import roster_as_of
from bayes_backlog.panels.stocks import build_wip_series

PEOPLE = ("ann", "bob", "cat", "dan")
CONFIG = Config.model_validate(
    {"name": "test", "title": "Test", "data": {"file": "log.csv", "first_date": "2025-01-01"}}
)
CASE = {
    "received": "2025-01-02",
    "allocated": "2025-01-06",
    "signed_off": "2025-01-16",
    "closed": "2025-01-20",
    "investigator": "bob",
    "team": "north",
    "dt_legal_req_1": "2025-01-08",
}


def with_history(log: CaseLog, *rows: tuple[str, str, str | None, str]) -> CaseLog:
    table = pd.DataFrame(rows, columns=["case_id", "investigator", "team", "first_date"])
    return replace(log, holdings=table.astype({"first_date": "datetime64[us]", "team": "str"}))


@pytest.fixture
def passed_on(make_log: Callable) -> CaseLog:
    """One case that ann of south got on Monday 6 January and bob of north on Monday 13."""
    log = make_log([CASE], "2025-01-31")
    return with_history(log, ("C1", "ann", "south", "2025-01-06"), ("C1", "bob", "north", "2025-01-13"))


def test_work_in_progress_moves_with_the_case(passed_on: CaseLog, full_time: Callable) -> None:
    daily = build_panels(passed_on, CONFIG, full_time("ann", "bob")).daily
    ann, bob = (daily[daily["investigator"] == who].set_index("date") for who in ("ann", "bob"))
    days = [f"2025-01-{day:02d}" for day in (6, 7, 10, 13, 14, 16, 17)]
    assert ann.loc[days, "wip_prev"].tolist() == [0, 1, 1, 1, 0, 0, 0]
    assert bob.loc[days, "wip_prev"].tolist() == [0, 0, 0, 0, 1, 1, 0]
    flows = ["allocated", "handed_over", "taken_over", "legal_requested", "signed_off", "closed"]
    assert ann[flows].sum().tolist() == [1, 1, 0, 1, 0, 0]
    assert bob[flows].sum().tolist() == [0, 0, 1, 0, 1, 1]


def test_teams_hold_what_their_people_hold_and_the_office_sees_no_transfer(
    passed_on: CaseLog, full_time: Callable
) -> None:
    caseload = build_panels(passed_on, CONFIG, full_time("ann", "bob")).caseload.set_index(["unit", "date"])
    days = [pd.Timestamp(2025, 1, day) for day in (6, 12, 13, 15, 16)]
    assert caseload.loc["south"].loc[days, "wip"].tolist() == [1, 1, 0, 0, 0]
    assert caseload.loc["north"].loc[days, "wip"].tolist() == [0, 0, 1, 1, 0]
    assert caseload.loc["office"].loc[days, "wip"].tolist() == [1, 1, 1, 1, 0]
    assert caseload.loc["office"].loc[:, "taken_over"].equals(caseload.loc["office"].loc[:, "handed_over"])


def test_the_events_say_who_had_the_case(passed_on: CaseLog, full_time: Callable) -> None:
    events = build_panels(passed_on, CONFIG, full_time("ann", "bob")).events.set_index("event")["investigator"]
    assert events[["allocated", "legal_requested", "handed_over"]].tolist() == ["ann"] * 3
    assert events[["taken_over", "signed_off", "closed"]].tolist() == ["bob"] * 3
    assert events[["received"]].isna().all()
    assert not events.index.duplicated().any()


def test_work_during_the_day_counts_once_on_the_day_of_the_change(passed_on: CaseLog) -> None:
    wip = build_wip_series(cases_by_holder(passed_on), pd.Timestamp("2025-01-12"), pd.Timestamp("2025-01-17"))
    table = wip.pivot(index="date", columns="investigator", values="wip")
    assert table["ann"].tolist() == [1, 0, 0, 0, 0, 0]
    assert table["bob"].tolist() == [0, 1, 1, 1, 1, 0]


def test_a_change_after_the_sign_off_moves_nothing(make_log: Callable, full_time: Callable) -> None:
    log = make_log([CASE | {"investigator": "ann"}], "2025-01-31")
    late = with_history(log, ("C1", "ann", None, "2025-01-06"), ("C1", "bob", None, "2025-01-17"))
    roster = full_time("ann", "bob")
    pd.testing.assert_frame_equal(build_panels(late, CONFIG, roster).daily, build_panels(log, CONFIG, roster).daily)


def test_without_a_history_nothing_is_taken_over(make_log: Callable, full_time: Callable) -> None:
    log = make_log([CASE], "2025-01-31")
    assert cases_by_holder(log) is log.cases
    assert (build_panels(log, CONFIG, full_time("bob")).daily[["taken_over", "handed_over"]] == 0).all(axis=None)


@st.composite
def histories(draw: st.DrawFn, log: CaseLog) -> CaseLog:
    """The log with up to three further holders for some of its allocated cases."""
    rows = []
    for case in log.cases[log.cases["dt_alloc_invest"].notna()].itertuples():
        days = sorted(draw(st.sets(st.integers(1, 40), max_size=3)))
        people = [case.investigator, *(draw(st.sampled_from(PEOPLE)) for _ in days)]
        for who, after in zip(people, [0, *days], strict=True):
            day = case.dt_alloc_invest + pd.Timedelta(days=after)
            if day <= log.as_of:
                rows.append((case.case_id, who, draw(st.sampled_from(["north", "south", None])), day))
    return with_history(log, *rows)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_identities_hold_and_the_office_is_that_without_history(
    data: st.DataObject, drawn_log: Callable, full_time: Callable
) -> None:
    log = data.draw(drawn_log(min_size=3))
    moving = data.draw(histories(log))
    roster = full_time(*PEOPLE)
    with_it, without = (build_panels(each, CONFIG, roster) for each in (moving, log))
    office = [
        panels.caseload.query("level == 'office'").drop(columns=["taken_over", "handed_over"])
        for panels in (with_it, without)
    ]
    pd.testing.assert_frame_equal(*(table.reset_index(drop=True) for table in office))
    signs = {"allocated": 1, "taken_over": 1, "signed_off": -1, "handed_over": -1}
    for who in PEOPLE:
        mine = with_it.daily[with_it.daily["investigator"] == who]
        closing = mine["wip_prev"] + sum(sign * mine[flow] for flow, sign in signs.items())
        assert mine["wip_prev"].tolist()[1:] == closing.tolist()[:-1]
    held = with_it.daily.groupby("date")["wip_prev"].sum()
    assert held.tolist() == without.daily.groupby("date")["wip_prev"].sum().tolist()


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_history_is_not_known_before_it_happens(
    data: st.DataObject, drawn_log: Callable, full_time: Callable
) -> None:
    log = data.draw(drawn_log(min_size=3).flatmap(histories))
    as_of, roster = pd.Timestamp("2025-02-26"), full_time(*PEOPLE)
    if log.cases["dt_received_inv"].min() > as_of:
        return
    fold = build_panels(truncate(log, as_of), CONFIG, roster_as_of(roster, as_of)).daily
    whole = build_panels(log, CONFIG, roster).daily
    pd.testing.assert_frame_equal(fold, whole[whole["date"] <= as_of])


def test_the_doubt_about_reallocated_cases_is_told_in_cases(make_log: Callable, full_time: Callable) -> None:
    """Of two allocated cases one was reallocated; it may have left the queue 4 of 31 days earlier."""
    rows = [CASE | {"dt_alloc_team": "2025-01-02"}, CASE | {"dt_alloc_team": "2025-01-03"}]
    log = make_log(rows, "2025-01-31")
    log = replace(log, cases=log.cases.assign(is_reallocated=[True, False]))
    found = build_panels(log, CONFIG, full_time("bob")).findings.set_index("rule").loc["reallocated_cases"]
    assert (found["severity"], found["count"]) == ("warning", 1)
    assert "50.0%" in found["message"]
    assert "0.1 cases fewer" in found["message"]


@pytest.mark.parametrize("is_told", [True, False])
def test_no_doubt_is_told_with_a_history_or_without_reallocation(
    is_told: bool, make_log: Callable, full_time: Callable
) -> None:
    log = make_log([CASE], "2025-01-31")
    log = replace(log, cases=log.cases.assign(is_reallocated=is_told))
    log = with_history(log, ("C1", "bob", None, "2025-01-06")) if is_told else log
    assert "reallocated_cases" not in set(build_panels(log, CONFIG, full_time("bob")).findings["rule"])


# ------------------------------------------------------------------------------------------------ reading it

KEY = Key.for_synthetic_data()
LOG = """case_id,investigator,dt_received_inv,dt_alloc_invest
A1,Bob Baker,02/01/2025,13/01/2025
A2,Bob Baker,02/01/2025,
"""


def history(tmp_path: Path, *rows: str, header: str = "Case ID,Investigator,First date,Team") -> Path:
    path = tmp_path / "history.csv"
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    return path


def test_the_queue_ends_at_the_first_allocation_of_the_history(tmp_path: Path) -> None:
    path = history(
        tmp_path,
        'A1,"BAKER, Bob",13/01/2025,North',
        "A1,Ann Archer,2025-01-06,",
        "A1,Bob Baker,14/01/2025,North",
        "A9,Ann Archer,2025-01-06,",
    )
    (tmp_path / "log.csv").write_text(LOG, encoding="utf-8")
    log = load_cases(Data(file=tmp_path / "log.csv", allocation_history=path), KEY)
    assert log.cases["dt_alloc_invest"].tolist()[0] == pd.Timestamp("2025-01-06")
    assert log.cases["dt_alloc_invest"].isna().tolist() == [False, True]
    ann, bob = pseudonymise(pd.Series(["Ann Archer", "Bob Baker"], dtype="str"), KEY, "person")
    held = log.holdings[log.holdings["case_id"] == log.cases["case_id"][0]]
    assert held["investigator"].tolist() == [ann, bob]
    found = log.findings.set_index("rule")
    assert found.loc["unknown_in_history", "count"] == 1
    assert "1 changed hands, and 1 leave the queue earlier" in found.loc["allocation_history", "message"]


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (["A1,Ann Archer,2025-01-06"], "case_id,investigator,begun", "'first_date' is missing"),
        (["A1,Ann Archer,soon,"], None, "1 row(s) of history.csv have no case, investigator or usable first_date"),
        (["A1,,2025-01-06,"], None, "(sheet line 2)"),
        (
            ["A1,Ann Archer,2025-01-06,", "A1,Bob Baker,06/01/2025,"],
            None,
            "two holders from one day (sheet lines 2, 3)",
        ),
    ],
)
def test_a_history_that_leaves_a_holder_open_is_refused(
    rows: list[str], header: str | None, message: str, tmp_path: Path
) -> None:
    path = history(tmp_path, *rows) if header is None else history(tmp_path, *rows, header=header)
    with pytest.raises(DataError) as refusal:
        read_holdings(path, KEY, Data())
    assert message in str(refusal.value)
