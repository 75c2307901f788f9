"""Intervals hold, and checks speak, in a hundred offices of each world; see `bayes_backlog.evaluation.worlds`.

A right 90 % interval covers 84 to 96 of 100 in 95 of 100 such tests; what is judged is the mean over an office's flows
and its backlog, whose sd is smaller. The tables of all worlds are made by `analyses/worlds_study.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pandas as pd
import pytest

from bayes_backlog.evaluation.worlds import TRIAL, WORLDS, Outcome, coverage_table, recovery_table, run_trial
from bayes_backlog.jobs import as_many_as

pytestmark = pytest.mark.slow

REPLICATES = 100
JUDGED = ["received", "allocated", "signed_off", "backlog"]

Tried = Callable[[str], Outcome]


@pytest.fixture(scope="module")
def tried() -> Tried:
    workers = as_many_as(REPLICATES, None)
    return cache(lambda world: run_trial(TRIAL, world, WORLDS[world].models, REPLICATES, workers))


def coverage(outcome: Outcome) -> pd.DataFrame:
    """Return coverages by model and quantity."""
    return coverage_table(outcome).pivot(index="model", columns="quantity", values="coverage_90")[JUDGED]


@pytest.mark.parametrize("world", ["none", "day", "week"])
def test_intervals_hold(tried: Tried, world: str) -> None:
    found = coverage(tried(world)).mean(axis=1)
    assert 0.84 <= found["default"] <= 0.96


def test_intervals_hold_while_levels_drift(tried: Tried) -> None:
    assert coverage(tried("drift")).mean(axis=1)["default"] >= 0.84


def test_a_model_of_rows_fails_where_weeks_are_shared_and_is_found_out(tried: Tried) -> None:
    assert coverage(tried("week")).mean(axis=1)["rows alone"] < 0.84
    checks = tried("week").checks
    refused = (checks["status"] == "red").groupby([checks["model"], checks["replicate"]]).any().groupby("model").mean()
    assert refused["rows alone"] > 0.5 > 0.1 > refused["default"]


@pytest.mark.parametrize("world", ["capacity-limited", "inflow-limited"])
def test_the_backlog_is_covered(tried: Tried, world: str) -> None:
    assert 0.84 <= coverage(tried(world)).loc["default", "backlog"] <= 0.96


def held(outcome: Outcome, parameter: str) -> float:
    """Return how often the 90 % interval held a parameter's true value."""
    table = recovery_table(outcome).set_index("parameter")
    return float(table.at[parameter, "coverage_90"])


@pytest.mark.parametrize("world", ["capacity-limited", "inflow-limited", "always ready"])
def test_the_answer_to_the_queue_is_recovered(tried: Tried, world: str) -> None:
    """Also where most days end with nobody waiting and show only that no fewer cases were wanted."""
    assert held(tried(world), "allocated~backlog") >= 0.84


def test_the_answer_to_work_in_progress_is_recovered(tried: Tried) -> None:
    assert held(tried("always ready"), "signed_off~wip") >= 0.84
