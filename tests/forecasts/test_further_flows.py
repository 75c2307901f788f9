"""Further flows of a forecast: counted in every draw, answering to the work in progress, answered to by nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from bayes_backlog import config
from bayes_backlog.config import Config
from bayes_backlog.forecasts.differences import difference_table
from bayes_backlog.forecasts.future import FutureFrame, build_future_frame
from bayes_backlog.forecasts.periods import period_table
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.tables import flow_table, flows_in, office_totals
from bayes_backlog.forecasts.unit_paths import model_paths
from bayes_backlog.inference.checks import aggregate_verdicts, replicate_flows
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.design import build_design
from bayes_backlog.models.draws import PosteriorDraws
from bayes_backlog.models.spec import spec_from_config
from bayes_backlog.panels import Panels

FURTHER = ("closed", "legal_requested", "court_order")
MOVING = ("received", "removed", "allocated", "signed_off", "backlog", "wip")

Roll = Callable[..., xr.Dataset]


@pytest.fixture(scope="module")
def told(small_panels: Panels) -> Prepared:
    """The small office with three further flows, however few their events."""
    spec = spec_from_config(config.Model(), has_removed=True, further=FURTHER)
    return Prepared(small_panels, spec, build_design(small_panels, spec))


@pytest.fixture(scope="module")
def told_frame(told: Prepared, small_config: Config) -> FutureFrame:
    return build_future_frame(told.panels, told.design, told.spec, small_config.calendar, 90)


@pytest.fixture(scope="module")
def draws(told: Prepared, make_draws: Callable[..., PosteriorDraws]) -> PosteriorDraws:
    return make_draws(told)


@pytest.fixture(scope="module")
def roll(told: Prepared, told_frame: FutureFrame, draws: PosteriorDraws) -> Roll:
    def forecast(frame: FutureFrame = told_frame, draws: PosteriorDraws = draws) -> xr.Dataset:
        return roll_forward(draws, frame, told.design, told.spec, 1)

    return forecast


@pytest.fixture(scope="module")
def predictions(roll: Roll) -> xr.Dataset:
    return roll()


def test_they_are_counted_on_working_days_in_every_draw(predictions: xr.Dataset, told_frame: FutureFrame) -> None:
    off = ~predictions["date"].isin(told_frame.dates)
    for flow in FURTHER:
        assert predictions[flow].dtype == np.int32
        assert predictions[flow].dims == ("chain", "draw", "date")
        assert int(predictions[flow].sum()) > 0
        assert int(predictions[flow].sel(date=off).sum()) == 0


def test_nothing_answers_to_them(roll: Roll, predictions: xr.Dataset, told: Prepared, draws: PosteriorDraws) -> None:
    """Ten times as many court orders change no other number; ten times as many arrivals, the twin, change many."""

    def busier(flow: str) -> xr.Dataset:
        intercept = draws.intercept.copy()
        intercept[:, told.spec.flows.index(flow)] += np.log(10)
        return roll(draws=dataclasses.replace(draws, intercept=intercept))

    more = busier("court_order")
    assert int(more["court_order"].sum()) > 5 * int(predictions["court_order"].sum())
    assert more.drop_vars("court_order").identical(predictions.drop_vars("court_order"))
    assert not busier("received")["backlog"].equals(predictions["backlog"])


def test_they_answer_to_the_work_in_progress_of_the_office(
    roll: Roll, predictions: xr.Dataset, told_frame: FutureFrame, draws: PosteriorDraws
) -> None:
    """Twice the cases in work at the start: 2^0.5 times the orders at first; an elasticity of none, the twin, none."""
    laden = dataclasses.replace(told_frame, wip_start=2 * told_frame.wip_start)

    def orders(predictions: xr.Dataset) -> int:
        return int(predictions["court_order"].isel(date=slice(10)).sum())

    assert orders(roll(frame=laden)) > 1.2 * orders(predictions)
    others = {pair: values for pair, values in draws.elasticity.items() if pair[0] not in FURTHER}
    deaf = dataclasses.replace(draws, elasticity=others)
    assert orders(roll(frame=laden, draws=deaf)) == orders(roll(draws=deaf))


def test_every_table_of_the_forecast_has_them(predictions: xr.Dataset, told_frame: FutureFrame) -> None:
    assert flows_in(predictions)[-3:] == FURTHER
    assert flows_in(predictions[list(MOVING)]) == MOVING[:4]
    daily = flow_table(predictions, told_frame.as_of)
    assert set(daily.loc[daily["flow"] == "court_order", "level"]) == {"office"}
    paths = model_paths("m", predictions, told_frame.dates)
    assert ("court_order", "office", "office") in {found.key for found in paths.units}
    last = next(found for found in paths.units if found.quantity == "court_order").draws[:, -1]
    assert (last == office_totals(predictions, "court_order").sum(axis=1)).all()
    months = period_table(predictions, "month").query("quantity == 'court_order'")
    assert months["mean"].sum() == pytest.approx(last.mean(), abs=0.01)
    same = difference_table(predictions, predictions, told_frame.as_of).query("quantity == 'court_order'")
    assert len(same) == predictions.sizes["date"]
    assert (same[["mean", "q05", "q95"]] == 0).all(axis=None)


def test_they_are_checked_like_any_flow_of_the_office(told: Prepared, draws: PosteriorDraws) -> None:
    verdicts, _ = aggregate_verdicts(replicate_flows(draws, told.design, told.spec, 1), told.design, told.spec)
    assert {"court_order day_sd", "court_order week_sd"} <= {verdict.check for verdict in verdicts}
