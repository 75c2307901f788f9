"""Short answers: columns, and cases started per FTE-day where they can be worked out by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_backlog.forecasts.answers import COLUMNS, answers_table, starts_per_fte_day
from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.roll_forward import roll_forward
from bayes_backlog.forecasts.staff_changes import draw_moves, leaving_days
from bayes_backlog.forecasts.tables import flat
from bayes_backlog.forecasts.target import target_table
from bayes_backlog.forecasts.turnover import Moving, Turnover
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.models.draws import PosteriorDraws

N = 400
SEED = 1


@pytest.fixture(scope="module")
def steady(make_draws: Callable[..., PosteriorDraws]) -> PosteriorDraws:
    """Nothing that a day or the queue does to the rates: those who stay go on as everybody would have."""
    like = make_draws(n=N)
    names = ("calendar", "shared_mean", "week_sd", "week_effect", "level_sd", "slow_level", "own_pace")
    return make_draws(n=N, elasticity={}, **{name: np.zeros_like(getattr(like, name)) for name in names})


@pytest.fixture(scope="module")
def full_queue(frame: FutureFrame) -> FutureFrame:
    """A queue that no one can empty, so that starts are up to people alone."""
    return dataclasses.replace(frame, backlog_start=100_000)


@pytest.fixture(scope="module")
def half_time(frame: FutureFrame) -> FutureFrame:
    """Everybody at half time; the first person moves to the other team half-way and the second never works."""
    team, exposure = frame.team.copy(), np.full_like(frame.exposure, 0.5)
    team[:] = np.arange(team.shape[1]) % 2
    team[len(team) // 2 :, 0] = 1
    exposure[:, 1] = 0
    moving = dataclasses.replace(frame.moving, turnover=Turnover())
    return dataclasses.replace(frame, team=team, exposure=exposure, moving=moving)


@pytest.fixture(scope="module")
def one_a_day(half_time: FutureFrame) -> xr.Dataset:
    """Whoever works starts one case on each working day in one chain, two in the other."""
    n_dates, n_people = len(half_time.all_dates), len(half_time.investigators)
    works = np.zeros((n_dates, n_people), int)
    works[half_time.all_dates.get_indexer(half_time.dates)] = half_time.exposure > 0
    allocated = np.stack([works, 2 * works])[:, None]
    day = np.clip(np.searchsorted(half_time.dates, half_time.all_dates), 0, len(half_time.dates) - 1)
    coords = {
        "date": half_time.all_dates,
        "investigator": list(half_time.investigators),
        "team": (("date", "investigator"), np.array(half_time.teams)[half_time.team[day]]),
        "role": (("date", "investigator"), np.array(half_time.roles)[half_time.role[day]]),
    }
    dims = ("chain", "draw", "date", "investigator")
    backlog = (dims[:3], np.full((2, 1, n_dates), 5))
    return xr.Dataset({"allocated": (dims, allocated), "backlog": backlog}, coords)


def test_starts_are_over_the_days_that_people_work(one_a_day: xr.Dataset, half_time: FutureFrame) -> None:
    """One case on a half-time day is two per FTE-day, in each place, for movers too; absence is no part of it."""
    starts = starts_per_fte_day(one_a_day, half_time, half_time.all_dates[0], SEED)
    assert set(starts["level"]) == {"office", "team", "role"}
    assert starts["mean"].tolist() == pytest.approx([3.0] * len(starts))
    assert starts[["q05", "q95"]].iloc[0].tolist() == pytest.approx([2.1, 3.9])
    heads = (half_time.exposure > 0).sum()
    assert one_a_day["allocated"].isel(chain=0).sum() == heads  # per head the answer would be 1


def test_who_moves_in_a_draw_counts_in_each_team_for_the_days_there(
    one_a_day: xr.Dataset, half_time: FutureFrame
) -> None:
    """Starts that are moved without their days, or days without their starts, give teams other rates."""
    moving = dataclasses.replace(half_time, moving=Moving(Turnover(5.0), np.ones(2, np.int64), frozenset()))
    moves = draw_moves(2, moving, SEED)
    assert 0 < (moves.day < len(moving.dates)).sum() < moves.day.size
    on, dims = (
        np.append(moving.dates.to_numpy(), np.datetime64("NaT", "us"))[moves.day],
        ("chain", "draw", "investigator"),
    )
    told = one_a_day.assign(moved_on=(dims, on[:, None]), moved_to=(dims, moves.team[:, None]))
    told = told.assign_coords(place=list(moving.teams))
    starts = starts_per_fte_day(told, moving, moving.all_dates[0], SEED)
    assert starts["mean"].tolist() == pytest.approx([3.0] * len(starts))
    stayed = starts_per_fte_day(one_a_day, moving, moving.all_dates[0], SEED).query("level == 'team'")
    assert (stayed["mean"] - 3.0).abs().max() > 0.1


def test_a_place_where_nobody_works_has_no_rate(one_a_day: xr.Dataset, half_time: FutureFrame) -> None:
    gone = dataclasses.replace(half_time, exposure=np.where(half_time.team == 1, 0.0, half_time.exposure))
    starts = starts_per_fte_day(one_a_day, gone, gone.all_dates[0], SEED)
    assert starts.query("level == 'team'")["unit"].tolist() == [half_time.teams[0]]


def test_leavers_do_not_count_once_they_have_left(
    small: Prepared, steady: PosteriorDraws, full_queue: FutureFrame
) -> None:
    """Fewer people start fewer cases, each as many a day as before; FTE-days of the roster alone say less."""
    leaving = dataclasses.replace(full_queue, turnover=Turnover(2.0))
    stay, left = (roll_forward(steady, of, small.design, small.spec, SEED) for of in (full_queue, leaving))

    def rates(predictions: xr.Dataset, frame: FutureFrame) -> pd.DataFrame:
        return starts_per_fte_day(predictions, frame, frame.as_of, SEED).set_index(["level", "unit"])

    base, of_those_there, of_the_roster = rates(stay, full_queue), rates(left, leaving), rates(left, full_queue)
    # Over draws a normal quantile of 0.95 lies 1.64 standard deviations from the mean.
    spread = [(table["q95"] - table["q05"]) / 3.29 for table in (base, of_those_there)]
    error = np.hypot(*spread) / np.sqrt(N)
    assert ((of_those_there["mean"] - base["mean"]).abs() < 4 * error).all()
    assert ((base["mean"] - of_the_roster["mean"]) > 4 * error).all()


def test_who_leaves_when_is_said_again_by_the_seed(
    small: Prepared, steady: PosteriorDraws, full_queue: FutureFrame
) -> None:
    """Nobody starts a case on a day after the last one that counts; another seed's leavers do."""
    leaving = dataclasses.replace(full_queue, turnover=Turnover(2.0))
    allocated = flat(roll_forward(steady, leaving, small.design, small.spec, SEED)["allocated"])
    on_working_days = allocated[:, leaving.all_dates.get_indexer(leaving.dates)]

    def started_after_leaving(seed: int) -> int:
        gone = np.arange(len(leaving.dates))[:, None] >= leaving_days(N, leaving, seed)[:, None]
        return int(on_working_days[gone].sum())

    assert started_after_leaving(SEED) == 0
    assert started_after_leaving(SEED + 1) > 0


def test_draws_in_which_nobody_was_there_say_nothing(one_a_day: xr.Dataset, half_time: FutureFrame) -> None:
    """One who starts two cases a full-time day does so for as long as that is; over no day at all it is no rate."""
    exposure = half_time.exposure.copy()
    exposure[:, 1:] = 0
    alone = dataclasses.replace(half_time, exposure=exposure, turnover=Turnover(100.0))
    leaving = leaving_days(N, alone, SEED)
    assert 0 < (leaving[:, 0] == 0).sum() < N
    started = np.zeros((1, N, len(alone.all_dates), exposure.shape[1]), int)
    there = (np.arange(len(exposure))[:, None] < leaving[:, None]) & (exposure > 0)
    started[0][:, alone.all_dates.get_indexer(alone.dates)] = there
    predictions = xr.Dataset({"allocated": (("chain", "draw", "date", "investigator"), started)}, one_a_day.coords)
    starts = starts_per_fte_day(predictions, alone, alone.all_dates[0], SEED)
    # Nobody stays until the move to the other team, so that has no row.
    assert starts.query("level == 'team'")["unit"].tolist() == [half_time.teams[0]]
    assert (starts[["mean", "q05", "q95"]] == 2.0).all(axis=None)
    of_the_roster = starts_per_fte_day(
        predictions, dataclasses.replace(alone, turnover=Turnover()), alone.all_dates[0], SEED
    )
    assert (of_the_roster["mean"] < 1.0).all()


def test_all_answers_stand_in_one_table(one_a_day: xr.Dataset, half_time: FutureFrame) -> None:
    cutoff = half_time.all_dates[0] - pd.Timedelta(days=1)
    table = answers_table(one_a_day, half_time, cutoff, target_table(one_a_day, cutoff, 6), SEED)
    assert list(table) == list(COLUMNS)
    assert table["question"].value_counts()[["met_by", "met_for_good"]].tolist() == [3, 3]
    assert (table["question"] == "starts_per_fte_day").sum() == len(table) - 6
    assert (table.loc[table["question"] == "met_by", "horizon_days"] == 1).all()
    without = answers_table(one_a_day, half_time, cutoff, target_table(one_a_day, cutoff, None), SEED)
    assert set(without["question"]) == {"starts_per_fte_day"}
