"""Exponential smoothing of weeks: what is steady goes on, a level is found, and totals come evenly over a week."""

from collections.abc import Callable

import numpy as np
import pytest

from bayes_backlog.forecasts.baselines.history import CannotForecast, History, Horizon
from bayes_backlog.forecasts.baselines.smoothing import exponential_smoothing

MakeHistory = Callable[..., History]
MakeHorizon = Callable[..., Horizon]


def test_a_steady_office_goes_on(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    """Every day 4 received, 0 removed, 3 allocated, 2 signed off; 63 days are twelve weeks and three days."""
    history = make_history(np.tile([4, 0, 3, 2], (300, 1)))
    paths = exponential_smoothing(history, make_horizon(63, 5), np.random.default_rng(1))
    day = np.arange(1, 64)
    assert (paths["received"] == 4 * day).all()
    assert (paths["removed"] == 0).all()
    assert (paths["wip"] == 50 + day).all()


def test_the_level_of_late_is_followed(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    """Half as many cases for the last two years: a mean over all three would be a third too high."""
    rng = np.random.default_rng(4)
    values = rng.poisson(np.where(np.arange(756) < 252, 20, 10)[:, None], (756, 4))
    paths = exponential_smoothing(make_history(values), make_horizon(63, 400), np.random.default_rng(1))
    total = paths["received"][:, -1]
    assert total.mean() == pytest.approx(630, rel=0.15)
    assert total.std() > np.sqrt(630)


def test_a_short_history_is_refused(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    with pytest.raises(CannotForecast, match="25 weeks of history"):
        exponential_smoothing(make_history(np.ones((129, 4), int)), make_horizon(), np.random.default_rng(1))
