"""One specification, three programs: the row model in Bambi, by hand in PyMC, and as it is sampled.

Two programs are the same model when their log-densities differ by one constant at every point. A backend that scaled a
prior, dropped the offset, or coded a group otherwise would give differences that vary from point to point; so would an
effect integrated out wrongly, a mover taken for somebody who stays, or a lost row. Nothing is sampled.

The model as it is sampled has other coordinates for scales, slopes, intercept and standardised effects, so the
log-determinant of the map between the two is taken off.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pymc as pm

from bayes_backlog.inference.gate import Verdict
from bayes_backlog.models.design import Floats
from bayes_backlog.models.row_bambi import build_row_bambi
from bayes_backlog.models.row_fast import INTERNAL, build_row_fast
from bayes_backlog.models.row_pymc import build_row_pymc
from bayes_backlog.models.row_table import GROUPS
from bayes_backlog.models.row_variant import RowVariant
from bayes_backlog.models.spec import ModelSpec

Point = dict[str, Floats]
N_POINTS = 4
STEP = 1e-5
"""Of central differences: truncation and rounding are both below 1e-10 of the derivative."""
TOLERANCE = 1e-6
"""Log-densities of tens of thousands of rows are sums of that many terms, each rounded to 16 digits."""


def parity_verdicts(table: pd.DataFrame, flow: str, spec: ModelSpec, seed: int) -> list[Verdict]:
    """Judge whether the programs are one model.

    Parameters
    ----------
    table : DataFrame
        `row_table` of the design.
    flow : str
        The response.
    spec : ModelSpec
        Terms and priors.
    seed : int
        Of the points.
    """
    plain = build_row_pymc(table, flow, spec)
    bambi = build_row_bambi(table, flow, spec).backend.model
    fast = build_row_fast(table, flow, spec)
    return [
        parity_verdict(f"{flow}: Bambi and PyMC", density_differences(bambi, plain, seed)),
        parity_verdict(f"{flow}: as sampled and PyMC", fast_differences(fast, plain, seed)),
    ]


def variant_verdict(table: pd.DataFrame, flow: str, spec: ModelSpec, variant: RowVariant, seed: int) -> Verdict:
    """Judge whether a variant is the same model in Bambi and in PyMC, which is what is sampled of it."""
    bambi = build_row_bambi(table, flow, spec, variant).backend.model
    return parity_verdict(
        "Bambi and PyMC", density_differences(bambi, build_row_pymc(table, flow, spec, variant), seed)
    )


def density_differences(first: pm.Model, second: pm.Model, seed: int) -> Floats:
    """Return the log-density of the first model less that of the second, at random points of the space they share."""
    densities = [_density(model) for model in (first, second)]
    return np.array([densities[0](point) - densities[1](point) for point in _random_points(first, 0.3, seed)])


def fast_differences(fast: pm.Model, plain: pm.Model, seed: int) -> Floats:
    """Return, at random points, the log-density of `row_fast` less that of `row_pymc` in the same coordinates."""
    densities = [_density(model) for model in (fast, plain)]
    move = _to_plain(fast)
    return np.array(
        [
            densities[0](point) - densities[1](move(point)) - _log_determinant(move, point)
            for point in _random_points(fast, 0.5, seed)
        ]
    )


def parity_verdict(check: str, differences: Floats) -> Verdict:
    """Judge differences of log-densities, (points,) float: the same at every point, or two models."""
    spread = float(np.ptp(differences))
    same = spread <= TOLERANCE
    message = f"log-densities at {len(differences)} random points differ by the same constant, to {spread:.0e}"
    if not same:
        message = (
            f"log-densities at {len(differences)} random points differ by amounts that vary by {spread:.1e}: these are "
            "two models, and what one of them shows does not speak of the other"
        )
    return Verdict(check, "green" if same else "red", spread, TOLERANCE, message)


def _density(model: pm.Model) -> Callable[[Point], float]:
    """Return the log-density; its terms are added up here, since PyTensor so compiled adds no more than 31."""
    terms = model.compile_logp(sum=False, mode="FAST_COMPILE")
    return lambda point: sum(float(term.sum()) for term in terms(point))


def _random_points(model: pm.Model, spread: float, seed: int) -> list[Point]:
    """Return points of the unconstrained space around the model's first one."""
    rng = np.random.default_rng(seed)
    start = {name: np.asarray(value, dtype=float) for name, value in model.initial_point().items()}
    return [
        {name: value + spread * rng.standard_normal(value.shape) for name, value in start.items()}
        for _ in range(N_POINTS)
    ]


def _to_plain(fast: pm.Model) -> Callable[[Point], Point]:
    """Return the map from a point of `row_fast` to the same point of `row_pymc`."""
    names = ("Intercept", "slope", *(f"1|{group}{part}" for group in GROUPS for part in ("_sigma", "")))
    effects = fast.compile_fn(
        fast.replace_rvs_by_values([fast[name] for name in names]),
        inputs=fast.value_vars,
        mode="FAST_COMPILE",
        on_unused_input="ignore",
    )

    def move(point: Point) -> Point:
        found = dict(zip(names, effects(point), strict=True))
        moved = {"Intercept": found["Intercept"]} | dict(zip(fast.coords["term"], found["slope"], strict=True))
        for group in GROUPS:
            scale = found[f"1|{group}_sigma"]
            moved |= {f"1|{group}_sigma_log__": np.log(scale), f"1|{group}_offset": found[f"1|{group}"] / scale}
        same = {name: value for name, value in point.items() if name not in INTERNAL}
        return {name: np.asarray(value) for name, value in (moved | same).items()}

    return move


def _log_determinant(move: Callable[[Point], Point], point: Point) -> float:
    """Return log |det| of the map; central differences are exact for all but the scales, where it is not affine."""

    def moved(name: str, step: Floats) -> Floats:
        at = move(point | {name: point[name] + step})
        return np.concatenate([np.atleast_1d(values) for own, values in at.items() if own not in point])

    steps = [(name, STEP * place) for name in INTERNAL for place in np.eye(len(point[name]))]
    jacobian = np.array([moved(name, step) - moved(name, -step) for name, step in steps]) / (2 * STEP)
    return float(np.linalg.slogdet(jacobian)[1])
