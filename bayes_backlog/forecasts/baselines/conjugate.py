"""The two conjugate forecasters that offices use today: a regression of daily changes, and Gamma-Poisson rates.

Both are kept as they are found in use, prior and all, but on working days, and with draws that are added up instead of
quantiles that are.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_backlog.forecasts.baselines.history import QUARTER, CannotForecast, History, Horizon, Paths
from bayes_backlog.forecasts.baselines.random_walk import CHANGES
from bayes_backlog.panels.calendar import fourier_terms

Floats = NDArray[np.float64]

PRIOR_VARIANCE = 1e6
"""Of coefficients, in units of the noise variance: next to no information."""
PRIOR_SHAPE = 2.0


def conjugate_backlog(history: History, horizon: Horizon, rng: np.random.Generator) -> Paths:
    """Regress the backlog's daily change on the day before's, an annual wave and the weekday.

    change ~ Normal(x'b, s2); b | s2 ~ Normal(0, 1e6 s2); s2 ~ InverseGamma(2, variance of the changes). The office's
    backlog is all that it forecasts; of a team it says nothing.

    Raises
    ------
    CannotForecast
        When the history is shorter than a quarter.
    """
    if "backlog" not in history.stocks:
        return {}
    changes = np.asarray(sum(sign * history.flows[flow] for flow, sign in CHANGES["backlog"].items()), dtype=float)
    if len(changes) <= QUARTER:
        raise CannotForecast(f"{len(changes)} working days of history are less than the quarter it learns from")
    n_days = len(horizon.days)
    days = pd.DatetimeIndex(history.flows.index.append(horizon.days))
    waves = fourier_terms(days, 1).to_numpy()
    columns = np.column_stack([np.ones(len(days)), waves, days.day_of_week.to_numpy()[:, None] == np.arange(1, 5)])
    X, y = np.column_stack([columns[1 : len(changes)], changes[:-1]]), changes[1:]
    precision = X.T @ X + np.eye(X.shape[1]) / PRIOR_VARIANCE
    centre = np.linalg.solve(precision, X.T @ y)
    rate = max(y.var() + (y @ y - centre @ precision @ centre) / 2, 1e-9)
    noise = np.sqrt(rate / rng.gamma(PRIOR_SHAPE + len(y) / 2, size=horizon.n_draws))
    spread = np.linalg.solve(np.linalg.cholesky(precision).T, rng.standard_normal((len(centre), horizon.n_draws)))
    coefficients = centre[:, None] + noise * spread
    change, stock = np.full(horizon.n_draws, changes[-1]), np.full(horizon.n_draws, float(history.stocks["backlog"]))
    path = np.empty((horizon.n_draws, n_days))
    for day, x in enumerate(columns[len(changes) :]):
        change = x @ coefficients[:-1] + change * coefficients[-1] + noise * rng.standard_normal(horizon.n_draws)
        stock = stock + change
        path[:, day] = stock
    return {"backlog": np.rint(np.maximum(path, 0)).astype(np.int32)}


def gamma_poisson_pickups(history: History, horizon: Horizon, rng: np.random.Generator) -> Paths:
    """Draw every present person's allocations at a rate of their own: Gamma(1, 1) before, cases and days added.

    Nobody learns from anybody else, and no day differs from another. Allocations are all that it forecasts.

    Raises
    ------
    CannotForecast
        When nobody is present.
    """
    if history.people.empty:
        raise CannotForecast("nobody is present on the last day, so there are no people whose rates it could draw")
    by_person = history.people.groupby("investigator")["allocated"].agg(["sum", "size"])
    shape, days = 1.0 + by_person["sum"].to_numpy(), 1.0 + by_person["size"].to_numpy()
    rate = (rng.standard_gamma(shape, size=(horizon.n_draws, len(shape))) / days).sum(axis=1)
    daily = rng.poisson(rate[:, None], size=(horizon.n_draws, len(horizon.days)))
    return {"allocated": daily.cumsum(axis=1).astype(np.int32)}
