"""Assumptions: complete, tested by something that exists, and with the status that this run's checks give them."""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd
import pytest
import yaml

from bayes_backlog.cases.findings import RULES
from bayes_backlog.errors import ConfigError
from bayes_backlog.inference.checks import LABELS
from bayes_backlog.models.spec import ModelSpec
from bayes_backlog.reporting.assumptions import (
    FILE,
    Assumption,
    Proof,
    assumptions_sentence,
    assumptions_table,
    live_status,
    read_assumptions,
)
from bayes_backlog.reporting.backtest_tables import QUANTITIES
from bayes_backlog.reporting.check_tables import LEFT_OUT_CHECKS
from bayes_backlog.vocabulary import FURTHER_FLOWS

ROOT = Path(__file__).parents[2]
OWN = ROOT / FILE
KNOWN_VERDICTS = (
    *("finite draws", "R-hat", "bulk ESS", "tail ESS", "divergences", "E-BFMI", "tree depth"),
    *(f"{flow} {statistic}" for flow in ModelSpec().flows for statistic in LABELS),
    "prior staff_rate allocated",
)
ORDER = "forecast/queue_order.csv"
LATER_PARTS = ("own_pace", "level_momentum", "month_batches", "oldest_first", "further_flows", "emptied_queue")


def assumption(**tested_by) -> Assumption:
    return Assumption(
        id="x",
        assumption="X.",
        owner="analyst",
        quality="low",
        impact="high",
        evidence=(),
        tested_by=Proof(**tested_by),
    )


def with_status(run, rewrite, check, status):
    table = run.table("model/verdicts.csv")
    table.loc[table["check"] == check, "status"] = status
    rewrite(table, run.path("model/verdicts.csv"))
    return run


def known_rules() -> list[str]:
    """Patterns of the rules that reading and panels can find."""
    source = (ROOT / "bayes_backlog" / "panels" / "findings.py").read_text(encoding="utf-8")
    return [*RULES, *(re.sub(r"\{\w+\}", "[a-z_]+", rule) for rule in re.findall(r'"([a-z_]+[a-z_{}]+)",\n', source))]


def test_this_project_s_assumptions_are_tested_by_checks_that_exist():
    assumptions, rules = read_assumptions(OWN), known_rules()
    assert len({one.id for one in assumptions}) == len(assumptions) >= 12
    for one in assumptions:
        assert all(any(re.fullmatch(rule, name) for rule in rules) for name in one.tested_by.findings), one.id
        assert set(one.tested_by.coverage) <= set(QUANTITIES), one.id
        assert set(one.tested_by.left_out) <= {*ModelSpec().flows, *FURTHER_FLOWS}, one.id
        for pattern in one.tested_by.verdicts:
            assert any(fnmatchcase(name, pattern) for name in KNOWN_VERDICTS), (one.id, pattern)


def test_every_part_of_the_model_that_may_be_wrong_is_listed():
    assert set(LATER_PARTS) <= {one.id for one in read_assumptions(OWN)}


def test_the_office_s_own_checks_speak_of_parts_that_came_later(own_run, rewrite):
    of = {one.id: one for one in read_assumptions(OWN)}
    run = with_status(own_run, rewrite, "signed_off week_sd", "amber")
    assert live_status(run, of["month_batches"]) == ("amber", "signed off week sd amber")
    rewrite(run.table("backtest/summary.csv").assign(n_independent=20), run.path("backtest/summary.csv"))
    assert "received: " in live_status(run, of["level_momentum"])[1]
    assert live_status(run, of["oldest_first"])[0] == "green"


def test_a_rule_that_does_not_exist_would_be_seen():
    assert not any(re.fullmatch(rule, "lost_cases") for rule in known_rules())


def test_an_assumption_that_nothing_tests_is_refused(tmp_path):
    entry = yaml.safe_load(OWN.read_text(encoding="utf-8"))[0] | {"tested_by": {}}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump([entry]), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"1 problem.*\n.*nothing tests this assumption"):
        read_assumptions(tmp_path / "a.yaml")


@pytest.mark.parametrize("change", [{"owner": "somebody"}, {"quality": "fair"}, {"extra": 1}])
def test_an_entry_that_is_not_as_it_should_be_is_refused(tmp_path, change):
    entry = yaml.safe_load(OWN.read_text(encoding="utf-8"))[0] | change
    (tmp_path / "a.yaml").write_text(yaml.safe_dump([entry]), encoding="utf-8")
    with pytest.raises(ConfigError, match="1 problem"):
        read_assumptions(tmp_path / "a.yaml")


def test_a_missing_list_is_said(tmp_path):
    with pytest.raises(ConfigError, match="no list of assumptions"):
        read_assumptions(tmp_path / "none.yaml")


@pytest.mark.parametrize("status", ["green", "amber", "red"])
def test_a_verdict_decides(own_run, rewrite, status):
    run = with_status(own_run, rewrite, "signed_off week_sd", status)
    found, told = live_status(run, assumption(verdicts=("* week_sd",)))
    assert found == status
    assert told == ("1 check of week sd green" if status == "green" else f"signed off week sd {status}")


def test_the_worst_of_several_counts(own_run, rewrite):
    run = with_status(own_run, rewrite, "signed_off week_sd", "red")
    assert live_status(run, assumption(verdicts=("* week_sd", "divergences")))[0] == "red"


def test_a_finding_is_a_doubt_and_its_absence_none(tiny_run):
    assert live_status(tiny_run, assumption(findings=("missing_fte",))) == ("amber", "missing fte (12)")
    assert live_status(tiny_run, assumption(findings=("late_dates",)))[0] == "green"


def test_totals_left_out_count_where_the_run_has_them(own_run, rewrite):
    assert live_status(own_run, assumption(left_out=("removed",)))[0] == "untested"
    rewrite(pd.DataFrame({"check": ["removed", "received"], "status": ["amber", "red"]}), own_run.path(LEFT_OUT_CHECKS))
    assert live_status(own_run, assumption(left_out=("removed",))) == ("amber", "left out, removed amber")
    assert live_status(own_run, assumption(left_out=("removed", "received")))[0] == "red"


def test_a_queue_served_in_another_order_is_a_doubt(own_run, rewrite):
    proof = assumption(queue_order=True)
    assert live_status(own_run, proof)[0] == "green"
    order = own_run.table("forecast/queue_order.csv")
    over = order["measure"] == "share_over_30"
    rewrite(order.assign(predicted=order["predicted"].mask(over, order["observed"] + 0.2)), own_run.path(ORDER))
    status, told = live_status(own_run, proof)
    assert status == "amber"
    assert "a wrong band of ages" in told


def test_coverage_outside_what_chance_allows_is_a_doubt(own_run, rewrite):
    summary = own_run.table("backtest/summary.csv").assign(n_independent=20)
    rewrite(summary, own_run.path("backtest/summary.csv"))
    assert live_status(own_run, assumption(coverage=("backlog",)))[0] == "amber"
    rewrite(summary.assign(coverage_90=0.95), own_run.path("backtest/summary.csv"))
    status, told = live_status(own_run, assumption(coverage=("backlog",)))
    assert (status, told.replace("\u00a0", " ")) == (
        "green",
        "backlog: 95 % of 90 % intervals held on the past (20 folds without overlap)",
    )


def test_so_few_folds_that_any_share_may_hold_are_no_evidence(own_run, rewrite):
    summary = own_run.table("backtest/summary.csv").assign(n_independent=1, coverage_90=0.0)
    rewrite(summary, own_run.path("backtest/summary.csv"))
    assert live_status(own_run, assumption(coverage=("backlog",)))[0] == "untested"


def test_without_any_word_of_the_run_nothing_is_claimed(tiny_run):
    assert live_status(tiny_run, assumption(tests=("x",)))[0] == "untested"
    assert live_status(tiny_run, assumption(verdicts=("prior *",)))[0] == "untested"


def test_the_gravest_stand_first_with_the_owner_s_name(own_run, rewrite, change):
    run = with_status(own_run, rewrite, "signed_off week_sd", "red")
    change(run, config={"report": {"roles": {"analyst": "B. <Name>"}}})
    first = assumptions_table(run, OWN).replace("\u00a0", " ").splitlines()[2]
    assert r"<br>[B. \<Name\>; quality medium, impact high]{.aside} | [failed]{.verdict .red}: signed off" in first
    assert assumptions_sentence(run, OWN).startswith(f"Of {len(read_assumptions(OWN))} assumptions: 2 failed,")
