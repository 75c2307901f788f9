"""What posterior draws expect of every day and every row of the training data.

Draws come first: n draws, F flows, D working days, W weeks, R rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bayes_backlog.models.design import Design, Floats, Ints
from bayes_backlog.models.draws import PosteriorDraws, own_rates
from bayes_backlog.models.spec import ModelSpec


def day_effects(draws: PosteriorDraws, design: Design, spec: ModelSpec, weeks: Floats) -> Floats:
    """Return the (n, F, D) logarithm of what a day does to all of a flow, given (n, F, W) week effects."""
    weekly = weeks + draws.slow_level
    shared = draws.calendar @ design.calendar.T + weekly[:, :, design.week_of_day] - draws.shared_mean[:, :, None]
    for (flow, state), exponent in draws.elasticity.items():
        if state in design.office_states:
            seen = design.seen_state(state, by_month=flow in spec.batched_flows)
            shared[:, spec.flows.index(flow)] += exponent[:, None] * seen
    return shared


def row_means(
    draws: PosteriorDraws, design: Design, spec: ModelSpec, k: int, shared: Floats
) -> Callable[[int, Ints], Floats]:
    """Return a function of a day, and of (R,) cases that people held, that gives the (n, rows of the day) means.

    Parameters
    ----------
    draws, design, spec : PosteriorDraws, Design, ModelSpec
        What was fitted.
    k : int
        Which of the flows counted per person.
    shared : (n, D) float
        Its `day_effects`.
    """
    staff = design.staff
    own = own_rates(draws, staff)[:, k, staff.spell_investigator]
    place = draws.team_effect[:, k, staff.spell_team] + draws.role_effect[:, k, staff.spell_role]
    spell = own + place + draws.ramp[:, k, None] * staff.spell_ramp
    ends = np.concatenate([[0], design.day_ends])
    exponent = draws.elasticity.get((spec.staff_flows[k], "wip"), np.zeros(draws.n))

    def means(day: int, wip: Ints) -> Floats:
        here = slice(ends[day], ends[day + 1])
        own_wip = np.log1p(wip[here]) - design.state_centre["wip"]
        log_rate = spell[:, design.row_spell[here]] + exponent[:, None] * own_wip + shared[:, day, None]
        return design.row_exposure[here] * np.exp(log_rate)

    return means


def day_means(means: Callable[[int, Ints], Floats], design: Design, held: Ints) -> Floats:
    """Return the (n, D) means of a staff flow's totals, from its `row_means` and (R,) cases that people held."""
    return np.stack([means(day, held).sum(axis=1) for day in range(len(design.dates))], axis=1)


def expected_totals(draws: PosteriorDraws, design: Design, spec: ModelSpec) -> dict[str, Floats]:
    """Return, by flow, the (n, D) means of days' totals; of flows in batches with the states of the month's start."""
    shared = day_effects(draws, design, spec, draws.week_effect)
    n_office = len(spec.office_flows)
    totals = {flow: np.exp(draws.intercept[:, k, None] + shared[:, k]) for k, flow in enumerate(spec.office_flows)}
    for k, flow in enumerate(spec.staff_flows):
        means = row_means(draws, design, spec, k, shared[:, n_office + k])
        held = design.row_month_wip if flow in spec.batched_flows else design.row_wip
        totals[flow] = day_means(means, design, held)
    return totals
