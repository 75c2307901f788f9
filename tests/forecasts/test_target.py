"""The target on four futures written out by hand."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_backlog.forecasts.target import COLUMNS, target_dates, target_table

CUTOFF = pd.Timestamp("2025-06-30")
BACKLOG = [
    [12, 9, 9, 9],  # met for good from the second day
    [12, 9, 12, 9],  # met, lost and met again
    [12, 12, 9, 12],  # met once
    [12, 12, 12, 10],  # never: at the target is not below it
]


def table(target: float | None = 10) -> pd.DataFrame:
    dates = pd.date_range(CUTOFF + pd.Timedelta(days=1), periods=4)
    draws = xr.Dataset({"backlog": (("chain", "draw", "date"), np.reshape(BACKLOG, (2, 2, 4)))}, coords={"date": dates})
    return target_table(draws, CUTOFF, target)


def test_three_meanings_of_met() -> None:
    found = table()
    assert list(found) == list(COLUMNS)
    assert found["met"].tolist() == [0, 0.5, 0.5, 0.5]
    assert found["met_by"].tolist() == [0, 0.5, 0.75, 0.75]
    assert found["met_for_good"].tolist() == [0, 0.25, 0.25, 0.5]
    assert found["horizon_days"].tolist() == [1, 2, 3, 4]


def test_met_by_and_for_good_never_fall_and_hold_met_between_them() -> None:
    """A probability that falls again has no date: the plain one does, which is why two others are published."""
    rng = np.random.default_rng(2)
    walks = 100 + rng.integers(-9, 10, (2, 50, 60)).cumsum(axis=2)
    dates = pd.date_range(CUTOFF + pd.Timedelta(days=1), periods=60)
    found = target_table(xr.Dataset({"backlog": (("chain", "draw", "date"), walks)}, {"date": dates}), CUTOFF, 90)
    assert (found[["met_by", "met_for_good"]].diff().dropna() >= 0).all(axis=None)
    assert (found["met"].diff() < 0).any()
    assert (found["met_for_good"] <= found["met"]).all()
    assert (found["met"] <= found["met_by"]).all()


def test_dates_are_the_first_with_enough_probability() -> None:
    dates = target_dates(table()).set_index(["question", "prob"])
    assert dates.loc[("met_by", 0.5), "horizon_days"] == 2
    assert dates.loc[("met_for_good", 0.5), "target_date"] == pd.Timestamp("2025-07-04")
    assert pd.isna(dates.loc[("met_by", 0.8), "target_date"])
    assert dates.loc[("met_for_good", 0.9)].isna().all()


@pytest.mark.parametrize("read", [lambda found: found, target_dates])
def test_without_a_target_there_is_nothing_to_say(read) -> None:
    assert read(table(None)).empty
