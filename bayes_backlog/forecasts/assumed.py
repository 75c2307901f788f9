"""Assumptions applied to the future frame: staff who join, leave, are away or work more, and scenarios of the work.

A frame with assumptions is an ordinary frame, rolled forward like any other with the same randomness; what an
assumption does not mention stays as it is, to the bit. Unknown labels and days outside the forecast are refused, all at
once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_backlog.assumptions import DayKind, FteChange, Joiners, Scenario, Staffing, Who
from bayes_backlog.errors import ConfigError, nearest
from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.turnover import Turnover, estimated_moving, estimated_turnover
from bayes_backlog.models.design import UNUSED, Floats, ramp
from bayes_backlog.sections import OpenPeriod

Bools = NDArray[np.bool_]


def with_staffing(frame: FutureFrame, staffing: Staffing, roster: pd.DataFrame) -> FutureFrame:
    """Return the frame with assumed changes of staff.

    Parameters
    ----------
    frame : FutureFrame
        The days ahead, as the roster shows them.
    staffing : Staffing
        Joiners, leavers, changes of FTE, leave, and how many more may leave or move.
    roster : DataFrame
        Columns of `panels.roster`, from which leaving can be estimated.

    Raises
    ------
    ConfigError
        When an assumption names somebody or something unknown, or a day outside the forecast (all of them listed).
    """
    _refuse(_staffing_problems(frame, staffing))
    for joiners in staffing.joiners:
        for _ in range(joiners.number):
            frame = _with_joiner(frame, joiners)
    for change in staffing.fte_changes:
        frame = dataclasses.replace(frame, exposure=_changed_fte(frame, change))
    for leave in staffing.leave:
        frame = dataclasses.replace(frame, exposure=np.where(_cells(frame, leave), 0.0, frame.exposure))
    for leaver in staffing.leavers:
        frame = _without(frame, frame.investigators.index(leaver.investigator), pd.Timestamp(leaver.last_date))
    return with_turnover(frame, staffing, roster)


def with_turnover(frame: FutureFrame, staffing: Staffing, roster: pd.DataFrame) -> FutureFrame:
    """Return the frame with other rates of leaving and moving, where they are given: all that folds of a backtest take.

    Parameters
    ----------
    frame, staffing, roster
        As in `with_staffing`.
    """
    leaving, moving = staffing.annual_leaving_rate, staffing.annual_moving_rate
    if leaving is not None:
        turnover = estimated_turnover(roster, frame.as_of) if leaving == "roster" else Turnover(leaving)
        frame = dataclasses.replace(frame, turnover=turnover)
    if moving is not None:
        if moving == "roster":
            turnover = estimated_moving(roster, frame.as_of, frame.teams).turnover
        else:
            turnover = Turnover(moving)
        frame = dataclasses.replace(frame, moving=dataclasses.replace(frame.moving, turnover=turnover))
    return frame


def with_scenario(frame: FutureFrame, scenario: Scenario, roster: pd.DataFrame) -> FutureFrame:
    """Return the frame of a scenario: its staffing, and its rates, clearings and limit; raises as `with_staffing`."""
    _refuse(_work_problems(frame, scenario))
    frame = with_staffing(frame, scenario, roster)
    factor, added, cleared = dict(frame.factor), frame.added_received.copy(), frame.cleared.copy()
    for change in scenario.rates:
        days = _days(frame, change) & _is_kind(frame.described, change.days)
        factor[change.flow] = factor.get(change.flow, np.ones(len(days))) * np.where(days, change.factor, 1.0)
        added += change.add * days
    for clearing in scenario.clearings:
        cleared[frame.dates.searchsorted(pd.Timestamp(clearing.day))] += clearing.cases
    limit = frame.wip_limit if scenario.wip_limit is None else scenario.wip_limit
    return dataclasses.replace(frame, factor=factor, added_received=added, cleared=cleared, wip_limit=limit)


def _with_joiner(frame: FutureFrame, joiner: Joiners) -> FutureFrame:
    """Append one newcomer, whose effects are drawn by the name given here: the next joiner of that team and role."""
    place = f"{joiner.team}, {joiner.role}"
    number = 1 + sum(name.startswith("joiner ") and name.endswith(f" of {place}") for name in frame.investigators)
    teams, roles = _with_label(frame.teams, joiner.team), _with_label(frame.roles, joiner.role)
    started = frame.dates >= pd.Timestamp(joiner.first_date)
    weeks = (frame.dates - pd.Timestamp(joiner.first_date)).days.to_numpy() // 7
    fitted_ramp, share = np.zeros(len(weeks)), np.ones(len(weeks))
    if joiner.ramp is None:
        fitted_ramp = ramp(pd.Series(weeks)) * started
    else:
        share = np.array([*joiner.ramp, 1.0])[np.clip(weeks, 0, len(joiner.ramp))]
    days = np.ones(len(weeks), np.int64)
    return dataclasses.replace(
        frame,
        investigators=(*frame.investigators, f"joiner {number} of {place}"),
        known=np.append(frame.known, -1),
        team=np.column_stack([frame.team, days * teams.index(joiner.team)]),
        role=np.column_stack([frame.role, days * roles.index(joiner.role)]),
        teams=teams,
        roles=roles,
        exposure=np.column_stack([frame.exposure, joiner.fte * share * started]),
        ramp=np.column_stack([frame.ramp, fitted_ramp]),
        wip_start=np.append(frame.wip_start, 0),
        leaving=np.append(frame.leaving, len(weeks)),
    )


def _with_label(labels: tuple[str, ...], label: str) -> tuple[str, ...]:
    return labels if label in labels else (*labels, label)


def _without(frame: FutureFrame, person: int, last_date: pd.Timestamp) -> FutureFrame:
    exposure, leaving = frame.exposure.copy(), frame.leaving.copy()
    gone = frame.dates > last_date
    exposure[gone, person] = 0.0
    leaving[person] = min(int((~gone).sum()), leaving[person])
    return dataclasses.replace(frame, exposure=exposure, leaving=leaving)


def _changed_fte(frame: FutureFrame, change: FteChange) -> Floats:
    changed = frame.exposure * change.factor if change.factor is not None else np.float64(change.fte or 0.0)
    return np.where(_cells(frame, change) & (frame.exposure > 0), changed, frame.exposure)


def _cells(frame: FutureFrame, who: Who) -> Bools:
    """(H, I) days and people that a change is about."""
    people = np.ones(frame.exposure.shape, dtype=bool)
    if who.investigator is not None:
        people &= np.array(frame.investigators) == who.investigator
    if who.team is not None:
        people &= frame.team == frame.teams.index(who.team)
    if who.role is not None:
        people &= frame.role == frame.roles.index(who.role)
    return people & _days(frame, who)[:, None]


def _days(frame: FutureFrame, period: OpenPeriod) -> Bools:
    first = pd.Timestamp(period.first_date or frame.dates[0])
    last = pd.Timestamp(period.last_date or frame.dates[-1])
    return (frame.dates >= first) & (frame.dates <= last)


def _is_kind(described: pd.DataFrame, kind: DayKind) -> Bools:
    kinds = {
        "all": np.ones(len(described), dtype=bool),
        "before_holiday": described["days_to_holiday"] == 1,
        "after_holiday": described["days_from_holiday"] == 1,
        "christmas": described["is_christmas_weeks"],
        "month_end": described["working_days_to_month_end"] == 0,
        "school_term": described["is_school_term"],
        "school_holiday": ~described["is_school_term"],
    }
    return np.asarray(kinds[kind], dtype=bool)


def _refuse(problems: Iterable[str]) -> None:
    found = list(problems)
    if found:
        raise ConfigError(
            f"{len(found)} assumption(s) do not fit the forecast, and would silently change nothing or the wrong "
            "thing:\n  - " + "\n  - ".join(found)
        )


def _staffing_problems(frame: FutureFrame, staffing: Staffing) -> Iterator[str]:
    for joiners in staffing.joiners:
        yield from _outside(frame, "joiners", joiners.first_date)
        if not joiners.is_new_place:
            hint = "Set is_new_place for one that the office has not had."
            yield from _unknown("joiners.team", joiners.team, frame.teams, hint)
            yield from _unknown("joiners.role", joiners.role, frame.roles, hint)
    for leaver in staffing.leavers:
        yield from _outside(frame, "leavers", leaver.last_date)
        yield from _unknown("leavers.investigator", leaver.investigator, frame.investigators)
    for name in ("fte_changes", "leave"):
        for who in getattr(staffing, name):
            yield from _outside(frame, name, who.first_date, who.last_date)
            yield from _unknown(f"{name}.investigator", who.investigator, frame.investigators)
            yield from _unknown(f"{name}.team", who.team, frame.teams)
            yield from _unknown(f"{name}.role", who.role, frame.roles)


def _work_problems(frame: FutureFrame, scenario: Scenario) -> Iterator[str]:
    for change in scenario.rates:
        yield from _outside(frame, "rates", change.first_date, change.last_date)
    for clearing in scenario.clearings:
        yield from _outside(frame, "clearings", clearing.day)


def _outside(frame: FutureFrame, where: str, *days: object) -> Iterator[str]:
    first, last = frame.all_dates[0], frame.dates[-1]
    for day in days:
        if day is not None and not first <= pd.Timestamp(str(day)) <= last:
            yield f"{where}: {day} lies outside the forecast, {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _unknown(where: str, label: str | None, known: tuple[str, ...], hint: str = "") -> Iterator[str]:
    if label is not None and label not in known:
        in_use = [name for name in known if not name.startswith(UNUSED)]
        yield f"{where}: '{label}' is not known. {nearest(label, in_use)} {hint}".rstrip()
