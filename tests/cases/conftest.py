"""A small case log written as a file and read back, for every test of the case reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bayes_backlog.cases.case_log import CaseLog, load_cases
from bayes_backlog.cases.pseudonyms import Key
from bayes_backlog.config import Data

LoadRows = Callable[..., CaseLog]


def plain_rows(n: int) -> list[dict[str, str]]:
    """Return n cases, one a day from 6 January 2025: allocated 2, signed off 9 and closed 12 days after receipt."""
    received = pd.date_range("2025-01-06", periods=n)
    return [
        {
            "case_id": f"K{number:03d}",
            "investigator": ("Ann Archer", "Bob Baker")[number % 2],
            "team": "North",
            "role": "EO",
            "fte": "1.0",
            "weighting": "2",
            "dt_received_inv": f"{day:%d/%m/%Y}",
            "dt_alloc_invest": f"{day + pd.Timedelta(days=2):%d/%m/%Y}",
            "dt_pg_signoff": f"{day + pd.Timedelta(days=9):%d/%m/%Y}",
            "dt_close": f"{day + pd.Timedelta(days=12):%d/%m/%Y}",
        }
        for number, day in enumerate(received)
    ]


@pytest.fixture
def load_rows(tmp_path: Path) -> LoadRows:
    """Return a function that writes rows as CSV and loads them; keyword arguments are those of `Data`."""

    def load(rows: Iterable[Mapping[str, str]], key: Key | None = None, **data: Any) -> CaseLog:
        path = tmp_path / "log.csv"
        pd.DataFrame(rows).to_csv(path, index=False)
        return load_cases(Data(file=path, **data), key or Key.for_synthetic_data())

    return load


@pytest.fixture
def rows() -> list[dict[str, str]]:
    """Return 40 plain cases, free to change."""
    return plain_rows(40)
