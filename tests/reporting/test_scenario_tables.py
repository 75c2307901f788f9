"""What the page and the terminal say of scenarios, worked out by hand."""

import json

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from bayes_backlog.reporting.markdown import TO
from bayes_backlog.reporting.scenario_tables import (
    BASE,
    NOT_ASKED,
    ages_table,
    compared,
    needed_staff_table,
    needed_table,
    scenario_fan,
    scenario_sentence,
    scenario_table,
)
from bayes_backlog.runs import write_text


def without_scenarios(run):
    manifest = run.manifest()
    for stage in ("scenario more", "needed target"):
        del manifest["stages"][stage]
    write_text(json.dumps(manifest), run.path("manifest.json"))
    return run


def test_only_scenarios_of_this_forecast_are_shown(tiny_run, own_run):
    """One that is configured and was not made, or was made with another forecast, is not."""
    assert compared(tiny_run) == {"more": "More | staff"}
    assert compared(without_scenarios(own_run)) == {}


def test_the_picture_shows_futures_and_what_changes(tiny_run):
    """Half the draws are 14 lower on the last day; the change begins at nought on the last known one."""
    fan = scenario_fan(tiny_run)
    assert fan["panel"].unique().tolist() == [BASE, "More | staff", "change: More | staff"]
    change = fan[fan["panel"] == "change: More | staff"].set_index("date")
    assert change.loc["2025-01-15", ["observed", "q05", "q95"]].tolist() == [0, 0, 0]
    assert change.loc["2025-01-29", ["q05", "q50", "q95"]].tolist() == [-14, -7, 0]
    more, base = (fan[fan["panel"] == panel].set_index("date") for panel in ("More | staff", BASE))
    assert more["observed"].equals(base["observed"])
    assert more.loc["2025-01-29", "q05"] < base.loc["2025-01-29", "q05"]


def test_the_table_has_the_paired_change_and_its_probability(tiny_run):
    base, more = scenario_table(tiny_run).splitlines()[2:]
    assert f"107 (50{TO}164)" in base
    assert "More \\| staff" in more
    assert "\u22127 (\u221214\u00a0to 0)" in more
    assert more.endswith("| 50\u00a0% |")


def test_how_long_cases_wait_is_told_for_every_future(tiny_run):
    """Half the futures of the scenario have fewer waiting cases at the end, so a smaller share of them is old."""
    base, more = (line.replace("\u00a0", " ") for line in ages_table(tiny_run).splitlines()[2:])
    assert base.startswith(f"| {BASE} |")
    ages = tiny_run.table("scenarios/more/queue_age.csv").query("measure == 'share_over_30'").iloc[-1]
    assert f"| {100 * ages['q50']:.0f} % ({100 * ages['q05']:.0f} %" in more
    assert more.split("|")[2] != base.split("|")[2]


def test_the_staff_that_a_target_needs_stand_with_their_interval(tiny_run, own_run):
    """0.4 + 0.16 x reaches a half at 0.7 FTE, and nine tenths with no number tried."""
    alone, overtime = (
        line.replace("\u00a0", " ").replace("\u2060", "") for line in needed_table(tiny_run).splitlines()[2:]
    )
    assert "backlog of at most 60 on 29 January 2025 with 80 % probability | as forecast |" in alone
    assert "EO in A\\|1 from 16 January 2025" in alone
    assert f"| 2.5 (2.0{TO}3.0) | 0.7 | more than 4 | 40 % |".replace("\u2060", "") in alone
    assert "as forecast, +10 % overtime" in overtime
    assert f"| 0.0 (0.0{TO}0.2) | 0.0 | 0.0 | 85 % |".replace("\u2060", "") in overtime
    assert needed_table(without_scenarios(own_run)) == NOT_ASKED


def test_a_run_without_scenarios_says_so(tiny_run, own_run):
    assert scenario_sentence(tiny_run).startswith("1 scenario of the configuration")
    bare = without_scenarios(own_run)
    assert "bayes-backlog scenario" in scenario_sentence(bare)
    assert scenario_fan(bare)["panel"].unique().tolist() == [BASE]
    assert len(scenario_table(bare).splitlines()) == 3


@pytest.mark.parametrize(("fte", "words"), [(3.25, "3.2"), (np.inf, ">16 (2.0 to >16)")])
def test_the_staff_needed_in_words(fte, words):
    row = {"quantity": "backlog", "at_most": 200, "target_date": pd.Timestamp("2025-09-26"), "prob": 0.8}
    row |= {
        "team": "[bold]A",
        "role": "[b]EO",
        "first_date": pd.Timestamp("2025-07-14"),
        "overtime": 0.1,
        "inflow": -0.05,
    }
    row |= {"fte": fte, "fte_lower": 2.0, "fte_upper": fte, "most_tried": 16, "met_without": 0.31}
    console = Console(width=160)
    with console.capture() as told:
        console.print(needed_staff_table(pd.DataFrame([row])))
    assert words in told.get()
    assert "+10%" in told.get()
    assert "-5%" in told.get()
    assert "[b]EO" in told.get()
    assert "2025-07-14" in told.get()
    assert "in [bold]A" in told.get()
