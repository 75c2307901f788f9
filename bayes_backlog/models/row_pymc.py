"""The row model by hand in PyMC, with Bambi's variable names, so that the two can be compared point by point."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt

from bayes_backlog.models.design import Ints
from bayes_backlog.models.row_table import GROUPS, row_response, row_steps, row_terms, term_prior
from bayes_backlog.models.row_variant import PLAIN, Response, RowVariant
from bayes_backlog.models.spec import ModelSpec


def build_row_pymc(table: pd.DataFrame, flow: str, spec: ModelSpec, variant: RowVariant = PLAIN) -> pm.Model:
    """Build the row model of one staff flow: same specification, priors and names as `row_bambi`.

    Parameters
    ----------
    table : DataFrame
        `row_table` of the design.
    flow : str
        The response.
    spec : ModelSpec
        Terms and priors.
    variant : RowVariant
        Response and ramp.
    """
    priors = spec.priors
    codes = {group: pd.factorize(table[group], sort=True) for group in GROUPS}
    with pm.Model(coords={f"{group}__factor_dim": list(labels) for group, (_, labels) in codes.items()}) as model:
        eta = table["log_exposure"].to_numpy() + pm.Normal("Intercept", *priors.log_staff_rate)
        for term in row_terms(spec, table, variant):
            eta = eta + pm.Normal(term, *term_prior(term, flow, spec)) * table[term].to_numpy()
        for step in row_steps(variant, table):
            eta = eta + pm.Exponential(step, scale=variant.step) * table[step].to_numpy()
        for group, (code, _) in codes.items():
            sd = pm.HalfNormal(f"1|{group}_sigma", spec.group_sd()[group])
            offset = pm.Normal(f"1|{group}_offset", dims=f"{group}__factor_dim")
            eta = eta + pm.Deterministic(f"1|{group}", offset * sd, dims=f"{group}__factor_dim")[code]
        response = row_response(flow, variant)
        _observe(response, pt.exp(eta), table[response].to_numpy(), variant.response)
    return model


def _observe(name: str, rate: pt.TensorVariable, observed: Ints, response: Response) -> None:
    """Add the likelihood of rows, (R,) each, and its own parameters."""
    if response.is_any:
        pm.Bernoulli(name, p=-pt.expm1(-rate), observed=observed)
        return
    alpha = pm.HalfCauchy("alpha", 1.0)
    if response.psi is None:
        pm.NegativeBinomial(name, mu=rate, alpha=alpha, observed=observed)
        return
    psi = pm.Beta("psi", *response.psi)
    if response.family == "zero_inflated_negativebinomial":
        pm.ZeroInflatedNegativeBinomial(name, psi=psi, mu=rate, alpha=alpha, observed=observed)
    else:
        # PyMC's own hurdle goes through an incomplete beta function, whose gradient is slow; of zero it is a power.
        some = np.flatnonzero(observed)
        counts = pm.NegativeBinomial.dist(mu=rate[some], alpha=alpha)
        log_any = pt.log1mexp(pm.logp(counts, 0))
        hurdle = len(some) * pt.log(psi) + (len(observed) - len(some)) * pt.log1p(-psi)
        pm.Potential(name, hurdle + (pm.logp(counts, observed[some]) - log_any).sum())
