"""Rolling origins: cutoffs, targets that are working days, and windows that hold no honest backtest."""

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.config import Backtest, Calendar, Config, load_config
from bayes_backlog.errors import ConfigError
from bayes_backlog.evaluation.backtest import known_past, with_window
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
    with pytest.raises(ConfigError, match=f"lie too late.*at the latest {found[-1].cutoff:%Y-%m-%d}"):
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
    with pytest.raises(ConfigError, match=r"1 of 2 cutoffs.*half a year.*lower backtest\.n_folds"):
        folds(n_folds=2, as_of=f"{as_of:%Y-%m-%d}", step_days=spare + 1)


def test_too_short_a_window_is_refused_before_anything_else() -> None:
    with pytest.raises(ConfigError, match="from 2025-06-02 to 2025-06-30 are shorter than a forecast of 63"):
        folds("2025-06-02", n_folds=1)


@pytest.mark.parametrize(
    ("every", "first", "last", "expected"),
    [
        ("quarter", "2023-12-31", "2024-09-30", ["2023-12-31", "2024-03-31", "2024-06-30", "2024-09-30"]),
        ("quarter", "2024-01-01", "2024-09-29", ["2024-03-31", "2024-06-30"]),
        ("month", "2024-01-31", "2024-03-15", ["2024-01-31", "2024-02-29"]),
    ],
)
def test_ends_of_quarters_and_months_are_cutoffs(every: str, first: str, last: str, expected: list[str]) -> None:
    found = folds(every=every, first_cutoff=first, last_cutoff=last)
    assert [f"{fold.cutoff:%Y-%m-%d}" for fold in found] == expected
    with pytest.raises(ConfigError, match="No quarter ends between"):
        folds(every="quarter", first_cutoff="2024-01-01", last_cutoff="2024-03-30")


def test_cutoffs_may_be_listed_in_any_order() -> None:
    found = folds(cutoffs=["2024-11-20", "2024-03-01"])
    assert [f"{fold.cutoff:%Y-%m-%d}" for fold in found] == ["2024-03-01", "2024-11-20"]


def test_all_unfit_cutoffs_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        folds(cutoffs=["2023-02-01", "2023-03-01", "2024-03-01", "2025-06-01"])
    told = str(refused.value)
    assert "2 of 4 cutoffs of the backtest (2023-02-01, 2023-03-01) leave less than half a year" in told
    assert "1 of 4 cutoffs of the backtest (2025-06-01) lie too late" in told


def test_a_window_expands_or_rolls() -> None:
    cutoffs = ["2023-09-29", "2024-11-20"]
    assert [fold.first_date for fold in folds(cutoffs=cutoffs)] == [None, None]
    rolling = folds(cutoffs=cutoffs, rolling_window_days=366)
    # So long a window is not there yet at the first cutoff.
    assert [fold.first_date for fold in rolling] == [pd.Timestamp("2023-01-02"), pd.Timestamp("2023-11-21")]
    assert (rolling[1].cutoff - rolling[1].first_date).days + 1 == 366


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"cutoffs": ["2024-03-01"], "n_folds": 3, "every": "month"}, "so n_folds, every must not be given"),
        ({"every": "month", "first_cutoff": "2024-01-01"}, "need first_cutoff and last_cutoff"),
        ({"every": "month", "first_cutoff": "2024-01-01", "last_cutoff": "2023-01-01"}, "no day would be left"),
        ({"every": "month", "step_days": 30}, "so step_days must not be given"),
        ({"first_cutoff": "2024-01-01"}, "first_cutoff goes with every"),
        ({"cutoffs": ["2024-03-01", "2024-03-01"]}, "may stand once"),
        ({"cutoffs": []}, "at least 1 item"),
        ({"rolling_window_days": 90}, "greater than or equal to 182"),
    ],
)
def test_cutoffs_are_said_in_one_way(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Backtest(**settings)


def test_no_folds_ask_for_nothing() -> None:
    assert folds("2025-06-27", n_folds=0) == []


def test_a_rolling_window_hides_earlier_days_from_the_model(small_log: CaseLog, small_config: Config) -> None:
    """But not from the opening stock, which is the same to the case."""
    cutoff, first_date = pd.Timestamp("2024-04-30"), pd.Timestamp("2023-10-02")
    expanding = known_past(small_log, None, small_config, cutoff)
    rolling = known_past(small_log, None, with_window(small_config, first_date), cutoff)
    assert expanding.design.dates[0] < first_date == rolling.design.dates[0]
    assert expanding.design.dates[-1] == rolling.design.dates[-1]
    later = expanding.panels.office.loc[first_date:]
    pd.testing.assert_frame_equal(rolling.panels.office.loc[first_date:], later)
    assert with_window(small_config, None) is small_config


@pytest.mark.parametrize(("name", "n_folds"), [("demo_quarters", 16), ("ipra_quarters", 16), ("ipra_parts", 8)])
def test_the_folds_of_a_study_are_known_by_its_data(name: str, n_folds: int) -> None:
    config = load_config(Path(__file__).parents[2] / "configs" / f"{name}.yaml")
    as_of = config.data.as_of or config.simulate.last_date
    found = rolling_folds(config.backtest, config.calendar, pd.Timestamp(config.data.first_date), pd.Timestamp(as_of))
    assert len(found) == n_folds
