"""A normal at the posterior's mode, corrected by importance weights: draws without a chain, where that holds.

In the row model's coordinates the posterior is nearly a standard normal, save that scales and dispersion lean to one
side. A split normal (Geweke 1989, doi:10.2307/1913710) leans with them: its axes come from the curvature at the mode,
and each half of an axis has a width of its own, so wide that the density falls no slower than the normal's.

Whether that holds is measured, never assumed. Pareto-smoothed weights (Vehtari et al. 2024, JMLR 25(72)) bring the
draws to the posterior; their k-hat says whether weights can, and the smallest effective size what is left of the draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr
from arviz_stats.base.array import array_stats
from pymc.blocking import DictToArrayBijection, RaveledVars
from pymc.util import get_default_varnames
from scipy.linalg import solve_triangular
from scipy.optimize import minimize

from bayes_backlog.inference.arithmetic import in_order
from bayes_backlog.inference.gate import PUBLISHED, Status, Verdict
from bayes_backlog.inference.sampling import Progress, SamplerSettings, silent
from bayes_backlog.models.design import Floats, Ints

Density = Callable[[Floats], tuple[Floats, Floats]]

K_HAT_MAX = 0.5
"""Heavier-tailed weights have no variance: at 0.62 one parameter was 5.5 Monte-Carlo errors off."""
STEP = 1e-3
"""Of central differences, in coordinates whose posterior sd is about 1: the curvature is then known to 1e-5."""
SMALLEST_CURVATURE = SMALLEST_FALL = 0.01
"""A direction that the density hardly falls along is taken to be ten standard normals wide; weights judge that too."""
REACH = (1.0, 2.0, 3.0, 4.0)
"""Standard deviations from the mode, each way along each axis, at which the fall of the density is looked at."""

APPROXIMATE = "approximate, not sampled: draws from a normal at the mode, resampled by weight"
"""What is said of such a posterior wherever it is told of."""


@dataclass(frozen=True)
class SplitNormal:
    """The point mean + axes (width * z), z standard normal, of D coordinates.

    Attributes
    ----------
    mean : (D,) float
    axes : (D, D) float
        One in each column.
    widths : (2, D) float
        Of each axis, below and above the mean.
    """

    mean: Floats
    axes: Floats
    widths: Floats

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return (n, D) points and their (n,) log-densities, up to a constant."""
        normals = rng.standard_normal((n, len(self.mean)))
        widths = np.where(normals > 0, self.widths[1], self.widths[0])
        return self.mean + (widths * normals) @ self.axes.T, -(normals**2 / 2 + np.log(widths)).sum(axis=1)


def importance_verdicts(found: xr.Dataset) -> list[Verdict]:
    """Judge an approximation by its `k_hat` and `ess`; one that does not hold is amber: nothing rests on it."""
    k_hat, ess = float(found["k_hat"]), float(found["ess"])
    good = (k_hat <= K_HAT_MAX, ess >= PUBLISHED.ess_min)
    told = APPROXIMATE if all(good) else "approximation refused, sampled by NUTS instead"
    status: list[Status] = ["green" if passed else "amber" for passed in good]
    return [
        Verdict("importance_k_hat", status[0], k_hat, K_HAT_MAX, f"k-hat of the weights {k_hat:.2f}: {told}"),
        Verdict(
            "importance_ess", status[1], ess, PUBLISHED.ess_min, f"smallest effective sample size {ess:.0f}: {told}"
        ),
    ]


def approximate_or(
    sample: Callable[[], xr.DataTree], model: pm.Model, settings: SamplerSettings, *, progress: Progress = silent
) -> xr.DataTree:
    """Approximate a posterior, or sample it where that does not hold.

    Parameters
    ----------
    sample : callable
        Samples the model.
    model, settings, progress
        See `approximate`.

    Returns
    -------
    DataTree
        Groups `importance` (k_hat, ess) and `posterior`, with an attribute `approximate`; or those of the sampler, and
        `importance`, which says why.
    """
    try:
        with in_order():
            posterior, found = approximate(model, settings, progress=progress)
    except np.linalg.LinAlgError:
        # A density without a finite curvature at its mode is no normal: infinitely heavy weights say so.
        posterior, found = xr.Dataset(), xr.Dataset({"k_hat": np.inf, "ess": 0.0})
    if any(verdict.status != "green" for verdict in importance_verdicts(found)):
        return sample().assign({"importance": xr.DataTree(found)})
    return xr.DataTree.from_dict({"posterior": posterior, "importance": found})


def approximate(
    model: pm.Model, settings: SamplerSettings, *, progress: Progress = silent
) -> tuple[xr.Dataset, xr.Dataset]:
    """Draw from a model's posterior by way of a split normal at its mode.

    Parameters
    ----------
    model : pymc.Model
        Of continuous variables, in coordinates that are nearly normal.
    settings : SamplerSettings
        Chains, draws and seed; nothing is tuned.
    progress : callable
        Told of each step.

    Returns
    -------
    posterior : Dataset
        Every variable of the model (chain, draw, ...), resampled by weight; the chains are parts of one sample.
    importance : Dataset
        `k_hat`, the shape of the weights' tail; `ess`, the independent draws that the mean of a variable is worth, of
        the least well known one.
    """
    n, rng = settings.chains * settings.draws, np.random.default_rng(settings.seed)
    progress(0, 3, "compiling the model")
    start = DictToArrayBijection.map(model.initial_point())
    density = model.logp_dlogp_function(ravel_inputs=True)
    progress(1, 3, "looking for the mode")
    points, log_density = split_normal(density, start.data).draw(n, rng)
    progress(2, 3, "weighing draws")
    log_weights, k_hat = smoothed(np.array([density(point)[0] for point in points]) - log_density)
    weights = np.exp(log_weights)
    values = _values(model, points, start.point_map_info)
    kept = rng.permutation(resampled(weights, rng.uniform())).reshape(settings.chains, settings.draws)
    dims = {name: ("chain", "draw", *model.named_vars_to_dims.get(name, ())) for name in values}
    posterior = xr.Dataset({name: (dims[name], drawn[kept]) for name, drawn in values.items()})
    labels = {name: list(of) for name, of in model.coords.items() if name in posterior.dims and of is not None}
    ess = min(float(effective_sizes(drawn, weights).min()) for drawn in values.values())
    progress(3, 3, "weighed")
    approximated = posterior.assign_coords(labels).assign_attrs(approximate=APPROXIMATE)
    return approximated, xr.Dataset({"k_hat": k_hat, "ess": ess})


def split_normal(density: Density, start: Floats) -> SplitNormal:
    """Fit a split normal to a log-density.

    Parameters
    ----------
    density : callable
        Gives the log-density at a (D,) point and its gradient.
    start : (D,) float
        Where the search for the mode begins.
    """

    def descent(point: Floats) -> tuple[float, Floats]:
        value, gradient = density(point)
        return -float(value), -gradient

    found = minimize(descent, start, jac=True, method="L-BFGS-B")
    mode, basis = found.x, np.eye(len(start))
    curvature = [(density(mode - STEP * e)[1] - density(mode + STEP * e)[1]) / (2 * STEP) for e in basis]
    values, vectors = np.linalg.eigh((np.array(curvature) + np.transpose(curvature)) / 2)
    root = np.linalg.cholesky((vectors * np.maximum(values, SMALLEST_CURVATURE)) @ vectors.T)
    axes = solve_triangular(root.T, basis, lower=False)
    top = density(mode)[0]

    def width(axis: Floats) -> float:
        falls = np.array([top - density(mode + reach * axis)[0] for reach in REACH])
        return float((REACH / np.sqrt(2 * np.maximum(falls, SMALLEST_FALL))).max())

    return SplitNormal(mode, axes, np.array([[width(side * axis) for axis in axes.T] for side in (-1, 1)]))


def smoothed(log_ratios: Floats) -> tuple[Floats, float]:
    """Return (N,) Pareto-smoothed log weights that sum to 1, and their k-hat; the library wants its input negated."""
    log_weights, k_hat = array_stats.psislw(-log_ratios)
    return log_weights, float(k_hat)


def effective_sizes(values: Floats, weights: Floats) -> Floats:
    """Return the variance of N weighted values, along the first axis, over that of their weighted mean.

    The variance of the mean is that of a ratio (Owen 2013, Monte Carlo theory, methods and examples, 9.2).
    """
    squares = np.square(values - np.tensordot(weights, values, 1))
    return np.tensordot(weights, squares, 1) / np.tensordot(weights**2, squares, 1)


def resampled(weights: Floats, offset: float) -> Ints:
    """Return N places, each drawn as often as its weight says, to the unit: systematic, with an offset in [0, 1)."""
    n = len(weights)
    return np.minimum(np.searchsorted(np.cumsum(weights), (np.arange(n) + offset) / n, side="right"), n - 1)


def _values(model: pm.Model, points: Floats, where: Any) -> dict[str, Floats]:
    """Return every variable at N unconstrained points."""
    wanted = get_default_varnames(model.unobserved_value_vars, include_transformed=False)
    expand = model.compile_fn(wanted, inputs=model.value_vars, point_fn=False)
    inputs = (DictToArrayBijection.rmap(RaveledVars(point, where)) for point in points)
    found = [expand(*(values[variable.name] for variable in model.value_vars)) for values in inputs]
    return {variable.name: np.stack(drawn) for variable, drawn in zip(wanted, zip(*found, strict=True), strict=True)}
