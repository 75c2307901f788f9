"""Verdicts and replicates as the checks page shows them."""

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.text import Text

from bayes_backlog.inference.checks import LABELS
from bayes_backlog.reporting.check_tables import (
    STATISTICS,
    calibration,
    convergence,
    convergence_sentence,
    convergence_table,
    left_out,
    parity_table,
    predictive,
    predictive_sentences,
    predictive_table,
    replicates,
    row_count_numbers,
    row_counts,
    row_counts_sentence,
    sensitivity_sentence,
    sensitivity_table,
)
from bayes_backlog.reporting.figure_numbers import gap_numbers
from bayes_backlog.reporting.figures import gap_panels, rootogram_panels
from bayes_backlog.runs import update_manifest


def lines(markdown: str) -> list[str]:
    return markdown.replace("\u00a0", " ").splitlines()


def test_verdicts_are_parted_by_gate(tiny_run):
    assert convergence(tiny_run)["check"].tolist() == ["R-hat", "bulk ESS", "divergences"]
    assert predictive(tiny_run)[["flow", "statistic"]].to_numpy().tolist() == [
        ["received", "day_sd"],
        ["signed_off", "week_sd"],
    ]


def test_the_sampler_has_limits_verdicts_and_reasons(tiny_run):
    rows = lines(convergence_table(tiny_run))[2:]
    assert rows[0] == (
        r"| [R\-hat]{.verdict .green} chains that started apart ended up agreeing | largest R\-hat 1.003 \(intercept\) "
        "| ≤ 1.01 |"
    )
    assert rows[1].endswith("| ≥ 400 |")
    assert rows[2].startswith("| [divergences]{.verdict .amber}")
    assert rows[2].endswith("| ≤ 0.1 % |")
    assert convergence_sentence(tiny_run) == (
        "2 chains drew 1,000 times each after 500 draws of warm-up (seed 7). 2 of 3 checks are green, 1 amber."
    )


def test_every_statistic_has_a_heading_and_a_section():
    assert set(STATISTICS) == set(LABELS)
    page = (Path(__file__).parents[2] / "reports" / "checks.qmd").read_text(encoding="utf-8")
    assert [name for name in LABELS if f'replicates(run, "{name}")' not in page] == []


def test_predictive_checks_stand_by_flow_and_statistic(tiny_run):
    rows = lines(predictive_table(tiny_run))[2:]
    assert rows == [
        "| received | [0.40]{.verdict .green} |  |  |  |  |  |",
        "| signed off |  |  | [0.20]{.verdict .green} |  |  |  |",
    ]
    assert predictive_sentences(tiny_run) == [
        "All 2 comparisons are green. Of a perfect model about 0.1 of 2 would not be green, since p-values below 0.05 "
        "come by chance too."
    ]


@pytest.mark.parametrize("status", ["amber", "red"])
def test_a_check_that_is_not_green_is_told_in_full(own_run, rewrite, status):
    verdicts = own_run.table("model/verdicts.csv")
    verdicts.loc[verdicts["check"] == "signed_off week_sd", "status"] = status
    rewrite(verdicts, own_run.path("model/verdicts.csv"))
    first, warning = predictive_sentences(own_run)
    assert first.startswith(f"1 of 2 comparisons are green, 1 {status}.")
    assert (
        warning == f"[{status}]{{.verdict .{status}}} signed off, spread of week totals: 5.00, expected 4.00 to 8.00."
    )


def test_replicates_of_one_statistic(tiny_run):
    table = replicates(tiny_run, "day_sd")
    assert table.to_dict("list") == {
        "panel": ["received"] * 3,
        "replicate": [1.0, 2.0, 3.0],
        "observed": [2.0] * 3,
        "status": ["green"] * 3,
    }
    assert replicates(tiny_run, "team_week_sd").empty


def test_programs_that_differ_are_shown_as_such(tiny_run):
    rows = lines(parity_table(tiny_run))[2:]
    assert rows[0].startswith(r"| [signed\_off: Bambi and PyMC]{.verdict .green} | 2e-11 | 1e-06 |")
    assert rows[1].startswith(r"| [signed\_off: as sampled and PyMC]{.verdict .red} | 3e-01 |")


def test_sensitivity_to_priors_has_a_line_each_and_names_what_is_felt(own_run, rewrite):
    assert sensitivity_table(own_run).startswith("*This run holds no study")
    assert sensitivity_sentence(own_run) == ""
    rows = [
        ("week_sd", "wip", 0.08, 101.0, 100.0, 97.0, "amber"),
        ("week_sd", "backlog", 0.01, 50.0, 50.0, 51.0, "green"),
        ("ramp", "backlog", 0.004, 50.0, 50.0, 50.0, "green"),
        ("ramp", "wip", 0.003, 100.0, 100.0, 100.0, "green"),
    ]
    columns = ["prior", "quantity", "sensitivity", "weaker", "median", "stronger", "status"]
    table = pd.DataFrame(rows, columns=columns)
    rewrite(table, own_run.path("model/sensitivity.csv"))
    lines = sensitivity_table(own_run).replace("\u00a0", " ").splitlines()
    assert lines[2:] == [
        "| [week sd]{.verdict .amber} | 50, 50, 51 | 101, 100, 97 | 0.08 (wip) |",
        "| [ramp]{.verdict .green} | 50, 50, 50 | 100, 100, 100 | 0.00 (backlog) |",
    ]
    assert "feels the prior of week sd (wip)" in sensitivity_sentence(own_run)
    rewrite(table.assign(status="green"), own_run.path("model/sensitivity.csv"))
    assert sensitivity_sentence(own_run) == "The answer hangs on no prior."


def test_totals_left_out_are_set_against_their_band(own_run, rewrite):
    assert left_out(own_run).empty
    assert len(gap_panels(left_out(own_run)).axes) == 1
    places = pd.DataFrame(
        {"flow": ["received"] * 2 + ["signed_off"] * 2, "place": [0.25, 0.5] * 2, "share": [0.3, 0.5, 0.05, 0.9]}
    ).assign(low=0.1, high=0.7)
    rewrite(places, own_run.path("model/loo_pit_places.parquet"))
    rewrite(
        pd.DataFrame({"check": ["received", "signed_off"], "status": ["green", "amber"]}),
        own_run.path("model/loo_pit.csv"),
    )
    table = left_out(own_run)
    assert table["panel"].tolist() == ["received"] * 2 + ["signed off"] * 2
    assert table["gap"].round(9).tolist() == [0.05, 0.0, -0.2, 0.4]
    assert table["high"].round(9).tolist() == [0.45, 0.2] * 2
    drawn = {text.get_text() for text in gap_panels(table).findobj(Text)}
    assert {"received", "signed off"} <= drawn
    assert "-0.200 to +0.400]{.verdict .amber} | -0.400 to +0.450 |" in gap_numbers(table)


def test_days_of_people_are_set_against_their_band(own_run, rewrite):
    assert row_counts(own_run).empty
    assert row_counts_sentence(own_run).startswith("*This run did not")
    assert row_count_numbers(row_counts(own_run)) == ""
    assert len(rootogram_panels(row_counts(own_run)).axes) == 1
    rows = [("allocated", 0, 900, 900.5, 870, 930), ("allocated", 1, 100, 99.5, 70, 130)]
    rows += [
        ("signed_off", 0, 960, 900.2, 870, 930),
        ("signed_off", 1, 40, 90.1, 70, 110),
        ("signed_off", 2, 0, 9.7, 0, 19),
    ]
    table = pd.DataFrame(rows, columns=["flow", "cases", "observed", "expected", "low", "high"])
    rewrite(table, own_run.path("model/row_counts.csv"))
    told = row_counts(own_run)
    assert told["cases"].tolist() == ["0", "1 or more", "0", "1", "2 or more"]
    assert told["status"].tolist() == ["green", "green", "amber", "amber", "green"]
    assert row_counts_sentence(own_run) == "Of 5 numbers, 2 are outside their band: signed off (0 and 1)."
    shown = [line.replace("\u2060", "") for line in lines(row_count_numbers(told))]
    assert "| signed off | 1 | [40]{.verdict .amber} | 90 (70–110) |" in shown
    assert "| signed off | 2 or more | [0]{.verdict .green} | 10 (0–19) |" in shown
    rewrite(table[table["flow"] == "allocated"], own_run.path("model/row_counts.csv"))
    assert row_counts_sentence(own_run) == "All 2 numbers are in their band."


def test_bars_hang_from_what_is_expected_and_end_where_the_data_do(own_run, rewrite):
    table = pd.DataFrame(
        {"flow": "signed_off", "cases": [0, 1], "observed": [81, 0], "expected": [64.0, 16.0], "low": 49, "high": 100}
    )
    rewrite(table, own_run.path("model/row_counts.csv"))
    (ax,) = rootogram_panels(row_counts(own_run)).axes
    bands, bars = ax.containers
    assert [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in bars] == [(-1.0, 8.0), (4.0, 4.0)]
    assert [(band.get_y(), band.get_y() + band.get_height()) for band in bands] == [(-2.0, 1.0), (-6.0, -3.0)]
    feet = ax.collections[0].get_segments()
    assert [foot[0, 1] for foot in feet] == [-1.0, 4.0]
    assert ax.get_ylim()[0] < -6.0 < 4.0 < ax.get_ylim()[1]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "1+"]


def test_a_calibration_of_another_model_is_not_shown(own_run, rewrite):
    rewrite(pd.DataFrame({"quantity": ["week_sd"], "stays_in": [True]}), own_run.path("model/calibration.csv"))
    assert "holds no calibration" in calibration(own_run)
    stages = own_run.manifest()["stages"] | {"calibration of 40": {"key": "", "artefacts": {}}}
    update_manifest(own_run, stages=stages)
    assert r"week\_sd" in calibration(own_run)
