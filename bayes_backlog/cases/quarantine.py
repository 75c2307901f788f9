"""The quarantine: each cell that could not be used and each row left out, with its place, reason and what was done.

Letters of a value are masked, and digits that belong to no date or short number: neither a remark typed into a date
column nor a column of telephone numbers mapped to one can carry a person into the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from bayes_backlog.errors import DataError

COLUMNS = ("file", "source_row", "column", "value", "reason", "action")
LETTER = re.compile(r"[^\W\d_]")
DATE_OR_DIGIT = re.compile(
    r"""(?<!\d)(?: \d{1,4} ([-/.]) \d{1,2} \1 \d{1,4}      # 2025-13-01, 31/02/25
              | \d{1,2} [ -] x{3,9} [ -] \d{2,4}          # 31 Feb 2025, its letters masked
              | (?:19|20)\d{6}                            # 20251301
              | \d{1,2} : \d{2} (?: : \d{2} (?:\.\d+)? )? # 25:10
              )(?!\d) | \d""",
    re.VERBOSE,
)
SHORT_NUMBER = re.compile(r"[+-]?\d{0,5}([.,]\d{0,3})?")
"""What is of use to see as it is: a day that a spreadsheet counted, an FTE, a weighting."""
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
    """Return the value with letters as x and digits outside dates and short numbers as #, cut to 40 characters."""
    if SHORT_NUMBER.fullmatch(value):
        return value
    return DATE_OR_DIGIT.sub(_digit_masked, LETTER.sub("x", value))[:MAX_VALUE_LENGTH]


def _digit_masked(found: re.Match[str]) -> str:
    return found[0] if len(found[0]) > 1 else "#"


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
