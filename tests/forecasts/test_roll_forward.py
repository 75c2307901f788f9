"""Laws of the roll-forward that hold in every draw, whatever the parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_backlog.forecasts import roll_forward as module
from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.tables import group_totals, office_totals
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.draws import PosteriorDraws

MakeDraws = Callable[..., PosteriorDraws]


@pytest.fixture(scope="module")
def predictions(small: Prepared, frame: FutureFrame, make_draws: MakeDraws) -> xr.Dataset:
    return roll_forward(make_draws(), frame, small.design, small.spec, seed=1)


def backlog_errors(predictions: xr.Dataset) -> int:
    """Return in how many draws and days the backlog does not follow from the flows."""
    allocated = predictions["allocated"].sum("investigator")
    net = (predictions["received"] - predictions["removed"] - allocated).cumsum("date")
    return int((predictions["backlog"] != predictions["backlog_start"] + net).sum())


def wip_errors(predictions: xr.Dataset) -> int:
    net = (predictions["allocated"] - predictions["signed_off"]).cumsum("date")
    return int((predictions["wip"] != predictions["wip_start"] + net).sum())


def test_stocks_follow_from_flows_in_every_draw(predictions: xr.Dataset) -> None:
    assert backlog_errors(predictions) == 0
    assert wip_errors(predictions) == 0
    assert (predictions["backlog"] >= 0).all()
    assert (predictions["wip"] >= np.minimum(predictions["wip_start"], 0)).all()


def test_a_clipped_stock_breaks_the_identity(predictions: xr.Dataset) -> None:
    """The short cut that many forecasts take: cap the stock after the fact, and cases vanish."""
    clipped = predictions.assign(backlog=predictions["backlog"].clip(max=int(predictions["backlog_start"])))
    assert backlog_errors(clipped) > 0
    shifted = predictions.assign(signed_off=predictions["signed_off"].shift(date=1, fill_value=0))
    assert wip_errors(shifted) > 0


@pytest.mark.parametrize("week_shock", [True, False])
@pytest.mark.parametrize("slow_level", [True, False])
@pytest.mark.parametrize("day_shock", [True, False])
def test_every_switch_of_the_model_rolls_forward(
    small: Prepared, frame: FutureFrame, make_draws: MakeDraws, week_shock: bool, slow_level: bool, day_shock: bool
) -> None:
    spec = dataclasses.replace(small.spec, week_shock=week_shock, slow_level=slow_level, day_shock=day_shock)
    off = [] if week_shock else ["week_sd", "week_persistence", "week_effect"]
    off += [] if slow_level else ["level_sd", "slow_level"]
    draws = make_draws(**{name: np.zeros_like(getattr(make_draws(), name)) for name in off})
    rolled = roll_forward(draws, frame, small.design, spec, seed=1)
    assert backlog_errors(rolled) == wip_errors(rolled) == 0


@pytest.mark.parametrize("level", ["team", "role"])
@pytest.mark.parametrize("quantity", ["allocated", "signed_off", "wip"])
def test_people_add_up_to_groups_and_office_in_every_draw(predictions: xr.Dataset, quantity: str, level: str) -> None:
    groups = group_totals(predictions, quantity, level)
    assert (sum(groups.values()) == office_totals(predictions, quantity)).all()
    lost = {unit: values for unit, values in groups.items() if unit != max(groups, key=lambda u: groups[u].sum())}
    assert (sum(lost.values(), 0) != office_totals(predictions, quantity)).any()


def test_sum_of_quantiles_is_not_the_quantile_of_sums(predictions: xr.Dataset) -> None:
    """Why draws come before quantiles: people's upper quantiles add up to more than the office's."""
    people = np.quantile(predictions["wip"].isel(date=-1), 0.95, axis=(0, 1)).sum()
    assert people > 1.02 * np.quantile(office_totals(predictions, "wip")[:, -1], 0.95)


def test_nothing_happens_on_days_off(predictions: xr.Dataset, frame: FutureFrame) -> None:
    off = ~predictions["date"].isin(frame.dates)
    flows = predictions[["received", "removed", "allocated", "signed_off"]].sel(date=off)
    assert all(int(values.sum()) == 0 for values in flows.data_vars.values())
    assert predictions.sizes["date"] == 90


def test_nobody_picks_up_more_than_the_queue_holds(small: Prepared, frame: FutureFrame, make_draws: MakeDraws) -> None:
    draws = make_draws()
    eager = dataclasses.replace(draws, investigator_rate=draws.investigator_rate + 4.0)
    drained = roll_forward(eager, frame, small.design, small.spec, seed=1)
    assert backlog_errors(drained) == 0
    assert (drained["backlog"] >= 0).all()
    assert float((drained["backlog"].isel(date=-1) == 0).mean()) > 0.5


def test_same_seed_same_draws_and_streams_do_not_mix(
    small: Prepared, frame: FutureFrame, make_draws: MakeDraws, predictions: xr.Dataset
) -> None:
    again = roll_forward(make_draws(), frame, small.design, small.spec, seed=1)
    assert again.identical(predictions)
    assert not roll_forward(make_draws(), frame, small.design, small.spec, seed=2).equals(predictions)
    slower = dataclasses.replace(make_draws(), ramp=make_draws().ramp - 1.0)
    received = roll_forward(slower, frame, small.design, small.spec, seed=1)["received"]
    assert received.equals(predictions["received"])


def test_blocks_of_any_size_draw_the_same_future(
    small: Prepared,
    frame: FutureFrame,
    make_draws: MakeDraws,
    predictions: xr.Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A block that reused the first block's randomness would repeat draws; one that read on would change them."""
    monkeypatch.setattr(module, "BLOCK", 7)
    assert roll_forward(make_draws(), frame, small.design, small.spec, seed=1).identical(predictions)
    received = predictions["received"].to_numpy().reshape(60, -1)
    assert len(np.unique(received, axis=0)) == 60


def test_a_shorter_horizon_is_the_beginning_of_a_longer_one(
    small: Prepared, frame: FutureFrame, make_draws: MakeDraws, predictions: xr.Dataset
) -> None:
    """To the bit, so a question about next month need not forecast the quarter."""
    shorter = frame.until_month_of(frame.all_dates[30])
    month = shorter.all_dates[-1]
    assert month == frame.all_dates[30] + pd.offsets.MonthEnd(0) < frame.all_dates[-1]
    short = roll_forward(make_draws(), shorter, small.design, small.spec, seed=1)
    known = predictions.sel(date=slice(None, month))
    known["moved_on"] = known["moved_on"].where(known["moved_on"] <= np.datetime64(month))
    assert short.identical(known)
    assert not short.identical(predictions.isel(date=slice(-31, None)))


def newcomer_means(
    small: Prepared, frame: FutureFrame, draws: PosteriorDraws, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return log mean sign-offs of two people whom the fit has not seen, per draw, over 90 days."""
    strangers = frame.known.copy()
    strangers[:2] = -1
    fresh = dataclasses.replace(frame, known=strangers)
    many = np.maximum(fresh.wip_start, 10_000)
    rolled = roll_forward(draws, dataclasses.replace(fresh, wip_start=many), small.design, small.spec, seed)
    total = rolled["signed_off"].sum("date").transpose("chain", "draw", "investigator").to_numpy()
    return tuple(np.log1p(total.reshape(-1, total.shape[-1])[:, :2]).T)  # type: ignore[return-value]


def test_unseen_people_vary_like_the_population_and_independently(
    small: Prepared, frame: FutureFrame, make_draws: MakeDraws
) -> None:
    """Zero effects would give newcomers no spread of their own; one shared effect would make two of them move together.

    With 60 draws the correlation of independent people has a standard error of 0.13; the limit is 3 of those.
    """
    base = make_draws()
    flat = {
        "intercept": np.tile(base.intercept.mean(axis=0), (base.n, 1)) + np.array([0.0, 0.0, 0.0, 3.0]),
        "calendar": np.zeros_like(base.calendar),
        "shared_mean": np.zeros_like(base.shared_mean),
        "week_sd": np.zeros_like(base.week_sd),
        "week_effect": np.zeros_like(base.week_effect),
        "level_sd": np.zeros_like(base.level_sd),
        "slow_level": np.zeros_like(base.slow_level),
        "team_effect": np.zeros_like(base.team_effect),
        "role_effect": np.zeros_like(base.role_effect),
        "own_pace": np.zeros_like(base.own_pace),
        "elasticity": {},
        "dispersion": np.full_like(base.dispersion, 1e6),
        "concentration": np.full_like(base.concentration, 1e3),
    }
    first, second = newcomer_means(small, frame, make_draws(**flat), seed=4)
    assert abs(np.corrcoef(first, second)[0, 1]) < 3 / np.sqrt(base.n)
    assert 0.25 < first.std() < 0.6
    no_spread = make_draws(**flat, investigator_sd=np.zeros_like(base.investigator_sd))
    assert newcomer_means(small, frame, no_spread, seed=4)[0].std() < 0.1
