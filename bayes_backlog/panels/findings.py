"""What the panel builder noticed or assumed: counted and said, never repaired in silence.

Disorder in the dates themselves is found with the case log; here is what follows from it for the tables.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from bayes_backlog import config
from bayes_backlog.panels.calendar import roll_to_working_day
from bayes_backlog.panels.daily_panel import PERSON_FLOWS

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
