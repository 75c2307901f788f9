"""An attacker who sees everything published, and knows how it adds up, learns nothing exact of what is withheld."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from bayes_backlog.errors import GateRefused
from bayes_backlog.reporting.disclosure import FEWEST_CASES, FEWEST_PEOPLE, withheld, withheld_of_both
from bayes_backlog.reporting.publish import publish
from bayes_backlog.reporting.team_tables import group_history, group_sizes, recent_history, shown_groups, teams_left_out

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


def bounds(
    published: np.ndarray,
    totals: np.ndarray,
    cell: tuple[int, int, int],
    sums: Sequence[tuple[np.ndarray, np.ndarray]] = (),
) -> tuple[float, float]:
    """Return the least and most that a withheld cell can be, for somebody who knows how the cells hang together.

    Parameters
    ----------
    published : (quantity, week, group) float
        wip, allocated and signed_off; missing where withheld.
    totals : (quantity, week) int
        Of the office.
    cell : tuple of int
        Quantity, week and group of a missing cell.
    sums : sequence of tuple of ndarray
        Groups that are published as one, and what was: (quantity, week) int.
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
            for groups, total in [(range(n_groups), totals), *sums]:
                equation([(1, (q, t, g)) for g in groups], total[q, t])
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


# --- teams next to roles ---


@dataclass(frozen=True)
class Crossings:
    """An office whose groups are crossings: everybody who is both in a team and of a role."""

    office: Office
    team: np.ndarray
    role: np.ndarray

    def withheld(self) -> tuple[list[str], list[str]]:
        columns = pd.MultiIndex.from_arrays([self.team, self.role])
        tables = {str(q): pd.DataFrame(values, columns=columns) for q, values in enumerate(self.office.cells)}
        return withheld_of_both(tables, pd.Series(self.office.people, columns))

    def withheld_level_by_level(self) -> tuple[list[str], list[str]]:
        """Return what each level withholds as if the other one were not published."""
        teams, roles = [], []
        for labels, hidden in ((self.team, teams), (self.role, roles)):
            groups = sorted(set(labels))
            people = pd.Series({name: self.office.people[labels == name].sum() for name in groups})
            sums = {
                str(q): pd.DataFrame({name: cells[:, labels == name].sum(axis=1) for name in groups})
                for q, cells in enumerate(self.office.cells)
            }
            hidden += withheld(sums, people)
        return teams, roles

    def attacked(self, cell: tuple[int, int, int], hidden: tuple[list[str], list[str]]) -> tuple[float, float]:
        """Return the bounds of a crossing's count for who sees the office and all teams and roles but the hidden."""
        cells = self.office.cells
        shown = [
            np.flatnonzero(labels == name)
            for labels, withheld_ones in zip((self.team, self.role), hidden, strict=True)
            for name in set(labels) - set(withheld_ones)
        ]
        sums = [(groups, cells[:, :, groups].sum(axis=2)) for groups in shown]
        return bounds(np.full(cells.shape, np.nan), cells.sum(axis=2), cell, sums)


def crossed(team: str, role: str, people: list[int], opening: list[int], flows: list[int]) -> Crossings:
    """Three weeks, in each of which every crossing is allocated and signs off as many cases."""
    weekly = np.tile(np.array(flows), (3, 1))
    office = Office(weekly, weekly, np.array(opening), np.array(people))
    return Crossings(office, np.array(team.split()), np.array(role.split()))


ONE_APART = crossed("A B C", "EO HEO EO", [5, 5, 1], [40, 30, 7], [9, 9, 2])
"""Only C is small, and B goes with it; but all of role HEO is B."""
TWO_LARGE_LEVELS = crossed("A B B", "EO EO HEO", [5, 1, 5], [30, 7, 30], [9, 2, 9])
"""No team and no role is small, but the one of EO who is in B is B less HEO."""
OPEN_BETWEEN_TWO = crossed("A A B B C", "EO HEO EO HEO EO", [5, 5, 5, 5, 2], [40, 40, 30, 30, 8], [9, 9, 9, 9, 2])
"""C is small and B goes with it; of role EO is enough of B as well."""


@st.composite
def crossings(draw: st.DrawFn) -> Crossings:
    office = draw(offices())
    n_groups = len(office.people)
    seats = draw(st.permutations([(team, role) for team in "ABC" for role in ("EO", "HEO")]))[:n_groups]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    # Of crossings that are mostly large something is left to be shown.
    large = rng.random(n_groups) < 0.7
    more = Office(
        office.allocated + 9 * large,
        office.signed_off + 9 * large,
        office.opening + 9 * large,
        office.people + 4 * large,
    )
    team, role = (np.array(labels) for labels in zip(*seats, strict=True))
    return Crossings(more, team, role)


@settings(max_examples=40)
@given(crossings())
@example(ONE_APART)
@example(TWO_LARGE_LEVELS)
@example(OPEN_BETWEEN_TWO)
def test_nobody_small_is_worked_out_from_teams_and_roles_together(office: Crossings) -> None:
    cells, hidden = office.office.cells, office.withheld()
    # The office's own totals are public, however small.
    assume(set(office.team) - set(hidden[0]) or set(office.role) - set(hidden[1]))
    few = office.office.people < FEWEST_PEOPLE
    small = [tuple(at) for at in np.argwhere((cells > 0) & ((cells < FEWEST_CASES) | few))]
    for cell in small[:: max(1, len(small) // 4)]:
        low, high = office.attacked(cell, hidden)
        assert low == pytest.approx(0, abs=EXACT)
        assert high >= FEWEST_CASES - EXACT


@pytest.mark.parametrize(
    ("office", "cell", "apart"),
    [(ONE_APART, (1, 0, 2), (["C", "B"], [])), (TWO_LARGE_LEVELS, (1, 0, 1), ([], []))],
    ids=["beside withheld teams", "where nothing is withheld"],
)
def test_the_attack_finds_one_person_between_teams_and_roles(office: Crossings, cell, apart) -> None:
    """Each level is safe alone; both are not, and so no role is shown."""
    assert office.withheld_level_by_level() == apart
    assert office.attacked(cell, apart) == pytest.approx((2, 2))
    teams, roles = office.withheld()
    assert (teams, set(roles)) == (apart[0], {"EO", "HEO"})
    assert office.attacked(cell, (teams, roles)) == pytest.approx((0, 11))


def test_roles_are_shown_where_they_give_nobody_away() -> None:
    """Beside withheld teams as well: no crossing of what is shown is small."""
    assert OPEN_BETWEEN_TWO.withheld() == (["C", "B"], [])
    assert OPEN_BETWEEN_TWO.attacked((1, 0, 4), (["C", "B"], [])) == pytest.approx((0, 20))


def test_roles_are_withheld_by_themselves_where_there_is_one_team() -> None:
    office = crossed("A A A", "EO HEO SEO", [5, 5, 1], [30, 40, 7], [9, 10, 2])
    assert office.withheld() == ([], ["SEO", "EO"])


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


def test_no_role_is_in_a_published_file_where_it_would_give_a_person_away(own_run, rewrite):
    """Both teams and both roles have three people and cases enough, but only P_a1 is HEO in A."""
    daily = own_run.table("panels/daily_panel.parquet")
    roles = daily["investigator"].map({"P_a1": "HEO", "P_b5": "HEO", "P_b6": "HEO"}).fillna("EO")
    rewrite(daily.assign(role=roles), own_run.path("panels/daily_panel.parquet"))
    assert group_sizes(own_run, "role")["people"].tolist() == [3, 3]
    assert shown_groups(own_run, "role") == []
    assert teams_left_out(own_run).startswith("All 2 teams are shown. 2 of 2 roles are not shown: with the teams")
    for path in publish(own_run):
        if path.suffix == ".parquet":
            assert not pd.read_parquet(path)["location"].str.startswith("role/").any()
            continue
        table = pd.read_csv(path)
        assert "level" not in table or set(table["level"]) <= {"office", "team"}, path.name


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
