"""The modelling table: one row per working day and investigator present, with counts and lagged covariates.

Flows are counts, never flags. Every covariate that depends on the state (own work in progress, office backlog, time
since the last allocation) is as of the previous close of day: moving an event of day t to a later one changes no
covariate of day t or earlier. Events on days off stand on the next working day, here and in the states, so per person
wip_prev[t+1] = wip_prev[t] + allocated[t] - signed_off[t] + taken_over[t] - handed_over[t].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_backlog import config
from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.errors import DataError
from bayes_backlog.panels.calendar import calendar_table, roll_to_working_day
from bayes_backlog.panels.events import LEGAL_REQUESTS, WIP_SIGNS, flow_dates
from bayes_backlog.panels.office import working_day_flows
from bayes_backlog.panels.roster import checked_roster
from bayes_backlog.panels.stocks import Array, Floats, Ints, case_load, count_by_step

PERSON_FLOWS = ("allocated", "signed_off", "closed", "legal_requested", "taken_over", "handed_over")
NEW_STARTER_WEEKS = 4


def build_daily_panel(
    log: CaseLog, roster: pd.DataFrame, calendar: config.Calendar, first_date: pd.Timestamp
) -> pd.DataFrame:
    """Build the daily panel from `first_date` to the log's `as_of`.

    Parameters
    ----------
    log : CaseLog
        Cases before `first_date` are the opening stock; they are no rows.
    roster : DataFrame
        Columns of `panels.roster`; decides who has a row on which day, and team, role and fte of it.

    Returns
    -------
    DataFrame
        date, investigator, team, role, fte, exposure (FTE); allocated, signed_off, closed, legal_requested, taken_over,
        handed_over (cases that day); wip_prev (cases), wip_load_prev (weighting / fte), backlog_prev (office, cases),
        days_since_last_allocation (working days, at least 1; missing before the first), weeks_since_start (whole
        weeks; missing where the start is unknown), is_new_starter (the first four weeks of a known start); then the
        columns of `calendar_table`. Ordered by date and investigator.

    Raises
    ------
    DataError
        When nobody is present on any working day, or the roster would give a person two rows on one day.
    """
    described = calendar_table(first_date, log.as_of, calendar)
    days = pd.DatetimeIndex(described.index[described["is_working_day"]])
    roster = checked_roster(roster)
    rows = _presence(roster, days)
    people = pd.Index(roster["investigator"].unique())
    office = working_day_flows(log.cases, log.as_of, calendar)
    held = log.cases[log.cases["investigator"].isin(people)]
    own = _own_events(held, people, days, pd.DatetimeIndex(office.index.union(days)))
    day, person = rows["day"].to_numpy(), people.get_indexer(pd.Index(rows["investigator"]))
    start = (days[day] - pd.DatetimeIndex(rows["start_date"])).days
    panel = pd.DataFrame(
        {
            "date": days[day],
            **rows[["investigator", "team", "role", "fte"]],
            "exposure": rows["fte"],
            **{flow: own.counts(flow)[day + 1, person] for flow in PERSON_FLOWS},
            "wip_prev": own.stock()[day, person],
            # Adding and taking away the same load leaves crumbs of 1e-16 that would read as work.
            "wip_load_prev": own.stock(case_load(held))[day, person].round(9),
            "backlog_prev": office["backlog"].shift(1, fill_value=0).reindex(days, fill_value=0).to_numpy()[day],
            "days_since_last_allocation": _since_last_allocation(*own.events["allocated"], day, person),
            "weeks_since_start": start // 7,
            "is_new_starter": start < 7 * NEW_STARTER_WEEKS,
        }
    )
    context = described.drop(columns="is_working_day").loc[days].iloc[day].set_axis(panel.index)
    panel = pd.concat([panel, context], axis=1)
    return panel.sort_values(["date", "investigator"], kind="stable", ignore_index=True)


@dataclass(frozen=True)
class _OwnEvents:
    """Events of people's own cases: for each flow the person and the working-day step of every event."""

    events: dict[str, tuple[Ints, Ints]]
    n_people: int
    n_days: int

    def counts(self, flow: str, weights: Floats | None = None) -> Array:
        """Events by step and person; row 0 is what happened before the panel, row t + 1 is step t."""
        people, steps = self.events[flow]
        return count_by_step(steps, self.n_days, people, self.n_people, weights)

    def stock(self, weights: Floats | None = None) -> Array:
        """Open cases by step and person; row t is what was open when step t began."""
        held: Array = np.cumsum(sum(sign * self.counts(flow, weights) for flow, sign in WIP_SIGNS.items()), axis=0)
        return held


def _own_events(held: pd.DataFrame, people: pd.Index, days: pd.DatetimeIndex, log_days: pd.DatetimeIndex) -> _OwnEvents:
    """Place the events of the cases `held` on the panel's `days`.

    They are rolled on the whole log's working days, so the first panel day gathers what the days off before it left.
    """
    codes = people.get_indexer(pd.Index(held["investigator"])).astype(np.int64)
    n_before = len(log_days) - len(days)

    def placed(flows: list[pd.Series]) -> tuple[Ints, Ints]:
        dates = pd.concat([held["dt_alloc_invest"].iloc[:0], *flows])
        steps = log_days.get_indexer(pd.Index(roll_to_working_day(dates, log_days))) - n_before
        return np.tile(codes, len(flows)), np.where(dates.isna(), len(days), steps).astype(np.int64)

    def since_allocation(*names: str) -> list[pd.Series]:
        """What happened before the allocation is not this investigator's."""
        return [held[name].where(held[name] >= held["dt_alloc_invest"]) for name in names if name in held]

    dates = flow_dates(held)
    events = {
        **{flow: placed([dates[flow]]) for flow in ("allocated", "signed_off", "taken_over", "handed_over")},
        "closed": placed(since_allocation("dt_close")),
        "legal_requested": placed(since_allocation(*LEGAL_REQUESTS)),
    }
    return _OwnEvents(events, len(people), len(days))


def _presence(roster: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """One row per working day of each spell, with `day`, the position in `days`."""
    first = days.searchsorted(roster["first_date"])
    last = days.searchsorted(roster["last_date"].fillna(days.max()), side="right")
    length = np.maximum(last - first, 0)
    spell = np.repeat(np.arange(len(roster)), length)
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    rows = roster.iloc[spell].reset_index(drop=True).assign(day=first[spell] + within)
    if rows.empty:
        raise DataError(
            f"the roster has nobody present on any of the {len(days)} working days of the panel, so there is nothing "
            f"to model. Check the roster's dates against data.first_date and data.as_of."
        )
    return rows


def _since_last_allocation(codes: Ints, allocated: Ints, day: Ints, person: Ints) -> Floats:
    """Working days since each person's last allocation before the row's day, which may precede the panel.

    Person and step make one sorted key, so the last allocation is the key just below the row's own.
    """
    origin = min(int(allocated.min(initial=0)), 0)
    width = int(max(allocated.max(initial=0), day.max())) - origin + 1
    keys = np.unique(np.append(codes * width + allocated - origin, -1))
    row_keys = person * width + day - origin
    last = keys[np.searchsorted(keys, row_keys) - 1]
    return np.where(last // width == person, row_keys - last, np.nan)
