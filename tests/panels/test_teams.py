"""What was done in which team follows the roster of the day."""

import numpy as np
import pandas as pd

from bayes_backlog.panels import Panels
from bayes_backlog.panels.teams import team_flows, team_of, wip_by_team

FLOWS = ("allocated", "signed_off")


def roster() -> pd.DataFrame:
    """Bob moves from north to south on 17 February."""
    spells = [("ann", "north", "2024-01-01"), ("bob", "south", "2025-02-17"), ("bob", "north", "2024-01-01")]
    table = pd.DataFrame(spells, columns=["investigator", "team", "first_date"]).astype({"investigator": "str"})
    return table.assign(first_date=pd.to_datetime(table["first_date"]).astype("datetime64[us]"))


def events(rows: list[tuple[str, str | None, str]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["date", "investigator", "event"]).astype({"investigator": "str"})
    return table.assign(date=pd.to_datetime(table["date"]).astype("datetime64[us]"))


def test_the_team_of_a_day_is_that_of_the_spell_begun_by_then() -> None:
    """Before the first spell the first one answers; a stranger and nobody are in no team."""
    asked = pd.DataFrame(
        [
            ("bob", "2023-06-01", "north"),
            ("bob", "2025-02-16", "north"),
            ("bob", "2025-02-17", "south"),
            ("bob", "2030-01-01", "south"),
            ("ann", "2025-02-17", "north"),
            ("eve", "2025-02-17", "(none)"),
            (None, "2025-02-17", "(none)"),
        ],
        columns=["who", "date", "team"],
        index=[7, 3, 5, 1, 2, 9, 4],
    )
    found = team_of(roster(), asked["who"].astype("str"), pd.to_datetime(asked["date"]))
    assert found.to_dict() == asked["team"].to_dict()


def test_team_of_takes_dates_of_any_resolution() -> None:
    for unit in ("s", "us", "ns"):
        when = pd.Series(pd.DatetimeIndex(["2025-02-17"]).as_unit(unit))
        assert team_of(roster(), pd.Series(["bob"], dtype="str"), when).tolist() == ["south"]


def test_events_count_for_the_team_of_the_day() -> None:
    """Bob's Saturday case stands on Monday the 17th; the team is still that of the Saturday, north."""
    days = pd.bdate_range("2025-02-13", "2025-02-18").as_unit("us")
    rows = [
        ("2025-02-13", "bob", "allocated"),
        ("2025-02-15", "bob", "allocated"),
        ("2025-02-18", "bob", "allocated"),
        ("2025-02-18", "bob", "signed_off"),
        ("2025-02-18", None, "allocated"),
        ("2025-02-18", "ann", "closed"),
    ]
    found = team_flows(events(rows), roster(), FLOWS, pd.DatetimeIndex(days))
    assert {team: counts.tolist() for team, counts in found.items()} == {
        "(none)": [[0, 0], [0, 0], [0, 0], [1, 0]],
        "north": [[1, 0], [0, 0], [1, 0], [0, 0]],
        "south": [[0, 0], [0, 0], [0, 0], [1, 1]],
    }


def test_work_moves_with_whoever_holds_it() -> None:
    rows = [("2025-02-13", "bob", "allocated"), ("2025-02-14", "ann", "allocated"), ("2025-02-20", "ann", "signed_off")]
    log = events(rows)
    assert wip_by_team(log, roster(), pd.Timestamp("2025-02-14")).to_dict() == {"north": 2}
    assert wip_by_team(log, roster(), pd.Timestamp("2025-02-17")).to_dict() == {"north": 1, "south": 1}
    assert wip_by_team(log, roster(), pd.Timestamp("2025-02-20")).to_dict() == {"north": 0, "south": 1}


def test_teams_add_up_to_the_office(small_panels: Panels) -> None:
    days = pd.DatetimeIndex(small_panels.office.index)
    found = team_flows(small_panels.events, small_panels.roster, FLOWS, days)
    total = np.sum(list(found.values()), axis=0)
    assert (total == small_panels.office[list(FLOWS)].to_numpy()).all()
