"""Rolling origins: which cutoffs a backtest uses and which days it is asked about."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bayes_backlog import config
from bayes_backlog.errors import ConfigError
from bayes_backlog.panels.calendar import working_days


@dataclass(frozen=True)
class Fold:
    """One cutoff and its targets.

    Attributes
    ----------
    cutoff : Timestamp
        Last day the model may know.
    targets : (n,) DatetimeIndex
        Target dates, in the order of `working_days_ahead`.
    working_days_ahead : tuple of int
        Horizons in working days.
    horizon_days : int
        Calendar days to the last target.
    """

    cutoff: pd.Timestamp
    targets: pd.DatetimeIndex
    working_days_ahead: tuple[int, ...]
    horizon_days: int


def rolling_folds(
    backtest: config.Backtest, calendar: config.Calendar, first_date: pd.Timestamp, as_of: pd.Timestamp
) -> list[Fold]:
    """Return the folds, earliest first.

    Parameters
    ----------
    backtest : config.Backtest
        Number, distance and horizons.
    calendar : config.Calendar
        Decides what a working day is.
    first_date, as_of : Timestamp
        First training day and last known day.

    Raises
    ------
    ConfigError
        When the first fold would have less than half a year to learn from, or the last one a truth not yet known.
    """
    if backtest.n_folds == 0:
        return []
    longest = max(backtest.horizon_working_days)
    known = working_days(first_date, as_of, calendar)
    if len(known) <= longest:
        raise ConfigError(_too_short(backtest, first_date, as_of))
    latest = known[-longest] - pd.Timedelta(days=1)
    last = latest if backtest.last_cutoff is None else pd.Timestamp(backtest.last_cutoff)
    if last > latest:
        raise ConfigError(
            f"backtest.last_cutoff is {last:%Y-%m-%d}, but what happened {longest} working days later is not in data "
            f"that end on {as_of:%Y-%m-%d}: unfinished days would count as quiet ones. Choose at the latest "
            f"{latest:%Y-%m-%d}, or leave it out."
        )
    cutoffs = [last - pd.Timedelta(days=backtest.step_days * k) for k in reversed(range(backtest.n_folds))]
    if cutoffs[0] < first_date + pd.Timedelta(days=182):
        raise ConfigError(_too_short(backtest, first_date, as_of))
    return [_fold(cutoff, backtest, calendar) for cutoff in cutoffs]


def _fold(cutoff: pd.Timestamp, backtest: config.Backtest, calendar: config.Calendar) -> Fold:
    longest = max(backtest.horizon_working_days)
    ahead = working_days(cutoff + pd.Timedelta(days=1), cutoff + pd.Timedelta(days=2 * longest + 30), calendar)
    targets = ahead[[h - 1 for h in backtest.horizon_working_days]]
    return Fold(cutoff, targets, backtest.horizon_working_days, int((ahead[longest - 1] - cutoff).days))


def _too_short(backtest: config.Backtest, first_date: pd.Timestamp, as_of: pd.Timestamp) -> str:
    return (
        f"{backtest.n_folds} folds, {backtest.step_days} days apart, do not fit between {first_date:%Y-%m-%d} and "
        f"{as_of:%Y-%m-%d}: the first would have less than half a year to learn from, and its scores would say "
        "nothing. Lower backtest.n_folds or backtest.step_days, or give more data."
    )
