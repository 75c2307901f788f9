"""Stocks that go on from where they are: last year's mean change, give or take the changes of the last three years."""

from __future__ import annotations

import numpy as np

from bayes_backlog.forecasts.baselines.empirical import ERROR_DAYS, MIN_ERRORS
from bayes_backlog.forecasts.baselines.history import YEAR, CannotForecast, History, Horizon, Paths

CHANGES = {"backlog": {"received": 1, "allocated": -1, "removed": -1}, "wip": {"allocated": 1, "signed_off": -1}}
"""What each flow does to each stock."""


def random_walk_with_drift(history: History, horizon: Horizon, rng: np.random.Generator) -> Paths:
    """Forecast stocks alone; all stocks of a draw take the change of the same past days.

    Raises
    ------
    CannotForecast
        When the history holds too few stretches as long as the horizon.
    """
    n_days, flows = len(horizon.days), history.flows
    changes = np.column_stack([sum(sign * flows[f] for f, sign in CHANGES[s].items()) for s in history.stocks])
    reached = np.vstack([np.zeros((1, changes.shape[1])), changes[-ERROR_DAYS:].cumsum(axis=0)])
    begins = np.arange(len(reached) - n_days)
    if len(begins) < MIN_ERRORS:
        raise CannotForecast(
            f"{len(flows)} working days of history hold {max(len(begins), 0)} stretches of {n_days} days, and its "
            f"changes need at least {MIN_ERRORS}"
        )
    past = reached[begins[:, None] + np.arange(1, n_days + 1)] - reached[begins][:, None]
    drift = changes[-YEAR:].mean(axis=0) * np.arange(1, n_days + 1)[:, None]
    errors = (past - past.mean(axis=0))[rng.integers(len(past), size=horizon.n_draws)]
    start = np.array(list(history.stocks.values()))
    paths = np.maximum(np.rint(start + drift + errors), 0).astype(np.int32)
    stocks = {stock: paths[:, :, k] for k, stock in enumerate(history.stocks)}
    return stocks | ({"open": stocks["backlog"] + stocks["wip"]} if "backlog" in stocks else {})
