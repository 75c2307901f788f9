"""Places of totals that the model has not seen."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bayes_backlog.inference.checks import replicate_flows, with_counts
from bayes_backlog.inference.expected import expected_totals
from bayes_backlog.inference.fit import Prepared
from bayes_backlog.inference.leave_one_out import _pit, leave_one_out_pit, pit_places, pit_verdicts
from bayes_backlog.models.design import Design
from bayes_backlog.models.draws import PosteriorDraws

POISSON = 1e9


@pytest.fixture(scope="module")
def truth(small: Prepared, make_draws) -> PosteriorDraws:
    """Draws that are all but the same one: nothing is left to be learnt, so leaving out changes nothing."""
    same = make_draws(n=200).rows(np.zeros(200, dtype=int))
    jitter = 1e-5 * np.random.default_rng(0).standard_normal(same.shared_mean.shape)
    return dataclasses.replace(same, shared_mean=same.shared_mean + jitter)


@pytest.fixture(scope="module")
def made(small: Prepared, truth: PosteriorDraws) -> Design:
    """Counts that the truth made."""
    return with_counts(small.design, small.spec, replicate_flows(truth, small.design, small.spec, 5, same_weeks=True))


def test_the_mean_of_replicates_is_what_is_expected(small: Prepared, truth: PosteriorDraws) -> None:
    expected = expected_totals(truth, small.design, small.spec)["received"]
    replicates = replicate_flows(truth, small.design, small.spec, 1, same_weeks=True)["received"]
    error = expected[0] * np.sqrt(1 / expected[0] + 1 / truth.dispersion[0, 0]) / np.sqrt(len(replicates))
    z = (replicates.mean(axis=0) - expected[0]) / error
    assert np.abs(z.mean()) < 4 / np.sqrt(len(z))


def test_places_of_a_right_model_are_uniform(small: Prepared, truth: PosteriorDraws, made: Design) -> None:
    """A test at one in a thousand for each of four flows."""
    table = leave_one_out_pit(truth, made, small.spec, 3)
    assert set(table["flow"]) == set(small.spec.flows)
    assert table["unit"].eq("month").groupby(table["flow"]).all().to_dict() == {
        flow: flow in small.spec.batched_flows for flow in small.spec.flows
    }
    for _, found in table.groupby("flow"):
        assert stats.kstest(found["pit"], "uniform").pvalue > 1e-3
    assert {verdict.status for verdict in pit_verdicts(table, pit_places(table))} == {"green"}


def test_allocations_cut_off_by_an_empty_queue_are_placed_as_such(small: Prepared, truth: PosteriorDraws) -> None:
    """Every other day leaves nobody waiting; taken at their word, their totals come out lower than expected."""
    totals = np.bincount(small.design.row_day, small.design.row_counts[0], len(small.design.dates)).astype(int)
    short = dataclasses.replace(small.design, waiting=np.where(np.arange(len(totals)) % 2, totals + 100, 1))
    made = with_counts(short, small.spec, replicate_flows(truth, short, small.spec, 5, same_weeks=True))
    unlimited = dataclasses.replace(made, waiting=made.waiting + 100)
    assert _allocated_places(truth, made, small).pvalue > 1e-3
    assert _allocated_places(truth, unlimited, small).pvalue < 1e-6


def _allocated_places(truth: PosteriorDraws, design: Design, small: Prepared) -> object:
    table = leave_one_out_pit(truth, design, small.spec, 3)
    return stats.kstest(table.loc[table["flow"] == "allocated", "pit"], "uniform")


@pytest.mark.parametrize(("factor", "words"), [(30.0, "too sure"), (1 / 30, "higher than expected")])
def test_a_wrong_dispersion_is_seen(
    small: Prepared, truth: PosteriorDraws, made: Design, factor: float, words: str
) -> None:
    wrong = dataclasses.replace(truth, dispersion=factor * truth.dispersion)
    table = leave_one_out_pit(wrong, made, small.spec, 3)
    verdict = pit_verdicts(table, pit_places(table))[0]
    assert verdict.check == "received"
    assert verdict.status == "amber"
    assert words in verdict.message


def test_leaving_out_is_what_exact_leaving_out_gives() -> None:
    """Poisson counts under a gamma prior: the rate without one of them has a closed form."""
    rng = np.random.default_rng(1)
    counts = np.append(rng.poisson(4.0, 11), 12).astype(float)
    shape, rate, n = 2.0, 0.5, 8000
    means = np.repeat(rng.gamma(shape + counts.sum(), 1 / (rate + len(counts)), n)[:, None], len(counts), axis=1)
    cut_off = np.zeros(len(counts), dtype=bool)
    pit, pareto_k = _pit(counts, cut_off, means, np.full_like(means, POISSON), np.random.default_rng(2))
    without = rate + len(counts) - 1
    exact = stats.nbinom(shape + counts.sum() - counts, without / (without + 1))
    share = np.random.default_rng(2).uniform(size=len(counts))
    low, high = exact.cdf(counts - 1), exact.cdf(counts)
    # Eight thousand draws, of which the outlier leaves a few hundred: errors of a cdf are below one in a hundred.
    np.testing.assert_allclose(pit, low + share * (high - low), atol=0.01)
    seen = stats.nbinom(shape + counts.sum(), (rate + len(counts)) / (rate + len(counts) + 1))
    assert exact.sf(11)[-1] < seen.sf(11) - 0.002, "the outlier is more surprising unseen than seen"
    assert (pareto_k < 0.7).all()


def test_totals_that_pull_too_hard_are_told() -> None:
    table = pd.DataFrame({"flow": "received", "unit": "day", "pit": np.linspace(0.01, 0.99, 50), "pareto_k": 0.1})
    table.loc[3, "pareto_k"] = 0.9
    assert pit_verdicts(table, pit_places(table))[0].message.endswith("1 pull so hard that their place is only rough")


def test_totals_beyond_what_is_expected_are_told_by_their_side() -> None:
    table = pd.DataFrame({"flow": "received", "unit": "day", "pit": np.linspace(0.3, 1.0, 200), "pareto_k": 0.1})
    verdict = pit_verdicts(table, pit_places(table))[0]
    assert (verdict.status, "higher than expected" in verdict.message) == ("amber", True)


def test_totals_too_near_the_middle_are_told() -> None:
    table = pd.DataFrame({"flow": "received", "unit": "day", "pit": np.linspace(0.2, 0.8, 200), "pareto_k": 0.1})
    assert "not as sure" in pit_verdicts(table, pit_places(table))[0].message
