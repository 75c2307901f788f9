"""The assurance pack: every statement names a file or a test that exists, and the run fills in what it knows."""

import re
from pathlib import Path

import pytest

from bayes_backlog.reporting.assumptions import FILE as ASSUMPTIONS
from bayes_backlog.reporting.assumptions import read_assumptions
from bayes_backlog.reporting.assurance import (
    FILE,
    OFFICE_SAYS,
    facts_table,
    framework_table,
    gates,
    gates_table,
    log_table,
    roles_table,
    scores_table,
    signatures_table,
    statements,
)

ROOT = Path(__file__).parents[2]
OWN = ROOT / FILE
FRAMEWORKS = ("nao", "rap", "atrs", "dpia", "limits")


def missing(references) -> list[str]:
    """Return the references that lead nowhere: no such file, or no such test in it."""
    gone = []
    for reference in references:
        path, _, test = reference.partition("::")
        file = ROOT / path
        if not file.is_file() or (test and not re.search(rf"^def {test}\(", file.read_text(encoding="utf-8"), re.M)):
            gone.append(reference)
    return gone


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_statement_names_evidence_that_exists(framework):
    for statement in statements(framework, OWN):
        assert statement.evidence, statement.item
        assert missing(statement.evidence) == [], statement.item


def test_every_assumption_names_files_and_tests_that_exist():
    for assumption in read_assumptions(ROOT / ASSUMPTIONS):
        assert missing([*assumption.evidence, *assumption.tested_by.tests]) == [], assumption.id


def test_evidence_that_does_not_exist_is_seen():
    own = "tests/reporting/test_assurance.py"
    assert missing([own, f"{own}::test_evidence_that_does_not_exist_is_seen"]) == []
    assert missing(["tests/none.py", f"{own}::test_no_such_thing"]) == ["tests/none.py", f"{own}::test_no_such_thing"]


def test_the_framework_of_the_audit_office_has_seven_stages():
    assert len(statements("nao", OWN)) == 7


def test_what_only_the_office_can_say_is_marked():
    table = framework_table("dpia", "Topic", OWN)
    assert table.count(OFFICE_SAYS) == sum(statement.office for statement in statements("dpia", OWN)) > 0


def test_gates_are_counted_by_colour(own_run, rewrite):
    assert gates(own_run)[["gate", "green", "amber", "red", "status"]].to_numpy().tolist() == [
        ["convergence", 2, 1, 0, "amber"],
        ["predictive", 2, 0, 0, "green"],
    ]
    verdicts = own_run.table("model/verdicts.csv").assign(gate="calibration", status="red")
    rewrite(verdicts, own_run.path("model/verdicts.csv"))
    assert gates_table(own_run).splitlines()[2] == (
        "| calibration | [red]{.verdict .red} | 0 of 5 checks green, 0 amber, 5 red |"
    )


def test_names_stand_where_the_configuration_has_them(own_run, change):
    assert "| commissioner |  | asks the question" in roles_table(own_run)
    change(own_run, config={"report": {"roles": {"commissioner": "A|B"}}})
    assert r"| commissioner | A\|B | asks" in roles_table(own_run)
    assert r"| commissioner | A\|B |  |  |" in signatures_table(own_run)


def test_scores_of_the_past_stand_beside_the_rival(own_run, change):
    row = scores_table(own_run).replace("\u00a0", " ").splitlines()[2]
    assert row == ("| backlog [against repeating weeks of the last quarter]{.aside} | 10.0 | 40.0 | 75 % | 50 % of 2 |")
    change(own_run, config={"backtest": {"n_folds": 0}})
    assert "untested" in scores_table(own_run)


def test_the_log_says_what_was_done_and_leaves_lines_for_people(own_run, rewrite):
    log = log_table(own_run)
    assert "| case log read and checked | 200 rows; 1 warning | run 0123456789ab |" in log
    assert "| forecast | passed with warnings | run 0123456789ab |" in log
    assert log.splitlines()[-1] == "| report reviewed |  |  |"
    rewrite(own_run.table("model/verdicts.csv").assign(status="red"), own_run.path("model/verdicts.csv"))
    assert "| forecast | refused |" in log_table(own_run)


def test_the_facts_are_the_run_s(tiny_run):
    facts = facts_table(tiny_run).replace("\u00a0", " ")
    assert "| people modelled | 6 |" in facts
    assert "| contact | not given |" in facts
