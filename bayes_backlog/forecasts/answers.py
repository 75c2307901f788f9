"""Short answers to what people ask of a forecast: when the target is met, and how many cases a person starts a day."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.tables import summary, units
from bayes_backlog.forecasts.target import target_dates
from bayes_backlog.vocabulary import OFFICE, QUANTILE_LEVELS, quantile_column

KEYS = ("question", "level", "unit", "prob", "target_date", "horizon_days")
COLUMNS = (*KEYS, "mean", *(quantile_column(level) for level in QUANTILE_LEVELS))


def answers_table(
    predictions: xr.Dataset, frame: FutureFrame, cutoff: pd.Timestamp, target: pd.DataFrame
) -> pd.DataFrame:
    """Return all short answers.

    Parameters
    ----------
    predictions : Dataset
        Of `roll_forward`.
    frame : FutureFrame
        What it was rolled forward on.
    cutoff : Timestamp
        Last day known.
    target : DataFrame
        Of `target.target_table`.

    Returns
    -------
    DataFrame
        question, level, unit, prob, target_date, horizon_days, mean, q05 ... q95. Of met_by and met_for_good the answer
        is target_date, the first day with probability prob; of starts_per_fte_day it is mean and quantiles, cases per
        FTE-day up to target_date.
    """
    dates = target_dates(target).assign(level=OFFICE, unit=OFFICE)
    answers = pd.concat([dates, starts_per_fte_day(predictions, frame, cutoff)], ignore_index=True)
    return answers.reindex(columns=list(COLUMNS))


def starts_per_fte_day(predictions: xr.Dataset, frame: FutureFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return the cases that people start on a full-time day, over the whole forecast, for office, teams and roles.

    A unit's starts are over its own FTE-days: somebody who moves counts in each place for the days there. Units without
    an FTE-day have no rate and no row.
    """
    fte_days = _fte_days(frame)
    rows = [
        (level, unit, *(column[0] for column in summary(starts[:, None] / fte_days[level, unit]).values()))
        for level, unit, values in units(predictions, "allocated")
        for starts in [values.sum(axis=1)]
        if fte_days.get((level, unit), 0) > 0
    ]
    table = pd.DataFrame(rows, columns=["level", "unit", *COLUMNS[len(KEYS) :]])
    last = frame.all_dates[-1]
    return table.assign(question="starts_per_fte_day", target_date=last, horizon_days=(last - cutoff).days)


def _fte_days(frame: FutureFrame) -> dict[tuple[str, str], float]:
    """Return the FTE-days of every (level, unit)."""
    total = {(OFFICE, OFFICE): float(frame.exposure.sum())}
    for level, place, labels in (("team", frame.team, frame.teams), ("role", frame.role, frame.roles)):
        sums = np.bincount(place.ravel(), frame.exposure.ravel(), minlength=len(labels))
        total |= {(level, label): float(days) for label, days in zip(labels, sums, strict=True)}
    return total
