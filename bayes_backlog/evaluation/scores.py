"""Proper scores and coverage of forecasts given as draws.

One row in, one number out: draws (n_units, n_draws) and observed (n_units,). Summaries come later, so that every mean
can be taken apart again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bayes_backlog.errors import DataError

Floats = NDArray[np.float64]


def crps(draws: ArrayLike, observed: ArrayLike) -> Floats:
    """Fair continuous ranked probability score.

    Parameters
    ----------
    draws : (n_units, n_draws) array
        Forecast draws, cases.
    observed : (n_units,) array
        What happened, cases.

    Returns
    -------
    (n_units,) float
        E|X - y| - E|X - X'| / 2 with the unbiased estimate of the second term (Ferro 2014, doi:10.1002/qj.2270).
    """
    values, truth = _checked(draws, observed)
    n = values.shape[1]
    ordered = np.sort(values, axis=1)
    rank = 2 * np.arange(1, n + 1) - n - 1
    spread = (ordered @ rank) / (n * (n - 1))
    return np.abs(values - truth[:, None]).mean(axis=1) - spread


def interval(draws: ArrayLike, prob: float) -> tuple[Floats, Floats]:
    """Return the lower and upper end of the central prediction interval of probability `prob`."""
    tail = (1 - prob) / 2
    lower, upper = np.quantile(np.asarray(draws, dtype=float), [tail, 1 - tail], axis=1)
    return lower, upper


def covered(draws: ArrayLike, observed: ArrayLike, prob: float) -> NDArray[np.bool_]:
    """Return whether each observation lies in its central interval of probability `prob`, ends included."""
    values, truth = _checked(draws, observed)
    lower, upper = interval(values, prob)
    return (truth >= lower) & (truth <= upper)


def weighted_interval_score(draws: ArrayLike, observed: ArrayLike, probs: tuple[float, ...]) -> dict[str, Floats]:
    """Weighted interval score and its three parts.

    Returns
    -------
    dict of (n_units,) float
        `wis` = `wis_dispersion` + `wis_overprediction` + `wis_underprediction` (Bracher et al. 2021,
        doi:10.1371/journal.pcbi.1008618), over the median and the central intervals of `probs`.
    """
    values, truth = _checked(draws, observed)
    median = np.median(values, axis=1)
    parts = {
        "wis_dispersion": np.zeros(len(truth)),
        "wis_overprediction": 0.5 * np.maximum(median - truth, 0),
        "wis_underprediction": 0.5 * np.maximum(truth - median, 0),
    }
    for prob in probs:
        lower, upper = interval(values, prob)
        parts["wis_dispersion"] += (1 - prob) / 2 * (upper - lower)
        parts["wis_overprediction"] += np.maximum(lower - truth, 0)
        parts["wis_underprediction"] += np.maximum(truth - upper, 0)
    scaled = {name: value / (len(probs) + 0.5) for name, value in parts.items()}
    return {"wis": sum(scaled.values(), np.zeros(len(truth))), **scaled}


def log_score(draws: ArrayLike, observed: ArrayLike) -> Floats:
    """Logarithmic score of counts given as draws.

    Draws become a distribution over whole numbers by rounded Gaussian kernels of Silverman's width: each draw spreads
    its weight over the numbers around it. One draw in n + 1 is a heavy-tailed one (Student t with 2 degrees of freedom
    around the median), so a forecast that held what came for impossible pays much and not everything.

    Parameters
    ----------
    draws : (n_units, n_draws) array
        Forecast draws, whole cases.
    observed : (n_units,) array
        What happened, whole cases.

    Returns
    -------
    (n_units,) float
        Minus the log probability of what happened; lower is better.
    """
    values, truth = _checked(draws, observed)
    n = values.shape[1]
    lower, upper = np.quantile(values, [0.25, 0.75], axis=1)
    sd = values.std(axis=1, ddof=1)
    spread = np.where(upper > lower, np.minimum(sd, (upper - lower) / 1.34), sd)
    # Kernels narrower than this stay within their own number.
    width = np.maximum(0.9 * spread * n**-0.2, 0.05)[:, None]
    ends = truth[:, None] + np.array([-0.5, 0.5])
    kernels = np.diff([stats.norm.cdf((end[:, None] - values) / width).sum(axis=1) for end in ends.T], axis=0)[0]
    scale = np.maximum(sd, 1.0)
    low, high = ((ends - np.median(values, axis=1)[:, None]) / scale[:, None]).T
    # Both tails are alike, and only the lower one keeps its small probabilities exactly.
    low, high = np.where(low > 0, -high, low), np.where(low > 0, -low, high)
    tail = stats.t.cdf(high, 2) - stats.t.cdf(low, 2)
    return -np.log((kernels + tail) / (n + 1))


def probability_integral_transform(draws: ArrayLike, observed: ArrayLike) -> tuple[Floats, Floats]:
    """Return the forecast probability of less than, and of at most, what happened.

    Counts have no single PIT; for a calibrated forecast a uniform number between the two is uniform (Czado, Gneiting
    and Held 2009, doi:10.1111/j.1541-0420.2009.01191.x).
    """
    values, truth = _checked(draws, observed)
    return (values < truth[:, None]).mean(axis=1), (values <= truth[:, None]).mean(axis=1)


def pit_histogram(pit_low: ArrayLike, pit_high: ArrayLike, n_bins: int) -> Floats:
    """Return the non-randomised PIT histogram of counts: (n_bins,) shares, all 1 / n_bins if calibrated.

    Each observation spreads its weight evenly over its own interval, so no randomness and no spike at 0 is added.
    """
    low, high = np.asarray(pit_low, dtype=float)[:, None], np.asarray(pit_high, dtype=float)[:, None]
    edges = np.linspace(0, 1, n_bins + 1)
    width = high - low
    # An observation that no draw hit has no interval: all its weight is in one place.
    below = np.where(width > 0, np.clip((edges - low) / np.where(width > 0, width, 1.0), 0, 1), edges >= low)
    below[:, 0] = 0.0
    return np.diff(below, axis=1).mean(axis=0)


def _checked(draws: ArrayLike, observed: ArrayLike) -> tuple[Floats, Floats]:
    values, truth = np.asarray(draws, dtype=float), np.asarray(observed, dtype=float)
    if values.ndim != 2 or truth.shape != values.shape[:1] or values.shape[1] < 2:
        raise DataError(
            f"draws of shape {values.shape} do not belong to observations of shape {truth.shape}: expected (n_units, "
            "n_draws) with at least two draws and (n_units,). Scoring them would pair forecasts with the wrong truth."
        )
    if not (np.isfinite(values).all() and np.isfinite(truth).all()):
        raise DataError(
            "a forecast or an observation is not a number: its score would be meaningless. Correct the input."
        )
    return values, truth
