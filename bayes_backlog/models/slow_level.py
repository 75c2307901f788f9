"""The slow level: what lasts for months, smooth enough to have a momentum that a forecast carries on and lets die out.

A Gaussian process of Matern smoothness 3/2 at knots eight weeks apart, linear in between. A rougher level (exponential
correlation) lags behind an office whose arrivals fall or rise for a year; a linear trend would never stop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

KNOT_WEEKS = 8


def n_knots(n_weeks: int) -> int:
    """Return how many knots, eight weeks apart, span `n_weeks` weeks."""
    return -(-(n_weeks - 1) // KNOT_WEEKS) + 1


def level_basis(first_week: int, n_weeks: int, knots: int) -> Floats:
    """Return the (n_weeks, knots) linear interpolation from knots eight weeks apart to weeks."""
    position = (first_week + np.arange(n_weeks)) / KNOT_WEEKS
    return np.maximum(0.0, 1.0 - np.abs(position[:, None] - np.arange(knots)[None, :]))


def knot_correlation(knots: int, range_weeks: float) -> Floats:
    """Return the (knots, knots) Matern correlation of smoothness 3/2.

    Parameters
    ----------
    knots : int
        Knots, eight weeks apart.
    range_weeks : float
        Length scale: the correlation is 0.48 at this distance. See doi:10.7551/mitpress/3206.001.0001, eq. 4.17.
    """
    apart = np.abs(np.arange(knots)[:, None] - np.arange(knots)[None, :])
    distance = np.sqrt(3) * KNOT_WEEKS * apart / range_weeks
    return (1 + distance) * np.exp(-distance)


def level_weights(n_weeks: int, range_weeks: float) -> Floats:
    """Return the (weeks, knots) map from standard normals to the slow level of unit sd."""
    knots = n_knots(n_weeks)
    return level_basis(0, n_weeks, knots) @ np.linalg.cholesky(knot_correlation(knots, range_weeks))


def continue_level(level: Floats, sd: Floats, n_weeks: int, range_weeks: float, rng: np.random.Generator) -> Floats:
    """Draw the level of the weeks ahead, given that of the training weeks.

    Parameters
    ----------
    level : (n, F, W) float
        Fitted level of the training weeks.
    sd : (n, F) float
        Its standard deviation over a long time.
    n_weeks : int
        Weeks wanted, the last training week being the first.
    range_weeks : float
        As in `knot_correlation`.
    rng : Generator
        Source of randomness.

    Returns
    -------
    (n, F, n_weeks) float
    """
    first_week = level.shape[-1] - 1
    fitted, knots = n_knots(level.shape[-1]), n_knots(first_week + n_weeks)
    known = _knots_of(level, fitted)
    correlation = knot_correlation(knots, range_weeks)
    onward = np.linalg.solve(correlation[:fitted, :fitted], correlation[:fitted, fitted:])
    left = correlation[fitted:, fitted:] - correlation[fitted:, :fitted] @ onward
    # Knot by knot, so that a longer horizon begins with the shocks of a shorter one.
    shock = np.moveaxis(rng.standard_normal((knots - fitted, *sd.shape)), 0, -1) @ np.linalg.cholesky(left).T
    ahead = known @ onward + sd[..., None] * shock
    return np.concatenate([known, ahead], axis=-1) @ level_basis(first_week, n_weeks, knots).T


def _knots_of(level: Floats, knots: int) -> Floats:
    """Return the knots' values from the weekly level: exact at knots, extrapolated along the last line if beyond."""
    n_weeks = level.shape[-1]
    inside = np.arange(0, n_weeks, KNOT_WEEKS)
    values = level[..., inside]
    if len(inside) == knots:
        return values
    beyond = n_weeks - 1 - inside[-1]
    slope = (level[..., -1] - level[..., inside[-1]]) / beyond
    return np.concatenate([values, (values[..., -1] + KNOT_WEEKS * slope)[..., None]], axis=-1)
