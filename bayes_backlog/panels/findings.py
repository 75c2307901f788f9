"""What the panel builder noticed or assumed: counted and said, never repaired in silence.

Disorder in the dates themselves is found with the case log; here is what follows from it for the tables.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from bayes_backlog import config
from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.panels.calendar import roll_to_working_day
from bayes_backlog.panels.daily_panel import PERSON_FLOWS

MANY_REALLOCATED = 0.1

Finding = tuple[str, str, int, str]
"""Rule, severity (info | warning), count, and the message that follows the count."""


def findings_table(*found: Iterator[Finding]) -> pd.DataFrame:
    """Return rule, severity, count and message of the rules that found something."""
    rows = [(rule, grave, n, f"{n} {text}") for findings in found for rule, grave, n, text in findings if n]
    table = pd.DataFrame(rows, columns=["rule", "severity", "count", "message"])
    return table.astype({"rule": "str", "severity": "str", "count": "int64", "message": "str"})


def off_roster_events(
    events: pd.DataFrame, daily: pd.DataFrame, log_days: pd.DatetimeIndex, first_date: pd.Timestamp
) -> Iterator[Finding]:
    """Find people's events on days when the roster has them absent, by flow.

    Parameters
    ----------
    log_days : DatetimeIndex
        Working days of the whole log, on which events are placed.
    first_date : Timestamp
        First day of the panel.
    """
    in_panel = roll_to_working_day(events["date"], log_days) >= first_date
    owned = events.loc[in_panel & events["investigator"].notna(), "event"]
    for flow in PERSON_FLOWS:
        total = int((owned == flow).sum())
        yield (
            f"off_roster_{flow}",
            # Closing a file is often somebody else's work, after the investigator has left.
            "info" if flow in ("closed", "legal_requested") else "warning",
            total - int(daily[flow].sum()),
            f"of {total} {flow} events fall on days when the roster has the investigator absent: they count in the "
            f"caseload of office and team, not in the daily panel. Correct the roster where they are many.",
        )


def negative_stocks(caseload: pd.DataFrame) -> Iterator[Finding]:
    """Find days on which more cases had left the office than had arrived."""
    office = caseload[caseload["level"] == "office"]
    for stock in ("backlog", "wip"):
        below = office.loc[office[stock] < 0, "date"]
        first = f"{below.min():%Y-%m-%d}" if len(below) else ""
        yield (
            f"negative_{stock}",
            "warning",
            len(below),
            f"day(s), from {first}, end with a negative office {stock}: more cases left than had arrived, so dates are "
            f"wrong or early cases are missing. It is shown as it is; correct the dates.",
        )


def reallocation(log: CaseLog, first_date: pd.Timestamp) -> Iterator[Finding]:
    """Say how much rests on the latest allocation of reallocated cases, where no history tells their earlier ones.

    The size of the doubt is how much smaller the queue would be on an average day, had each such case left it on the
    day it was given to a team, or received where that is unknown: the earliest that its first allocation can have been.
    """
    cases = log.cases[log.cases["is_reallocated"] & log.cases["dt_alloc_invest"].notna()]
    if log.holdings is not None or cases.empty:
        return
    earliest = cases["dt_received_inv"]
    if "dt_alloc_team" in cases:
        earliest = cases["dt_alloc_team"].fillna(earliest)
    left = cases["dt_alloc_invest"]
    waited = left.where(left > first_date, first_date) - earliest.where(earliest > first_date, first_date)
    fewer = waited.dt.days.clip(lower=0).sum() / ((log.as_of - first_date).days + 1)
    share = len(cases) / log.cases["dt_alloc_invest"].notna().sum()
    yield (
        "reallocated_cases",
        "warning" if share > MANY_REALLOCATED else "info",
        len(cases),
        f"allocated case(s), {share:.1%}, changed investigator, and no allocation history tells when and from whom: "
        f"each counts from the one allocation in the case log. Had they left the queue as early as they may have, it "
        f"would hold {fewer:.1f} cases fewer on an average day. What people held counts as the last holder's, so their "
        f"sign-offs seem to answer less to it than they do. Give data.allocation_history where that matters.",
    )


def assumptions(calendar: config.Calendar, n_inferred: int) -> Iterator[Finding]:
    """State what stands in for what was not given: a roster (for `n_inferred` people) and school terms."""
    yield (
        "inferred_roster",
        "info",
        n_inferred,
        "person(s) have their presence inferred from activity, from first to last: leave and absences are unknown, "
        "and a first or last day is never idle. Give a roster file to replace it.",
    )
    yield (
        "school_terms_of_england",
        "info",
        int(calendar.school_holidays is None and calendar.country not in ("GB", "GBR", "UK")),
        f"calendar follows England's school terms although its country is {calendar.country}: give "
        f"calendar.school_holidays where terms matter.",
    )
