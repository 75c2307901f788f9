"""Effects of people and groups as standard normals of their likely posterior."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy import stats

from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.nested_effects import Likelihood, effects_of
from bayes_backlog.models.packed_data import PackedData
from bayes_backlog.models.staff_effects import sampled_effects

N_UPPER, N_OWN = 3, 5
STEP = 1e-4
Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def blocks() -> Arrays:
    """A Gaussian likelihood of ten rows that own and upper effects share, one person without any."""
    rng = np.random.default_rng(3)
    person = rng.integers(0, N_OWN - 1, 10)
    own, upper, weight, y = (
        np.eye(N_OWN)[person],
        rng.normal(size=(10, N_UPPER)),
        rng.gamma(2, 5, 10),
        rng.normal(size=10),
    )
    return {
        "upper_curvature": upper.T @ (weight[:, None] * upper),
        "own_curvature": own.T @ weight,
        "own_by_upper": own.T @ (weight[:, None] * upper),
        "upper_linear": upper.T @ (weight * y),
        "own_linear": own.T @ (weight * y),
    }


MEAN, UPPER_SD, OWN_SD = np.array([0.4, -1.0, 0.0]), np.array([0.5, 1.0, 1e-3]), 0.7


def log_density(upper: np.ndarray, own: np.ndarray, of: Arrays) -> float:
    """Prior times Gaussian likelihood."""
    prior = stats.norm.logpdf(upper, MEAN, UPPER_SD).sum() + stats.norm.logpdf(own, 0, OWN_SD).sum()
    linear = of["upper_linear"] @ upper + of["own_linear"] @ own
    square = upper @ of["upper_curvature"] @ upper + (of["own_curvature"] * own**2).sum()
    return float(prior + linear - square / 2 - own @ of["own_by_upper"] @ upper)


@pytest.fixture(scope="module")
def effects(blocks: Arrays) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, float]]:
    normals = pt.vector("upper"), pt.vector("own")
    tensors = Likelihood(**{name: pt.as_tensor(values) for name, values in blocks.items()})
    found = effects_of(*normals, pt.as_tensor(MEAN), pt.as_tensor(UPPER_SD), pt.as_tensor(OWN_SD), tensors)
    compute = pm.compile(normals, [found.upper, found.own, found.log_determinant], mode="FAST_COMPILE")
    return lambda upper, own: tuple(compute(upper, own))


def test_where_the_likelihood_is_gaussian_the_normals_are_standard(blocks, effects) -> None:
    rng = np.random.default_rng(8)
    found = []
    for _ in range(5):
        normals = rng.normal(size=N_UPPER), rng.normal(size=N_OWN)
        upper, own, log_determinant = effects(*normals)
        standard = stats.norm.logpdf(np.concatenate(normals)).sum()
        found.append(log_density(upper, own, blocks) + log_determinant - standard)
    np.testing.assert_allclose(np.ptp(found), 0.0, atol=1e-8)


def test_another_likelihood_is_seen(blocks, effects) -> None:
    rng = np.random.default_rng(8)
    other = blocks | {"own_curvature": 1.5 * blocks["own_curvature"]}
    found = []
    for _ in range(5):
        normals = rng.normal(size=N_UPPER), rng.normal(size=N_OWN)
        upper, own, log_determinant = effects(*normals)
        found.append(
            log_density(upper, own, other) + log_determinant - stats.norm.logpdf(np.concatenate(normals)).sum()
        )
    assert np.ptp(found) > 1


def test_the_default_models_density_is_that_of_the_effects(small: Prepared) -> None:
    """Priors of people, teams and roles plus the map's log-determinant, by differences, at spreads small and large."""
    staff = small.design.staff
    n_upper, n_own = len(staff.teams) + len(staff.roles), len(staff.investigators)
    rng = np.random.default_rng(2)
    of_spell = np.hstack([np.eye(len(staff.teams))[staff.spell_team], np.eye(len(staff.roles))[staff.spell_role]])
    scale = pt.vector("scale")
    sds = {"team": scale[:2], "role": 2 * scale[:2], "investigator": 3 * scale[:2]}
    with pm.Model(coords={"staff_flow": ["a", "b"], "group": range(n_upper), "investigator": range(n_own)}) as model:
        data = PackedData()
        terms = [pt.as_tensor(rng.normal(size=5)) for _ in range(2)]
        upper, own = sampled_effects(small.design, data, sds, scale[2:], terms, of_spell)
        data.add(np.zeros(1, dtype=int))
        data.store()
    outputs = model.replace_rvs_by_values([upper, own, *model.potentials])
    inputs = [scale, *model.value_vars]
    compute = pm.compile(inputs, outputs, mode="FAST_COMPILE")

    def flat(spread: np.ndarray, normals: np.ndarray, flow: int) -> np.ndarray:
        upper_of, own_of, *_ = compute(spread, *np.split(normals, [n_upper], axis=1))
        return np.concatenate([upper_of[flow], own_of[flow]])

    for size in (0.01, 0.3):
        spread = np.array([size, size, 0.5, 1.5])
        normals = rng.normal(size=(2, n_upper + n_own))
        for flow in (0, 1):
            steps = STEP * np.eye(n_upper + n_own)
            moved = [
                flat(spread, normals + np.stack([step, step]), flow) - flat(spread, normals, flow) for step in steps
            ]
            sd = size * np.repeat([1, 2, 3], [len(staff.teams), len(staff.roles), n_own])
            expected = stats.norm.logpdf(flat(spread, normals, flow), 0, sd).sum()
            expected += np.linalg.slogdet(np.array(moved) / STEP)[1] + len(sd) * np.log(2 * np.pi) / 2
            got = compute(spread, *np.split(normals, [n_upper], axis=1))[2 + flow]
            assert float(got) == pytest.approx(expected, abs=1e-4)
