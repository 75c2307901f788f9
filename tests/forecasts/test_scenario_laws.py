"""Laws of scenarios, each beside a broken twin that turns it red."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_backlog.assumptions import Clearing, FteChange, Joiners, Leaver, RateChange, Scenario, Staffing
from bayes_backlog.errors import RunError
from bayes_backlog.forecasts.assumed import with_scenario, with_staffing
from bayes_backlog.forecasts.differences import difference_table
from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.rates import future_rates
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.tables import group_totals, office_totals
from bayes_backlog.forecasts.turnover import Turnover
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.draws import PosteriorDraws

Roll = Callable[..., xr.Dataset]
PER_PERSON = ("allocated", "signed_off", "wip")


@pytest.fixture(scope="module")
def roll(small: Prepared, make_draws: Callable[..., PosteriorDraws]) -> Roll:
    draws = make_draws()

    def forecast(frame: FutureFrame, seed: int = 1, draws: PosteriorDraws = draws) -> xr.Dataset:
        return roll_forward(draws, frame, small.design, small.spec, seed)

    return forecast


@pytest.fixture(scope="module")
def base(roll: Roll, frame: FutureFrame) -> xr.Dataset:
    return roll(frame)


@pytest.fixture(scope="module")
def apply(small: Prepared, frame: FutureFrame) -> Callable[..., FutureFrame]:
    def changed(**settings: object) -> FutureFrame:
        scenario = Scenario.model_validate({"name": "changed", **settings})
        return with_scenario(frame, scenario, small.panels.roster)

    return changed


def joiners(frame: FutureFrame, number: int = 1) -> Joiners:
    return Joiners(team="Team 1", role="EO", first_date=frame.all_dates[0].date(), number=number)


def never_higher(changed: xr.Dataset, base: xr.Dataset) -> bool:
    """Return whether the mean backlog is at no close higher than the base's."""
    mean = [office_totals(predictions, "backlog").mean(axis=0) for predictions in (changed, base)]
    return bool((mean[0] <= mean[1]).all())


def identities_hold(predictions: xr.Dataset) -> bool:
    """Return whether stocks follow from flows in every draw, on every day, office and person."""
    office = predictions["received"] - predictions["removed"] - predictions["allocated"].sum("investigator")
    person = predictions["allocated"] - predictions["signed_off"] + predictions["taken_over"]
    person = person - predictions["handed_over"]
    backlog = predictions["backlog_start"] + office.cumsum("date")
    wip = predictions["wip_start"] + person.cumsum("date")
    moved = (predictions["taken_over"].sum("investigator") == predictions["handed_over"].sum("investigator")).all()
    return bool((predictions["backlog"] == backlog).all() & (predictions["wip"] == wip).all() & moved)


def test_a_scenario_that_changes_nothing_is_the_base_to_the_bit(
    roll: Roll, base: xr.Dataset, apply: Callable[..., FutureFrame]
) -> None:
    """Also one that says so at length; the twin draws anew, as an unpaired comparison would."""
    assert roll(apply()).identical(base)
    at_length = apply(
        fte_changes=[FteChange(factor=1.0)], rates=[RateChange(flow="received", factor=1.0)], wip_limit=10**6
    )
    assert roll(at_length).identical(base)
    assert not roll(apply(), seed=2).equals(base)


@pytest.mark.parametrize("fte", [1.0, 0.05])
def test_more_fte_never_raises_the_mean_backlog(
    roll: Roll, base: xr.Dataset, frame: FutureFrame, apply: Callable[..., FutureFrame], fte: float
) -> None:
    """Not even a twentieth of one, which futures that are not paired cannot tell from their noise."""
    more = apply(joiners=[joiners(frame).model_copy(update={"fte": fte})])
    assert never_higher(roll(more), base)
    assert not never_higher(base, roll(more))


def test_unpaired_futures_break_that_law(
    roll: Roll, base: xr.Dataset, frame: FutureFrame, apply: Callable[..., FutureFrame]
) -> None:
    more = apply(joiners=[joiners(frame).model_copy(update={"fte": 0.05})])
    assert not all(never_higher(roll(more, seed=seed), base) for seed in (2, 3, 4))


@pytest.mark.parametrize(
    "better",
    [
        {"rates": [RateChange(flow="received", factor=0.9)]},
        {"rates": [RateChange(flow="allocated", factor=1.1)]},
        {"fte_changes": [FteChange(factor=1.1)]},
    ],
)
def test_less_work_or_more_of_it_done_never_raises_it_either(
    roll: Roll, base: xr.Dataset, apply: Callable[..., FutureFrame], better: dict[str, object]
) -> None:
    changed = roll(apply(**better))
    assert never_higher(changed, base)
    assert not never_higher(base, changed)


def test_pairing_makes_differences_sharper(
    roll: Roll, base: xr.Dataset, frame: FutureFrame, apply: Callable[..., FutureFrame]
) -> None:
    """What one more investigator does is seen through the noise that both futures share; unpaired it is not."""
    one_more = apply(joiners=[joiners(frame)])
    paired, unpaired = (
        (office_totals(roll(one_more, seed=seed), "backlog") - office_totals(base, "backlog"))[:, -1].std()
        for seed in (1, 2)
    )
    assert paired < 0.7 * unpaired


@pytest.mark.parametrize("assumed", ["leavers", "turnover", "all at once"])
def test_stocks_follow_from_flows_in_every_scenario(
    small: Prepared, roll: Roll, frame: FutureFrame, apply: Callable[..., FutureFrame], assumed: str
) -> None:
    someone = frame.investigators[int(np.argmax(frame.wip_start * frame.exposure[0]))]
    last = (frame.as_of + timedelta(days=10)).date()
    settings: dict[str, dict[str, object]] = {
        "leavers": {"leavers": [Leaver(investigator=someone, last_date=last)]},
        "turnover": {"annual_leaving_rate": 2.0},
        "all at once": {
            "leavers": [Leaver(investigator=someone, last_date=last)],
            "joiners": [joiners(frame, 2)],
            "rates": [RateChange(flow="received", add=3.0)],
            "clearings": [Clearing(day=last, cases=10_000)],
            "wip_limit": 5,
        },
    }
    predictions = roll(apply(**settings[assumed]))
    assert identities_hold(predictions)
    assert int(predictions["handed_over"].sum()) > 0
    for quantity in PER_PERSON:
        for level in ("team", "role"):
            groups = group_totals(predictions, quantity, level)
            assert (sum(groups.values()) == office_totals(predictions, quantity)).all()
    left_behind = predictions.assign(taken_over=predictions["taken_over"] * 0)
    assert not identities_hold(left_behind)


def test_a_queue_clipped_after_the_fact_loses_count(
    roll: Roll, frame: FutureFrame, make_draws: Callable[..., PosteriorDraws]
) -> None:
    """The twin draws flows that do not know what is waiting, adds them up and cuts what fell below zero.

    Without the cut its stocks follow from its flows, so the cut is what the check sees, and the queue is negative.
    """
    like = make_draws()
    eager = make_draws(investigator_rate=like.investigator_rate + 4.0, elasticity={})
    assert identities_hold(roll(frame, draws=eager))
    uncapped = roll(dataclasses.replace(frame, backlog_start=1_000_000), draws=eager)
    uncapped = uncapped.assign(backlog_start=frame.backlog_start)
    net = uncapped["received"] - uncapped["removed"] - uncapped["allocated"].sum("investigator")
    queue = uncapped["backlog_start"] + net.cumsum("date")
    assert not identities_hold(uncapped.assign(backlog=queue.clip(0)))
    assert identities_hold(uncapped.assign(backlog=queue))
    assert (queue < 0).any()


def test_a_leaver_s_cases_go_to_the_team_and_wait_with_nobody(
    small: Prepared, roll: Roll, base: xr.Dataset, frame: FutureFrame
) -> None:
    who = int(np.argmax(frame.wip_start * frame.exposure[0]))
    last = frame.as_of + timedelta(days=10)
    leaver = Leaver(investigator=frame.investigators[who], last_date=last.date())
    left = roll(with_staffing(frame, Staffing(leavers=(leaver,)), small.panels.roster))
    after = left["date"] > last
    assert (left["wip"].isel(investigator=who).sel(date=after).isel(date=slice(3, None)) == 0).all()
    assert (base["wip"].isel(investigator=who, date=-1) > 0).any()
    first_day = frame.dates[frame.dates > last][0]
    heirs = left["taken_over"].sel(date=first_day)
    team = left["team"].sel(date=first_day)
    moved = left["moved_on"] <= np.datetime64(first_day)
    team = team.where(~moved, left["place"].isel(place=left["moved_to"]))
    present = xr.DataArray(frame.exposure[frame.dates.get_loc(first_day)] > 0, dims="investigator")
    mates = (team == team.isel(investigator=who, drop=True)) & present
    assert int(heirs.sum()) > 0
    assert int(heirs.where(~mates, 0).sum()) == 0
    assert bool(moved.any())


def test_cleared_cases_leave_the_queue_that_is_there(
    roll: Roll, base: xr.Dataset, frame: FutureFrame, apply: Callable[..., FutureFrame]
) -> None:
    """A clearing of 5 takes 5 on its day; one of far too many empties the queue, and never takes more."""
    day = frame.dates[4]
    few, many = (roll(apply(clearings=[Clearing(day=day.date(), cases=cases)])) for cases in (5, 10_000))
    waiting = base["backlog"].sel(date=frame.dates[3]) + base["received"].sel(date=day)
    extra = few["removed"].sel(date=day) - base["removed"].sel(date=day)
    assert (extra == 5).where(waiting > 20, True).all()
    assert (many["removed"].sel(date=day) == waiting).all()
    assert identities_hold(many)


def test_nobody_picks_up_beyond_the_limit(
    roll: Roll, base: xr.Dataset, frame: FutureFrame, apply: Callable[..., FutureFrame]
) -> None:
    limited = roll(apply(wip_limit=6))
    highest = np.maximum(frame.wip_start, 6)
    assert (limited["wip"] <= xr.DataArray(highest, dims="investigator")).all()
    assert (base["wip"] > xr.DataArray(highest, dims="investigator")).any()
    assert never_higher(base, limited)


def test_turnover_leaves_at_its_rate_and_one_by_one(
    small: Prepared, frame: FutureFrame, make_draws: Callable[..., PosteriorDraws]
) -> None:
    """At 1 a year, a share of 1 - exp(-t) has left by the end; leavers of one draw are independent of each other."""
    leaving_frame = dataclasses.replace(frame, turnover=Turnover(1.0))
    draws = make_draws(n=2000)
    left = future_rates(draws, leaving_frame, small.design, small.spec, seed=1).leaving < frame.leaving
    present = frame.leaving == len(frame.dates)
    share = 1 - np.exp(-(frame.dates[-1] - frame.as_of).days / 365.25)
    n = left[:, present].size
    assert left[:, present].mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / n))
    first, second = left[:, np.flatnonzero(present)[:2]].T
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(2000)
    uncertain = dataclasses.replace(frame, turnover=Turnover(1.0, n_seen=2.0))
    shared = future_rates(draws, uncertain, small.design, small.spec, seed=1).leaving < frame.leaving
    # A rate that is itself uncertain is shared by all, so the number of leavers varies more.
    assert shared[:, present].sum(axis=1).var() > 1.2 * left[:, present].sum(axis=1).var()


def newcomers(small: Prepared, frame: FutureFrame, draws: PosteriorDraws) -> np.ndarray:
    """Return (n, 2) log sign-off rates of two joiners, minus what their place and the office give them."""
    staffing = Staffing(joiners=(joiners(frame, 2),))
    joined = with_staffing(frame, staffing, small.panels.roster)
    rates = future_rates(draws, joined, small.design, small.spec, seed=1)
    k = small.spec.staff_flows.index("signed_off")
    own = rates.log_person[:, k, -2:] - draws.intercept[:, len(small.spec.office_flows) + k, None]
    return np.asarray(own)


def is_a_population(effects: np.ndarray, sd: float) -> bool:
    """Return whether effects (n, m) have the sd of the population, and its m members' are independent (4 errors)."""
    n, m = effects.shape
    spread = np.all(np.abs(effects.std(axis=0) / sd - 1) < 4 / np.sqrt(2 * n))
    return bool(spread and np.abs(np.corrcoef(effects.T) - np.eye(m)).max() < 4 / np.sqrt(n))


def twins(effects: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what libraries do instead: no effect at all, one effect for all newcomers, one effect for all draws."""
    hardly = 1e-9 * effects
    return hardly, effects[:, :1] + hardly, effects[:1] + hardly


def test_newcomers_are_drawn_from_the_population_one_by_one(
    small: Prepared, frame: FutureFrame, make_draws: Callable[..., PosteriorDraws]
) -> None:
    effects = newcomers(small, frame, make_draws(n=2000))
    assert is_a_population(effects, sd=0.4)
    assert not any(is_a_population(twin, sd=0.4) for twin in twins(effects))


@pytest.mark.parametrize("flow", ["allocated", "signed_off"])
def test_new_teams_and_roles_are_drawn_from_theirs_one_by_one(
    small: Prepared, frame: FutureFrame, make_draws: Callable[..., PosteriorDraws], flow: str
) -> None:
    """Two of each, of the same names: a team and a role have nothing in common either."""
    staffing = Staffing(
        joiners=tuple(
            joiners(frame).model_copy(update={"team": name, "role": name, "is_new_place": True})
            for name in ("Task force", "Night shift")
        )
    )
    places = with_staffing(frame, staffing, small.panels.roster)
    draws = make_draws(n=2000, team_sd=np.full((2000, 2), 0.1), role_sd=np.full((2000, 2), 0.3))
    rates = future_rates(draws, places, small.design, small.spec, seed=1)
    k = small.spec.staff_flows.index(flow)
    team, role = rates.team_effect[:, k, -2:], rates.role_effect[:, k, -2:]
    assert rates.team_effect.shape[2] == draws.team_effect.shape[2] + 2 == len(places.teams)
    for effects, sd in ((team, 0.1), (role, 0.3)):
        assert is_a_population(effects, sd)
        assert not any(is_a_population(twin, sd) for twin in twins(effects))
    assert is_a_population(np.hstack([team / 0.1, role / 0.3]), sd=1.0)
    assert not is_a_population(np.hstack([team, team]) / 0.1, sd=1.0)


def test_a_newcomer_is_the_same_whoever_else_joins(
    small: Prepared, frame: FutureFrame, make_draws: Callable[..., PosteriorDraws]
) -> None:
    draws = make_draws()

    def effect(place: int, *others: Joiners) -> np.ndarray:
        joined = with_staffing(frame, Staffing(joiners=(*others, joiners(frame))), small.panels.roster)
        return future_rates(draws, joined, small.design, small.spec, seed=1).log_person[:, 0, place]

    elsewhere = joiners(frame, 3).model_copy(update={"team": "Team 2"})
    assert np.array_equal(effect(-1), effect(-1, elsewhere))
    assert not np.array_equal(effect(-1, elsewhere), effect(-2, elsewhere))


def test_differences_are_of_draws_and_need_the_same_ones(
    roll: Roll, base: xr.Dataset, frame: FutureFrame, apply: Callable[..., FutureFrame]
) -> None:
    changed = roll(apply(joiners=[joiners(frame, 3)]))
    table = difference_table(changed, base, frame.as_of)
    last = table[table["target_date"] == table["target_date"].max()].set_index(["quantity", "level", "unit"])
    change = (office_totals(changed, "backlog") - office_totals(base, "backlog"))[:, -1]
    row = last.loc[("backlog", "office", "office")]
    assert row["mean"] == pytest.approx(change.mean(), abs=1e-3)
    assert row["q90"] == pytest.approx(np.quantile(change, 0.9), abs=1e-3)
    assert row["p_lower"] == pytest.approx((change < 0).mean(), abs=1e-4)
    quantiles = np.quantile(office_totals(changed, "backlog")[:, -1], 0.9)
    assert row["q90"] != pytest.approx(quantiles - np.quantile(office_totals(base, "backlog")[:, -1], 0.9), abs=0.5)
    assert (last.xs("received", level="quantity")["mean"] == 0).all()
    assert set(last.index.get_level_values("level")) == {"office", "team", "role"}
    same = difference_table(base, base, frame.as_of)
    assert (same[["mean", "q05", "q95", "p_lower", "p_higher"]] == 0).all(axis=None)
    with pytest.raises(RunError, match="cannot be paired"):
        difference_table(changed.isel(draw=slice(5)), base, frame.as_of)


def test_a_new_team_stands_against_nothing(
    small: Prepared, roll: Roll, base: xr.Dataset, frame: FutureFrame, apply: Callable[..., FutureFrame]
) -> None:
    joiner = joiners(frame).model_copy(update={"team": "Task force", "is_new_place": True})
    table = difference_table(roll(apply(joiners=[joiner])), base, frame.as_of)
    picked = table[(table["unit"] == "Task force") & (table["quantity"] == "allocated")]
    assert picked["p_higher"].iloc[-1] > 0.5
    assert pd.notna(picked["mean"]).all()
