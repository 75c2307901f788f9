"""One specification, two backends: the row model's log-density in Bambi and by hand in PyMC.

They may differ by a constant (terms without parameters), and by nothing else. A backend that scaled a prior, dropped
the offset, or coded a group otherwise would give differences that vary from point to point.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pymc as pm
import pytest

from bayes_backlog.inference.fit import Prepared
from bayes_backlog.inference.parity import density_differences, parity_verdict, parity_verdicts
from bayes_backlog.models.row_bambi import build_row_bambi
from bayes_backlog.models.row_fast import build_row_fast
from bayes_backlog.models.row_pymc import build_row_pymc
from bayes_backlog.models.row_table import row_formula, row_table, row_terms
from bayes_backlog.models.spec import ModelSpec


@pytest.fixture(scope="module")
def short(small: Prepared) -> tuple[Prepared, ModelSpec]:
    """Few terms keep compilation short; every kind of term is there."""
    return small, dataclasses.replace(small.spec, calendar_terms=("monday", "month_end"), annual_harmonics=1)


@pytest.fixture(scope="module")
def bambi_model(short: tuple[Prepared, ModelSpec]) -> pm.Model:
    small, spec = short
    return build_row_bambi(row_table(small.design, small.spec), "signed_off", spec).backend.model


def test_backends_agree_up_to_a_constant(short: tuple[Prepared, ModelSpec], bambi_model: pm.Model) -> None:
    small, spec = short
    by_hand = build_row_pymc(row_table(small.design, small.spec), "signed_off", spec)
    differences = density_differences(bambi_model, by_hand, seed=1)
    assert np.ptp(differences) < 1e-6


def test_another_prior_is_no_parity(short: tuple[Prepared, ModelSpec], bambi_model: pm.Model) -> None:
    small, spec = short
    other = dataclasses.replace(spec, priors=dataclasses.replace(spec.priors, team_sd=0.5))
    by_hand = build_row_pymc(row_table(small.design, small.spec), "signed_off", other)
    differences = density_differences(bambi_model, by_hand, seed=1)
    assert np.ptp(differences) > 1e-3
    verdict = parity_verdict("signed_off", differences)
    assert verdict.status == "red"
    assert "two models" in verdict.message


def test_formula_takes_only_listed_terms() -> None:
    spec = ModelSpec(calendar_terms=("monday",), annual_harmonics=0)
    assert row_formula("allocated", spec) == (
        "allocated ~ 1 + monday + new_starter + offset(log_exposure) + (1|investigator) + (1|team) + (1|role)"
    )
    with pytest.raises(ValueError, match="choose one of allocated, signed_off"):
        row_formula("__import__('os')", spec)


def test_all_three_programs_are_one_model(short: tuple[Prepared, ModelSpec]) -> None:
    small, spec = short
    verdicts = parity_verdicts(row_table(small.design, small.spec), "allocated", spec, seed=1)
    assert [verdict.check for verdict in verdicts] == ["allocated: Bambi and PyMC", "allocated: as sampled and PyMC"]
    assert {verdict.status for verdict in verdicts} == {"green"}


def test_covariates_that_never_vary_are_left_out_of_all_three_programs(short: tuple[Prepared, ModelSpec]) -> None:
    """Nobody starts in many an office's data, and Bambi refuses what is constant."""
    small, spec = short
    steady = row_table(small.design, small.spec).assign(new_starter=0.0, month_end=-0.05)
    assert row_terms(spec, steady) == ("monday", "sin_1", "cos_1")
    verdicts = parity_verdicts(steady, "allocated", spec, seed=1)
    assert {verdict.status for verdict in verdicts} == {"green"}
    assert "new_starter" not in build_row_fast(steady, "allocated", spec).named_vars
