"""Forecast tables on three draws of two days: sums of draws first, quantiles last."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_backlog.forecasts.tables import (
    FLOWS,
    STOCKS,
    cumulative_flow_table,
    flow_table,
    group_totals,
    office_totals,
    stock_table,
    units,
)
from bayes_backlog.vocabulary import QUANTILE_LEVELS, quantile_column

CUTOFF = pd.Timestamp("2025-06-30")
DATES = pd.DatetimeIndex(["2025-07-01", "2025-07-02"])
QUANTILES = [quantile_column(level) for level in QUANTILE_LEVELS]


def predictions(seed: int | None = None) -> xr.Dataset:
    """Two chains of two draws, three people; the third moves from north to south on the second day."""
    rng = np.random.default_rng(seed)
    office = ("chain", "draw", "date")
    person = (*office, "investigator")

    def counts(*shape: int) -> np.ndarray:
        return rng.integers(0, 9, shape).astype(np.int32)

    return xr.Dataset(
        {name: (office, counts(2, 2, 2)) for name in ("received", "removed", "backlog")}
        | {name: (person, counts(2, 2, 2, 3)) for name in ("allocated", "signed_off", "wip")},
        coords={
            "date": DATES,
            "investigator": ["P_a", "P_b", "P_c"],
            "team": (("date", "investigator"), [["north", "south", "north"], ["north", "south", "south"]]),
            "role": (("date", "investigator"), [["EO"] * 3] * 2),
        },
    )


def on_last_day(table: pd.DataFrame, flow: str) -> pd.Series:
    """The office's row of a flow on the second day."""
    chosen = (table["flow"] == flow) & (table["level"] == "office") & (table["target_date"] == DATES[1])
    return table[chosen].iloc[0]


@pytest.fixture
def forecast() -> xr.Dataset:
    return predictions(3)


def test_office_totals_are_sums_over_people_in_every_draw(forecast: xr.Dataset) -> None:
    wip = forecast["wip"].to_numpy().reshape(4, 2, 3).sum(axis=2)
    backlog = forecast["backlog"].to_numpy().reshape(4, 2)
    assert (office_totals(forecast, "wip") == wip).all()
    assert (office_totals(forecast, "open") == backlog + wip).all()


def test_totals_do_not_depend_on_the_order_of_dimensions(forecast: xr.Dataset) -> None:
    shuffled = forecast.transpose("investigator", "date", "draw", "chain")
    for quantity in (*FLOWS, *STOCKS):
        assert (office_totals(shuffled, quantity) == office_totals(forecast, quantity)).all()
        pairs = zip(units(shuffled, quantity), units(forecast, quantity), strict=True)
        assert all((a[2] == b[2]).all() for a, b in pairs)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("level", ["team", "role"])
def test_groups_add_up_to_the_office_in_every_draw(seed: int, level: str) -> None:
    forecast = predictions(seed)
    for quantity in ("allocated", "signed_off", "wip"):
        groups = group_totals(forecast, quantity, level)
        assert (sum(groups.values()) == office_totals(forecast, quantity)).all()


def test_people_count_where_they_sit_that_day(forecast: xr.Dataset) -> None:
    groups = group_totals(forecast, "allocated", "team")
    people = forecast["allocated"].to_numpy().reshape(4, 2, 3)
    assert (groups["south"][:, 0] == people[:, 0, 1]).all()
    assert (groups["south"][:, 1] == people[:, 1, 1] + people[:, 1, 2]).all()


def test_a_table_has_one_row_per_unit_and_day(forecast: xr.Dataset) -> None:
    table = flow_table(forecast, CUTOFF)
    assert list(table) == ["flow", "level", "unit", "target_date", "horizon_days", "mean", *QUANTILES]
    assert not table.duplicated(["flow", "level", "unit", "target_date"]).any()
    # Office for all four flows; two teams and one role for the two that people do.
    assert len(table) == 2 * (4 + 2 * 3)
    assert (table["horizon_days"] == (table["target_date"] - CUTOFF).dt.days).all()
    assert next(iter(stock_table(forecast, CUTOFF))) == "stock"
    assert set(stock_table(forecast, CUTOFF)["stock"]) == set(STOCKS)


def test_quantiles_are_taken_of_sums_not_summed(forecast: xr.Dataset) -> None:
    """Of two people always exactly one works: together they have a 95 % quantile of 1, though each has one of 1."""
    allocated = np.zeros((2, 2, 2, 3), np.int32)
    allocated[0, :, :, 0] = allocated[1, :, :, 1] = 1
    forecast["allocated"] = (("chain", "draw", "date", "investigator"), allocated)
    table = flow_table(forecast, CUTOFF).query("flow == 'allocated' and level == 'office'")
    assert (table[["mean", *QUANTILES]] == 1).all(axis=None)
    assert (np.quantile(allocated.reshape(4, 2, 3), 0.95, axis=0).sum(axis=1) == 2).all()


def test_mean_and_quantiles_are_those_of_the_draws(forecast: xr.Dataset) -> None:
    row = on_last_day(flow_table(forecast, CUTOFF), "received")
    draws = forecast["received"].to_numpy()[:, :, 1].ravel()
    assert row["mean"] == pytest.approx(draws.mean(), abs=6e-4)
    assert row[QUANTILES].tolist() == pytest.approx(np.quantile(draws, QUANTILE_LEVELS).tolist(), abs=6e-4)


def test_cumulative_flows_are_sums_over_days_of_each_unit(forecast: xr.Dataset) -> None:
    """Whoever moves takes no past along: what was allocated in north stays there, so no cumulative mean ever falls."""
    daily, summed = flow_table(forecast, CUTOFF), cumulative_flow_table(forecast, CUTOFF)
    keys = ["flow", "level", "unit"]
    expected = daily.assign(mean=daily.groupby(keys)["mean"].cumsum())
    pd.testing.assert_frame_equal(summed[[*keys, "target_date", "mean"]], expected[[*keys, "target_date", "mean"]])
    last = on_last_day(summed, "signed_off")
    draws = forecast["signed_off"].to_numpy().sum(axis=(2, 3)).ravel()
    assert last[QUANTILES].tolist() == pytest.approx(np.quantile(draws, QUANTILE_LEVELS).tolist(), abs=6e-4)


def test_sums_do_not_overflow_or_turn_into_floats(forecast: xr.Dataset) -> None:
    assert office_totals(forecast, "allocated").dtype == np.int32
    assert all(values.dtype.kind == "i" for _, _, values in units(forecast, "open"))
