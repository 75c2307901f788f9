"""The default model's likelihood against scipy's distributions, evaluated draw by draw on the same arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytest
import xarray as xr
from scipy import stats

from bayes_backlog import config
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.design import Design, build_design, month_starts
from bayes_backlog.models.draws import posterior_draws
from bayes_backlog.models.forecaster import build_forecaster
from bayes_backlog.models.spec import ModelSpec, spec_from_config

N_POINTS = 3


@pytest.fixture(scope="module")
def points(small: Prepared) -> list[dict[str, np.ndarray]]:
    return random_points(build_forecaster(small.design, small.spec))


def random_points(model: pm.Model) -> list[dict[str, np.ndarray]]:
    """Random points of the unconstrained space, near the middle of the priors."""
    rng = np.random.default_rng(5)
    start = model.initial_point()
    return [
        {name: np.asarray(value) + 0.2 * rng.standard_normal(np.shape(value)) for name, value in start.items()}
        for _ in range(N_POINTS)
    ]


def evaluator(model: pm.Model, outputs: list[Any]) -> Callable[[dict[str, np.ndarray]], list[np.ndarray]]:
    """Compile outputs as functions of a point of the unconstrained space."""
    return model.compile_fn(
        model.replace_rvs_by_values(outputs), inputs=model.value_vars, mode="FAST_COMPILE", on_unused_input="ignore"
    )


def likelihood_of(model: pm.Model, points: list[dict[str, np.ndarray]]) -> list[float]:
    likelihood = evaluator(model, [term for term in model.potentials if not term.name.endswith("_density")])
    return [float(np.sum([np.sum(term) for term in likelihood(point)])) for point in points]


def named_values(model: pm.Model, points: list[dict[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
    """Return the constrained variables and deterministics at each point."""
    names = [*(v.name for v in model.free_RVs), *(v.name for v in model.deterministics)]
    evaluate = evaluator(model, [model[name] for name in names])
    return [dict(zip(names, evaluate(point), strict=True)) for point in points]


def independent_likelihood(values: dict[str, np.ndarray], design: Design, spec: ModelSpec) -> float:
    """Return the log-likelihood by scipy, with loops over days."""
    shared = values["slow_level"].copy()
    for flow, effect in zip(spec.weekly_flows, values["week_effect"], strict=True):
        shared[spec.flows.index(flow)] += effect
    by_day = shared[:, design.week_of_day]
    calendar = np.exp(values["calendar"] @ design.calendar.T)
    by_day = by_day - by_day.mean(axis=1, keepdims=True) + np.log(calendar / calendar.mean(axis=1, keepdims=True))
    elasticity = dict(zip(spec.elasticity_names(), values["elasticity"], strict=True))
    for (flow, state), exponent in elasticity.items():
        if state in design.office_states:
            seen = design.office_states[state]
            seen = seen[month_starts(design.month_of_day)] if flow in spec.batched_flows else seen
            by_day[spec.flows.index(flow)] += exponent * seen
    total = 0.0
    for k, flow in enumerate(spec.office_flows):
        mean = np.exp(values["intercept"][k] + by_day[k])
        size = values["dispersion"][k]
        if flow in spec.batched_flows:
            total += batches_likelihood(flow, design.office_counts[k], mean, size, values, design, spec)
        else:
            total += stats.nbinom.logpmf(design.office_counts[k], size, size / (size + mean)).sum()
    staff = design.staff
    for k, flow in enumerate(spec.staff_flows):
        f = len(spec.office_flows) + k
        team, role = values["team_effect"][k], values["role_effect"][k]
        own = values["investigator_rate"][k] - team[staff.home_team] - role[staff.home_role]
        spell = own[staff.spell_investigator] + team[staff.spell_team] + role[staff.spell_role]
        spell = spell + values["ramp"][k] * staff.spell_ramp
        exponent = elasticity.get((flow, "wip"), 0.0)
        if flow in spec.batched_flows:
            then = spell[design.row_spell] + exponent * (np.log1p(design.row_month_wip) - design.state_centre["wip"])
            row_mean = design.row_exposure * np.exp(then + by_day[f][design.row_day])
            month_mean = np.bincount(design.row_day, row_mean, minlength=len(design.dates))
            counts = np.bincount(design.row_day, design.row_counts[k], minlength=len(design.dates))
            size = values["dispersion"][f]
            total += batches_likelihood(flow, counts.astype(int), month_mean, size, values, design, spec)
        row_log = spell[design.row_spell] + exponent * (np.log1p(design.row_wip) - design.state_centre["wip"])
        for day in range(len(design.dates)):
            here = design.row_day == day
            if not here.any():
                continue
            mu = design.row_exposure[here] * np.exp(row_log[here] + by_day[f, day])
            y = design.row_counts[k][here]
            present = design.row_exposure[here].sum() if spec.day_shock else mu.sum()
            pace = values["own_pace"][k] if spec.own_pace else 0.0
            share = mu * np.exp(pace * design.log_pace[k, design.row_pace[here]])
            weights = values["concentration"][k] * present * share / share.sum()
            size = values["dispersion"][f] if spec.day_shock else weights.sum()
            if flow not in spec.batched_flows:
                wanted = stats.nbinom(size, size / (size + mu.sum()))
                emptied = flow == "allocated" and y.sum() >= design.waiting[day]
                total += wanted.logsf(y.sum() - 1) if emptied else wanted.logpmf(y.sum())
            total += stats.dirichlet_multinomial.logpmf(y, weights, y.sum()) if y.sum() else 0.0
    return float(total)


def batches_likelihood(
    flow: str,
    counts: np.ndarray,
    mean: np.ndarray,
    size: float,
    values: dict[str, np.ndarray],
    design: Design,
    spec: ModelSpec,
) -> float:
    concentration = values["day_concentration"][spec.batched_flows.index(flow)]
    total = 0.0
    for month in range(design.month_of_day[-1] + 1):
        here = design.month_of_day == month
        n, expected = counts[here].sum(), mean[here].sum()
        total += stats.nbinom.logpmf(n, size, size / (size + expected))
        weights = here.sum() * concentration * mean[here] / expected
        total += stats.dirichlet_multinomial.logpmf(counts[here], weights, n) if n else 0.0
    return float(total)


@pytest.mark.parametrize(
    "parts", [{}, {"batched_flows": ()}, {"batched_flows": ("removed",)}, {"batched_flows": (), "day_shock": False}]
)
def test_likelihood_is_that_of_the_named_distributions(small: Prepared, parts: dict[str, Any]) -> None:
    spec = dataclasses.replace(small.spec, **parts)
    model = build_forecaster(small.design, spec)
    points = random_points(model)
    fast = likelihood_of(model, points)
    slow = [independent_likelihood(values, small.design, spec) for values in named_values(model, points)]
    assert np.ptp(np.subtract(fast, slow)) < 1e-5 * abs(np.ptp(slow))


@pytest.mark.parametrize("parts", [{}, {"batched_flows": (), "day_shock": False}])
def test_where_the_queue_was_emptied_more_may_have_been_wanted(small: Prepared, parts: dict[str, Any]) -> None:
    spec = dataclasses.replace(small.spec, **parts)
    k = spec.staff_flows.index("allocated")
    totals = np.bincount(small.design.row_day, small.design.row_counts[k], len(small.design.dates)).astype(int)
    short = dataclasses.replace(small.design, waiting=totals + np.arange(len(totals)) % 2)
    model = build_forecaster(short, spec)
    points = random_points(model)
    fast, values = likelihood_of(model, points), named_values(model, points)
    slow, unlimited = (
        [independent_likelihood(value, design, spec) for value in values]
        for design in (short, dataclasses.replace(short, waiting=totals + 1))
    )
    assert np.ptp(np.subtract(fast, slow)) < 1e-5 * abs(np.ptp(slow))
    assert np.ptp(np.subtract(fast, unlimited)) > 1e-3


def test_further_flows_are_flows_of_the_office_that_answer_to_its_work_in_progress(small: Prepared) -> None:
    further = ("closed", "legal_requested")
    spec = spec_from_config(config.Model(), has_removed=True, further=further)
    assert {flow: spec.elasticities[flow] for flow in further} == dict.fromkeys(further, ("office_wip",))
    design = build_design(small.panels, spec)
    model = build_forecaster(design, spec)
    points = random_points(model)
    fast = likelihood_of(model, points)
    values = named_values(model, points)
    assert np.ptp(np.subtract(fast, [independent_likelihood(value, design, spec) for value in values])) < 1e-5
    deaf = dataclasses.replace(design, office_states=design.office_states | {"office_wip": np.zeros(len(design.dates))})
    assert np.ptp(np.subtract(fast, [independent_likelihood(value, deaf, spec) for value in values])) > 1e-3


def test_a_wrong_dispersion_is_seen(small: Prepared, points: list[dict[str, np.ndarray]]) -> None:
    model = build_forecaster(small.design, small.spec)
    values = named_values(model, points)
    wrong = [value | {"dispersion": 1.1 * value["dispersion"]} for value in values]
    slow = [independent_likelihood(value, small.design, small.spec) for value in wrong]
    assert np.ptp(np.subtract(likelihood_of(model, points), slow)) > 1e-5 * abs(np.ptp(slow))


def test_likelihood_stays_exact_when_nearly_poisson(small: Prepared, points: list[dict[str, np.ndarray]]) -> None:
    """A difference of log-gammas would lose every digit here, and a sampler would get stuck in the rounding noise."""
    model = build_forecaster(small.design, small.spec)
    likelihood = evaluator(model, model.potentials)
    log_noise = [-9.0, -12.0, -15.0]
    at = [
        sum(
            float(np.sum(term))
            for term in likelihood(points[0] | {"noise_normalscore__": np.full(len(small.spec.flows), value)})
        )
        for value in log_noise
    ]
    assert np.ptp(at) < 1e-3


def test_parts_can_be_switched_off(small: Prepared) -> None:
    spec = dataclasses.replace(small.spec, week_shock=False, slow_level=False, elasticities={})
    names = {variable.name for variable in build_forecaster(small.design, spec).free_RVs}
    assert not names & {"week_sd", "week_normals", "level_sd", "level_normals"}
    assert pytensor.config.floatX == "float64"


def test_without_elasticities_there_is_no_empty_variable(small: Prepared) -> None:
    """Diagnostics of a variable without elements fail, and a variant with them."""
    unanswered = dataclasses.replace(small.spec, elasticities={})
    model = build_forecaster(small.design, unanswered)
    assert "elasticity" not in model.named_vars
    assert all(value.size for point in random_points(model) for value in point.values())
    assert "elasticity" in build_forecaster(small.design, small.spec).named_vars


def test_everything_of_the_data_enters_as_data(small: Prepared, points: list[dict[str, np.ndarray]]) -> None:
    """Code compiled for one data set serves another by swapping `pm.Data`; a number left there stays.

    The other data set has every array changed and every size kept.
    """
    other = dataclasses.replace(
        small.design,
        calendar=small.design.calendar[::-1],
        office_counts=small.design.office_counts[:, ::-1],
        office_states={name: values[::-1] for name, values in small.design.office_states.items()},
        state_centre={name: value + 0.3 for name, value in small.design.state_centre.items()},
        row_wip=small.design.row_wip[::-1],
        row_month_wip=small.design.row_month_wip[::-1],
        row_exposure=0.5 * small.design.row_exposure,
    )
    first, second = (build_forecaster(design, small.spec) for design in (small.design, other))
    fresh = likelihood_of(second, points)
    assert not np.allclose(likelihood_of(first, points), fresh)
    with first:
        pm.set_data({variable.name: variable.get_value() for variable in second.data_vars})
    assert np.allclose(likelihood_of(first, points), fresh)


def test_posterior_without_weekly_parts_has_flat_weeks(small: Prepared) -> None:
    """The forecast needs weeks even where the model has none: zeros, as many as the training has."""
    spec = dataclasses.replace(small.spec, week_shock=False, slow_level=False, elasticities={})
    model = build_forecaster(small.design, spec)
    values = named_values(model, [model.initial_point()] * 2)
    posterior = xr.Dataset(
        {
            name: (
                ("chain", "draw", *(model.named_vars_to_dims.get(name) or ())),
                np.stack([v[name] for v in values])[None],
            )
            for name in values[0]
        }
    )
    draws = posterior_draws(xr.DataTree.from_dict({"posterior": posterior}), small.design, spec, 2)
    assert draws.week_effect.shape == (2, len(spec.flows), len(small.design.weeks))
    assert not draws.slow_level.any()
    assert draws.elasticity == {}
