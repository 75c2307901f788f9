"""Panels: a case log becomes events, stocks, a roster, a calendar and the daily panel that models are fitted to.

Everything is as of the log's `as_of`: the panel of a backtest fold is `build_panels` of the truncated log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.config import Config
from bayes_backlog.errors import DataError
from bayes_backlog.panels.calendar import calendar_table
from bayes_backlog.panels.daily_panel import build_daily_panel
from bayes_backlog.panels.events import build_event_log
from bayes_backlog.panels.findings import (
    assumptions,
    findings_table,
    negative_stocks,
    off_roster_events,
    reallocation,
)
from bayes_backlog.panels.holders import cases_by_holder
from bayes_backlog.panels.office import working_day_flows
from bayes_backlog.panels.presence import infer_roster
from bayes_backlog.panels.stocks import build_caseload


@dataclass(frozen=True)
class Panels:
    """All tables built from one case log.

    Attributes
    ----------
    daily : DataFrame
        One row per working day and investigator present (`daily_panel.build_daily_panel`).
    events : DataFrame
        One row per case and milestone, on its true day (`events.build_event_log`).
    caseload : DataFrame
        Flows and stocks of office and teams on calendar days (`stocks.build_caseload`).
    office : DataFrame
        Flows and stocks of the office on working days, since its first case (`office.working_day_flows`).
    roster : DataFrame
        Who works when (`roster`), given or inferred.
    calendar : DataFrame
        What is known of every calendar day of the panel (`calendar.calendar_table`).
    findings : DataFrame
        What was noticed: rule, severity, count, message.
    as_of : Timestamp
        Last day the tables show, inclusive.
    """

    daily: pd.DataFrame
    events: pd.DataFrame
    caseload: pd.DataFrame
    office: pd.DataFrame
    roster: pd.DataFrame
    calendar: pd.DataFrame
    findings: pd.DataFrame
    as_of: pd.Timestamp


def build_panels(log: CaseLog, config: Config, roster: pd.DataFrame | None = None) -> Panels:
    """Build every table of the panel from a case log.

    Parameters
    ----------
    log : CaseLog
        Truncated at its `as_of`.
    config : Config
        `data.first_date` (else the first day a case is received) is the first day of the tables; earlier cases are the
        opening stock.
    roster : DataFrame, optional
        As `roster.read_roster` returns it; inferred from activity where absent.

    Raises
    ------
    DataError
        When there is no case, the log shows days after its `as_of`, or nobody is present.
    """
    if log.cases.empty:
        raise DataError(
            "the case log is empty, so there is nothing to build. Check data.file and the quarantine table."
        )
    _refuse_hindsight(log)
    log = replace(log, cases=cases_by_holder(log))
    first_date = pd.Timestamp(config.data.first_date or log.cases["dt_received_inv"].min()).as_unit("us")
    calendar = calendar_table(first_date, log.as_of, config.calendar)
    is_inferred = roster is None
    if roster is None:
        roster = infer_roster(log.cases, log.as_of, panel=config.panel, calendar=config.calendar)
    events = build_event_log(log)
    caseload = build_caseload(log.cases, first_date, log.as_of)
    office = working_day_flows(log.cases, log.as_of, config.calendar)
    daily = build_daily_panel(log, roster, config.calendar, first_date)
    findings = findings_table(
        off_roster_events(events, daily, pd.DatetimeIndex(office.index), first_date),
        negative_stocks(caseload),
        reallocation(log, first_date),
        assumptions(config.calendar, roster["investigator"].nunique() if is_inferred else 0),
    )
    return Panels(daily, events, caseload, office, roster, calendar, findings, log.as_of)


def _refuse_hindsight(log: CaseLog) -> None:
    milestones = log.cases.filter(like="dt_")
    late = milestones.columns[(milestones > log.as_of).any()]
    if len(late):
        raise DataError(
            f"the case log shows days after its as_of, {log.as_of:%Y-%m-%d}, in {', '.join(late)}: a forecast from it "
            f"would know the future. Use cases.case_log.truncate."
        )
