"""Who moves to which team: at the rate, to the places and with the cases that are meant, draw by draw."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from bayes_backlog.assumptions import Staffing
from bayes_backlog.forecasts.assumed import with_staffing
from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.rates import future_rates, people_means
from bayes_backlog.forecasts.roll_forward import opening_state, roll_forward
from bayes_backlog.forecasts.staff_changes import draw_moves
from bayes_backlog.forecasts.tables import flat, group_totals, office_totals
from bayes_backlog.forecasts.turnover import Turnover
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.draws import PosteriorDraws

N = 4000


def with_rate(frame: FutureFrame, rate: float, **changes: object) -> FutureFrame:
    moving = dataclasses.replace(frame.moving, turnover=Turnover(rate), **changes)
    return dataclasses.replace(frame, moving=moving)


@pytest.fixture(scope="module")
def movable(frame: FutureFrame) -> np.ndarray:
    return np.flatnonzero([name not in frame.moving.placed for name in frame.investigators])


def test_moves_come_at_their_rate_and_one_by_one(frame: FutureFrame, movable: np.ndarray) -> None:
    """At 1 a year a share of 1 - exp(-t) has moved by the end, within 4 Monte-Carlo standard errors."""
    moved = draw_moves(N, with_rate(frame, 1.0), seed=1).day[:, movable] < len(frame.dates)
    share = 1 - np.exp(-(frame.dates[-1] - frame.as_of).days / 365.25)
    assert moved.mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / moved.size))
    first, second = moved[:, :2].T
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(N)


def test_an_uncertain_rate_is_shared(frame: FutureFrame, movable: np.ndarray) -> None:
    unsure = dataclasses.replace(frame, moving=dataclasses.replace(frame.moving, turnover=Turnover(1.0, n_seen=2.0)))
    counts = [
        (draw_moves(N, of, seed=1).day[:, movable] < len(frame.dates)).sum(axis=1)
        for of in (with_rate(frame, 1.0), unsure)
    ]
    assert counts[1].var() > 1.2 * counts[0].var()


def test_places_draw_by_their_people_and_never_to_themselves(frame: FutureFrame, movable: np.ndarray) -> None:
    """All sit in the first team; of those who move three quarters go where three quarters of the others sit."""
    three = dataclasses.replace(frame, teams=("A", "B", "C"), team=np.zeros_like(frame.team))
    moves = draw_moves(N, with_rate(three, 4.0, people=np.array([4, 3, 1])), seed=2)
    went = moves.team[:, movable][moves.day[:, movable] < len(frame.dates)]
    assert (went != 0).all()
    assert (went == 1).mean() == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / went.size))


def test_teams_of_unequal_size_keep_their_size(frame: FutureFrame, movable: np.ndarray) -> None:
    """As many leave a large team as come to it, within 4 Monte-Carlo standard errors and what no second move costs.

    One in seven sits in the small team; if all moved equally often it would grow by a quarter.
    """
    team, large = np.ones_like(frame.team), len(movable) - 1
    team[:, movable[0]] = 0
    uneven = dataclasses.replace(frame, team=team)
    moves = draw_moves(N, with_rate(uneven, 0.2, people=np.array([1, large])), seed=3)
    sizes = (moves.teams(len(frame.dates) - 1, team[-1])[:, movable] == 0).sum(axis=1)
    allowed = 0.02 + 4 * sizes.std() / np.sqrt(N)
    assert sizes.mean() == pytest.approx(1.0, abs=allowed)
    equally_often = 1 - np.exp(-0.2 * (frame.dates[-1] - frame.as_of).days / 365.25)
    assert (large - 1) * equally_often > 3 * allowed


def test_who_is_placed_or_new_or_without_a_team_stays(frame: FutureFrame) -> None:
    placed = with_rate(frame, 4.0, placed=frozenset(frame.investigators))
    strangers = dataclasses.replace(with_rate(frame, 4.0), known=np.full_like(frame.known, -1))
    alone = with_rate(frame, 4.0, people=np.eye(len(frame.moving.people), dtype=np.int64)[0] * 5)
    without = dataclasses.replace(with_rate(frame, 4.0), team=np.full_like(frame.team, 5))
    for stays in (placed, strangers, alone, without):
        assert (draw_moves(50, stays, seed=1).day == len(frame.dates)).all()
    assert (draw_moves(50, with_rate(frame, 4.0), seed=1).day < len(frame.dates)).any()


def test_nobody_moves_in_an_office_where_nobody_does(
    small: Prepared, frame: FutureFrame, make_draws: Callable[..., PosteriorDraws]
) -> None:
    draws = make_draws()
    never = roll_forward(draws, with_rate(frame, 0.0), small.design, small.spec, seed=1)
    empty = with_rate(frame, 4.0, people=np.zeros_like(frame.moving.people))
    nowhere = roll_forward(draws, empty, small.design, small.spec, seed=1)
    names = ["moved_to", "place"]
    assert never.drop_vars(names).identical(nowhere.drop_vars(names))


@pytest.fixture(scope="module")
def restless(small: Prepared, frame: FutureFrame, make_draws: Callable[..., PosteriorDraws]) -> xr.Dataset:
    return roll_forward(make_draws(), with_rate(frame, 4.0), small.design, small.spec, seed=1)


@pytest.mark.parametrize("quantity", ["allocated", "signed_off", "wip"])
def test_a_team_is_who_sits_there_in_each_draw(restless: xr.Dataset, quantity: str) -> None:
    """Against a sum by hand over seats; a sum over the seats of the first day is another."""
    moved = restless["moved_on"] <= restless["date"]
    seat = restless["team"].where(~moved, restless["place"].isel(place=restless["moved_to"]).drop_vars("place"))
    totals = group_totals(restless, quantity, "team")
    for team, found in totals.items():
        expected = restless[quantity].where(seat == team, 0).sum("investigator").astype(int)
        assert np.array_equal(found, flat(expected))
    assert np.array_equal(sum(totals.values()), office_totals(restless, quantity))
    stayed = group_totals(restless.drop_vars(["moved_on", "moved_to"]), quantity, "team")
    assert any(not np.array_equal(stayed[team], totals[team]) for team in stayed)


def test_moves_take_the_team_s_effect_along(
    small: Prepared, frame: FutureFrame, make_draws: Callable[..., PosteriorDraws]
) -> None:
    """Where the second team does e times what the first does, who moves there is expected to do e times as much."""
    like = make_draws()
    effect = np.zeros_like(like.team_effect)
    effect[:, :, 0], effect[:, :, 1] = -0.5, 0.5
    draws, last = make_draws(team_effect=effect), len(frame.dates) - 1
    means, moves = [], draw_moves(draws.n, with_rate(frame, 4.0), seed=1)
    for rate in (4.0, 0.0):
        rates = future_rates(draws, with_rate(frame, rate), small.design, small.spec, seed=1)
        means.append(people_means(rates, "signed_off", last, opening_state(rates)))
    moved = (moves.day <= last) & (means[1] > 0)
    change = np.where(moved, np.where(moves.team == 1, 1.0, -1.0), 0.0)
    assert moved.any()
    assert np.allclose(means[0], means[1] * np.exp(change))


def test_moves_widen_teams_and_not_an_office_of_equal_teams(
    small: Prepared, frame: FutureFrame, make_draws: Callable[..., PosteriorDraws]
) -> None:
    """Where teams are alike, who sits where is nothing to the office; where one works faster, it is."""
    like = make_draws()
    unequal = np.zeros_like(like.team_effect)
    unequal[:, :, 1] = 1.0

    def rolled(rate: float, effect: np.ndarray) -> xr.Dataset:
        draws = make_draws(team_effect=effect)
        return roll_forward(draws, with_rate(frame, rate), small.design, small.spec, seed=1)

    def spread(predictions: xr.Dataset) -> float:
        return float(np.mean([total[:, -1].std() for total in group_totals(predictions, "wip", "team").values()]))

    alike = [rolled(rate, np.zeros_like(unequal)) for rate in (4.0, 0.0)]
    assert spread(alike[0]) > 1.2 * spread(alike[1])
    assert np.array_equal(*(office_totals(of, "allocated") for of in alike))
    apart = [rolled(rate, unequal) for rate in (4.0, 0.0)]
    assert not np.array_equal(*(office_totals(of, "allocated") for of in apart))


def test_a_rate_that_is_given_replaces_the_roster_s(small: Prepared, frame: FutureFrame) -> None:
    given = with_staffing(frame, Staffing(annual_moving_rate=0.5), small.panels.roster)
    assert given.moving.turnover == Turnover(0.5)
    assert given.moving.people is frame.moving.people
    assert 0 < frame.moving.turnover.n_seen < np.inf
    assert with_staffing(frame, Staffing(), small.panels.roster).moving is frame.moving
    again = with_staffing(given, Staffing(annual_moving_rate="roster"), small.panels.roster)
    assert again.moving.turnover == frame.moving.turnover
