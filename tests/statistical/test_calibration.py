"""Calibration of the default model, forecast included: 200 offices simulated from its own prior, fitted and forecast.

Priors are narrower than the shipped ones, so that simulated offices have cases to count and not millions. All parts of
the model are on. Ranks run over all cores; a replicate is the same wherever it runs.
"""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from bayes_backlog.config import Config
from bayes_backlog.evaluation.calibration import Calibration, forecaster_ranks, ordinary_priors
from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.inference.calibration import calibration_table
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.inference.sampling import SamplerSettings
from bayes_backlog.jobs import as_many_as
from bayes_backlog.models.spec import ModelSpec

pytestmark = pytest.mark.slow

N_REPLICATES = 200
N_BROKEN = 60
SETTINGS = SamplerSettings(chains=2, draws=400, tune=400, target_accept=0.9, seed=11)


@pytest.fixture(scope="module")
def calibration(small: Prepared, small_config: Config, frame: FutureFrame) -> Calibration:
    spec = dataclasses.replace(small.spec, priors=ordinary_priors(small.design, small.spec))
    return Calibration(dataclasses.replace(small, spec=spec), frame, SETTINGS, spec)


def calibrated(calibration: Calibration, truth: ModelSpec, n: int) -> pd.DataFrame:
    ranks = forecaster_ranks(dataclasses.replace(calibration, truth=truth), n, as_many_as(n, None))
    return calibration_table(ranks).set_index("quantity")


def test_the_default_model_and_its_forecast_are_calibrated(calibration: Calibration) -> None:
    found = calibrated(calibration, calibration.truth, N_REPLICATES)
    assert found["n"].min() == N_REPLICATES
    ahead = {"received ahead", "allocated ahead", "signed_off ahead", "backlog ahead", "wip ahead"}
    assert ahead <= set(found.index)
    assert found["stays_in_all"].all(), found[~found["stays_in_all"]]


def test_weeks_that_swing_more_than_the_prior_allows_fall_outside(calibration: Calibration) -> None:
    spec = calibration.truth
    truth = dataclasses.replace(spec, priors=dataclasses.replace(spec.priors, week_sd=5 * spec.priors.week_sd))
    found = calibrated(calibration, truth, N_BROKEN)
    assert not found.filter(like="week_sd", axis=0)["stays_in_all"].all()
