"""Further flows in a backtest: model and baselines are scored on those that the model forecasts."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from bayes_backlog import config
from bayes_backlog.cases.case_log import CaseLog
from bayes_backlog.config import Config
from bayes_backlog.evaluation.backtest import baselines, days_ahead, known_panels, score_fold
from bayes_backlog.evaluation.folds import Fold, rolling_folds
from bayes_backlog.forecasts.future import build_future_frame
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.unit_paths import PathForecast, model_paths
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.design import build_design
from bayes_backlog.models.draws import PosteriorDraws
from bayes_backlog.models.spec import spec_from_config
from bayes_backlog.panels import Panels
from bayes_backlog.vocabulary import MODEL

FURTHER = ("closed", "legal_requested")


@pytest.fixture(scope="module")
def fold(small_config: Config, small_panels: Panels) -> Fold:
    return rolling_folds(
        config.Backtest(n_folds=1),
        small_config.calendar,
        small_panels.daily["date"].min(),
        small_panels.as_of,
    )[0]


@pytest.fixture(scope="module")
def known(small_log: CaseLog, small_config: Config, fold: Fold) -> Panels:
    return known_panels(small_log, None, small_config, fold.cutoff)


@pytest.fixture(scope="module")
def forecast(
    known: Panels, fold: Fold, small_config: Config, make_draws: Callable[..., PosteriorDraws]
) -> Callable[[tuple[str, ...]], PathForecast]:
    """Forecasts with the further flows named, from parameters that nobody sampled."""

    def made(further: tuple[str, ...]) -> PathForecast:
        spec = spec_from_config(config.Model(), has_removed=True, further=further)
        past = Prepared(known, spec, build_design(known, spec))
        frame = build_future_frame(known, past.design, spec, small_config.calendar, fold.horizon_days)
        predictions = roll_forward(make_draws(past), frame, past.design, spec, 1)
        return model_paths(MODEL, predictions, days_ahead(fold, small_config))

    return made


def scored(
    model: PathForecast, known: Panels, panels: Panels, fold: Fold, config: Config, further: tuple[str, ...]
) -> pd.DataFrame:
    rivals, _ = baselines(known, model.days, config, teams=model.units_at("team"), further=further)
    return score_fold([model, *rivals], panels, fold)[1]


def test_model_and_baselines_are_scored_against_what_came(
    forecast: Callable[..., PathForecast], known: Panels, small_panels: Panels, fold: Fold, small_config: Config
) -> None:
    scores = scored(forecast(FURTHER), known, small_panels, fold, small_config, FURTHER)
    longest = scores[scores["horizon_working_days"] == max(fold.working_days_ahead)]
    caseload = small_panels.caseload.query("level == 'office'").set_index("date")
    since = slice(fold.cutoff + pd.Timedelta(days=1), fold.targets.max())
    for flow in FURTHER:
        rows = longest[longest["quantity"] == flow]
        assert set(rows["level"]) == {"office"}
        assert {MODEL, "last_quarter", "negative_binomial"} <= set(rows["model"])
        assert set(rows["observed"]) == {caseload.loc[since, flow].sum()}
        assert (rows["crps"] > 0).all()


def test_flows_that_the_model_leaves_out_have_no_scores(
    forecast: Callable[..., PathForecast], known: Panels, small_panels: Panels, fold: Fold, small_config: Config
) -> None:
    scores = scored(forecast(()), known, small_panels, fold, small_config, ())
    assert not set(FURTHER) & set(scores["quantity"])
    assert {"received", "backlog"} <= set(scores["quantity"])
