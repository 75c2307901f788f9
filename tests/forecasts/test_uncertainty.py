"""The split of the variance on offices so plain that every share is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.forecasts import paired, rates, staff_changes, uncertainty
from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.paired import Reseeded, stream
from bayes_backlog.forecasts.roll_forward import draw_chances, roll_forward
from bayes_backlog.forecasts.turnover import Turnover
from bayes_backlog.forecasts.uncertainty import COLUMNS, COMPONENTS, STREAMS, uncertainty_split
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.draws import PosteriorDraws
from bayes_backlog.vocabulary import FURTHER_FLOWS

MakeDraws = Callable[..., PosteriorDraws]

N = 400
MONTH = 28
DISPERSION = 4.0


@pytest.fixture(scope="module")
def month(frame: FutureFrame) -> FutureFrame:
    """Four weeks that begin with more waiting than anybody can start and more in progress than anybody can end."""
    days = frame.dates < frame.all_dates[MONTH]
    by_day = {name: getattr(frame, name)[days] for name in ("calendar", "week_of_day", "team", "role", "ramp")}
    return dataclasses.replace(
        frame,
        all_dates=frame.all_dates[:MONTH],
        dates=frame.dates[days],
        exposure=np.ones_like(frame.exposure[days]),
        backlog_start=10**6,
        wip_start=np.full_like(frame.wip_start, 10**5),
        moving=dataclasses.replace(frame.moving, turnover=Turnover()),
        **by_day,
    )


@pytest.fixture(scope="module")
def plain(make_draws: MakeDraws) -> Callable[..., PosteriorDraws]:
    """N times the same parameters, no week, level, state or calendar effect: what is replaced is all that is random."""

    def make(**replaced: np.ndarray) -> PosteriorDraws:
        one = make_draws().rows(np.zeros(N, np.int64))
        names = ("calendar", "week_sd", "week_effect", "level_sd", "slow_level", "shared_mean", "team_effect", "ramp")
        still = {name: np.zeros_like(getattr(one, name)) for name in (*names, "role_effect")}
        rates = {"investigator_rate": np.full_like(one.investigator_rate, -1.0), "elasticity": {}}
        return dataclasses.replace(one, **(still | rates | replaced), chains=1)

    return make


def split(draws: PosteriorDraws, month: FutureFrame, small: Prepared, seed: int = 3) -> pd.DataFrame:
    table = uncertainty_split(draws, month, small.design, small.spec, seed)
    last = table[table["horizon_days"] == MONTH]
    return last.set_index(["quantity", "component"])


def assert_all_of_it(found: pd.DataFrame, quantity: str, component: str) -> None:
    share, error = found.loc[(quantity, component), ["share", "standard_error"]]
    assert share == pytest.approx(1, abs=4 * error)
    assert error < 0.1


def test_counts_and_days_share_what_is_left_when_all_else_is_known(
    plain: MakeDraws, month: FutureFrame, small: Prepared
) -> None:
    """Of a day's variance mu + mu^2 / dispersion, mu is the counts' and the rest the day's."""
    draws = plain(dispersion=np.full((N, len(small.spec.flows)), DISPERSION))
    found = split(draws, month, small)
    mean = len(month.investigators) * np.exp(-1.0)
    parts = found.loc["allocated", "share"]
    assert parts["counts"] / (parts["counts"] + parts["day"]) == pytest.approx(1 / (1 + mean / DISPERSION), abs=0.1)
    assert set(found.loc["allocated"].index) == {"counts", "day", "inflow", "interaction"}
    assert found.loc[("allocated", "inflow"), "share"] == 0
    assert_all_of_it(found, "received", "inflow")
    assert_all_of_it(
        found[["share", "standard_error"]].rename(index={"day": "counts"}).groupby(level=[0, 1]).sum(),
        "allocated",
        "counts",
    )


def test_parameters_explain_the_variance_of_the_mean(plain: MakeDraws, month: FutureFrame, small: Prepared) -> None:
    """Poisson counts of a rate that differs by draw: Var = T^2 Var(rate) + T E(rate), worked out from the draws."""
    spread = 0.15 * np.random.default_rng(8).standard_normal(N)
    own = plain().investigator_rate + spread[:, None, None]
    draws = plain(investigator_rate=own, dispersion=np.full((N, len(small.spec.flows)), paired.MAX_DISPERSION))
    found = split(draws, month, small)
    known = np.array([name >= 0 for name in month.known])
    assert known.all()
    mean = len(month.dates) * np.exp(own[:, 0, month.known]).sum(axis=1)
    expected = mean.var() / (mean.var() + mean.mean())
    share = found.loc[("allocated", "parameters")]
    assert 0.3 < expected < 0.7
    assert share["share"] == pytest.approx(expected, abs=4 * share["standard_error"])
    assert share["standard_error"] < 0.06


def test_weeks_and_levels_are_told_apart_and_inflow_has_its_own(
    plain: MakeDraws, month: FutureFrame, small: Prepared
) -> None:
    shape = (N, len(small.spec.flows))
    still = {"dispersion": np.full(shape, paired.MAX_DISPERSION), "week_persistence": np.full(shape, 0.5)}
    week, level = (
        split(plain(**{name: np.full(shape, 1.0)}, **still), month, small) for name in ("week_sd", "level_sd")
    )
    assert week.loc[("allocated", "week"), "share"] > 0.7
    assert ("allocated", "level") not in week.index
    assert_all_of_it(week, "received", "inflow")
    assert week.loc[("received", "week"), "share"] == 0
    # Whether the next knot lies within the month depends on the frame; if so, weeks have no part in it.
    assert ("allocated", "week") not in level.index


def test_shares_add_up_to_one(make_draws: MakeDraws, frame: FutureFrame, small: Prepared) -> None:
    table = uncertainty_split(make_draws(), frame, small.design, small.spec, 3)
    assert tuple(table) == COLUMNS
    sums = table.groupby(["quantity", "horizon_days"])["share"].sum()
    np.testing.assert_allclose(sums, 1)
    assert sums.index.get_level_values("horizon_days").max() == 90
    assert set(table["component"]) == {*COMPONENTS, "day", "interaction"}
    settled = dataclasses.replace(frame, moving=dataclasses.replace(frame.moving, turnover=Turnover()))
    assert "staff" not in set(uncertainty_split(make_draws(), settled, small.design, small.spec, 3)["component"])


def test_the_first_future_is_the_published_one(make_draws: MakeDraws, frame: FutureFrame, small: Prepared) -> None:
    """What is split is the forecast itself: with nothing drawn anew its draws come back."""
    published = roll_forward(make_draws(), frame, small.design, small.spec, seed=3)
    futures = uncertainty.Futures(
        make_draws(), np.arange(make_draws().n), frame, small.design, small.spec, 3, np.array([89])
    )
    again = futures.totals(frozenset())
    assert (again[:, 0, 0] == published["backlog"].isel(date=89).to_numpy().ravel()).all()
    other = futures.totals(frozenset({"week"}))
    assert (other[:, 0, 0] != again[:, 0, 0]).mean() > 0.5
    # Weeks drawn anew leave the arrivals of every draw as they were: their weeks belong to the inflow.
    assert (other[:, uncertainty.QUANTITIES.index("received")] == again[:, 2]).all()


def test_every_random_stream_belongs_to_a_component(
    make_draws: MakeDraws, frame: FutureFrame, small: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that no component redraws would pass for certainty."""
    names = set()

    def recorded(seed: paired.Seed, *name: str) -> np.random.Generator:
        names.add(name[0])
        return stream(seed, *name)

    monkeypatch.setattr(paired, "stream", recorded)
    monkeypatch.setattr(rates, "stream", recorded)
    monkeypatch.setattr(staff_changes, "stream", recorded)
    newcomers = dataclasses.replace(frame, known=np.full_like(frame.known, -1), turnover=Turnover(0.5, n_seen=3.0))
    roll_forward(make_draws(), newcomers, small.design, small.spec, seed=3)
    assert names - {"received"} == set().union(*STREAMS.values()) - set(FURTHER_FLOWS)
    names.clear()
    spec = dataclasses.replace(small.spec, office_flows=(*small.spec.office_flows, *FURTHER_FLOWS))
    draw_chances(3, newcomers, spec, seed=3)
    assert names >= set(FURTHER_FLOWS)
    assert set(FURTHER_FLOWS) <= STREAMS["counts"]


def test_only_the_streams_named_are_drawn_anew() -> None:
    both = Reseeded(1, 2, frozenset({"week"}))
    assert stream(both, "week", "x").random() == stream(2, "week", "x").random()
    assert stream(both, "level").random() == stream(1, "level").random() != stream(2, "level").random()


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_what_weeks_owe_to_those_of_arrivals_is_inflow(
    plain: MakeDraws, month: FutureFrame, small: Prepared, correlation: float
) -> None:
    """Of the variance of an allocated week a share of correlation^2 is the arrivals'."""
    shape = (N, len(small.spec.flows))
    together = np.tile(np.eye(shape[1]), (N, 1, 1))
    i, j = (small.spec.flows.index(flow) for flow in ("received", "allocated"))
    together[:, i, j] = together[:, j, i] = correlation
    still = {"dispersion": np.full(shape, paired.MAX_DISPERSION), "week_persistence": np.full(shape, 0.5)}
    found = split(plain(week_sd=np.full(shape, 0.3), week_correlation=together, **still), month, small)
    inflow, week = (found.loc[("allocated", name)] for name in ("inflow", "week"))
    weeks = inflow["share"] + week["share"]
    assert weeks > 0.5
    assert inflow["share"] == pytest.approx(correlation**2 * weeks, abs=4 * inflow["standard_error"])
    assert inflow["standard_error"] < 0.1
    assert_all_of_it(found, "received", "inflow")
