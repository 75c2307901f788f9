"""What the page and the terminal say of scenarios, worked out by hand."""

import json

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from bayes_backlog.reporting.markdown import TO
from bayes_backlog.reporting.scenario_tables import (
    BASE,
    compared,
    needed_staff_table,
    scenario_fan,
    scenario_sentence,
    scenario_table,
)
from bayes_backlog.runs import write_text


def without_scenarios(run):
    manifest = run.manifest()
    del manifest["stages"]["scenario more"]
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
    assert f"\u22127 (\u221214{TO}0)" in more
    assert more.endswith("| 50\u00a0% |")


def test_a_run_without_scenarios_says_so(tiny_run, own_run):
    assert scenario_sentence(tiny_run).startswith("1 scenario of the configuration")
    bare = without_scenarios(own_run)
    assert "bayes-backlog scenario" in scenario_sentence(bare)
    assert scenario_fan(bare)["panel"].unique().tolist() == [BASE]
    assert len(scenario_table(bare).splitlines()) == 3


@pytest.mark.parametrize(("fte", "words"), [(3.25, "3.2"), (np.inf, "more than 16")])
def test_the_staff_needed_in_words(fte, words):
    row = {"quantity": "backlog", "at_most": 200, "target_date": pd.Timestamp("2025-09-26"), "prob": 0.8}
    row |= {"team": "[bold]A", "role": "EO", "first_date": pd.Timestamp("2025-07-14"), "overtime": 0.1, "inflow": -0.05}
    row |= {"fte": fte, "fte_lower": 2.0, "fte_upper": fte, "most_tried": 16, "met_without": 0.31}
    console = Console(width=160)
    with console.capture() as told:
        console.print(needed_staff_table(pd.DataFrame([row])))
    assert words in told.get()
    assert "+10%" in told.get()
    assert "-5%" in told.get()
    assert "EO in [bold]A" in told.get()
