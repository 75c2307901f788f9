"""The row model by hand in PyMC, with Bambi's variable names, so that the two can be compared point by point."""

from __future__ import annotations

import pandas as pd
import pymc as pm
import pytensor.tensor as pt

from bayes_backlog.models.row_table import GROUPS, row_terms, term_prior
from bayes_backlog.models.spec import ModelSpec


def build_row_pymc(table: pd.DataFrame, flow: str, spec: ModelSpec) -> pm.Model:
    """Build the row model of one staff flow: same specification, priors and names as `row_bambi`.

    Parameters
    ----------
    table : DataFrame
        `row_table` of the design.
    flow : str
        The response.
    spec : ModelSpec
        Terms and priors.
    """
    priors = spec.priors
    codes = {group: pd.factorize(table[group], sort=True) for group in GROUPS}
    with pm.Model(coords={f"{group}__factor_dim": list(labels) for group, (_, labels) in codes.items()}) as model:
        eta = table["log_exposure"].to_numpy() + pm.Normal("Intercept", *priors.log_staff_rate)
        for term in row_terms(spec, table):
            eta = eta + pm.Normal(term, *term_prior(term, flow, spec)) * table[term].to_numpy()
        for group, (code, _) in codes.items():
            sd = pm.HalfNormal(f"1|{group}_sigma", spec.group_sd()[group])
            offset = pm.Normal(f"1|{group}_offset", dims=f"{group}__factor_dim")
            eta = eta + pm.Deterministic(f"1|{group}", offset * sd, dims=f"{group}__factor_dim")[code]
        alpha = pm.HalfCauchy("alpha", 1.0)
        pm.NegativeBinomial(flow, mu=pt.exp(eta), alpha=alpha, observed=table[flow].to_numpy())
    return model
