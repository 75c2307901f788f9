"""Verdicts, replicates, findings and the quarantine as the checks page shows them."""

import pytest

from bayes_backlog.reporting.check_tables import (
    convergence,
    convergence_sentence,
    convergence_table,
    findings_table,
    predictive,
    predictive_sentences,
    predictive_table,
    quarantine_sentence,
    replicates,
)


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


def test_predictive_checks_stand_by_flow_and_statistic(tiny_run):
    rows = lines(predictive_table(tiny_run))[2:]
    assert rows == [
        "| received | [0.40]{.verdict .green} |  |  |  |",
        "| signed off |  | [0.20]{.verdict .green} |  |  |",
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


def test_findings_are_listed_the_gravest_first_and_literally(tiny_run):
    assert lines(findings_table(tiny_run))[2:] == [
        r"| late sign off | warning | 1,200 | a\|b \<script\> |",
        "| missing fte | info | 12 | 12 cases have no fte |",
    ]


def test_the_quarantine_in_a_sentence(own_run, rewrite):
    assert (
        quarantine_sentence(own_run)
        .replace("\u00a0", " ")
        .startswith("The quarantine holds 3 values of 2 rows (1 % of 200): value left out (2) and row left out (1).")
    )
    rewrite(own_run.table("cases/quarantine.csv").iloc[:0], own_run.path("cases/quarantine.csv"))
    assert quarantine_sentence(own_run).startswith("All 200 rows of the source could be used")
