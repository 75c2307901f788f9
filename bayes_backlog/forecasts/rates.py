"""Rates of the forecast days: what a day does to every flow, what each person adds, and how the office's state answers.

Everything that does not depend on the state of the office is drawn once, for all days; a day's rates then follow from
the state of the previous close. An investigator, team or role whom the fit has not seen is drawn from the fitted
population, independently in every draw and of every other newcomer.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.paired import Seed, stream
from bayes_backlog.forecasts.staff_changes import Moves, draw_moves, leaving_days
from bayes_backlog.models.design import Design, Floats, Ints, mean_wip
from bayes_backlog.models.draws import NOBODY, Counts, PosteriorDraws, continue_weeks, own_rates, week_normals
from bayes_backlog.models.own_pace import Record, log_pace
from bayes_backlog.models.slow_level import continue_level
from bayes_backlog.models.spec import ModelSpec


@dataclass(frozen=True)
class State:
    """The office at a close of day, in n draws.

    Attributes
    ----------
    backlog : (n,) int32
    wip : (n, I) int32
        Each person's own.
    mean_wip : (n,) float
        Log of one plus what those hold who are present on the day that follows, per FTE.
    record : Record
        What everybody did until then, (n, F_staff, I) and (n, I).
    log_pace : (n, F_staff, I) float
        Log of everybody's pace this week.
    recent_received : (n, 10) int
        Cases received on the last ten working days, the oldest first.
    batches : dict of (n, H) int32
        What each flow in batches takes out on each working day of the months begun so far.
    """

    backlog: Counts
    wip: Counts
    mean_wip: Floats
    record: Record
    log_pace: Floats
    recent_received: Counts
    batches: dict[str, Counts]


@dataclass(frozen=True)
class Rates:
    """What decides the rates of H working days, F flows and I people in n draws.

    Attributes
    ----------
    log_day : (n, F, H) float
        Calendar, week and level; the intercepts of the office flows included.
    log_person : (n, F_staff, I) float
        Each person's own log rate, the flow's intercept included, team and role not.
    team_effect, role_effect : (n, F_staff, .) float
        Of all labels of the frame.
    leaving : (n, I) int
        Place of the first working day on which somebody has left: as known, or earlier by turnover.
    moves : Moves
        Who moves to which team.
    share : (n, I) float
        Part of everybody's exposure that counts.
    draws, frame, design, spec
        What they were made of.
    """

    log_day: Floats
    log_person: Floats
    team_effect: Floats
    role_effect: Floats
    leaving: Ints
    moves: Moves
    share: Floats
    draws: PosteriorDraws
    frame: FutureFrame
    design: Design
    spec: ModelSpec

    def rows(self, rows: slice) -> Rates:
        """Return the rates of some of the draws, as views."""
        by_draw = ("log_day", "log_person", "team_effect", "role_effect", "leaving", "share")
        return dataclasses.replace(
            self,
            **{name: getattr(self, name)[rows] for name in by_draw},
            moves=self.moves.rows(rows),
            draws=self.draws.rows(rows),
        )


def future_rates(
    draws: PosteriorDraws,
    frame: FutureFrame,
    design: Design,
    spec: ModelSpec,
    seed: Seed,
    share: Floats | None = None,
    inflow: Seed | None = None,
) -> Rates:
    """Draw everything about the rates that does not depend on the state of the office.

    Parameters
    ----------
    draws, frame, design, spec, seed
        Of `roll_forward`.
    share : (n, I) float, optional
        Part of everybody's exposure that counts, 1 by default.
    inflow : int or Reseeded, optional
        Seed of what moves the cases received, and through the correlation of weeks other flows too; `seed` by default.
    """
    return Rates(
        log_day=_log_day_effects(draws, frame, spec, seed, seed if inflow is None else inflow),
        log_person=_log_people_rates(draws, frame, design, spec, seed),
        team_effect=_with_unseen(draws.team_effect, draws.team_sd, frame.teams, seed, "team"),
        role_effect=_with_unseen(draws.role_effect, draws.role_sd, frame.roles, seed, "role"),
        leaving=leaving_days(draws.n, frame, seed),
        moves=draw_moves(draws.n, frame, seed),
        share=np.ones((draws.n, len(frame.investigators))) if share is None else share,
        draws=draws,
        frame=frame,
        design=design,
        spec=spec,
    )


def office_mean(rates: Rates, flow: str, day: int, state: State) -> Floats:
    """Return the (n,) mean of an office flow on a day, in cases."""
    mean = np.exp(_log_office(rates, flow, day, state)) * _factor(rates.frame, flow, day)
    return mean + rates.frame.added_received[day] if flow == "received" else mean


def exposures(rates: Rates, day: int) -> Floats:
    """Return the (n, I) FTE that works on a day."""
    return rates.frame.exposure[day] * rates.share * (day < rates.leaving)


def teams(rates: Rates, day: int) -> Ints:
    """Return the (n, I) team that everybody sits in on a day."""
    return rates.moves.teams(day, rates.frame.team[day])


def this_morning(rates: Rates, day: int, state: State) -> State:
    """Return the state with what those hold who are present on a day and, where a week begins, everybody's pace."""
    each, weeks = exposures(rates, day), rates.frame.week_of_day
    held, present = (each * np.maximum(state.wip, 0)).sum(axis=1), each.sum(axis=1)
    pace = state.log_pace
    if day == 0 or weeks[day] > weeks[day - 1]:
        pace = log_pace(state.record, each > 0)
    held_each = np.where(present > 0, mean_wip(held, present), state.mean_wip)
    return dataclasses.replace(state, mean_wip=held_each, log_pace=pace)


def shares(rates: Rates, flow: str, state: State, means: Floats) -> Floats:
    """Return the (n, I) parts of a day's total that people with these means are expected to have."""
    k = rates.spec.staff_flows.index(flow)
    weights = means * np.exp(rates.draws.own_pace[:, k, None] * state.log_pace[:, k])
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), NOBODY)


def month_means(rates: Rates, flow: str, days: slice, state: State) -> Floats:
    """Return the (n, days) means of a flow in batches on the days of a month that begins with a state, in cases."""

    def mean(day: int) -> Floats:
        if flow in rates.spec.staff_flows:
            return people_means(rates, flow, day, state).sum(axis=1)
        return office_mean(rates, flow, day, state)

    return np.stack([mean(day) for day in range(days.start, days.stop)], axis=1)


def people_means(rates: Rates, flow: str, day: int, state: State) -> Floats:
    """Return the (n, I) means of a staff flow on a day, in cases; 0 for who is absent."""
    k, frame = rates.spec.staff_flows.index(flow), rates.frame
    team = np.take_along_axis(rates.team_effect[:, k], teams(rates, day), axis=1)
    place = team + rates.role_effect[:, k, frame.role[day]]
    person = rates.log_person[:, k] + place + rates.draws.ramp[:, k, None] * frame.ramp[day]
    own = _answer(rates, flow, "wip", np.log1p(np.maximum(state.wip, 0)))
    rate = np.exp(person + own + _log_office(rates, flow, day, state)[:, None])
    return exposures(rates, day) * rate * _factor(frame, flow, day)


def dispersion(rates: Rates, flow: str) -> Floats:
    """Return the (n,) dispersion of a flow's day totals."""
    return rates.draws.dispersion[:, rates.spec.flows.index(flow)]


def _factor(frame: FutureFrame, flow: str, day: int) -> float:
    """Return what an assumption multiplies a flow's rate by on a day."""
    return float(frame.factor[flow][day]) if flow in frame.factor else 1.0


def _log_office(rates: Rates, flow: str, day: int, state: State) -> Floats:
    """(n,) log rate of what all cases or people of a day share."""
    return rates.log_day[:, rates.spec.flows.index(flow), day] + _answers(rates, flow, state)


def _answers(rates: Rates, flow: str, state: State) -> Floats:
    """(n,) how a flow's log rate answers to the states of the office."""
    backlog = np.log1p(np.maximum(state.backlog, 0))
    recent = np.log1p(state.recent_received.sum(axis=1))
    seen = {"backlog": backlog, "recent_received": recent, "mean_wip": state.mean_wip}
    if flow in rates.spec.further_flows:
        seen["office_wip"] = np.log1p(np.maximum(state.wip.sum(axis=1), 0))
    answers = np.zeros(rates.draws.n)
    for name, value in seen.items():
        answers = answers + _answer(rates, flow, name, value)
    return answers


def _answer(rates: Rates, flow: str, state: str, value: Floats) -> Floats | float:
    """Return how a flow's log rate answers to a state, given as log(1 + cases), (n,) or (n, I)."""
    exponent = rates.draws.elasticity.get((flow, state))
    if exponent is None:
        return 0.0
    deviation = value - rates.design.state_centre[state]
    return (exponent if value.ndim == 1 else exponent[:, None]) * deviation


def _log_day_effects(draws: PosteriorDraws, frame: FutureFrame, spec: ModelSpec, seed: Seed, inflow: Seed) -> Floats:
    """(n, F, H): what a day does to everybody: calendar, week, level; intercepts of the office flows included."""
    n_weeks, range_weeks = int(frame.week_of_day[-1]) + 1, spec.priors.level_range_weeks

    def drawn(seed: Seed) -> tuple[Floats, Floats]:
        level = continue_level(draws.slow_level, draws.level_sd, n_weeks, range_weeks, stream(seed, "level"))
        return week_normals(draws, n_weeks - 1, stream(seed, "week")), level

    normals, level = drawn(seed)
    if inflow != seed:
        received = spec.flows.index("received")
        for of_all, arriving in zip((normals, level), drawn(inflow), strict=True):
            of_all[:, received] = arriving[:, received]
    effect = draws.calendar @ frame.calendar.T
    # Index 0 is the last training week, which the fit knows.
    shared = continue_weeks(draws, draws.week_effect[..., -1], normals) + level
    effect += shared[:, :, frame.week_of_day] - draws.shared_mean[:, :, None]
    effect[:, : len(spec.office_flows)] += draws.intercept[:, : len(spec.office_flows), None]
    return effect


def _log_people_rates(draws: PosteriorDraws, frame: FutureFrame, design: Design, spec: ModelSpec, seed: Seed) -> Floats:
    """(n, F_staff, I): each person's own effect plus the flow's intercept, without team and role."""
    own, population = own_rates(draws, design.staff), draws.intercept[:, len(spec.office_flows) :]
    rates = np.empty((*population.shape, len(frame.investigators)))
    for person, (label, known) in enumerate(zip(frame.investigators, frame.known.tolist(), strict=True)):
        if known >= 0:
            rates[..., person] = own[..., known]
        else:
            effect = draws.investigator_sd * _standard_effects(population.shape, seed, "investigator", label)
            rates[..., person] = population + effect
    return rates


def _with_unseen(effect: Floats, sd: Floats, labels: tuple[str, ...], seed: Seed, group: str) -> Floats:
    """Return effects of all labels: those beyond the fitted ones are drawn from their population."""
    unseen = [sd * _standard_effects(sd.shape, seed, group, label) for label in labels[effect.shape[2] :]]
    return np.concatenate([effect, *(column[..., None] for column in unseen)], axis=2)


def _standard_effects(shape: tuple[int, ...], seed: Seed, group: str, label: str) -> Floats:
    """Return a member's effects in units of the population's sd: the same whoever else joins."""
    return stream(seed, "newcomer", group, label).standard_normal(shape)
