"""Parameters as rate ratios, from a posterior of round values."""

import numpy as np
import pytest
import xarray as xr

from bayes_backlog.reporting.parameter_tables import (
    calendar_ratios,
    calendar_sentence,
    group_ratios,
    group_table,
    shrinkage,
    shrinkage_sentence,
    state_ratios,
    state_table,
    swings,
    swings_table,
)
from bayes_backlog.runs import write_dataset


def text(markdown: str) -> str:
    return markdown.replace("\u00a0", " ").replace("\u2060", "")


def test_calendar_effects_are_rate_ratios_and_friday_is_what_the_others_leave(tiny_run):
    ratios = calendar_ratios(tiny_run).set_index(["panel", "effect"])["median"]
    assert ratios["signed off", "last day of month"] == pytest.approx(3)
    assert ratios["received", "Monday"] == pytest.approx(2**0.25)
    assert ratios["received", "Friday"] == pytest.approx(0.5)
    assert ratios["allocated", "school term"] == pytest.approx(1)
    assert "sin_1" not in ratios.index.get_level_values("effect")


def test_the_strongest_effect_is_named(tiny_run):
    assert text(calendar_sentence(tiny_run)).startswith(
        "The calendar effect farthest from none, “last day of month”, multiplies signed off cases by 3.00 (3.00–3.00). "
        "Intervals here and below are 90 % credible"
    )


def test_the_interval_is_the_central_one_of_the_stated_probability(own_run):
    posterior = own_run.tree("model/posterior.nc")
    data = posterior["posterior"].to_dataset()
    shape = {"chain": 2, "draw": 2}
    data["elasticity"] = data["elasticity"] * 0 + xr.DataArray([[0.0, 1.0], [2.0, 3.0]], dims=tuple(shape))
    write_dataset(xr.DataTree.from_dict({"posterior": data}), own_run.path("model/posterior.nc"))
    row = state_ratios(own_run).iloc[0]
    # Of the draws 1, 2, 4, 8 the 5 % and 95 % points are 1.15 and 7.4.
    assert (row["low"], row["median"], row["high"]) == pytest.approx((1.15, 3.0, 7.4))


def test_answers_to_what_waits(tiny_run):
    ratios = state_ratios(tiny_run)
    assert ratios["median"].tolist() == pytest.approx([2**0.5] * 4)
    assert "| signed off | a person's own work in progress doubles | 1.41 (1.41–1.41) |" in text(state_table(tiny_run))


def test_swings_are_per_cent_of_the_usual_rate(tiny_run):
    table = swings(tiny_run).set_index(["flow", "parameter"])["median"]
    assert table["received"].to_dict() == pytest.approx(
        {"dispersion": 0.2, "week_sd": 0.2, "week_persistence": 0.75, "level_sd": 0.1}
    )
    row = text(swings_table(tiny_run)).splitlines()[2]
    assert row == "| received | 20 (20–20) | 20 (20–20) | 75 (75–75) | 10 (10–10) |"


def test_how_weeks_of_two_flows_go_together_has_a_line_of_its_own(own_run):
    data = own_run.tree("model/posterior.nc")["posterior"].to_dataset()
    data["week_correlation"] = (("chain", "draw", "week_pair"), np.full((2, 2, 1), -0.4))
    data = data.assign_coords(week_pair=["received~signed_off"])
    write_dataset(xr.DataTree.from_dict({"posterior": data}), own_run.path("model/posterior.nc"))
    *_, row = text(swings_table(own_run)).splitlines()
    assert [cell.strip() for cell in row.split("|")[1:-1]] == [
        "received and signed off",
        *[""] * 3,
        "\u221240 (\u221240 to \u221240)",
        "",
    ]


def test_parts_that_are_switched_off_are_left_out(own_run):
    data = own_run.tree("model/posterior.nc")["posterior"].to_dataset()
    data = data.drop_vars(["week_sd", "week_persistence", "level_sd", "elasticity"])
    write_dataset(xr.DataTree.from_dict({"posterior": data}), own_run.path("model/posterior.nc"))
    assert swings(own_run)["parameter"].unique().tolist() == ["dispersion"]
    assert state_ratios(own_run).empty
    assert state_table(own_run).count("\n") == 1


def test_an_office_of_one_role_has_nothing_between_roles(own_run):
    data = own_run.tree("model/posterior.nc")["posterior"].to_dataset()
    data = data.assign_coords(team=["A", "B"], role=["EO", "(unused 1)"])
    write_dataset(xr.DataTree.from_dict({"posterior": data}), own_run.path("model/posterior.nc"))
    table = group_table(own_run)
    assert "between teams" in table
    assert "between roles" not in table


def test_rates_of_people_are_drawn_together_and_bear_no_name(tiny_run, monkeypatch):
    monkeypatch.setattr("bayes_backlog.reporting.parameter_tables.FEWEST_DRAWN", 6)
    table = shrinkage(tiny_run)
    allocated = table[table["panel"] == "allocated"]
    # Seven cases a day over six people: one of them at two, the others at one.
    assert allocated["raw"].tolist() == pytest.approx([6 / 7] * 5 + [12 / 7])
    assert allocated["estimated"].tolist() == pytest.approx([1.0] * 6)
    assert list(table.columns) == ["panel", "fte_days", "raw", "estimated"]
    assert "0 % for allocated" in text(shrinkage_sentence(tiny_run))


def test_people_who_were_hardly_there_are_not_drawn(tiny_run, monkeypatch):
    monkeypatch.setattr("bayes_backlog.reporting.parameter_tables.FEWEST_DRAWN", 6)
    days = tiny_run.table("panels/daily_panel.parquet").groupby("investigator")["exposure"].sum().max()
    monkeypatch.setattr("bayes_backlog.reporting.parameter_tables.FEWEST_DAYS", days + 1)
    assert shrinkage(tiny_run).empty


def test_people_of_a_small_office_are_not_drawn(tiny_run):
    assert shrinkage(tiny_run).empty
    assert shrinkage_sentence(tiny_run).startswith("With fewer than 10 people")


def test_groups_are_compared_without_naming_anybody(tiny_run):
    table = group_ratios(tiny_run).set_index(["flow", "group"])["median"]
    assert table["allocated"].to_dict() == pytest.approx(
        {"investigator_sd": 1.5, "team_sd": 1.25, "role_sd": 1.0, "ramp": 0.5}
    )
    assert "P_" not in group_table(tiny_run)
