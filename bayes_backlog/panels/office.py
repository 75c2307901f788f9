"""The office as a whole on working days: the series that models of received and removed cases are fitted to.

Events on days off stand on the next working day, and the stocks follow from the flows so placed. The table begins with
the first case ever received, because a lagged state of the first training day looks further back.
"""

from __future__ import annotations

import pandas as pd

from bayes_backlog import config
from bayes_backlog.panels.calendar import roll_to_working_day, working_days
from bayes_backlog.panels.events import flow_dates, further_dates


def working_day_flows(cases: pd.DataFrame, as_of: pd.Timestamp, calendar: config.Calendar) -> pd.DataFrame:
    """Return office totals on every working day up to `as_of`.

    Parameters
    ----------
    cases : DataFrame
        Case log truncated at `as_of`.
    as_of : Timestamp
        Last day, inclusive.
    calendar : config.Calendar
        Decides which days are working days.

    Returns
    -------
    DataFrame
        Indexed by working day: received, allocated, removed, signed_off, closed, taken_over, handed_over and the
        further flows whose milestones the cases have (cases that day), backlog and wip (cases at its close, counted
        from nothing at the first row).
    """
    flows = flow_dates(cases)
    first_date = min(date.min() for date in flows.values() if date.notna().any())
    days = working_days(first_date, as_of, calendar)
    placed = flows | {flow: pd.concat(dates) for flow, dates in further_dates(cases).items()}
    table = pd.DataFrame(
        {
            flow: roll_to_working_day(date.dropna(), days).value_counts().reindex(days, fill_value=0)
            for flow, date in placed.items()
        },
        index=days,
    )
    return table.assign(
        backlog=(table["received"] - table["allocated"] - table["removed"]).cumsum(),
        wip=(table["allocated"] - table["signed_off"]).cumsum(),
    )
