"""Correlated weeks: the prior is LKJ, and weeks that are drawn go together as stated."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
import xarray as xr
from pytensor.graph.replace import clone_replace

from bayes_backlog.config import Model
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.inference.prior_draws import draw_prior
from bayes_backlog.models.draws import (
    PosteriorDraws,
    continue_weeks,
    draw_weeks,
    long_run_correlation,
    posterior_draws,
    week_normals,
)
from bayes_backlog.models.forecaster import build_forecaster
from bayes_backlog.models.spec import ModelSpec, spec_from_config
from bayes_backlog.models.week_correlation import week_factors

MakeDraws = Callable[..., PosteriorDraws]

THREE = ModelSpec(batched_flows=("removed",), elasticities={}, correlated_weeks=True)
N = 4000
STEP = 1e-6


def as_stated(products: np.ndarray, stated: np.ndarray | float) -> bool:
    """Return whether products of standardised effects have the stated mean, within 4 Monte-Carlo standard errors."""
    found = (products - stated).ravel()
    return bool(abs(found.mean()) < 4 * found.std() / np.sqrt(found.size))


def log_determinant(correlation: np.ndarray) -> float:
    matrix = np.eye(3)
    for value, (i, j) in zip(correlation, combinations(range(3), 2), strict=True):
        matrix[i, j] = matrix[j, i] = value
    return float(np.linalg.slogdet(matrix)[1])


def test_the_prior_is_lkj() -> None:
    """The density of the correlations is their determinant to the power of the concentration less one."""
    with pm.Model(coords={"week_pair": ["~".join(pair) for pair in THREE.week_pairs]}) as model:
        week_factors(THREE, pt.zeros(3))
    share, value = model["week_correlation_share"], pt.vector("value")
    correlations = clone_replace(model["week_correlation"], {share: value})
    compute = pm.compile([value], [pm.logp(share, value).sum(), correlations], mode="FAST_COMPILE")
    left = []
    for point in np.random.default_rng(3).uniform(0.1, 0.9, (5, 3)):
        density, correlation = compute(point)
        columns = [
            (compute(point + STEP * unit)[1] - compute(point - STEP * unit)[1]) / (2 * STEP) for unit in np.eye(3)
        ]
        of_correlation = density - np.linalg.slogdet(np.array(columns))[1]
        left.append(of_correlation - (THREE.priors.week_correlation - 1) * log_determinant(correlation))
    assert np.ptp(left) < 1e-6


def test_weeks_of_the_prior_go_together_as_drawn(small: Prepared) -> None:
    spec = dataclasses.replace(small.spec, correlated_weeks=True)
    prior = draw_prior(small.design, spec, N, seed=2)["posterior"].to_dataset().isel(chain=0)
    weeks = (prior["week_effect"] / prior["week_sd"]).transpose("draw", "weekly_flow", "week").to_numpy()
    persistence = prior["week_persistence"].to_numpy()
    stated = prior["week_correlation"].sel(week_pair="received~allocated").to_numpy()
    shares = np.sqrt(1 - persistence**2)
    first = stated * shares.prod(axis=1) / (1 - persistence.prod(axis=1))
    for week in (0, weeks.shape[2] - 1):
        assert as_stated(weeks[:, :, week].prod(axis=1), first)
        assert not as_stated(weeks[:, :, week].prod(axis=1), 0.5 + first)
    innovations = (weeks[..., 1:] - persistence[..., None] * weeks[..., :-1]) / shares[..., None]
    assert as_stated(innovations.prod(axis=1), stated[:, None])


def one_correlation(draws: PosteriorDraws, spec: ModelSpec, value: float) -> PosteriorDraws:
    """Return draws in which weeks of cases received and allocated have a correlation, and unlike persistences."""
    i, j = (spec.flows.index(flow) for flow in ("received", "allocated"))
    correlation, persistence = np.tile(np.eye(len(spec.flows)), (draws.n, 1, 1)), draws.week_persistence.copy()
    correlation[:, i, j] = correlation[:, j, i] = value
    persistence[:, j] = -0.2
    return dataclasses.replace(draws, week_correlation=correlation, week_persistence=persistence)


def test_weeks_ahead_have_the_stated_correlation(small: Prepared, make_draws: MakeDraws) -> None:
    draws = one_correlation(make_draws(n=N), small.spec, 0.7)
    stated = long_run_correlation(draws.week_correlation[0], draws.week_persistence[0])
    assert stated[0, small.spec.flows.index("allocated")] == pytest.approx(0.7 * np.sqrt(0.51 * 0.96) / 1.14)
    start = draws.week_effect[..., -1]
    weeks = continue_weeks(draws, start, week_normals(draws, 13, np.random.default_rng(1)))
    assert (weeks[..., 0] == start).all()
    steps = weeks[..., 1:] - draws.week_persistence[..., None] * weeks[..., :-1]
    innovations = steps / (draws.week_sd * np.sqrt(1 - draws.week_persistence**2))[..., None]
    afresh = draw_weeks(draws, 6, np.random.default_rng(1)) / draws.week_sd[..., None]
    for i, j in combinations(range(len(small.spec.flows)), 2):
        assert as_stated(innovations[:, i] * innovations[:, j], draws.week_correlation[0, i, j])
        # From its first week on a series is one of the long run.
        for week in (0, 5):
            assert as_stated(afresh[:, i, week] * afresh[:, j, week], stated[i, j])
    assert not as_stated(innovations[:, 0] * innovations[:, small.spec.flows.index("allocated")], 0.65)
    np.testing.assert_allclose(afresh.var(axis=0), 1.0, atol=4 * np.sqrt(2 / N))


def test_weeks_without_correlation_are_made_of_their_own_normals(make_draws: MakeDraws) -> None:
    """To the last bit: published draws hang on it."""
    draws = make_draws()
    rng = np.random.default_rng(1)
    path = [draws.week_sd * rng.standard_normal(draws.week_sd.shape)]
    for _ in range(4):
        step = draws.week_sd * np.sqrt(1 - draws.week_persistence**2) * rng.standard_normal(draws.week_sd.shape)
        path.append(draws.week_persistence * path[-1] + step)
    assert np.array_equal(draw_weeks(draws, 5, np.random.default_rng(1)), np.stack(path, axis=-1))


def test_the_configuration_switches_it_on_where_there_are_two_flows_with_weeks(small: Prepared) -> None:
    def pairs(**settings: bool) -> tuple[tuple[str, str], ...]:
        return spec_from_config(Model.model_validate(settings), has_removed=True).week_pairs

    assert pairs() == ()
    assert pairs(correlated_weeks=True) == (("received", "allocated"),)
    assert len(pairs(correlated_weeks=True, month_batches=False)) == 6
    assert pairs(correlated_weeks=True, week_shock=False) == ()
    alone = dataclasses.replace(small.spec, correlated_weeks=True, batched_flows=("removed", "allocated", "signed_off"))
    assert alone.weekly_flows == ("received",)
    names = build_forecaster(small.design, alone).named_vars
    assert "week_effect" in names
    assert not [name for name in names if "week_correlation" in name]


def test_draws_of_a_fit_hold_the_correlation_of_each_pair(small: Prepared) -> None:
    values = np.arange(6.0).reshape(1, 2, 3) / 10
    posterior = xr.Dataset({"week_correlation": (("chain", "draw", "week_pair"), values)})
    draws = posterior_draws(xr.DataTree.from_dict({"posterior": posterior}), small.design, THREE, 2)
    place = [THREE.flows.index(flow) for flow in ("received", "allocated", "signed_off")]
    expected = [[1, 0.3, 0.4], [0.3, 1, 0.5], [0.4, 0.5, 1]]
    np.testing.assert_array_equal(draws.week_correlation[1][np.ix_(place, place)], expected)
    assert (draws.week_correlation[:, THREE.flows.index("removed")].sum(axis=1) == 1).all()
