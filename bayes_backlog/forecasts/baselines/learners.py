"""Two popular learners, for those who have them installed: LightGBM's quantile regression, and Prophet.

They are slow, so they forecast the office alone.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from types import ModuleType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_backlog.forecasts.baselines.history import (
    QUARTER,
    WEEK,
    YEAR,
    CannotForecast,
    History,
    Horizon,
    Paths,
    with_stocks,
)
from bayes_backlog.vocabulary import OFFICE

TRAINING_DAYS = 3 * YEAR
LEVELS = (0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99)
LEARNER = {"objective": "quantile", "num_leaves": 15, "num_threads": 1, "seed": 0, "deterministic": True, "verbose": -1}
N_TREES = 60
LOOKS_BACK = (WEEK, 21, QUARTER)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def lightgbm_quantiles(history: History, horizon: Horizon, rng: np.random.Generator) -> Paths:
    """Regress quantiles of a flow's sum over the weeks to come on its recent sums and the time of year.

    A draw stands at one probability throughout: as high among the sums of one week as of thirteen.

    Raises
    ------
    CannotForecast
        When the package is not installed, or less than a year is known.
    """
    if history.level != OFFICE:
        return {}
    lightgbm = _package("lightgbm")
    n_days = len(horizon.days)
    values = history.recent(TRAINING_DAYS + QUARTER).to_numpy()
    if len(values) < YEAR + n_days:
        raise CannotForecast(f"{len(values)} working days of history are less than the {YEAR + n_days} it learns from")
    days = pd.DatetimeIndex(history.flows.index[-len(values) :].append(horizon.days))
    ahead = np.unique(np.append(np.arange(WEEK, n_days, WEEK), n_days))
    origins = np.arange(QUARTER, len(values) - n_days + 1, 2)
    probability = rng.random(horizon.n_draws)
    flows = {}
    for k, flow in enumerate(history.flows):
        reached = np.append(0, values[:, k].cumsum())
        X = np.vstack([_features(reached, days, origins, step) for step in ahead])
        y = np.concatenate([reached[origins + step] - reached[origins] for step in ahead])
        asked = np.vstack([_features(reached, days, np.array([len(values)]), step) for step in ahead])
        quantiles = np.empty((len(ahead), len(LEVELS)))
        for column, level in enumerate(LEVELS):
            settings = LEARNER | {"alpha": level}
            quantiles[:, column] = lightgbm.train(settings, lightgbm.Dataset(X, y), N_TREES).predict(asked)
        ordered = np.sort(np.maximum(quantiles, 0), axis=1)
        sums = np.stack([np.interp(probability, LEVELS, row) for row in ordered], axis=1)
        daily = [np.interp(np.arange(1, n_days + 1), np.append(0, ahead), np.append(0, draw)) for draw in sums]
        flows[str(flow)] = np.rint(daily).astype(np.int64)
    return with_stocks(flows, history)


def prophet(history: History, horizon: Horizon, rng: np.random.Generator) -> Paths:
    """Fit Prophet, as it comes, to the daily counts of every flow by itself.

    Raises
    ------
    CannotForecast
        When the package is not installed, or less than a quarter is known.
    """
    if history.level != OFFICE:
        return {}
    package = _package("prophet")
    logging.getLogger("cmdstanpy").disabled = True
    recent = history.recent(TRAINING_DAYS)
    if len(recent) < QUARTER:
        raise CannotForecast(f"{len(recent)} working days of history are less than the quarter it learns from")
    flows = {}
    state = np.random.get_state()
    try:
        # The package draws from numpy's global stream, and calls pandas in ways that pandas announces to change.
        np.random.seed(int(rng.integers(2**31)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for flow in recent:
                model = package.Prophet(weekly_seasonality=True, uncertainty_samples=horizon.n_draws)
                model.fit(pd.DataFrame({"ds": recent.index, "y": recent[flow].to_numpy(dtype=float)}))
                daily = model.predictive_samples(pd.DataFrame({"ds": horizon.days}))["yhat"].T
                flows[str(flow)] = np.rint(np.maximum(daily, 0).cumsum(axis=1)).astype(np.int64)
    finally:
        np.random.set_state(state)
    return with_stocks(flows, history)


def _features(reached: Ints, days: pd.DatetimeIndex, origins: Ints, step: int) -> Floats:
    """Return what is known at origins: days asked for, recent sums, and where the year stands."""
    angle = 2 * np.pi * days[origins].day_of_year.to_numpy() / 365.25
    back = [reached[origins] - reached[origins - look] for look in LOOKS_BACK]
    to_month_end = days[origins].days_in_month.to_numpy() - days[origins].day.to_numpy()
    return np.column_stack([np.full(len(origins), step), *back, np.sin(angle), np.cos(angle), to_month_end])


def _package(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise CannotForecast(
            f"the package {name} is not installed: pip install 'bayes-backlog[baselines]' brings it"
        ) from None
