"""The specification that was fitted, four ways, and studies that a run may lack."""

import json

import pandas as pd
import pytest

from bayes_backlog.models.spec import ModelSpec
from bayes_backlog.reporting.model_tables import (
    as_formulas,
    in_mathematics,
    in_words,
    prior_predictive_table,
    priors_table,
)
from bayes_backlog.reporting.study_tables import study_table
from bayes_backlog.runs import write_text


def lines(markdown: str) -> list[str]:
    return markdown.replace("\u00a0", " ").replace("\u2060", "").splitlines()


def test_the_page_describes_the_model_that_was_fitted_and_no_other(own_run):
    assert "Everybody shares an effect of the week" in in_words(own_run)
    assert "\\sigma^w_f" in in_mathematics(own_run)
    spec = json.loads(own_run.text("model/spec.json")) | {"week_shock": False}
    write_text(json.dumps(spec), own_run.path("model/spec.json"))
    assert "effect of the week" not in in_words(own_run)
    assert "\\sigma^w_f" not in in_mathematics(own_run)
    assert "week sd" not in priors_table(own_run)


def test_every_equation_is_displayed_and_every_flow_of_people_has_a_formula(tiny_run):
    blocks = in_mathematics(tiny_run).split("\n\n")
    assert all(block.startswith("$$\n") and block.endswith("\n$$") for block in blocks)
    assert as_formulas(tiny_run).count(" ~ ") == len(ModelSpec().staff_flows)


def test_priors_are_in_units_that_can_be_argued_with(tiny_run):
    rows = lines(priors_table(tiny_run))
    reason = "[administrative rushes of several times a day are real]{.aside}"
    assert f"| month end sd {reason} | 1 (0.14–7.1) | rate ratio |" in rows


def test_what_the_prior_simulates_stands_beside_what_offices_do(own_run, rewrite):
    assert "without a prior predictive check" in prior_predictive_table(own_run)
    ranges = {"ordinary_low": 0.05, "ordinary_high": 1.0, "plausible_low": 0.004, "plausible_high": 1500.0}
    found = {"q05": 0.01, "q50": 0.15, "q95": 2.0, "share_beyond": 0.06, "observed": 0.123, "status": "amber"}
    row = {"quantity": "staff_rate", "flow": "signed_off", "scale": "", "reason": "", **ranges, **found}
    rewrite(pd.DataFrame([row]), own_run.path("model/prior_predictive.csv"))
    assert lines(prior_predictive_table(own_run))[2] == (
        r"| [cases per FTE\-day]{.verdict .amber}, signed off | 0.01–2 | 0.05–1 | 0.004–1,500 | 6 % | 0.12 |"
    )


def test_a_study_that_was_not_made_is_said(tiny_run):
    assert study_table(tiny_run, "model/none.csv", absent="Not done.") == "*Not done.*"


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (
            {"check": "a_b <i>", "status": "red", "value": 1.0, "message": "x|y"},
            r"| [a b \<i\>]{.verdict .red} | x\|y |",
        ),
        (
            {"parameter": "week_sd", "shift": 0.123456, "status": "green"},
            r"| week\_sd | 0.123 | [green]{.verdict .green} |",
        ),
    ],
)
def test_a_study_is_shown_as_it_is(own_run, rewrite, row, shown):
    rewrite(pd.DataFrame([row]), own_run.path("model/sensitivity.csv"))
    assert lines(study_table(own_run, "model/sensitivity.csv", absent=""))[2] == shown
