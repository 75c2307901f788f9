"""Predictive checks of totals, in a world they must accept and in worlds they must refuse.

The data of each world are one replicate of known parameters; the model checked has the same parameters (accept), or
lacks an effect that the world has (refuse). Nothing is sampled, so what is tested is the check itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from bayes_backlog.inference.checks import aggregate_verdicts, drift, month_end_share, replicate_flows, with_counts
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.design import Design
from bayes_backlog.models.draws import PosteriorDraws
from bayes_backlog.models.spec import ModelSpec

MakeDraws = Callable[..., PosteriorDraws]
Changes = dict[str, float | np.ndarray]


def one_truth(draws: PosteriorDraws, **changed: float | np.ndarray) -> PosteriorDraws:
    """Return draws that all hold the first draw's parameters, some of them changed; nobody minds the queue."""
    fields = {}
    for field in dataclasses.fields(draws):
        value = getattr(draws, field.name)
        if isinstance(value, np.ndarray):
            fields[field.name] = np.repeat(value[:1], draws.n, axis=0)
        elif isinstance(value, dict):
            fields[field.name] = {key: np.repeat(v[:1], draws.n) for key, v in value.items()}
        else:
            fields[field.name] = value
    fields["elasticity"]["allocated", "backlog"] = np.zeros(draws.n)
    fields |= {name: np.full_like(fields[name], value) for name, value in changed.items()}
    return PosteriorDraws(**fields)


def totals_of_allocations(design: Design, rows: np.ndarray) -> np.ndarray:
    """(n, D) from (n, R)."""
    return np.stack([np.bincount(design.row_day, row, len(design.dates)) for row in rows]).astype(int)


def world(design: Design, prepared: Prepared, draws: PosteriorDraws, seed: int) -> Design:
    """Return the design with its counts replaced by one replicate, in which no queue is ever short."""
    long = dataclasses.replace(design, waiting=design.waiting + 10_000)
    return with_counts(long, prepared.spec, replicate_flows(draws, long, prepared.spec, seed))


def statuses(prepared: Prepared, design: Design, model: PosteriorDraws) -> dict[str, str]:
    replicates = replicate_flows(model, design, prepared.spec, seed=77)
    verdicts, _ = aggregate_verdicts(replicates, design, prepared.spec)
    return {verdict.check: verdict.status for verdict in verdicts}


def test_its_own_world_is_accepted(small: Prepared, make_draws: MakeDraws) -> None:
    truth = one_truth(make_draws(), week_sd=0.3)
    verdicts = statuses(small, world(small.design, small, truth, seed=5), truth)
    assert list(verdicts.values()).count("green") >= len(verdicts) - 2
    assert "red" not in verdicts.values()


def test_nobody_is_given_a_case_that_was_not_there(small: Prepared, make_draws: MakeDraws) -> None:
    waiting = np.arange(len(small.design.dates)) % 4 - 1
    short = dataclasses.replace(small.design, waiting=waiting)
    rows = replicate_flows(make_draws(), short, small.spec, 1, same_weeks=True)["allocated"]
    totals = totals_of_allocations(short, rows)
    assert (totals <= np.maximum(waiting, 0)).all()
    assert (totals == waiting).mean() > 0.2


def test_what_is_left_is_there_the_next_day(small: Prepared, make_draws: MakeDraws) -> None:
    """Of a queue that was emptied every day nobody ever takes more than there was, but on some days more than came."""
    design, k = small.design, small.spec.staff_flows.index("allocated")
    waiting = totals_of_allocations(design, design.row_counts[[k]])[0]
    rows = replicate_flows(make_draws(), dataclasses.replace(design, waiting=waiting), small.spec, 1)["allocated"]
    totals = totals_of_allocations(design, rows)
    assert (np.cumsum(totals, axis=1) <= np.cumsum(waiting)).all()
    assert (totals > waiting).any()


ENOUGH = 400
"""Draws: red asks for fewer than two of them beyond the data."""
SHAKEN_WEEKS = {"week_sd": 0.9, "week_persistence": 0.9}
SHAKEN_DAYS = {"week_sd": 0.05, "dispersion": 0.7}
RUSHED_MONTH_ENDS = {"calendar": np.array([1.4 * (term == "month_end") for term in ModelSpec().terms])}


@pytest.mark.parametrize(
    ("world_has", "model_has", "check"),
    [
        (SHAKEN_WEEKS, {"week_sd": 0.0}, "received week_sd"),
        (SHAKEN_WEEKS, {"week_sd": 0.0}, "received week_autocorrelation"),
        (SHAKEN_DAYS, {"dispersion": 1e6}, "signed_off day_sd"),
        (RUSHED_MONTH_ENDS, {"calendar": 0.0}, "received month_end_share"),
        (RUSHED_MONTH_ENDS, {"calendar": 0.0}, "allocated month_end_share"),
        (RUSHED_MONTH_ENDS, {"calendar": 0.0}, "signed_off month_end_share"),
    ],
)
def test_a_missing_effect_is_seen(
    small: Prepared, make_draws: MakeDraws, world_has: Changes, model_has: Changes, check: str
) -> None:
    truth = one_truth(make_draws(), **world_has)
    lacking = one_truth(make_draws(n=ENOUGH), **(world_has | model_has))
    seen = world(small.design, small, truth, seed=7)
    assert statuses(small, seen, lacking)[check] == "red"
    assert statuses(small, seen, truth)[check] == "green"


@pytest.mark.parametrize("flow", ["received", "allocated"])
def test_a_level_that_moved_for_good_is_seen(small: Prepared, make_draws: MakeDraws, flow: str) -> None:
    """By a model that has busy and quiet weeks, and no level."""
    n_weeks = len(small.design.weeks)
    moved = {"slow_level": np.where(np.arange(n_weeks) < n_weeks // 2, 0.5, -0.5), "week_sd": 0.1}
    truth, lacking = (one_truth(make_draws(n=ENOUGH), **(moved | other)) for other in ({}, {"slow_level": 0.0}))
    seen = world(small.design, small, truth, seed=7)
    assert statuses(small, seen, lacking)[f"{flow} week_drift"] == "red"
    assert statuses(small, seen, truth)[f"{flow} week_drift"] == "green"


def test_months_last_days_are_counted_but_for_the_month_that_may_go_on() -> None:
    month_of_day = np.array([0, 0, 0, 1, 1, 2, 2])
    days = np.array([[1.0, 2, 5, 0, 2, 90, 90], [0, 0, 0, 0, 0, 1, 1]])
    assert month_end_share(days, month_of_day).tolist() == [70.0, 0.0]
    assert month_end_share(days, np.zeros(7, int)).tolist() == [0.0, 0.0]


def test_drift_is_how_far_departures_add_up() -> None:
    moved, alternating, constant = np.repeat([0.0, 1.0], 25), np.tile([0.0, 1.0], 25), np.ones(50)
    assert drift(np.stack([moved, 7 * moved, alternating, constant])) == pytest.approx(
        [np.sqrt(50) / 2, np.sqrt(50) / 2, 1 / np.sqrt(50), 0]
    )


def test_a_flow_without_cases_is_likely_under_a_model_that_expects_none(small: Prepared, make_draws: MakeDraws) -> None:
    """Constant totals have no autocorrelation; a missing number would read as impossible, and so as red."""
    truth = one_truth(make_draws(), week_sd=0.1)
    hardly_any = dataclasses.replace(truth, intercept=truth.intercept - 12)
    empty = world(small.design, small, hardly_any, seed=5)
    assert not empty.office_counts.any()
    office = [f"{flow} " for flow in small.spec.office_flows]
    found = statuses(small, empty, hardly_any)
    assert {status for check, status in found.items() if check.startswith(tuple(office))} == {"green"}
