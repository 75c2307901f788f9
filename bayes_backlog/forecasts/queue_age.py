"""How long cases have waited: the real queue and forecast arrivals, served first in, first out unless told otherwise.

Who leaves the queue next is not modelled; oldest first is assumed. Then the cases that wait at a close are the newest
arrivals, as many as the backlog counts, so ages follow from running sums of arrivals, in every draw. Age is whole
calendar days since the case was received: 0 on that day. An empty queue has no share that waits long, and age 0.

How far a real queue is from that order is measured on the past (`queue_order`); a scenario may take some of the cases
from the queue's other end (`from_both_ends`). The order decides who waits, never how many.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from bayes_backlog.forecasts.tables import office_totals, summary
from bayes_backlog.models.design import Floats, Ints

Whole = NDArray[np.signedinteger]

THRESHOLDS = (30, 60, 90)
"""Waiting longer than this is asked for, calendar days."""
LEVELS = {"median_age": 0.5, "p90_age": 0.9, "oldest_age": 1.0}
"""Quantiles of the ages of waiting cases."""
ORIGINS = 12


def share_over(days: int) -> str:
    """Return the name of the measure: share of the queue that has waited longer than `days`."""
    return f"share_over_{days}"


MEASURES = (*(share_over(days) for days in THRESHOLDS), *LEVELS)


def waiting_cases(events: pd.DataFrame, date: pd.Timestamp) -> pd.Series:
    """Return how many of the cases that wait at the close of `date` were received when: cases, indexed by day."""
    return waiting_of(stays(events), date)


def stays(events: pd.DataFrame) -> pd.DataFrame:
    """Return when each case entered the queue and when it left: received and left, days, missing while it waits."""
    received = events[events["event"] == "received"].groupby("case_id")["date"].min()
    left = events[events["event"].isin(["allocated", "removed"])].groupby("case_id")["date"].min()
    return received.to_frame("received").join(left.rename("left"))


def waiting_of(cases: pd.DataFrame, date: pd.Timestamp) -> pd.Series:
    """Return `waiting_cases` of the `stays` of an office."""
    waits = (cases["received"] <= date) & ~(cases["left"] <= date)
    return cases.loc[waits, "received"].value_counts().sort_index()


def queue_age_table(
    predictions: xr.Dataset, queue: pd.Series, cutoff: pd.Timestamp, oldest_first: float = 1.0
) -> pd.DataFrame:
    """Return the ages of the queue at every close of the forecast.

    Parameters
    ----------
    predictions : Dataset
        Of `roll_forward`.
    queue : Series
        Of `waiting_cases` at the cutoff.
    cutoff : Timestamp
        Last day known.
    oldest_first : float
        Share of the cases leaving the queue that are the oldest then; the others are the newest.

    Returns
    -------
    DataFrame
        measure, target_date, horizon_days, mean, q05 ... q95: share_over_30, _60, _90 (share of the waiting cases),
        median_age, p90_age, oldest_age (days).
    """
    dates = pd.DatetimeIndex(predictions["date"].to_numpy())
    received, backlog = (office_totals(predictions, name) for name in ("received", "backlog"))
    if oldest_first == 1:
        ages = first_in_first_out(queue, received, backlog, dates)
    else:
        ages = from_both_ends(queue, received, backlog, dates, oldest_first)
    return pd.concat(
        [
            pd.DataFrame(
                {"measure": measure, "target_date": dates, "horizon_days": (dates - cutoff).days, **summary(values)}
            )
            for measure, values in ages.items()
        ],
        ignore_index=True,
    )


def first_in_first_out(queue: pd.Series, received: Whole, backlog: Whole, dates: pd.DatetimeIndex) -> dict[str, Floats]:
    """Return the ages of a queue that is served oldest first.

    Parameters
    ----------
    queue : Series
        Cases waiting before the first date, indexed by the day they were received, rising.
    received, backlog : (n, date) int
        Arrivals on, and cases waiting at the close of, consecutive calendar days.
    dates : (date,) DatetimeIndex
        Those days.

    Returns
    -------
    dict of (n, date) float
        Every one of `MEASURES`.
    """
    n, days = len(received), _days(queue.index.append(dates))
    today = days[len(queue) :]
    opening = np.broadcast_to(queue.to_numpy(dtype=np.int64), (n, len(queue)))
    arrived = np.concatenate([opening, received], axis=1).cumsum(axis=1)
    so_far = arrived[:, len(queue) :]
    waiting = np.clip(backlog, 0, so_far)
    measures: dict[str, Floats] = {}
    for limit in THRESHOLDS:
        older = np.pad(arrived, ((0, 0), (1, 0)))[:, np.searchsorted(days, today - limit)]
        # The newest `waiting` arrivals wait: of the older ones, what the newer ones leave.
        over = np.maximum(waiting - (so_far - older), 0)
        measures[share_over(limit)] = np.divide(over, waiting, out=np.zeros(over.shape), where=waiting > 0)
    for name, level in LEVELS.items():
        rank = np.maximum(np.ceil(level * waiting), 1).astype(np.int64)
        position = _first_reaching(arrived, so_far - rank + 1)
        measures[name] = np.where(waiting > 0, today - days[position], 0).astype(float)
    return measures


def from_both_ends(
    queue: pd.Series, received: Whole, backlog: Whole, dates: pd.DatetimeIndex, oldest_first: float
) -> dict[str, Floats]:
    """Return the ages of a queue of which a share of the cases is served oldest first, and the others newest first.

    Of the first k cases to leave, the whole part of k times the share leave at the old end: a day's cases are split so
    that the share is kept over time, and a share of 1 is `first_in_first_out`. A day's oldest are taken first.

    Parameters
    ----------
    queue, received, backlog, dates
        As of `first_in_first_out`; the backlog follows from the queue and the arrivals, less those who left.
    oldest_first : float
        The share, from 0 to 1.

    Returns
    -------
    dict of (n, date) float
        Every one of `MEASURES`.
    """
    n, days = len(received), _days(queue.index.append(dates))
    before = np.column_stack([np.full(n, queue.sum()), backlog[:, :-1]])
    left = np.maximum(before + received - backlog, 0).cumsum(axis=1)
    at_old_end = np.diff(np.floor(oldest_first * left).astype(np.int64), axis=1, prepend=0)
    at_new_end = np.diff(left, axis=1, prepend=0) - at_old_end
    there = np.zeros((n, len(days)), np.int64)
    there[:, : len(queue)] = queue.to_numpy(dtype=np.int64)
    measures = {name: np.zeros(received.shape) for name in MEASURES}
    for k, today in enumerate(days[len(queue) :]):
        there[:, len(queue) + k] = received[:, k]
        there = _without_first(there, at_old_end[:, k])
        there = _without_first(there[:, ::-1], at_new_end[:, k])[:, ::-1]
        reached = there.cumsum(axis=1)
        waiting = reached[:, -1]
        for limit in THRESHOLDS:
            over = there[:, days < today - limit].sum(axis=1)
            measures[share_over(limit)][:, k] = np.divide(over, waiting, out=np.zeros(n), where=waiting > 0)
        for name, level in LEVELS.items():
            rank = waiting - np.maximum(np.ceil(level * waiting), 1).astype(np.int64) + 1
            position = (reached < rank[:, None]).sum(axis=1)
            measures[name][:, k] = np.where(waiting > 0, today - days[np.minimum(position, len(days) - 1)], 0)
    return measures


def _without_first(there: Ints, number: Ints) -> Ints:
    """Return cases by day (n, D) without the first of each row, (n,) of them."""
    kept = np.maximum(there.cumsum(axis=1) - number[:, None], 0)
    return np.diff(kept, axis=1, prepend=0)


def _first_reaching(running: Ints, wanted: Ints) -> Ints:
    """Return, row by row, the first position at which a running sum (n, D) reaches each value wanted (n, A)."""
    n, width = running.shape
    # Rows are laid end to end, each lifted above the one before: one search serves them all.
    lift = np.arange(n)[:, None] * (running.max() + 1)
    found = np.searchsorted((running + lift).ravel(), (wanted + lift).ravel())
    return found.reshape(wanted.shape) - np.arange(n)[:, None] * width


def queue_ages(queue: pd.Series, date: pd.Timestamp) -> dict[str, float]:
    """Return every one of `MEASURES` of the cases that wait at the close of a day, whatever their order."""
    nobody, everybody = np.zeros((1, 1), np.int64), np.full((1, 1), queue.sum(), np.int64)
    found = first_in_first_out(queue, nobody, everybody, pd.DatetimeIndex([date]))
    return {measure: float(values[0, 0]) for measure, values in found.items()}


def queue_order(events: pd.DataFrame, as_of: pd.Timestamp, horizon_days: int) -> pd.DataFrame:
    """Return how the past's queues would have aged first in, first out, beside how they did.

    Each row starts from the queue as it really was at a cutoff, a month apart and the latest `horizon_days` before
    `as_of`, and takes arrivals and backlog as they came: only the order of service is assumed.

    Parameters
    ----------
    events : DataFrame
        Of the panels.
    as_of : Timestamp
        Last day known.
    horizon_days : int
        Calendar days from cutoff to target, as in the forecast.

    Returns
    -------
    DataFrame
        cutoff, target_date, measure (of `MEASURES`), observed, predicted (first in, first out); at most `ORIGINS`
        cutoffs, none before the first case was received or where nobody waited at the end.
    """
    received = events.loc[events["event"] == "received", "date"]
    span = pd.Timedelta(days=horizon_days)
    rows = []
    for months in reversed(range(ORIGINS)):
        target = as_of - pd.DateOffset(months=months)
        real = waiting_cases(events, target)
        if received.empty or target - span < received.min() or real.empty:
            continue
        dates = pd.date_range(target - span + pd.Timedelta(days=1), target)
        came = np.array([received.value_counts().reindex(dates, fill_value=0)], np.int64)
        there = np.full(came.shape, real.sum(), np.int64)
        served = first_in_first_out(waiting_cases(events, target - span), came, there, dates)
        as_it_was = queue_ages(real, target)
        rows += [(target - span, target, measure, as_it_was[measure], served[measure][0, -1]) for measure in MEASURES]
    return pd.DataFrame(rows, columns=["cutoff", "target_date", "measure", "observed", "predicted"])


def misaged_share(order: pd.DataFrame) -> pd.Series:
    """Return the share of each past queue that first in, first out puts into a wrong band of ages, by target date.

    Bands are up to 30, 31-60, 61-90 and over 90 days: half the sum of their absolute errors, the smallest share of the
    cases that would have to move.
    """
    error = order.assign(error=order["predicted"] - order["observed"])
    over = error.pivot(index="target_date", columns="measure", values="error")
    bands = np.diff(over.reindex(columns=MEASURES[: len(THRESHOLDS)]).to_numpy(), axis=1, prepend=0.0, append=0.0)
    return pd.Series(np.abs(bands).sum(axis=1) / 2, index=over.index)


def _days(dates: pd.Index) -> Ints:
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)
