"""Effects of people, teams and roles as they are sampled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy import stats

from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.packed_data import PackedData
from bayes_backlog.models.staff_coordinates import sampled_staff

N_FLOWS, N_TERMS = 2, 5
STEP = 1e-4
Compute = Callable[[float, np.ndarray], tuple[np.ndarray, np.ndarray, float]]


@pytest.fixture(scope="module")
def sizes(small: Prepared) -> tuple[int, int, int]:
    """Teams, roles and people."""
    staff = small.design.staff
    return len(staff.teams), len(staff.roles), len(staff.investigators)


@pytest.fixture(scope="module")
def compute(small: Prepared, sizes: tuple[int, int, int]) -> Compute:
    """Effects and their density, from a spread and (F, K + I) normals."""
    staff, (n_teams, n_roles, n_own) = small.design.staff, sizes
    of_spell = np.hstack([np.eye(n_teams)[staff.spell_team], np.eye(n_roles)[staff.spell_role]])
    scale, clumping = pt.dscalar("scale"), pt.as_tensor(np.array([0.5, 1.5]))
    sds = {name: factor * scale * pt.ones(N_FLOWS) for name, factor in FACTORS.items()}
    terms = pt.as_tensor(np.random.default_rng(2).normal(size=(N_FLOWS, N_TERMS)))
    coords = {"staff_flow": range(N_FLOWS), "group": range(n_teams + n_roles), "investigator": range(n_own)}
    with pm.Model(coords=coords) as model:
        data = PackedData()
        upper, own = sampled_staff(small.design, data, sds, clumping, terms, of_spell)
        data.add(np.zeros(1, dtype=int))
        data.store()
    outputs = model.replace_rvs_by_values([upper, own, model["staff_density"]])
    found = pm.compile([scale, *model.value_vars], outputs, mode="FAST_COMPILE")

    def of(spread: float, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        upper, own, density = found(spread, *np.split(normals, [n_teams + n_roles], axis=1))
        return upper, own, float(density)

    return of


FACTORS = {"team": 1.0, "role": 2.0, "investigator": 3.0}


def effects(compute: Compute, spread: float, normals: np.ndarray) -> np.ndarray:
    upper, own, _ = compute(spread, normals)
    return np.concatenate([upper, own], axis=1)


def log_prior(compute: Compute, sizes: tuple[int, int, int], spread: float, normals: np.ndarray) -> float:
    """Prior of the effects, up to a constant."""
    sd = spread * np.repeat(list(FACTORS.values()), sizes)
    return float((stats.norm.logpdf(effects(compute, spread, normals), 0, sd) + np.log(2 * np.pi) / 2).sum())


def log_determinant(compute: Compute, spread: float, normals: np.ndarray) -> float:
    """Of the map of one flow's normals to its effects, which is affine; no flow's normals touch another's effects."""
    start = effects(compute, spread, normals)
    moved = [effects(compute, spread, normals + step) - start for step in STEP * np.eye(normals.shape[1])]
    return float(np.linalg.slogdet(np.stack(moved, axis=-1) / STEP)[1].sum())


@pytest.mark.parametrize("spread", [0.01, 0.3])
def test_the_density_is_that_of_the_effects(compute: Compute, sizes: tuple[int, int, int], spread: float) -> None:
    normals = np.random.default_rng(5).normal(size=(N_FLOWS, sum(sizes)))
    expected = log_prior(compute, sizes, spread, normals) + log_determinant(compute, spread, normals)
    assert compute(spread, normals)[2] == pytest.approx(expected, abs=1e-3)


def test_a_density_without_the_map_would_be_seen(compute: Compute, sizes: tuple[int, int, int]) -> None:
    normals = np.random.default_rng(5).normal(size=(N_FLOWS, sum(sizes)))
    gaps = [
        compute(spread, normals)[2] - log_prior(compute, sizes, spread, normals) - sum(sizes) * N_FLOWS * np.log(spread)
        for spread in (0.01, 0.3)
    ]
    assert abs(np.ptp(gaps)) > 1


def test_people_without_data_keep_their_prior(compute: Compute, small: Prepared, sizes: tuple[int, int, int]) -> None:
    """Labels that only round a dimension up are as far from zero as their normals say."""
    unused = [k for k, name in enumerate(small.design.staff.investigators) if name.startswith("(unused")]
    assert unused
    normals = np.random.default_rng(5).normal(size=(N_FLOWS, sum(sizes)))
    own = compute(0.3, normals)[1]
    np.testing.assert_allclose(own[:, unused], 0.3 * FACTORS["investigator"] * normals[:, -sizes[2] :][:, unused])
