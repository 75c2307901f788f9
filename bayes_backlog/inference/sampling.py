"""Posterior sampling with nutpie: same seed, same draws, whatever the number of cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import nutpie
import pymc as pm
import xarray as xr
from threadpoolctl import threadpool_limits

from bayes_backlog.inference.arithmetic import in_order

Progress = Callable[[int, int, str], None]
"""Called with work done, work in all and a few words."""


def silent(_done: int, _total: int, _words: str) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class SamplerSettings:
    """What decides the draws, apart from model and data."""

    chains: int
    draws: int
    tune: int
    target_accept: float
    seed: int


@dataclass
class CompiledModels:
    """Compiled models by structure, so that folds and replicates of equal shape compile once.

    Two models have the same structure when they come from the same specification and their parameters have the same
    dimensions; arrays that enter as `pm.Data` may differ in content and length.
    """

    _by_structure: dict[tuple[object, ...], Any] = field(default_factory=dict)

    def get(self, model: pm.Model, specification: str) -> Any:
        """Return compiled code for a model, holding the model's own data; its labels may be those of an earlier one."""
        sizes = tuple(sorted((name, len(labels)) for name, labels in model.coords.items() if labels is not None))
        key = (specification, tuple(variable.name for variable in model.free_RVs), sizes)
        if key not in self._by_structure:
            with in_order():
                self._by_structure[key] = nutpie.compile_pymc_model(model)
        code = self._by_structure[key]
        # Data that no part of the model reads are not in the compiled code: own work in progress without an elasticity.
        read = {variable.name for variable in code.shared_var_keys}
        data = {v.name: v.get_value() for v in model.data_vars if v.name in read}
        return code.with_data(**data)


@cache
def compiled_here() -> CompiledModels:
    """Return the models that this process has compiled."""
    return CompiledModels()


def sample_posterior(
    model: pm.Model,
    settings: SamplerSettings,
    specification: str,
    compiled: CompiledModels,
    *,
    progress: Progress = silent,
    cores: int | None = None,
) -> xr.DataTree:
    """Draw from the posterior.

    Parameters
    ----------
    model : pymc.Model
        Any model.
    settings : SamplerSettings
        Chains, draws, tuning and seed.
    specification : str
        What the model was built from; see `CompiledModels`.
    compiled : CompiledModels
        Code compiled so far; the model's own is added.
    progress : callable
        Told of finished draws.
    cores : int, optional
        Chains run at the same time; nutpie's choice when omitted. The draws do not depend on it.

    Returns
    -------
    xarray.DataTree
        Groups `posterior` (chain, draw, ...) and `sample_stats`.
    """
    total = settings.chains * (settings.tune + settings.draws)
    progress(0, total, "compiling the model")
    code = compiled.get(model, specification)

    def report(chains: list[Any]) -> None:
        diverged = sum(chain.divergences for chain in chains)
        words = "sampling" + (f", {diverged} divergences" if diverged else "")
        progress(sum(chain.finished_draws for chain in chains), total, words)

    # Chains run side by side already, and threads that share out small matrices wait for one another.
    with threadpool_limits(1, user_api="blas"):
        sampler = nutpie.sample(
            code,
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=cores,
            seed=settings.seed,
            target_accept=settings.target_accept,
            save_warmup=False,
            progress_bar=False,
            progress_callback=report,
            blocking=False,
        )
        try:
            trace = sampler.wait()
        except BaseException:
            # Left to itself, an interrupted sampler returns the draws it has as if they were all.
            sampler.cancel()
            raise
    progress(total, total, "sampled")
    posterior = trace["posterior"].to_dataset()
    labels = {
        name: list(values) for name, values in model.coords.items() if name in posterior.dims and values is not None
    }
    return xr.DataTree.from_dict(
        {"posterior": posterior.assign_coords(labels), "sample_stats": trace["sample_stats"].to_dataset()}
    )
