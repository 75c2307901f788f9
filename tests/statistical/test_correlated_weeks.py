"""The correlation of weeks is found again in data that have one, and not in data that have none.

Weeks of known sd, persistence and correlation move the small office's arrivals and allocations; everything else is a
draw of the prior. Their sd is several times an ordinary one: ten cases a week hide smaller weeks.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from bayes_backlog.evaluation.calibration import ordinary_priors
from bayes_backlog.inference.checks import replicate_flows, with_counts
from bayes_backlog.inference.fit import Prepared, fit
from bayes_backlog.inference.prior_draws import draw_prior
from bayes_backlog.inference.sampling import SamplerSettings, compiled_here
from bayes_backlog.models.draws import draw_weeks, posterior_draws

pytestmark = pytest.mark.slow

SETTINGS = SamplerSettings(chains=2, draws=700, tune=600, target_accept=0.9, seed=1)
LIMIT = 4.0
FLOWS = ("received", "allocated")
SD, PERSISTENCE = 0.5, 0.3


@pytest.fixture(scope="module")
def office(small: Prepared) -> Prepared:
    priors = dataclasses.replace(ordinary_priors(small.design, small.spec), week_sd=SD)
    return dataclasses.replace(small, spec=dataclasses.replace(small.spec, correlated_weeks=True, priors=priors))


def fitted(office: Prepared, correlation: float) -> xr.Dataset:
    """Return the posterior of data made with a correlation between the weeks of the two flows."""
    design, spec = office.design, office.spec
    drawn = posterior_draws(draw_prior(design, spec, 1, SETTINGS.seed), design, spec, 1)
    one, other = (spec.flows.index(flow) for flow in FLOWS)
    together, has_weeks = np.eye(len(spec.flows))[None], np.isin(spec.flows, FLOWS)[None]
    together[:, one, other] = together[:, other, one] = correlation
    weekly = {"week_sd": SD * has_weeks, "week_persistence": PERSISTENCE * has_weeks, "week_correlation": together}
    truth = dataclasses.replace(drawn, **weekly)
    weeks = draw_weeks(truth, len(design.weeks), np.random.default_rng(SETTINGS.seed))
    truth = dataclasses.replace(truth, week_effect=weeks)
    data = with_counts(design, spec, replicate_flows(truth, design, spec, SETTINGS.seed, same_weeks=True))
    trace = fit(dataclasses.replace(office, design=data), SETTINGS, compiled_here())
    return trace["posterior"].to_dataset()


def distance(draws: xr.DataArray, truth: float) -> float:
    """Return how many posterior standard deviations the truth lies from the posterior mean."""
    return float(abs(draws.mean() - truth) / draws.std())


@pytest.mark.parametrize("correlation", [0.7, 0.0])
def test_the_correlation_of_weeks_is_recovered(office: Prepared, correlation: float) -> None:
    posterior = fitted(office, correlation)
    found = posterior["week_correlation"].sel(week_pair="received~allocated")
    assert distance(found, correlation) < LIMIT
    low, high = np.quantile(found, [0.025, 0.975])
    assert (low > 0) == (correlation > 0)
    assert high - low < 0.8
    for flow in FLOWS:
        assert distance(posterior["week_sd"].sel(weekly_flow=flow), SD) < LIMIT
        assert distance(posterior["week_persistence"].sel(weekly_flow=flow), PERSISTENCE) < LIMIT
