"""The conjugate forecasters: the posterior is the textbook's, and rates are those of each person alone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_backlog.forecasts.baselines.conjugate import conjugate_backlog, gamma_poisson_pickups
from bayes_backlog.forecasts.baselines.history import CannotForecast, History, Horizon

MakeHistory = Callable[..., History]
MakeHorizon = Callable[..., Horizon]


def test_independent_changes_add_up(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    """Changes of mean 2 and sd 3 over ten years: after 63 days 126 more, give or take sqrt(63) * 3 = 24.

    The prior's half a variance more is lost in so many days.
    """
    change = np.random.default_rng(1).normal(2, 3, 2_500).round().astype(int)
    values = np.column_stack([np.maximum(change, 0), 0 * change, np.maximum(-change, 0), 0 * change])
    history = make_history(values, {"backlog": 1_000, "wip": 0})
    path = conjugate_backlog(history, make_horizon(63, 4_000), np.random.default_rng(2))["backlog"]
    assert path[:, -1].mean() == pytest.approx(1_000 + 63 * change.mean(), abs=12)
    assert path[:, -1].std() == pytest.approx(np.sqrt(63) * change.std(), rel=0.1)
    assert path[:, 0].std() == pytest.approx(change.std(), rel=0.1)


def test_a_weekday_is_learnt(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    """Twenty cases every Monday and none else: the forecast's changes are the same, to a case."""
    history = make_history(np.zeros((700, 4), int))
    monday = history.flows.index.day_of_week == 0
    history = replace(history, flows=history.flows.assign(received=20 * monday))
    horizon = make_horizon(20, 400)
    path = conjugate_backlog(history, horizon, np.random.default_rng(2))["backlog"].mean(axis=0)
    expected = 100 + 20 * (horizon.days.day_of_week == 0).cumsum()
    np.testing.assert_allclose(path, expected, atol=1)


def test_it_never_falls_below_nothing_and_says_nothing_of_a_team(
    make_history: MakeHistory, make_horizon: MakeHorizon
) -> None:
    falling = make_history(np.tile([0, 0, 9, 0], (300, 1)))
    assert conjugate_backlog(falling, make_horizon(), np.random.default_rng(1))["backlog"].min() == 0
    team = replace(falling, stocks={"wip": 3})
    assert conjugate_backlog(team, make_horizon(), np.random.default_rng(1)) == {}
    with pytest.raises(CannotForecast, match="63 working days"):
        conjugate_backlog(make_history(np.ones((63, 4), int)), make_horizon(), np.random.default_rng(1))


def test_pickups_are_negative_binomial_of_each_person(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    """Of one person with 30 allocations in 99 days, n days' cases are NB(31, 100 / (100 + n)): by every quantile."""
    person = pd.DataFrame({"investigator": "ann", "allocated": np.repeat([1, 0], [30, 69])})
    history = replace(make_history(np.ones((99, 4), int)), people=person)
    drawn = gamma_poisson_pickups(history, make_horizon(63, 20_000), np.random.default_rng(3))["allocated"]
    for n in (1, 63):
        exact = stats.nbinom(31, 100 / (100 + n))
        share = (drawn[:, [n - 1]] <= np.arange(exact.ppf(0.999))).mean(axis=0)
        assert np.abs(share - exact.cdf(np.arange(len(share)))).max() < 4 * 0.5 / np.sqrt(20_000)


def test_nobody_is_refused(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    with pytest.raises(CannotForecast, match="nobody is present"):
        gamma_poisson_pickups(make_history(np.ones((99, 4), int)), make_horizon(), np.random.default_rng(1))
