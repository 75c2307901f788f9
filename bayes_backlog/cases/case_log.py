"""The case log: one row per case, typed and pseudonymised, as it was known at the end of `as_of`.

A case log never shows anything later than its `as_of`: an earlier `as_of` gives what an extract taken that evening
would have shown, which is how a backtest is kept from the future.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bayes_backlog.cases.cells import text_cells, type_cells
from bayes_backlog.cases.contract import (
    Step,
    check_odd_days,
    check_order,
    milestone_columns,
    one_row_per_case,
    without_late_dates,
    without_sentinels,
)
from bayes_backlog.cases.findings import ABSENT_MEANS, Finding, findings_table, refuse_over_limit
from bayes_backlog.cases.headers import HeaderMap, map_headers
from bayes_backlog.cases.holdings import read_holdings, with_first_allocation
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.cases.quarantine import check_rows_accounted, quarantine_table
from bayes_backlog.cases.reader import RawTable, Source, read_table
from bayes_backlog.config import Data
from bayes_backlog.errors import DataError, examples

QUIET_END_DAYS = 14


@dataclass(frozen=True)
class CaseLog:
    """Cases as known at the end of `as_of`, with everything that was found on the way.

    Attributes
    ----------
    cases : DataFrame
        One row per case: source_row (int64), case_id and investigator (pseudonyms), team, role and other levels (str,
        NaN where missing), fte and weighting (float), is_reallocated (bool), milestones (midnight, NaT where missing).
    quarantine : DataFrame
        file, source_row, column, value (letters masked), reason, action.
    findings : DataFrame
        rule, severity, count, message.
    as_of : Timestamp
        Last day the data may show, inclusive.
    source : Source
        What was read.
    holdings : DataFrame or None
        The allocation history, where there is one: case_id, investigator, team, first_date.
    """

    cases: pd.DataFrame
    quarantine: pd.DataFrame
    findings: pd.DataFrame
    as_of: pd.Timestamp
    source: Source
    holdings: pd.DataFrame | None = None


def load_cases(data: Data, key: Key) -> CaseLog:
    """Read, map, type, check and pseudonymise a case log, and hide what lies after its `as_of`.

    Parameters
    ----------
    data : Data
        The file, its columns and its limits. Without `as_of`, the last credible date of the file is taken.
    key : Key
        For the pseudonyms.

    Raises
    ------
    DataError
        When the file cannot be read, lacks a mandatory column, breaks the contract or leaves no case.
    """
    if data.file is None:
        raise DataError("no data file is named. Give data.file in the configuration, or --data FILE.")
    table = read_table(data.file, data.sheet)
    header_map = map_headers(table.headers, data.columns)
    typed = type_cells(text_cells(table, header_map), data, key)
    checked = _checked(typed.cases, data, key)
    findings = [*_about_file(table, header_map, key), *typed.findings, *checked.findings]
    quarantine = quarantine_table((*typed.quarantined, *checked.quarantined), table.source.file)
    cases = checked.cases.rename_axis("source_row").reset_index()
    check_rows_accounted(table.source.n_rows, cases, quarantine)
    if cases.empty:
        refuse_over_limit(findings, data.max_findings)
        raise _no_case_left(table.source, quarantine)
    holdings = None
    if data.allocation_history is not None:
        holdings = read_holdings(data.allocation_history, key, data)
        cases, told = with_first_allocation(cases, holdings)
        findings += told
    last = cases[milestone_columns(cases)].max().max()
    as_of = last if data.as_of is None else pd.Timestamp(data.as_of)
    findings += _about_as_of(cases, as_of, data)
    refuse_over_limit(findings, data.max_findings)
    log = CaseLog(cases, quarantine, findings_table(findings), max(as_of, last), table.source, holdings)
    return truncate(log, as_of)


def truncate(log: CaseLog, as_of: pd.Timestamp) -> CaseLog:
    """Return the log as an extract taken at the end of an earlier day would have shown it.

    Cases received later leave and later milestones become missing. Who holds a case (investigator, role, FTE) is known
    only once it is allocated, its team also once it is allocated to a team; reallocation and status are hindsight and
    go. Truncating twice is truncating once at the earlier day; a day at or after the log's own changes nothing.

    Parameters
    ----------
    log : CaseLog
        Stays as it is.
    as_of : Timestamp
        Last day the result may show, inclusive.

    Raises
    ------
    DataError
        When no case was received by then.
    """
    as_of = pd.Timestamp(as_of).normalize()
    if as_of >= log.as_of:
        return log
    cases = log.cases[log.cases["dt_received_inv"] <= as_of].reset_index(drop=True)
    if cases.empty:
        first = log.cases["dt_received_inv"].min()
        raise DataError(
            f"no case was received by {as_of:%Y-%m-%d}: the first came on {first:%Y-%m-%d}. "
            f"Choose a later as_of or cutoff."
        )
    for name in milestone_columns(cases):
        cases[name] = cases[name].where(cases[name] <= as_of)
    allocated = cases["dt_alloc_invest"].notna()
    with_team = allocated | cases["dt_alloc_team"].notna() if "dt_alloc_team" in cases else allocated
    cases["investigator"] = cases["investigator"].where(allocated)
    cases["role"] = cases["role"].where(allocated)
    cases["team"] = cases["team"].where(with_team)
    cases["fte"] = cases["fte"].where(allocated, 1.0)
    cases["is_reallocated"] = False
    if "status" in cases:
        cases["status"] = pd.Series(np.nan, index=cases.index, dtype="str")
    holdings = None if log.holdings is None else log.holdings[log.holdings["first_date"] <= as_of]
    return replace(log, cases=cases, as_of=as_of, holdings=holdings)


def _checked(cases: pd.DataFrame, data: Data, key: Key) -> Step:
    """Return the cases that satisfy the contract, with all that was found."""
    steps = [without_sentinels(cases)]
    if data.as_of is None:
        steps.append(without_late_dates(steps[-1].cases))
    steps.append(one_row_per_case(steps[-1].cases, data.exclude, key))
    kept = steps[-1].cases
    found = [finding for step in steps for finding in step.findings]
    return Step(
        kept,
        tuple(part for step in steps for part in step.quarantined),
        (*found, *check_order(kept), *check_odd_days(kept)),
    )


def _no_case_left(source: Source, quarantine: pd.DataFrame) -> DataError:
    reasons = quarantine["reason"].value_counts()
    return DataError(
        f"none of the {source.n_rows} rows of {source.file} is a usable case (commonest reason: {reasons.index[0]}, "
        f"{reasons.iloc[0]} times). Check the columns mapped under data.columns and how dates are written."
    )


def _about_file(table: RawTable, header_map: HeaderMap, key: Key) -> list[Finding]:
    findings = []
    if table.unread_sheets:
        message = (
            f"{len(table.unread_sheets)} other sheet(s) of the workbook were not read "
            f"({examples(table.unread_sheets)}): the first, '{table.source.sheet}', was. Name another under data.sheet."
        )
        findings.append(Finding("first_sheet", len(table.unread_sheets), message))
    if header_map.unknown:
        message = (
            f"Not used: {len(header_map.unknown)} column(s) of the file ({examples(header_map.unknown)}). Map one "
            "under data.columns if it is needed."
        )
        findings.append(Finding("unused_columns", len(header_map.unknown), message))
    findings += [
        Finding(f"absent_{name}", 1, f"The file has no column {name}: {means}.")
        for name, means in ABSENT_MEANS.items()
        if name not in header_map.positions
    ]
    if key.source == "random":
        message = "no key is set, so the pseudonyms hold for this run only: no two runs can be compared by case."
        findings.append(Finding("temporary_key", 1, message))
    return findings


def _about_as_of(cases: pd.DataFrame, as_of: pd.Timestamp, data: Data) -> list[Finding]:
    findings = []
    milestones = cases[milestone_columns(cases)]
    if data.as_of is None:
        message = (
            f"as_of is not given: {as_of:%Y-%m-%d}, the last date in the file, is taken. Give data.as_of, the day of "
            f"the extract, or days without events at the end are lost."
        )
        findings.append(Finding("inferred_as_of", 1, message))
    hidden = int((milestones > as_of).sum().sum())
    if hidden:
        later = int((cases["dt_received_inv"] > as_of).sum())
        message = (
            f"{hidden} date(s) after {as_of:%Y-%m-%d} are hidden, and {later} case(s) received after it are not shown."
        )
        findings.append(Finding("hidden_by_as_of", hidden, message))
    quiet = (as_of - milestones[milestones <= as_of].max().max()).days
    if quiet > QUIET_END_DAYS:
        message = (
            f"nothing happened in the last {quiet} days before {as_of:%Y-%m-%d}: if the extract is older than "
            f"data.as_of, those zeros would pull the forecast down. Give the day of the extract."
        )
        findings.append(Finding("quiet_end", quiet, message))
    return findings
