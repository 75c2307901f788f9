"""All baselines on one office: coherent stocks, streams of their own, and reasons where one cannot be made."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.config import Calendar
from bayes_backlog.errors import DataError
from bayes_backlog.forecasts.baselines.history import (
    History,
    Horizon,
    horizon_of,
    office_history,
    team_histories,
    with_stocks,
)
from bayes_backlog.forecasts.baselines.registry import BASELINES, forecast_baselines
from bayes_backlog.panels import Panels
from bayes_backlog.panels.calendar import working_days
from bayes_backlog.vocabulary import BASELINES as WORDS
from bayes_backlog.vocabulary import DEFAULT_BASELINES

MakeHistory = Callable[..., History]


@pytest.fixture(scope="module")
def histories(small_panels: Panels) -> list[History]:
    return [office_history(small_panels), *team_histories(small_panels)]


@pytest.fixture(scope="module")
def horizon(small_panels: Panels) -> Horizon:
    begins = small_panels.as_of + pd.Timedelta(days=1)
    days = working_days(begins, begins + pd.Timedelta(days=120), Calendar())[:63]
    return horizon_of(small_panels, days, 100, Calendar())


def test_every_name_has_its_function_and_its_words() -> None:
    assert set(BASELINES) == set(WORDS)
    assert set(DEFAULT_BASELINES) <= set(BASELINES)


def test_histories_are_those_of_the_panels(histories: list[History], small_panels: Panels) -> None:
    office, *teams = histories
    assert office.stocks == small_panels.office.iloc[-1][["backlog", "wip"]].to_dict()
    assert {team.unit for team in teams} == set(small_panels.daily["team"])
    assert sum(team.stocks["wip"] for team in teams) == office.stocks["wip"]
    total = sum(team.flows for team in teams)
    assert (total == office.flows[["allocated", "signed_off"]]).all(axis=None)


def test_a_team_of_which_nothing_is_known_did_nothing(small_panels: Panels) -> None:
    (team,) = team_histories(small_panels, ["new"])
    assert team.flows.sum().sum() == team.stocks["wip"] == 0


@pytest.mark.parametrize("name", sorted(set(BASELINES) - {"lightgbm_quantiles", "prophet"}))
def test_draws_are_counts_and_stocks_follow_from_flows(name: str, histories: list[History], horizon: Horizon) -> None:
    (forecast,), not_made = forecast_baselines([name], histories, horizon, seed=1)
    assert not_made.empty
    assert forecast.model == name
    by_unit: dict[str, dict[str, np.ndarray]] = {}
    for found in forecast.units:
        assert found.draws.shape == (100, 63)
        assert found.draws.dtype == np.int32
        assert found.draws.min() >= 0
        by_unit.setdefault(found.unit, {})[found.quantity] = found.draws
    for history in histories:
        paths = by_unit.get(history.unit, {})  # of a team, a forecaster of the backlog says nothing
        flows = {flow: paths[flow] for flow in history.flows if flow in paths}
        for stock, values in with_stocks(flows, history).items():
            assert (paths[stock] == values).all()
        if {"backlog", "wip"} <= set(paths):
            assert (paths["open"] == paths["backlog"] + paths["wip"]).all()


def test_a_baseline_does_not_depend_on_which_others_are_asked_for(histories: list[History], horizon: Horizon) -> None:
    alone, _ = forecast_baselines(["last_quarter"], histories[1:2], horizon, seed=1)
    among, _ = forecast_baselines(DEFAULT_BASELINES, histories, horizon, seed=1)
    other, _ = forecast_baselines(["last_quarter"], histories[1:2], horizon, seed=2)
    beside = {found.key: found.draws for found in among[DEFAULT_BASELINES.index("last_quarter")].units}
    assert all((found.draws == beside[found.key]).all() for found in alone[0].units)
    assert any((one.draws != two.draws).any() for one, two in zip(alone[0].units, other[0].units, strict=True))


def test_days_that_are_known_already_are_not_forecast(small_panels: Panels) -> None:
    with pytest.raises(DataError, match="would know the future"):
        horizon_of(small_panels, pd.bdate_range(small_panels.as_of, periods=5), 100, Calendar())


def test_what_cannot_be_made_is_told(histories: list[History], horizon: Horizon) -> None:
    office = histories[0]
    short = replace(office, flows=office.flows.iloc[-90:])
    forecasts, not_made = forecast_baselines(["bootstrap_13_weeks", "same_quarter_last_year"], [short], horizon, seed=1)
    assert [len(forecast.units) for forecast in forecasts] == [7, 0]
    assert not_made[["model", "level", "unit"]].values.tolist() == [["same_quarter_last_year", "office", "office"]]
    assert "90 working days of history" in not_made["reason"].item()


def test_draws_that_would_take_out_more_than_there_is_leave_nothing(make_history: MakeHistory) -> None:
    history = make_history(np.ones((9, 4), int), {"backlog": 3, "wip": 0})
    flows = {
        name: np.array([[n]]) for name, n in {"received": 1, "removed": 0, "allocated": 9, "signed_off": 4}.items()
    }
    assert {name: values.item() for name, values in with_stocks(flows, history).items() if name not in flows} == {
        "backlog": 0,
        "wip": 5,
        "open": 5,
    }
