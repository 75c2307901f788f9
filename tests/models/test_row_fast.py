"""The fast row model is the plain one in other coordinates: the same log-density, point by point.

An effect integrated out wrongly, a mover taken for somebody who stays, or a lost row would differ from point to point;
see `inference.parity`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import special, stats

from bayes_backlog.inference.parity import fast_differences
from bayes_backlog.models.negative_binomial_op import MAX_BLOCK, gather, log_likelihood, saturation
from bayes_backlog.models.row_effects import Coordinates
from bayes_backlog.models.row_fast import NORMALS, build_row_fast
from bayes_backlog.models.row_pymc import build_row_pymc
from bayes_backlog.models.spec import ModelSpec

SPEC = ModelSpec(calendar_terms=("monday", "month_end"), annual_harmonics=1)


def office(seed: int, movers: dict[str, int]) -> pd.DataFrame:
    """Rows of seven people in three teams and two roles over 40 days; `movers` names the team each ends in."""
    rng = np.random.default_rng(seed)
    days = np.arange(40)
    calendar = pd.DataFrame(rng.standard_normal((len(days), len(SPEC.terms))), columns=list(SPEC.terms))
    people = []
    for n, name in enumerate("abcdefg"):
        team = np.where(days < 25, n % 3, movers.get(name, n % 3))
        people.append(
            calendar.assign(
                investigator=name,
                team=[f"team {k}" for k in team],
                role=np.where(days < 35, "senior", "junior")
                if name in movers and n == 0
                else ("senior", "junior")[n % 2],
                new_starter=np.where(days < 5, 1.0 - days / 5, 0.0) * (n == 2),
                log_exposure=np.log(0.6 if n == 1 else 1.0),
                signed_off=rng.negative_binomial(1.5, 0.6, len(days)),
            )
        )
    return pd.concat(people, ignore_index=True)


WORLDS = {"nobody moves": {}, "one mover": {"a": 2}, "more moves than teams": {"a": 2, "b": 0, "c": 1, "d": 2, "e": 2}}


@pytest.mark.parametrize("movers", WORLDS.values(), ids=WORLDS)
def test_density_is_that_of_the_plain_model(movers: dict[str, int]) -> None:
    table = office(1, movers)
    fast, plain = build_row_fast(table, "signed_off", SPEC), build_row_pymc(table, "signed_off", SPEC)
    assert np.ptp(fast_differences(fast, plain, seed=2)) < 1e-8


def test_another_prior_and_a_forgotten_move_are_seen() -> None:
    table = office(1, WORLDS["one mover"])
    plain = build_row_pymc(table, "signed_off", SPEC)
    other = dataclasses.replace(SPEC, priors=dataclasses.replace(SPEC.priors, role_sd=0.5))
    assert np.ptp(fast_differences(build_row_fast(table, "signed_off", other), plain, seed=2)) > 1e-3
    stays = build_row_fast(table.assign(team=office(1, {})["team"]), "signed_off", SPEC)
    assert np.ptp(fast_differences(stays, plain, seed=2)) > 1e-3


def curvature(table: pd.DataFrame, coordinates_of: pd.DataFrame) -> np.ndarray:
    """Return minus the Hessian of the log-density by the standard normals, at likely scales."""
    model, other = (build_row_fast(rows, "signed_off", SPEC) for rows in (table, coordinates_of))
    for name in (field.name for field in dataclasses.fields(Coordinates)):
        model[name].set_value(other[name].get_value())
    start = model.initial_point()
    normals = [model[name] for name in NORMALS]
    slope = model.compile_dlogp(normals, mode="FAST_COMPILE")
    step = 1e-4
    places = [(name, place * step) for name in NORMALS for place in np.eye(len(start[name]))]
    ends = [[slope(start | {name: sign * change}) for sign in (1, -1)] for name, change in places]
    return np.array([(below - above) / (2 * step) for above, below in ends])


@pytest.mark.parametrize("movers", WORLDS.values(), ids=WORLDS)
def test_what_is_sampled_is_nearly_standard_normal(movers: dict[str, int]) -> None:
    """The sampler's steps are as long as the narrowest direction lets them; counts of other rows would narrow some."""
    table = office(1, movers)
    assert np.linalg.eigvalsh(curvature(table, table)) == pytest.approx(1.0, abs=0.35)
    other = table.assign(signed_off=(table["signed_off"] + 1) * 8)
    assert np.ptp(np.linalg.eigvalsh(curvature(table, other))) > 0.7


def test_a_wild_count_of_somebody_nearly_unseen_throws_nothing_out() -> None:
    table = office(1, {})
    table.loc[table.index[0], "signed_off"] = 100_000
    model = build_row_fast(table.drop(index=table.index[1:40]), "signed_off", SPEC)
    assert all(np.isfinite(value) for value in model.point_logps().values())


def rows(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units, profiles and counts of 3,000 rows: some cells have several rows, some counts are large."""
    rng = np.random.default_rng(seed)
    unit = np.concatenate([np.arange(9), rng.integers(0, 9, 2991)])
    profile = np.concatenate([np.arange(60), rng.integers(0, 60, 2940)])
    return unit, profile, rng.negative_binomial(0.3, 0.2, 3000)


def compiled(counts: np.ndarray, unit: np.ndarray, profile: np.ndarray) -> Callable[..., list[np.ndarray]]:
    effects = [pt.dvector("unit"), pt.dvector("profile"), pt.dscalar("alpha")]
    data = {name: pt.as_tensor(value) for name, value in dataclasses.asdict(gather(unit, profile, counts)).items()}
    value = log_likelihood(*effects, data)
    return pytensor.function(effects, [value, *pt.grad(value, effects)], mode="FAST_COMPILE")


@pytest.mark.parametrize("alpha", [0.02, 0.7, 30.0, 1e4])
def test_likelihood_and_gradient_are_those_of_scipy(alpha: float) -> None:
    unit, profile, counts = rows(3)
    rng = np.random.default_rng(4)
    u, p = rng.normal(-0.5, 0.7, 9), rng.normal(0, 0.4, 60)
    mean = np.exp(u[unit] + p[profile])
    value, by_unit, by_profile, by_alpha = compiled(counts, unit, profile)(u, p, alpha)
    expected = (stats.nbinom.logpmf(counts, alpha, alpha / (alpha + mean)) + special.gammaln(counts + 1)).sum()
    slope = counts - (counts + alpha) * mean / (alpha + mean)
    by_alpha_expected = (
        special.digamma(counts + alpha)
        - special.digamma(alpha)
        - np.log1p(mean / alpha)
        + (mean - counts) / (alpha + mean)
    ).sum()
    assert value == pytest.approx(expected, rel=1e-9)
    assert by_unit == pytest.approx(np.bincount(unit, slope), abs=1e-9)
    assert by_profile == pytest.approx(np.bincount(profile, slope), abs=1e-9)
    assert by_alpha == pytest.approx(by_alpha_expected, rel=1e-6, abs=1e-9)


def test_a_huge_dispersion_is_poisson() -> None:
    """A difference of log-gammas would have lost all digits here."""
    unit, profile, counts = rows(3)
    u, p = np.full(9, -1.0), np.zeros(60)
    value = compiled(counts, unit, profile)(u, p, 1e13)[0]
    assert value == pytest.approx((counts * -1.0 - np.exp(-1.0)).sum(), rel=1e-9)


def test_equal_rows_are_one_cell_and_blocks_are_short() -> None:
    unit, profile, counts = rows(3)
    cells = gather(unit, profile, counts)
    assert len(cells.cell_profile) == len(np.unique(np.stack([unit, profile, counts]), axis=1).T) < len(counts)
    assert np.diff(cells.block_start).max() <= MAX_BLOCK
    sizes = np.diff(cells.block_start)
    assert (sizes * cells.block_rows).sum() == len(counts)
    assert (sizes * cells.block_total).sum() == counts.sum()


def test_compiled_code_serves_the_same_numbers() -> None:
    """What samplers run is compiled by another way than what the tests above evaluate."""
    unit, profile, counts = rows(3)
    cells = gather(unit, profile, counts)
    blocks = (cells.cell_profile, cells.block_start, cells.block_unit, cells.block_rows, cells.block_total)
    inputs = [pt.dvector(), pt.dvector(), pt.dscalar()]
    outputs = saturation(*inputs, *blocks)
    point = (np.linspace(-1, 1, 9), np.linspace(-0.5, 0.5, 60), 1.3)
    by_numba, by_python = (pytensor.function(inputs, outputs, mode=mode)(*point) for mode in ("NUMBA", "FAST_COMPILE"))
    for one, other in zip(by_numba, by_python, strict=True):
        assert one == pytest.approx(other, rel=1e-12)
