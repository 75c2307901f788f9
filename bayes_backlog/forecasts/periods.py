"""Forecasts by week and month: what is forecast of a period, never more.

The vocabulary says how a quantity aggregates, draw by draw: flows sum, stocks take the last value. A row names the days
that it speaks of, so a week or month that the forecast only partly covers cannot be read as a whole one.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from bayes_backlog.forecasts.tables import flows_in, summary, units
from bayes_backlog.models.draws import Counts
from bayes_backlog.vocabulary import STOCKS, time_aggregation

PERIODS: dict[Literal["week", "month"], str] = {"week": "W-SUN", "month": "M"}


def period_table(predictions: xr.Dataset, period: Literal["week", "month"]) -> pd.DataFrame:
    """Return mean and quantiles of all flows and stocks by period.

    Parameters
    ----------
    predictions : Dataset
        Of `roll_forward`.
    period : {"week", "month"}
        Weeks end on Sunday.

    Returns
    -------
    DataFrame
        quantity, level, unit, first_date, last_date, n_days, mean, q05 ... q95 (cases). A flow is summed over the
        n_days from first_date to last_date, a stock is that at the close of last_date.
    """
    dates = pd.DatetimeIndex(predictions["date"].to_numpy())
    starts = _starts(dates, period)
    ends = np.append(starts[1:], len(dates)) - 1
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "quantity": quantity,
                    "level": level,
                    "unit": unit,
                    "first_date": dates[starts],
                    "last_date": dates[ends],
                    "n_days": ends - starts + 1,
                    **summary(_by_period(values, quantity, starts, ends)),
                }
            )
            for quantity in flows_in(predictions) + STOCKS
            for level, unit, values in units(predictions, quantity)
        ],
        ignore_index=True,
    )


def _starts(dates: pd.DatetimeIndex, period: Literal["week", "month"]) -> np.ndarray:
    """Return the position of each period's first day."""
    ordinal = dates.to_period(PERIODS[period]).asi8
    return np.flatnonzero(np.diff(ordinal, prepend=ordinal[0] - 1))


def _by_period(values: Counts, quantity: str, starts: np.ndarray, ends: np.ndarray) -> Counts:
    """Return (n, period) draws from (n, date) draws."""
    if time_aggregation(quantity) == "sum":
        return np.add.reduceat(values, starts, axis=1)
    return values[:, ends]
