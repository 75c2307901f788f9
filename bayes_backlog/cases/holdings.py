"""Who held each case from when: the optional history of allocations, which a sheet of current holders cannot tell.

A case log names one investigator a case. Where cases change hands, the earlier holder's pick-up and work in progress
are then missing, and the case seems to wait in the queue until its latest allocation. With a history, the queue ends at
the first allocation and work in progress moves from holder to holder.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bayes_backlog.cases.columns import normal_header
from bayes_backlog.cases.dates import parse_dates
from bayes_backlog.cases.findings import Finding, rows_text
from bayes_backlog.cases.pseudonyms import Key, pseudonymise
from bayes_backlog.cases.reader import read_table
from bayes_backlog.config import Data
from bayes_backlog.errors import DataError, nearest

REQUIRED = ("case_id", "investigator", "first_date")
COLUMNS = ("case_id", "investigator", "team", "first_date")


def read_holdings(path: Path, key: Key, data: Data) -> pd.DataFrame:
    """Read an allocation history: one row per case and holder.

    Parameters
    ----------
    path : Path
        A table (CSV or workbook) with columns case_id, investigator, first_date (the day the case came to the
        investigator) and optionally team. Other columns are left out.
    key : Key
        The key of the case log's pseudonyms.
    data : Data
        For the plausible dates.

    Returns
    -------
    DataFrame
        case_id and investigator (pseudonyms), team (missing where unknown), first_date; by case and date. Rows that
        only repeat the holder before are dropped.

    Raises
    ------
    DataError
        When a column is missing, a row has no case, holder or usable date, or a case has two holders from one day.
    """
    table = read_table(path)
    headers = [normal_header(header).replace(" ", "_") for header in table.headers]
    raw = {name: cells.to_pandas().str.strip() for name, cells in zip(headers, table.columns, strict=True)}
    missing = [name for name in REQUIRED if name not in raw]
    if missing:
        hints = " ".join(f"'{name}' is missing. {nearest(name, raw)}" for name in missing)
        raise DataError(
            f"{path.name} is no allocation history: {hints} It has {', '.join(REQUIRED)} and may have team."
        )
    days = parse_dates(pd.Index(raw["first_date"].unique()), data.plausible_first_date, data.plausible_last_date)
    holdings = pd.DataFrame(
        {
            "case_id": pseudonymise(raw["case_id"], key, "case"),
            "investigator": pseudonymise(raw["investigator"], key, "person"),
            "team": raw["team"].replace("", None).astype("str") if "team" in raw else pd.Series(dtype="str"),
            "first_date": raw["first_date"].map(days["date"]),
        },
        index=raw["case_id"].index,
    )
    unusable = holdings.index[holdings[list(REQUIRED)].isna().any(axis=1)] + 1
    if len(unusable):
        raise DataError(
            f"{len(unusable)} row(s) of {path.name} have no case, investigator or usable first_date "
            f"({rows_text(unusable)}): who held a case would be guessed. Complete or delete them."
        )
    twice = holdings.index[holdings.duplicated(["case_id", "first_date"], keep=False)] + 1
    if len(twice):
        raise DataError(
            f"{len(twice)} row(s) of {path.name} give one case two holders from one day ({rows_text(twice)}): "
            f"work in progress would be counted twice. Keep the last holder of the day."
        )
    holdings = holdings.sort_values(["case_id", "first_date"], ignore_index=True)
    before = holdings.groupby("case_id")[["investigator", "team"]].shift()
    changed = (holdings["investigator"] != before["investigator"]) | (
        holdings["team"].notna() & (holdings["team"] != before["team"])
    )
    return holdings[changed].reset_index(drop=True)


def with_first_allocation(cases: pd.DataFrame, holdings: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """Return the cases with the history's first day as `dt_alloc_invest`, and what the history says."""
    first = cases["case_id"].map(holdings.groupby("case_id")["first_date"].min())
    moved = int((first < cases["dt_alloc_invest"]).sum())
    n_holders = cases["case_id"].map(holdings["case_id"].value_counts())
    known = int(n_holders.notna().sum())
    findings = [
        Finding(
            "allocation_history",
            known,
            f"{known} case(s) have their holders from the allocation history; {int((n_holders > 1).sum())} changed "
            f"hands, and {moved} leave the queue earlier than the case log says.",
        )
    ]
    strangers = int((~holdings["case_id"].drop_duplicates().isin(cases["case_id"])).sum())
    if strangers:
        message = f"{strangers} case(s) of the allocation history are not in the case log, and are not used."
        findings.append(Finding("unknown_in_history", strangers, message))
    return cases.assign(dt_alloc_invest=first.fillna(cases["dt_alloc_invest"])), findings
