"""Tables of a forecast: sums of draws first, quantiles last, for office, team, role and investigator."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from bayes_backlog.models.draws import Counts
from bayes_backlog.vocabulary import OFFICE, QUANTILE_LEVELS, quantile_column

OFFICE_ONLY = ("received", "removed", "backlog")
PER_PERSON = ("allocated", "signed_off", "wip")
FLOWS = ("received", "removed", "allocated", "signed_off")
STOCKS = ("backlog", "wip", "open")


def flat(values: xr.DataArray) -> Counts:
    """Return draws of all chains as (n, date, ...)."""
    array = values.transpose("chain", "draw", "date", ...).to_numpy()
    return array.reshape(-1, *array.shape[2:])


def office_totals(predictions: xr.Dataset, quantity: str) -> Counts:
    """Return (n, date) draws of an office total; `open` is backlog plus wip, draw by draw."""
    if quantity == "open":
        return office_totals(predictions, "backlog") + office_totals(predictions, "wip")
    values = flat(predictions[quantity])
    return values.sum(axis=2, dtype=np.int32) if quantity in PER_PERSON else values


def group_totals(predictions: xr.Dataset, quantity: str, level: str) -> Iterator[tuple[str, Counts]]:
    """Yield (unit, (n, date) draws) of every team or role: sums over the people who are in it on each date."""
    values = flat(predictions[quantity])
    labels = predictions[level].transpose("date", "investigator").to_numpy()
    for unit in np.unique(labels):
        yield str(unit), np.einsum("ndi,di->nd", values, (labels == unit).astype(np.int32))


def units(predictions: xr.Dataset, quantity: str) -> Iterator[tuple[str, str, Counts]]:
    """Yield (level, unit, (n, date) draws) at office, team and role level."""
    yield OFFICE, OFFICE, office_totals(predictions, quantity)
    if quantity in PER_PERSON:
        for level in ("team", "role"):
            for unit, values in group_totals(predictions, quantity, level):
                yield level, unit, values


def quantity_table(predictions: xr.Dataset, quantity: str, name: str, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return mean and quantiles of one flow or stock.

    Parameters
    ----------
    predictions : Dataset
        Of `roll_forward`.
    quantity : str
        A flow (cases that day) or a stock (cases at its close).
    name : str
        Name of the first column: `flow` or `stock`.
    cutoff : Timestamp
        Last day known.

    Returns
    -------
    DataFrame
        flow or stock, level, unit, target_date, horizon_days, mean, q05 ... q95 (cases).
    """
    return pd.concat(
        [
            _summary(values, predictions, quantity, name, cutoff, level, unit)
            for level, unit, values in units(predictions, quantity)
        ],
        ignore_index=True,
    )


def flow_table(predictions: xr.Dataset, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return the table of all flows, per day."""
    return pd.concat([quantity_table(predictions, q, "flow", cutoff) for q in FLOWS], ignore_index=True)


def stock_table(predictions: xr.Dataset, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return the table of all stocks, at each day's close."""
    return pd.concat([quantity_table(predictions, q, "stock", cutoff) for q in STOCKS], ignore_index=True)


def cumulative_flow_table(predictions: xr.Dataset, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return the table of flows summed since the cutoff: what staffing and targets are about."""
    flows = [predictions[q].cumsum("date", dtype=np.int32).rename(q) for q in FLOWS]
    summed = xr.merge(flows).assign_coords(predictions.coords)
    return flow_table(summed, cutoff)


def _summary(
    values: Counts,
    predictions: xr.Dataset,
    quantity: str,
    name: str,
    cutoff: pd.Timestamp,
    level: str,
    unit: str,
) -> pd.DataFrame:
    dates = pd.DatetimeIndex(predictions["date"].to_numpy())
    quantiles = np.quantile(values, QUANTILE_LEVELS, axis=0)
    return pd.DataFrame(
        {
            name: quantity,
            "level": level,
            "unit": unit,
            "target_date": dates,
            "horizon_days": (dates - cutoff).days,
            "mean": values.mean(axis=0).round(3),
            **{quantile_column(q): row.round(3) for q, row in zip(QUANTILE_LEVELS, quantiles, strict=True)},
        }
    )
