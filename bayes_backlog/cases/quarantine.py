"""The quarantine: each cell that could not be used and each row left out, with its place, reason and what was done.

Letters of a value are masked, so that a remark typed into a date column cannot carry a name into the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from bayes_backlog.errors import DataError

COLUMNS = ("file", "source_row", "column", "value", "reason", "action")
LETTER = re.compile(r"[^\W\d_]")
MAX_VALUE_LENGTH = 40

ROW_LEFT_OUT = "row left out"
TAKEN_AS_MISSING = "taken as missing"


def entries(values: pd.Series, reason: str | pd.Series, action: str) -> pd.DataFrame:
    """Return one quarantine entry per value.

    Parameters
    ----------
    values : Series
        Offending values, indexed by source row; the series' name is the column.
    reason : str or Series
        One for all, or one per value.
    action : str
        What was done instead.
    """
    return pd.DataFrame(
        {
            "source_row": values.index.to_numpy(dtype="int64"),
            "column": str(values.name),
            "value": values.astype("str").fillna("").map(mask).to_numpy(),
            "reason": reason if isinstance(reason, str) else reason.to_numpy(),
            "action": action,
        }
    )


def mask(value: str) -> str:
    """Return the value with every letter as x, cut to 40 characters."""
    return LETTER.sub("x", value)[:MAX_VALUE_LENGTH]


def quarantine_table(parts: Iterable[pd.DataFrame], file: str) -> pd.DataFrame:
    """Return all entries of one file in source order."""
    filled = [part for part in parts if len(part)]
    kinds = {name: "int64" if name == "source_row" else "str" for name in COLUMNS}
    if not filled:
        return pd.DataFrame(columns=list(COLUMNS)).astype(kinds)
    table = pd.concat(filled, ignore_index=True).assign(file=file)
    return table.sort_values(["source_row", "column"], kind="stable", ignore_index=True)[list(COLUMNS)].astype(kinds)


def check_rows_accounted(n_rows: int, cases: pd.DataFrame, quarantine: pd.DataFrame) -> None:
    """Check that every row of the file is either a case or a row left out, and never both.

    Raises
    ------
    DataError
        When a row vanished or stands twice.
    """
    left_out = quarantine.loc[quarantine["action"] == ROW_LEFT_OUT, "source_row"]
    placed = pd.concat([cases["source_row"], left_out], ignore_index=True)
    lost = sorted(set(range(1, n_rows + 1)) - set(placed))
    if lost or len(placed) != n_rows:
        raise DataError(
            f"{n_rows} rows came in but {len(cases)} cases and {len(left_out)} quarantined rows went out "
            f"(lost: {lost[:3]}): no row may vanish silently. This is a defect of the package, please report it."
        )
