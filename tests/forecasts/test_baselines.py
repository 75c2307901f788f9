"""The bootstrap of weeks: it resamples the last quarter, keeps a week's days and flows together, and says so little."""

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.errors import DataError
from bayes_backlog.forecasts.baselines import DAYS_A_WEEK, WEEKS, bootstrap_weeks

QUARTER = WEEKS * DAYS_A_WEEK


def numbered(n_days: int) -> pd.DataFrame:
    """A history that says which day each value came from: received counts up, allocated is a thousand more."""
    day = np.arange(n_days)
    return pd.DataFrame({"received": day, "allocated": 1000 + day})


def drawn(history: pd.DataFrame, n_days: int = 63, n_draws: int = 400) -> dict[str, np.ndarray]:
    return bootstrap_weeks(history, n_days, n_draws, np.random.default_rng(5))


@pytest.mark.parametrize("n_history", [5, 63, QUARTER, QUARTER + 3, 400])
def test_a_draw_is_made_of_whole_recent_weeks(n_history: int) -> None:
    """Days of a week follow each other, both flows come from the same day, and the latest day is among them."""
    paths = drawn(numbered(n_history))
    received = paths["received"]
    assert (paths["allocated"] - received == 1000).all()
    weeks = received[:, :60].reshape(-1, DAYS_A_WEEK)
    assert (np.diff(weeks, axis=1) == 1).all()
    used = min(WEEKS, n_history // DAYS_A_WEEK)
    expected = n_history - DAYS_A_WEEK * np.arange(1, used + 1)
    assert sorted(set(weeks[:, 0])) == sorted(expected)


@pytest.mark.parametrize("n_days", [1, 5, 63])
def test_a_path_is_as_long_as_asked_for(n_days: int) -> None:
    paths = drawn(numbered(QUARTER), n_days, n_draws=7)
    assert {name: path.shape for name, path in paths.items()} == {"received": (7, n_days), "allocated": (7, n_days)}
    assert all(path.dtype == np.int32 for path in paths.values())


def test_weeks_are_drawn_with_equal_chances_and_independently() -> None:
    """Means within four standard errors of the quarter's, and no correlation between one week and the next.

    A path that took the weeks in their order would correlate them by nearly 1.
    """
    n_draws = 4_000
    weeks = drawn(numbered(QUARTER), 10, n_draws)["received"][:, ::DAYS_A_WEEK] // DAYS_A_WEEK
    assert np.abs(weeks.mean(axis=0) - (WEEKS - 1) / 2).max() < 4 * weeks.std() / np.sqrt(n_draws)
    assert abs(np.corrcoef(weeks.T)[0, 1]) < 4 / np.sqrt(n_draws)
    share = np.bincount(weeks[:, 0], minlength=WEEKS) / n_draws
    assert np.abs(share - 1 / WEEKS).max() < 4 * np.sqrt(1 / WEEKS / n_draws)


def test_the_same_seed_gives_the_same_paths() -> None:
    one, two = drawn(numbered(100)), drawn(numbered(100))
    assert all((one[flow] == two[flow]).all() for flow in one)


def test_a_history_shorter_than_a_week_is_refused() -> None:
    with pytest.raises(DataError, match="4 working day"):
        drawn(numbered(4))
