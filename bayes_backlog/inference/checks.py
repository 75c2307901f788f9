"""Predictive checks at the level where decisions are taken: totals of days, weeks and team-weeks.

Row-level checks cannot see what makes a 90-day total uncertain. Each check compares one statistic of the data with its
distribution over replicated data sets, in which day and week shocks are drawn afresh; the slow level and lagged states
stay as fitted and observed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayes_backlog.inference.gate import Status, Verdict
from bayes_backlog.models.design import Design, Floats
from bayes_backlog.models.draws import (
    PosteriorDraws,
    draw_division,
    draw_negative_binomial,
    draw_weeks,
    generators,
    own_rates,
)
from bayes_backlog.models.spec import ModelSpec

AMBER = 0.025
RED = 0.005
LABELS = {
    "day_sd": "spread of day totals",
    "week_sd": "spread of week totals",
    "week_autocorrelation": "likeness of neighbouring week totals",
    "team_week_sd": "spread of team-week totals",
}
TOO_NARROW = "the model understates it: its intervals of totals may be too narrow; look for a missing shared effect"
TOO_WIDE = "the model overstates it: its intervals of totals may be too wide; look for a part the data do not need"

Statistic = Callable[[Floats], Floats]


def replicate_flows(draws: PosteriorDraws, design: Design, spec: ModelSpec, seed: int) -> dict[str, NDArray[np.int32]]:
    """Draw replicated data, one set per posterior draw.

    Returns
    -------
    dict of arrays
        Office flows: (n, D) cases; staff flows: (n, R) cases per row.
    """
    rng = generators(seed, ("week", *spec.flows))
    start = draws.week_sd * rng["week"].standard_normal(draws.week_sd.shape)
    weeks = draw_weeks(draws, start, len(design.weeks), rng["week"]) + draws.slow_level
    shared = draws.calendar @ design.calendar.T + weeks[:, :, design.week_of_day] - draws.shared_mean[:, :, None]
    for (flow, state), exponent in draws.elasticity.items():
        if state in design.office_states:
            shared[:, spec.flows.index(flow)] += exponent[:, None] * design.office_states[state]
    replicates: dict[str, NDArray[np.int32]] = {}
    for k, flow in enumerate(spec.office_flows):
        mean = np.exp(draws.intercept[:, k, None] + shared[:, k])
        replicates[flow] = draw_negative_binomial(rng[flow], mean, draws.dispersion[:, k, None])
    for k, flow in enumerate(spec.staff_flows):
        replicates[flow] = _staff_rows(draws, design, spec, k, shared[:, len(spec.office_flows) + k], rng[flow])
    return replicates


def _staff_rows(
    draws: PosteriorDraws, design: Design, spec: ModelSpec, k: int, shared: Floats, rng: np.random.Generator
) -> NDArray[np.int32]:
    """(n, R) replicated counts of one staff flow."""
    staff, flow = design.staff, spec.staff_flows[k]
    own = own_rates(draws, staff)[:, k, staff.spell_investigator]
    place = draws.team_effect[:, k, staff.spell_team] + draws.role_effect[:, k, staff.spell_role]
    spell = own + place + draws.ramp[:, k, None] * staff.spell_ramp
    ends = np.concatenate([[0], design.day_ends])
    own_wip = np.log1p(design.row_wip) - design.state_centre["wip"]
    exponent = draws.elasticity.get((flow, "wip"), np.zeros(draws.n))
    rows = np.zeros((draws.n, len(design.row_day)), np.int32)
    for day in range(len(design.dates)):
        here = slice(ends[day], ends[day + 1])
        if here.start == here.stop:
            continue
        log_rate = spell[:, design.row_spell[here]] + exponent[:, None] * own_wip[here] + shared[:, day, None]
        mean = design.row_exposure[here] * np.exp(log_rate)
        size = draws.concentration[:, k, None] * mean
        spread = draws.dispersion[:, len(spec.office_flows) + k] if spec.day_shock else size.sum(axis=1)
        total = draw_negative_binomial(rng, mean.sum(axis=1), spread)
        rows[:, here] = draw_division(rng, total, size)
    return rows


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
                message += f": {TOO_NARROW if above < below else TOO_WIDE}"
            verdicts.append(Verdict(f"{flow} {name}", status, p, 2 * AMBER, message))
            long.append(pd.DataFrame({"check": name, "flow": flow, "observed": observed, "replicate": replicated}))
    return verdicts, pd.concat(long, ignore_index=True)


def _statistics(
    flow: str, replicated: NDArray[np.int32], design: Design, spec: ModelSpec
) -> list[tuple[str, float, Floats]]:
    """Return (name, observed, (n,) replicated) of every statistic that the flow has."""
    first_week = design.week_of_day.min()
    week, n_weeks = design.week_of_day - first_week, int(design.week_of_day.max() - first_week) + 1
    n_days = len(design.dates)
    if flow in spec.office_flows:
        observed_days = design.office_counts[spec.office_flows.index(flow)][None, :].astype(float)
        replicated_days = replicated.astype(float)
    else:
        rows = design.row_counts[spec.staff_flows.index(flow)][None, :]
        observed_days, replicated_days = (_sums(values, design.row_day, n_days) for values in (rows, replicated))
    observed_weeks, replicated_weeks = (_sums(days, week, n_weeks) for days in (observed_days, replicated_days))
    found = [
        ("day_sd", observed_days.std(axis=1), replicated_days.std(axis=1)),
        ("week_sd", observed_weeks.std(axis=1), replicated_weeks.std(axis=1)),
        ("week_autocorrelation", _autocorrelation(observed_weeks), _autocorrelation(replicated_weeks)),
    ]
    if flow in spec.staff_flows:
        n_teams = len(design.staff.teams)
        cell = week[design.row_day] * n_teams + design.staff.spell_team[design.row_spell]
        present = np.unique(cell)
        team_weeks = [_sums(values, cell, n_weeks * n_teams)[:, present] for values in (rows, replicated)]
        found.append(("team_week_sd", team_weeks[0].std(axis=1), team_weeks[1].std(axis=1)))
    return [(name, float(observed[0]), values) for name, observed, values in found]


def _sums(values: NDArray[np.number], group: NDArray[np.int64], n_groups: int) -> Floats:
    """Sum the last axis of (n, m) by group."""
    return np.stack([np.bincount(group, row, minlength=n_groups) for row in values])


def _autocorrelation(values: Floats) -> Floats:
    """Return the lag-1 autocorrelation along the last axis."""
    centred = values - values.mean(axis=-1, keepdims=True)
    return (centred[..., 1:] * centred[..., :-1]).sum(axis=-1) / np.square(centred).sum(axis=-1)
