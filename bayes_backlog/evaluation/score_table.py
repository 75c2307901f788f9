"""Scores of every forecast unit: one row per forecaster, quantity, unit and horizon.

Forecast and truth meet by their days and units. What does not meet exactly is refused, never filled in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_backlog.errors import DataError, examples
from bayes_backlog.evaluation.folds import Fold
from bayes_backlog.evaluation.path_scores import energy_score, variogram_score
from bayes_backlog.evaluation.scores import (
    Floats,
    covered,
    crps,
    interval,
    log_score,
    probability_integral_transform,
    weighted_interval_score,
)
from bayes_backlog.forecasts.unit_paths import PathForecast
from bayes_backlog.vocabulary import OFFICE, PROBS, QUANTILE_LEVELS

UNIT = ["model", "quantity", "level", "unit", "cutoff", "target_date", "horizon_days", "horizon_working_days"]
WEEK = 5
"""Paths are scored at the close of every fifth working day."""


def same_units(forecasts: list[PathForecast]) -> list[PathForecast]:
    """Return the forecasts without the units that not everybody forecasts, since means over others do not compare.

    Whoever forecasts nothing of a quantity at a level, as a forecaster of stocks alone does of flows, has no say there.
    A team closed long ago has a history to repeat and nobody to forecast; one opened at the cutoff the reverse.
    """
    shared: dict[tuple[str, str], set[str]] = {}
    for forecast in forecasts:
        own: dict[tuple[str, str], set[str]] = {}
        for found in forecast.units:
            own.setdefault((found.quantity, found.level), set()).add(found.unit)
        for place, units in own.items():
            shared[place] = shared.get(place, units) & units
    return [
        PathForecast(f.model, f.days, tuple(u for u in f.units if u.unit in shared[u.quantity, u.level]))
        for f in forecasts
    ]


def score_forecast(forecast: PathForecast, truth: pd.DataFrame, fold: Fold) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return forecast quantiles and scores at the fold's targets.

    Parameters
    ----------
    forecast : PathForecast
        Draws on working days ahead, the targets among them.
    truth : DataFrame
        Of `truth_paths`, on the same days.
    fold : Fold
        Cutoff and targets.

    Returns
    -------
    forecasts : DataFrame
        `UNIT` columns, observed, quantile_level, predicted: one row per forecast unit and quantile.
    scores : DataFrame
        `UNIT` columns, observed, scores: one row per forecast unit. Path scores stand in the office's rows of the
        longest horizon.

    Raises
    ------
    DataError
        When days or units of forecast and truth do not agree.
    """
    _refuse_misaligned(forecast, truth, fold)
    at = forecast.days.get_indexer(fold.targets)
    keys = [
        (forecast.model, *found.key, fold.cutoff, target, (target - fold.cutoff).days, ahead)
        for found in forecast.units
        for target, ahead in zip(fold.targets, fold.working_days_ahead, strict=True)
    ]
    draws = np.concatenate([found.draws[:, at].T for found in forecast.units]).astype(float)
    known = truth[[found.key for found in forecast.units]]
    table = pd.DataFrame(keys, columns=UNIT).assign(observed=known.iloc[at].to_numpy(dtype=float).T.ravel())
    quantiles = np.quantile(draws, QUANTILE_LEVELS, axis=1)
    forecasts = pd.concat(
        [table.assign(quantile_level=q, predicted=row) for q, row in zip(QUANTILE_LEVELS, quantiles, strict=True)],
        ignore_index=True,
    )
    paths = table[["quantity", "level", "unit", "horizon_working_days"]].merge(
        _path_scores(forecast, known, max(fold.working_days_ahead)), how="left", validate="one_to_one"
    )
    columns = ["energy_score", "variogram_score"]
    return forecasts, table.assign(**_scores(draws, table["observed"].to_numpy()), **paths[columns])


def _scores(draws: Floats, observed: Floats) -> dict[str, NDArray[Any]]:
    lower, upper = interval(draws, 0.9)
    pit_low, pit_high = probability_integral_transform(draws, observed)
    return {
        "crps": crps(draws, observed),
        # Dates in disorder can leave a stock below zero, which has no logarithm.
        "crps_log": crps(np.log1p(np.maximum(draws, 0)), np.log1p(np.maximum(observed, 0))),
        **weighted_interval_score(draws, observed, PROBS),
        "log_score": log_score(draws, observed),
        "pit_low": pit_low,
        "pit_high": pit_high,
        **{f"coverage_{round(prob * 100)}": covered(draws, observed, prob) for prob in PROBS},
        "width_90": upper - lower,
        "bias": draws.mean(axis=1) - observed,
    }


def _path_scores(forecast: PathForecast, truth: pd.DataFrame, longest: int) -> pd.DataFrame:
    weekly = np.arange(WEEK, longest + 1, WEEK) - 1
    rows = [
        (
            *found.key,
            longest,
            energy_score(found.draws[:, weekly], truth[found.key].to_numpy()[weekly]),
            variogram_score(found.draws[:, weekly], truth[found.key].to_numpy()[weekly]),
        )
        for found in forecast.units
        if found.level == OFFICE and len(weekly)
    ]
    columns = ["quantity", "level", "unit", "horizon_working_days", "energy_score", "variogram_score"]
    return pd.DataFrame(rows, columns=columns).astype({"horizon_working_days": int, "energy_score": float})


def _refuse_misaligned(forecast: PathForecast, truth: pd.DataFrame, fold: Fold) -> None:
    if not forecast.days.equals(pd.DatetimeIndex(truth.index)):
        raise DataError(
            f"The forecast by {forecast.model} is for {len(forecast.days)} days from {forecast.days[0]:%Y-%m-%d}, its "
            f"truth for {len(truth)} days from {truth.index[0]:%Y-%m-%d}: scoring them would compare other days. Ask "
            "both for the same days."
        )
    if not fold.targets.isin(forecast.days).all():
        missing = fold.targets[~fold.targets.isin(forecast.days)]
        raise DataError(
            f"{len(missing)} target day(s) of the fold ({examples(f'{day:%Y-%m-%d}' for day in missing)}) are not "
            f"forecast by {forecast.model}, so they cannot be scored. Forecast every working day to the last target."
        )
    if unknown := [found.key for found in forecast.units if found.key not in truth.columns]:
        raise DataError(
            f"{len(unknown)} forecast unit(s) of {forecast.model} have no truth to be scored against "
            f"({examples('/'.join(key) for key in unknown)}): taking it as zero would reward whoever forecasts "
            "nothing. Build truth and forecast from the same roster."
        )
