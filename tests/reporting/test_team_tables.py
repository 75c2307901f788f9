"""Teams: the past of the people in them, and what is too small to publish."""

import pandas as pd
import pytest

from bayes_backlog.reporting.team_tables import (
    hidden_teams,
    shown_teams,
    team_fan,
    team_history,
    team_sizes,
    team_table,
    teams_left_out,
    too_small,
)

B = "B|<b>"


def moved(run, rewrite, **teams):
    """Let people sit in another team all the time."""
    daily = run.table("panels/daily_panel.parquet")
    seats = [teams.get(who, team) for who, team in zip(daily["investigator"], daily["team"], strict=True)]
    rewrite(daily.assign(team=seats), run.path("panels/daily_panel.parquet"))
    return run


def test_teams_are_the_sum_of_their_people(tiny_run):
    assert team_sizes(tiny_run).to_dict("index") == {"A": {"people": 3, "wip": 12}, B: {"people": 3, "wip": 9}}
    assert team_history(tiny_run, "wip").loc["2024-11-01", ["A", B]].tolist() == [2, 9]
    assert team_history(tiny_run, "allocated")["A"].sum() == 12


def test_a_person_who_moves_takes_the_work_along(own_run, rewrite):
    daily = own_run.table("panels/daily_panel.parquet")
    late = (daily["date"] >= "2025-01-10") & (daily["investigator"] == "P_b4")
    rewrite(daily.assign(team=daily["team"].mask(late, "A")), own_run.path("panels/daily_panel.parquet"))
    wip = team_history(own_run, "wip")
    assert wip.loc["2025-01-09", B] == 9
    assert wip.loc["2025-01-12", B] == 3
    assert wip.sum(axis=1).iloc[-1] == 21


def test_the_fan_joins_on_the_last_known_day(tiny_run):
    fan = team_fan(tiny_run, "wip").set_index(["panel", "date"])
    assert list(fan.index.get_level_values(0).unique()) == ["A", B]
    assert fan.loc[("A", "2025-01-15"), ["observed", "q50"]].tolist() == [12, 12]
    assert fan.loc[("A", "2025-01-29"), "q50"] == 22


def test_flows_are_summed_over_four_weeks_past_the_cutoff(tiny_run):
    fan = team_fan(tiny_run, "allocated").set_index(["panel", "date"])
    # A got one case on each of the last ten working days, and gets one on each of the next ten.
    assert fan.loc[("A", "2025-01-15"), "observed"] == 10
    assert fan.loc[("A", "2025-01-20"), "q50"] == 13
    assert fan.loc[("A", "2025-01-29"), "q50"] == 20


def test_counts_too_small_to_publish_are_missing_from_the_past(tiny_run):
    fan = team_fan(tiny_run, "allocated").set_index(["panel", "date"])["observed"]
    # Four weeks on: two cases of A are too few, and B's nine would give them away.
    assert fan.loc[[("A", "2024-11-28"), (B, "2024-11-28")]].isna().all()
    assert fan.loc[(B, "2025-01-15")] == 0


def test_small_counts_take_the_next_smallest_along_only_when_alone():
    counts = pd.DataFrame({"A": [9, 9, 9], "B": [7, 4, 9], "C": [3, 2, 9], "D": [0, 0, 0]})
    assert too_small(counts, hidden=[]).to_numpy().tolist() == [
        [False, True, True, False],
        [False, True, True, False],
        [False, False, False, False],
    ]
    assert too_small(counts, hidden=["A"]).iloc[2].tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("teams", "hidden"),
    [
        ({}, []),
        ({"P_b4": "C", "P_b5": "C"}, ["C", B]),  # two people, and one with one case
        ({"P_b6": "A"}, [B, "A"]),  # one small team, and the one it could be worked out from
    ],
)
def test_small_teams_are_hidden_and_never_alone(own_run, rewrite, teams, hidden):
    run = moved(own_run, rewrite, **teams)
    assert hidden_teams(run) == hidden
    assert set(shown_teams(run)).isdisjoint(hidden)


def test_what_is_left_out_is_said(own_run, rewrite):
    assert teams_left_out(own_run) == "All 2 teams are shown."
    run = moved(own_run, rewrite, P_b4="C", P_b5="C")
    assert teams_left_out(run).startswith("2 of 3 teams are not shown: fewer than 3 people or 5 open cases")
    assert "| C |" not in team_table(run)


def test_people_without_a_team_are_not_shown_as_one(own_run, rewrite):
    daily = own_run.table("panels/daily_panel.parquet")
    rewrite(daily.assign(team=daily["team"].where(daily["team"] == "A")), own_run.path("panels/daily_panel.parquet"))
    assert shown_teams(own_run) == ["A"]
    assert teams_left_out(own_run) == "All 1 teams are shown."


def test_the_table_shows_labels_literally(tiny_run):
    lines = team_table(tiny_run).replace("\u2060", "").replace("\u00a0", " ").splitlines()
    assert lines[2] == "| A | 3 | 12 | 22 (22–22) | 10 (10–10) | 0 (0–0) |"
    assert lines[3].startswith(r"| B\|\<b\> | 3 | 9 |")
