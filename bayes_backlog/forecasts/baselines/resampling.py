"""Weeks of the last quarter drawn again: what happens if the office goes on as it did."""

from __future__ import annotations

import numpy as np

from bayes_backlog.forecasts.baselines.history import WEEK, CannotForecast, History, Horizon, Paths, with_stocks

WEEKS = 13


def bootstrap_weeks(history: History, horizon: Horizon, rng: np.random.Generator) -> Paths:
    """Resample whole weeks of the last quarter; a draw takes the same weeks for every flow.

    Raises
    ------
    CannotForecast
        When the history is shorter than a week.
    """
    recent = history.recent(WEEKS * WEEK)
    weeks = len(recent) // WEEK
    if weeks == 0:
        raise CannotForecast(f"{len(recent)} working day(s) of history are less than the week of {WEEK} that it draws")
    blocks = recent.iloc[-weeks * WEEK :].to_numpy().reshape(weeks, WEEK, -1)
    n_days = len(horizon.days)
    picked = rng.integers(weeks, size=(horizon.n_draws, -(-n_days // WEEK)))
    paths = blocks[picked].reshape(horizon.n_draws, -1, blocks.shape[2])[:, :n_days].cumsum(axis=1)
    return with_stocks({str(flow): paths[:, :, k] for k, flow in enumerate(recent)}, history)
