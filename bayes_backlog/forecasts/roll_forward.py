"""The day-by-day roll-forward: from posterior draws to future flows and stocks that agree in every draw.

Each working day, in this order: the open cases of who has left go to present colleagues, by FTE, within the team where
somebody is left in it; cases are received; some leave the queue unallocated; people pick up cases, never more than the
queue holds; people sign off, never more than they held that morning. Stocks then follow from flows to the unit, so in
every draw backlog[t] = backlog[t-1] + received - allocated - removed, a person's wip[t] = wip[t-1] + allocated -
signed_off + taken_over - handed_over, and the sum over people is the office. Nothing is clipped after the fact.

Further flows are counted beside them, from what was in progress at the close before: they move no case, and nothing
answers to them.

Handing over is what case logs show: without an allocation history a leaver's case stands under the colleague who has it
now, with one it is taken over. Cases that somebody absent holds at the start, or that nobody holds, stay there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayes_backlog.forecasts import paired
from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.forecasts.rates import (
    Rates,
    State,
    dispersion,
    exposures,
    future_rates,
    month_means,
    office_mean,
    people_means,
    shares,
    teams,
    this_morning,
)
from bayes_backlog.models.design import Design, Floats, Ints
from bayes_backlog.models.draws import MAX_MEAN, NOBODY, Counts, PosteriorDraws
from bayes_backlog.models.own_pace import Record
from bayes_backlog.models.spec import OFFICE_FLOWS, STAFF_FLOWS, ModelSpec

BLOCK = 250
"""Draws rolled forward together: enough to keep numpy busy, few enough for a day's arrays to stay in the cache."""
HANDOVERS = ("taken_over", "handed_over")
NO_CLUMPS = 1e12
"""Urn weight of an FTE at which every case falls on somebody by itself, whoever had the others."""


@dataclass(frozen=True)
class Chances:
    """The randomness of all counts, fixed before any mean is known: it pairs a scenario with its base.

    Attributes
    ----------
    uniform : dict of (n, H) float
        For each flow's day totals.
    key : dict of (n, H) uint64
        For the division of each staff flow's totals among people.
    heirs : (n, I) uint64
        For the division of each leaver's cases.
    month_key : dict of (n, H) uint64
        For the division of each batched flow's totals among the days of a month.
    """

    uniform: dict[str, Floats]
    key: dict[str, paired.Keys]
    heirs: paired.Keys
    month_key: dict[str, paired.Keys]

    def rows(self, rows: slice) -> Chances:
        """Return the randomness of some of the draws."""
        return Chances(
            {flow: values[rows] for flow, values in self.uniform.items()},
            {flow: values[rows] for flow, values in self.key.items()},
            self.heirs[rows],
            {flow: values[rows] for flow, values in self.month_key.items()},
        )


@dataclass(frozen=True)
class Flows:
    """One working day's flows in cases, int32: received, removed and each further flow (n,); the others (n, I)."""

    received: Counts
    removed: Counts
    allocated: Counts
    signed_off: Counts
    taken_over: Counts
    handed_over: Counts
    further: dict[str, Counts]


def roll_forward(
    draws: PosteriorDraws,
    frame: FutureFrame,
    design: Design,
    spec: ModelSpec,
    seed: int,
    *,
    share: Floats | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> xr.Dataset:
    """Draw the future.

    Parameters
    ----------
    draws : PosteriorDraws
        n draws of the fitted model.
    frame : FutureFrame
        Calendar, staff and opening stocks of A calendar days, H of them working days.
    design, spec
        What was fitted.
    seed : int
        Every quantity has its own stream, so changing one leaves the others' randomness alone; see `paired`.
    share : (n, I) float, optional
        Part of everybody's exposure that counts in each draw, 1 by default.
    progress : callable
        Told of draws done, and of how many.

    Returns
    -------
    xarray.Dataset
        int32 counts: received, removed, further flows, backlog (chain, draw, date); allocated, signed_off, taken_over,
        handed_over, wip (chain, draw, date, investigator); team and role (date, investigator); backlog_start () and
        wip_start (investigator). Days off have no flows and keep the stocks of the day before. Who moves in a draw sits
        from day `moved_on` on in the team that is number `moved_to` of `place`, both (chain, draw, investigator), and
        in `team` until then; who stays has no `moved_on`.
    """
    rates = future_rates(draws, frame, design, spec, seed, share)
    return roll(rates, draw_chances(draws.n, frame, spec, seed), progress=progress)


def roll(
    rates: Rates, chances: Chances, *, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> xr.Dataset:
    """Return the future that rates and chances decide, as `roll_forward` does."""
    draws, frame = rates.draws, rates.frame
    working = frame.all_dates.get_indexer(frame.dates)
    paths = _empty_paths(draws.n, frame, rates.spec)
    for first in range(0, draws.n, BLOCK):
        rows = slice(first, min(first + BLOCK, draws.n))
        block = {name: values[rows] for name, values in paths.items()}
        _roll_block(rates.rows(rows), chances.rows(rows), working, block)
        progress(rows.stop, draws.n)
    return _dataset(rates, paths, working)


def draw_chances(n: int, frame: FutureFrame, spec: ModelSpec, seed: paired.Seed) -> Chances:
    """Draw the randomness of n draws' counts."""
    days = len(frame.dates)
    return Chances(
        uniform={flow: paired.uniforms(seed, flow, days, n) for flow in spec.flows},
        key={flow: paired.keys(seed, days, n, flow) for flow in spec.staff_flows},
        heirs=np.hstack([paired.keys(seed, 1, n, "heirs", name) for name in frame.investigators]),
        month_key={flow: paired.keys(seed, days, n, flow, "month") for flow in spec.batched_flows},
    )


def _roll_block(rates: Rates, chances: Chances, working: Ints, paths: dict[str, Counts]) -> None:
    """Write the paths of some draws, day by day; `working` are the places of working days among the dates."""
    state, written = opening_state(rates), 0
    for day, at in enumerate(working.tolist()):
        _write_stocks(paths, slice(written, at), state)
        state = _with_batches(rates, day, this_morning(rates, day, state), chances)
        flows = _flows_of_day(rates, day, state, chances)
        state = _close_of_day(rates, day, state, flows)
        _write_flows(paths, at, flows)
        _write_stocks(paths, slice(at, at + 1), state)
        written = at + 1
    _write_stocks(paths, slice(written, None), state)


def opening_state(rates: Rates) -> State:
    """Return the office at the close of the last day that is known."""
    n, frame, record = rates.draws.n, rates.frame, rates.design.record
    known, is_known = np.maximum(frame.known, 0), frame.known >= 0

    def in_every_draw(done: Floats) -> Floats:
        return np.tile(done[..., known] * is_known, (n, *[1] * done.ndim))

    return State(
        backlog=np.full(n, frame.backlog_start, np.int32),
        wip=np.tile(frame.wip_start.astype(np.int32), (n, 1)),
        mean_wip=np.zeros(n),
        record=Record(in_every_draw(record.cases), in_every_draw(record.fte)),
        log_pace=np.zeros((n, len(rates.spec.staff_flows), len(known))),
        recent_received=np.tile(frame.recent_received.astype(np.int32), (n, 1)),
        batches={},
    )


def _flows_of_day(rates: Rates, day: int, state: State, chances: Chances) -> Flows:
    handed_over, taken_over = _handovers(rates, day, state, chances)
    state = dataclasses.replace(state, wip=state.wip + taken_over - handed_over)
    received = _office_flow(rates, "received", day, state, chances)
    waiting = np.maximum(state.backlog + received, 0)
    removed = np.minimum(np.int32(rates.frame.cleared[day]), waiting)
    if "removed" in rates.spec.flows:
        removed = np.minimum(removed + _office_flow(rates, "removed", day, state, chances), waiting)
    allocated = _staff_flow(rates, "allocated", day, state, chances, most=waiting - removed)
    if rates.frame.wip_limit is not None:
        allocated = np.minimum(allocated, np.maximum(rates.frame.wip_limit - state.wip, 0))
    signed_off = np.minimum(_staff_flow(rates, "signed_off", day, state, chances), np.maximum(state.wip, 0))
    further = {flow: _office_flow(rates, flow, day, state, chances) for flow in rates.spec.further_flows}
    return Flows(received, removed, allocated, signed_off, taken_over, handed_over, further)


def _handovers(rates: Rates, day: int, state: State, chances: Chances) -> tuple[Counts, Counts]:
    """Return (n, I) cases handed over by who has left since the day before, and taken over by colleagues."""
    handed_over, taken_over = np.zeros_like(state.wip), np.zeros_like(state.wip)
    left = (rates.leaving == day) & (state.wip > 0)
    for person in np.flatnonzero(left.any(axis=0)).tolist():
        rows = left[:, person]
        present, team = exposures(rates, day)[rows], teams(rates, day)[rows]
        colleagues = present * (team == team[:, [person]])
        heirs = np.where(colleagues.any(axis=1, keepdims=True), colleagues, present)
        parts = paired.divide(state.wip[rows, person], NO_CLUMPS * heirs, chances.heirs[rows, person])
        taken_over[rows] += parts
        handed_over[rows, person] = parts.sum(axis=1)
    return handed_over, taken_over


def _with_batches(rates: Rates, day: int, state: State, chances: Chances) -> State:
    """Return the state with the month's batches laid out, where a month begins on this day; see `models.forecaster`."""
    months = rates.frame.month_of_day
    if day > 0 and months[day] == months[day - 1]:
        return state
    days = slice(day, int(np.searchsorted(months, months[day], side="right")))
    batches = {}
    for k, flow in enumerate(rates.spec.batched_flows):
        means = np.minimum(month_means(rates, flow, days, state), MAX_MEAN)
        expected = means.sum(axis=1)
        spread = np.where(expected > 0, dispersion(rates, flow), 1.0)
        total = paired.negative_binomial(chances.uniform[flow][:, day], expected, spread)
        weight = means.shape[1] * rates.draws.day_concentration[:, k] / np.maximum(expected, NOBODY)
        laid_out = np.zeros((len(total), len(months)), np.int32)
        laid_out[:, days] = paired.divide(total, weight[:, None] * means, chances.month_key[flow][:, day])
        batches[flow] = laid_out
    return dataclasses.replace(state, batches=batches)


def _office_flow(rates: Rates, flow: str, day: int, state: State, chances: Chances) -> Counts:
    if flow in state.batches:
        return state.batches[flow][:, day]
    uniform = chances.uniform[flow][:, day]
    return paired.negative_binomial(uniform, office_mean(rates, flow, day, state), dispersion(rates, flow))


def _staff_flow(
    rates: Rates, flow: str, day: int, state: State, chances: Chances, most: Counts | None = None
) -> Counts:
    """Draw a day's total, at most `most`, and divide it among people: (n, I)."""
    means = np.minimum(people_means(rates, flow, day, state), MAX_MEAN)
    total_mean = means.sum(axis=1)
    present = exposures(rates, day).sum(axis=1) if rates.spec.day_shock else total_mean
    size = rates.draws.concentration[:, rates.spec.staff_flows.index(flow)] * present
    if flow in state.batches:
        total = state.batches[flow][:, day]
    else:
        spread = dispersion(rates, flow) if rates.spec.day_shock else size
        total = paired.negative_binomial(
            chances.uniform[flow][:, day], total_mean, np.where(total_mean > 0, spread, 1.0)
        )
    if most is not None:
        total = np.minimum(total, most)
    return paired.divide(total, size[:, None] * shares(rates, flow, state, means), chances.key[flow][:, day])


def _close_of_day(rates: Rates, day: int, state: State, flows: Flows) -> State:
    cases = np.stack([getattr(flows, flow) for flow in rates.spec.staff_flows], axis=1)
    return dataclasses.replace(
        state,
        backlog=state.backlog + flows.received - flows.removed - flows.allocated.sum(axis=1, dtype=np.int32),
        wip=state.wip + flows.allocated - flows.signed_off + flows.taken_over - flows.handed_over,
        record=state.record.a_day_later(cases, exposures(rates, day)),
        recent_received=np.column_stack([state.recent_received[:, 1:], flows.received]),
    )


def _empty_paths(n: int, frame: FutureFrame, spec: ModelSpec) -> dict[str, Counts]:
    """(n, A) for the office and (n, A, I) for people, A calendar days."""
    n_dates, n_people = len(frame.all_dates), len(frame.investigators)
    office = {name: np.zeros((n, n_dates), np.int32) for name in (*OFFICE_FLOWS, *spec.further_flows, "backlog")}
    staff = {name: np.zeros((n, n_dates, n_people), np.int32) for name in (*STAFF_FLOWS, *HANDOVERS, "wip")}
    return office | staff


def _write_flows(paths: dict[str, Counts], at: int, flows: Flows) -> None:
    for name in OFFICE_FLOWS + STAFF_FLOWS:
        paths[name][:, at] = getattr(flows, name)
    for name, counts in flows.further.items():
        paths[name][:, at] = counts
    # Memory of zeros is only taken once it is written to, and on most days nobody leaves.
    for name in HANDOVERS if flows.handed_over.any() else ():
        paths[name][:, at] = getattr(flows, name)


def _write_stocks(paths: dict[str, Counts], at: slice, state: State) -> None:
    """Write the stocks of a close, also on the days off that follow it."""
    paths["backlog"][:, at], paths["wip"][:, at] = state.backlog[:, None], state.wip[:, None]


def _dataset(rates: Rates, paths: dict[str, Counts], working: Ints) -> xr.Dataset:
    frame, moves = rates.frame, rates.moves

    def split(values: np.ndarray) -> np.ndarray:
        return values.reshape(rates.draws.chains, -1, *values.shape[1:])

    labels, roles = np.array(frame.teams, dtype=object), np.array(frame.roles, dtype=object)
    day = np.clip(np.searchsorted(working, np.arange(len(frame.all_dates))), 0, len(working) - 1)
    moved_on = np.append(frame.dates.to_numpy(), np.datetime64("NaT", "us"))[moves.day]
    in_use, moved_to = np.unique(moves.team, return_inverse=True)
    return xr.Dataset(
        {
            name: (("chain", "draw", "date", "investigator")[: values.ndim + 1], split(values))
            for name, values in paths.items()
        }
        | {
            "backlog_start": ((), np.int32(frame.backlog_start)),
            "wip_start": (("investigator",), frame.wip_start.astype(np.int32)),
            "moved_on": (("chain", "draw", "investigator"), split(moved_on)),
            "moved_to": (("chain", "draw", "investigator"), split(moved_to.astype(np.int32))),
        },
        coords={
            "date": frame.all_dates,
            "investigator": list(frame.investigators),
            "team": (("date", "investigator"), labels[frame.team[day]].astype(str)),
            "role": (("date", "investigator"), roles[frame.role[day]].astype(str)),
            "place": [frame.teams[team] for team in in_use],
        },
    )
