"""Proper scores of whole paths: whether days to come hang together as the forecast says they do.

One path's draws (n_draws, n_times) and what happened (n_times,) in, one number out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import pdist

from bayes_backlog.errors import DataError

Floats = NDArray[np.float64]


def energy_score(draws: ArrayLike, observed: ArrayLike) -> float:
    """Fair energy score, the CRPS of a path.

    Returns
    -------
    float
        E||X - y|| - E||X - X'|| / 2 with Euclidean distances and the unbiased estimate of the second term, in cases
        (Gneiting and Raftery 2007, doi:10.1198/016214506000001437). Of a path of one day it is the fair CRPS.
    """
    paths, truth = _checked(draws, observed)
    distance = np.linalg.norm(paths - truth, axis=1).mean()
    return float(distance - pdist(paths).mean() / 2)


def variogram_score(draws: ArrayLike, observed: ArrayLike) -> float:
    """Variogram score of order one half, all pairs of times weighing the same.

    Returns
    -------
    float
        Mean over pairs of times of (|y_s - y_t|^0.5 - E|X_s - X_t|^0.5)^2, in cases (Scheuerer and Hamill 2015,
        doi:10.1175/MWR-D-14-00269.1). It sees wrong dependence between times, which the energy score hardly does, and
        is blind to a forecast that is wrong by a constant. 0 for a path of one time.
    """
    paths, truth = _checked(draws, observed)
    first, second = np.triu_indices(len(truth), k=1)
    if not len(first):
        return 0.0
    expected = np.sqrt(np.abs(paths[:, first] - paths[:, second])).mean(axis=0)
    return float(np.mean((np.sqrt(np.abs(truth[first] - truth[second])) - expected) ** 2))


def _checked(draws: ArrayLike, observed: ArrayLike) -> tuple[Floats, Floats]:
    paths, truth = np.asarray(draws, dtype=float), np.asarray(observed, dtype=float)
    if paths.ndim != 2 or truth.shape != paths.shape[1:] or len(paths) < 2:
        raise DataError(
            f"paths of shape {paths.shape} do not belong to an observed path of shape {truth.shape}: expected "
            "(n_draws, n_times) with at least two draws and (n_times,). Scoring them would pair days with other days."
        )
    if not (np.isfinite(paths).all() and np.isfinite(truth).all()):
        raise DataError("a path holds what is not a number: its score would be meaningless. Correct the input.")
    return paths, truth
