"""Laws of the panels that hold for any case log, each with a builder that breaks it and is caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_backlog.cases.case_log import CaseLog, truncate
from bayes_backlog.config import Config
from bayes_backlog.panels import Panels, build_panels
from bayes_backlog.panels.calendar import roll_to_working_day, working_days
from bayes_backlog.panels.roster import roster_as_of

EXAMPLES = settings(max_examples=15, deadline=None)
PEOPLE = ("ann", "bob", "cat", "dan")
CONFIG = Config.model_validate({"name": "test", "title": "Test", "data": {"file": "log.csv"}})
FROM_START = Config.model_validate(
    {"name": "test", "title": "Test", "data": {"file": "log.csv", "first_date": "2025-01-01"}}
)
ANN = {"received": "2025-01-06", "allocated": "2025-01-07", "investigator": "ann", "team": "north"}
BOB = {"received": "2025-01-08", "allocated": "2025-01-16", "investigator": "bob", "team": "north"}

Build = Callable[..., Panels]


def unequal(one: Panels, other: Panels) -> dict[str, list[str]]:
    """Tables that differ, each with its columns that do."""
    found = {}
    for name in (field.name for field in fields(Panels) if field.name != "as_of"):
        left, right = getattr(one, name), getattr(other, name)
        if len(left) != len(right) or list(left) != list(right):
            found[name] = ["shape"]
        elif differing := [column for column in left if not left[column].equals(right[column])]:
            found[name] = differing
    return found


# ------------------------------------------------------------------------------------------------ order of the rows


def after_shuffling(build: Build, log: CaseLog, seed: int) -> dict[str, list[str]]:
    shuffled = replace(log, cases=log.cases.sample(frac=1, random_state=seed).reset_index(drop=True))
    return unequal(build(log, CONFIG), build(shuffled, CONFIG))


@EXAMPLES
@given(data=st.data(), seed=st.integers(0, 99))
def test_permuting_rows_changes_no_table(data: st.DataObject, seed: int, drawn_log: Callable) -> None:
    log = data.draw(drawn_log().filter(lambda each: each.cases["dt_alloc_invest"].notna().any()))
    assert after_shuffling(build_panels, log, seed) == {}


def test_a_builder_that_counts_on_the_order_is_caught(make_log: Callable) -> None:
    def first_row_wins(log: CaseLog, config: Config) -> Panels:
        return build_panels(replace(log, cases=log.cases.drop_duplicates("team")), config)

    log = make_log([ANN, BOB, ANN | {"signed_off": "2025-01-20"}], "2025-01-31")
    assert any("daily" in after_shuffling(first_row_wins, log, seed) for seed in range(5))


# ------------------------------------------------------------------------------------------------ no look-ahead


def up_to(panels: Panels, as_of: pd.Timestamp) -> Panels:
    """The rows of every table that speak of days up to `as_of`."""
    return replace(
        panels,
        daily=panels.daily[panels.daily["date"] <= as_of],
        events=panels.events[panels.events["date"] <= as_of],
        caseload=panels.caseload[panels.caseload["date"] <= as_of].reset_index(drop=True),
        office=panels.office.loc[:as_of],
        calendar=panels.calendar.loc[:as_of],
        roster=roster_as_of(panels.roster, as_of),
    )


def look_ahead(build: Build, log: CaseLog, as_of: pd.Timestamp, roster: pd.DataFrame) -> dict[str, list[str]]:
    """Tables and columns of the whole log's panels that a fold at `as_of` has otherwise; teams it never had apart."""
    fold = build(truncate(log, as_of), FROM_START, roster_as_of(roster, as_of))
    whole = up_to(build(log, FROM_START, roster), as_of)
    known = whole.caseload["unit"].isin(fold.caseload["unit"])
    strangers = whole.caseload.loc[~known].select_dtypes("number")
    assert (strangers == 0).all(axis=None)
    whole = replace(whole, caseload=whole.caseload[known].reset_index(drop=True), findings=fold.findings)
    return unequal(fold, whole)


@EXAMPLES
@given(data=st.data())
def test_every_column_of_a_fold_is_that_of_the_whole_log(
    data: st.DataObject, drawn_log: Callable, full_time: Callable
) -> None:
    log = data.draw(drawn_log(min_size=4))
    days = working_days(log.cases["dt_received_inv"].min(), log.as_of, CONFIG.calendar)
    # On a day off the fold would place its last events earlier than the whole log does, for want of a later day.
    as_of = data.draw(st.sampled_from([day for day in days if day > pd.Timestamp("2025-01-06")] or [log.as_of]))
    assert look_ahead(build_panels, log, as_of, full_time(*PEOPLE)) == {}


def test_a_builder_that_looks_ahead_is_caught(make_log: Callable, full_time: Callable) -> None:
    """A twin that lets a person's total of the whole log, and the case's last status, into every day."""

    def hindsight(log: CaseLog, config: Config, roster: pd.DataFrame) -> Panels:
        panels = build_panels(log, config, roster)
        total = panels.daily.groupby("investigator")["allocated"].transform("sum")
        is_done = panels.events["case_id"].map(log.cases.set_index("case_id")["dt_pg_signoff"].notna())
        return replace(panels, daily=panels.daily.assign(wip_prev=total), events=panels.events.assign(role=is_done))

    log = make_log([ANN | {"signed_off": "2025-01-30"}, BOB, ANN | {"allocated": "2025-01-22"}], "2025-01-31")
    found = look_ahead(hindsight, log, pd.Timestamp("2025-01-21"), full_time(*PEOPLE))
    assert found == {"daily": ["wip_prev"], "events": ["role"]}


# ------------------------------------------------------------------------------------------------ one case more


def bar_of_last_case(build: Build, log: CaseLog, roster: pd.DataFrame) -> dict[str, pd.Series]:
    """What the last case of the log adds to every number of office and daily panel, where it adds anything."""
    without = build(replace(log, cases=log.cases.iloc[:-1]), FROM_START, roster)
    whole = build(log, FROM_START, roster)
    keys = {"office": ["date"], "daily": ["date", "investigator"]}
    tables = {
        "office": [panels.caseload[panels.caseload["level"] == "office"] for panels in (whole, without)],
        "daily": [whole.daily, without.daily],
    }
    added = {}
    for name, (left, right) in tables.items():
        numbers = [c for c in left.select_dtypes("number") if c != "days_since_last_allocation"]
        difference = (left.set_index(keys[name])[numbers] - right.set_index(keys[name])[numbers]).stack()
        added[name] = difference[difference != 0]
    return added


def expected_bar(case: pd.Series, as_of: pd.Timestamp) -> dict[str, dict[tuple, float]]:
    """The same from the case's own dates alone, day by day."""
    received, allocated, closed = case["dt_received_inv"], case["dt_alloc_invest"], case["dt_close"]
    ended = min((d for d in (case["dt_pg_signoff"], closed) if pd.notna(d)), default=pd.NaT)
    is_held = pd.notna(allocated)
    leaves_queue = allocated if is_held else ended
    office: dict[tuple, float] = {(received, "received"): 1}
    if is_held:
        office |= {(allocated, "allocated"): 1}
    if pd.notna(ended):
        office |= {(ended, "signed_off" if is_held else "removed"): 1}
    if pd.notna(closed):
        office |= {(closed, "closed"): 1}
    for day in pd.date_range(received, as_of):
        in_queue = not day >= leaves_queue
        at_work = is_held and day >= allocated and not day >= ended
        office |= {(day, "backlog"): 1} if in_queue else {}
        office |= {(day, "wip"): 1} if at_work else {}
        office |= {(day, "open"): 1} if in_queue or at_work else {}
    days = working_days(pd.Timestamp("2025-01-01"), as_of, CONFIG.calendar)
    who, load = case["investigator"], case["weighting"] / case["fte"]
    rolled = roll_to_working_day(pd.Series([allocated, ended, closed]), days)
    on = dict(zip(("allocated", "signed_off", "closed"), rolled, strict=True))
    daily: dict[tuple, float] = {}
    if is_held:
        daily |= {(when, who, flow): 1 for flow, when in on.items() if pd.notna(when)}
        open_days = days[(days > on["allocated"]) & ~(days > on["signed_off"])]
        daily |= {(day, who, "wip_prev"): 1 for day in open_days}
        daily |= {(day, who, "wip_load_prev"): load for day in open_days}
    entered, left = roll_to_working_day(pd.Series([received, leaves_queue]), days)
    waiting = days[(days > entered) & ~(days > left)]
    daily |= {(day, person, "backlog_prev"): 1 for day in waiting for person in PEOPLE}
    return {"office": office, "daily": daily}


@EXAMPLES
@given(data=st.data())
def test_one_case_more_adds_exactly_its_own_bar(data: st.DataObject, drawn_log: Callable, full_time: Callable) -> None:
    log = data.draw(drawn_log(min_size=2))
    added = bar_of_last_case(build_panels, log, full_time(*PEOPLE))
    expected = expected_bar(log.cases.iloc[-1], log.as_of)
    assert {name: table.to_dict() for name, table in added.items()} == expected


def test_a_flag_in_place_of_a_count_is_caught(make_log: Callable, full_time: Callable) -> None:
    """A twin that says whether somebody picked up a case that day loses the second pick-up of the day."""

    def flags(*given: object) -> Panels:
        panels = build_panels(*given)  # type: ignore[arg-type]
        return replace(panels, daily=panels.daily.assign(allocated=panels.daily["allocated"].clip(upper=1)))

    log = make_log([ANN, ANN], "2025-01-31")
    added = bar_of_last_case(flags, log, full_time(*PEOPLE))["daily"].to_dict()
    missing = expected_bar(log.cases.iloc[-1], log.as_of)["daily"].keys() - added.keys()
    assert missing == {(pd.Timestamp("2025-01-07"), "ann", "allocated")}


@pytest.mark.parametrize("stock", ["backlog", "wip"])
def test_a_stock_that_is_clipped_is_caught(stock: str, make_log: Callable, full_time: Callable) -> None:
    """Disorder makes a stock negative for a while; clipping it would hide that one case more is one case more."""

    def clipped(*given: object) -> Panels:
        panels = build_panels(*given)  # type: ignore[arg-type]
        return replace(panels, caseload=panels.caseload.assign(**{stock: panels.caseload[stock].clip(lower=0)}))

    wrong = ANN | {"backlog": {"received": "2025-01-20"}, "wip": {"signed_off": "2025-01-03"}}[stock]
    last = {"backlog": BOB, "wip": ANN | {"received": "2025-01-02", "allocated": "2025-01-03"}}[stock]
    log = make_log([wrong, last], "2025-01-31")
    added = bar_of_last_case(clipped, log, full_time(*PEOPLE))["office"]
    expected = expected_bar(log.cases.iloc[-1], log.as_of)["office"]
    assert added.to_dict() != expected
    assert bar_of_last_case(build_panels, log, full_time(*PEOPLE))["office"].to_dict() == expected
