"""A weighted normal at the mode is the posterior where the data say enough, says so, and gives way where not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest
import xarray as xr
from scipy import special

from bayes_backlog.errors import ConfigError
from bayes_backlog.inference import numpyro_sampling
from bayes_backlog.inference.gate import Verdict
from bayes_backlog.inference.laplace import (
    APPROXIMATE,
    SplitNormal,
    approximate_or,
    effective_sizes,
    importance_verdicts,
    resampled,
    smoothed,
    split_normal,
)
from bayes_backlog.inference.rows import fit_rows, row_verdicts
from bayes_backlog.inference.sampling import CompiledModels, SamplerSettings
from bayes_backlog.models.row_fast import build_row_fast
from bayes_backlog.models.spec import ModelSpec
from bayes_backlog.runs import write_dataset

SPEC = ModelSpec(calendar_terms=("month_end",), annual_harmonics=0)
SETTINGS = SamplerSettings(chains=4, draws=1000, tune=500, target_accept=0.8, seed=2)
PEOPLE, DAYS, FLOW = 24, 50, "signed_off"
IMPORTANCE = ["importance_k_hat", "importance_ess"]


def office(counts: np.ndarray) -> pd.DataFrame:
    """Rows of 24 people in four teams and two roles; `counts` by person and day."""
    person, day = (place.ravel() for place in np.indices(counts.shape))
    return pd.DataFrame(
        {
            FLOW: counts.ravel(),
            "month_end": (day % 21 == 20).astype(float),
            "new_starter": 0.0,
            "log_exposure": np.log(np.where(person % 3 == 0, 0.6, 1.0)),
            "investigator": [f"p{k:02d}" for k in person],
            "team": [f"t{k}" for k in person % 4],
            "role": [f"r{k}" for k in person % 2],
        }
    )


def busy(seed: int) -> pd.DataFrame:
    """Some twenty cases each."""
    rng = np.random.default_rng(seed)
    rate = 0.4 * np.exp(rng.normal(0, 0.3, 4)[np.arange(PEOPLE) % 4] + rng.normal(0, 0.4, PEOPLE))
    return office(rng.poisson(rate[:, None] * rng.gamma(1.5, 1 / 1.5, (PEOPLE, DAYS))))


def hardly_any(seed: int) -> pd.DataFrame:
    """Eight cases each, all on one day: who differs from whom cannot be told from how days differ."""
    counts = np.zeros((PEOPLE, DAYS), dtype=int)
    counts[np.arange(PEOPLE), np.random.default_rng(seed).integers(0, DAYS, PEOPLE)] = 8
    return office(counts)


@pytest.fixture(scope="module")
def compiled() -> CompiledModels:
    return CompiledModels()


@pytest.fixture(scope="module")
def approximated(compiled: CompiledModels) -> xr.DataTree:
    return fit_rows(busy(1), FLOW, SPEC, SETTINGS, compiled, engine="laplace")


def by_check(verdicts: list[Verdict]) -> dict[str, Verdict]:
    return {verdict.check: verdict for verdict in verdicts}


@pytest.mark.slow
def test_means_and_spreads_are_those_of_nuts(approximated: xr.DataTree, compiled: CompiledModels) -> None:
    """In Monte-Carlo standard errors of both; draws by weight are worth `ess` independent ones, at the least."""
    one, other = (
        trace["posterior"].to_dataset() for trace in (approximated, fit_rows(busy(1), FLOW, SPEC, SETTINGS, compiled))
    )
    inflation = np.sqrt(SETTINGS.chains * SETTINGS.draws / float(approximated["importance"]["ess"]))
    assert inflation < 2
    apart = []
    for name in other.data_vars:
        assert one[name].dims == other[name].dims
        for method, summary in (("mean", xr.DataArray.mean), ("sd", xr.DataArray.std)):
            errors = np.hypot(inflation * az.mcse(one[name], method=method), az.mcse(other[name], method=method))
            apart.append(
                np.abs(summary(one[name], ("chain", "draw")) - summary(other[name], ("chain", "draw"))) / errors
            )
    found = np.concatenate([np.ravel(part) for part in apart])
    assert (found < 3).mean() > 0.97
    assert found.max() < 4.5


def test_it_is_called_approximate_wherever_it_is_told(approximated: xr.DataTree, tmp_path: Path) -> None:
    assert approximated["posterior"].attrs == {"approximate": APPROXIMATE}
    assert "sample_stats" not in approximated
    verdicts = by_check(row_verdicts(approximated))
    assert [verdict.status for verdict in verdicts.values()] == ["green"] * 3
    assert all(APPROXIMATE in verdicts[check].message for check in IMPORTANCE)
    write_dataset(approximated, tmp_path / "rows.nc")
    assert xr.open_datatree(tmp_path / "rows.nc")["posterior"].attrs == {"approximate": APPROXIMATE}


@pytest.mark.slow
def test_it_gives_way_to_nuts_where_hardly_anything_happened(compiled: CompiledModels) -> None:
    table = hardly_any(1)
    trace = fit_rows(table, FLOW, SPEC, SETTINGS, compiled, engine="laplace")
    sampled = fit_rows(table, FLOW, SPEC, SETTINGS, compiled)
    assert trace["posterior"].to_dataset().equals(sampled["posterior"].to_dataset())
    assert "approximate" not in trace["posterior"].attrs
    verdicts = by_check(row_verdicts(trace))
    assert [verdicts[check].status for check in IMPORTANCE] == ["amber", "amber"]
    assert all("approximation refused, sampled by NUTS instead" in verdicts[check].message for check in IMPORTANCE)
    assert {"R-hat", "bulk ESS", "divergences"} < set(verdicts)
    assert set(by_check(row_verdicts(sampled))) == set(verdicts) - set(IMPORTANCE)


def test_the_sampler_is_asked_only_where_it_does_not_hold() -> None:
    """What is sampled then comes back as it is, with the reason beside it."""
    sampled = xr.Dataset({"alpha": (("chain", "draw"), [[1.0]])})
    asked = []

    def sample() -> xr.DataTree:
        asked.append(sampled)
        return xr.DataTree.from_dict({"posterior": sampled})

    held, refused = (
        approximate_or(sample, build_row_fast(table, FLOW, SPEC), SETTINGS) for table in (busy(1), hardly_any(1))
    )
    assert len(asked) == 1
    assert "slope" in held["posterior"]
    assert refused["posterior"].to_dataset().identical(sampled)
    assert [verdict.status for verdict in importance_verdicts(refused["importance"].to_dataset())] == ["amber"] * 2


def test_a_density_without_curvature_is_left_to_the_sampler() -> None:
    """Flat to one side of a point and infinitely steep to the other, where normals do not lie."""
    with pm.Model() as broken:
        x = pm.Flat("x", initval=1.0)
        pm.Potential("cliff", -pt.sqrt(pt.abs(x)))
    sampled = xr.Dataset({"x": (("chain", "draw"), [[1.0]])})
    found = approximate_or(lambda: xr.DataTree.from_dict({"posterior": sampled}), broken, SETTINGS)
    assert found["posterior"].to_dataset().identical(sampled)
    assert importance_verdicts(found["importance"].to_dataset())[0].status == "amber"


@pytest.mark.slow
def test_few_draws_are_refused_however_good_the_weights(compiled: CompiledModels) -> None:
    few = SamplerSettings(chains=2, draws=150, tune=300, target_accept=0.8, seed=2)
    verdicts = by_check(row_verdicts(fit_rows(busy(1), FLOW, SPEC, few, compiled, engine="laplace")))
    assert verdicts["importance_ess"].status == "amber"
    assert "R-hat" in verdicts


@pytest.mark.parametrize(("target_sd", "shape"), [(2.0, 0.75), (1.5, 1 - 1 / 1.5**2)])
def test_tails_wider_than_the_draws_have_the_known_shape(target_sd: float, shape: float) -> None:
    """A normal of sd s against draws of sd 1: k = 1 - 1/s^2. With the sign turned round the tail would be narrow."""
    draws = np.random.default_rng(5).standard_normal(100_000)
    log_weights, k_hat = smoothed(draws**2 * (1 - target_sd**-2) / 2)
    assert k_hat == pytest.approx(shape, abs=0.15)
    assert log_weights[np.abs(draws).argmax()] == log_weights.max()
    assert np.exp(log_weights).sum() == pytest.approx(1.0)


def test_tails_narrower_than_the_draws_have_none() -> None:
    draws = np.random.default_rng(5).standard_normal(100_000)
    log_weights, k_hat = smoothed(-(draws**2))
    assert k_hat < 0.1
    assert log_weights[np.abs(draws).argmin()] > log_weights[np.abs(draws).argmax()]


def test_a_leaning_density_is_met_on_both_sides() -> None:
    """Logarithms of gamma variables, mixed: draws of the symmetric normal are worth half as much, or less."""
    shapes, mixed = np.array([3.0, 8.0, 30.0]), np.array([[1.0, 0.0, 0.0], [0.7, 1.0, 0.0], [-0.4, 0.2, 1.0]])

    def density(point: np.ndarray) -> tuple[float, np.ndarray]:
        logs = mixed @ point
        return float((shapes * logs - np.exp(logs)).sum()), mixed.T @ (shapes - np.exp(logs))

    def weighed(normal: SplitNormal) -> tuple[np.ndarray, np.ndarray]:
        points, log_density = normal.draw(20_000, np.random.default_rng(0))
        weights = np.exp(smoothed(np.array([density(point)[0] for point in points]) - log_density)[0])
        logs = points @ mixed.T
        return weights @ logs, effective_sizes(logs, weights)

    normal = split_normal(density, np.zeros(3))
    means, sizes = weighed(normal)
    errors = np.sqrt(special.polygamma(1, shapes) / sizes)
    assert (np.abs(means - special.digamma(shapes)) / errors < 3.5).all()
    assert weighed(replace(normal, widths=np.ones((2, 3))))[1].min() < sizes.min() / 2


def test_equal_weights_lose_nothing_and_half_of_them_half() -> None:
    values = np.random.default_rng(7).standard_normal((1000, 2))
    assert effective_sizes(values, np.full(1000, 1e-3)) == pytest.approx(1000)
    assert effective_sizes(values, np.repeat([2e-3, 0.0], 500)) == pytest.approx(500)


def test_each_place_is_drawn_as_often_as_it_weighs() -> None:
    weights = np.random.default_rng(8).dirichlet(np.full(500, 0.3))
    for offset in (0.0, 0.4, 0.999):
        often = np.bincount(resampled(weights, offset), minlength=500)
        assert often.sum() == 500
        assert (np.abs(often - 500 * weights) < 1 + 1e-9).all()


def test_without_numpyro_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch, compiled: CompiledModels) -> None:
    monkeypatch.setattr(numpyro_sampling, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"numpyro is not installed: pip install 'bayes-backlog\[jax\]'"):
        fit_rows(busy(1), FLOW, SPEC, SETTINGS, compiled, engine="numpyro")
