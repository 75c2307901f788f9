"""The random walk of stocks: its drift, its spread, and that stocks of a draw belong together."""

from collections.abc import Callable

import numpy as np
import pytest

from bayes_backlog.forecasts.baselines.history import CannotForecast, History, Horizon
from bayes_backlog.forecasts.baselines.random_walk import random_walk_with_drift

MakeHistory = Callable[..., History]
MakeHorizon = Callable[..., Horizon]


def test_a_steady_office_drifts_as_it_did(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    """Net two cases a day into the queue and one into the work: no error was ever made."""
    history = make_history(np.tile([6, 1, 3, 2], (700, 1)))
    paths = random_walk_with_drift(history, make_horizon(), np.random.default_rng(1))
    day = np.arange(1, 64)
    assert (paths["backlog"] == 100 + 2 * day).all()
    assert (paths["wip"] == 50 + day).all()
    assert (paths["open"] == 150 + 3 * day).all()
    assert set(paths) == {"backlog", "wip", "open"}


def test_spread_grows_as_past_changes_did(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    """Independent days of variance 2 * 50: after 63 days the sd is sqrt(63 * 100) = 79, as 12 stretches tell."""
    rng = np.random.default_rng(8)
    values = np.column_stack([rng.poisson(50, 756), np.zeros(756, int), rng.poisson(50, 756), rng.poisson(50, 756)])
    history = make_history(values, {"backlog": 5000, "wip": 5000})
    paths = random_walk_with_drift(history, make_horizon(63, 4000), np.random.default_rng(1))
    spread = paths["backlog"].std(axis=0)
    assert spread[-1] == pytest.approx(np.sqrt(63 * 100), rel=0.5)
    assert spread[0] == pytest.approx(10, rel=0.2)
    assert (paths["open"] == paths["backlog"] + paths["wip"]).all()


def test_a_team_has_work_in_progress_alone(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    history = make_history(np.tile([0, 0, 3, 2], (700, 1)), {"wip": 0})
    assert set(random_walk_with_drift(history, make_horizon(), np.random.default_rng(1))) == {"wip"}


def test_stocks_never_fall_below_nothing(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    history = make_history(np.tile([0, 0, 5, 9], (700, 1)))
    paths = random_walk_with_drift(history, make_horizon(), np.random.default_rng(1))
    assert paths["backlog"].min() == paths["wip"].min() == 0


def test_a_short_history_is_refused(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    with pytest.raises(CannotForecast, match="60 working days of history hold 0 stretches of 63"):
        random_walk_with_drift(make_history(np.ones((60, 4), int)), make_horizon(), np.random.default_rng(1))
