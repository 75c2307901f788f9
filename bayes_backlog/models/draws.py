"""Posterior draws as plain arrays, and random counts given them: what checks and forecasts both need.

Draws come first in every array: n draws, F flows, K knots, W weeks, I investigators.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bayes_backlog.models.design import Design, Floats, Staff
from bayes_backlog.models.spec import ModelSpec

Counts = NDArray[np.int32]


MAX_MEAN = 1e5
"""Cases a day; a year of such days still fits into int32."""
NOBODY = 1e-12
"""Rate of a day without anybody present: it has no case, and its logarithm must stay finite."""


@dataclass(frozen=True)
class PosteriorDraws:
    """Flattened draws of the default model.

    Attributes
    ----------
    intercept, dispersion, shared_mean : (n, F) float
    calendar : (n, F, T) float
    elasticity : dict of (n,) float
        Keyed by (flow, state).
    week_sd, week_persistence, level_sd : (n, F) float
        Zeros when the part is off, and for the weeks of flows in batches.
    week_correlation : (n, F, F) float
        Of the weeks' innovations; the identity when the part is off, and for flows without weeks.
    week_effect, slow_level : (n, F, W) float
        Over the training weeks; zeros likewise.
    investigator_rate, team_effect, role_effect : (n, F_staff, .) float
    investigator_sd, team_sd, role_sd, ramp : (n, F_staff) float
    own_pace : (n, F_staff) float
        Exponent of people's own pace; zeros when the part is off.
    concentration : (n, F_staff) float
        Of a day's total among people, per FTE present; per case expected without a day shock.
    day_concentration : (n, F_batched) float
        Of a month's total among its days, per working day.
    chains : int
        How many chains the draws came from, equally many each, in order.
    """

    intercept: Floats
    dispersion: Floats
    shared_mean: Floats
    calendar: Floats
    elasticity: dict[tuple[str, str], Floats]
    week_sd: Floats
    week_persistence: Floats
    week_correlation: Floats
    week_effect: Floats
    level_sd: Floats
    slow_level: Floats
    investigator_rate: Floats
    team_effect: Floats
    role_effect: Floats
    investigator_sd: Floats
    team_sd: Floats
    role_sd: Floats
    ramp: Floats
    own_pace: Floats
    concentration: Floats
    day_concentration: Floats
    chains: int

    @property
    def n(self) -> int:
        """Number of draws."""
        return int(self.intercept.shape[0])

    def rows(self, rows: slice | NDArray[np.int64]) -> PosteriorDraws:
        """Return some of the draws (views, for a slice); `chains` no longer speaks of them."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fewer: dict[str, Any] = {name: value[rows] for name, value in values.items() if isinstance(value, np.ndarray)}
        fewer["elasticity"] = {pair: value[rows] for pair, value in self.elasticity.items()}
        return dataclasses.replace(self, **fewer)


def evenly_spaced(available: int, wanted: int) -> NDArray[np.int64]:
    """Return the places of so many draws among those there are, all of them where there are fewer."""
    return np.linspace(0, available - 1, min(wanted, available)).round().astype(np.int64)


def posterior_draws(trace: xr.DataTree, design: Design, spec: ModelSpec, draws_per_chain: int) -> PosteriorDraws:
    """Take evenly spaced draws of every chain.

    Parameters
    ----------
    trace : DataTree
        With a `posterior` group of the default model.
    design, spec : Design, ModelSpec
        What was fitted.
    draws_per_chain : int
        At most as many as there are; fewer are spaced evenly.
    """
    posterior = trace["posterior"].to_dataset()
    thinned = posterior.isel(draw=evenly_spaced(posterior.sizes["draw"], draws_per_chain))
    n = thinned.sizes["chain"] * thinned.sizes["draw"]
    n_flows, n_weeks = len(spec.flows), len(design.weeks)

    def take(name: str, *shape: int) -> Floats:
        if name not in thinned:
            return np.zeros((n, *shape))
        values = thinned[name].transpose("chain", "draw", ...).to_numpy()
        return values.reshape(n, *values.shape[2:])

    def weekly(name: str, *shape: int) -> Floats:
        values = np.zeros((n, n_flows, *shape))
        values[:, [spec.flows.index(flow) for flow in spec.weekly_flows]] = take(name, len(spec.weekly_flows), *shape)
        return values

    elasticity, of_pairs = take("elasticity", 0), take("week_correlation", 0)
    week_correlation = np.tile(np.eye(n_flows), (n, 1, 1))
    for k, pair in enumerate(spec.week_pairs):
        i, j = map(spec.flows.index, pair)
        week_correlation[:, i, j] = week_correlation[:, j, i] = of_pairs[:, k]
    return PosteriorDraws(
        intercept=take("intercept"),
        dispersion=take("dispersion"),
        shared_mean=take("shared_mean", n_flows),
        calendar=take("calendar"),
        elasticity={pair: elasticity[:, k] for k, pair in enumerate(spec.elasticity_names())},
        week_sd=weekly("week_sd"),
        week_persistence=weekly("week_persistence"),
        week_correlation=week_correlation,
        week_effect=weekly("week_effect", n_weeks),
        level_sd=take("level_sd", n_flows),
        slow_level=take("slow_level", n_flows, n_weeks),
        investigator_rate=take("investigator_rate"),
        team_effect=take("team_effect"),
        role_effect=take("role_effect"),
        investigator_sd=take("investigator_sd"),
        team_sd=take("team_sd"),
        role_sd=take("role_sd"),
        ramp=take("ramp"),
        own_pace=take("own_pace", len(spec.staff_flows)),
        concentration=take("concentration"),
        day_concentration=take("day_concentration", 0),
        chains=thinned.sizes["chain"],
    )


def own_rates(draws: PosteriorDraws, staff: Staff) -> Floats:
    """Return the (n, F_staff, I) log rates of people without home team and role, the flow's intercept included."""
    home = draws.team_effect[:, :, staff.home_team] + draws.role_effect[:, :, staff.home_role]
    return draws.investigator_rate - home


def long_run_correlation(correlation: Floats, persistence: Floats) -> Floats:
    """Return how AR(1) series go together that have gone on for long, given how their innovations do.

    Parameters
    ----------
    correlation : (..., F, F) float
        Of the innovations.
    persistence : (..., F) float
        Of the series; both may be tensors.
    """
    one, other = persistence[..., :, None], persistence[..., None, :]
    return correlation * ((1 - one * one) * (1 - other * other)) ** 0.5 / (1 - one * other)


def draw_weeks(draws: PosteriorDraws, n_weeks: int, rng: np.random.Generator) -> Floats:
    """Draw (n, F, n_weeks) AR(1) effects of weeks of which nothing is known."""
    normals = week_normals(draws, n_weeks, rng)
    correlation = long_run_correlation(draws.week_correlation, draws.week_persistence)
    start = draws.week_sd * _correlated(np.linalg.cholesky(correlation), normals[..., 0])
    return continue_weeks(draws, start, normals[..., 1:])


def week_normals(draws: PosteriorDraws, n_weeks: int, rng: np.random.Generator) -> Floats:
    """Draw (n, F, n_weeks) standard normals, week by week: a longer horizon begins with those of a shorter one."""
    return np.moveaxis(rng.standard_normal((n_weeks, *draws.week_sd.shape)), 0, -1)


def continue_weeks(draws: PosteriorDraws, start: Floats, normals: Floats) -> Floats:
    """Continue AR(1) week effects from `start`.

    Parameters
    ----------
    draws : PosteriorDraws
        Gives each draw's sd, persistence and correlation.
    start : (n, F) float
        Effect of the first week.
    normals : (n, F, W - 1) float
        Standard normals of the weeks after it: those of a flow move it, and flows that come later in order.

    Returns
    -------
    (n, F, W) float
    """
    path = np.empty((*start.shape, normals.shape[-1] + 1))
    path[..., 0] = start
    step_sd = draws.week_sd * np.sqrt(1 - draws.week_persistence**2)
    factor = np.linalg.cholesky(draws.week_correlation)
    for week in range(1, path.shape[-1]):
        innovation = _correlated(factor, normals[..., week - 1])
        path[..., week] = draws.week_persistence * path[..., week - 1] + step_sd * innovation
    return path


def _correlated(factor: Floats, normals: Floats) -> Floats:
    """(n, F) normals, correlated by (n, F, F) lower Cholesky factors; the very same ones where these are identities."""
    return np.einsum("nij,nj->ni", factor, normals)


def draw_negative_binomial(rng: np.random.Generator, mean: ArrayLike, dispersion: ArrayLike) -> Counts:
    """Draw counts with variance = mean + mean^2 / dispersion, of the broadcast shape of the arguments.

    Means beyond `MAX_MEAN` are taken as `MAX_MEAN`: a runaway draw must stay a large count, not wrap to a negative one.
    """
    mean, dispersion = np.broadcast_arrays(np.minimum(mean, MAX_MEAN), dispersion)
    return rng.poisson(rng.standard_gamma(dispersion) * (mean / dispersion)).astype(np.int32)


def draw_division(rng: np.random.Generator, total: NDArray[Any], weights: Floats) -> Counts:
    """Divide totals among people by a Dirichlet-multinomial.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    total : (n,) int
        Cases to divide.
    weights : (n, I) float
        Dirichlet weights, 0 for people who are not there; a total is only divided when somebody is.

    Returns
    -------
    (n, I) int32
        Rows that sum to `total`.
    """
    gammas = rng.standard_gamma(weights)
    lost = gammas.sum(axis=1) == 0
    if lost.any():
        gammas[lost] = _one_person(rng, weights[lost])
    whole = gammas.sum(axis=1, keepdims=True)
    shares = np.divide(gammas, whole, out=np.zeros_like(gammas), where=whole > 0)
    return rng.multinomial(np.where(whole[:, 0] > 0, total, 0), shares).astype(np.int32)


def _one_person(rng: np.random.Generator, weights: Floats) -> Floats:
    """Return all shares for one person each: the limit of a Dirichlet whose weights are too small for its gammas."""
    reached = np.cumsum(weights, axis=1)
    person = (reached > rng.random((len(weights), 1)) * reached[:, -1:]).argmax(axis=1)
    return (np.arange(weights.shape[1]) == person[:, None]) & (weights > 0)


def generators(seed: int, names: tuple[str, ...]) -> dict[str, np.random.Generator]:
    """Return one independent random stream per name, so that one quantity's draws never shift another's."""
    return {name: np.random.default_rng([seed, *name.encode()]) for name in names}
