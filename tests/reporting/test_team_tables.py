"""Teams: the past of the people in them, and what is too small to publish."""

import pytest

from bayes_backlog.reporting.team_tables import (
    group_history,
    group_sizes,
    shown_groups,
    team_fan,
    team_table,
    teams_left_out,
    withheld_groups,
)

B = "B|<script>alert(1)</script>"


def moved(run, rewrite, **teams):
    """Let people sit in another team all the time."""
    daily = run.table("panels/daily_panel.parquet")
    seats = [teams.get(who, team) for who, team in zip(daily["investigator"], daily["team"], strict=True)]
    rewrite(daily.assign(team=seats), run.path("panels/daily_panel.parquet"))
    return run


def test_teams_are_the_sum_of_their_people(tiny_run):
    assert group_sizes(tiny_run, "team").to_dict("index") == {"A": {"people": 3, "wip": 12}, B: {"people": 3, "wip": 9}}
    assert group_history(tiny_run, "wip", "team").loc["2024-11-01", ["A", B]].tolist() == [7, 9]
    assert group_history(tiny_run, "allocated", "team")["A"].sum() == 12
    assert group_history(tiny_run, "signed_off", "role")["EO"].sum() == 0


def test_a_person_who_moves_takes_the_work_along(own_run, rewrite):
    daily = own_run.table("panels/daily_panel.parquet")
    late = (daily["date"] >= "2025-01-10") & (daily["investigator"] == "P_b4")
    rewrite(daily.assign(team=daily["team"].mask(late, "A")), own_run.path("panels/daily_panel.parquet"))
    wip = group_history(own_run, "wip", "team")
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
    # A got five cases on one of the last ten working days, and gets one on each of the next ten.
    assert fan.loc[("A", "2025-01-15"), "observed"] == 5
    assert fan.loc[("A", "2025-01-20"), "q50"] == 8
    assert fan.loc[("A", "2025-01-29"), "q50"] == 15


@pytest.mark.parametrize(
    ("teams", "hidden"),
    [
        ({}, ()),
        ({"P_b4": "C", "P_b5": "C"}, ("C", B, "A")),  # two people, one with one case: together three, so A as well
        ({"P_b6": "A"}, (B, "A")),  # one small team, and the one it could be worked out from
    ],
)
def test_small_teams_are_hidden_and_never_alone(own_run, rewrite, teams, hidden):
    run = moved(own_run, rewrite, **teams)
    assert withheld_groups(run, "team") == hidden
    assert set(shown_groups(run, "team")).isdisjoint(hidden)


def test_what_is_left_out_is_said(own_run, rewrite):
    run = moved(own_run, rewrite, P_b4="C", P_b5="C")
    assert teams_left_out(run).startswith("3 of 3 teams are not shown: fewer than 3 people, fewer than 5 cases")
    assert "| C |" not in team_table(run)


def test_all_teams_are_said_to_be_shown(tiny_run):
    assert teams_left_out(tiny_run) == "All 2 teams are shown."


def test_people_without_a_team_are_not_shown_as_one(own_run, rewrite):
    daily = own_run.table("panels/daily_panel.parquet")
    rewrite(daily.assign(team=daily["team"].where(daily["team"] == "A")), own_run.path("panels/daily_panel.parquet"))
    assert shown_groups(own_run, "team") == ["A"]
    assert teams_left_out(own_run) == "All 1 teams are shown."


def test_the_table_shows_labels_literally(tiny_run):
    lines = team_table(tiny_run).replace("\u2060", "").replace("\u00a0", " ").splitlines()
    assert lines[2] == "| A | 3 | 12 | 22 (22–22) | 10 (10–10) | 0 (0–0) |"
    assert lines[3].startswith(r"| B\|\<script\>alert\(1\)\<\/script\> | 3 | 9 |")
