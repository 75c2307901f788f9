"""A person's own pace: who had more of the work lately will have more of it next.

Duties, experience and the cases somebody is given change over the years; with one rate for all of them a forecast of
teams would rest on who people used to be. Pace is a ratio of cases, had over expected from hours alone, with two cases
added to both, in the last weeks (a working day counts half of that of forty days later). Newcomers are at 1. It is
known at the close before each week, and decides how the work is divided, not how much of it is done. A fit weighs it
against people's lasting rates: an office of steady habits has an exponent near 0, one whose duties wander near 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HALF_LIFE_DAYS = 40
CARRIED = 0.5 ** (1 / HALF_LIFE_DAYS)
"""Part of what counted yesterday that counts today."""
PRIOR_CASES = 2.0


@dataclass(frozen=True)
class Record:
    """What I people did until a close of day, in F flows.

    Attributes
    ----------
    cases : (..., F, I) float
        Discounted sums.
    fte : (..., I) float
        FTE-days, likewise.
    """

    cases: Floats
    fte: Floats

    def a_day_later(self, cases: Floats | NDArray[np.int32], fte: Floats) -> Record:
        """Return the record after another day's cases, (..., F, I), and FTE, (..., I)."""
        return Record(CARRIED * self.cases + cases, CARRIED * self.fte + fte)


def log_pace(record: Record, present: NDArray[np.bool_]) -> Floats:
    """Return the log of everybody's pace, (..., F, I); `present`, (..., I), set what others are expected to have."""
    fte, here = record.fte[..., None, :], present[..., None, :]
    had, worked = (record.cases * here).sum(axis=-1), (fte * here).sum(axis=-1)
    rate = np.divide(had, worked, out=np.zeros_like(had), where=worked > 0)
    return np.log((record.cases + PRIOR_CASES) / (rate[..., None] * fte + PRIOR_CASES))


def weekly_pace(cases: Floats, fte: Floats, week_of_day: Ints) -> tuple[Floats, Ints, Record]:
    """Return everybody's pace in every week.

    Parameters
    ----------
    cases : (D, F, I) float
        Of each day, flow and person.
    fte : (D, I) float
        At work.
    week_of_day : (D,) int
        Non-decreasing.

    Returns
    -------
    pace : (W, F, I) float
        Log of the pace, as known before the first day of each of the W weeks that have one.
    week : (D,) int
        Index of each day's week among those.
    record : Record
        After the last day.
    """
    _, week = np.unique(week_of_day, return_inverse=True)
    record = Record(np.zeros_like(cases[0]), np.zeros_like(fte[0]))
    pace: list[Floats] = []
    for day, (had, worked) in enumerate(zip(cases, fte, strict=True)):
        if week[day] == len(pace):
            pace.append(log_pace(record, worked > 0))
        record = record.a_day_later(had, worked)
    return np.stack(pace), week, record


def by_person(values: Floats | Ints, row_day: Ints, row_person: Ints, n_days: int, n_people: int) -> Floats:
    """Return the (D, I) sums of row values."""
    cell = row_day * n_people + row_person
    return np.bincount(cell, values, minlength=n_days * n_people).reshape(n_days, n_people)
