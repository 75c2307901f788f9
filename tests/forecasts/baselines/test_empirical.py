"""Rules that repeat past days: which days they repeat, and that their errors are those they made before."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.config import Calendar
from bayes_backlog.forecasts.baselines.empirical import (
    last_quarter,
    last_quarter_repeated,
    last_year_repeated,
    same_quarter_last_year,
    same_weekday,
    seasonal_naive_weekday,
)
from bayes_backlog.forecasts.baselines.history import QUARTER, CannotForecast, History, Horizon
from bayes_backlog.panels.calendar import working_days

MakeHistory = Callable[..., History]
MakeHorizon = Callable[..., Horizon]

DAYS = working_days(pd.Timestamp("2023-01-01"), pd.Timestamp("2025-12-31"), Calendar())
ALL = (seasonal_naive_weekday, last_quarter_repeated, last_year_repeated)


def position(day: str) -> int:
    return int(DAYS.get_loc(pd.Timestamp(day)))


def test_a_weekday_repeats_its_latest_one() -> None:
    """From Tuesday 6 May 2025, after the bank holiday: Monday's latest is 28 April, Tuesday's 29 April."""
    source = same_weekday(DAYS, np.array([position("2025-05-06")]), 7)
    days = DAYS[source[0]]
    expected = ["04-29", "04-30", "05-01", "05-02", "04-28", "04-29", "04-30"]
    assert [f"{day:%m-%d}" for day in days] == expected
    assert same_weekday(DAYS, np.array([3]), 5).min() == -1


def test_the_last_quarter_starts_again_after_its_end() -> None:
    source = last_quarter(DAYS, np.array([100]), QUARTER + 2)[0]
    assert source[:2].tolist() == source[-2:].tolist() == [100 - QUARTER, 101 - QUARTER]
    assert source.max() == 99
    assert last_quarter(DAYS, np.array([62]), 63).min() == -1


def test_last_year_starts_at_the_same_date() -> None:
    """1 July 2024 was a Monday; a year before Saturday's next working day begins on the Monday."""
    origins = np.array([position("2025-07-01"), position("2025-06-30")])
    source = same_quarter_last_year(DAYS, origins, 63)
    assert [f"{DAYS[row[0]]:%Y-%m-%d}" for row in source] == ["2024-07-01", "2024-07-01"]
    assert (np.diff(source, axis=1) == 1).all()
    assert same_quarter_last_year(DAYS, np.array([200]), 63).max() == -1


@pytest.mark.parametrize("baseline", ALL)
def test_an_office_that_never_changes_is_forecast_exactly(
    baseline: Callable[..., dict[str, np.ndarray]],
    make_history: MakeHistory,
    make_horizon: MakeHorizon,
) -> None:
    """Every day 4 received, 1 removed, 3 allocated, 2 signed off, from a backlog of 100 and a wip of 50."""
    history = make_history(np.tile([4, 1, 3, 2], (600, 1)))
    paths = baseline(history, make_horizon(), np.random.default_rng(1))
    day = np.arange(1, 64)
    expected = {"received": 4 * day, "removed": day, "allocated": 3 * day, "signed_off": 2 * day}
    expected |= {"backlog": 100 + 0 * day, "wip": 50 + day, "open": 150 + day}
    assert {name: values.min(axis=0).tolist() for name, values in paths.items()} == {
        name: values.tolist() for name, values in expected.items()
    }
    assert all((values == values[0]).all() for values in paths.values())


def test_errors_are_those_the_rule_made_before(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    """Cases rise by one a day: the last quarter is 63 cases a day too low, always, so the forecast is right.

    Without its errors the rule would forecast 63 * 63 cases too few.
    """
    n = 400
    rising = np.repeat(np.arange(n)[:, None], 4, axis=1)
    paths = last_quarter_repeated(make_history(rising), make_horizon(), np.random.default_rng(1))
    assert (paths["received"] == np.cumsum(np.arange(n, n + 63))).all()


def test_a_draw_takes_all_errors_from_the_same_days(make_history: MakeHistory, make_horizon: MakeHorizon) -> None:
    """Allocations are twice what is received: so they are in every draw, and on every day of it."""
    received = np.random.default_rng(3).poisson(9, 600)
    history = make_history(
        np.column_stack([received, 0 * received, 2 * received, received]), {"backlog": 9**6, "wip": 9}
    )
    for baseline in ALL:
        paths = baseline(history, make_horizon(), np.random.default_rng(1))
        above = paths["received"] > 0  # below zero both are cut off
        assert (paths["allocated"] == 2 * paths["received"])[above].all()
        assert (paths["backlog"] == 9**6 - paths["received"])[above].all()
        assert paths["received"][:, -1].std() > 5


@pytest.mark.parametrize(("baseline", "needs"), [(last_quarter_repeated, 63 + 63 + 20), (last_year_repeated, 252 + 82)])
def test_a_short_history_is_refused_with_the_reason(
    baseline: Callable[..., object],
    needs: int,
    make_history: MakeHistory,
    make_horizon: MakeHorizon,
) -> None:
    with pytest.raises(CannotForecast, match="working days of history allow"):
        baseline(make_history(np.ones((needs - 10, 4), int)), make_horizon(), np.random.default_rng(1))
    assert baseline(make_history(np.ones((needs + 10, 4), int)), make_horizon(), np.random.default_rng(1))
