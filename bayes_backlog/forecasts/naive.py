"""What the backlog would be expected to do without any model: the yardstick beside the published forecast."""

from __future__ import annotations

import pandas as pd

from bayes_backlog import config
from bayes_backlog.forecasts.baselines.history import CannotForecast, horizon_of, office_history
from bayes_backlog.forecasts.baselines.random_walk import random_walk_with_drift
from bayes_backlog.forecasts.paired import stream
from bayes_backlog.forecasts.tables import summary
from bayes_backlog.panels import Panels
from bayes_backlog.panels.calendar import working_days

DRAWS = 2000
COLUMNS = ("target_date", "horizon_days")


def naive_backlog(panels: Panels, dates: pd.DatetimeIndex, calendar: config.Calendar, seed: int) -> pd.DataFrame:
    """Return the backlog as a random walk with drift has it, on the dates of a forecast.

    Parameters
    ----------
    panels : Panels
        Up to the last known day.
    dates : DatetimeIndex
        Calendar days ahead.
    calendar : config.Calendar
        Says which are working days.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame
        target_date, horizon_days, mean, q05 ... q95 (cases). Days before the first working day are left out; a history
        too short for a random walk gives an empty table.
    """
    days = working_days(dates[0], dates[-1], calendar)
    horizon = horizon_of(panels, days, DRAWS, calendar)
    try:
        draws = random_walk_with_drift(office_history(panels), horizon, stream(seed, "naive"))["backlog"]
    except CannotForecast:
        return pd.DataFrame(columns=list(COLUMNS))
    by_day = pd.DataFrame(summary(draws), index=days).reindex(dates, method="ffill").dropna()
    ahead = {"target_date": by_day.index, "horizon_days": (pd.DatetimeIndex(by_day.index) - panels.as_of).days}
    return pd.DataFrame(ahead).join(by_day.reset_index(drop=True))
