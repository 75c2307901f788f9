"""A person's own pace: who had more of the work lately than hours alone would give will have more of it next.

Duties, experience and the cases somebody is given change over the years; with one rate for all of them a forecast of
teams would rest on who people used to be. Pace is a ratio of cases, had over expected, of the last weeks: a working day
counts half of that of forty days later, and two cases are added to both, so that newcomers begin at 1. It is known at
the close before each week, and decides how the work is divided, not how much of it is done.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HALF_LIFE_DAYS = 40
CARRIED = 0.5 ** (1 / HALF_LIFE_DAYS)
"""Part of what counted yesterday that counts today."""
PRIOR_CASES = 2.0


def log_pace(cases: Floats, fte: Floats, present: NDArray[np.bool_]) -> Floats:
    """Return the log of everybody's pace.

    Parameters
    ----------
    cases, fte : (..., I) float
        Discounted cases and FTE-days of everybody.
    present : (..., I) bool
        Whose rate is what others are expected to have.

    Returns
    -------
    (..., I) float
    """
    had, worked = (cases * present).sum(axis=-1), (fte * present).sum(axis=-1)
    rate = np.divide(had, worked, out=np.zeros_like(had), where=worked > 0)
    return np.log((cases + PRIOR_CASES) / (rate[..., None] * fte + PRIOR_CASES))


def mornings(per_day: Floats) -> Floats:
    """Return the (D + 1, ...) discounted sums before each of D days, and after the last one."""
    sums = np.zeros((len(per_day) + 1, *per_day.shape[1:]))
    for day, values in enumerate(per_day):
        sums[day + 1] = CARRIED * sums[day] + values
    return sums


def by_person(values: Floats | Ints, row_day: Ints, row_person: Ints, n_days: int, n_people: int) -> Floats:
    """Return the (D, I) sums of row values."""
    cell = row_day * n_people + row_person
    return np.bincount(cell, values, minlength=n_days * n_people).reshape(n_days, n_people)


def weekly_pace(cases: Floats, fte: Floats, week_of_day: Ints) -> tuple[Floats, Ints]:
    """Return everybody's pace in every week.

    Parameters
    ----------
    cases : (F, D, I) float
        Each flow's, of each day and person.
    fte : (D, I) float
        At work.
    week_of_day : (D,) int
        Non-decreasing.

    Returns
    -------
    pace : (F, W, I) float
        Log of the pace, as known before the first day of each of the W weeks that have one.
    week : (D,) int
        Index of each day's week among those.
    """
    _, first, week = np.unique(week_of_day, return_index=True, return_inverse=True)
    had = np.stack([mornings(flow)[first] for flow in cases])
    return log_pace(had, mornings(fte)[first], fte[first] > 0), week
