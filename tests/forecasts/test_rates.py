"""What decides the rates of a day: the states that flows answer to, and people's own pace."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.rates import Rates, State, future_rates, people_means, shares, this_morning
from bayes_backlog.forecasts.roll_forward import opening_state
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.draws import PosteriorDraws
from bayes_backlog.models.own_pace import HALF_LIFE_DAYS, Record

MakeDraws = Callable[..., PosteriorDraws]


def rates_of(small: Prepared, frame: FutureFrame, draws: PosteriorDraws) -> Rates:
    return future_rates(draws, frame, small.design, small.spec, seed=3)


def state_of(rates: Rates, wip: np.ndarray) -> State:
    n = rates.draws.n
    nothing = np.zeros(n)
    people = np.zeros((n, len(rates.spec.staff_flows), len(wip)))
    record = Record(people, people[:, 0])
    recent = np.zeros((n, 10), np.int32)
    return State(np.zeros(n, np.int32), np.tile(wip, (n, 1)), nothing, record, people, recent, {})


def test_training_days_know_what_those_present_hold(small: Prepared) -> None:
    """By hand, day by day: FTE times cases over FTE."""
    design, daily = small.design, small.panels.daily
    by_hand = []
    for date in design.dates:
        here = daily[(daily["date"] == date) & (daily["exposure"] > 0)]
        by_hand.append(np.log1p((here["exposure"] * here["wip_prev"].clip(lower=0)).sum() / here["exposure"].sum()))
    expected = np.array(by_hand, dtype=float)
    assert np.allclose(design.office_states["mean_wip"], expected - expected.mean())
    assert np.isclose(design.state_centre["mean_wip"], expected.mean())


def test_cases_of_the_absent_do_not_count(small: Prepared, frame: FutureFrame, make_draws: MakeDraws) -> None:
    exposure = frame.exposure.copy()
    exposure[0] = 0.0
    exposure[0, :2] = [1.0, 0.5]
    rates = rates_of(small, dataclasses.replace(frame, exposure=exposure), make_draws())
    wip = np.full(exposure.shape[1], 1000)
    wip[:2] = [10, 40]
    assert np.allclose(this_morning(rates, 0, state_of(rates, wip)).mean_wip, np.log1p((10 + 0.5 * 40) / 1.5))


def test_a_day_of_nobody_keeps_what_was_held(small: Prepared, frame: FutureFrame, make_draws: MakeDraws) -> None:
    exposure = frame.exposure.copy()
    exposure[0] = 0.0
    rates = rates_of(small, dataclasses.replace(frame, exposure=exposure), make_draws())
    before = dataclasses.replace(
        state_of(rates, np.zeros(exposure.shape[1], int)), mean_wip=np.full(rates.draws.n, 2.5)
    )
    assert np.array_equal(this_morning(rates, 0, before).mean_wip, before.mean_wip)


def test_an_office_that_holds_less_need_not_sign_off_less(
    small: Prepared, frame: FutureFrame, make_draws: MakeDraws
) -> None:
    """With opposite exponents everybody's holding half leaves the rates alone; without the office's they fall."""
    exponents = {pair: np.zeros(60) for pair in small.spec.elasticity_names()}
    exponents |= {("signed_off", "wip"): np.full(60, 0.8), ("signed_off", "mean_wip"): np.full(60, -0.8)}
    n_people = frame.exposure.shape[1]
    everybody = dataclasses.replace(frame, exposure=np.ones_like(frame.exposure))

    def fall(draws: PosteriorDraws) -> float:
        rates = rates_of(small, everybody, draws)
        full, half = (
            people_means(rates, "signed_off", 0, this_morning(rates, 0, state_of(rates, np.full(n_people, held))))
            for held in (399, 199)
        )
        return float((half.sum(axis=1) / full.sum(axis=1)).mean())

    assert np.isclose(fall(make_draws(elasticity=exponents)), 1.0)
    exponents[("signed_off", "mean_wip")] = np.zeros(60)
    assert np.isclose(fall(make_draws(elasticity=exponents)), 0.5**0.8)


def test_who_had_more_lately_has_a_larger_share_and_the_total_stays(
    small: Prepared, frame: FutureFrame, make_draws: MakeDraws
) -> None:
    everybody = dataclasses.replace(frame, exposure=np.ones_like(frame.exposure))
    rates = rates_of(small, everybody, make_draws(own_pace=np.full((60, 2), 0.5)))
    n_people = frame.exposure.shape[1]
    state = state_of(rates, np.full(n_people, 20))
    cases, fte = np.full_like(state.record.cases, 18.0), np.full_like(state.record.fte, 50.0)
    cases[..., 0] = 38.0
    state = this_morning(rates, 0, dataclasses.replace(state, record=Record(cases, fte)))
    assert np.allclose(np.exp(state.log_pace[..., 0]), 40.0 / (18.0 + 20.0 / n_people + 2.0))
    means = people_means(rates, "allocated", 0, state)
    with_pace = shares(rates, "allocated", state, means)
    without = shares(rates, "allocated", dataclasses.replace(state, log_pace=0 * state.log_pace), means)
    assert np.allclose(with_pace.sum(axis=1), 1.0)
    ratio = with_pace / without
    assert np.allclose(ratio[:, 0] / ratio[:, 1], np.sqrt(40.0 / 20.0))


def test_pace_is_known_before_a_week_and_not_changed_within_it(
    small: Prepared, frame: FutureFrame, make_draws: MakeDraws
) -> None:
    rates = rates_of(small, frame, make_draws())
    weeks = frame.week_of_day
    monday = int(np.flatnonzero(np.diff(weeks))[0]) + 1
    busy = state_of(rates, np.full(frame.exposure.shape[1], 20))
    cases = np.random.default_rng(2).gamma(3.0, size=busy.log_pace.shape)
    later = dataclasses.replace(busy, record=busy.record.a_day_later(cases, np.ones_like(busy.record.fte)))
    assert np.array_equal(this_morning(rates, monday + 1, later).log_pace, busy.log_pace)
    assert not np.allclose(this_morning(rates, monday, later).log_pace, busy.log_pace)


def test_the_forecast_begins_where_the_training_days_end(
    small: Prepared, frame: FutureFrame, make_draws: MakeDraws
) -> None:
    """The pace of the first day ahead is that of the days before, by hand from the daily panel."""
    rates, daily = rates_of(small, frame, make_draws()), small.panels.daily
    opening = this_morning(rates, 0, opening_state(rates))
    age = len(small.design.dates) - 1 - small.design.dates.get_indexer(daily["date"])
    here = daily["investigator"].isin(np.array(frame.investigators)[frame.exposure[0] > 0])
    own = daily["investigator"] == frame.investigators[0]

    def log_part(weight: np.ndarray) -> float:
        weighted = daily[["allocated", "exposure"]].mul(weight, axis=0)
        rate = weighted.loc[here, "allocated"].sum() / weighted.loc[here, "exposure"].sum()
        return float(
            np.log((weighted.loc[own, "allocated"].sum() + 2) / (rate * weighted.loc[own, "exposure"].sum() + 2))
        )

    expected = log_part(0.5 ** (age / HALF_LIFE_DAYS))
    assert np.allclose(opening.log_pace[:, 0, 0], expected)
