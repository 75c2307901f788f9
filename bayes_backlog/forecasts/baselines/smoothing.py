"""Exponential smoothing of weekly totals, with a trend that dies away."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from statsmodels.tools.sm_exceptions import ConvergenceWarning
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from bayes_backlog.forecasts.baselines.history import WEEK, YEAR, CannotForecast, History, Horizon, Paths, with_stocks

TRAINING_DAYS = 3 * YEAR
MIN_WEEKS = 26

Floats = NDArray[np.float64]


def exponential_smoothing(history: History, horizon: Horizon, rng: np.random.Generator) -> Paths:
    """Simulate an ETS(A, Ad, N) of every flow's weekly totals; a week's cases come evenly over its days.

    Weeks are five working days, counted back from the cutoff. Flows are independent of each other.

    Raises
    ------
    CannotForecast
        When the history is shorter than half a year.
    """
    recent = history.recent(TRAINING_DAYS)
    n_weeks, n_days = len(recent) // WEEK, len(horizon.days)
    if n_weeks < MIN_WEEKS:
        raise CannotForecast(f"{n_weeks} weeks of history are less than the {MIN_WEEKS} it learns from")
    weekly = recent.iloc[-n_weeks * WEEK :].to_numpy().reshape(n_weeks, WEEK, -1).sum(axis=1)
    ahead = -(-n_days // WEEK)
    flows = {}
    for flow, totals in zip(recent, weekly.T, strict=True):
        simulated = np.maximum(_simulated(totals.astype(float), ahead, horizon.n_draws, rng), 0.0)
        reached = np.pad(simulated.cumsum(axis=0), ((1, 0), (0, 0)))
        whole, part = np.divmod(np.arange(1, n_days + 1), WEEK)
        following = np.minimum(whole + 1, ahead)
        path = reached[whole] + (part / WEEK)[:, None] * (reached[following] - reached[whole])
        flows[str(flow)] = np.rint(path.T).astype(np.int64)
    return with_stocks(flows, history)


def _simulated(totals: Floats, n_weeks: int, n_draws: int, rng: np.random.Generator) -> Floats:
    """Return (n_weeks, n_draws) totals to come."""
    if (totals == totals[0]).all():
        return np.full((n_weeks, n_draws), totals[0])
    with warnings.catch_warnings():
        # Whatever the optimiser reached is a smoothing to be scored like any other.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = ETSModel(totals, error="add", trend="add", damped_trend=True).fit(disp=False)
        return np.asarray(fitted.simulate(n_weeks, anchor="end", repetitions=n_draws, rng=rng)).reshape(
            n_weeks, n_draws
        )
