"""The fast row model's posterior against other programs and other samplers, on tables drawn from the model itself.

Means and standard deviations of every parameter are compared in Monte-Carlo standard errors of their difference. Right
programs leave three in a thousand beyond 3; a wrong prior, a lost mover or a misread offset moves several by tens.
"""

from __future__ import annotations

import arviz as az
import jax
import numpy as np
import numpyro
import pandas as pd
import pytest
import xarray as xr
from numpyro import distributions as dist
from numpyro.infer import MCMC, NUTS

from bayes_backlog.inference.rows import fit_rows, row_verdicts
from bayes_backlog.inference.sampling import CompiledModels, SamplerSettings, sample_posterior
from bayes_backlog.models.row_pymc import build_row_pymc
from bayes_backlog.models.row_table import GROUPS
from bayes_backlog.models.spec import ModelSpec

pytestmark = pytest.mark.slow

SPEC = ModelSpec(calendar_terms=("monday", "month_end"), annual_harmonics=1)
SETTINGS = SamplerSettings(chains=4, draws=1000, tune=600, target_accept=0.9, seed=8)
REFERENCE = SamplerSettings(chains=4, draws=2000, tune=1000, target_accept=0.99, seed=8)
"""Of the plain model, whose coordinates want small steps: at 0.9 some draws diverge and spreads come out wrong."""
LIMIT = 3.0
FLOW = "signed_off"


def office(days: int, seed: int) -> pd.DataFrame:
    """Rows drawn from the model: twelve people, four teams, three roles; every third person changes team half-way."""
    rng = np.random.default_rng(seed)
    calendar = pd.DataFrame(0.7 * rng.standard_normal((days, len(SPEC.terms))), columns=list(SPEC.terms))
    slopes = rng.normal(0.0, 0.3, len(SPEC.terms))
    teams, roles = rng.normal(0.0, 0.3, 4), rng.normal(0.0, 0.3, 3)
    day = np.arange(days)
    tables = []
    for person in range(12):
        team = np.where((day > days / 2) & (person % 3 == 0), (person + 1) % 4, person % 4)
        newcomer = np.clip(1.0 - day / 20, 0.0, 1.0).round(2) * (person % 5 == 1)
        log_exposure = np.log(rng.choice([0.6, 0.8, 1.0]))
        log_mean = -0.7 + rng.normal(0.0, 0.4) + teams[team] + roles[person % 3] - 0.5 * newcomer + log_exposure
        mean = np.exp(log_mean + calendar.to_numpy() @ slopes)
        tables.append(
            calendar.assign(
                investigator=f"p{person:02d}",
                team=[f"t{k}" for k in team],
                role=f"r{person % 3}",
                new_starter=newcomer,
                log_exposure=log_exposure,
                signed_off=rng.poisson(mean * rng.gamma(1.5, 1 / 1.5, days)),
            )
        )
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def compiled() -> CompiledModels:
    return CompiledModels()


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return office(days=40, seed=1)


@pytest.fixture(scope="module")
def fast(table: pd.DataFrame, compiled: CompiledModels) -> xr.Dataset:
    return fit_rows(table, FLOW, SPEC, SETTINGS, compiled)["posterior"].to_dataset()


def distances(one: xr.Dataset, other: xr.Dataset) -> pd.Series:
    """Return how far means and standard deviations are apart, in Monte-Carlo standard errors, by parameter."""
    found = {}
    for name in one.data_vars:
        for summary in ("mean", "sd"):
            values, errors = [], []
            for draws in (one[name], other[name]):
                part = draws.mean(("chain", "draw")) if summary == "mean" else draws.std(("chain", "draw"))
                values.append(part.to_numpy())
                errors.append(az.mcse(draws, method=summary).to_numpy())
            apart = np.abs(values[0] - values[1]) / np.hypot(*errors)
            found |= {(name, summary, k): value for k, value in enumerate(np.ravel(apart))}
    return pd.Series(found)


def assert_same_posterior(one: xr.Dataset, other: xr.Dataset) -> None:
    apart = distances(one, other)
    assert (apart < LIMIT).mean() > 0.97, apart.nlargest(5)
    assert apart.max() < 5, apart.nlargest(5)


def plain(table: pd.DataFrame, spec: ModelSpec, compiled: CompiledModels) -> xr.Dataset:
    trace = sample_posterior(build_row_pymc(table, FLOW, spec), REFERENCE, f"plain {len(table)} {spec}", compiled)
    return trace["posterior"].to_dataset()


def test_fast_and_plain_agree_on_few_rows(table: pd.DataFrame, fast: xr.Dataset, compiled: CompiledModels) -> None:
    assert_same_posterior(fast, plain(table, SPEC, compiled))


def test_fast_and_plain_agree_on_more_rows(compiled: CompiledModels) -> None:
    larger = office(days=160, seed=2)
    fast = fit_rows(larger, FLOW, SPEC, SETTINGS, compiled)["posterior"].to_dataset()
    assert_same_posterior(fast, plain(larger, SPEC, compiled))


def test_a_misread_offset_is_another_posterior(table: pd.DataFrame, fast: xr.Dataset, compiled: CompiledModels) -> None:
    misread = fit_rows(table.assign(log_exposure=0.0), FLOW, SPEC, SETTINGS, compiled)
    with pytest.raises(AssertionError):
        assert_same_posterior(fast, misread["posterior"].to_dataset())


def test_numpyro_agrees(table: pd.DataFrame, fast: xr.Dataset) -> None:
    """A program that shares nothing with the package: its own density, gradient, coordinates and sampler."""
    jax.config.update("jax_enable_x64", True)
    codes = {group: pd.factorize(table[group], sort=True) for group in GROUPS}
    priors = SPEC.priors

    def model() -> None:
        eta = table["log_exposure"].to_numpy() + numpyro.sample("Intercept", dist.Normal(*priors.log_staff_rate))
        for term in SPEC.terms:
            eta += numpyro.sample(term, dist.Normal(0, SPEC.term_sd(term, FLOW))) * table[term].to_numpy()
        eta += numpyro.sample("new_starter", dist.Normal(*priors.ramp)) * table["new_starter"].to_numpy()
        for group, (code, labels) in codes.items():
            sd = numpyro.sample(f"1|{group}_sigma", dist.HalfNormal(SPEC.group_sd()[group]))
            z = numpyro.sample(f"{group}_z", dist.Normal(0, 1).expand([len(labels)]))
            eta += numpyro.deterministic(f"1|{group}", sd * z)[code]
        alpha = numpyro.sample("alpha", dist.HalfCauchy(1.0))
        mean = jax.numpy.exp(eta)
        numpyro.sample("y", dist.NegativeBinomial2(mean, alpha), obs=table[FLOW].to_numpy())

    sampler = MCMC(
        NUTS(model, target_accept_prob=0.95),
        num_warmup=600,
        num_samples=1000,
        num_chains=4,
        chain_method="vectorized",
        progress_bar=False,
    )
    sampler.run(jax.random.key(1))
    drawn = sampler.get_samples(group_by_chain=True)
    other = {name: (("chain", "draw", *fast[name].dims[2:]), np.asarray(drawn[name])) for name in fast.data_vars}
    assert_same_posterior(fast, xr.Dataset(other))


def test_the_engine_numpyro_agrees(table: pd.DataFrame, fast: xr.Dataset, compiled: CompiledModels) -> None:
    trace = fit_rows(table, FLOW, SPEC, SETTINGS, compiled, engine="numpyro")
    assert {verdict.status for verdict in row_verdicts(trace)} == {"green"}
    assert_same_posterior(fast, trace["posterior"].to_dataset())


@pytest.mark.skipif(jax.default_backend() != "gpu", reason="JAX finds no GPU here: numpyro was tried on the CPU alone")
def test_the_engine_numpyro_agrees_on_a_gpu(compiled: CompiledModels) -> None:
    larger = office(days=160, seed=2)
    cpu, gpu = (fit_rows(larger, FLOW, SPEC, SETTINGS, compiled, engine=engine) for engine in ("nuts", "numpyro"))
    assert_same_posterior(cpu["posterior"].to_dataset(), gpu["posterior"].to_dataset())
