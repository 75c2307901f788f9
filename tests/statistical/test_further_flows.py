"""A further flow's elasticity comes back: events simulated with a known one, among the real flows of a small office."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from bayes_backlog import config
from bayes_backlog.inference.fit import Prepared, fit
from bayes_backlog.inference.sampling import CompiledModels, SamplerSettings
from bayes_backlog.models.design import build_design
from bayes_backlog.models.draws import draw_negative_binomial
from bayes_backlog.models.spec import spec_from_config

pytestmark = pytest.mark.slow

SETTINGS = SamplerSettings(chains=2, draws=300, tune=400, target_accept=0.9, seed=1)
ELASTICITY, A_DAY, DISPERSION = 0.9, 3.0, 6.0


@pytest.fixture(scope="module")
def posterior(small: Prepared) -> xr.Dataset:
    """Court orders of an office whose work in progress halves and doubles over the years."""
    spec = spec_from_config(config.Model(), has_removed=True, further=("court_order",))
    design = build_design(small.panels, spec)
    n_days = len(design.dates)
    state = np.log(2) * np.sin(2 * np.pi * np.arange(n_days) / 150)
    mean = A_DAY * np.exp(ELASTICITY * state)
    counts = design.office_counts.copy()
    counts[spec.flows.index("court_order")] = draw_negative_binomial(np.random.default_rng(3), mean, DISPERSION)
    told = dataclasses.replace(design, office_counts=counts, office_states=design.office_states | {"office_wip": state})
    return fit(Prepared(small.panels, spec, told), SETTINGS, CompiledModels())["posterior"].to_dataset()


def test_elasticity_and_dispersion_of_a_further_flow(posterior: xr.Dataset) -> None:
    """Within 4 posterior standard deviations, and those are small enough to tell the truth from the prior's middle."""
    exponent = posterior["elasticity"].sel(elasticity_of="court_order~office_wip")
    assert float(exponent.std()) < 0.1
    assert abs(float(exponent.mean()) - ELASTICITY) < 4 * float(exponent.std())
    assert abs(float(exponent.mean()) - 0.5) > 2 * float(exponent.std())
    spread = np.log(posterior["dispersion"].sel(flow="court_order"))
    assert abs(float(spread.mean()) - np.log(DISPERSION)) < 4 * float(spread.std())
