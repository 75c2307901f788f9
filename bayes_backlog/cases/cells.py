"""Text cells become typed columns: keys as pseudonyms, milestones as days, numbers, flags and levels.

A cell that does not fit its type goes to the quarantine and the case stays. Raw names and case numbers end here: what
is returned holds pseudonyms only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_backlog.cases.dates import (
    FEW_SWAPPED,
    MAX_SWAPPED_SHARE,
    NOT_A_DAY,
    NULL_STRINGS,
    SWAPPED,
    parse_dates,
)
from bayes_backlog.cases.findings import Finding, rows_text
from bayes_backlog.cases.headers import HeaderMap
from bayes_backlog.cases.pseudonyms import Key, normal_person, pseudonymise
from bayes_backlog.cases.quarantine import TAKEN_AS_MISSING, entries
from bayes_backlog.cases.reader import RawTable
from bayes_backlog.config import CANONICAL_COLUMNS, Data
from bayes_backlog.errors import examples
from bayes_backlog.vocabulary import MILESTONES

STOCK_MILESTONES = ("dt_received_inv", "dt_alloc_invest", "dt_pg_signoff", "dt_close")
ALWAYS_PRESENT = ("case_id", "investigator", "team", "role", "fte", "weighting", "is_reallocated", *STOCK_MILESTONES)
MAX_FTE = 2.0
YES = frozenset({"yes", "y", "true", "1"})
NO = frozenset({"no", "n", "false", "0"}) | NULL_STRINGS

MAX_UNUSABLE_SHARE, FEW_UNUSABLE = 0.2, 5


@dataclass(frozen=True)
class Column:
    """One typed column with what could not be typed."""

    values: pd.Series
    quarantined: tuple[pd.DataFrame, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class TypedCases:
    """Typed cases indexed by source row, with what could not be typed."""

    cases: pd.DataFrame
    quarantined: tuple[pd.DataFrame, ...]
    findings: tuple[Finding, ...]


def text_cells(table: RawTable, header_map: HeaderMap) -> pd.DataFrame:
    """Return the canonical columns as text with single spaces, blank cells missing, indexed by source row."""
    index = pd.RangeIndex(1, table.source.n_rows + 1, name="source_row")
    columns = {}
    for name, position in header_map.positions.items():
        codes, distinct = pd.factorize(table.columns[position].to_pandas())
        clean = pd.array([" ".join(text.split()) or None for text in distinct.tolist()], dtype="str")
        columns[name] = pd.Series(clean.take(codes), index=index)
    return pd.DataFrame(columns, index=index)


def type_cells(text: pd.DataFrame, data: Data, key: Key) -> TypedCases:
    """Type every column of `text_cells`, and add the columns that a case log always has.

    Parameters
    ----------
    text : DataFrame
        As from `text_cells`.
    data : Data
        For the plausible dates.
    key : Key
        For the pseudonyms.
    """
    days = parse_days(text, data)
    columns: dict[str, Column] = {}
    for name in CANONICAL_COLUMNS:
        if name in text:
            columns[name] = _reader(name, days, key)(text[name])
        elif name in ALWAYS_PRESENT:
            blank = pd.Series(np.nan, index=text.index, name=name, dtype="str")
            columns[name] = Column(_reader(name, days, key)(blank).values)
    return TypedCases(
        pd.DataFrame({name: column.values for name, column in columns.items()}, index=text.index),
        tuple(part for column in columns.values() for part in column.quarantined),
        tuple(finding for column in columns.values() for finding in column.findings),
    )


def _reader(name: str, days: pd.DataFrame, key: Key) -> Callable[[pd.Series], Column]:
    """Return the function that types the named column."""
    if name in MILESTONES:
        return lambda cells: read_days(cells, days)
    special: dict[str, Callable[[pd.Series], Column]] = {
        "case_id": lambda cells: Column(pseudonymise(_without_null_strings(cells), key, "case")),
        "investigator": lambda cells: read_people(cells, key),
        "fte": lambda cells: read_numbers(
            cells, f"above 0 and at most {MAX_FTE:g}", lambda x: (x > 0) & (x <= MAX_FTE)
        ),
        "weighting": lambda cells: read_numbers(cells, "0 or more", lambda x: x >= 0),
        "is_reallocated": read_flags,
    }
    return special.get(name, read_levels)


def parse_days(text: pd.DataFrame, data: Data) -> pd.DataFrame:
    """Parse each distinct text of the milestone columns once (`dates.parse_dates`), however often it stands."""
    distinct = {day for name in MILESTONES if name in text for day in text[name].dropna().unique().tolist()}
    return parse_dates(pd.Index(sorted(distinct), dtype="str"), data.plausible_first_date, data.plausible_last_date)


def read_days(cells: pd.Series, days: pd.DataFrame) -> Column:
    """Read a milestone column; what is no plausible day becomes missing.

    Parameters
    ----------
    cells : Series of str
        One column of `text_cells`.
    days : DataFrame
        As from `parse_days`, with every text of the column.
    """
    codes, texts = pd.factorize(cells)
    found = days.loc[texts]
    # The code of a missing cell is -1, which takes the entry put behind the last.
    dates = np.append(found["date"].to_numpy(), NOT_A_DAY)[codes]
    reasons = pd.Series(np.append(found["reason"].to_numpy(), "")[codes], index=cells.index)
    zoned = cells.index[np.append(found["has_zone"].to_numpy(), False)[codes]]
    unusable = reasons != ""
    bad = entries(cells[unusable], reasons[unusable], TAKEN_AS_MISSING)
    values = pd.Series(dates, index=cells.index, name=cells.name)
    return Column(values, (bad,), (*_about_days(cells, bad), *_about_zones(cells, zoned)))


def read_people(cells: pd.Series, key: Key) -> Column:
    """Read the investigator: null strings are nobody, and all spellings of one name share a pseudonym."""
    names = _without_null_strings(cells)
    pseudonyms = pseudonymise(names, key, "person")
    known = pd.DataFrame({"name": names.dropna().unique()})
    known["pseudonym"] = pseudonymise(known["name"], key, "person")
    # Word order, punctuation and spaces apart, two names may still be one person: only a human can tell.
    known["letters"] = [_letters(name) for name in known["name"]]
    spellings = known.groupby("pseudonym").size()
    merged = int((spellings > 1).sum())
    alike = known.drop_duplicates("pseudonym").groupby("letters")["pseudonym"].agg(list)
    pairs = [" and ".join(group) for group in alike if len(group) > 1]
    findings = []
    if merged:
        findings.append(
            Finding(
                "spellings_of_people",
                merged,
                f"{merged} investigator(s) are written in several ways (case, spaces, 'last, first'): each counts as "
                f"one person.",
            )
        )
    if pairs:
        findings.append(
            Finding(
                "possibly_one_person",
                len(pairs),
                f"{len(pairs)} group(s) of investigators have the same words in another order or punctuation "
                f"({examples(pairs)}): as two people they would share one caseload. Correct the names if they are one.",
            )
        )
    return Column(pseudonyms, (), tuple(findings))


def read_levels(cells: pd.Series) -> Column:
    """Read a column of levels; spellings that differ in case only become the commonest one."""
    counts = cells.value_counts()
    folded = counts.index.str.casefold()
    commonest = pd.Series(counts.index, index=folded)[~folded.duplicated()]
    spelling = dict(zip(counts.index, commonest[folded], strict=True))
    changed = int((counts.index != commonest[folded].to_numpy()).sum())
    values = cells.map(spelling).astype("str")
    if not changed:
        return Column(values)
    message = f"{changed} spelling(s) in {cells.name} differ from a commoner one in case only: they count as one level."
    return Column(values, (), (Finding("spellings_of_levels", changed, message),))


def read_numbers(cells: pd.Series, wanted: str, fits: Callable[[pd.Series], pd.Series]) -> Column:
    """Read a column of numbers; missing and unusable ones become 1.0, a plain case or a full-time person."""
    filled = _without_null_strings(cells)
    numbers = pd.to_numeric(filled, errors="coerce").astype("float64")
    usable = fits(numbers) & np.isfinite(numbers)
    unusable = filled[filled.notna() & ~usable]
    missing = int(filled.isna().sum())
    findings = []
    if missing:
        message = f"{missing} of {len(cells)} cases have no {cells.name}: 1.0 is taken for each."
        findings.append(Finding(f"missing_{cells.name}", missing, message))
    if len(unusable):
        message = (
            f"{len(unusable)} value(s) of {cells.name} are not a number {wanted} ({rows_text(unusable.index)}): they "
            f"would distort capacity, so 1.0 is taken for each. Correct them in the export."
        )
        findings.append(Finding("unusable_numbers", len(unusable), message))
    bad = entries(unusable, f"not a number {wanted}", "taken as 1.0")
    return Column(numbers.where(usable, 1.0), (bad,), tuple(findings))


def read_flags(cells: pd.Series) -> Column:
    """Read a yes/no column; blank and unusable cells are no."""
    folded = cells.str.casefold()
    unusable = cells[~folded.isin(YES | NO) & cells.notna()]
    bad = entries(unusable, "neither yes nor no", "taken as no")
    if unusable.empty:
        return Column(folded.isin(YES))
    message = (
        f"{len(unusable)} value(s) of {cells.name} are neither yes nor no ({rows_text(unusable.index)}): taken as no. "
        f"Correct them in the export."
    )
    return Column(folded.isin(YES), (bad,), (Finding("unusable_flags", len(unusable), message),))


def _without_null_strings(cells: pd.Series) -> pd.Series:
    null = [text for text in cells.dropna().unique().tolist() if text.casefold() in NULL_STRINGS]
    return cells.mask(cells.isin(null)) if null else cells


def _letters(name: str) -> tuple[str, ...]:
    """Return the words of a name, letters and digits only, in alphabetical order."""
    words = ("".join(c for c in word if c.isalnum()) for word in normal_person(name).replace("-", " ").split())
    return tuple(sorted(word for word in words if word))


def _about_days(cells: pd.Series, bad: pd.DataFrame) -> list[Finding]:
    findings = []
    filled = int(cells.notna().sum())
    swapped = bad[bad["reason"] == SWAPPED]
    if len(swapped):
        message = (
            f"{len(swapped)} date(s) in {cells.name} have a month over 12 ({rows_text(swapped['source_row'])}): if the "
            f"file writes month first, every other date is read wrongly. Export it with ISO or day-first dates."
        )
        most = max(FEW_SWAPPED, int(MAX_SWAPPED_SHARE * filled))
        findings.append(Finding("swapped_dates", len(swapped), message, most))
    if len(bad):
        shown = ", ".join(f"'{value}'" for value in bad["value"].unique()[:3])
        most_are = len(bad) > filled / 2
        advice = (
            f"Is data.columns.{cells.name} the right column?"
            if most_are
            else "Correct them; all are in the quarantine."
        )
        message = (
            f"{len(bad)} of {filled} dates in {cells.name} cannot be used ({rows_text(bad['source_row'])}; "
            f"masked: {shown}): it counts as not happened. {advice}"
        )
        limit = max(FEW_UNUSABLE, int(MAX_UNUSABLE_SHARE * filled)) if cells.name in STOCK_MILESTONES else None
        findings.append(Finding("unusable_dates", len(bad), message, limit))
    return findings


def _about_zones(cells: pd.Series, zoned: pd.Index) -> list[Finding]:
    if zoned.empty:
        return []
    message = (
        f"{len(zoned)} date(s) in {cells.name} carry a time zone ({rows_text(zoned)}): the day as written is kept, so "
        f"an event near midnight may lie a day off. Export local dates."
    )
    return [Finding("time_zones", len(zoned), message)]
