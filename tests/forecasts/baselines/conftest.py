"""Small histories whose right forecast is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.config import Calendar
from bayes_backlog.forecasts.baselines.history import History, Horizon
from bayes_backlog.panels.calendar import calendar_table, working_days

FLOWS = ("received", "removed", "allocated", "signed_off")
START = {"backlog": 100, "wip": 50}


@pytest.fixture(scope="session")
def make_history() -> Callable[..., History]:
    """The office's flows on the working days up to 30 June 2025, a column each; nobody is listed as present."""

    def make(values: np.ndarray, stocks: dict[str, int] = START) -> History:
        days = working_days(pd.Timestamp("2015-01-01"), pd.Timestamp("2025-06-30"), Calendar())[-len(values) :]
        return History(
            "office", "office", pd.DataFrame(values, index=days, columns=list(FLOWS)), stocks, pd.DataFrame()
        )

    return make


@pytest.fixture(scope="session")
def make_horizon() -> Callable[..., Horizon]:
    """The working days from 1 July 2025 on."""

    def make(n_days: int = 63, n_draws: int = 400) -> Horizon:
        ahead = working_days(pd.Timestamp("2025-07-01"), pd.Timestamp("2027-12-31"), Calendar())[:n_days]
        return Horizon(ahead, calendar_table(pd.Timestamp("2015-01-01"), ahead[-1], Calendar()), n_draws)

    return make
