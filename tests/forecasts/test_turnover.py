"""How often people leave or move, read off rosters that are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayes_backlog.forecasts.turnover import estimated_moving, estimated_turnover

AS_OF = pd.Timestamp("2023-12-31")


def roster(*spells: tuple[str, str, str, str | None]) -> pd.DataFrame:
    """Spells of (investigator, team, first_date, last_date)."""
    table = pd.DataFrame(spells, columns=["investigator", "team", "first_date", "last_date"])
    return table.astype({"first_date": "datetime64[us]", "last_date": "datetime64[us]"})


def test_turnover_estimated_from_a_roster() -> None:
    """Ten people for two years, four of whom have left: 4.5 leavers in the years they were there, and five."""
    people = [(name, "A", "2022-01-01", "2022-12-31" if name in "abcd" else None) for name in "abcdefghij"]
    found = estimated_turnover(roster(*people, ("a", "A", "2021-01-01", "2021-12-31")), AS_OF)
    assert found.n_seen == 4.5
    assert found.annual_rate == pytest.approx(4.5 / (6 * 2 + 4 + 1 + 5), rel=0.01)


MOVES = roster(
    ("longer ago", "A", "2020-01-01", "2022-06-30"),
    ("longer ago", "B", "2022-07-01", None),
    ("moved", "A", "2020-01-01", "2023-06-30"),
    ("moved", "B", "2023-07-01", None),
    ("other role", "A", "2020-01-01", "2023-06-30"),
    ("other role", "A", "2023-07-01", None),
    ("left", "C", "2020-01-01", "2023-06-30"),
    ("known to move", "A", "2020-01-01", "2024-01-31"),
    ("known to move", "B", "2024-02-01", None),
    ("newcomer", "B", "2023-07-01", None),
    ("of no team", "(none)", "2020-01-01", "2023-03-31"),
    ("of no team", "A", "2023-04-01", None),
)


def test_moves_of_the_last_year_count_between_teams() -> None:
    """Of all changes one is a move between teams in the last year; people of a team are there for 5.75 years of it."""
    found = estimated_moving(MOVES, AS_OF, ("A", "B", "C"))
    assert found.turnover.n_seen == 1.5
    assert found.turnover.annual_rate == pytest.approx(1.5 / (5.75 + 5), rel=0.02)
    assert found.placed == {"left", "known to move"}


def test_who_moves_goes_where_people_are() -> None:
    """Three sit in A, three in B, and nobody is left in C."""
    assert estimated_moving(MOVES, AS_OF, ("A", "B", "C", "new")).people.tolist() == [3, 3, 0, 0]


def test_an_earlier_day_knows_less() -> None:
    before = estimated_moving(MOVES, pd.Timestamp("2023-06-30"), ("A", "B", "C"))
    assert before.turnover.n_seen == 1.5  # the move of the year before
    assert before.people.tolist() == [2, 1, 0]
    assert {"moved", "other role"} <= before.placed


def test_a_team_renamed_is_one_move() -> None:
    """Ten people who are called C one day and D the next are not ten who moved."""
    renamed = [(name, "C", "2020-01-01", "2023-08-31") for name in "abcdefghij"]
    renamed += [(name, "D", "2023-09-01", None) for name in "abcdefghij"]
    assert estimated_moving(roster(*renamed), AS_OF, ("C", "D")).turnover.n_seen == 1.5
    one_by_one = [(name, team, f"2023-09-{k + 10}", last) for k, (name, team, _, last) in enumerate(renamed[10:])]
    assert estimated_moving(roster(*renamed[:10], *one_by_one), AS_OF, ("C", "D")).turnover.n_seen == 10.5


def test_a_team_that_is_missing_is_none() -> None:
    unnamed = MOVES.assign(team=MOVES["team"].replace("(none)", None))
    assert estimated_moving(unnamed, AS_OF, ("A", "B", "C")).turnover == estimated_moving(MOVES, AS_OF, ()).turnover


def test_a_short_record_says_little() -> None:
    """Six people for twenty days, none of whom moved: that is no rate of 1.5 moves a year."""
    short = roster(*((name, "AB"[k % 2], "2023-12-12", None) for k, name in enumerate("abcdef")))
    found = estimated_moving(short, AS_OF, ("A", "B"))
    assert found.turnover.annual_rate == pytest.approx(0.5 / 5.33, rel=0.01)


def test_an_office_of_one_team_hardly_moves() -> None:
    alone = roster(*((name, "A", "2020-01-01", None) for name in "abcdefgh"))
    found = estimated_moving(alone, AS_OF, ("A",))
    assert found.turnover.annual_rate == pytest.approx(0.5 / (8 + 5), rel=0.01)
    assert np.array_equal(found.people, [8])
