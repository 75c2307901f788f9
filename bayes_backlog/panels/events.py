"""Flows as dates: when each case was received, allocated, removed, signed off and closed, and the long event log.

A case is either allocated once or removed at most once, so the queue and the work in progress never count it twice.
An event is attributed to an investigator only from the case's allocation on: whoever holds a case today did not
receive it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.vocabulary import FURTHER_FLOWS, NO_TEAM

LEGAL_REQUESTS = FURTHER_FLOWS["legal_requested"]
OTHER_EVENTS = {
    "dt_received_opg": "received_by_organisation",
    "dt_alloc_team": "team_allocated",
    "dt_legal_rej_1": "legal_rejected",
    "dt_legal_rej_2": "legal_rejected",
    "dt_legal_approval": "legal_approved",
    "dt_sent_to_ca": "sent_to_court_team",
    "dt_date_of_order": "court_order",
    "dt_flagged": "flagged",
    "dt_hold_from": "put_on_hold",
}
"""Milestones beside those of `flow_dates` and the legal requests, and what they are called in the event log."""
BEFORE_ANYBODY = ("received", "removed", "received_by_organisation", "team_allocated")
"""Events that no investigator caused, even when the case was allocated on the same day."""


def flow_dates(cases: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the day each case enters each flow (missing where it never does), aligned with `cases`.

    received = dt_received_inv; allocated = dt_alloc_invest; removed = the first of sign-off and closure of a case never
    allocated; signed_off = the same of an allocated case; closed = dt_close. Of cases by holder (`holders`), only the
    first allocation is one; the later ones are taken_over, and the days before them handed_over.
    """
    held = cases["dt_alloc_invest"]
    ended = cases[["dt_pg_signoff", "dt_close"]].min(axis=1)
    is_first = cases.get("is_first", pd.Series(True, index=cases.index))
    never = pd.Series(pd.NaT, index=cases.index, dtype=held.dtype)
    return {
        "received": cases["dt_received_inv"],
        "allocated": held.where(is_first),
        "removed": ended.where(held.isna()),
        "signed_off": ended.where(held.notna()),
        "closed": cases["dt_close"],
        "taken_over": held.mask(is_first),
        "handed_over": cases.get("passed_on", never),
    }


def further_dates(cases: pd.DataFrame) -> dict[str, list[pd.Series]]:
    """Return the days of each further flow whose milestones the cases have: a series for each, aligned with `cases`."""
    found = {flow: [cases[name] for name in names if name in cases] for flow, names in FURTHER_FLOWS.items()}
    return {flow: dates for flow, dates in found.items() if dates}


WIP_SIGNS = {"allocated": 1, "taken_over": 1, "signed_off": -1, "handed_over": -1}
"""What each event does to its investigator's work in progress."""


def open_cases(events: pd.DataFrame) -> pd.Series:
    """Return the work in progress that the events leave each investigator (cases of nobody under `NO_TEAM`)."""
    counted = events[events["event"].isin(WIP_SIGNS)]
    return counted["event"].map(WIP_SIGNS).groupby(counted["investigator"].fillna(NO_TEAM)).sum()


def build_event_log(log: CaseLog) -> pd.DataFrame:
    """Return one row per case and milestone reached, on its true calendar day.

    Returns
    -------
    DataFrame
        date, case_id, investigator, team, role, event; ordered by date, case and life cycle. `event` is a flow
        (received, allocated, removed, signed_off, closed, taken_over, handed_over, legal_requested) or one of the names
        in `OTHER_EVENTS`.
        Investigator, team and role are missing for events before the case's allocation and for cases never allocated.
    """
    cases = log.cases
    dates = [(event, date) for event, date in flow_dates(cases).items()]
    dates += [("legal_requested", cases[name]) for name in LEGAL_REQUESTS if name in cases]
    dates += [(event, cases[name]) for name, event in OTHER_EVENTS.items() if name in cases]
    row = np.concatenate([np.flatnonzero(date.notna()) for _, date in dates])
    kind = np.repeat(np.arange(len(dates)), [int(date.notna().sum()) for _, date in dates])
    when = pd.concat([date[date.notna()] for _, date in dates], ignore_index=True)
    order = np.lexsort((kind, cases["source_row"].to_numpy()[row], when.to_numpy()))
    row, kind, when = row[order], kind[order], when.iloc[order].reset_index(drop=True)
    names = np.array([event for event, _ in dates])[kind]
    held = (when >= cases["dt_alloc_invest"].iloc[row].reset_index(drop=True)) & ~np.isin(names, BEFORE_ANYBODY)
    # A sign-off belongs to the holder even where it is dated before the allocation.
    held |= names == "signed_off"
    holder = cases[["investigator", "team", "role"]].iloc[row].reset_index(drop=True).where(held)
    return pd.DataFrame(
        {
            "date": when,
            "case_id": cases["case_id"].iloc[row].reset_index(drop=True),
            **holder,
            "event": pd.Series(names, dtype="str"),
        }
    )
