"""From paths to forecast units: every unit meets its own truth on its own day, or nothing is scored."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.cases.case_log import CaseLog, truncate
from bayes_backlog.config import Backtest, Config
from bayes_backlog.errors import DataError
from bayes_backlog.evaluation.backtest import baselines, days_ahead, score_fold
from bayes_backlog.evaluation.folds import Fold, rolling_folds
from bayes_backlog.evaluation.path_scores import energy_score
from bayes_backlog.evaluation.score_table import same_units, score_forecast
from bayes_backlog.evaluation.truth import KEY
from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.unit_paths import PathForecast, UnitPaths, model_paths
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.draws import PosteriorDraws
from bayes_backlog.panels import build_panels
from bayes_backlog.vocabulary import QUANTILE_LEVELS

DAYS = pd.bdate_range("2025-07-01", "2025-07-08")
FOLD = Fold(pd.Timestamp("2025-06-30"), DAYS[[0, 5]], (1, 6), 8)


def unit(quantity: str, level: str, name: str, first: float, last: float, spread: int = 2) -> UnitPaths:
    """Five draws a day around a line from first to last: centre - spread ... centre + spread."""
    centre = np.rint(np.linspace(first, last, len(DAYS)))
    return UnitPaths(quantity, level, name, (centre + np.arange(-spread, spread + 1)[:, None]).astype(np.int32))


def forecast(*units: UnitPaths, model: str = "ours") -> PathForecast:
    return PathForecast(model, DAYS, units)


def truth(**observed: tuple[float, float]) -> pd.DataFrame:
    """Keys are quantity__level__unit, values the truth on the first and the last day, a line between them."""
    paths = {tuple(key.split("__")): np.rint(np.linspace(*pair, len(DAYS))) for key, pair in observed.items()}
    return pd.DataFrame(paths, index=DAYS).rename_axis(columns=KEY)


def test_every_unit_meets_its_own_truth() -> None:
    ours = forecast(unit("wip", "team", "south", 10, 20), unit("wip", "office", "office", 100, 200))
    known = truth(wip__office__office=(101, 203), wip__team__north=(7, 7), wip__team__south=(10, 16))
    forecasts, scores = score_forecast(ours, known, FOLD)
    assert scores[["unit", "horizon_working_days", "horizon_days", "observed", "bias"]].values.tolist() == [
        ["south", 1, 1, 10, 0],
        ["south", 6, 8, 16, 4],
        ["office", 1, 1, 101, -1],
        ["office", 6, 8, 203, -3],
    ]
    assert scores["coverage_50"].tolist() == [True, False, True, False]
    # Five draws one apart: fair spread 2 * (1*4 + 2*3 + 3*2 + 4*1) / 20 / 2 = 1.
    assert scores["crps"].tolist() == pytest.approx([1.2 - 1, 4 - 1, 1.4 - 1, 3 - 1])
    assert scores["pit_low"].tolist() == [0.4, 0.0, 0.6, 1.0]
    assert scores["pit_high"].tolist() == [0.6, 0.0, 0.8, 1.0]
    assert len(forecasts) == 4 * len(QUANTILE_LEVELS)
    medians = forecasts[forecasts["quantile_level"] == 0.5]
    assert medians[["unit", "predicted", "observed"]].values.tolist() == [
        ["south", 10, 10],
        ["south", 20, 16],
        ["office", 100, 101],
        ["office", 200, 203],
    ]


def test_paths_are_scored_week_by_week_for_the_office_at_the_end() -> None:
    """Six working days have one week's end, the fifth day."""
    ours = forecast(unit("wip", "team", "south", 10, 20), unit("wip", "office", "office", 100, 200))
    known = truth(wip__office__office=(101, 203), wip__team__south=(10, 16))
    _, scores = score_forecast(ours, known, FOLD)
    fifth = ours.units[1].draws[:, [4]]
    expected = energy_score(fifth, known["wip", "office", "office"].to_numpy()[[4]])
    assert scores["energy_score"].tolist() == pytest.approx([np.nan, np.nan, np.nan, expected], nan_ok=True)
    assert scores["variogram_score"].tolist() == pytest.approx([np.nan, np.nan, np.nan, 0.0], nan_ok=True)


def test_a_forecast_of_other_days_is_refused() -> None:
    """The same number of days, a week later: by position it would be scored without a word."""
    ours = forecast(unit("wip", "office", "office", 1, 1))
    known = truth(wip__office__office=(1, 1))
    later = replace(ours, days=DAYS + pd.Timedelta(days=7))
    with pytest.raises(DataError, match="forecast by ours is for 6 days from 2025-07-08, its truth for 6 days from"):
        score_forecast(later, known, FOLD)
    sunday = replace(FOLD, targets=pd.DatetimeIndex(["2025-07-01", "2025-07-06"]))
    with pytest.raises(DataError, match=r"1 target day\(s\) of the fold \(2025-07-06\) are not forecast"):
        score_forecast(ours, known, sunday)


def test_a_unit_without_truth_is_refused() -> None:
    """A misspelt team would otherwise have done nothing, and forecasting nothing of it would be rewarded."""
    ours = forecast(unit("wip", "office", "office", 3, 3), unit("wip", "team", "South", 3, 3))
    with pytest.raises(DataError, match=r"1 forecast unit\(s\) of ours have no truth.*wip/team/South"):
        score_forecast(ours, truth(wip__office__office=(1, 1), wip__team__south=(1, 1)), FOLD)


def test_a_stock_below_zero_is_scored() -> None:
    """Dates in disorder leave a queue of -3: the score in proportion takes it as empty."""
    ours = forecast(unit("backlog", "office", "office", -3, 5))
    _, scores = score_forecast(ours, truth(backlog__office__office=(-3, 5)), FOLD)
    assert scores["crps_log"].iloc[0] == 0
    assert scores["crps"].tolist() == pytest.approx([0.2, 0.2])


def test_only_units_that_everybody_forecasts_are_compared() -> None:
    """A closed team forecast as zero would flatter whoever still lists it; stocks alone do not rule out flows."""
    office, flow = unit("wip", "office", "office", 5, 5), unit("received", "office", "office", 5, 5)
    closed, new = unit("wip", "team", "closed", 0, 0), unit("wip", "team", "new", 9, 9)
    kept = same_units([forecast(office, new, flow), forecast(closed, office, model="theirs"), forecast(model="none")])
    assert {found.model: [u.key for u in found.units] for found in kept} == {
        "ours": [office.key, flow.key],
        "theirs": [office.key],
        "none": [],
    }


@pytest.fixture
def fold(small: Prepared, small_config: Config) -> Fold:
    """The days after the small office's last one."""
    backtest = Backtest(n_folds=1, last_cutoff=small.panels.as_of.date(), horizon_working_days=(5, 21))
    later = small.panels.as_of + pd.Timedelta(days=90)
    return rolling_folds(backtest, small_config.calendar, small.design.dates[0], later)[0]


def test_the_model_is_asked_for_sums_of_flows_and_for_stocks_on_working_days(
    small: Prepared,
    small_config: Config,
    frame: FutureFrame,
    make_draws: Callable[..., PosteriorDraws],
    fold: Fold,
) -> None:
    predictions = roll_forward(make_draws(), frame, small.design, small.spec, seed=1)
    days = days_ahead(fold, small_config)
    asked = {found.key: found.draws for found in model_paths("ours", predictions, days).units}
    at = [predictions["date"].to_index().get_loc(day) for day in days]
    assert at == [(day - fold.cutoff).days - 1 for day in days]
    received = predictions["received"].to_numpy().reshape(-1, 90)
    expected = np.stack([received[:, : last + 1].sum(axis=1) for last in at], axis=1)
    assert (asked["received", "office", "office"] == expected).all()
    backlog = predictions["backlog"].to_numpy().reshape(-1, 90)
    assert (asked["backlog", "office", "office"] == backlog[:, at]).all()
    teams = sum(values for key, values in asked.items() if key[:2] == ("wip", "team"))
    assert (teams == asked["wip", "office", "office"]).all()
    with pytest.raises(DataError, match=r"90 days.*asked for 1 others"):
        model_paths("ours", predictions, days.append(pd.DatetimeIndex(["2030-01-01"])))


def test_baselines_are_scored_without_a_model(small_log: CaseLog, small_config: Config) -> None:
    """A whole fold but for the fit: the office and both teams, every default baseline, every horizon."""
    panels = build_panels(small_log, small_config)
    backtest = Backtest(n_folds=1, last_cutoff=pd.Timestamp("2024-03-29").date())
    (fold,) = rolling_folds(backtest, small_config.calendar, pd.Timestamp("2023-01-02"), panels.as_of)
    known = build_panels(truncate(small_log, fold.cutoff), small_config)
    forecasts, not_made = baselines(known, days_ahead(fold, small_config), small_config)
    quantiles, scores = score_fold(forecasts, panels, fold)
    assert not_made.empty
    assert set(scores["model"]) == set(small_config.backtest.baselines)
    assert scores.groupby(["model", "quantity", "level"])["unit"].nunique().xs("team", level="level").eq(2).all()
    assert set(scores["horizon_working_days"]) == {5, 21, 63}
    assert scores.drop(columns=["energy_score", "variogram_score"]).notna().all(axis=None)
    assert len(quantiles) == len(scores) * len(QUANTILE_LEVELS)
