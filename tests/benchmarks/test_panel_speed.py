"""A million cases in under a minute: no builder may loop over cases."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.cases.reader import Source
from bayes_backlog.config import Config
from bayes_backlog.panels import build_panels

N_CASES, N_PEOPLE, N_DAYS = 1_000_000, 1_000, 3_650
FIRST = np.datetime64("2014-01-01", "D")


def _large_log() -> CaseLog:
    random = np.random.default_rng(20240101)
    received = random.integers(0, N_DAYS, N_CASES)
    allocated = received + random.geometric(0.05, N_CASES)
    signed_off = allocated + random.geometric(0.01, N_CASES)
    person = random.integers(0, N_PEOPLE, N_CASES)
    is_held = (random.random(N_CASES) < 0.7) & (allocated < N_DAYS)

    def dates(offset: np.ndarray, is_known: np.ndarray) -> pd.Series:
        days = (FIRST + offset.astype("timedelta64[D]")).astype("datetime64[us]")
        return pd.Series(days).where(is_known & (offset < N_DAYS))

    def labels(prefix: str, codes: np.ndarray) -> pd.Series:
        names = pd.Series([f"{prefix}{code}" for code in range(codes.max() + 1)], dtype="str")
        return names.iloc[codes].reset_index(drop=True)

    everybody = np.ones(N_CASES, dtype=bool)
    cases = pd.DataFrame(
        {
            "source_row": np.arange(1, N_CASES + 1),
            "case_id": labels("C", np.arange(N_CASES)),
            "investigator": labels("P", person).where(is_held),
            "team": labels("T", person % 40).where(is_held),
            "role": labels("R", person % 3).where(is_held),
            "fte": 1.0,
            "weighting": 1.0,
            "is_reallocated": False,
            "dt_received_inv": dates(received, everybody),
            "dt_alloc_invest": dates(allocated, is_held),
            "dt_pg_signoff": dates(signed_off, everybody),
            "dt_close": dates(signed_off + 5, everybody),
        }
    )
    source = Source("large.csv", "0" * 64, N_CASES, "utf-8", ",", "")
    as_of = pd.Timestamp(FIRST + np.timedelta64(N_DAYS - 1, "D")).as_unit("us")
    return CaseLog(cases, pd.DataFrame(), pd.DataFrame(), as_of, source)


@pytest.mark.slow
def test_a_million_cases_take_less_than_a_minute() -> None:
    log = _large_log()
    config = Config.model_validate({"name": "large", "title": "Large", "data": {"file": "large.csv"}})
    begun = time.perf_counter()
    panels = build_panels(log, config)
    assert time.perf_counter() - begun < 60
    assert panels.daily["allocated"].sum() == log.cases["dt_alloc_invest"].notna().sum()
