"""Posterior sampling with numpyro, on a GPU where JAX finds one and on the CPU where not."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pymc as pm
import xarray as xr

from bayes_backlog.errors import ConfigError
from bayes_backlog.inference.sampling import Progress, SamplerSettings, silent

MAX_TREE_DEPTH = 10


def sample_numpyro(model: pm.Model, settings: SamplerSettings, *, progress: Progress = silent) -> xr.DataTree:
    """Draw from the posterior; see `sampling.sample_posterior`.

    All chains are one array, as a GPU wants it. Draws depend on the device as well as on the seed.

    Raises
    ------
    ConfigError
        When numpyro is not installed.
    """
    if find_spec("numpyro") is None:
        raise ConfigError(
            "rows.engine is numpyro, and the package numpyro is not installed: pip install 'bayes-backlog[jax]' brings "
            "it. The other engines need nothing more."
        )
    # Optional, and slow to import.
    from pymc.sampling.jax import sample_numpyro_nuts

    from bayes_backlog.models.jax_kernels import register_kernels

    register_kernels()
    total = settings.chains * (settings.tune + settings.draws)
    progress(0, total, "compiling and sampling")
    trace = sample_numpyro_nuts(
        draws=settings.draws,
        tune=settings.tune,
        chains=settings.chains,
        target_accept=settings.target_accept,
        random_seed=settings.seed,
        model=model,
        nuts_kwargs={"max_tree_depth": MAX_TREE_DEPTH},
        progressbar=False,
        chain_method="vectorized",
        compute_convergence_checks=False,
    )
    progress(total, total, "sampled")
    posterior, stats = (trace[group].to_dataset().map(_in_memory) for group in ("posterior", "sample_stats"))
    deepest = stats["n_steps"] >= 2**MAX_TREE_DEPTH - 1
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats.assign(reached_max_treedepth=deepest)})


def _in_memory(values: xr.DataArray) -> xr.DataArray:
    """Return values that lie on a device as a plain array."""
    return values.copy(data=np.asarray(values.data))
