"""The target: with what probability the backlog is below it, and by when.

"Met" on a day is a backlog below the target at its close. "Met by" a day is met then or on an earlier day of the
forecast: once is enough. "Met for good" from a day is met then and on every later day of the forecast: the forecast
cannot see further. Both can only grow with time, so a date with a probability is well defined; where they differ, the
backlog crosses the target back and forth.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from bayes_backlog.forecasts.tables import office_totals
from bayes_backlog.vocabulary import PROBS

MEANINGS = ("met_by", "met_for_good")
COLUMNS = ("target_date", "horizon_days", "target", "met", *MEANINGS)


def target_table(predictions: xr.Dataset, cutoff: pd.Timestamp, target: float | None) -> pd.DataFrame:
    """Return the probability of the target on every day.

    Parameters
    ----------
    predictions : Dataset
        Of `roll_forward`.
    cutoff : Timestamp
        Last day known.
    target : float or None
        Cases; without a target the table is empty.

    Returns
    -------
    DataFrame
        target_date, horizon_days, target, met, met_by, met_for_good (probabilities).
    """
    if target is None:
        return pd.DataFrame(columns=list(COLUMNS))
    met = office_totals(predictions, "backlog") < target
    dates = pd.DatetimeIndex(predictions["date"].to_numpy())
    return pd.DataFrame(
        {
            "target_date": dates,
            "horizon_days": (dates - cutoff).days,
            "target": target,
            "met": met.mean(axis=0),
            "met_by": np.logical_or.accumulate(met, axis=1).mean(axis=0),
            "met_for_good": np.logical_and.accumulate(met[:, ::-1], axis=1)[:, ::-1].mean(axis=0),
        }
    )


def target_dates(table: pd.DataFrame) -> pd.DataFrame:
    """Return the first day with at least each of the probabilities `PROBS`, for both meanings.

    Parameters
    ----------
    table : DataFrame
        Of `target_table`.

    Returns
    -------
    DataFrame
        question (met_by or met_for_good), prob, target_date, horizon_days; both missing where the forecast does not
        reach that probability.
    """
    rows = []
    for meaning in MEANINGS if len(table) else ():
        for prob in PROBS:
            enough = table[table[meaning] >= prob]
            first = enough.iloc[0] if len(enough) else {"target_date": pd.NaT, "horizon_days": pd.NA}
            rows.append((meaning, prob, first["target_date"], first["horizon_days"]))
    dates = pd.DataFrame(rows, columns=["question", "prob", "target_date", "horizon_days"])
    return dates.astype({"target_date": "datetime64[us]", "horizon_days": "Int64", "prob": float})
