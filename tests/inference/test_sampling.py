"""Sampling: the draws depend on the seed alone, and half a sample is never taken for a whole one."""

from __future__ import annotations

import _thread
from dataclasses import replace

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
