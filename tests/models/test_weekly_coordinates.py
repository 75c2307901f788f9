"""Weeks and level as they are sampled, against weeks and level as they are written."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models import week_correlation
from bayes_backlog.models.design import Design
from bayes_backlog.models.forecaster import build_forecaster
from bayes_backlog.models.slow_level import level_weights

Point = dict[str, np.ndarray]
STEP = 1e-4
N_POINTS = 3


def function_of(model: pm.Model, names: list[str]) -> Callable[[Point], dict[str, np.ndarray]]:
    """Compile named variables as functions of a point of the unconstrained space."""
    outputs = model.replace_rvs_by_values([model[name] for name in names])
    compute = model.compile_fn(outputs, inputs=model.value_vars, mode="FAST_COMPILE", on_unused_input="ignore")
    return lambda point: dict(zip(names, compute(point), strict=True))


def as_written(values: dict[str, np.ndarray], unused: Point, design: Design, level_range: float) -> Point:
    """Return the normals behind weeks and level; weeks without data keep the sampler's."""
    weights = level_weights(len(design.weeks), level_range)
    level = values["slow_level"] / values["level_sd"][:, None]
    scaled = values["week_effect"] / values["week_sd"][:, None]
    persistence = values["week_persistence"][:, None]
    z = np.hstack([scaled[:, :1], (scaled[:, 1:] - persistence * scaled[:, :-1]) / np.sqrt(1 - persistence**2)])
    first = design.week_of_day[0]
    z[:, first] = scaled[:, first]
    if "week_correlation" in values:
        z = without_correlation(z, float(values["week_correlation"][0]), values["week_persistence"], first)
    z[:, :first] = unused["week_normals"][:, :first]
    return {"week_z": z, "level_z": np.linalg.lstsq(weights, level.T)[0].T}


def without_correlation(innovations: np.ndarray, correlation: float, persistence: np.ndarray, first: int) -> np.ndarray:
    """Return the standard normals behind two flows' innovations; the first week is one of their long run."""
    shares = np.sqrt(1 - persistence**2)
    by_week = np.full(innovations.shape[1], correlation)
    by_week[first] *= shares[0] * shares[1] / (1 - persistence[0] * persistence[1])
    return np.stack([innovations[0], (innovations[1] - by_week * innovations[0]) / np.sqrt(1 - by_week**2)])


def normal_density(point: Point) -> float:
    return -0.5 * sum(float((values**2).sum()) for values in point.values())


def log_determinant(move: Callable[[Point], Point], point: Point) -> float:
    """Log |det| of a map that is affine in the normals, and whose level no week's normal touches."""
    total, start = 0.0, move(point)
    for name, to in (("level_normals", "level_z"), ("week_normals", "week_z")):
        columns = []
        for place in np.ndindex(point[name].shape):
            step = np.zeros_like(point[name])
            step[place] = STEP
            columns.append((move(point | {name: point[name] + step})[to] - start[to]).ravel() / STEP)
        total += np.linalg.slogdet(np.array(columns))[1]
    return float(total)


@pytest.fixture(scope="module")
def padded(small: Prepared) -> Prepared:
    """With weeks before the data, as folds of unequal length have."""
    assert small.design.week_of_day[0] > 0
    return small


@pytest.fixture(scope="module")
def correlated(padded: Prepared) -> Prepared:
    """The same with correlated weeks."""
    return dataclasses.replace(padded, spec=dataclasses.replace(padded.spec, correlated_weeks=True))


def differences(prepared: Prepared, determinant: Callable[..., float] = log_determinant) -> list[float]:
    """Log-density as sampled less that as written, in the same coordinates, at random points."""
    model = build_forecaster(prepared.design, prepared.spec)
    correlation = ["week_correlation"] * bool(prepared.spec.week_pairs)
    values = function_of(model, ["week_sd", "week_persistence", "level_sd", "week_effect", "slow_level", *correlation])
    densities = function_of(model, ["week_density", "level_density", *(f"{name}_density" for name in correlation)])
    rng = np.random.default_rng(4)
    found = []
    for _ in range(N_POINTS):
        point = {name: value + 0.5 * rng.standard_normal(value.shape) for name, value in model.initial_point().items()}

        def move(at: Point) -> Point:
            return as_written(values(at), at, prepared.design, prepared.spec.priors.level_range_weeks)

        written = normal_density(move(point)) + determinant(move, point)
        found.append(float(sum(np.sum(term) for term in densities(point).values())) - written)
    return found


def test_the_density_is_that_of_the_effects_as_written(padded: Prepared) -> None:
    np.testing.assert_allclose(np.ptp(differences(padded)), 0.0, atol=1e-5)


def test_a_density_without_the_map_would_be_seen(padded: Prepared) -> None:
    assert np.ptp(differences(padded, lambda *_: 0.0)) > 1


def test_the_density_of_correlated_weeks_is_that_of_the_weeks_as_written(correlated: Prepared) -> None:
    np.testing.assert_allclose(np.ptp(differences(correlated)), 0.0, atol=1e-5)


def test_a_correlation_without_its_determinant_would_be_seen(
    correlated: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = week_correlation._log_ratio
    monkeypatch.setattr(
        week_correlation,
        "_log_ratio",
        lambda factor, innovations: right(factor, innovations) + pt.log(pt.diagonal(factor)).sum(),
    )
    assert np.ptp(differences(correlated)) > 1


def test_effects_without_data_are_standard_normal(padded: Prepared) -> None:
    """With nothing heard, coordinates are those of the prior: weeks before the data change no density."""
    model = build_forecaster(padded.design, padded.spec)
    density = function_of(model, ["week_density"])
    start = {name: np.asarray(value) for name, value in model.initial_point().items()}
    moved = start["week_normals"].copy()
    moved[:, 0] += 2.0
    change = density(start | {"week_normals": moved})["week_density"] - density(start)["week_density"]
    assert change == pytest.approx(-2.0 * len(padded.spec.weekly_flows))


def test_the_coordinates_are_nearly_the_posterior(padded: Prepared) -> None:
    """The counts' curvature along every sampled normal, the prior's included, is about one: nothing is stretched."""
    model = build_forecaster(padded.design, padded.spec)
    slope = model.compile_dlogp(mode="FAST_COMPILE")
    start = {name: np.asarray(value) for name, value in model.initial_point().items()}
    sizes = {variable.name: np.size(start[variable.name]) for variable in model.value_vars}
    begin = dict(zip(sizes, np.cumsum([0, *sizes.values()])[:-1], strict=True))
    curvatures = []
    for k in range(1, start["week_normals"].shape[1]):
        step = np.zeros_like(start["week_normals"])
        step[:, k] = STEP
        ahead, behind = (slope(start | {"week_normals": start["week_normals"] + sign * step}) for sign in (1, -1))
        own = slice(begin["week_normals"], begin["week_normals"] + step.size)
        curvatures.append(-((ahead - behind)[own].reshape(step.shape)[:, k]) / (2 * STEP))
    assert np.median(np.abs(np.array(curvatures) - 1)) < 0.3
