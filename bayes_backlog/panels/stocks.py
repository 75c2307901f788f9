"""Stocks from flows: work in progress, allocation backlog, and the caseload table of office and teams.

Every stock is an opening stock plus the running sum of arrivals minus departures, by one engine (`count_by_step`), so
backlog[t] = backlog[t-1] + received - allocated - removed and wip[t] = wip[t-1] + allocated - signed_off hold to the
unit; of a team, + taken_over - handed_over, which cancel out over the office. Cases before the first day are the
opening stock. A negative stock says that dates are wrong: it is reported, never clipped.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bayes_backlog.errors import DataError, examples
from bayes_backlog.panels.events import flow_dates, further_dates
from bayes_backlog.vocabulary import NO_TEAM, OFFICE

CASELOAD_FLOWS = ("received", "allocated", "removed", "signed_off", "closed", "taken_over", "handed_over")
CASELOAD_STOCKS = ("backlog", "wip", "open")
NOBODY = "(none)"
"""Investigator of allocated cases without a name."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


def day_steps(dates: pd.Series, first_date: pd.Timestamp, last_date: pd.Timestamp) -> Ints:
    """Return days since `first_date`: negative before it, and one past the last step for later and missing dates."""
    n_steps = (last_date - first_date).days + 1
    steps = (dates - first_date).dt.days.fillna(n_steps).to_numpy(dtype=np.int64)
    return np.minimum(steps, n_steps)


def count_by_step(steps: Ints, n_steps: int, codes: Ints, n_units: int, weights: Floats | None = None) -> Array:
    """Count events per step and unit, in one pass.

    Parameters
    ----------
    steps : (event,) int
        Step of each event; a negative step is before the window, `n_steps` or more is left out.
    codes : (event,) int
        Unit of each event, from 0 to `n_units` - 1.
    weights : (event,) float, optional
        Summed in place of the count.

    Returns
    -------
    (n_steps + 1, n_units) array
        Row 0 holds everything before the window; row t + 1 is step t. The running sum over rows is a stock.
    """
    kept = steps < n_steps
    flat = (np.maximum(steps[kept], -1) + 1) * n_units + codes[kept]
    chosen = None if weights is None else weights[kept]
    counts: Array = np.bincount(flat, chosen, minlength=(n_steps + 1) * n_units).reshape(n_steps + 1, n_units)
    # Without a single event bincount forgets that weights are sums, not counts.
    return counts if weights is None else counts.astype(np.float64)


def codes_of(values: pd.Series, missing: str) -> tuple[Ints, list[str]]:
    """Return integer codes and sorted unit names; missing values are the unit `missing`, which always exists."""
    filled = values.fillna(missing)
    units = sorted({*filled.unique(), missing})
    return pd.Categorical(filled, categories=units).codes.astype(np.int64), units


def case_load(cases: pd.DataFrame) -> Floats:
    """Return the load of each case, weighting / fte; a missing weighting and a missing or zero fte count as 1."""
    fte = cases["fte"].where(cases["fte"] > 0, 1.0)
    return (cases["weighting"].fillna(1.0) / fte).to_numpy(dtype=np.float64)


def build_wip_series(
    cases: pd.DataFrame, first_date: pd.Timestamp, last_date: pd.Timestamp, *, without_on_hold: bool = False
) -> pd.DataFrame:
    """Return the cases each investigator was working on, on every calendar day.

    A case counts from the day it is allocated to the day it is signed off or closed, whichever comes first, both days
    inclusive; an unfinished case counts to `last_date`. From 2 to 5 January it counts on the 2nd, 3rd, 4th and 5th and
    not on the 6th. This is work during the day: it equals the end-of-day `wip` of the caseload table, which leaves out
    what was signed off that day, plus that day's sign-offs.

    Parameters
    ----------
    cases : DataFrame
        Of a case log, or by holder (`holders.cases_by_holder`).
    without_on_hold : bool
        Leave out cases from `dt_hold_from` on, the day they were put on hold where they still are. Holds that have
        ended cannot be left out: an export gives their number of days, not when they were.

    Returns
    -------
    DataFrame
        date, investigator, team, wip (cases), wip_load (sum of weighting / fte); one row per calendar day for every
        investigator and team that ever held a case together. Cases without a name stand under "(none)".
    """
    held = cases[cases["dt_alloc_invest"].notna()]
    flows = flow_dates(held)
    people, person_names = codes_of(held["investigator"], NOBODY)
    teams, team_names = codes_of(held["team"], NO_TEAM)
    pairs, pair_codes = np.unique(people * len(team_names) + teams, return_inverse=True)
    days = pd.date_range(first_date, last_date)
    starts = day_steps(held["dt_alloc_invest"], first_date, last_date)
    # On the day a case is handed over, it counts with who takes it.
    after_last = (flows["signed_off"] + pd.Timedelta(days=1)).fillna(flows["handed_over"])
    if without_on_hold and "dt_hold_from" in held:
        after_last = pd.concat([after_last, held["dt_hold_from"].clip(lower=held["dt_alloc_invest"])], axis=1).min(
            axis=1
        )
    ends = day_steps(after_last, first_date, last_date)

    def running(weights: Floats | None) -> Array:
        arrivals = count_by_step(starts, len(days), pair_codes, len(pairs), weights)
        departures = count_by_step(ends, len(days), pair_codes, len(pairs), weights)
        stock: Array = np.cumsum(arrivals - departures, axis=0)[1:]
        return stock

    return pd.DataFrame(
        {
            "date": np.tile(days, len(pairs)),
            "investigator": pd.Series(
                np.repeat(np.array(person_names)[pairs // len(team_names)], len(days)), dtype="str"
            ),
            "team": pd.Series(np.repeat(np.array(team_names)[pairs % len(team_names)], len(days)), dtype="str"),
            "wip": running(None).T.ravel(),
            # Adding and taking away the same load leaves crumbs of 1e-16 that would read as work.
            "wip_load": running(case_load(held)).T.ravel().round(9),
        }
    )


def build_backlog_series(
    cases: pd.DataFrame, first_date: pd.Timestamp, last_date: pd.Timestamp, *, weighted: bool = False
) -> pd.DataFrame:
    """Return the queue awaiting allocation at the end of every calendar day.

    Parameters
    ----------
    weighted : bool
        Count each case by its weighting (1 where missing) in place of 1.

    Returns
    -------
    DataFrame
        date, received_cum, allocated_cum, removed_cum, backlog; the cumulative columns begin with everything before
        `first_date`, so backlog = received_cum - allocated_cum - removed_cum is the whole queue.
    """
    flows = flow_dates(cases)
    weights = cases["weighting"].fillna(1.0).to_numpy(dtype=np.float64) if weighted else None
    days = pd.date_range(first_date, last_date)
    one_unit = np.zeros(len(cases), dtype=np.int64)
    columns = {
        f"{flow}_cum": np.cumsum(
            count_by_step(day_steps(flows[flow], first_date, last_date), len(days), one_unit, 1, weights)
        )[1:]
        for flow in ("received", "allocated", "removed")
    }
    table = pd.DataFrame({"date": days, **columns})
    backlog = table["received_cum"] - table["allocated_cum"] - table["removed_cum"]
    return table.assign(backlog=backlog.round(9) if weighted else backlog)


def build_caseload(cases: pd.DataFrame, first_date: pd.Timestamp, last_date: pd.Timestamp) -> pd.DataFrame:
    """Return flows and end-of-day stocks of the office and of every team, on every calendar day.

    Events stand on their true day. The queue belongs to the office, not to a team: at team level received, removed and
    backlog stand under the unit "(none)", as do allocated cases without a team, so every column of the teams adds up to
    the office. The backlog identity therefore holds at office level, the wip identity and open = backlog + wip on
    every row.

    Returns
    -------
    DataFrame
        date, level (office or team), unit, received, allocated, removed, signed_off, closed, taken_over, handed_over,
        the further flows whose milestones the cases have, backlog, wip, open; ordered by level, unit and date.

    Raises
    ------
    DataError
        When an identity does not hold (an error of the package, not of the data).
    """
    flows = flow_dates(cases)
    team_codes, teams = codes_of(cases["team"].where(cases["dt_alloc_invest"].notna()), NO_TEAM)
    queue_codes = np.full(len(cases), teams.index(NO_TEAM))
    days = pd.date_range(first_date, last_date)

    def counted(dates: list[pd.Series], codes: Ints) -> Array:
        steps = np.concatenate([day_steps(date, first_date, last_date) for date in dates])
        return count_by_step(steps, len(days), np.tile(codes, len(dates)), len(teams))

    counts = {
        flow: counted([flows[flow]], queue_codes if flow in ("received", "removed") else team_codes)
        for flow in CASELOAD_FLOWS
    }
    counts |= {flow: counted(dates, team_codes) for flow, dates in further_dates(cases).items()}
    by_team = _with_stocks(counts, queue_leaves=_in_queue(counts["allocated"], teams.index(NO_TEAM)))
    by_office = {name: values.sum(axis=1, keepdims=True) for name, values in by_team.items()}
    caseload = pd.concat(
        [_tidy(by_office, "office", [OFFICE], days), _tidy(by_team, "team", teams, days)], ignore_index=True
    )
    check_identities(caseload)
    return caseload


def check_identities(caseload: pd.DataFrame) -> None:
    """Refuse a caseload table whose stocks do not follow from its flows, or whose teams do not add up to the office.

    Raises
    ------
    DataError
        With the number of rows and the first dates.
    """
    previous = caseload.groupby(["level", "unit"], sort=False)[["backlog", "wip"]].shift()
    known = previous["wip"].notna()
    moved = caseload["taken_over"] - caseload["handed_over"]
    wip = previous["wip"] + caseload["allocated"] - caseload["signed_off"] + moved
    backlog = previous["backlog"] + caseload["received"] - caseload["allocated"] - caseload["removed"]
    is_office = caseload["level"] == "office"
    office = caseload[is_office].drop(columns=["level", "unit"]).set_index("date")
    adds_up = (caseload[~is_office].groupby("date")[list(office)].sum() == office).all(axis=1)
    broken = {
        "wip[t] = wip[t-1] + allocated - signed_off + taken_over - handed_over": caseload["date"][
            known & (wip != caseload["wip"])
        ],
        "backlog[t] = backlog[t-1] + received - allocated - removed": caseload["date"][
            known & is_office & (backlog != caseload["backlog"])
        ],
        "open = backlog + wip": caseload["date"][caseload["backlog"] + caseload["wip"] != caseload["open"]],
        "teams add up to the office": pd.Series(office.index[~adds_up]),
    }
    problems = [
        f"{rule}: {len(dates)} row(s), from {examples(dates.dt.strftime('%Y-%m-%d'))}"
        for rule, dates in broken.items()
        if len(dates)
    ]
    if problems:
        raise DataError(
            "the caseload table contradicts itself, so no forecast could be trusted: " + "; ".join(problems) + ". "
            "Rebuild it from the case log; if it stays, report it as a defect of the package."
        )


def _in_queue(allocated: Ints, queue: int) -> Ints:
    """All allocations, moved to the unit that holds the queue."""
    leaves = np.zeros_like(allocated)
    leaves[:, queue] = allocated.sum(axis=1)
    return leaves


def _with_stocks(counts: dict[str, Ints], queue_leaves: Ints) -> dict[str, Ints]:
    """Flows and stocks, both (day, unit): the opening row turned into the stocks."""
    backlog = np.cumsum(counts["received"] - queue_leaves - counts["removed"], axis=0)[1:]
    moved = counts["taken_over"] - counts["handed_over"]
    wip = np.cumsum(counts["allocated"] - counts["signed_off"] + moved, axis=0)[1:]
    flows = {flow: values[1:] for flow, values in counts.items()}
    return {**flows, "backlog": backlog, "wip": wip, "open": backlog + wip}


def _tidy(values: dict[str, Ints], level: str, units: list[str], days: pd.DatetimeIndex) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "date": np.tile(days, len(units)),
            "level": pd.Series([level] * (len(units) * len(days)), dtype="str"),
            "unit": pd.Series(np.repeat(np.array(units), len(days)), dtype="str"),
            **{name: array.T.ravel() for name, array in values.items()},
        }
    )
