"""Variants of the row model: one specification in Bambi and in PyMC, and counts as the textbook has them."""

from __future__ import annotations

import dataclasses
import typing

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_backlog.config import Rows
from bayes_backlog.inference.parity import density_differences, variant_verdict
from bayes_backlog.models.row_bambi import build_row_bambi
from bayes_backlog.models.row_pymc import build_row_pymc
from bayes_backlog.models.row_table import NEW_STARTER, STEPS, row_formula, row_terms, with_variants
from bayes_backlog.models.row_variant import PLAIN, RESPONSES, STEP_MEAN, RowVariant, row_variant
from bayes_backlog.models.spec import ModelSpec, Priors

SPEC = ModelSpec(staff_flows=("signed_off",), calendar_terms=("monday",), annual_harmonics=0)
FLOW = "signed_off"
HAZARD = RowVariant(RESPONSES["hazard"])
VARIANTS = {
    f"{name}, {ramp}": row_variant(Rows(response=name, ramp=ramp))
    for name in RESPONSES
    for ramp in ("linear", "monotone")
}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Six people over twenty days, of whom two start in the first week shown."""
    rng = np.random.default_rng(1)
    day = np.arange(20)
    people = [
        pd.DataFrame(
            {
                "investigator": f"p{n}",
                "team": f"t{n % 3}",
                "role": f"r{n % 2}",
                "monday": np.where(day % 5 == 0, 0.8, -0.2),
                NEW_STARTER: np.clip(1 - day // 5 / 4, 0, 1) * (n < 2),
                "log_exposure": np.log(0.4 + 0.1 * n),
                FLOW: rng.negative_binomial(1.0, 0.6, len(day)),
            }
        )
        for n in range(6)
    ]
    return with_variants(pd.concat(people, ignore_index=True), SPEC)


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_bambi_and_pymc_are_one_model(table: pd.DataFrame, variant: RowVariant) -> None:
    assert variant_verdict(table, FLOW, SPEC, variant, seed=1).status == "green"


def test_a_model_of_many_terms_is_compared_as_well(table: pd.DataFrame) -> None:
    many = dataclasses.replace(SPEC, annual_harmonics=12)
    angles = np.outer(np.arange(len(table)), np.arange(1, 13)) % 20 / 20
    waves = {f"{wave}_{k}": angles[:, k - 1] - (wave == "cos") for k in range(1, 13) for wave in ("sin", "cos")}
    assert variant_verdict(table.assign(**waves), FLOW, many, RowVariant(monotone=True), seed=1).status == "green"


def other_link(variant: RowVariant) -> RowVariant:
    return dataclasses.replace(variant, response=dataclasses.replace(variant.response, link="logit"))


def other_psi(variant: RowVariant) -> RowVariant:
    return dataclasses.replace(variant, response=dataclasses.replace(variant.response, psi=(2.0, 2.0)))


@pytest.mark.parametrize(
    ("variant", "other"),
    [
        (HAZARD, other_link),
        (RowVariant(RESPONSES["zero_inflated"]), other_psi),
        (RowVariant(RESPONSES["hurdle"]), other_psi),
        (RowVariant(monotone=True), lambda variant: dataclasses.replace(variant, step=0.5)),
    ],
    ids=["link", "zero inflation", "hurdle", "step"],
)
def test_another_link_or_prior_is_another_model(table: pd.DataFrame, variant: RowVariant, other) -> None:
    bambi = build_row_bambi(table, FLOW, SPEC, other(variant)).backend.model
    assert np.ptp(density_differences(bambi, build_row_pymc(table, FLOW, SPEC, variant), seed=1)) > 1e-3


def test_a_hazard_without_its_exposure_is_another_model(table: pd.DataFrame) -> None:
    bambi = build_row_bambi(table, FLOW, SPEC, HAZARD).backend.model
    without = build_row_pymc(table.assign(log_exposure=0.0), FLOW, SPEC, HAZARD)
    assert np.ptp(density_differences(bambi, without, seed=1)) > 1e-3


def negative_binomial(counts: np.ndarray, mean: np.ndarray, alpha: float) -> np.ndarray:
    return stats.nbinom.pmf(counts, alpha, alpha / (alpha + mean))


@pytest.mark.parametrize("name", RESPONSES)
def test_counts_have_the_probabilities_of_the_textbook(table: pd.DataFrame, name: str) -> None:
    """At the start of all parameters, so for people of no effect: a rate of the prior's mean times exposure."""
    model = build_row_pymc(table, FLOW, SPEC, RowVariant(RESPONSES[name]))
    start = model.initial_point()
    psi = 1 / (1 + np.exp(-start.get("psi_logodds__", np.inf)))
    alpha = np.exp(start.get("alpha_log__", np.nan))
    rate = np.exp(SPEC.priors.log_staff_rate[0] + SPEC.priors.ramp[0] * table[NEW_STARTER] + table["log_exposure"])
    counts, none = table[FLOW].to_numpy(), table[FLOW].to_numpy() == 0
    counted = negative_binomial(counts, rate, alpha)
    expected = {
        "negative_binomial": counted,
        "zero_inflated": psi * counted + (1 - psi) * none,
        "hurdle": np.where(none, 1 - psi, psi * counted / (1 - negative_binomial(0, rate, alpha))),
        "hazard": np.where(none, np.exp(-rate), 1 - np.exp(-rate)),
    }[name]
    likelihood = [*model.observed_RVs, *model.potentials]
    found = model.compile_logp(vars=likelihood)(start)
    assert found == pytest.approx(np.log(expected).sum(), rel=1e-9)


def test_steps_add_up_to_a_ramp(table: pd.DataFrame) -> None:
    """Four equal steps are the linear ramp, so that the two have one meaning."""
    assert table[list(STEPS)].to_numpy().sum(axis=1) == pytest.approx(-4 * table[NEW_STARTER])
    first = table[table["investigator"] == "p0"].iloc[[0, 5, 10, 15]]
    assert first[list(STEPS)].to_numpy().tolist() == [[-1, -1, -1, -1], [0, -1, -1, -1], [0, 0, -1, -1], [0, 0, 0, -1]]


def test_steps_are_as_large_beforehand_as_the_linear_ramp_that_slows() -> None:
    mean, sd = Priors().ramp
    slows = stats.truncnorm(-np.inf, -mean / sd, loc=mean, scale=sd)
    total = stats.gamma(len(STEPS), scale=STEP_MEAN)
    assert total.mean() == pytest.approx(-slows.mean(), rel=0.01)
    assert total.std() == pytest.approx(slows.std(), rel=0.25)


def test_formulas_name_columns_only(table: pd.DataFrame) -> None:
    variant = dataclasses.replace(HAZARD, monotone=True)
    groups = "offset(log_exposure) + (1|investigator) + (1|team) + (1|role)"
    assert row_formula(FLOW, SPEC, variant=variant) == f"any_signed_off ~ 1 + monday + {' + '.join(STEPS)} + {groups}"
    nobody = with_variants(table.assign(**{NEW_STARTER: 0.0}), SPEC)
    assert row_formula(FLOW, SPEC, nobody, variant) == f"any_signed_off ~ 1 + monday + {groups}"
    assert NEW_STARTER not in row_terms(SPEC, table, variant)


def test_every_name_of_the_configuration_has_its_variant() -> None:
    assert row_variant(Rows()) == PLAIN
    assert typing.get_args(Rows.model_fields["response"].annotation) == tuple(RESPONSES)
    assert len(set(VARIANTS.values())) == len(VARIANTS)
