"""Rolling origins: which cutoffs a backtest uses, what it may learn from and which days it is asked about."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bayes_backlog import config
from bayes_backlog.errors import ConfigError, examples
from bayes_backlog.panels.calendar import working_days

MIN_TRAINING_DAYS = 182


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
    first_date : Timestamp or None
        First training day where the window rolls; None where it begins with the data.
    """

    cutoff: pd.Timestamp
    targets: pd.DatetimeIndex
    working_days_ahead: tuple[int, ...]
    horizon_days: int
    first_date: pd.Timestamp | None = None


def rolling_folds(
    backtest: config.Backtest, calendar: config.Calendar, first_date: pd.Timestamp, as_of: pd.Timestamp
) -> list[Fold]:
    """Return the folds, earliest first.

    Parameters
    ----------
    backtest : config.Backtest
        Cutoffs, training window and horizons.
    calendar : config.Calendar
        Decides what a working day is.
    first_date, as_of : Timestamp
        First training day and last known day.

    Raises
    ------
    ConfigError
        When a fold would have less than half a year to learn from, or a truth not yet known; all of them are named.
    """
    if backtest.n_folds == 0:
        return []
    longest = max(backtest.horizon_working_days)
    known = working_days(first_date, as_of, calendar)
    if len(known) <= longest:
        raise ConfigError(
            f"The data from {first_date:%Y-%m-%d} to {as_of:%Y-%m-%d} are shorter than a forecast of {longest} working "
            "days, so none can be tried on them. Lower backtest.horizon_working_days, or give more data."
        )
    latest = known[-longest] - pd.Timedelta(days=1)
    cutoffs = _cutoffs(backtest, latest)
    _refuse_unfit(cutoffs, first_date, latest, longest, as_of)
    return [_fold(cutoff, backtest, calendar, first_date) for cutoff in cutoffs]


def _cutoffs(backtest: config.Backtest, latest: pd.Timestamp) -> pd.DatetimeIndex:
    """Return the cutoffs asked for, earliest first."""
    if backtest.cutoffs is not None:
        return pd.DatetimeIndex(backtest.cutoffs).sort_values()
    if backtest.every is not None and backtest.first_cutoff is not None and backtest.last_cutoff is not None:
        ends = {"month": "ME", "quarter": "QE"}[backtest.every]
        cutoffs = pd.date_range(backtest.first_cutoff, backtest.last_cutoff, freq=ends)
        if cutoffs.empty:
            raise ConfigError(
                f"No {backtest.every} ends between backtest.first_cutoff ({backtest.first_cutoff}) and "
                f"backtest.last_cutoff ({backtest.last_cutoff}), so there is nothing to try. Set them further apart."
            )
        return cutoffs
    last = latest if backtest.last_cutoff is None else pd.Timestamp(backtest.last_cutoff)
    return pd.date_range(end=last, periods=backtest.n_folds, freq=pd.Timedelta(days=backtest.step_days))


def _refuse_unfit(
    cutoffs: pd.DatetimeIndex, first_date: pd.Timestamp, latest: pd.Timestamp, longest: int, as_of: pd.Timestamp
) -> None:
    """Refuse cutoffs too early to learn from or too late to be judged."""
    earliest = first_date + pd.Timedelta(days=MIN_TRAINING_DAYS)
    problems = []
    if len(early := cutoffs[cutoffs < earliest]):
        problems.append(
            f"{len(early)} of {len(cutoffs)} cutoffs of the backtest ({_days(early)}) leave less than half a year to "
            f"learn from in data that begin on {first_date:%Y-%m-%d}: their scores would say nothing. Choose at the "
            f"earliest {earliest:%Y-%m-%d}, by a lower backtest.n_folds or backtest.step_days or by later cutoffs; or "
            "give earlier data."
        )
    if len(late := cutoffs[cutoffs > latest]):
        problems.append(
            f"{len(late)} of {len(cutoffs)} cutoffs of the backtest ({_days(late)}) lie too late: what happened "
            f"{longest} working days later is not in data that end on {as_of:%Y-%m-%d}, and unfinished days would "
            f"count as quiet ones. Choose at the latest {latest:%Y-%m-%d}."
        )
    if problems:
        raise ConfigError("\n".join(problems))


def _days(dates: pd.DatetimeIndex) -> str:
    return examples(f"{date:%Y-%m-%d}" for date in dates)


def _fold(cutoff: pd.Timestamp, backtest: config.Backtest, calendar: config.Calendar, first_date: pd.Timestamp) -> Fold:
    longest = max(backtest.horizon_working_days)
    ahead = working_days(cutoff + pd.Timedelta(days=1), cutoff + pd.Timedelta(days=2 * longest + 30), calendar)
    targets = ahead[[h - 1 for h in backtest.horizon_working_days]]
    horizon_days = int((ahead[longest - 1] - cutoff).days)
    return Fold(
        cutoff, targets, backtest.horizon_working_days, horizon_days, _window_start(cutoff, backtest, first_date)
    )


def _window_start(cutoff: pd.Timestamp, backtest: config.Backtest, first_date: pd.Timestamp) -> pd.Timestamp | None:
    """Return the first day of a rolling window, never before the data's own."""
    if backtest.rolling_window_days is None:
        return None
    return max(first_date, cutoff - pd.Timedelta(days=backtest.rolling_window_days - 1))
