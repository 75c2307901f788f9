"""Who works when, in which team, role and FTE: dated spells, at most one per person and day.

Columns: investigator, team, role, fte, first_date, last_date (missing = still here) and start_date (the person's first
day in the office; missing = unknown, before the log began).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

from bayes_backlog.cases.columns import normal_header
from bayes_backlog.cases.dates import parse_dates
from bayes_backlog.cases.pseudonyms import Key, pseudonymise
from bayes_backlog.cases.reader import read_table
from bayes_backlog.errors import DataError, examples, nearest
from bayes_backlog.vocabulary import NO_TEAM

COLUMNS = ("investigator", "team", "role", "fte", "first_date", "last_date", "start_date")
REQUIRED = ("investigator", "team", "first_date")
OPTIONAL = ("role", "fte", "last_date")
PLAUSIBLE_DATES = (date(1950, 1, 1), date(2100, 12, 31))

_FAR_AWAY = pd.Timestamp("2250-01-01")


def read_roster(path: Path, key: Key) -> pd.DataFrame:
    """Read a roster file: one row per spell of a person in one team, role and FTE.

    Parameters
    ----------
    path : Path
        A table (CSV or workbook) with columns investigator, team, first_date and optionally role ("(none)" where
        absent), fte (1.0 where the column is absent) and last_date (empty = still here). Both dates are inclusive.
        Other columns are left out.
    key : Key
        The key that made the case log's pseudonyms.

    Raises
    ------
    DataError
        When the file cannot be read, lacks a column, or holds unreadable or contradictory rows (all listed).
    """
    table = read_table(path)
    headers = [normal_header(header).replace(" ", "_") for header in table.headers]
    raw = {header: cells.to_pandas() for header, cells in zip(headers, table.columns, strict=True)}
    missing = [name for name in REQUIRED if name not in raw]
    if missing:
        hints = " ".join(f"'{name}' is missing. {nearest(name, raw)}" for name in missing)
        raise DataError(
            f"{path.name} lacks {len(missing)} column(s) without which nobody's presence is known: {hints} "
            f"A roster has {', '.join(REQUIRED)} and may have {', '.join(OPTIONAL)}."
        )
    days = {name: _days(raw[name]) for name in ("first_date", "last_date") if name in raw}
    unreadable = [f"{name}: {examples(bad)}" for name, (_, bad) in days.items() if len(bad)]
    if unreadable:
        raise DataError(
            f"{path.name} has dates that cannot be read, so presence would be guessed: {'; '.join(unreadable)}. "
            f"Write them as 2025-03-31 or 31/03/2025."
        )
    n = len(raw["investigator"])
    labels = {name: raw[name].str.strip() if name in raw else pd.Series("", range(n)) for name in ("team", "role")}
    roster = pd.DataFrame(
        {
            "investigator": pseudonymise(raw["investigator"], key, "person"),
            **{name: values.replace("", NO_TEAM).astype("str") for name, values in labels.items()},
            "fte": pd.to_numeric(raw["fte"], errors="coerce").astype(float) if "fte" in raw else 1.0,
            "first_date": days["first_date"][0],
            "last_date": days["last_date"][0] if "last_date" in days else pd.Series(pd.NaT, range(n)),
        }
    )
    return checked_roster(roster.astype({"first_date": "datetime64[us]", "last_date": "datetime64[us]"}))


def checked_roster(roster: pd.DataFrame) -> pd.DataFrame:
    """Return the roster sorted by person and date, with start_date, after refusing what contradicts itself.

    Raises
    ------
    DataError
        When columns are missing, a spell has no person or first date, ends before it begins, has an fte that is not
        positive, or overlaps another spell of the same person. All problems are listed.
    """
    missing = [name for name in COLUMNS[:-1] if name not in roster]
    if missing:
        raise DataError(f"the roster lacks column(s) {', '.join(missing)}. A roster has {', '.join(COLUMNS[:-1])}.")
    roster = roster.sort_values(["investigator", "first_date"], kind="stable", ignore_index=True)
    if "start_date" not in roster:
        roster["start_date"] = roster.groupby("investigator")["first_date"].transform("min")
    spell = (
        roster["investigator"].fillna("nobody") + " from " + roster["first_date"].dt.strftime("%Y-%m-%d").fillna("?")
    )
    same_person = roster["investigator"] == roster["investigator"].shift()
    # The latest end so far, not the previous row's: a long spell may swallow several short ones.
    ends = roster["last_date"].fillna(_FAR_AWAY).groupby(roster["investigator"]).cummax().shift()
    problems = {
        "have no investigator": roster["investigator"].isna(),
        "have no first_date": roster["first_date"].isna(),
        "end before they begin": roster["last_date"] < roster["first_date"],
        "have an fte that is not a positive number": ~(roster["fte"] > 0),
        "overlap an earlier spell of the same person": same_person & (roster["first_date"] <= ends),
    }
    lines = [f"{rows.sum()} spell(s) {what} ({examples(spell[rows])})" for what, rows in problems.items() if rows.any()]
    if lines:
        raise DataError(
            f"the roster contradicts itself: {'; '.join(lines)}. Each person may have one team, role and fte a day, or "
            f"exposure would be counted twice. Correct these rows."
        )
    return roster[list(COLUMNS)]


def roster_as_of(roster: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the roster as it stood on a day: later spells leave, and who left later is still here."""
    known = roster[roster["first_date"] <= as_of].reset_index(drop=True)
    return known.assign(last_date=known["last_date"].where(known["last_date"] <= as_of))


def _days(texts: pd.Series) -> tuple[pd.Series, list[str]]:
    """Dates of the cells, and the texts that are none."""
    parsed = parse_dates(pd.Index(texts.unique()), *PLAUSIBLE_DATES)
    return texts.map(parsed["date"]), [f"'{text}'" for text in parsed.index[parsed["reason"] != ""]]
