"""Which header of an unknown export is which of our columns: a proposal, with how sure it is, for a person to confirm.

Headers and contents both count: a header is proposed only for a column that its cells fit, and the pairs are chosen
together, so that no header is proposed twice. Nothing here leaves a cell's value behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from bayes_backlog.cases.dates import parse_dates
from bayes_backlog.cases.headers import MANDATORY_COLUMNS
from bayes_backlog.cases.profiles import Profile, profile
from bayes_backlog.cases.reader import Source, read_table
from bayes_backlog.cases.resemblance import EXACT, PART, SYNONYM, phrase, resemblance
from bayes_backlog.config import CANONICAL_COLUMNS, Data
from bayes_backlog.errors import DataError, examples
from bayes_backlog.vocabulary import BY_NAME

END_COLUMNS = ("dt_pg_signoff", "dt_close")
"""One of them is needed to see work end."""
FIRST_COUNTS = ("investigator", "dt_alloc_invest")
ADVISED_COLUMNS = ("investigator", "team", "role", "fte")


@dataclass(frozen=True)
class Match:
    """One proposed column.

    Attributes
    ----------
    name : str
        Canonical column.
    profile : Profile
        Of the proposed header.
    resemblance : float
        0 to 1, of the header's words.
    rivals : tuple of str
        Headers that could also be meant and are proposed for nothing else.
    """

    name: str
    profile: Profile
    resemblance: float
    rivals: tuple[str, ...] = ()

    @property
    def doubt(self) -> str:
        """Why a person must look at it, "" where nothing speaks against it."""
        if self.profile.is_month_first:
            return "dates are written month first, which is refused: export them as year-month-day"
        if not self.profile.fits(self.name):
            return f"holds {self.profile.words}"
        if self.name in FIRST_COUNTS and any("first" in phrase(rival).split() for rival in self.rivals):
            return "where cases change hands, the first allocation leaves the queue: map the first date and person"
        return "" if self.resemblance >= SYNONYM else "only part of the name, or its spelling, agrees"

    @property
    def sureness(self) -> str:
        """One of sure, likely and check."""
        if self.doubt:
            return "check"
        return "sure" if self.resemblance == EXACT else "likely"


@dataclass(frozen=True)
class Proposal:
    """How to read an export.

    Attributes
    ----------
    source : Source
        What was read.
    matches : dict of Match
        By canonical column, in our order.
    missing : dict of list of str
        Needed columns without a match, each with the headers that hold the right kind.
    unused : tuple of str
        Headers that are not proposed for anything.
    unused_dates : tuple of str
        Those of them that hold dates.
    span : tuple of Timestamp or None
        First and last day on which cases were received, junk left out; None where that cannot be seen.
    """

    source: Source
    matches: dict[str, Match]
    missing: dict[str, list[str]]
    unused: tuple[str, ...]
    unused_dates: tuple[str, ...]
    span: tuple[pd.Timestamp, pd.Timestamp] | None


def propose(path: Path, sheet: str | None = None) -> Proposal:
    """Read an export and propose its columns.

    Parameters
    ----------
    path : Path
        Delimited text, also gzipped, or a workbook.
    sheet : str, optional
        Of a workbook; the first one when not given.

    Raises
    ------
    DataError
        When the file cannot be read in exactly one way, or its first line holds values in place of headers.
    """
    table = read_table(path, sheet)
    _refuse_values_as_headers(table.headers, path.name)
    profiles = [profile(h, cells) for h, cells in zip(table.headers, table.columns, strict=True) if h]
    matches = match_columns(profiles)
    taken = {match.profile.header for match in matches.values()}
    received = matches.get("dt_received_inv")
    span = None
    if received is not None:
        span = _span(table.columns[table.headers.index(received.profile.header)].to_pandas())
    return Proposal(
        source=table.source,
        matches=matches,
        missing={
            name: [p.header for p in profiles if p.header not in taken and p.fits(name)]
            for name in needed_without(matches)
        },
        unused=tuple(p.header for p in profiles if p.header not in taken),
        unused_dates=tuple(p.header for p in profiles if p.header not in taken and "dates" in p.kinds),
        span=span,
    )


def match_columns(profiles: list[Profile]) -> dict[str, Match]:
    """Return the matches whose resemblances have the largest sum; a column that fits nothing well has none."""
    score = np.array([[_score(p, name) for p in profiles] for name in CANONICAL_COLUMNS]).reshape(-1, len(profiles))
    rows, columns = linear_sum_assignment(score, maximize=True)
    pairs = [(row, column) for row, column in zip(rows, columns, strict=True) if score[row, column] >= PART]
    free = sorted(set(range(len(profiles))) - {column for _, column in pairs})
    return {
        CANONICAL_COLUMNS[row]: Match(
            CANONICAL_COLUMNS[row],
            profiles[column],
            float(score[row, column]),
            tuple(profiles[k].header for k in free if score[row, k] >= PART),
        )
        for row, column in pairs
    }


def needed_without(matches: dict[str, Match]) -> list[str]:
    """Return the needed columns that have no match, an end of the work among them."""
    missing = [name for name in MANDATORY_COLUMNS if name not in matches]
    return missing if any(name in matches for name in END_COLUMNS) else [*missing, END_COLUMNS[0]]


def meaning(name: str) -> str:
    """Return what a canonical column is, as the vocabulary says."""
    return BY_NAME[name].meaning


def _score(column: Profile, name: str) -> float:
    """A run takes an exact name by itself, whatever it holds; anything else must fit as well."""
    found = resemblance(column.header, name)
    return found if found == EXACT or column.fits(name) else 0.0


def _span(cells: pd.Series) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    limits = Data()
    parsed = parse_dates(pd.Index(cells.unique()), limits.plausible_first_date, limits.plausible_last_date)
    days = parsed["date"].reindex(cells).dropna()
    if days.empty:
        return None
    ordered = days.sort_values(ignore_index=True)
    first, last = (pd.Timestamp(ordered[int(share * (len(ordered) - 1))]) for share in (0.01, 0.999))
    return first, last


def _refuse_values_as_headers(headers: tuple[str, ...], file: str) -> None:
    limits = Data()
    parsed = parse_dates(pd.Index(headers), limits.plausible_first_date, limits.plausible_last_date)
    columns = [number for number, is_date in enumerate(parsed["date"].notna(), start=1) if is_date]
    if columns:
        raise DataError(
            f"the first line of {file} has dates in {len(columns)} place(s) (columns {examples(columns)}), so it holds "
            "a case and not the columns' names. Add a header line, or delete the lines above it."
        )
