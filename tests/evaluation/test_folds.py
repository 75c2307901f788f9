"""Rolling origins: cutoffs, targets that are working days, and windows that hold no honest backtest."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

from bayes_backlog.config import Backtest, Calendar
from bayes_backlog.errors import ConfigError
from bayes_backlog.evaluation.folds import Fold, rolling_folds
from bayes_backlog.panels.calendar import working_days

ENGLAND = Calendar()


def folds(first_date: str = "2023-01-02", as_of: str = "2025-06-30", **backtest: Any) -> list[Fold]:
    return rolling_folds(Backtest(**backtest), ENGLAND, pd.Timestamp(first_date), pd.Timestamp(as_of))


def test_targets_are_the_working_days_after_the_cutoff() -> None:
    """From Thursday 17 April 2025: Good Friday and Easter Monday are no working days, nor is 5 May."""
    (fold,) = folds(n_folds=1, last_cutoff=date(2025, 4, 17), horizon_working_days=(1, 2, 8, 9))
    assert fold.cutoff == pd.Timestamp("2025-04-17")
    assert list(fold.targets) == [pd.Timestamp(day) for day in ("2025-04-22", "2025-04-23", "2025-05-01", "2025-05-02")]
    assert fold.working_days_ahead == (1, 2, 8, 9)
    assert fold.horizon_days == 15


def test_the_last_fold_is_as_late_as_its_truth_allows() -> None:
    """The 63rd working day after it is the last known day; one day later would need a truth nobody has."""
    found = folds()
    assert [fold.cutoff for fold in found] == [found[-1].cutoff - pd.Timedelta(days=98 * k) for k in (3, 2, 1, 0)]
    assert found[-1].targets[-1] == pd.Timestamp("2025-06-30")
    ahead = working_days(found[-1].cutoff + pd.Timedelta(days=1), pd.Timestamp("2025-06-30"), ENGLAND)
    assert len(ahead) == 63
    with pytest.raises(ConfigError, match=f"last_cutoff.*at the latest {found[-1].cutoff:%Y-%m-%d}"):
        folds(last_cutoff=(found[-1].cutoff + pd.Timedelta(days=1)).date())
    assert folds(last_cutoff=found[-1].cutoff.date())[-1].cutoff == found[-1].cutoff


@pytest.mark.parametrize("horizons", [(5, 21, 63), (63, 5), (1,), (250,)])
def test_every_target_is_so_many_working_days_ahead(horizons: tuple[int, ...]) -> None:
    for fold in folds("2015-01-01", n_folds=6, step_days=33, horizon_working_days=horizons):
        counted = [len(working_days(fold.cutoff + pd.Timedelta(days=1), t, ENGLAND)) for t in fold.targets]
        assert tuple(counted) == fold.working_days_ahead == horizons
        assert working_days(fold.targets[0], fold.targets[0], ENGLAND).size == 1
        assert fold.horizon_days == (fold.targets.max() - fold.cutoff).days


def test_a_calendar_decides_what_a_working_day_is() -> None:
    backtest = Backtest(n_folds=1, last_cutoff=date(2025, 4, 17), horizon_working_days=(1,))
    chicago = Calendar(country="US", subdivision="IL")
    (fold,) = rolling_folds(backtest, chicago, pd.Timestamp("2023-01-02"), pd.Timestamp("2025-06-30"))
    assert fold.targets[0] == pd.Timestamp("2025-04-18")


def test_half_a_year_comes_before_the_first_cutoff() -> None:
    first, as_of = pd.Timestamp("2023-01-02"), pd.Timestamp("2023-10-31")
    last = folds(n_folds=1, as_of=f"{as_of:%Y-%m-%d}")[0].cutoff
    assert last >= first + pd.Timedelta(days=182)
    spare = (last - first).days - 182
    assert len(folds(n_folds=2, as_of=f"{as_of:%Y-%m-%d}", step_days=spare)) == 2
    with pytest.raises(ConfigError, match=r"2 folds.*half a year.*Lower backtest\.n_folds"):
        folds(n_folds=2, as_of=f"{as_of:%Y-%m-%d}", step_days=spare + 1)


def test_too_short_a_window_is_refused_before_anything_else() -> None:
    with pytest.raises(ConfigError, match="do not fit between 2025-06-02 and 2025-06-30"):
        folds("2025-06-02", n_folds=1)


def test_no_folds_ask_for_nothing() -> None:
    assert folds("2025-06-27", n_folds=0) == []
