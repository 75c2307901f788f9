"""Past days stand for days ahead, give or take the errors that the same rule would have made before.

A rule names, for every day ahead, the past day whose counts it repeats. Its errors at earlier origins are whole paths
of all flows, so a draw keeps how errors hang together from day to day and between flows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_backlog.forecasts.baselines.history import (
    QUARTER,
    YEAR,
    CannotForecast,
    History,
    Horizon,
    Paths,
    with_stocks,
)

ERROR_DAYS = 3 * YEAR
"""Errors are those of the last three years: older ones tell of another office."""
MIN_ERRORS = 20

Ints = NDArray[np.int64]
Rule = Callable[[pd.DatetimeIndex, Ints, int], Ints]
"""(days, past and ahead; origins (K,), the position of the first day ahead; n_days) -> (K, n_days) positions of the
past days that are repeated, negative where the history does not reach back so far."""


def same_weekday(days: pd.DatetimeIndex, origins: Ints, n_days: int) -> Ints:
    """Repeat the last known day of the same weekday."""
    weekday = days.day_of_week.to_numpy()
    position = np.where(weekday[:, None] == np.arange(7), np.arange(len(days))[:, None], -1)
    latest = np.maximum.accumulate(position, axis=0)[origins - 1]
    return np.take_along_axis(latest, weekday[origins[:, None] + np.arange(n_days)], axis=1)


def last_quarter(_: pd.DatetimeIndex, origins: Ints, n_days: int) -> Ints:
    """Repeat the last 63 working days, in their order."""
    return origins[:, None] - QUARTER + np.arange(n_days) % QUARTER


def same_quarter_last_year(days: pd.DatetimeIndex, origins: Ints, n_days: int) -> Ints:
    """Repeat as many working days from the same date of last year on."""
    date = days[origins] - pd.DateOffset(years=1)
    begins = days.searchsorted(date)
    source = begins[:, None] + np.arange(n_days) % (origins - begins)[:, None]
    return np.where((date >= days[0])[:, None], source, -1)


def with_past_errors(rule: Rule, history: History, horizon: Horizon, rng: np.random.Generator) -> Paths:
    """Forecast by a rule, with errors drawn from those it made over the last three years.

    Raises
    ------
    CannotForecast
        When there is no day to repeat, or too few earlier forecasts to know the errors from.
    """
    values = history.flows.to_numpy()
    n, n_days = len(values), len(horizon.days)
    days = pd.DatetimeIndex(history.flows.index.append(horizon.days))
    origins = np.append(np.arange(max(1, n - n_days - ERROR_DAYS), n - n_days + 1), n)
    source = rule(days, origins, n_days)
    reaches = (source >= 0).all(axis=1)
    tried = origins[:-1][reaches[:-1]]
    if not reaches[-1] or len(tried) < MIN_ERRORS:
        raise CannotForecast(
            f"{n} working days of history allow {len(tried)} earlier forecasts of {n_days} days, and its errors need "
            f"at least {MIN_ERRORS}"
        )
    expected = values[source[reaches]].cumsum(axis=1)
    errors = values[tried[:, None] + np.arange(n_days)].cumsum(axis=1) - expected[:-1]
    paths = np.maximum(expected[-1] + errors[rng.integers(len(errors), size=horizon.n_draws)], 0)
    return with_stocks({str(flow): paths[:, :, k] for k, flow in enumerate(history.flows)}, history)


seasonal_naive_weekday = partial(with_past_errors, same_weekday)
last_quarter_repeated = partial(with_past_errors, last_quarter)
last_year_repeated = partial(with_past_errors, same_quarter_last_year)
