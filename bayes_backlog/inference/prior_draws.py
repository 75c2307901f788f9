"""Draws of a model's own prior: parameters and effects before any count was seen."""

from __future__ import annotations

import arviz as az
import pymc as pm
import xarray as xr

from bayes_backlog.models.design import Design
from bayes_backlog.models.forecaster import build_forecaster
from bayes_backlog.models.spec import ModelSpec


def draw_prior(design: Design, spec: ModelSpec, n: int, seed: int) -> xr.DataTree:
    """Draw from the prior.

    Parameters
    ----------
    design : Design
        Gives the dimensions; its counts are not used.
    spec : ModelSpec
        Parts and priors.
    n : int
        Draws; the first ones are the same whatever their number.
    seed : int
        Of the draws.

    Returns
    -------
    DataTree
        One chain in a group `posterior`, so that whatever reads a fit reads the prior too: same names, same dimensions.
    """
    return draw_model_prior(build_forecaster(design, spec, as_written=True), n, seed)


def draw_model_prior(model: pm.Model, n: int, seed: int) -> xr.DataTree:
    """Draw from the prior of any model: everything it names, the data that it observes included."""
    variables = [*model.free_RVs, *model.deterministics, *model.observed_RVs]
    drawn = pm.draw(variables, draws=n, random_seed=seed, mode="FAST_COMPILE")
    by_name = {
        # A single draw comes without a dimension for draws.
        variable.name: values.reshape(1, n, *values.shape[values.ndim - variable.ndim :])
        for variable, values in zip(variables, drawn, strict=True)
    }
    dims = {name: list(model.named_vars_to_dims[name]) for name in by_name if name in model.named_vars_to_dims}
    coords = {name: list(labels) for name, labels in model.coords.items() if labels is not None}
    return az.from_dict({"posterior": by_name}, dims=dims, coords=coords)
