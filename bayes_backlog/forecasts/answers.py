"""Short answers to what people ask of a forecast: when the target is met, and how many cases a person starts a day."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.paired import Seed
from bayes_backlog.forecasts.staff_changes import draw_moves, leaving_days
from bayes_backlog.forecasts.tables import seat_sums, summary, units
from bayes_backlog.forecasts.target import target_dates
from bayes_backlog.models.design import Floats
from bayes_backlog.vocabulary import OFFICE, QUANTILE_LEVELS, quantile_column

KEYS = ("question", "level", "unit", "prob", "target_date", "horizon_days")
COLUMNS = (*KEYS, "mean", *(quantile_column(level) for level in QUANTILE_LEVELS))


def answers_table(
    predictions: xr.Dataset, frame: FutureFrame, cutoff: pd.Timestamp, target: pd.DataFrame, seed: Seed
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
    seed : Seed
        With which it was rolled forward: it says again who leaves or moves when.

    Returns
    -------
    DataFrame
        question, level, unit, prob, target_date, horizon_days, mean, q05 ... q95. Of met_by and met_for_good the answer
        is target_date, the first day with probability prob; of starts_per_fte_day it is mean and quantiles, cases per
        FTE-day up to target_date.
    """
    dates = target_dates(target).assign(level=OFFICE, unit=OFFICE)
    answers = pd.concat([dates, starts_per_fte_day(predictions, frame, cutoff, seed)], ignore_index=True)
    return answers.reindex(columns=list(COLUMNS))


def starts_per_fte_day(predictions: xr.Dataset, frame: FutureFrame, cutoff: pd.Timestamp, seed: Seed) -> pd.DataFrame:
    """Return the cases that people start on a full-time day, over the whole forecast, for office, teams and roles.

    A unit's starts are over its own FTE-days, draw by draw: somebody who moves counts in each place for the days there,
    and somebody who leaves for the days before. Draws in which a unit has no FTE-day say nothing of its rate; units
    that never have one have no row.
    """
    n = predictions.sizes["chain"] * predictions.sizes["draw"]
    fte_days = _fte_days(n, frame, seed)
    rows = []
    for level, unit, values in units(predictions, "allocated"):
        worked = fte_days[level][unit]
        works = worked > 0
        if works.any():
            rate = values.sum(axis=1)[works] / worked[works]
            rows.append((level, unit, *(column[0] for column in summary(rate[:, None]).values())))
    table = pd.DataFrame(rows, columns=["level", "unit", *COLUMNS[len(KEYS) :]])
    last = frame.all_dates[-1]
    return table.assign(question="starts_per_fte_day", target_date=last, horizon_days=(last - cutoff).days)


def _fte_days(n: int, frame: FutureFrame, seed: Seed) -> dict[str, dict[str, Floats]]:
    """Return the (n,) FTE-days of every unit, by level."""
    leaving, moves = leaving_days(n, frame, seed), draw_moves(n, frame, seed)
    labels = {OFFICE: (OFFICE,), "team": frame.teams, "role": frame.roles}
    total = {level: np.zeros((n, len(of_level))) for level, of_level in labels.items()}
    for day, exposure in enumerate(frame.exposure):
        worked = exposure * (day < leaving)
        seats = {OFFICE: np.zeros_like(frame.team[day]), "role": frame.role[day]}
        seats["team"] = moves.teams(day, frame.team[day])
        for level, of_level in labels.items():
            total[level] += seat_sums(worked, seats[level], len(of_level))
    return {level: dict(zip(of_level, total[level].T, strict=True)) for level, of_level in labels.items()}
