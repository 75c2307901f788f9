"""Proper scores and coverage of forecasts given as draws.

One row in, one number out: draws (n_units, n_draws) and observed (n_units,). Summaries come later, so that every mean
can be taken apart again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
        `wis` = `dispersion` + `overprediction` + `underprediction` (Bracher et al. 2021,
        doi:10.1371/journal.pcbi.1008618), over the median and the central intervals of `probs`.
    """
    values, truth = _checked(draws, observed)
    median = np.median(values, axis=1)
    parts = {
        "dispersion": np.zeros(len(truth)),
        "overprediction": 0.5 * np.maximum(median - truth, 0),
        "underprediction": 0.5 * np.maximum(truth - median, 0),
    }
    for prob in probs:
        lower, upper = interval(values, prob)
        parts["dispersion"] += (1 - prob) / 2 * (upper - lower)
        parts["overprediction"] += np.maximum(lower - truth, 0)
        parts["underprediction"] += np.maximum(truth - upper, 0)
    scaled = {name: value / (len(probs) + 0.5) for name, value in parts.items()}
    return {"wis": sum(scaled.values(), np.zeros(len(truth))), **scaled}


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
