"""Independent counts around weekday and month-end rates of the last two years.

Poisson or negative binomial (variance = mean + mean^2 / dispersion), each flow and each day by itself: what a plain
count regression says when nothing ties one day, or one flow, to the next. Rates are plugged in, not drawn.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import optimize, stats
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

from bayes_backlog.forecasts.baselines.history import (
    QUARTER,
    YEAR,
    CannotForecast,
    History,
    Horizon,
    Paths,
    with_stocks,
)
from bayes_backlog.models.draws import draw_negative_binomial
from bayes_backlog.models.spec import STAFF_FLOWS

Floats = NDArray[np.float64]
Family = Literal["poisson", "negative_binomial"]

TRAINING_DAYS = 2 * YEAR
DISPERSIONS = (1e-3, 1e4)
"""Where the dispersion is looked for; at the upper end counts are Poisson."""


def calendar_rates(counts: pd.Series, days: pd.DatetimeIndex, calendar: pd.DataFrame) -> tuple[Floats, Floats]:
    """Return Poisson regression rates of weekday and month end, for the days counted and for other days."""
    past = pd.DatetimeIndex(counts.index)
    if not counts.any():
        return np.zeros(len(past)), np.zeros(len(days))
    columns, ahead = _columns(calendar.loc[past]), _columns(calendar.loc[days])
    seen = columns.any(axis=0)
    with warnings.catch_warnings():
        # A weekday on which nothing ever happened has a rate of nought, and that is what is meant.
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        fitted = sm.GLM(counts.to_numpy(dtype=float), columns[:, seen], family=sm.families.Poisson()).fit()
    return np.asarray(fitted.fittedvalues), np.exp(ahead[:, seen] @ fitted.params)


def best_dispersion(counts: NDArray[np.integer], rates: Floats) -> float:
    """Return the negative binomial dispersion of the highest likelihood, given the rates."""

    def minus_log_likelihood(log_dispersion: float) -> float:
        dispersion = np.exp(log_dispersion)
        return -float(stats.nbinom.logpmf(counts, dispersion, dispersion / (dispersion + rates)).sum())

    low, high = np.log(DISPERSIONS)
    return float(np.exp(optimize.minimize_scalar(minus_log_likelihood, bounds=(low, high), method="bounded").x))


def pooled(family: Family, history: History, horizon: Horizon, rng: np.random.Generator) -> Paths:
    """Regress the unit's daily totals, each flow by itself.

    Raises
    ------
    CannotForecast
        When the history is shorter than a quarter.
    """
    recent = history.recent(TRAINING_DAYS)
    _refuse_short(len(recent))
    flows = {}
    for flow in recent:
        rates, ahead = calendar_rates(recent[flow], horizon.days, horizon.calendar)
        dispersion = best_dispersion(recent[flow].to_numpy(), rates) if family == "negative_binomial" else None
        flows[str(flow)] = _draw(rng, ahead, dispersion, horizon.n_draws).cumsum(axis=1)
    return with_stocks(flows, history)


def per_investigator(family: Family, history: History, horizon: Horizon, rng: np.random.Generator) -> Paths:
    """Regress each present person's own counts, sharing only the calendar, and add people up.

    A person's rate is events over exposure times calendar: the Poisson estimate given the calendar, without pooling.
    What people do not do, received and removed, it does not forecast.

    Raises
    ------
    CannotForecast
        When nobody is present, or the panel is shorter than a quarter.
    """
    rows = history.people
    known = pd.DatetimeIndex(rows["date"].unique()).sort_values()[-TRAINING_DAYS:]
    _refuse_short(len(known))
    rows = rows[rows["date"].isin(known)]
    now = rows[rows["date"] == known[-1]].set_index("investigator")["exposure"]
    flows = {}
    for flow in STAFF_FLOWS:
        daily = history.recent(TRAINING_DAYS)[flow]
        past, ahead = calendar_rates(daily, horizon.days, horizon.calendar)
        calendar = pd.Series(past, daily.index).reindex(rows["date"]).to_numpy()
        expected = rows["exposure"].to_numpy() * calendar
        by_person = pd.DataFrame({"person": rows["investigator"], "done": rows[flow], "expected": expected})
        sums = by_person.groupby("person").sum().loc[now.index]
        rate = (sums["done"] / sums["expected"].where(sums["expected"] > 0)).fillna(0.0)
        dispersion = None
        if family == "negative_binomial":
            dispersion = best_dispersion(
                rows[flow].to_numpy(), expected * rate.loc[rows["investigator"]].to_numpy() + 1e-12
            )
        total = np.zeros((horizon.n_draws, len(horizon.days)), dtype=np.int64)
        for person in now.index:
            total += _draw(rng, now[person] * rate[person] * ahead, dispersion, horizon.n_draws)
        flows[flow] = total.cumsum(axis=1)
    return with_stocks(flows, history)


poisson = partial(pooled, "poisson")
negative_binomial = partial(pooled, "negative_binomial")
poisson_per_investigator = partial(per_investigator, "poisson")
negative_binomial_per_investigator = partial(per_investigator, "negative_binomial")


def _columns(calendar: pd.DataFrame) -> Floats:
    weekday = calendar["weekday"].to_numpy()[:, None] == np.arange(5)
    return np.column_stack([weekday, calendar["working_days_to_month_end"] == 0]).astype(float)


def _draw(rng: np.random.Generator, rates: Floats, dispersion: float | None, n_draws: int) -> NDArray[np.int64]:
    means = np.broadcast_to(rates, (n_draws, len(rates)))
    if dispersion is None:
        return rng.poisson(means)
    return draw_negative_binomial(rng, means, dispersion).astype(np.int64)


def _refuse_short(n_days: int) -> None:
    if n_days < QUARTER:
        raise CannotForecast(f"{n_days} working days of history are less than the quarter ({QUARTER}) it learns from")
