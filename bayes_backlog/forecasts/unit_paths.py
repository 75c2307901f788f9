"""What a forecast says of each unit, day by day: the one form in which the model and its rivals are scored.

Draws always stand beside the days they speak of, so a forecast cannot be scored against another day's truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import xarray as xr

from bayes_backlog.errors import DataError
from bayes_backlog.forecasts.tables import flows_in, units
from bayes_backlog.models.draws import Counts
from bayes_backlog.vocabulary import OFFICE, STOCKS


@dataclass(frozen=True)
class UnitPaths:
    """Draws of one quantity of one unit.

    Attributes
    ----------
    quantity, level, unit : str
        What is forecast, and of whom.
    draws : (n_draws, n_days) int
        Cases at the close of each working day ahead: a flow summed since the cutoff, or a stock.
    """

    quantity: str
    level: str
    unit: str
    draws: Counts

    @property
    def key(self) -> tuple[str, str, str]:
        """(quantity, level, unit)."""
        return self.quantity, self.level, self.unit


@dataclass(frozen=True)
class PathForecast:
    """All that one forecaster says from one cutoff.

    Attributes
    ----------
    model : str
        Who forecast.
    days : (n_days,) DatetimeIndex
        Working days ahead.
    units : tuple of UnitPaths
        Any number of units; a forecaster of stocks alone has no flows.
    """

    model: str
    days: pd.DatetimeIndex
    units: tuple[UnitPaths, ...]

    def units_at(self, level: str) -> set[str]:
        """Return the names of the units forecast at a level."""
        return {found.unit for found in self.units if found.level == level}


def model_paths(model: str, predictions: xr.Dataset, days: pd.DatetimeIndex) -> PathForecast:
    """Return a roll-forward's draws for office and teams on working days.

    Raises
    ------
    DataError
        When the roll-forward does not reach all of the days.
    """
    dates = pd.DatetimeIndex(predictions["date"].to_numpy())
    at = dates.get_indexer(days)
    if (at < 0).any():
        raise DataError(
            f"The forecast by {model} has {len(dates)} days to {dates[-1]:%Y-%m-%d}, but is asked for "
            f"{int((at < 0).sum())} others (first {days[at < 0][0]:%Y-%m-%d}): it would be scored on other days than "
            "its rivals. Forecast as far as the backtest looks."
        )
    found, flows = [], flows_in(predictions)
    for quantity in flows + STOCKS:
        for level, unit, values in units(predictions, quantity):
            if level in (OFFICE, "team"):
                reached = values.cumsum(axis=1, dtype=values.dtype) if quantity in flows else values
                found.append(UnitPaths(quantity, level, unit, reached[:, at]))
    return PathForecast(model, days, tuple(found))
