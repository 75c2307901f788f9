"""Rows by their cases, of data that the model made and of data that it did not.

Nothing is sampled: replicates of known parameters are set against one of their own, or against one that was changed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.inference.checks import aggregate_verdicts, replicate_flows, with_counts
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.inference.row_checks import FEWEST_ROWS, PROB, _band, _last_bin, row_count_table
from bayes_backlog.models.draws import PosteriorDraws

Flows = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def truth(make_draws: Callable[..., PosteriorDraws]) -> PosteriorDraws:
    """Draws that are all the same one, in an office whose people do not mind the queue."""
    same = make_draws(n=400).rows(np.zeros(400, dtype=int))
    return dataclasses.replace(same, elasticity=same.elasticity | {("allocated", "backlog"): np.zeros(400)})


@pytest.fixture(scope="module")
def office(small: Prepared) -> Prepared:
    """One in which no queue is ever short."""
    return dataclasses.replace(small, design=dataclasses.replace(small.design, waiting=small.design.waiting + 10_000))


@pytest.fixture(scope="module")
def replicates(office: Prepared, truth: PosteriorDraws) -> Flows:
    return replicate_flows(truth, office.design, office.spec, 1)


@pytest.fixture(scope="module")
def data(office: Prepared, truth: PosteriorDraws) -> Flows:
    """What the truth made."""
    return replicate_flows(truth.rows(np.array([0])), office.design, office.spec, 2)


def table_of(office: Prepared, replicates: Flows, data: Flows) -> pd.DataFrame:
    return row_count_table(replicates, with_counts(office.design, office.spec, data), office.spec)


def flows_outside(table: pd.DataFrame) -> set[str]:
    return set(table.loc[~table["observed"].between(table["low"], table["high"]), "flow"])


def test_rows_are_counted_by_their_cases_and_the_rare_ones_together(office: Prepared, replicates: Flows) -> None:
    table = row_count_table(replicates, office.design, office.spec)
    assert list(table.columns) == ["flow", "cases", "observed", "expected", "low", "high"]
    assert set(table["flow"]) == set(office.spec.staff_flows)
    n_rows = len(office.design.row_day)
    for (flow, found), counts in zip(table.groupby("flow", sort=False), office.design.row_counts, strict=True):
        *single, last = found.to_dict("records")
        assert found["cases"].tolist() == list(range(len(found)))
        assert found[["observed", "expected"]].sum().tolist() == pytest.approx([n_rows, n_rows])
        assert [row["observed"] for row in single] == [(counts == row["cases"]).sum() for row in single]
        assert last["observed"] == (counts >= last["cases"]).sum()
        assert last["expected"] == pytest.approx((replicates[flow] >= last["cases"]).sum() / 400)
        assert last["expected"] >= FEWEST_ROWS


@pytest.mark.parametrize("seed", range(3, 6))
def test_rows_that_the_draws_made_lie_in_their_band(
    office: Prepared, truth: PosteriorDraws, replicates: Flows, seed: int
) -> None:
    """Of a right model one flow in twenty is outside; none of these six is."""
    made = replicate_flows(truth.rows(np.array([0])), office.design, office.spec, seed)
    assert not flows_outside(table_of(office, replicates, made))


def statuses(office: Prepared, replicates: Flows, data: Flows) -> dict[str, str]:
    verdicts, _ = aggregate_verdicts(replicates, with_counts(office.design, office.spec, data), office.spec)
    return {verdict.check: verdict.status for verdict in verdicts}


def test_more_rows_without_a_case_are_seen_though_every_total_is_as_it_was(
    office: Prepared, replicates: Flows, data: Flows
) -> None:
    """One person of each day signs off what all of them did."""
    ends = office.design.day_ends
    starts = np.unique(np.concatenate([[0], ends[:-1]]))
    by_one = np.zeros_like(data["signed_off"])
    by_one[0, starts] = np.add.reduceat(data["signed_off"][0], starts)
    changed = data | {"signed_off": by_one}
    table = table_of(office, replicates, changed)
    assert flows_outside(table) == {"signed_off"}
    without = table[(table["flow"] == "signed_off") & (table["cases"] == 0)].iloc[0]
    assert without["observed"] > without["high"]
    of_totals = [f"{flow} {name}" for flow in office.spec.flows for name in ("day_sd", "week_sd")]
    found, before = (statuses(office, replicates, flows) for flows in (changed, data))
    assert [found[check] for check in of_totals] == [before[check] for check in of_totals]


def test_the_same_rows_in_another_order_are_right_where_totals_are_wrong(
    office: Prepared, replicates: Flows, data: Flows
) -> None:
    """Why this check decides nothing: that good days come together is seen in totals alone."""
    changed = data | {"signed_off": np.sort(data["signed_off"])}
    pd.testing.assert_frame_equal(table_of(office, replicates, changed), table_of(office, replicates, data))
    before, after = (statuses(office, replicates, flows)["signed_off week_sd"] for flows in (data, changed))
    assert (before, after) == ("green", "red")


def test_the_band_holds_whole_replicates_and_not_one_number_at_a_time() -> None:
    counts = np.random.default_rng(0).poisson([900.0, 400.0, 150.0, 50.0, 20.0, 10.0], (4000, 6))
    low, high = _band(counts)
    assert PROB <= ((low <= counts) & (counts <= high)).all(axis=1).mean() < PROB + 0.02
    each = np.quantile(counts, [0.025, 0.975], axis=0)
    assert ((each[0] <= counts) & (counts <= each[1])).all(axis=1).mean() < 0.85


@pytest.mark.parametrize(("rows", "last"), [([500, 40, 12, 3], 2), ([500, 40, 3, 2], 1), ([500, 0, 0, 0], 1)])
def test_the_last_bin_has_enough_rows_or_is_the_first_case(rows: list[int], last: int) -> None:
    assert _last_bin(np.array([rows])) == last
