"""Short answers: columns, and cases started per FTE-day where they can be worked out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_backlog.forecasts.answers import COLUMNS, answers_table, starts_per_fte_day
from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.target import target_table


@pytest.fixture(scope="module")
def half_time(frame: FutureFrame) -> FutureFrame:
    """Everybody at half time; the first person moves to the other team half-way and the second never works."""
    team, exposure = frame.team.copy(), np.full_like(frame.exposure, 0.5)
    team[:] = np.arange(team.shape[1]) % 2
    team[len(team) // 2 :, 0] = 1
    exposure[:, 1] = 0
    return dataclasses.replace(frame, team=team, exposure=exposure)


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
    starts = starts_per_fte_day(one_a_day, half_time, half_time.all_dates[0])
    assert set(starts["level"]) == {"office", "team", "role"}
    assert starts["mean"].tolist() == pytest.approx([3.0] * len(starts))
    assert starts[["q05", "q95"]].iloc[0].tolist() == pytest.approx([2.1, 3.9])
    heads = (half_time.exposure > 0).sum()
    assert one_a_day["allocated"].isel(chain=0).sum() == heads  # per head the answer would be 1


def test_a_place_where_nobody_works_has_no_rate(one_a_day: xr.Dataset, half_time: FutureFrame) -> None:
    gone = dataclasses.replace(half_time, exposure=np.where(half_time.team == 1, 0.0, half_time.exposure))
    starts = starts_per_fte_day(one_a_day, gone, gone.all_dates[0])
    assert starts.query("level == 'team'")["unit"].tolist() == [half_time.teams[0]]


def test_all_answers_stand_in_one_table(one_a_day: xr.Dataset, half_time: FutureFrame) -> None:
    cutoff = half_time.all_dates[0] - pd.Timedelta(days=1)
    table = answers_table(one_a_day, half_time, cutoff, target_table(one_a_day, cutoff, 6))
    assert list(table) == list(COLUMNS)
    assert table["question"].value_counts()[["met_by", "met_for_good"]].tolist() == [3, 3]
    assert (table["question"] == "starts_per_fte_day").sum() == len(table) - 6
    assert (table.loc[table["question"] == "met_by", "horizon_days"] == 1).all()
    without = answers_table(one_a_day, half_time, cutoff, target_table(one_a_day, cutoff, None))
    assert set(without["question"]) == {"starts_per_fte_day"}
