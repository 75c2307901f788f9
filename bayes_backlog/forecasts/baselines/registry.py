"""Which baselines there are, and all that they say from one cutoff.

A baseline that cannot be made is reported with its reason, never dropped in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from bayes_backlog.forecasts.baselines.conjugate import conjugate_backlog, gamma_poisson_pickups
from bayes_backlog.forecasts.baselines.count_regression import (
    negative_binomial,
    negative_binomial_per_investigator,
    poisson,
    poisson_per_investigator,
)
from bayes_backlog.forecasts.baselines.empirical import (
    last_quarter_repeated,
    last_year_repeated,
    seasonal_naive_weekday,
)
from bayes_backlog.forecasts.baselines.history import CannotForecast, History, Horizon, Paths
from bayes_backlog.forecasts.baselines.learners import lightgbm_quantiles, prophet
from bayes_backlog.forecasts.baselines.random_walk import random_walk_with_drift
from bayes_backlog.forecasts.baselines.resampling import bootstrap_weeks
from bayes_backlog.forecasts.baselines.smoothing import exponential_smoothing
from bayes_backlog.forecasts.unit_paths import PathForecast, UnitPaths
from bayes_backlog.models.draws import generators

Baseline = Callable[[History, Horizon, np.random.Generator], Paths]

BASELINES: dict[str, Baseline] = {
    "seasonal_naive_weekday": seasonal_naive_weekday,
    "last_quarter": last_quarter_repeated,
    "same_quarter_last_year": last_year_repeated,
    "bootstrap_13_weeks": bootstrap_weeks,
    "random_walk_with_drift": random_walk_with_drift,
    "poisson": poisson,
    "negative_binomial": negative_binomial,
    "poisson_per_investigator": poisson_per_investigator,
    "negative_binomial_per_investigator": negative_binomial_per_investigator,
    "exponential_smoothing": exponential_smoothing,
    "conjugate_backlog": conjugate_backlog,
    "gamma_poisson_pickups": gamma_poisson_pickups,
    "lightgbm_quantiles": lightgbm_quantiles,
    "prophet": prophet,
}
"""Functions by the names of `vocabulary.BASELINES`."""

NOT_MADE = ["model", "level", "unit", "reason"]


def forecast_baselines(
    names: Iterable[str], histories: Iterable[History], horizon: Horizon, seed: int
) -> tuple[list[PathForecast], pd.DataFrame]:
    """Make baselines for the office and teams.

    Every baseline and unit has its own stream of random numbers, so none depends on which others are asked for.

    Returns
    -------
    forecasts : list of PathForecast
        One per name, in order; without the units that could not be forecast.
    not_made : DataFrame
        `NOT_MADE` columns: which baseline could not be made for which unit, and why.
    """
    histories = list(histories)
    forecasts, refusals = [], []
    for name in names:
        units: list[UnitPaths] = []
        for history in histories:
            stream = f"{name}/{history.level}/{history.unit}"
            try:
                paths = BASELINES[name](history, horizon, generators(seed, (stream,))[stream])
            except CannotForecast as reason:
                refusals.append((name, history.level, history.unit, str(reason)))
                continue
            units += [UnitPaths(quantity, history.level, history.unit, draws) for quantity, draws in paths.items()]
        forecasts.append(PathForecast(name, horizon.days, tuple(units)))
    return forecasts, pd.DataFrame(refusals, columns=NOT_MADE)
