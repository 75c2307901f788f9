"""A roster inferred from the case log: who was there, in which team and role, as far as activity shows.

Team, role and fte of a day rest on earlier days alone. Presence does not: that a quiet spell was no absence is known
only once somebody is active again, which is why a roster file (`panels.roster`) is better.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_backlog import config
from bayes_backlog.errors import DataError
from bayes_backlog.panels.calendar import roll_to_working_day, working_days
from bayes_backlog.panels.events import flow_dates
from bayes_backlog.panels.roster import COLUMNS, checked_roster
from bayes_backlog.panels.stocks import Ints, codes_of
from bayes_backlog.vocabulary import NO_TEAM

RECENT_ALLOCATIONS = 10
"""Allocations that vote on somebody's team and role."""
SPLIT_AFTER_LEAVER_PERIODS = 3
"""A silence of so many leaver periods is an absence, not slow work."""
LEFT_TRUNCATION = pd.Timedelta(weeks=8)
"""Whoever is first seen so soon after the log begins may have been there before."""

_DAY = pd.Timedelta(days=1)
_LONG_AGO, _FAR_AWAY = pd.Timestamp("1700-01-01"), pd.Timestamp("2250-01-01")


def infer_roster(
    cases: pd.DataFrame, as_of: pd.Timestamp, *, panel: config.Panel, calendar: config.Calendar
) -> pd.DataFrame:
    """Infer the roster from activity: allocations to a person, and sign-offs of the person's cases.

    A person is present from the first to the last activity (moved to working days). Who was active in the last
    `panel.leaver_after_days` days is still here; a silence of more than three such periods ends a spell and starts
    another. Team and role of a day are those of more than half of the person's last 10 allocations before that day
    (while none has more than half, they stay), fte is that of the last one (1.0 where missing): later allocations never
    change an earlier day. On the days up to somebody's first allocation, that allocation decides.

    Because presence begins and ends with an event, a first and a last day are never idle, which a roster file avoids.

    Raises
    ------
    DataError
        When no case is allocated to anybody.
    """
    held = cases[cases["investigator"].notna() & cases["dt_alloc_invest"].notna()]
    if held.empty:
        raise DataError(
            "no case of the log is allocated to a named investigator, so nobody can be modelled. "
            "Map data.columns.investigator and data.columns.dt_alloc_invest to the columns that hold them."
        )
    log_starts = min(cases["dt_received_inv"].min(), held["dt_alloc_invest"].min())
    days = working_days(log_starts, as_of, calendar)
    allocated = roll_to_working_day(held["dt_alloc_invest"], days)
    signed_off = roll_to_working_day(flow_dates(held)["signed_off"], days)
    people, names = codes_of(held["investigator"], NO_TEAM)
    spells = _spells(
        np.concatenate([people, people[signed_off.notna()]]),
        pd.concat([allocated, signed_off.dropna()], ignore_index=True),
        as_of,
        panel.leaver_after_days,
    )
    posts = _posts(held.assign(person=people, day=allocated))
    roster = _cut(spells, posts)
    start = roster.groupby("person")["first_date"].transform("min")
    roster["start_date"] = start.where(start >= log_starts + LEFT_TRUNCATION)
    roster["investigator"] = pd.Series(np.array(names)[roster["person"]], index=roster.index, dtype="str")
    return checked_roster(roster[list(COLUMNS)])


def _spells(people: Ints, days: pd.Series, as_of: pd.Timestamp, leaver_after_days: int) -> pd.DataFrame:
    """Presence of every person: one row per spell (person, first_date, last_date)."""
    active = pd.DataFrame({"person": people, "day": days}).drop_duplicates().sort_values(["person", "day"])
    silence = active.groupby("person")["day"].diff()
    opens = silence.isna() | (silence > SPLIT_AFTER_LEAVER_PERIODS * leaver_after_days * _DAY)
    spells = active.groupby(opens.cumsum().to_numpy()).agg(
        person=("person", "first"), first_date=("day", "min"), last_date=("day", "max")
    )
    is_here = spells["last_date"] >= as_of - leaver_after_days * _DAY
    return spells.assign(last_date=spells["last_date"].mask(is_here))


def _posts(held: pd.DataFrame) -> pd.DataFrame:
    """Team, role and fte of every person, and the first day they hold: the day after the allocations that decided."""
    held = held.sort_values(["person", "day", "dt_alloc_invest", "source_row"])
    person = held["person"].to_numpy()
    posts = pd.DataFrame(
        {
            "person": person,
            "first_date": held["day"].to_numpy() + np.timedelta64(1, "D"),
            "team": _majority(held["team"], person),
            "role": _majority(held["role"], person),
            "fte": held["fte"].where(held["fte"] > 0, 1.0).to_numpy(),
        }
    )
    last_of_day = posts.drop_duplicates(["person", "first_date"], keep="last")
    beginnings = posts.drop_duplicates("person").assign(first_date=_LONG_AGO)
    posts = pd.concat([beginnings, last_of_day]).sort_values(["person", "first_date"], ignore_index=True)
    state = posts[["person", "team", "role", "fte"]]
    return posts[(state != state.shift()).any(axis=1)]


def _majority(values: pd.Series, person: Ints) -> pd.Series:
    """The label of more than half of each person's last allocations up to each row; else the one before.

    Waiting for a majority keeps somebody who helps out elsewhere from changing team back and forth.
    """
    codes, units = codes_of(values, NO_TEAM)
    unlabelled = units.index(NO_TEAM)
    n = len(codes)
    recent = np.full((min(RECENT_ALLOCATIONS, n), n), unlabelled, dtype=np.int32)
    for back in range(len(recent)):
        same = person[back:] == person[: n - back]
        recent[back, back:] = np.where(same, codes[: n - back], unlabelled)
    labelled = recent != unlabelled
    votes = np.stack([(recent == candidate).sum(axis=0) for candidate in recent]) * labelled
    winner = recent[votes.argmax(axis=0), np.arange(n)]
    has_majority = 2 * votes.max(axis=0) > labelled.sum(axis=0)
    labels = pd.Series(np.array(units)[winner], dtype="str").where(has_majority)
    return labels.groupby(person).ffill().fillna(NO_TEAM)


def _cut(spells: pd.DataFrame, posts: pd.DataFrame) -> pd.DataFrame:
    """Cut the spells where the post changes."""
    spells = spells.assign(ends=spells["last_date"].fillna(_FAR_AWAY)).sort_values("first_date")
    posts = posts.sort_values("first_date")
    within = pd.merge_asof(
        posts,
        spells.assign(opens=spells["first_date"])[["person", "first_date", "opens", "ends"]],
        on="first_date",
        by="person",
    )
    changes = within[(within["first_date"] > within["opens"]) & (within["first_date"] <= within["ends"])]
    cuts = pd.concat([spells, changes])[["person", "first_date", "ends"]].sort_values("first_date")
    roster = pd.merge_asof(cuts, posts, on="first_date", by="person")
    roster = roster.sort_values(["person", "first_date"], ignore_index=True)
    next_cut = roster.groupby("person")["first_date"].shift(-1)
    last_date = roster["ends"].where(~(next_cut <= roster["ends"]), next_cut - _DAY)
    return roster.assign(last_date=last_date.mask(last_date == _FAR_AWAY))
