"""Simple forecasts that a model must beat, given as draws of office and team totals like the model's own."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_backlog.models.draws import Counts

WEEKS = 13
DAYS_A_WEEK = 5


def bootstrap_weeks(history: pd.DataFrame, n_days: int, n_draws: int, rng: np.random.Generator) -> dict[str, Counts]:
    """Resample whole weeks of the last quarter.

    Parameters
    ----------
    history : DataFrame
        Flows per working day up to the cutoff, one column each, ordered by day.
    n_days : int
        Working days ahead.
    n_draws : int
        Draws.
    rng : Generator
        Source of randomness.

    Returns
    -------
    dict of (n_draws, n_days) arrays
        Flows per working day. A draw takes the same weeks for every flow, so flows of one week stay together.
    """
    recent = history.iloc[-WEEKS * DAYS_A_WEEK :].to_numpy()
    blocks = recent[: len(recent) // DAYS_A_WEEK * DAYS_A_WEEK].reshape(-1, DAYS_A_WEEK, recent.shape[1])
    picked = rng.integers(len(blocks), size=(n_draws, -(-n_days // DAYS_A_WEEK)))
    paths = blocks[picked].reshape(n_draws, -1, recent.shape[1])[:, :n_days]
    return {str(name): paths[:, :, k].astype(np.int32) for k, name in enumerate(history.columns)}
