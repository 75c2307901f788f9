"""What offices are invented for calibration; the ranks themselves are in the statistical suite."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bayes_backlog.evaluation.calibration import ordinary_priors
from bayes_backlog.inference.expected import expected_totals
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.inference.prior_draws import draw_prior
from bayes_backlog.models.draws import posterior_draws


def cases_a_day(prepared: Prepared) -> dict[str, np.ndarray]:
    """(n,) mean cases a day of each flow, over offices drawn from the prior."""
    trace = draw_prior(prepared.design, prepared.spec, 100, 3)
    expected = expected_totals(
        posterior_draws(trace, prepared.design, prepared.spec, 100), prepared.design, prepared.spec
    )
    return {flow: totals.mean(axis=1) for flow, totals in expected.items()}


@pytest.mark.parametrize("flow", ["received", "allocated", "signed_off"])
def test_offices_that_are_invented_have_about_as_many_cases(small: Prepared, flow: str) -> None:
    ordinary = dataclasses.replace(
        small, spec=dataclasses.replace(small.spec, priors=ordinary_priors(small.design, small.spec))
    )
    design, spec = small.design, small.spec
    real = {
        **{name: design.office_counts[k].sum() for k, name in enumerate(spec.office_flows)},
        **{name: design.row_counts[k].sum() for k, name in enumerate(spec.staff_flows)},
    }[flow] / len(design.dates)
    like, prior = cases_a_day(ordinary)[flow], cases_a_day(small)[flow]
    assert (like > real / 10).mean() > 0.9
    assert (like < 10 * real).mean() > 0.9
    assert np.log(prior).std() > 1.5 * np.log(like).std(), "the shipped prior is wider"
