"""Dates that read well but cannot be true, found by how often and how far from the others they stand.

A default such as 01/01/1999 is many cases on one lonely day; a mistyped year is a few cases a year or more away; a date
in the future of the extract follows a gap that the office's own pace does not explain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

LONELY_DAYS = 365
MIN_SENTINELS = 5
BULK_SHARE, MIN_BULK, BULK_OVER_SECOND = 0.05, 20, 5
MIN_LATE_GAP_DAYS, LATE_GAP_FACTOR, LATE_SHARE = 14, 5, 0.0002
WIDE_GAP_DAYS, WIDE_GAP_SHARE = 180, 0.01


@dataclass(frozen=True)
class Lonely:
    """Days of one milestone far from its main run, parted by whether many cases share the day."""

    sentinels: pd.DatetimeIndex
    strays: pd.DatetimeIndex


def lonely_days(days: pd.Series) -> Lonely:
    """Part off the days that lie more than a year from the main run of a milestone.

    Parameters
    ----------
    days : Series of datetime64
        One milestone; missing values allowed.
    """
    counts = days.value_counts().sort_index()
    run = (counts.index.to_series().diff() > pd.Timedelta(days=LONELY_DAYS)).cumsum().to_numpy()
    size = np.bincount(run, counts)[run]
    n_days = np.bincount(run)[run]
    if not (n_days > 1).any():
        return Lonely(pd.DatetimeIndex([]), pd.DatetimeIndex([]))
    is_main = run == run[np.argmax(size * (n_days > 1))]
    is_sentinel = ~is_main & (n_days == 1) & (counts.to_numpy() >= MIN_SENTINELS)
    return Lonely(pd.DatetimeIndex(counts.index[is_sentinel]), pd.DatetimeIndex(counts.index[~is_main & ~is_sentinel]))


def bulk_day(days: pd.Series) -> pd.Timestamp | None:
    """Return the day that holds an implausibly large share of a milestone, if one does.

    Month-end rushes give many tall days; only a day five times the second tallest, with 5 % of all, is returned.
    """
    tallest = days.value_counts().head(2)
    if tallest.empty or tallest.iloc[0] < max(MIN_BULK, BULK_SHARE * days.notna().sum()):
        return None
    second = tallest.iloc[1] if len(tallest) > 1 else 0
    return pd.Timestamp(tallest.index[0]) if tallest.iloc[0] >= BULK_OVER_SECOND * second else None


def last_credible_date(milestones: pd.DataFrame) -> pd.Timestamp | None:
    """Return the last date of all milestones that no gap parts from the rest.

    A tail of at most 0.02 % of the dates (one at least) is cut where the gap before it is over 14 days and over five
    times the 99th percentile of the office's own gaps; a tail of at most 1 % also needs a gap over 180 days.

    Parameters
    ----------
    milestones : DataFrame of datetime64
        One column per milestone.

    Returns
    -------
    Timestamp or None
        None when there are no dates.
    """
    counts = pd.concat([milestones[name] for name in milestones], ignore_index=True).value_counts().sort_index()
    if counts.empty:
        return None
    if len(counts) == 1:
        return pd.Timestamp(counts.index[0])
    gaps = np.diff(counts.index.to_numpy()) / np.timedelta64(1, "D")
    after = counts.to_numpy()[::-1].cumsum()[::-1][1:]
    threshold = max(MIN_LATE_GAP_DAYS, LATE_GAP_FACTOR * np.quantile(gaps, 0.99, method="lower"))
    share = np.where(gaps > WIDE_GAP_DAYS, WIDE_GAP_SHARE, LATE_SHARE)
    cuts = np.flatnonzero((gaps > threshold) & (after <= np.maximum(1, share * counts.sum())))
    return pd.Timestamp(counts.index[cuts[0]]) if len(cuts) else pd.Timestamp(counts.index[-1])
