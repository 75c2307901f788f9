"""Weeks and months of a forecast: flows are sums of draws, stocks the draws of the last day, rows say which days."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_backlog.forecasts.periods import period_table
from bayes_backlog.forecasts.tables import flow_table, stock_table

CUTOFF = pd.Timestamp("2025-07-16")  # a Wednesday
DATES = pd.date_range("2025-07-17", "2025-09-10")


@pytest.fixture
def forecast() -> xr.Dataset:
    rng = np.random.default_rng(5)
    office, n_days = ("chain", "draw", "date"), len(DATES)
    people = (*office, "investigator")
    return xr.Dataset(
        {name: (office, rng.integers(0, 9, (2, 10, n_days))) for name in ("received", "removed", "backlog")}
        | {name: (people, rng.integers(0, 9, (2, 10, n_days, 2))) for name in ("allocated", "signed_off", "wip")},
        coords={
            "date": DATES,
            "investigator": ["P_a", "P_b"],
            "team": (("date", "investigator"), np.tile([["north", "south"]], (n_days, 1))),
            "role": (("date", "investigator"), np.full((n_days, 2), "EO")),
        },
    )


def test_rows_say_which_days_they_hold(forecast: xr.Dataset) -> None:
    months = period_table(forecast, "month").query("quantity == 'backlog'")
    assert [f"{day:%d %b}" for day in months["first_date"]] == ["17 Jul", "01 Aug", "01 Sep"]
    assert [f"{day:%d %b}" for day in months["last_date"]] == ["31 Jul", "31 Aug", "10 Sep"]
    assert months["n_days"].tolist() == [15, 31, 10]
    weeks = period_table(forecast, "week").query("quantity == 'backlog'")
    assert weeks["n_days"].tolist() == [4, *[7] * 7, 3]
    assert (weeks["last_date"].dt.day_name()[:-1] == "Sunday").all()


@pytest.mark.parametrize("period", ["week", "month"])
def test_flows_add_up_to_the_forecast_and_stocks_do_not(forecast: xr.Dataset, period: str) -> None:
    """Summing a stock over a month, as a careless aggregation would, makes it thirty times too large."""
    table = period_table(forecast, period)  # type: ignore[arg-type]
    daily = flow_table(forecast, CUTOFF)
    keys = ["level", "unit"]
    for flow in ("received", "allocated", "signed_off", "removed"):
        sums = table[table["quantity"] == flow].groupby(keys)["mean"].sum()
        np.testing.assert_allclose(sums, daily[daily["flow"] == flow].groupby(keys)["mean"].sum(), rtol=1e-3)
    stocks = stock_table(forecast, CUTOFF).rename(columns={"stock": "quantity"})
    same = table.merge(stocks, left_on=["quantity", *keys, "last_date"], right_on=["quantity", *keys, "target_date"])
    assert len(same) == table["quantity"].isin(["backlog", "wip", "open"]).sum()
    assert (same["q50_x"] == same["q50_y"]).all()


def test_quantiles_of_a_month_are_of_its_sums(forecast: xr.Dataset) -> None:
    """The month's 95 % quantile lies below the sum of its days': busy days do not all come together."""
    months = period_table(forecast, "month").query("quantity == 'received'").set_index("first_date")
    august = months.loc["2025-08-01"]
    draws = forecast["received"].sel(date="2025-08").sum("date").to_numpy()
    assert august["q95"] == pytest.approx(np.quantile(draws, 0.95), abs=1e-3)
    days = flow_table(forecast, CUTOFF).query("flow == 'received'").set_index("target_date")
    assert august["q95"] < 0.8 * days.loc["2025-08", "q95"].sum()
