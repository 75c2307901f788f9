"""Rates of coverage and of detection, counted by hand. The worlds themselves are tried in tests/statistical."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from bayes_backlog.evaluation.worlds import (
    MODELS,
    PLAIN,
    WORLDS,
    Outcome,
    coverage_table,
    detection_table,
    every_flow,
    recovery_table,
)


@pytest.fixture
def outcome() -> Outcome:
    label = {"world": "week", "model": "default"}
    scores = pd.DataFrame({"quantity": "backlog", "level": "office", "coverage_90": [True] * 15 + [False] * 5})
    team = pd.DataFrame({"quantity": "backlog", "level": "team", "coverage_90": [False] * 20})
    checks = pd.DataFrame({"check": "received week_sd", "status": ["green"] * 12 + ["amber"] * 5 + ["red"] * 3})
    ranks = pd.DataFrame({"parameter": "received week_sd", "rank": [0.01] * 2 + [0.5] * 15 + [0.99] * 3})
    return Outcome(pd.concat([scores, team]).assign(**label), checks.assign(**label), ranks.assign(**label))


def test_coverage_is_counted_for_the_office_beside_its_range(outcome: Outcome) -> None:
    (found,) = coverage_table(outcome).itertuples()
    assert (found.world, found.model, found.quantity, found.n, found.coverage_90) == (
        *("week", "default", "backlog"),
        *(20, 0.75),
    )
    # Of 20 right intervals, 15 to 20 hold in at least 95 of 100 trials: the quantiles of a binomial with p = 0.9.
    assert (found.low, found.high) == (0.75, 1.0)


def test_recovery_is_counted_where_the_truth_lies_in_the_interval(outcome: Outcome) -> None:
    (found,) = recovery_table(outcome).itertuples()
    assert (found.parameter, found.n, found.coverage_90) == ("received week_sd", 20, 0.75)
    assert found.mean_rank == pytest.approx((2 * 0.01 + 15 * 0.5 + 3 * 0.99) / 20)


def test_red_and_amber_are_counted(outcome: Outcome) -> None:
    (found,) = detection_table(outcome).itertuples()
    assert (found.check, found.n, found.red, found.amber_or_red) == ("received week_sd", 20, 0.15, 0.4)


def test_a_world_has_what_its_name_says() -> None:
    assert WORLDS["week"].truth.received.sd_week > 0 == WORLDS["day"].truth.received.sd_week
    assert WORLDS["day"].truth.signed_off.sd_day > 0 == WORLDS["none"].truth.signed_off.sd_day
    assert WORLDS["drift"].truth.allocated.sd_drift > 0
    assert {name for world in WORLDS.values() for name in world.models} == set(MODELS)
    assert not MODELS["rows alone"].week_shock


def test_effects_of_every_flow_leave_the_rest_alone() -> None:
    changed = every_flow(PLAIN, sd_day=0.5)
    assert changed.received == dataclasses.replace(PLAIN.received, sd_day=0.5)
    assert changed.removal_hazard == PLAIN.removal_hazard
