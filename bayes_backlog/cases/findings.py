"""What was found in a case log: every rule, how grave it is, and the point from which the data are refused.

A finding never carries a name or a case number, only counts and lines of the sheet, because findings are written to
the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from bayes_backlog.errors import ConfigError, DataError, examples, nearest

Severity = Literal["info", "warning", "error"]

ABSENT_MEANS = {
    "investigator": "no results by investigator",
    "team": "no results by team",
    "role": "no effect of role",
    "fte": "everybody counts as 1.0 FTE",
    "weighting": "every case weighs 1.0",
    "is_reallocated": "how many cases changed investigator is not known",
    "dt_pg_signoff": "work ends at closure",
    "dt_close": "work ends at sign-off",
}
"""Columns that a file may lack, and what then follows."""
RULES: dict[str, Severity] = {
    # the file
    "first_sheet": "info",
    "unused_columns": "info",
    **{f"absent_{name}": "info" for name in ABSENT_MEANS},
    "temporary_key": "warning",
    # cells
    "unusable_dates": "warning",
    "swapped_dates": "error",
    "time_zones": "warning",
    "unusable_numbers": "warning",
    "unusable_flags": "warning",
    "missing_fte": "info",
    "missing_weighting": "info",
    "spellings_of_levels": "info",
    "spellings_of_people": "info",
    "possibly_one_person": "warning",
    # dates that read well but cannot be true
    "sentinel_dates": "warning",
    "late_dates": "warning",
    "bulk_dates": "warning",
    "isolated_dates": "warning",
    # rows
    "missing_case_id": "warning",
    "excluded": "info",
    "excluded_not_found": "warning",
    "received_by_organisation": "warning",
    "never_received": "warning",
    "duplicate_case_id": "warning",
    # order of milestones
    "allocated_before_received": "error",
    "ended_before_received": "error",
    "signed_off_before_allocated": "warning",
    "closed_before_signed_off": "warning",
    "received_before_organisation": "info",
    "ended_without_allocation": "info",
    "closed_without_sign_off": "info",
    "allocated_without_investigator": "warning",
    "investigator_without_allocation": "info",
    # who held a case when
    "allocation_history": "info",
    "unknown_in_history": "warning",
    # the extract
    "inferred_as_of": "info",
    "quiet_end": "warning",
    "hidden_by_as_of": "info",
}
"""Every rule with its severity. An error is refused above its limit and stands in the findings below it."""


@dataclass(frozen=True)
class Finding:
    """One rule and what it met.

    Attributes
    ----------
    rule : str
        A key of `RULES`.
    count : int
        Cases, cells or columns, as the message says.
    message : str
        What happened, how many, why it matters and what to do.
    limit : int or None
        Largest count allowed unless the configuration says otherwise; None where any count is allowed.
    """

    rule: str
    count: int
    message: str
    limit: int | None = None


def rows_text(source_rows: Iterable[int]) -> str:
    """Return the first rows as lines of the sheet, for messages: they can be looked up and name nobody.

    Parameters
    ----------
    source_rows : iterable of int
        Data rows from 1, as in every artefact. A spreadsheet counts the header as line 1, so messages do.
    """
    lines = [row + 1 for row in source_rows]
    return f"sheet line{'s' if len(lines) > 1 else ''} {examples(lines)}"


def findings_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Return rule, severity, count and message, gravest first, then in the order found."""
    rank = {"error": 0, "warning": 1, "info": 2}
    ordered = sorted(findings, key=lambda f: rank[RULES[f.rule]])
    return pd.DataFrame(
        [(f.rule, RULES[f.rule], f.count, f.message) for f in ordered],
        columns=["rule", "severity", "count", "message"],
    ).astype({"rule": "str", "severity": "str", "count": "int64", "message": "str"})


def refuse_over_limit(findings: Iterable[Finding], max_findings: Mapping[str, int]) -> None:
    """Refuse data that break a rule more often than allowed.

    Parameters
    ----------
    findings : iterable of Finding
        All of them.
    max_findings : mapping of str to int
        Rule to the largest total count allowed; wins over the rule's own limit.

    Raises
    ------
    ConfigError
        When `max_findings` names an unknown rule.
    DataError
        When a limit is passed; every such rule is in the message.
    """
    unknown = [f"'{rule}' ({nearest(rule, RULES)})" for rule in max_findings if rule not in RULES]
    if unknown:
        raise ConfigError(f"data.max_findings names no known rule: {'; '.join(unknown)} Correct the name.")
    findings = list(findings)
    totals = {rule: sum(f.count for f in findings if f.rule == rule) for rule in max_findings}
    broken = []
    for finding in findings:
        allowed = max_findings.get(finding.rule, finding.limit)
        if allowed is not None and totals.get(finding.rule, finding.count) > allowed:
            broken.append(
                f"{finding.message} At most {allowed} allowed: data.max_findings.{finding.rule} sets another."
            )
    if broken:
        raise DataError("the case log is refused:\n  - " + "\n  - ".join(broken))
