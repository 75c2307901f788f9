"""Sampling: the draws depend on the seed alone, and half a sample is never taken for a whole one."""

from __future__ import annotations

import _thread
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pymc as pm
import pytest
import xarray as xr

from bayes_backlog.inference.sampling import CompiledModels, Progress, SamplerSettings, sample_posterior, silent

SETTINGS = SamplerSettings(chains=2, draws=60, tune=60, target_accept=0.8, seed=3)


def model_of(heights: list[float]) -> pm.Model:
    with pm.Model() as model:
        pm.Data("unread", [1.0])  # as flows without elasticities leave the work in progress
        pm.Normal("height", pm.Normal("mean"), observed=pm.Data("heights", heights))
    return model


@pytest.fixture(scope="module")
def model() -> pm.Model:
    return model_of([1.0, 2.0, 4.0])


@pytest.fixture(scope="module")
def compiled() -> CompiledModels:
    return CompiledModels()


def drawn(
    model: pm.Model, compiled: CompiledModels, settings: SamplerSettings, cores: int, progress: Progress = silent
) -> xr.DataArray:
    trace = sample_posterior(model, settings, "heights", compiled, cores=cores, progress=progress)
    return trace["posterior"].to_dataset()["mean"]


def test_draws_depend_on_the_seed_and_not_on_the_cores(model: pm.Model, compiled: CompiledModels) -> None:
    one, two = (drawn(model, compiled, SETTINGS, cores) for cores in (1, 2))
    assert one.to_numpy().tobytes() == two.to_numpy().tobytes()
    assert not one.equals(drawn(model, compiled, replace(SETTINGS, seed=4), 2))


def test_compiled_code_serves_other_data(model: pm.Model, compiled: CompiledModels) -> None:
    """Means of 7/4 and 70/4, each with a posterior sd of 1/2; stale data would give the first one twice."""
    first, second = (drawn(m, compiled, SETTINGS, 1) for m in (model, model_of([10.0, 20.0, 40.0])))
    assert abs(float(first.mean()) - 7 / 4) < 0.5
    assert abs(float(second.mean()) - 70 / 4) < 0.5


@pytest.mark.slow  # a signal's timing: on a crowded machine the sampler was once done before it came
def test_an_interrupted_sampler_gives_no_draws(model: pm.Model, compiled: CompiledModels) -> None:
    """nutpie by itself returns what it has when Ctrl-C is pressed, and a fold would be scored on it."""

    pressed = []

    def interrupt(done: int, _total: int, _words: str) -> None:
        if done and not pressed:
            pressed.append(done)
            _thread.interrupt_main()

    with pytest.raises(KeyboardInterrupt):
        drawn(model, compiled, replace(SETTINGS, draws=2_000_000), 1, interrupt)


@pytest.mark.slow
def test_the_first_run_of_a_machine_draws_what_the_next_one_does(tmp_path: Path) -> None:
    """Code from the compiler and the same code from disk; reordered arithmetic gives other last digits."""
    program = """
import numpy as np
import pandas as pd
from bayes_backlog.inference.rows import fit_rows
from bayes_backlog.inference.sampling import CompiledModels, SamplerSettings
from bayes_backlog.models.spec import ModelSpec
rng = np.random.default_rng(1)
counts = rng.poisson(0.4 * np.exp(rng.normal(0, 0.4, 24))[:, None] * rng.gamma(1.5, 1 / 1.5, (24, 50)))
person, day = (place.ravel() for place in np.indices(counts.shape))
groups = {"investigator": 24, "team": 4, "role": 2}
table = pd.DataFrame({name: [f"{name}{k:02d}" for k in person % size] for name, size in groups.items()})
table = table.assign(signed_off=counts.ravel(), month_end=(day % 21 == 20) * 1.0, new_starter=0.0, log_exposure=0.0)
spec, settings = ModelSpec(calendar_terms=("month_end",), annual_harmonics=0), SamplerSettings(2, 50, 100, 0.8, 2)
trace = fit_rows(table, "signed_off", spec, settings, CompiledModels(), cores=1)
print(trace["posterior"]["Intercept"].to_numpy().tobytes().hex())
"""
    place = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={tmp_path}"}
    runs = [
        subprocess.run([sys.executable, "-c", program], env=place, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1] != ""
