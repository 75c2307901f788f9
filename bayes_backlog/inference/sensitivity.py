"""Does the answer hang on the priors? Each prior is made a little weaker and a little stronger, by power scaling.

A prior to the power of 0.8 or 1.25 changes the weights of the draws and not the draws, so nothing is sampled again
(Kallioinen et al. 2024, doi:10.1007/s11222-023-10366-5). What moves may be a parameter, or anything computed from the
draws: here what the forecast answers. Priors are those of parameters; populations (weeks, people) follow from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.psense import power_scale_dataset, psense
from pymc.model.transform.conditioning import remove_value_transforms

from bayes_backlog.inference.arithmetic import in_order
from bayes_backlog.inference.gate import Status
from bayes_backlog.inference.parameters import parameter_names

if TYPE_CHECKING:
    import pymc as pm

WEAKER, STRONGER = 0.8, 1.25
LIMIT = 0.05
"""Sensitivity from which a prior counts as informative for a quantity, the paper's own."""
SAMPLE_DIMS = ["chain", "draw"]


def prior_densities(model: pm.Model, posterior: xr.Dataset) -> xr.Dataset:
    """Return the log-density of draws under the prior of every parameter, ArviZ's group `log_prior`.

    Parameters
    ----------
    model : pymc.Model
        What was sampled.
    posterior : Dataset
        (chain, draw, ...) every parameter of the model.

    Returns
    -------
    Dataset
        (chain, draw) for every parameter, summed over its elements, on the parameter's own scale.
    """
    plain = remove_value_transforms(model)
    names = parameter_names(plain)
    densities = [term.sum() for term in plain.logp([plain[name] for name in names], sum=False)]
    inputs = [plain.rvs_to_values[plain[name]] for name in names]
    values = {value.name: posterior[value.name].transpose(*SAMPLE_DIMS, ...).to_numpy() for value in inputs}
    shape = tuple(posterior.sizes[dim] for dim in SAMPLE_DIMS)
    with in_order():
        compute = plain.compile_fn(densities, inputs=inputs, on_unused_input="ignore")
        found = np.array([compute({name: of[at] for name, of in values.items()}) for at in np.ndindex(*shape)])
    return xr.Dataset({name: (SAMPLE_DIMS, of) for name, of in zip(names, found.T.reshape(-1, *shape), strict=True)})


def sensitivity_table(answers: xr.Dataset, log_prior: xr.Dataset) -> pd.DataFrame:
    """Return how far every answer moves with every prior.

    Parameters
    ----------
    answers : Dataset
        (chain, draw) each, two or more of them, of the draws whose prior densities are given.
    log_prior : Dataset
        (chain, draw) for each prior, as from `prior_densities`.

    Returns
    -------
    DataFrame
        prior, quantity, sensitivity (change of the distribution per doubling of the prior, by the Jensen-Shannon
        distance of its distribution functions), weaker, median, stronger (of the quantity with the prior to the power
        of `WEAKER`, 1 and `STRONGER`), status (amber from `LIMIT`); largest sensitivity first.
    """
    tree = xr.DataTree.from_dict({"posterior": answers, "log_prior": log_prior})
    rows = []
    for prior in log_prior.data_vars:
        found = psense(tree, group="prior", group_var_names=[str(prior)])
        scaled = power_scale_dataset(
            tree,
            group="prior",
            alphas=(WEAKER, STRONGER),
            sample_dims=SAMPLE_DIMS,
            group_var_names=[str(prior)],
            group_coords=None,
        )
        for quantity in answers.data_vars:
            weaker, median, stronger = scaled[quantity].median("sample").to_numpy().tolist()
            sensitivity = round(float(found[quantity]), 4)
            status: Status = "amber" if sensitivity >= LIMIT else "green"
            rows.append((str(prior), str(quantity), sensitivity, weaker, median, stronger, status))
    columns = ["prior", "quantity", "sensitivity", "weaker", "median", "stronger", "status"]
    return pd.DataFrame(rows, columns=columns).sort_values("sensitivity", ascending=False, ignore_index=True)
