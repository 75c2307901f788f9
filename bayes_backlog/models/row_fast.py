"""The row model as it is sampled: the plain model's posterior, one to one, at a fraction of the cost.

Same specification, priors and names as `row_pymc` and `row_bambi`. Two things are different, and neither approximates:
what the sampler moves (`upper_levels`), and how the likelihood is added up (`negative_binomial_op`).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayes_backlog.models.negative_binomial_op import gather, log_likelihood
from bayes_backlog.models.row_table import GROUPS, NEW_STARTER, row_terms
from bayes_backlog.models.spec import ModelSpec
from bayes_backlog.models.upper_levels import Effects, Membership, effects_of, find_membership

INTERNAL = ("investigator_rate", "upper_normals")
"""What is sampled in place of intercept and group effects; the posterior has those as well."""


def build_row_fast(table: pd.DataFrame, flow: str, spec: ModelSpec) -> pm.Model:
    """Build the row model of one staff flow.

    Parameters
    ----------
    table : DataFrame
        `row_table` of the design.
    flow : str
        The response.
    spec : ModelSpec
        Terms and priors.

    Returns
    -------
    pymc.Model
        Variables as in `row_pymc`, but for the calendar terms' slopes, one vector `slope`. Arrays enter as `pm.Data`.
    """
    labels = {group: pd.factorize(table[group], sort=True) for group in GROUPS}
    coded = table.assign(**{group: code for group, (code, _) in labels.items()})
    varying = row_terms(spec, table)
    terms = [term for term in varying if term != NEW_STARTER]
    units, unit = _distinct(coded, [*GROUPS, NEW_STARTER, "log_exposure"])
    profiles, profile = _distinct(coded, terms)
    membership = find_membership(*(units[column].to_numpy() for column in (*GROUPS, "n_rows")))
    cells = gather(unit, profile, table[flow].to_numpy(dtype=np.int64))
    coords = {
        **{f"{group}__factor_dim": list(names) for group, (_, names) in labels.items()},
        "term": terms,
        "upper": list(range(len(membership.rotation))),
        "difference": list(range(membership.n_differences)),
    }
    log_rate = np.log((table[flow].sum() + 0.5) / np.exp(table["log_exposure"]).sum())
    with pm.Model(coords=coords) as model:
        rates = pm.Flat(
            "investigator_rate", dims="investigator__factor_dim", initval=np.full(len(membership.home), log_rate)
        )
        effects = _group_effects(rates, membership, spec)
        unit_effect = (
            rates[pm.Data("unit_investigator", units["investigator"].to_numpy())]
            + pt.dot(pm.Data("unit_away", membership.away), effects.differences)
            + pm.Data("unit_log_exposure", units["log_exposure"].to_numpy())
        )
        if NEW_STARTER in varying:
            ramp = pm.Normal(NEW_STARTER, *spec.priors.ramp)
            unit_effect = unit_effect + ramp * pm.Data("unit_new_starter", units[NEW_STARTER].to_numpy())
        slope = pm.Normal("slope", 0.0, np.array([spec.term_sd(term, flow) for term in terms]), dims="term")
        profile_effect = pt.dot(pm.Data("profiles", profiles[terms].to_numpy(dtype=float)), slope)
        alpha = pm.HalfCauchy("alpha", 1.0)
        data = {name: pm.Data(name, values) for name, values in dataclasses.asdict(cells).items()}
        pm.Potential("likelihood", log_likelihood(unit_effect, profile_effect, alpha, data))
    return model


def _distinct(table: pd.DataFrame, columns: list[str]) -> tuple[pd.DataFrame, NDArray[np.integer]]:
    """Return the distinct rows of some columns, each with its number of rows, and the place of every row among them."""
    groups = table.assign(everything=0)[["everything", *columns]].groupby(["everything", *columns])
    return groups.size().rename("n_rows").reset_index(), groups.ngroup().to_numpy()


def _group_effects(rates: pt.TensorVariable, membership: Membership, spec: ModelSpec) -> Effects:
    """Add the scales, the rates' prior, and intercept and group effects as `row_pymc` names them."""
    sds = {group: pm.HalfNormal(f"1|{group}_sigma", spec.group_sd()[group]) for group in GROUPS}
    teams, roles = (len(pm.modelcontext(None).coords[f"{group}__factor_dim"]) for group in ("team", "role"))
    mean, sd = spec.priors.log_staff_rate
    effects = effects_of(
        rates,
        pm.Normal("upper_normals", dims="upper"),
        sds["investigator"],
        np.array([mean] + (teams + roles) * [0.0]),
        pt.concatenate([[sd], pt.repeat(sds["team"], teams), pt.repeat(sds["role"], roles)]),
        pm.Data("home", membership.home),
        pm.Data("rotation", membership.rotation),
        membership.n_differences,
    )
    pm.Potential("rates_prior", effects.log_density)
    pm.Deterministic("Intercept", effects.upper[0])
    of_group = {"investigator": effects.own, "team": effects.upper[1 : 1 + teams], "role": effects.upper[1 + teams :]}
    for group, effect in of_group.items():
        pm.Deterministic(f"1|{group}", effect, dims=f"{group}__factor_dim")
    return effects
