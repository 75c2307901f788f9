"""What a case log must satisfy: believable dates, one usable row per case, milestones in order.

Rows that cannot be used leave with a quarantine entry; everything else stays as the office wrote it and is counted.
What would break the backlog identity (a case leaving the queue before it came) is refused above 1 % of the cases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import pandas as pd

from bayes_backlog.cases.findings import Finding, rows_text
from bayes_backlog.cases.implausible import bulk_day, last_credible_date, lonely_days
from bayes_backlog.cases.pseudonyms import Key, pseudonymise
from bayes_backlog.cases.quarantine import ROW_LEFT_OUT, TAKEN_AS_MISSING, entries

MAX_DISORDER_SHARE = 0.01

Leaves = Callable[[pd.DataFrame, AbstractSet[str]], pd.Series]
LEAVING: tuple[tuple[str, str, str, Leaves], ...] = (
    ("missing_case_id", "case_id", "no case number", lambda cases, _: cases["case_id"].isna()),
    ("excluded", "case_id", "listed under data.exclude", lambda cases, excluded: cases["case_id"].isin(excluded)),
    (
        "never_received",
        "dt_received_inv",
        "no usable date of receipt",
        lambda cases, _: cases["dt_received_inv"].isna(),
    ),
    ("duplicate_case_id", "case_id", "case number of an earlier row", lambda cases, _: cases["case_id"].duplicated()),
)
"""Rule, column, reason and which of the remaining rows leave, in order: the first usable row of a case stays."""

ORDER: tuple[tuple[str, str, str, str, float | None], ...] = (
    (
        "allocated_before_received",
        "dt_received_inv",
        "dt_alloc_invest",
        "allocated before they were received: the backlog would count them out before it counted them in",
        MAX_DISORDER_SHARE,
    ),
    (
        "ended_before_received",
        "dt_received_inv",
        "ended",
        "signed off or closed before they were received: a negative stay would lower the backlog",
        MAX_DISORDER_SHARE,
    ),
    (
        "signed_off_before_allocated",
        "dt_alloc_invest",
        "ended",
        "signed off or closed before they were allocated: work in progress is one too low in between",
        None,
    ),
    (
        "closed_before_signed_off",
        "dt_pg_signoff",
        "dt_close",
        "closed before they were signed off: the earlier of the two ends the work",
        None,
    ),
    (
        "received_before_organisation",
        "dt_received_opg",
        "dt_received_inv",
        "received in Investigations before the organisation received them: dt_received_inv is used as it is",
        None,
    ),
)
"""Rule, milestone that comes first, milestone that follows, why it matters, largest share of cases before refusal."""


@dataclass(frozen=True)
class Step:
    """Cases after one step, with what the step put in quarantine and what it found."""

    cases: pd.DataFrame
    quarantined: tuple[pd.DataFrame, ...] = ()
    findings: tuple[Finding, ...] = ()


def milestone_columns(cases: pd.DataFrame) -> list[str]:
    """Return the milestone columns that a table of cases has."""
    return [name for name in map(str, cases.columns) if name.startswith("dt_")]


def without_sentinels(cases: pd.DataFrame) -> Step:
    """Take default dates (many cases on one day, over a year from the rest) as missing."""
    wrong = {name: cases[name].isin(lonely_days(cases[name]).sentinels) for name in milestone_columns(cases)}
    message = (
        "default date(s) stand where none was known, {where}: taken as missing. Leave such cells blank in the export."
    )
    return _taken_as_missing(cases, wrong, "sentinel_dates", "default date shared by many cases", message)


def without_late_dates(cases: pd.DataFrame) -> Step:
    """Take dates beyond the last credible day of the extract as missing; for logs whose `as_of` nobody stated."""
    last = last_credible_date(cases[milestone_columns(cases)])
    if last is None:
        return Step(cases)
    wrong = {name: cases[name] > last for name in milestone_columns(cases)}
    message = (
        f"date(s) lie after {last:%Y-%m-%d}, beyond a gap the office's pace does not explain, {{where}}: taken as "
        f"missing. Correct them, or give data.as_of if they are true."
    )
    return _taken_as_missing(cases, wrong, "late_dates", f"after {last:%Y-%m-%d}, the last credible day", message)


def one_row_per_case(cases: pd.DataFrame, exclude: Sequence[str], key: Key) -> Step:
    """Leave out rows without a case number, excluded ones, cases never received and repeated cases (the first stays).

    A case without `dt_received_inv` takes `dt_received_opg` where there is one.

    Parameters
    ----------
    cases : DataFrame
        Typed, indexed by source row.
    exclude : sequence of str
        Raw case numbers.
    key : Key
        The one that made the pseudonyms of `cases`.
    """
    excluded = set(pseudonymise(pd.Series(list(exclude), dtype="str"), key, "case"))
    cases, findings = _received_by_organisation(cases)
    absent = len(excluded.difference(cases["case_id"])) if excluded else 0
    if absent:
        message = f"{absent} case number(s) under data.exclude are not in the file. Correct or remove them."
        findings.append(Finding("excluded_not_found", absent, message))
    quarantined = []
    for rule, column, what, leaves in LEAVING:
        left_out = cases[leaves(cases, excluded)]
        if left_out.empty:
            continue
        quarantined.append(_rows_left_out(left_out, column, what))
        message = f"{len(left_out)} row(s) left out, {what} ({rows_text(left_out.index)}); see the quarantine."
        findings.append(Finding(rule, len(left_out), message))
        cases = cases.drop(index=left_out.index)
    return Step(cases, tuple(quarantined), tuple(findings))


def check_order(cases: pd.DataFrame) -> list[Finding]:
    """Return the findings on milestones out of order and on holders without allocation; changes nothing.

    A case that was never allocated is either removed or in the queue, and told once.
    """
    ended = cases[["dt_pg_signoff", "dt_close"]].min(axis=1)
    with_end = cases.assign(ended=ended)
    findings = []
    for rule, earlier, later, why, share in ORDER:
        if earlier in with_end and later in with_end:
            rows = cases.index[with_end[later] < with_end[earlier]]
            limit = None if share is None else int(share * len(cases))
            remedy = "" if share is None else " Correct the dates, or list the cases under data.exclude."
            findings.append(Finding(rule, len(rows), f"{len(rows)} case(s) {why} ({rows_text(rows)}).{remedy}", limit))
    allocated, held = cases["dt_alloc_invest"].notna(), cases["investigator"].notna()
    signed_off, closed = cases["dt_pg_signoff"].notna(), cases["dt_close"].notna()
    for rule, mask, what in (
        ("ended_without_allocation", ended.notna() & ~allocated, "ended unallocated, and so left the queue as removed"),
        (
            "closed_without_sign_off",
            closed & ~signed_off & allocated,
            "closed without a sign-off: the closure ends the work",
        ),
        ("allocated_without_investigator", allocated & ~held, "allocated to nobody named: work in progress of no one"),
        (
            "investigator_without_allocation",
            held & ~allocated & ended.isna(),
            "name an investigator but no allocation: still in queue",
        ),
    ):
        rows = cases.index[mask]
        findings.append(Finding(rule, len(rows), f"{len(rows)} case(s) {what} ({rows_text(rows)})."))
    return [finding for finding in findings if finding.count]


def check_odd_days(cases: pd.DataFrame) -> list[Finding]:
    """Return the findings on days that hold too much of a milestone or lie far from it; changes nothing."""
    findings = []
    for name in milestone_columns(cases):
        bulk = bulk_day(cases[name])
        if bulk is not None:
            n = int((cases[name] == bulk).sum())
            message = (
                f"{n} of {cases[name].notna().sum()} dates in {name} are {bulk:%Y-%m-%d}: a clean-up or a default "
                f"rather than a day's work. Kept; it will look like one extreme day."
            )
            findings.append(Finding("bulk_dates", n, message))
        rows = cases.index[cases[name].isin(lonely_days(cases[name]).strays)]
        if len(rows):
            message = (
                f"{len(rows)} date(s) in {name} lie more than a year from all others ({rows_text(rows)}): mistyped "
                f"years stretch the calendar. Kept; correct them if they are wrong."
            )
            findings.append(Finding("isolated_dates", len(rows), message))
    return findings


def _taken_as_missing(cases: pd.DataFrame, wrong: dict[str, pd.Series], rule: str, reason: str, message: str) -> Step:
    """Blank the marked dates of each milestone; `message` says {where}."""
    cases = cases.copy()
    quarantined, findings = [], []
    for name, mask in wrong.items():
        days = cases.loc[mask, name]
        if days.empty:
            continue
        quarantined.append(entries(days.dt.strftime("%Y-%m-%d"), reason, TAKEN_AS_MISSING))
        text = message.format(where=f"in {name} ({rows_text(days.index)})")
        findings.append(Finding(rule, len(days), f"{len(days)} {text}"))
        cases.loc[mask, name] = pd.NaT
    return Step(cases, tuple(quarantined), tuple(findings))


def _received_by_organisation(cases: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    if "dt_received_opg" not in cases:
        return cases, []
    usable = cases["dt_received_inv"].isna() & cases["dt_received_opg"].notna()
    rows = cases.index[usable]
    if rows.empty:
        return cases, []
    received = cases["dt_received_inv"].where(~usable, cases["dt_received_opg"])
    message = (
        f"{len(rows)} case(s) have no dt_received_inv ({rows_text(rows)}): dt_received_opg is taken, so they may enter "
        f"the queue too early. Complete the column in the export."
    )
    return cases.assign(dt_received_inv=received), [Finding("received_by_organisation", len(rows), message)]


def _rows_left_out(cases: pd.DataFrame, column: str, reason: str) -> pd.DataFrame:
    """Return the entries of rows that leave; a case number is shown as its pseudonym, which has nothing to mask."""
    table = entries(cases[column], reason, ROW_LEFT_OUT)
    return table.assign(value=cases["case_id"].fillna("").to_numpy()) if column == "case_id" else table
