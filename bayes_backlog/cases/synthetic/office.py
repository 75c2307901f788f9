"""One simulated office from its configuration: balanced, walked through, extracted and written."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bayes_backlog.cases.synthetic.days import Days, calendar_effect, simulated_days
from bayes_backlog.cases.synthetic.extracts import (
    daily_flows,
    extract_cases,
    extract_holdings,
    extract_roster,
    milestones,
)
from bayes_backlog.cases.synthetic.people import Staff, hire, leave_probability, person_name, spell_effect, team_effects
from bayes_backlog.cases.synthetic.truth import FlowTruth, Truth
from bayes_backlog.cases.synthetic.work import arrivals, attributes, walk
from bayes_backlog.config import Simulate
from bayes_backlog.runs import write_text

DAYS_OF_YEAR = 364


@dataclass(frozen=True)
class SimulatedOffice:
    """One simulated office.

    Attributes
    ----------
    cases : DataFrame
        The office's clean export at the close of `last_date`: canonical columns, invented names, datetime64 milestones.
        Team, role and FTE are the holder's on the day the case came to them; `dt_alloc_invest` is the first allocation.
    roster : DataFrame
        investigator, team, role, fte, first_date, last_date (NaT = still here), as known on `last_date`.
    holdings : DataFrame
        case_id, investigator, team, first_date: who held each case from when, as known on `last_date`.
    complete : DataFrame
        `cases` as an export `future_days` later shows it: what a backtest may score against.
    daily : DataFrame
        date, received, allocated, removed, signed_off, closed, backlog, wip on every calendar day from `first_date`
        to `future_days` after `last_date`.
    truth : Truth
        Every effect, with what was drawn filled in.
    """

    cases: pd.DataFrame
    roster: pd.DataFrame
    holdings: pd.DataFrame
    complete: pd.DataFrame
    daily: pd.DataFrame
    truth: Truth


def simulate_office(simulate: Simulate, truth: Truth | None = None) -> SimulatedOffice:
    """Run the office and return what its extracts show.

    Parameters
    ----------
    simulate : Simulate
        Seed, period and size.
    truth : Truth, optional
        The effects, by default `Truth()`; its None values are filled in.

    Returns
    -------
    SimulatedOffice
        The same bytes for the same arguments. More `future_days` leave `cases`, `roster` and the past of `daily` alone.
    """
    days = simulated_days(simulate)
    staff = hire(simulate, truth or Truth(), days)
    truth = _balanced(simulate, truth or Truth(), days, staff)
    arrived = arrivals(simulate, truth, days)
    drawn = attributes(simulate, truth, len(arrived))
    walked = walk(simulate, truth, days, staff, arrived, drawn)
    happened = milestones(days, arrived, walked, drawn)
    first, last = days.offset(simulate.first_date), days.offset(simulate.last_date)
    end = last + simulate.future_days
    kept = (happened["dt_close"] >= first).to_numpy()
    return SimulatedOffice(
        cases=extract_cases(days, staff, happened, walked, drawn, kept, last),
        roster=extract_roster(days, staff, first, last),
        holdings=extract_holdings(days, staff, walked, kept, last),
        complete=extract_cases(days, staff, happened, walked, drawn, kept, end),
        daily=daily_flows(days, happened, first, end),
        truth=_named(truth, staff, end),
    )


def write_office(office: SimulatedOffice, folder: Path) -> None:
    """Write an office's extracts, and what only the simulation knows apart from them, in `truth`.

    The case log names present holders alone, as real offices' sheets do; allocation_history.csv tells of earlier ones.
    """
    tables = {
        "case_log.csv": office.cases,
        "roster.csv": office.roster,
        "allocation_history.csv": office.holdings,
        "truth/future.csv": office.complete,
        "truth/daily.csv": office.daily,
    }
    for name, table in tables.items():
        write_text(table.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n"), folder / name)
    write_text(office.truth.to_json() + "\n", folder / "truth/truth.json")


def _balanced(simulate: Simulate, truth: Truth, days: Days, staff: Staff) -> Truth:
    """Fill in what is None: at the reference load, each stage passes on what arrives."""
    weekly = simulate.cases_per_week
    backlog = truth.reference_backlog or truth.reference_backlog_weeks * weekly
    wip = truth.reference_wip or truth.reference_wip_weeks * weekly / simulate.n_investigators
    stay, vacancy = 365 * truth.tenure_years, 7 * truth.vacancy_weeks
    working = days.is_working[:DAYS_OF_YEAR]
    away = leave_probability(truth, days)[:DAYS_OF_YEAR][working].mean()

    def per_fte(flow: FlowTruth, name: str) -> FlowTruth:
        flow = flow if flow.team else replace(flow, team=team_effects(simulate, flow, name))
        effect = spell_effect(flow, staff, name)
        first_staff = sum(s.fte * math.exp(effect[n]) for n, s in enumerate(staff.spells) if s.first < 0)
        throughput = weekly / 5 - truth.removal_hazard * backlog
        return _with_base(flow, days, throughput / (first_staff * (1 - away) * stay / (stay + vacancy)))

    return replace(
        truth,
        received=_with_base(truth.received, days, weekly * (1 - truth.weekend_share) / 5),
        allocated=per_fte(truth.allocated, "allocated"),
        signed_off=per_fte(truth.signed_off, "signed_off"),
        reference_backlog=backlog,
        reference_wip=wip,
    )


def _with_base(flow: FlowTruth, days: Days, mean_rate: float) -> FlowTruth:
    """Return the flow with the base that gives a mean rate over one year of working days."""
    if flow.base is not None:
        return flow
    calendar = np.exp(calendar_effect(flow, days))[:DAYS_OF_YEAR][days.is_working[:DAYS_OF_YEAR]].mean()
    return replace(flow, base=math.log(mean_rate / calendar) - (flow.sd_week**2 + flow.sd_day**2) / 2)


def _named(truth: Truth, staff: Staff, end: int) -> Truth:
    """Add the effects of everybody who has started by day `end`."""

    def effects(name: str) -> dict[str, float]:
        return {person_name(n): float(staff.effect[name][n]) for n in np.flatnonzero(staff.first <= end).tolist()}

    return replace(
        truth,
        allocated=replace(truth.allocated, investigator=effects("allocated")),
        signed_off=replace(truth.signed_off, investigator=effects("signed_off")),
    )
