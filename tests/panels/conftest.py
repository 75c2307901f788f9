"""Small case logs: written by hand, or drawn by Hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from hypothesis import strategies as st

from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.cases.reader import Source
from bayes_backlog.config import Calendar

MILESTONES = ("dt_received_inv", "dt_alloc_invest", "dt_pg_signoff", "dt_close")
LABELS = ("case_id", "investigator", "team", "role")
LOG_STARTS = pd.Timestamp("2025-01-01")
LOG_DAYS = 120
PEOPLE = {"ann": "north", "bob": "north", "cat": "south", "dan": None}


def _make_log(rows: list[dict[str, Any]], as_of: str | pd.Timestamp = "2025-12-31") -> CaseLog:
    """A log from rows with short names: received, allocated, signed_off, closed, investigator, team, weighting, fte."""
    names = {
        "received": "dt_received_inv",
        "allocated": "dt_alloc_invest",
        "signed_off": "dt_pg_signoff",
        "closed": "dt_close",
    }
    cases = pd.DataFrame([{names.get(k, k): v for k, v in row.items()} for row in rows])
    cases.insert(0, "source_row", range(1, len(cases) + 1))
    for name in LABELS:
        default = [f"C{i}" for i in cases["source_row"]] if name == "case_id" else None
        cases[name] = pd.Series(cases.get(name, default), index=cases.index, dtype="str")
    for name in {*MILESTONES, *(c for c in cases if c.startswith("dt_"))}:
        cases[name] = pd.to_datetime(
            pd.Series(cases.get(name), index=cases.index, dtype="object"), format="ISO8601"
        ).astype("datetime64[us]")
    for name in ("fte", "weighting"):
        cases[name] = pd.Series(cases.get(name, 1.0), index=cases.index).astype(float)
    cases["is_reallocated"] = False
    nothing = pd.DataFrame()
    source = Source("log.csv", "0" * 64, len(cases), "utf-8", ",", "")
    return CaseLog(cases, nothing, nothing, pd.Timestamp(as_of).as_unit("us"), source)


@st.composite
def _drawn_log(draw: st.DrawFn, *, ordered: bool = True, min_size: int = 1) -> CaseLog:
    """A log of up to 25 cases over about four months, many of them unfinished; out of order where asked for."""
    gap = st.none() | st.integers(0 if ordered else -10, 40)
    case = st.tuples(st.integers(0, LOG_DAYS - 1), gap, gap, gap, st.sampled_from(sorted(PEOPLE)), st.integers(1, 4))
    rows = []
    for received, to_allocation, to_sign_off, to_closure, person, weighting in draw(
        st.lists(case, min_size=min_size, max_size=25)
    ):
        days: list[int | None] = [received]
        for delay in (to_allocation, to_sign_off, to_closure):
            latest = max(d for d in days if d is not None) if ordered else received
            day = None if delay is None else latest + delay
            days.append(day if day is not None and day < LOG_DAYS else None)
        dates = [None if d is None else LOG_STARTS + pd.Timedelta(days=d) for d in days]
        held = days[1] is not None
        rows.append(
            dict(zip(("received", "allocated", "signed_off", "closed"), dates, strict=True))
            | {"investigator": person if held else None, "team": PEOPLE[person] if held else None}
            | {"role": "officer" if held else None, "weighting": weighting}
        )
    return _make_log(rows, LOG_STARTS + pd.Timedelta(days=LOG_DAYS - 1))


@pytest.fixture(scope="session")
def make_log() -> Callable[..., CaseLog]:
    return _make_log


@pytest.fixture(scope="session")
def drawn_log() -> Callable[..., st.SearchStrategy[CaseLog]]:
    return _drawn_log


@pytest.fixture(scope="session")
def england() -> Calendar:
    return Calendar()


@pytest.fixture(scope="session")
def full_time() -> Callable[..., pd.DataFrame]:
    """A roster of people who are there throughout, each in the team of `PEOPLE`."""

    def roster(*people: str, first_date: str = "2024-01-01") -> pd.DataFrame:
        return pd.DataFrame(
            {
                "investigator": pd.Series(people, dtype="str"),
                "team": pd.Series([PEOPLE.get(p) or "(none)" for p in people], dtype="str"),
                "role": "officer",
                "fte": 1.0,
                "first_date": pd.Timestamp(first_date),
                "last_date": pd.Series(pd.NaT, range(len(people)), dtype="datetime64[us]"),
            }
        )

    return roster
