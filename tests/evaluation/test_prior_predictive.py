"""The prior must allow ordinary offices and must not believe in absurd ones; a silly prior goes red."""

from __future__ import annotations

import dataclasses

import pytest

from bayes_backlog.config import Config
from bayes_backlog.evaluation.prior_predictive import EXPECTATIONS, prior_predictive
from bayes_backlog.inference.fit import Prepared

N = 200


def statuses(prepared: Prepared, config: Config, **priors: object) -> dict[str, str]:
    changed = dataclasses.replace(prepared.spec, priors=dataclasses.replace(prepared.spec.priors, **priors))
    verdicts, _ = prior_predictive(dataclasses.replace(prepared, spec=changed), config.calendar, N, seed=2)
    return {verdict.check: verdict.status for verdict in verdicts}


def test_the_shipped_priors_pass(small: Prepared, small_config: Config) -> None:
    verdicts, table = prior_predictive(small, small_config.calendar, N, seed=2)
    assert {verdict.status for verdict in verdicts} == {"green"}
    assert set(table["quantity"]) == set(EXPECTATIONS)
    flows = list(small.spec.flows)
    assert list(table.loc[table["quantity"] == "largest_day", "flow"]) == flows
    # The small office is an ordinary one: what it did lies within what is plausible.
    assert table["observed"].between(table["plausible_low"], table["plausible_high"]).all()


@pytest.mark.parametrize(
    ("silly", "red"),
    [
        ({"log_staff_rate": (-1.9, 5.0)}, "prior staff_rate allocated"),
        ({"log_received": (2.3, 5.0)}, "prior office_rate received"),
        ({"level_sd": 9.0}, "prior quarter_ratio received"),
        ({"noise": 20.0}, "prior largest_day received"),
        ({"log_received": (4.0, 0.2), "calendar_sd": 0.01, "noise": 0.01}, "prior office_rate received"),
        ({"log_received": (8.0, 2.0), "log_staff_rate": (-8.0, 1.0)}, "prior backlog backlog"),
    ],
    ids=lambda value: str(value),
)
def test_a_silly_prior_goes_red(small: Prepared, small_config: Config, silly: dict[str, object], red: str) -> None:
    assert statuses(small, small_config, **silly)[red] == "red"
