"""What each change moved: one at a time, against A as it is today, with what is left over."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_backlog.attribution import TODAY, TOGETHER, attribute, changes
from bayes_backlog.config import Backtest, Calendar, Config, Data, Model, Report, Simulate
from bayes_backlog.runs import Run, write_dataset

A = Config(name="a", title="A", data=Data(file=Path("a.csv")))


def with_b(**sections: object) -> Config:
    return A.model_copy(update=sections)


def test_only_what_a_forecast_reads_is_a_change() -> None:
    same = with_b(title="B", name="b", report=Report(marking="SECRET"), backtest=Backtest(n_folds=1))
    assert changes(A, same) == {}


def test_each_change_is_made_by_itself() -> None:
    b = with_b(model=Model(week_shock=False, annual_harmonics=2), calendar=Calendar(country="US", subdivision="IL"))
    found = changes(A, b)
    assert list(found) == ["calendar.country", "calendar.subdivision", "model.week_shock", "model.annual_harmonics"]
    assert found["model.week_shock"].model == Model(week_shock=False)
    assert found["model.week_shock"].calendar == A.calendar


def test_data_are_one_change_with_all_that_says_how_to_read_them() -> None:
    b = with_b(data=Data(file=Path("b.csv"), as_of=date(2025, 1, 1), columns={"team": "Squad"}), simulate=Simulate())
    assert list(changes(A, b)) == ["data"]
    assert changes(A, b)["data"].data == b.data


# --- moves ---


def write_backlog(run: Run, mean: float) -> None:
    """A forecast of 90 days whose backlog has this mean and a spread of 2 over 100 draws."""
    draws = mean + np.where(np.arange(100) % 2, 2, -2)
    backlog = np.repeat(draws.reshape(1, 100, 1), 90, axis=2)
    data = xr.Dataset({"backlog": (("chain", "draw", "date"), backlog)})
    write_dataset(data, run.path("forecast/predictions.nc"))


def mean_of(config: Config) -> float:
    """A world in which two parts of the model move the backlog, together more than each alone; the code moved 3."""
    weeks, shocks = not config.model.week_shock, not config.model.day_shock
    return 103 + 10 * weeks + 20 * shocks + 4 * (weeks and shocks)


@pytest.fixture
def moved(tmp_path: Path) -> pd.DataFrame:
    b = with_b(model=Model(week_shock=False, day_shock=False))
    run_a, run_b = Run(tmp_path / "a"), Run(tmp_path / "b")
    write_backlog(run_a, 100)
    write_backlog(run_b, mean_of(b))
    parts = attribute(run_a, run_b, A, b, lambda config, run: write_backlog(run, mean_of(config)))
    return pd.concat(parts)


def test_each_change_moves_what_it_moves_and_the_rest_is_named(moved: pd.DataFrame) -> None:
    at_60 = moved[moved["horizon_days"] == 60].set_index("change")["moved"]
    assert at_60.to_dict() == {TODAY: 3, "model.day_shock": 20, "model.week_shock": 10, TOGETHER: 4}
    assert set(moved["horizon_days"]) == {30, 60, 90}


def test_moves_come_with_the_error_of_their_draws(moved: pd.DataFrame) -> None:
    sd = 2 * (100 / 99) ** 0.5
    assert np.allclose(moved["error"], (2 * sd**2 / 100) ** 0.5)
