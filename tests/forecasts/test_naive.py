"""The yardstick stands where the random walk does, on every calendar day; without a past it says nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_backlog.config import Config
from bayes_backlog.forecasts.naive import naive_backlog
from bayes_backlog.panels import Panels


def days_after(panels: Panels, n: int) -> pd.DatetimeIndex:
    return pd.date_range(panels.as_of + pd.Timedelta(days=1), periods=n)


def test_it_goes_on_from_the_backlog_with_last_years_drift(small_panels: Panels, small_config: Config) -> None:
    dates = days_after(small_panels, 90)
    found = naive_backlog(small_panels, dates, small_config.calendar, seed=1).set_index("target_date")
    backlog = small_panels.office["backlog"]
    working = small_panels.calendar.loc[: small_panels.as_of].index
    drift = (backlog.iloc[-1] - backlog.iloc[-1 - 252]) / 252
    last = found.iloc[-1]
    n = len(pd.bdate_range(dates[0], dates[-1]))
    error = (last["q95"] - last["q05"]) / 3.29 / np.sqrt(2000)
    assert len(working) > 252
    assert abs(last["mean"] - (backlog.iloc[-1] + n * drift)) < 4 * error + 2 * abs(drift) + 1
    assert (found["q95"] - found["q05"]).iloc[-1] > (found["q95"] - found["q05"]).iloc[0]
    assert last["horizon_days"] == 90


def test_days_off_have_the_close_of_the_day_before(small_panels: Panels, small_config: Config) -> None:
    found = naive_backlog(small_panels, days_after(small_panels, 30), small_config.calendar, seed=1)
    weekend = found[found["target_date"].dt.day_of_week >= 5]
    friday = found[found["target_date"].isin(weekend["target_date"] - pd.Timedelta(days=1))]
    assert not weekend.empty
    assert set(weekend["q50"]) <= set(friday["q50"]) | set(weekend["q50"].iloc[:1])


def test_a_horizon_as_long_as_the_history_has_no_yardstick(small_panels: Panels, small_config: Config) -> None:
    assert naive_backlog(small_panels, days_after(small_panels, 1300), small_config.calendar, seed=1).empty
