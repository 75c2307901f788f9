"""Tables of a forecast: sums of draws first, quantiles last, for office, team and role."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from bayes_backlog.models.design import Floats, Ints
from bayes_backlog.models.draws import Counts
from bayes_backlog.models.spec import OFFICE_FLOWS, STAFF_FLOWS
from bayes_backlog.vocabulary import FURTHER_FLOWS, OFFICE, QUANTILE_LEVELS, STOCKS, quantile_column

PER_PERSON = (*STAFF_FLOWS, "wip")
FLOWS = OFFICE_FLOWS + STAFF_FLOWS


def flows_in(predictions: xr.Dataset) -> tuple[str, ...]:
    """Return the flows that are forecast: `FLOWS`, and the further ones that the office has enough of."""
    return FLOWS + tuple(flow for flow in FURTHER_FLOWS if flow in predictions)


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


def group_totals(predictions: xr.Dataset, quantity: str, level: str) -> dict[str, Counts]:
    """Return (n, date) draws of every team or role: sums over the people who are in it on each date, draw by draw."""
    values = flat(predictions[quantity])
    labels, seats = _seats(predictions, level)
    totals = [seat_sums(values[:, day], seats(day), len(labels)) for day in range(values.shape[1])]
    summed = np.stack(totals, axis=2).astype(np.int32)
    return {str(label): summed[:, k] for k, label in enumerate(labels)}


def _seats(predictions: xr.Dataset, level: str) -> tuple[NDArray[np.str_], Callable[[int], Ints]]:
    """Return the labels of a level, and what gives the one, (I,) or (n, I), that people have on a date's place."""
    before = predictions[level].transpose("date", "investigator").to_numpy().astype(str)
    if level != "team" or "moved_on" not in predictions:
        labels, index = np.unique(before, return_inverse=True)
        return labels, lambda day: index[day]
    places, dates = predictions["place"].to_numpy().astype(str), predictions["date"].to_numpy()
    labels, index = np.unique(np.concatenate([before.ravel(), places]), return_inverse=True)
    stayed, place = index[: before.size].reshape(before.shape), index[before.size :]
    moves = predictions[["moved_on", "moved_to"]].transpose("chain", "draw", "investigator")
    since, to = (moves[name].to_numpy().reshape(-1, before.shape[1]) for name in ("moved_on", "moved_to"))
    return labels, lambda day: np.where(dates[day] >= since, place[to], stayed[day])


def seat_sums(values: Floats | Counts, seats: Ints, n_places: int) -> Floats:
    """Return the (n, P) sums of (n, I) values of people over the places, 0 to P - 1, that they sit in.

    `seats` are these places, (I,) or (n, I).
    """
    cells = np.arange(len(values))[:, None] * n_places + seats
    return np.bincount(cells.ravel(), values.ravel(), len(values) * n_places).reshape(-1, n_places)


def units(predictions: xr.Dataset, quantity: str) -> Iterator[tuple[str, str, Counts]]:
    """Yield (level, unit, (n, date) draws) at office, team and role level."""
    yield OFFICE, OFFICE, office_totals(predictions, quantity)
    if quantity in PER_PERSON:
        for level in ("team", "role"):
            for unit, values in group_totals(predictions, quantity, level).items():
                yield level, unit, values


def flow_table(predictions: xr.Dataset, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return mean and quantiles of all flows, per day.

    Parameters
    ----------
    predictions : Dataset
        Of `roll_forward`.
    cutoff : Timestamp
        Last day known.

    Returns
    -------
    DataFrame
        flow, level, unit, target_date, horizon_days, mean, q05 ... q95 (cases that day).
    """
    return _table(predictions, "flow", flows_in(predictions), cutoff)


def stock_table(predictions: xr.Dataset, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return mean and quantiles of all stocks at each day's close: `stock`, then the columns of `flow_table`."""
    return _table(predictions, "stock", STOCKS, cutoff)


def cumulative_flow_table(predictions: xr.Dataset, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return `flow_table` of flows summed since the cutoff, which staffing and targets are about.

    A unit keeps what was done in it when somebody moves on.
    """
    return _table(predictions, "flow", flows_in(predictions), cutoff, cumulative=True)


def at_end(predictions: xr.Dataset) -> xr.Dataset:
    """Return the office's stocks at the end of the forecast and its flows summed until then, (chain, draw) each."""
    shape = (predictions.sizes["chain"], predictions.sizes["draw"])
    stocks = {name: office_totals(predictions, name)[:, -1] for name in STOCKS}
    flows = {name: office_totals(predictions, name).sum(axis=1) for name in FLOWS}
    return xr.Dataset({name: (("chain", "draw"), found.reshape(shape)) for name, found in (stocks | flows).items()})


def _table(
    predictions: xr.Dataset, name: str, quantities: tuple[str, ...], cutoff: pd.Timestamp, *, cumulative: bool = False
) -> pd.DataFrame:
    dates = pd.DatetimeIndex(predictions["date"].to_numpy())
    return pd.concat(
        [
            pd.DataFrame(
                {
                    name: quantity,
                    "level": level,
                    "unit": unit,
                    "target_date": dates,
                    "horizon_days": (dates - cutoff).days,
                    **summary(values.cumsum(axis=1, dtype=np.int32) if cumulative else values),
                }
            )
            for quantity in quantities
            for level, unit, values in units(predictions, quantity)
        ],
        ignore_index=True,
    )


def summary(values: NDArray[np.number]) -> dict[str, NDArray[np.float64]]:
    """Return mean and quantiles over draws (n, date), each (date,)."""
    quantiles = np.quantile(values, QUANTILE_LEVELS, axis=0).round(3)
    return {
        "mean": values.mean(axis=0).round(3),
        **{quantile_column(level): row for level, row in zip(QUANTILE_LEVELS, quantiles, strict=True)},
    }
