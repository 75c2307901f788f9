"""The transparent row model in Bambi: a formula that a statistician can read.

    flow ~ 1 + calendar terms + new_starter + offset(log_exposure) + (1|investigator) + (1|team) + (1|role)

with a negative binomial response, var = mu + mu^2 / alpha, or that of a variant. The formula is put together from names
that the specification lists, never from text of a user. Rows alone are over-confident for totals: `forecaster` is the
default.
"""

from __future__ import annotations

import bambi as bmb
import pandas as pd

from bayes_backlog.models.row_table import row_formula, row_steps, row_terms, term_prior
from bayes_backlog.models.row_variant import PLAIN, Response, RowVariant
from bayes_backlog.models.spec import ModelSpec


def build_row_bambi(table: pd.DataFrame, flow: str, spec: ModelSpec, variant: RowVariant = PLAIN) -> bmb.Model:
    """Build the row model of one staff flow.

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

    Returns
    -------
    bambi.Model
        Built, not fitted. Priors are passed as they are: Bambi's own scaling and centring are off.
    """
    priors = spec.priors
    model = bmb.Model(
        row_formula(flow, spec, table, variant),
        table,
        family=variant.response.family,
        link=variant.response.link,
        priors={
            "Intercept": _normal(*priors.log_staff_rate),
            **{term: _normal(*term_prior(term, flow, spec)) for term in row_terms(spec, table, variant)},
            **{step: bmb.Prior("Exponential", lam=1.0 / variant.step) for step in row_steps(variant, table)},
            **{
                f"1|{group}": bmb.Prior("Normal", mu=0.0, sigma=bmb.Prior("HalfNormal", sigma=sd))
                for group, sd in spec.group_sd().items()
            },
            **_response_priors(variant.response),
        },
        auto_scale=False,
        center_predictors=False,
    )
    model.build()
    return model


def _response_priors(response: Response) -> dict[str, bmb.Prior]:
    priors = {} if response.is_any else {"alpha": bmb.Prior("HalfCauchy", beta=1.0)}
    if response.psi is not None:
        priors["psi"] = bmb.Prior("Beta", alpha=response.psi[0], beta=response.psi[1])
    return priors


def _normal(mean: float, sd: float) -> bmb.Prior:
    return bmb.Prior("Normal", mu=mean, sigma=sd)
