"""Calibration by simulation of the row model as it is shipped; a model with a wrong prior must fall outside.

Also what judges it: uniform ranks stay inside the band as often as stated, and ranks of a posterior that is too narrow
do not.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.inference.calibration import calibration_table, row_model_ranks, stays_in_band
from bayes_backlog.inference.sampling import SamplerSettings
from bayes_backlog.models.spec import ModelSpec, Priors

N_REPLICATES = 32
N_BROKEN = 16
SPEC = ModelSpec(
    calendar_terms=("month_end",), annual_harmonics=0, priors=Priors(log_staff_rate=(-1.0, 0.5), investigator_sd=0.5)
)
SETTINGS = SamplerSettings(chains=2, draws=250, tune=200, target_accept=0.8, seed=3)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Ten people in two teams and two roles over 25 days."""
    days, people = np.arange(25), np.arange(10)
    day, person = (grid.ravel() for grid in np.meshgrid(days, people, indexing="ij"))
    return pd.DataFrame(
        {
            "signed_off": 0,
            "month_end": (day % 10 == 0).astype(float),
            "new_starter": np.where(person == 3, np.clip(1 - day / 10, 0, 1), 0.0),
            "log_exposure": np.log(np.where(person == 1, 0.6, 1.0)),
            "investigator": [f"P{k}" for k in person],
            "team": [f"T{k % 2}" for k in person],
            "role": [f"R{k // 5}" for k in person],
        }
    )


def calibrated(table: pd.DataFrame, truth: ModelSpec, n: int) -> pd.DataFrame:
    ranks = row_model_ranks(table, "signed_off", SPEC, SETTINGS, range(n), truth=truth)
    return calibration_table(pd.concat(ranks)).set_index("quantity")


def test_the_row_model_is_calibrated(table: pd.DataFrame) -> None:
    found = calibrated(table, SPEC, N_REPLICATES)
    assert set(found.index) >= {"Intercept", "month_end", "new_starter", "1|investigator_sigma", "alpha"}
    assert found["n"].min() == N_REPLICATES
    assert found["stays_in_all"].all(), found


def test_a_wrong_prior_falls_outside(table: pd.DataFrame) -> None:
    """Investigators differ five times as much as the fitted model believes."""
    truth = dataclasses.replace(SPEC, priors=dataclasses.replace(SPEC.priors, investigator_sd=2.5))
    found = calibrated(table, truth, N_BROKEN)
    assert not found.loc["1|investigator_sigma", "stays_in_all"]
    assert found.loc["1|investigator_sigma", "mean_rank"] > 0.6


def test_uniform_ranks_stay_in_the_band_as_often_as_stated() -> None:
    """Within 4 Monte-Carlo standard errors; the band as a whole, not point by point."""
    rng, n = np.random.default_rng(1), 400
    inside = np.mean([stays_in_band(rng.random(30), 0.8) for _ in range(n)])
    assert abs(inside - 0.8) < 4 * np.sqrt(0.8 * 0.2 / n)


@pytest.mark.parametrize("shape", [(0.5, 0.5), (3.0, 3.0), (2.0, 1.0)], ids=["too narrow", "too wide", "biased"])
def test_ranks_that_are_not_uniform_leave_the_band(shape: tuple[float, float]) -> None:
    assert not stays_in_band(np.random.default_rng(2).beta(*shape, 200), 0.95)
