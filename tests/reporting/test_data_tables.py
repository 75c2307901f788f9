"""What was read, left out and not known yet: every row of the source is somewhere."""

import pandas as pd
import pytest

from bayes_backlog.reporting.data_tables import (
    dropped_sentences,
    findings_table,
    milestone_table,
    monthly_flows,
    quarantine_sentence,
    quarantine_table,
    reallocation_sentence,
    source_sentence,
    states,
)


def lines(markdown: str) -> list[str]:
    return markdown.replace("\u00a0", " ").splitlines()


def test_rows_are_cases_or_left_out(tiny_run):
    assert lines(source_sentence(tiny_run))[0] == (
        r"cases\_\[x\].csv has 200 rows: 4 cases, 196 rows (98 %) left out. Cases were received from "
        "1 November 2024 to 6 November 2024; the extract shows what was known on 15 January 2025."
    )


def test_findings_are_listed_the_gravest_first_and_literally(tiny_run):
    assert lines(findings_table(tiny_run))[2:] == [
        r"| late sign off | warning | a\|b \<script\> |",
        "| missing fte | info | 12 cases have no fte |",
    ]


def test_the_quarantine_in_a_sentence(own_run, rewrite):
    assert lines(quarantine_sentence(own_run))[0].startswith(
        "The quarantine holds 3 values of 2 rows (1 % of 200): value left out (2) and row left out (1)."
    )
    rewrite(own_run.table("cases/quarantine.csv").iloc[:0], own_run.path("cases/quarantine.csv"))
    assert quarantine_sentence(own_run).startswith("All 200 rows of the source could be used")
    assert quarantine_table(own_run) == "*Nothing is in quarantine.*"


def test_the_quarantine_by_reason_the_commonest_first(tiny_run, monkeypatch):
    assert lines(quarantine_table(tiny_run))[2:] == [
        "| fte | no number | value left out | 2 |",
        r"| dt\_close | no date | row left out | 1 |",
    ]
    monkeypatch.setattr("bayes_backlog.reporting.data_tables.MOST_REASONS", 1)
    assert lines(quarantine_table(tiny_run))[3] == "| 1 more reason |  |  | 1 |"


def test_what_was_dropped_is_said(tiny_run):
    assert dropped_sentences(tiny_run)[0] == "1 row could not be a case and was left out."


def test_reallocated_cases_are_a_share_of_the_allocated(own_run, rewrite):
    assert lines(reallocation_sentence(own_run))[0].startswith(
        "50 % of allocated cases changed investigator (1 of 2). Without an allocation history"
    )


def test_a_share_that_the_source_does_not_tell_is_not_told(own_run, rewrite):
    findings = own_run.table("cases/findings.csv")
    absent = {
        "rule": "absent_is_reallocated",
        "severity": "info",
        "count": 1,
        "message": "The file has no such column.",
    }
    rewrite(pd.concat([findings, pd.DataFrame([absent])]), own_run.path("cases/findings.csv"))
    assert reallocation_sentence(own_run).endswith("the share is not known.")


def test_every_case_is_in_one_state(tiny_run):
    table = states(tiny_run)
    assert table["cases"].tolist() == [1, 1, 1, 1]
    assert table["share"].sum() == pytest.approx(1)


def test_a_milestone_that_no_case_has_is_left_out(tiny_run):
    rows = lines(milestone_table(tiny_run))[2:]
    assert rows[0].endswith("| 100 % | 1 Nov 2024 | 6 Nov 2024 |")
    assert len(rows) == 4


def test_only_whole_months_are_drawn(tiny_run):
    table = monthly_flows(tiny_run)
    received = table[table["panel"] == "received"]
    assert [f"{date:%Y-%m}" for date in received["date"]] == ["2024-11", "2024-12"]
    # 21 and 22 weekdays, two cases each; January is not over.
    assert received["observed"].tolist() == [42, 44]
