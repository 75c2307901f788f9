from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from bayes_backlog.config import Calendar, Panel
from bayes_backlog.errors import DataError
from bayes_backlog.panels.presence import infer_roster

EARLY = {"received": "2024-01-02"}  # the log begins long before anybody of interest


def infer(log: object, **panel: int) -> pd.DataFrame:
    return infer_roster(log.cases, log.as_of, panel=Panel(**panel), calendar=Calendar())


def held(who: str, allocated: str, signed_off: str | None = None, team: str | None = "north", **more: object) -> dict:
    return {
        "received": allocated,
        "allocated": allocated,
        "signed_off": signed_off,
        "investigator": who,
        "team": team,
        **more,
    }


def test_presence_runs_from_the_first_to_the_last_activity(make_log: Callable) -> None:
    log = make_log(
        [
            EARLY,
            held("ann", "2025-01-06", "2025-02-10"),
            held("ann", "2025-01-20"),
            held("bob", "2025-01-07", "2025-06-20"),
            {"received": "2025-01-06", "closed": "2025-06-30"},
        ],
        as_of="2025-06-30",
    )
    roster = infer(log).set_index("investigator")
    assert roster["first_date"].dt.strftime("%m-%d").to_dict() == {"ann": "01-06", "bob": "01-07"}
    assert roster.loc["ann", "last_date"] == pd.Timestamp("2025-02-10")
    # Active ten days before the end of the data: still here.
    assert pd.isna(roster.loc["bob", "last_date"])


@pytest.mark.parametrize(("silence", "spells"), [(180, 1), (181, 2)])
def test_a_silence_of_three_leaver_periods_splits_the_spell(make_log: Callable, silence: int, spells: int) -> None:
    first = pd.Timestamp("2025-01-02")
    back = first + pd.Timedelta(days=silence)
    log = make_log([EARLY, held("ann", str(first)), held("ann", str(back))])
    assert len(infer(log, leaver_after_days=60)) == spells


def test_weekend_activity_stands_on_the_working_day_it_is_counted_on(make_log: Callable) -> None:
    log = make_log([EARLY, held("ann", "2025-01-11", "2025-02-15"), held("ann", "2025-01-20")])
    roster = infer(log)
    assert roster.loc[0, ["first_date", "last_date"]].dt.strftime("%a %d").tolist() == ["Mon 13", "Mon 17"]


def test_the_team_changes_once_most_recent_allocations_say_so_and_from_the_next_day(make_log: Callable) -> None:
    # Three in the north, then south: with the third southern one it is 3 of 6, with the fourth 4 of 7.
    teams = ["north"] * 3 + ["south"] * 4
    days = pd.bdate_range("2025-03-03", periods=len(teams))
    rows = [held("ann", str(d), team=t) for d, t in zip(days, teams, strict=True)]
    roster = infer(make_log([EARLY, *rows], "2025-03-31"))
    assert roster["team"].tolist() == ["north", "south"]
    assert roster["first_date"].tolist() == [days[0], days[6] + pd.Timedelta(days=1)]
    assert roster["last_date"].iloc[0] == days[6]


def test_the_team_may_change_on_the_last_day_of_a_spell(make_log: Callable) -> None:
    rows = [
        held("ann", "2025-01-06", team="north"),
        held("ann", "2025-01-07", team="south"),
        held("ann", "2025-01-08", "2025-01-09", team="south"),
    ]
    roster = infer(make_log([EARLY, *rows]))
    assert roster["team"].tolist() == ["north", "south"]
    assert roster["last_date"].dt.day.tolist() == [8, 9]


def test_only_the_last_ten_allocations_vote(make_log: Callable) -> None:
    teams = ["north"] * 30 + ["south"] * 6
    days = pd.bdate_range("2025-01-06", periods=len(teams))
    roster = infer(make_log([EARLY, *(held("ann", str(d), team=t) for d, t in zip(days, teams, strict=True))]))
    assert roster["team"].tolist() == ["north"]  # the sixth southern one decides for the days after it, past the end
    roster = infer(
        make_log([EARLY, *(held("ann", str(d), team=t) for d, t in zip(days, teams, strict=True))], "2025-03-31")
    )
    assert roster["team"].tolist() == ["north", "south"]


def test_helping_out_elsewhere_is_no_change_of_team(make_log: Callable) -> None:
    teams = ["north", "north", "south"] * 5
    days = pd.bdate_range("2025-01-06", periods=len(teams))
    roster = infer(make_log([EARLY, *(held("ann", str(d), team=t) for d, t in zip(days, teams, strict=True))]))
    assert roster["team"].tolist() == ["north"]


def test_an_allocation_without_a_team_does_not_vote(make_log: Callable) -> None:
    days = pd.bdate_range("2025-01-06", periods=4)
    teams = [None, "north", None, None]
    roster = infer(make_log([EARLY, *(held("ann", str(d), team=t) for d, t in zip(days, teams, strict=True))]))
    assert roster["team"].tolist() == ["(none)", "north"]


def test_fte_is_that_of_the_latest_case_before_the_day(make_log: Callable) -> None:
    log = make_log(
        [EARLY, held("ann", "2025-01-06", fte=0.6), held("ann", "2025-02-03", fte=None), held("ann", "2025-03-03")],
        as_of="2025-03-31",
    )
    roster = infer(log)
    assert roster["fte"].tolist() == [0.6, 1.0]
    assert roster["first_date"].dt.strftime("%m-%d").tolist() == ["01-06", "02-04"]


def test_whoever_is_first_seen_as_the_log_begins_has_no_known_start(make_log: Callable) -> None:
    log = make_log([EARLY, held("ann", "2024-02-26"), held("bob", "2024-02-27"), held("cat", "2024-06-03")])
    assert infer(log).set_index("investigator")["start_date"].isna().to_dict() == {
        "ann": True,
        "bob": False,
        "cat": False,
    }


def test_a_log_without_investigators_is_refused(make_log: Callable) -> None:
    with pytest.raises(DataError, match=r"data\.columns\.investigator"):
        infer(make_log([EARLY]))
