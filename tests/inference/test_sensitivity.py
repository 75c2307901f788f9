"""Power scaling against a posterior that is known for any power of its prior, and densities against scipy's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

from bayes_backlog.inference.fit import Prepared
from bayes_backlog.inference.prior_draws import draw_prior
from bayes_backlog.inference.sensitivity import LIMIT, STRONGER, WEAKER, prior_densities, sensitivity_table
from bayes_backlog.models.forecaster import build_forecaster

DIMS = ("chain", "draw")
N_SEEN, SEEN_MEAN = 4, 3.0
"""Observations of unit variance, and their mean."""


def posterior_mean(prior_sd: float, power: float = 1.0) -> tuple[float, float]:
    """Mean and sd of a normal mean under Normal(0, prior_sd) to a power: the conjugate closed form."""
    precision = N_SEEN + power / prior_sd**2
    return N_SEEN * SEEN_MEAN / precision, precision**-0.5


def scaled(prior_sd: float) -> pd.Series:
    mean, sd = posterior_mean(prior_sd)
    rng = np.random.default_rng(3)
    mu = rng.normal(mean, sd, (4, 4000))
    log_prior = stats.norm.logpdf(mu, 0, prior_sd)
    answers = xr.Dataset({"mu": (DIMS, mu), "other": (DIMS, rng.normal(size=mu.shape))})
    table = sensitivity_table(answers, xr.Dataset({"mu_prior": (DIMS, log_prior)}))
    assert list(table[["prior", "quantity"]].iloc[0]) == ["mu_prior", "mu"]
    return table.iloc[0]


def test_the_answer_moves_as_the_closed_form_says() -> None:
    """Weights that are never used, or the wrong way round, leave the medians together or swap them."""
    found = scaled(prior_sd=0.6)
    # Four Monte-Carlo standard errors of a median of 16,000 draws.
    tolerance = 4 * 1.25 * posterior_mean(0.6)[1] / np.sqrt(16_000)
    for column, power in (("weaker", WEAKER), ("median", 1.0), ("stronger", STRONGER)):
        assert found[column] == pytest.approx(posterior_mean(0.6, power)[0], abs=tolerance)
    assert found["weaker"] > found["median"] + tolerance > found["stronger"] + 2 * tolerance


def test_a_prior_against_the_data_is_seen_and_a_wide_one_is_not() -> None:
    assert scaled(prior_sd=0.6)["status"] == "amber"
    wide = scaled(prior_sd=30.0)
    assert wide["status"] == "green"
    assert wide["sensitivity"] < LIMIT / 5


def test_densities_are_those_of_the_priors() -> None:
    mu, sigma = np.array([[0.3, -1.0], [2.0, 0.1]]), np.array([[0.5, 1.5], [1.0, 0.2]])
    with pm.Model() as model:
        center = pm.Normal("mu", 0, 2)
        spread = pm.HalfNormal("sigma", 1)
        pm.Potential("seen", pm.logp(pm.Normal.dist(center, spread), np.array([1.0, 2.0])).sum())
    found = prior_densities(model, xr.Dataset({"mu": (DIMS, mu), "sigma": (DIMS, sigma)}))
    assert found["mu"].to_numpy() == pytest.approx(stats.norm.logpdf(mu, 0, 2))
    # On its own scale: a sampler's density of log(sigma) has log(sigma) added.
    assert found["sigma"].to_numpy() == pytest.approx(stats.halfnorm.logpdf(sigma))


def test_the_default_model_has_a_density_for_every_prior(small: Prepared) -> None:
    model = build_forecaster(small.design, small.spec)
    drawn = draw_prior(small.design, small.spec, 3, seed=1)["posterior"].to_dataset()
    found = prior_densities(model, drawn)
    assert {"intercept", "calendar", "noise", "week_sd", "elasticity"} <= set(found)
    assert not {"week_normals", "level_normals", "group_normals", "own_normals"} & set(found)
    rates = drawn["intercept"].to_numpy()
    means, sds = (np.array([pair[k] for pair in prior_pairs(small)]) for k in (0, 1))
    assert found["intercept"].to_numpy() == pytest.approx(stats.norm.logpdf(rates, means, sds).sum(-1))


def prior_pairs(small: Prepared) -> list[tuple[float, float]]:
    priors = small.spec.priors
    by_flow = {"received": priors.log_received, "removed": priors.log_removed}
    return [by_flow.get(flow, priors.log_staff_rate) for flow in small.spec.flows]
