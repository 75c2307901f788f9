"""An attacker who sees everything published, and knows how it adds up, learns nothing exact of what is withheld."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from bayes_backlog.errors import GateRefused
from bayes_backlog.reporting.disclosure import FEWEST_CASES, FEWEST_PEOPLE, withheld
from bayes_backlog.reporting.publish import publish
from bayes_backlog.reporting.team_tables import group_history, group_sizes, recent_history

EXACT = 1e-6


@dataclass(frozen=True)
class Office:
    """Groups of an office over some weeks, (week, group) int each; flows change the stock."""

    allocated: np.ndarray
    signed_off: np.ndarray
    opening: np.ndarray
    people: np.ndarray

    @property
    def wip(self) -> np.ndarray:
        return self.opening + (self.allocated - self.signed_off).cumsum(axis=0)

    @property
    def cells(self) -> np.ndarray:
        """(quantity, week, group): wip, allocated, signed_off."""
        return np.stack([self.wip, self.allocated, self.signed_off])

    def withheld(self) -> list[int]:
        tables = {str(q): pd.DataFrame(values) for q, values in enumerate(self.cells)}
        return [int(group) for group in withheld(tables, pd.Series(self.people))]


@st.composite
def offices(draw: st.DrawFn) -> Office:
    n_weeks, n_groups = draw(st.integers(2, 4)), draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    busy = rng.choice([1, 6, 20], n_groups)
    opening = rng.poisson(3 * busy)
    allocated = rng.poisson(busy, (n_weeks, n_groups))
    signed_off = np.zeros_like(allocated)
    held = opening.copy()
    for week in range(n_weeks):
        signed_off[week] = np.minimum(rng.poisson(busy), held + allocated[week])
        held = held + allocated[week] - signed_off[week]
    return Office(allocated, signed_off, opening, rng.integers(1, 8, n_groups))


def bounds(published: np.ndarray, totals: np.ndarray, cell: tuple[int, int, int]) -> tuple[float, float]:
    """Return the least and most that a withheld cell can be, for somebody who knows how the cells hang together.

    Parameters
    ----------
    published : (quantity, week, group) float
        wip, allocated and signed_off; missing where withheld.
    totals : (quantity, week) int
        Of the office.
    cell : tuple of int
        Quantity, week and group of a missing cell.
    """
    unknown = np.isnan(published)
    place = np.full(published.shape, -1)
    place[unknown] = np.arange(unknown.sum())
    rows, right = [], []

    def equation(parts: list[tuple[int, tuple[int, int, int]]], value: float) -> None:
        row = np.zeros(unknown.sum())
        for sign, at in parts:
            if unknown[at]:
                row[place[at]] += sign
            else:
                value -= sign * published[at]
        rows.append(row)
        right.append(value)

    n_quantities, n_weeks, n_groups = published.shape
    for q in range(n_quantities):
        for t in range(n_weeks):
            equation([(1, (q, t, g)) for g in range(n_groups)], totals[q, t])
    for t in range(1, n_weeks):
        for g in range(n_groups):
            equation([(1, (0, t, g)), (-1, (0, t - 1, g)), (-1, (1, t, g)), (1, (2, t, g))], 0)
    aim = np.zeros(unknown.sum())
    aim[place[cell]] = 1
    low, high = (linprog(sign * aim, A_eq=np.array(rows), b_eq=np.array(right)) for sign in (1, -1))
    assert low.status == high.status == 0
    return low.fun, -high.fun


def published_cells(office: Office, hidden: list[int]) -> np.ndarray:
    published = office.cells.astype(float)
    published[:, :, hidden] = np.nan
    return published


def small_cells(office: Office) -> list[tuple[int, int, int]]:
    cells = office.cells
    return [tuple(at) for at in np.argwhere((cells > 0) & (cells < FEWEST_CASES))]


ONE_BUSY_GROUP = Office(np.array([[1, 0], [1, 0]]), np.array([[1, 0], [1, 0]]), np.array([2, 0]), np.array([2, 3]))
"""All that the office has is one group's: with the other one shown empty, the office's totals are that group's."""


@settings(max_examples=25)
@given(offices())
@example(ONE_BUSY_GROUP)
def test_a_withheld_count_can_be_anything_up_to_the_withheld_total(office: Office) -> None:
    hidden, cells = office.withheld(), office.cells
    assume(hidden)
    totals = cells.sum(axis=2)
    small = small_cells(office)
    assert {group for *_, group in small} <= set(hidden)
    assert set(np.flatnonzero(office.people < FEWEST_PEOPLE)) <= set(hidden)
    for cell in small[:: max(1, len(small) // 4)]:
        low, high = bounds(published_cells(office, hidden), totals, cell)
        assert low == pytest.approx(0, abs=EXACT)
        assert high == pytest.approx(cells[cell[0], cell[1], hidden].sum(), abs=EXACT)
        # The office's own totals are public, however small.
        assert high >= FEWEST_CASES - EXACT or len(hidden) == cells.shape[2]


@settings(max_examples=25)
@given(offices())
def test_staff_of_withheld_groups_stay_open(office: Office) -> None:
    hidden = office.withheld()
    assume(0 < len(hidden) < len(office.people))
    # One person at least is in each: what is left over could be in any of them.
    assert office.people[hidden].sum() - len(hidden) >= 2


PLAIN = Office(
    allocated=np.array([[9, 2, 8, 7], [9, 6, 8, 7], [9, 6, 8, 7]]),
    signed_off=np.array([[8, 6, 7, 7], [8, 6, 7, 6], [8, 6, 7, 7]]),
    opening=np.array([40, 30, 20, 25]),
    people=np.array([5, 5, 5, 5]),
)
"""Group 1 was allocated two cases in the first week; everything else is large enough."""
CELL = (1, 0, 1)


def test_the_attack_finds_what_is_withheld_alone() -> None:
    """Without a group that goes with it, the office's total gives a small group away."""
    assert PLAIN.withheld() == [1, 2]
    totals = PLAIN.cells.sum(axis=2)
    assert bounds(published_cells(PLAIN, [1]), totals, CELL) == pytest.approx((2, 2))
    assert bounds(published_cells(PLAIN, PLAIN.withheld()), totals, CELL) == pytest.approx((0, 10))


def test_the_attack_finds_cells_withheld_one_by_one() -> None:
    """Two cells of a week missing looks safe, but in the second week what the stock gained gives them away."""
    later = replace(PLAIN, allocated=PLAIN.allocated[[1, 0, 2]])
    published, cell = later.cells.astype(float), (1, 1, 1)
    published[1, 1, [1, 3]] = np.nan
    totals = later.cells.sum(axis=2)
    assert bounds(published, totals, cell) == pytest.approx((2, 2))
    low, high = bounds(published_cells(later, later.withheld()), totals, cell)
    assert (low, high) == pytest.approx((0, 10))


def test_two_small_groups_are_not_enough_where_they_are_small_together() -> None:
    office = replace(PLAIN, allocated=np.array([[1, 1, 8, 9]] * 3), signed_off=np.array([[6, 6, 7, 7]] * 3))
    assert office.withheld()[:2] == [0, 1]
    assert len(office.withheld()) == 3
    totals = office.cells.sum(axis=2)
    assert bounds(published_cells(office, [0, 1]), totals, (1, 0, 0)) == pytest.approx((0, 2))
    assert bounds(published_cells(office, office.withheld()), totals, (1, 0, 0))[1] >= FEWEST_CASES


def test_nothing_is_withheld_where_nothing_is_small() -> None:
    assert replace(PLAIN, allocated=np.full((3, 4), 7)).withheld() == []
    # No case at all is nobody's secret.
    assert replace(PLAIN, allocated=np.array([[0, 7, 8, 9]] * 3), opening=PLAIN.opening + 50).withheld() == []


def test_one_busy_group_among_empty_ones_withholds_them_all() -> None:
    assert ONE_BUSY_GROUP.withheld() == [0, 1]
    totals = ONE_BUSY_GROUP.cells.sum(axis=2)
    assert bounds(published_cells(ONE_BUSY_GROUP, [0]), totals, (0, 0, 0)) == pytest.approx((2, 2))
    assert bounds(published_cells(ONE_BUSY_GROUP, [0, 1]), totals, (0, 0, 0)) == pytest.approx((0, 2))


def test_an_empty_group_is_no_company() -> None:
    empty = [np.pad(table, ((0, 0), (0, 1))) for table in (PLAIN.allocated, PLAIN.signed_off)]
    office = Office(*empty, opening=np.append(PLAIN.opening, 0), people=np.append(PLAIN.people, 0))
    assert office.withheld() == PLAIN.withheld()


def test_two_groups_of_one_person_take_a_third_along() -> None:
    office = replace(PLAIN, allocated=np.full((3, 4), 7), people=np.array([1, 1, 5, 5]))
    assert len(office.withheld()) == 3
    assert set(office.withheld()) > {0, 1}


# --- the files ---


def three_teams(run, rewrite):
    """C has one person, who was allocated two cases."""
    daily = run.table("panels/daily_panel.parquet")
    seats = {"P_b4": "A", "P_b5": "B2", "P_b6": "C"}
    labels = [seats.get(who, team) for who, team in zip(daily["investigator"], daily["team"], strict=True)]
    rewrite(daily.assign(team=labels), run.path("panels/daily_panel.parquet"))
    return run


def test_published_files_hold_what_is_shown_and_nothing_withheld(own_run):
    files = {path.name: path for path in publish(own_run)}
    assert {"history.csv", "flows.csv", "flows_cumulative.csv", "stocks.csv"} <= set(files)
    assert "people.csv" not in files
    past = pd.read_csv(files["history.csv"])
    assert set(past["unit"]) == {"office", "A", "B|<script>alert(1)</script>", "EO"}
    wip = past[(past["quantity"] == "wip") & (past["level"] == "team")].pivot(
        index="date", columns="unit", values="observed"
    )
    truth = recent_history(group_history(own_run, "wip", "team"), "wip")
    assert (wip.to_numpy() == truth[wip.columns].to_numpy()).all()
    assert not any(b"P_" in path.read_bytes() for path in files.values())


def test_small_teams_are_in_no_published_file(own_run, rewrite):
    run = three_teams(own_run, rewrite)
    assert group_sizes(run, "team").loc["C"].tolist() == [1, 1]
    for path in publish(run):
        if path.suffix == ".parquet":
            locations = set(pd.read_parquet(path)["location"])
            assert {name for name in locations if name.startswith("team/")} <= {"team/A"}
            continue
        table = pd.read_csv(path)
        if "unit" in table:
            assert set(table.loc[table["level"] == "team", "unit"]) <= {"A"}, path.name
            assert "office" in set(table["unit"])


def test_people_are_published_only_when_asked_for_and_unranked(own_run):
    files = {path.name: path for path in publish(own_run, people=True)}
    people = pd.read_csv(files["people.csv"])
    assert list(people["investigator"].unique()) == sorted(people["investigator"].unique())
    assert not {"rank", "place", "score"} & set(people.columns)
    assert len(people) == 6 * 3


def test_a_refused_run_publishes_nothing(own_run, rewrite):
    verdicts = own_run.table("model/verdicts.csv")
    rewrite(verdicts.assign(status="red"), own_run.path("model/verdicts.csv"))
    with pytest.raises(GateRefused, match="none of it is published"):
        publish(own_run)
    assert not own_run.path("published").exists()
