"""Predictive checks at the level where decisions are taken: totals of days, weeks and team-weeks.

Row-level checks cannot see what makes a 90-day total uncertain; nor do spreads of totals show a level that moved for
good, or a rush at the end of months, which have checks of their own. Each check compares one statistic of the data with
its distribution over replicated data sets, in which day and week shocks are drawn afresh; the slow level and lagged
states stay as fitted and observed. Only the queue is followed: what one day leaves is there on the next.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_backlog.inference.expected import day_effects, day_means, row_means
from bayes_backlog.inference.gate import Status, Verdict
from bayes_backlog.models.design import Design, Floats, Ints
from bayes_backlog.models.draws import (
    PosteriorDraws,
    draw_division,
    draw_negative_binomial,
    draw_weeks,
    generators,
)
from bayes_backlog.models.likelihoods import totals_of
from bayes_backlog.models.spec import ModelSpec

AMBER = 0.025
RED = 0.005
LABELS = {
    "day_sd": "spread of day totals",
    "month_end_share": "percentage of cases on the last working days of months",
    "week_sd": "spread of week totals",
    "week_autocorrelation": "likeness of neighbouring week totals",
    "week_drift": "drift of week totals",
    "team_week_sd": "spread of team-week totals",
}
TOO_NARROW = "the model understates it: its intervals of totals may be too narrow; look for a missing shared effect"
TOO_WIDE = "the model overstates it: its intervals of totals may be too wide; look for a part the data do not need"
OTHER_MONTH_END = (
    "months end otherwise than in the model: look for a missing calendar effect, or for batches kept for that day"
)
LEVEL_MOVED = (
    "the level moved more than the model follows: look for a step in the history, and whether the slow level is off"
)
ADVICE = {"month_end_share": (OTHER_MONTH_END, OTHER_MONTH_END), "week_drift": (LEVEL_MOVED, TOO_WIDE)}
"""What a statistic says above, and below, what is expected, where that is not of the width of intervals."""


def replicate_flows(
    draws: PosteriorDraws, design: Design, spec: ModelSpec, seed: int, *, same_weeks: bool = False
) -> dict[str, NDArray[np.int32]]:
    """Draw replicated data, one set per posterior draw.

    Parameters
    ----------
    draws : PosteriorDraws
        n draws.
    design, spec : Design, ModelSpec
        What was fitted.
    seed : int
        Every flow has its own stream.
    same_weeks : bool
        Whether the draws' own week effects and each day's own queue are kept, as in the data that they were, or are to
        be, fitted to.

    Returns
    -------
    dict of arrays
        Office flows: (n, D) cases; staff flows: (n, R) cases per row.
    """
    rng = generators(seed, ("week", *spec.flows))
    weeks = draws.week_effect if same_weeks else draw_weeks(draws, len(design.weeks), rng["week"])
    shared = day_effects(draws, design, spec, weeks)
    replicates: dict[str, NDArray[np.int32]] = {}
    for k, flow in enumerate(spec.office_flows):
        mean = np.exp(draws.intercept[:, k, None] + shared[:, k])
        if flow in spec.batched_flows:
            concentration = draws.day_concentration[:, spec.batched_flows.index(flow)]
            replicates[flow] = _batches(mean, design.month_of_day, draws.dispersion[:, k], concentration, rng[flow])
        else:
            replicates[flow] = draw_negative_binomial(rng[flow], mean, draws.dispersion[:, k, None])
    for k, flow in enumerate(spec.staff_flows):
        queue = _Queue(draws, design, k, same_weeks) if flow == "allocated" else None
        of_flow = shared[:, len(spec.office_flows) + k]
        replicates[flow] = _staff_rows(draws, design, spec, k, of_flow, queue, rng[flow])
    return replicates


def _batches(
    mean: Floats, month_of_day: Ints, dispersion: Floats, concentration: Floats, rng: np.random.Generator
) -> NDArray[np.int32]:
    """(n, D) replicated counts of a flow whose months' totals are divided among days."""
    counts = np.zeros(mean.shape, np.int32)
    for month in np.unique(month_of_day):
        days = month_of_day == month
        expected = mean[:, days].sum(axis=1)
        total = draw_negative_binomial(rng, expected, dispersion)
        weight = days.sum() * concentration / expected
        counts[:, days] = draw_division(rng, total, weight[:, None] * mean[:, days])
    return counts


class _Queue:
    """How many more cases wait in n draws than waited in the data."""

    def __init__(self, draws: PosteriorDraws, design: Design, k: int, as_observed: bool) -> None:
        self._waiting = design.waiting
        self._allocated = totals_of(design.row_counts[k], design.row_day, len(design.dates))
        self._log_backlog = design.office_states["backlog"] + design.state_centre["backlog"]
        self._as_observed = as_observed
        self._exponent = draws.elasticity.get(("allocated", "backlog"), np.zeros(draws.n))
        self._more = np.zeros(draws.n, np.int64)

    def answer(self, day: int) -> Floats:
        """(n, 1) how much more is wanted than with the queue that was observed."""
        backlog = np.maximum(np.exp(self._log_backlog[day]) + self._more, 1.0)
        return np.exp(self._exponent * (np.log(backlog) - self._log_backlog[day]))[:, None]

    def take(self, day: int, wanted: NDArray[np.int32]) -> NDArray[np.int32]:
        """(n,) cases that are taken, and gone."""
        taken = np.minimum(wanted, np.maximum(self._waiting[day] + self._more, 0)).astype(np.int32)
        if not self._as_observed:
            self._more = self._more + self._allocated[day] - taken
        return taken


def _staff_rows(
    draws: PosteriorDraws,
    design: Design,
    spec: ModelSpec,
    k: int,
    shared: Floats,
    queue: _Queue | None,
    rng: np.random.Generator,
) -> NDArray[np.int32]:
    """(n, R) replicated counts of one staff flow."""
    flow, means = spec.staff_flows[k], row_means(draws, design, spec, k, shared)
    ends = np.concatenate([[0], design.day_ends])
    dispersion = draws.dispersion[:, spec.flows.index(flow)]
    totals = None
    if flow in spec.batched_flows:
        concentration = draws.day_concentration[:, spec.batched_flows.index(flow)]
        expected = day_means(means, design, design.row_month_wip)
        totals = _batches(expected, design.month_of_day, dispersion, concentration, rng)
    rows = np.zeros((draws.n, len(design.row_day)), np.int32)
    for day in range(len(design.dates)):
        if ends[day] == ends[day + 1]:
            continue
        mean = means(day, design.row_wip) if queue is None else means(day, design.row_wip) * queue.answer(day)
        expected, present = mean.sum(axis=1), design.row_exposure[ends[day] : ends[day + 1]].sum()
        size = draws.concentration[:, k] * (present if spec.day_shock else expected)
        spread = dispersion if spec.day_shock else size
        total = draw_negative_binomial(rng, expected, spread) if totals is None else totals[:, day]
        if queue is not None:
            total = queue.take(day, total)
        here = slice(ends[day], ends[day + 1])
        weights = mean * np.exp(draws.own_pace[:, k, None] * design.log_pace[k, design.row_pace[here]])
        rows[:, here] = draw_division(rng, total, (size / weights.sum(axis=1))[:, None] * weights)
    return rows


def observed_flows(design: Design, spec: ModelSpec) -> dict[str, NDArray[np.int64]]:
    """Return the real counts in the shape of `replicate_flows`, as one draw."""
    counts = [*design.office_counts, *design.row_counts]
    return {flow: values[None] for flow, values in zip(spec.flows, counts, strict=True)}


def with_counts(design: Design, spec: ModelSpec, flows: dict[str, NDArray[np.int32]]) -> Design:
    """Return the design with its counts replaced by the first of some replicates."""
    first = {flow: counts[0].astype(np.int64) for flow, counts in flows.items()}
    return dataclasses.replace(
        design,
        office_counts=np.stack([first[flow] for flow in spec.office_flows]),
        row_counts=np.stack([first[flow] for flow in spec.staff_flows]),
    )


def day_totals(flow: str, counts: NDArray[Any], design: Design, spec: ModelSpec) -> Floats:
    """Return the (n, D) day totals of an office flow's (n, D) or a staff flow's (n, R) counts."""
    if flow in spec.office_flows:
        return counts.astype(float)
    return _sums(counts, design.row_day, len(design.dates))


def aggregate_verdicts(
    replicates: dict[str, NDArray[np.int32]], design: Design, spec: ModelSpec
) -> tuple[list[Verdict], pd.DataFrame]:
    """Judge whether replicated totals look like the real ones.

    Returns
    -------
    list of Verdict
        One per flow and statistic; `value` is the two-sided predictive p-value.
    DataFrame
        check, flow, observed, replicate draws as `replicate` (long), for plots.
    """
    verdicts, long = [], []
    for flow in spec.flows:
        for name, observed, replicated in _statistics(flow, replicates[flow], design, spec):
            below, above = (replicated <= observed).mean(), (replicated >= observed).mean()
            p = float(min(1.0, 2 * min(below, above)))
            status: Status = "red" if p < 2 * RED else "amber" if p < 2 * AMBER else "green"
            low, high = np.quantile(replicated, [0.025, 0.975])
            message = f"{LABELS[name]}: {observed:.2f}, expected {low:.2f} to {high:.2f}"
            if status != "green":
                of_above, of_below = ADVICE.get(name, (TOO_NARROW, TOO_WIDE))
                message += f": {of_above if above < below else of_below}"
            verdicts.append(Verdict(f"{flow} {name}", status, p, 2 * AMBER, message))
            long.append(pd.DataFrame({"check": name, "flow": flow, "observed": observed, "replicate": replicated}))
    return verdicts, pd.concat(long, ignore_index=True)


def _statistics(
    flow: str, replicated: NDArray[np.int32], design: Design, spec: ModelSpec
) -> list[tuple[str, float, Floats]]:
    """Return (name, observed, (n,) replicated) of every statistic that the flow has."""
    first_week = design.week_of_day.min()
    week, n_weeks = design.week_of_day - first_week, int(design.week_of_day.max() - first_week) + 1
    real, months = observed_flows(design, spec)[flow], design.month_of_day
    observed_days, replicated_days = (day_totals(flow, counts, design, spec) for counts in (real, replicated))
    observed_weeks, replicated_weeks = (_sums(days, week, n_weeks) for days in (observed_days, replicated_days))
    found = [
        ("day_sd", observed_days.std(axis=1), replicated_days.std(axis=1)),
        ("month_end_share", month_end_share(observed_days, months), month_end_share(replicated_days, months)),
        ("week_sd", observed_weeks.std(axis=1), replicated_weeks.std(axis=1)),
        ("week_autocorrelation", _autocorrelation(observed_weeks), _autocorrelation(replicated_weeks)),
        ("week_drift", drift(observed_weeks), drift(replicated_weeks)),
    ]
    if flow in spec.staff_flows:
        n_teams = len(design.staff.teams)
        cell = week[design.row_day] * n_teams + design.staff.spell_team[design.row_spell]
        present = np.unique(cell)
        team_weeks = [_sums(values, cell, n_weeks * n_teams)[:, present] for values in (real, replicated)]
        found.append(("team_week_sd", team_weeks[0].std(axis=1), team_weeks[1].std(axis=1)))
    return [(name, float(observed[0]), values) for name, observed, values in found]


def month_end_share(days: Floats, month_of_day: Ints) -> Floats:
    """Return the percentage of each row's cases on the last working days of months; 0 where no case is.

    Days of the last month are left out: where the data end need not be where it ends.
    """
    before = month_of_day < month_of_day[-1]
    is_last = np.append(np.diff(month_of_day) > 0, False)
    cases, at_end = days[:, before].sum(axis=1), days[:, is_last].sum(axis=1)
    return 100 * _ratio(at_end, cases)


def _sums(values: NDArray[np.number], group: NDArray[np.int64], n_groups: int) -> Floats:
    """Sum the last axis of (n, m) by group."""
    return np.stack([np.bincount(group, row, minlength=n_groups) for row in values])


def _autocorrelation(values: Floats) -> Floats:
    """Return the lag-1 autocorrelation along the last axis; 0 where nothing varies."""
    centred = values - values.mean(axis=-1, keepdims=True)
    products, squares = (centred[..., 1:] * centred[..., :-1]).sum(axis=-1), np.square(centred).sum(axis=-1)
    return _ratio(products, squares)


def drift(values: Floats) -> Floats:
    """Return the largest cumulative sum of departures from the mean, in units of the root of their squares' sum.

    About 0.8 when values come in no order; at most half the root of their number, when the level moves once, half-way;
    0 where nothing varies.
    """
    centred = values - values.mean(axis=-1, keepdims=True)
    furthest = np.abs(np.cumsum(centred, axis=-1)).max(axis=-1)
    return _ratio(furthest, np.sqrt(np.square(centred).sum(axis=-1)))


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Return part / whole; 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
