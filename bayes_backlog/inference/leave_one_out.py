"""Totals against what the model expects of them when it has not seen them: leave-one-out PIT.

A total's probability integral transform is its place in its own predictive distribution, uniform if that distribution
is right. A model that has seen a total is flattered, so draws are weighted as if it had been left out, by smoothed
importance sampling (Vehtari, Gelman and Gabry 2017, doi:10.1007/s11222-016-9696-4); ties of counts are broken at
random. Week effects are not drawn afresh: a day is looked at given the rest of its week.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray
from scipy import stats

from bayes_backlog.inference.calibration import distribution_and_band
from bayes_backlog.inference.checks import day_totals, observed_flows
from bayes_backlog.inference.expected import expected_totals
from bayes_backlog.inference.gate import Status, Verdict
from bayes_backlog.models.design import Design, Floats
from bayes_backlog.models.draws import NOBODY, PosteriorDraws
from bayes_backlog.models.spec import ModelSpec

PROB = 0.95
"""Probability with which all of a right model's values stay in their band."""
MAX_PARETO_K = 0.7
"""Beyond it a total pulls so hard that the draws with it say nothing of those without it."""
UNIFORM_SD = 12**-0.5
NEARLY_POISSON = 1e9
"""Dispersion beyond which a log-density loses its digits; counts are Poisson long before."""


def leave_one_out_pit(draws: PosteriorDraws, design: Design, spec: ModelSpec, seed: int) -> pd.DataFrame:
    """Place every total in its leave-one-out predictive distribution.

    Parameters
    ----------
    draws : PosteriorDraws
        n draws.
    design, spec : Design, ModelSpec
        What was fitted.
    seed : int
        Of what breaks ties.

    Returns
    -------
    DataFrame
        flow, unit (day, or month for a flow in batches), date (the first working day), observed, pit, pareto_k. Days
        on which nobody worked are not placed.
    """
    expected, real, rng = (
        expected_totals(draws, design, spec),
        observed_flows(design, spec),
        np.random.default_rng(seed),
    )
    tables = []
    for k, flow in enumerate(spec.flows):
        batched = flow in spec.batched_flows
        unit = design.month_of_day if batched else np.arange(len(design.dates))
        first = np.unique(unit, return_index=True)[1]
        mean = np.add.reduceat(expected[flow], first, axis=1)
        by_day = day_totals(flow, real[flow], design, spec)[0]
        observed = np.add.reduceat(by_day, first)
        worked = mean.min(axis=0) > NOBODY
        first, mean, observed = first[worked], mean[:, worked], observed[worked]
        size = _dispersion(draws, spec, k, mean)
        cut_off = (flow == "allocated") & design.emptied(by_day)[first]
        values, pareto_k = _pit(observed, cut_off, mean, size, rng)
        tables.append(
            pd.DataFrame(
                {
                    "flow": flow,
                    "unit": "month" if batched else "day",
                    "date": design.dates[first],
                    "observed": observed.astype(np.int64),
                    "pit": values,
                    "pareto_k": pareto_k,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _dispersion(draws: PosteriorDraws, spec: ModelSpec, k: int, mean: Floats) -> Floats:
    """(n, U) dispersion of the totals; without a day shock that of a sum of independent rows."""
    staff = k - len(spec.office_flows)
    if spec.day_shock or staff < 0 or spec.flows[k] in spec.batched_flows:
        size = np.broadcast_to(draws.dispersion[:, k, None], mean.shape)
    else:
        size = draws.concentration[:, staff, None] * mean
    return np.minimum(size, NEARLY_POISSON)


def _pit(
    observed: Floats, cut_off: NDArray[np.bool_], mean: Floats, size: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return the (U,) places of the observed totals, and the (U,) shapes of the weights' tails.

    Of a total that is cut off, by an empty queue, all that is known is that no less was wanted.
    """
    share = size / (size + mean)
    of = stats.nbinom(size, share)
    weights, pareto_k = _weights(np.where(cut_off, of.logsf(observed - 1), of.logpmf(observed)))
    at_most = np.where(cut_off, 1.0, of.cdf(observed))
    below, at_most = ((weights * cdf).sum(axis=0) for cdf in (of.cdf(observed - 1), at_most))
    return np.clip(rng.uniform(below, at_most), 0.0, 1.0), pareto_k


def _weights(log_likelihood: Floats) -> tuple[Floats, Floats]:
    """Return the (n, U) weights, summing to one over draws, of draws that have not seen each total."""
    log_weights, pareto_k = array_stats.psislw(log_likelihood.T)
    weights = np.exp(log_weights.T)
    return weights / weights.sum(axis=0), pareto_k


def pit_places(table: pd.DataFrame) -> pd.DataFrame:
    """Return how many totals of each flow lie up to a place, and the band that a right model stays in.

    Parameters
    ----------
    table : DataFrame
        Of `leave_one_out_pit`.

    Returns
    -------
    DataFrame
        flow, and the columns of `distribution_and_band`.
    """
    found = [
        distribution_and_band(of["pit"].to_numpy(), PROB).assign(flow=flow)
        for flow, of in table.groupby("flow", sort=False)
    ]
    return pd.concat(found, ignore_index=True)


def pit_verdicts(table: pd.DataFrame, places: pd.DataFrame) -> list[Verdict]:
    """Judge the places of every flow's totals, tables of `leave_one_out_pit` and `pit_places`: are they uniform?

    Never red: totals of days are looked at here one by one, and what a forecast is refused for is how they add up.
    """
    return [_verdict(str(flow), of, places[places["flow"] == flow]) for flow, of in table.groupby("flow", sort=False)]


def _verdict(flow: str, table: pd.DataFrame, places: pd.DataFrame) -> Verdict:
    pit, unit, hard = table["pit"], table["unit"].iloc[0], int((table["pareto_k"] > MAX_PARETO_K).sum())
    mean, spread = float(pit.mean()), float(pit.std(ddof=0))
    message = (
        f"{len(pit)} {unit}s left out: mean place {mean:.3f}, spread {spread:.3f} (right: 0.5 and {UNIFORM_SD:.3f})"
    )
    inside = bool(places["share"].between(places["low"], places["high"]).all())
    status: Status = "green" if inside else "amber"
    if not inside and abs(mean - 0.5) > 3 * UNIFORM_SD / len(pit) ** 0.5:
        message += f": totals come out {'higher' if mean > 0.5 else 'lower'} than expected"
    elif not inside and spread > UNIFORM_SD:
        message += ": too many at the ends; the model is too sure of them"
    elif not inside:
        message += ": too many in the middle; the model is not as sure of them as it could be"
    if hard:
        message += f"; {hard} pull so hard that their place is only rough"
    return Verdict(flow, status, spread, UNIFORM_SD, message)
