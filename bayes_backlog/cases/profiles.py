"""What a column of an unknown export holds, by its cells: dates, numbers, keys, labels, yes or no, or free text.

A profile says kinds and shares, never a value, so that it can be shown and written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
import pyarrow as pa

from bayes_backlog.cases.cells import NO, YES
from bayes_backlog.cases.dates import MONTH_FIRST, NULL_STRINGS, SERIAL_STYLE, date_style, parse_dates
from bayes_backlog.config import Data
from bayes_backlog.vocabulary import MILESTONES

Kind = Literal["dates", "yes or no", "numbers", "keys", "labels"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The most telling first."""

SAMPLE_ROWS = 2000
MOSTLY = 0.6
"""Share of cells from which a column is of a kind: real exports have notes among their dates."""
NEARLY_ALL = 0.9
LONGEST_LABEL, LONGEST_KEY = 60, 40
MAX_LABEL_SHARE, FEW_VALUES = 0.5, 20
"""Labels repeat: they have few values, or few for their number of cells."""

KIND_OF: Mapping[str, Kind] = {
    "case_id": "keys",
    "fte": "numbers",
    "weighting": "numbers",
    "is_reallocated": "yes or no",
    **dict.fromkeys(MILESTONES, "dates"),
}
"""The kind that a canonical column has; all others hold labels."""


@dataclass(frozen=True)
class Profile:
    """What one column holds.

    Attributes
    ----------
    header : str
        As in the file.
    filled : float
        Share of cells with a value.
    kinds : frozenset of str
        What the cells can be read as; empty for free text and for a column without values.
    style : str
        How dates are written, "" where there are none.
    """

    header: str
    filled: float
    kinds: frozenset[Kind]
    style: str

    def fits(self, name: str) -> bool:
        """Return whether the cells can be those of a canonical column."""
        return KIND_OF.get(name, "labels") in self.kinds

    @property
    def is_month_first(self) -> bool:
        """Whether dates stand in an order that the reader refuses."""
        return self.style == MONTH_FIRST

    @property
    def words(self) -> str:
        """What the column holds, in words."""
        if "dates" in self.kinds:
            return f"dates ({self.style})"
        return next((kind for kind in KINDS if kind in self.kinds), "free text" if self.filled else "nothing")


def profile(header: str, cells: pa.ChunkedArray) -> Profile:
    """Return what a column of text cells holds, from an even sample of its rows."""
    n = len(cells)
    sample = cells.take(np.unique(np.linspace(0, n - 1, min(n, SAMPLE_ROWS)).astype(int)))
    text = sample.to_pandas().astype("str").str.strip()
    text = text[~text.str.casefold().isin(NULL_STRINGS)]
    if text.empty:
        return Profile(header, 0.0, frozenset(), "")
    filled = len(text) / len(sample)
    style = _style(text)
    numbers = pd.to_numeric(text, errors="coerce")
    repeats = text.nunique() <= max(FEW_VALUES, MAX_LABEL_SHARE * len(text))
    is_measure = bool((numbers % 1 != 0).sum() > numbers.isna().sum())
    holds: dict[Kind, bool] = {
        "dates": bool(style),
        "numbers": numbers.notna().mean() >= NEARLY_ALL,
        "yes or no": bool(text.str.casefold().isin(YES | NO).all()),
        "keys": filled >= NEARLY_ALL
        and text.nunique() >= NEARLY_ALL * len(text)
        and text.str.len().max() <= LONGEST_KEY,
        "labels": repeats and not is_measure and style in ("", SERIAL_STYLE) and text.str.len().mean() <= LONGEST_LABEL,
    }
    return Profile(header, filled, frozenset(kind for kind, does in holds.items() if does), style)


def _style(text: pd.Series) -> str:
    """Return how dates are written, or "" where most cells are none."""
    style, limits = date_style(text), Data()
    if style == MONTH_FIRST:
        return style
    days = parse_dates(pd.Index(text.unique()), limits.plausible_first_date, limits.plausible_last_date)
    return style if days["date"].notna().reindex(text).mean() >= MOSTLY else ""
