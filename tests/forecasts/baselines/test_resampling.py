"""The bootstrap of weeks: it resamples the last quarter, keeps a week's days and flows together, and says so little."""

from collections.abc import Callable

import numpy as np
import pytest

from bayes_backlog.forecasts.baselines.history import WEEK, CannotForecast, History, Horizon
from bayes_backlog.forecasts.baselines.resampling import WEEKS, bootstrap_weeks

MakeHistory = Callable[..., History]
MakeHorizon = Callable[..., Horizon]

QUARTER = WEEKS * WEEK

Drawn = Callable[..., dict[str, np.ndarray]]


@pytest.fixture
def drawn(make_history: MakeHistory, make_horizon: MakeHorizon) -> Drawn:
    """Daily draws from a history that says which day each value came from: allocated is a thousand more."""

    def draw(n_history: int, n_days: int = 63, n_draws: int = 400) -> dict[str, np.ndarray]:
        day = np.arange(n_history)
        history = make_history(np.column_stack([day, 2000 + day, 1000 + day, day]))
        paths = bootstrap_weeks(history, make_horizon(n_days, n_draws), np.random.default_rng(5))
        return {flow: np.diff(paths[flow], prepend=0) for flow in ("received", "allocated")}

    return draw


@pytest.mark.parametrize("n_history", [5, 63, QUARTER, QUARTER + 3, 400])
def test_a_draw_is_made_of_whole_recent_weeks(n_history: int, drawn: Drawn) -> None:
    """Days of a week follow each other, both flows come from the same day, and the latest day is among them."""
    paths = drawn(n_history)
    received = paths["received"]
    assert (paths["allocated"] - received == 1000).all()
    weeks = received[:, :60].reshape(-1, WEEK)
    assert (np.diff(weeks, axis=1) == 1).all()
    used = min(WEEKS, n_history // WEEK)
    expected = n_history - WEEK * np.arange(1, used + 1)
    assert sorted(set(weeks[:, 0])) == sorted(expected)


@pytest.mark.parametrize("n_days", [1, 5, 63])
def test_a_path_is_as_long_as_asked_for(n_days: int, drawn: Drawn) -> None:
    assert drawn(QUARTER, n_days, n_draws=7)["received"].shape == (7, n_days)


def test_weeks_are_drawn_with_equal_chances_and_independently(drawn: Drawn) -> None:
    """Means within four standard errors of the quarter's, and no correlation between one week and the next.

    A path that took the weeks in their order would correlate them by nearly 1.
    """
    n_draws = 4_000
    weeks = drawn(QUARTER, 10, n_draws)["received"][:, ::WEEK] // WEEK
    assert np.abs(weeks.mean(axis=0) - (WEEKS - 1) / 2).max() < 4 * weeks.std() / np.sqrt(n_draws)
    assert abs(np.corrcoef(weeks.T)[0, 1]) < 4 / np.sqrt(n_draws)
    share = np.bincount(weeks[:, 0], minlength=WEEKS) / n_draws
    assert np.abs(share - 1 / WEEKS).max() < 4 * np.sqrt(1 / WEEKS / n_draws)


def test_a_history_shorter_than_a_week_is_refused(drawn: Drawn) -> None:
    with pytest.raises(CannotForecast, match="4 working day"):
        drawn(4)
