"""Further flows: counted events that change no stock, such as requests for legal review, court orders and closures.

Each is a flow of the office as a whole, with a calendar and a level of its own, and answers to the office's work
in progress, of which its cases are or lately were a part. Nothing answers to it: no other flow and no stock depends on
what is assumed or learnt of a further flow.
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from bayes_backlog.vocabulary import FURTHER_FLOWS

STATE = "office_wip"
"""What they answer to."""
FEWEST_EVENTS = 200
"""Ten for each of the some twenty numbers that a flow has: calendar, elasticity, level and noise."""


def further_flows(office: pd.DataFrame, wanted: Collection[str]) -> tuple[str, ...]:
    """Return the further flows that can be learnt from the training days.

    Parameters
    ----------
    office : DataFrame
        Of `panels.office.working_day_flows`, the training days alone.
    wanted : collection of str
        Of `FURTHER_FLOWS`.

    Returns
    -------
    tuple of str
        In the vocabulary's order: those wanted whose milestones the cases have, with `FEWEST_EVENTS` or more. Where
        cases end by being closed, closures are the cases signed off and removed, and are not forecast a second time.
    """
    ends = office["signed_off"] + office["removed"]
    apart = {"closed": (office["closed"] - ends).abs()}
    return tuple(
        flow
        for flow in FURTHER_FLOWS
        if flow in wanted and flow in office and apart.get(flow, office[flow]).sum() >= FEWEST_EVENTS
    )
