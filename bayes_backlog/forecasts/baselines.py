"""Simple forecasts that a model must beat, given as draws of office and team totals like the model's own."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_backlog.errors import DataError
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

    Raises
    ------
    DataError
        When the history is shorter than a week.
    """
    weeks = min(WEEKS, len(history) // DAYS_A_WEEK)
    if weeks == 0:
        raise DataError(
            f"{len(history)} working day(s) of history are less than the week of {DAYS_A_WEEK} that this forecast "
            "resamples. Set an earlier data.first_date."
        )
    blocks = history.iloc[-weeks * DAYS_A_WEEK :].to_numpy().reshape(weeks, DAYS_A_WEEK, history.shape[1])
    picked = rng.integers(weeks, size=(n_draws, -(-n_days // DAYS_A_WEEK)))
    paths = blocks[picked].reshape(n_draws, -1, history.shape[1])[:, :n_days]
    return {str(name): paths[:, :, k].astype(np.int32) for k, name in enumerate(history.columns)}
