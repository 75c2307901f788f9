"""The future frame: calendar, staff and opening stocks of the forecast days, known before anything is drawn.

The calendar is certain. Staff are those the roster shows: present people stay, with the role and FTE of their last day;
leavers leave and joiners start on the dates the roster gives. Some move to another team, as often as in the last year.
`forecasts.assumed` adds what is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_backlog import config
from bayes_backlog.forecasts.turnover import Moving, Turnover, estimated_moving
from bayes_backlog.models.design import (
    RECENT_WORKING_DAYS,
    Design,
    Floats,
    Ints,
    calendar_columns,
    months,
    ramp,
    week_starts,
)
from bayes_backlog.models.spec import ModelSpec
from bayes_backlog.panels import Panels
from bayes_backlog.panels.calendar import calendar_table
from bayes_backlog.panels.events import open_cases
from bayes_backlog.vocabulary import NO_TEAM


@dataclass(frozen=True)
class FutureFrame:
    """What is known of the H working days ahead.

    Attributes
    ----------
    all_dates : (A,) DatetimeIndex
        Every calendar day of the horizon.
    dates : (H,) DatetimeIndex
        Its working days.
    calendar : (H, T) float
        Centred as in training.
    week_of_day : (H,) int
        Weeks counted from the last training week, which is 0.
    investigators : tuple of str
        Everybody with work in progress or present on any day, I people.
    known : (I,) int
        Index among the fitted investigators, -1 for somebody the fit has not seen.
    team, role : (H, I) int
        Index among `teams` and `roles`.
    teams, roles : tuple of str
        The fitted labels, followed by those the fit has not seen.
    exposure, ramp : (H, I) float
        FTE available (0 when absent) and new-starter weight.
    backlog_start : int
        Office backlog at the close of the cutoff.
    wip_start : (I,) int
        Each person's work in progress at the close of the cutoff.
    recent_received : (10,) int
        Cases received on the last ten working days.
    described : DataFrame
        The working days as `panels.calendar.calendar_table` describes them.
    leaving : (I,) int
        Place of the first working day on which somebody has left the office; H who has not by the end.
    turnover : Turnover
        Who may leave besides.
    moving : Moving
        Who may move to another team.
    factor : dict of (H,) float
        What the rate of a flow is multiplied by, where that is not 1.
    added_received : (H,) float
        Cases a day on top of the rate of received cases.
    cleared : (H,) int
        Waiting cases that leave the queue at once, where there are so many.
    wip_limit : int or None
        Cases in progress from which nobody picks up more.
    """

    all_dates: pd.DatetimeIndex
    dates: pd.DatetimeIndex
    calendar: Floats
    week_of_day: Ints
    investigators: tuple[str, ...]
    known: Ints
    team: Ints
    role: Ints
    teams: tuple[str, ...]
    roles: tuple[str, ...]
    exposure: Floats
    ramp: Floats
    backlog_start: int
    wip_start: Ints
    recent_received: Ints
    described: pd.DataFrame
    leaving: Ints
    turnover: Turnover
    moving: Moving
    factor: dict[str, Floats]
    added_received: Floats
    cleared: Ints
    wip_limit: int | None

    @property
    def as_of(self) -> pd.Timestamp:
        """Last day known."""
        return self.all_dates[0] - pd.Timedelta(days=1)

    def until_month_of(self, date: pd.Timestamp) -> FutureFrame:
        """Return the frame to the end of a day's month: its roll-forward begins the longer one's, to the bit.

        Months are kept whole, since flows in batches are drawn by the month.
        """
        last_date = date + pd.offsets.MonthEnd(0)
        n = int((self.dates <= last_date).sum())
        by_day = ["dates", "calendar", "week_of_day", "team", "role", "exposure", "ramp", "described", "added_received"]
        shorter: dict[str, Any] = {name: getattr(self, name)[:n] for name in (*by_day, "cleared")}
        factor = {flow: values[:n] for flow, values in self.factor.items()}
        return replace(self, all_dates=self.all_dates[self.all_dates <= last_date], factor=factor, **shorter)

    @property
    def month_of_day(self) -> Ints:
        """(H,) calendar months counted from that of the first day."""
        return months(self.dates)


def build_future_frame(
    panels: Panels, design: Design, spec: ModelSpec, calendar: config.Calendar, horizon_days: int
) -> FutureFrame:
    """Lay out the days after the panels' `as_of`.

    Parameters
    ----------
    panels, design, spec
        What the model was fitted to.
    calendar : config.Calendar
        Holidays and school terms.
    horizon_days : int
        Calendar days ahead.
    """
    all_dates = pd.date_range(panels.as_of + pd.Timedelta(days=1), periods=horizon_days, name="date")
    table = calendar_table(all_dates[0], all_dates[-1], calendar)
    dates = pd.DatetimeIndex(table.index[table["is_working_day"]])
    weeks = (week_starts(dates) - design.weeks[-1]).days.to_numpy() // 7
    wip = open_cases(panels.events)
    wip = wip[wip != 0]
    spells = panels.roster[panels.roster["last_date"].isna() | (panels.roster["last_date"] > panels.as_of)]
    people = tuple(sorted({*spells["investigator"], *wip.index}))
    place = _latest_place(panels.roster, people)
    teams = _with_unseen(design.staff.teams, (place["team"], spells["team"]))
    roles = _with_unseen(design.staff.roles, (place["role"], spells["role"]))
    exposure, team, role, ramp_weight = _staff_days(spells, place, dates, teams, roles)
    last_dates = spells.assign(last_date=spells["last_date"].fillna(all_dates[-1])).groupby("investigator")["last_date"]
    position = {name: k for k, name in enumerate(design.staff.investigators)}
    return FutureFrame(
        all_dates=all_dates,
        dates=dates,
        calendar=calendar_columns(table.loc[dates], spec) - design.calendar_centre,
        week_of_day=weeks.astype(np.int64),
        investigators=people,
        known=np.array([position.get(name, -1) for name in people], dtype=np.int64),
        team=team,
        role=role,
        teams=teams,
        roles=roles,
        exposure=exposure,
        ramp=ramp_weight,
        backlog_start=int(panels.office["backlog"].iloc[-1]),
        wip_start=wip.reindex(list(people), fill_value=0).to_numpy(dtype=np.int64),
        recent_received=panels.office["received"].to_numpy(dtype=np.int64)[-RECENT_WORKING_DAYS:],
        described=table.loc[dates],
        leaving=_leaving(last_dates.max().reindex(list(people)), dates),
        turnover=Turnover(),
        moving=estimated_moving(panels.roster, panels.as_of, teams),
        factor={},
        added_received=np.zeros(len(dates)),
        cleared=np.zeros(len(dates), np.int64),
        wip_limit=None,
    )


def _leaving(last_dates: pd.Series, dates: pd.DatetimeIndex) -> Ints:
    """Return the place of the first working day after each last date; who left before the forecast keeps the cases."""
    return np.where(last_dates.isna(), len(dates), dates.searchsorted(last_dates, side="right")).astype(np.int64)


def _latest_place(roster: pd.DataFrame, people: tuple[str, ...]) -> pd.DataFrame:
    """Return everybody's latest known team and role; cases of nobody stand under no team."""
    latest = roster.sort_values("first_date").drop_duplicates("investigator", keep="last").set_index("investigator")
    return latest[["team", "role"]].reindex(list(people)).fillna(NO_TEAM)


def _with_unseen(fitted: tuple[str, ...], labels: tuple[pd.Series, ...]) -> tuple[str, ...]:
    return fitted + tuple(sorted(set(pd.concat(labels).fillna(NO_TEAM)) - set(fitted)))


def _staff_days(
    spells: pd.DataFrame,
    place: pd.DataFrame,
    dates: pd.DatetimeIndex,
    teams: tuple[str, ...],
    roles: tuple[str, ...],
) -> tuple[Floats, Ints, Ints, Floats]:
    """Return exposure, team, role and ramp weight by day and person; who is absent keeps the latest team and role."""
    people = list(place.index)
    shape = (len(dates), len(people))
    exposure, ramp_weight = np.zeros(shape), np.zeros(shape)
    team = np.tile([teams.index(label) for label in place["team"]], (len(dates), 1))
    role = np.tile([roles.index(label) for label in place["role"]], (len(dates), 1))
    last_dates = spells["last_date"].fillna(dates[-1])
    columns = [spells[name] for name in ("investigator", "team", "role", "fte", "first_date", "start_date")]
    for name, its_team, its_role, fte, first, start, last in zip(*columns, last_dates, strict=True):
        days = (dates >= first) & (dates <= last)
        who = people.index(name)
        exposure[days, who] = fte
        team[days, who] = teams.index(NO_TEAM if pd.isna(its_team) else its_team)
        role[days, who] = roles.index(NO_TEAM if pd.isna(its_role) else its_role)
        ramp_weight[days, who] = ramp(pd.Series((dates[days] - start).days // 7))
    return exposure, team, role, ramp_weight
