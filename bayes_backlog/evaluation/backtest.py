"""Backtest: forecast the past from earlier cutoffs and score it against what came.

Every fold is the ordinary pipeline on the log as it stood at the cutoff. Model and baselines are scored on the same
units, in the same table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from bayes_backlog.cases.case_log import CaseLog, truncate
from bayes_backlog.config import Config
from bayes_backlog.evaluation.folds import Fold
from bayes_backlog.evaluation.score_table import same_units, score_forecast
from bayes_backlog.evaluation.truth import truth_paths
from bayes_backlog.forecasts.assumed import with_turnover
from bayes_backlog.forecasts.baselines.history import horizon_of, office_history, team_histories
from bayes_backlog.forecasts.baselines.registry import forecast_baselines
from bayes_backlog.forecasts.future import build_future_frame
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.unit_paths import PathForecast, model_paths
from bayes_backlog.inference.fit import Prepared, fit, prepare
from bayes_backlog.inference.gate import SCORED, convergence_verdicts, verdict_table
from bayes_backlog.inference.sampling import CompiledModels, Progress, SamplerSettings, silent
from bayes_backlog.models.draws import posterior_draws
from bayes_backlog.panels import Panels, build_panels
from bayes_backlog.panels.calendar import working_days
from bayes_backlog.panels.roster import roster_as_of
from bayes_backlog.vocabulary import MODEL


@dataclass(frozen=True)
class FoldResult:
    """One fold's scored forecasts.

    Attributes
    ----------
    forecasts : DataFrame
        One row per forecast unit and quantile: `UNIT` columns, quantile_level, predicted, observed.
    scores : DataFrame
        One row per forecast unit: `UNIT` columns, observed, scores.
    verdicts : DataFrame
        The fold's convergence gate, with its model and cutoff.
    not_made : DataFrame
        Baselines that could not be made: model, level, unit, reason, cutoff.
    """

    forecasts: pd.DataFrame
    scores: pd.DataFrame
    verdicts: pd.DataFrame
    not_made: pd.DataFrame


def run_fold(
    log: CaseLog,
    panels: Panels,
    roster: pd.DataFrame | None,
    config: Config,
    fold: Fold,
    compiled: CompiledModels,
    *,
    progress: Progress = silent,
    cores: int | None = None,
) -> FoldResult:
    """Forecast from one cutoff, with the model and its variants, and score them beside the baselines.

    Parameters
    ----------
    log : CaseLog
        The whole log; the model gets it truncated at the cutoff.
    panels : Panels
        Of the whole log: the truth.
    roster : DataFrame or None
        The roster file, if the office has one; the model gets it as it stood at the cutoff.
    config : Config
        As for the published forecast, with the backtest's own sampler settings.
    fold : Fold
        Cutoff and targets.
    compiled : CompiledModels
        Shared by folds.
    progress : callable
        Told of finished draws.
    cores : int, optional
        Chains sampled at the same time; the draws do not depend on it.
    """
    default = known_past(log, roster, with_window(config, fold.first_date), fold.cutoff)
    known, days = default.panels, days_ahead(fold, config)
    variants = {name: prepare(known, model) for name, model in config.backtest.variants.items()}
    models, verdicts = [], []
    for name, past in {MODEL: default, **variants}.items():
        trace = fit(past, sampler_settings(config), compiled, progress=progress, cores=cores)
        frame = build_future_frame(known, past.design, past.spec, config.calendar, fold.horizon_days)
        frame = with_turnover(frame, config.staffing, known.roster)
        draws = posterior_draws(trace, past.design, past.spec, config.backtest.draws)
        predictions = roll_forward(draws, frame, past.design, past.spec, config.sampling.seed)
        models.append(model_paths(name, predictions, days))
        verdicts.append(verdict_table(convergence_verdicts(trace, SCORED)).assign(model=name, cutoff=fold.cutoff))
    further = default.spec.further_flows
    rivals, not_made = baselines(known, days, config, teams=models[0].units_at("team"), further=further)
    forecasts, scores = score_fold([*models, *rivals], panels, fold)
    verdict_rows = pd.concat(verdicts, ignore_index=True)
    return FoldResult(forecasts, scores, verdict_rows, not_made.assign(cutoff=fold.cutoff))


def sampler_settings(config: Config) -> SamplerSettings:
    """Return how a fold is sampled."""
    backtest, sampling = config.backtest, config.sampling
    return SamplerSettings(backtest.chains, backtest.draws, backtest.tune, sampling.target_accept, sampling.seed)


def days_ahead(fold: Fold, config: Config) -> pd.DatetimeIndex:
    """Return the working days from the cutoff to the last target."""
    return working_days(fold.cutoff + pd.Timedelta(days=1), fold.targets.max(), config.calendar)


def baselines(
    known: Panels,
    days: pd.DatetimeIndex,
    config: Config,
    *,
    teams: Iterable[str] | None = None,
    further: Iterable[str] = (),
) -> tuple[list[PathForecast], pd.DataFrame]:
    """Make the configured baselines, which need no model.

    Parameters
    ----------
    known : Panels
        As they stood at the cutoff.
    days : DatetimeIndex
        Working days ahead.
    config : Config
        Names the baselines; they have as many draws as the model.
    teams : iterable of str, optional
        Teams forecast; those with somebody present where none are named.
    further : iterable of str
        Further flows that are forecast.

    Returns
    -------
    forecasts, not_made
        As of `registry.forecast_baselines`.
    """
    backtest = config.backtest
    horizon = horizon_of(known, days, backtest.chains * backtest.draws, config.calendar)
    histories = [office_history(known, further), *team_histories(known, teams)]
    return forecast_baselines(backtest.baselines, histories, horizon, config.sampling.seed)


def score_fold(forecasts: list[PathForecast], panels: Panels, fold: Fold) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return quantiles and scores of all forecasts, on the units that they share; see `score_forecast`."""
    truth = truth_paths(panels, fold.cutoff, forecasts[0].days)
    scored = [score_forecast(forecast, truth, fold) for forecast in same_units(forecasts) if forecast.units]
    quantiles, scores = zip(*scored, strict=True)
    return pd.concat(quantiles, ignore_index=True), pd.concat(scores, ignore_index=True)


def known_past(log: CaseLog, roster: pd.DataFrame | None, config: Config, cutoff: pd.Timestamp) -> Prepared:
    """Return `known_panels` with the configured model's arrays of them."""
    return prepare(known_panels(log, roster, config, cutoff), config.model)


def known_panels(log: CaseLog, roster: pd.DataFrame | None, config: Config, cutoff: pd.Timestamp) -> Panels:
    """Return all that a fold's model and baseline may see: log and roster as they stood at the cutoff."""
    known = None if roster is None else roster_as_of(roster, cutoff)
    return build_panels(truncate(log, cutoff), config, known)


def with_window(config: Config, first_date: pd.Timestamp | None) -> Config:
    """Return the configuration whose training window begins on another day, where one is given."""
    if first_date is None:
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"first_date": first_date.date()})})
