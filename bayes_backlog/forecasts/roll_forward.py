"""The day-by-day roll-forward: from posterior draws to future flows and stocks that agree in every draw.

Each working day, in this order: cases are received; some leave the queue unallocated; people pick up cases, never more
than the queue holds; people sign off, never more than they held at the previous close. Stocks then follow from flows to
the unit, so backlog[t] = backlog[t-1] + received - allocated - removed and the sum over people is the office, in every
draw. Nothing is clipped after the fact. An investigator whom the fit has not seen is drawn from the fitted population,
independently in every draw and of every other newcomer.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from bayes_backlog.forecasts.future import FutureFrame
from bayes_backlog.models.design import KNOT_WEEKS, Design, Floats, Ints, level_basis, n_knots
from bayes_backlog.models.draws import (
    Counts,
    PosteriorDraws,
    draw_division,
    draw_negative_binomial,
    draw_weeks,
    generators,
    own_rates,
)
from bayes_backlog.models.forecaster import level_correlation
from bayes_backlog.models.spec import ModelSpec

STREAMS = (
    "newcomers",
    "week",
    "level",
    "received",
    "removed",
    "allocated",
    "allocated_division",
    "signed_off",
    "signed_off_division",
)


def roll_forward(
    draws: PosteriorDraws,
    frame: FutureFrame,
    design: Design,
    spec: ModelSpec,
    seed: int,
    *,
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
        Every quantity has its own stream, so changing one leaves the others' randomness alone.
    progress : callable
        Told of days done.

    Returns
    -------
    xarray.Dataset
        int32 counts: received, removed, backlog (chain, draw, date); allocated, signed_off, wip (chain, draw, date,
        investigator); team and role (date, investigator); backlog_start () and wip_start (investigator). Days off have
        no flows and keep the stocks of the day before.
    """
    rng = generators(seed, STREAMS)
    n, working = draws.n, frame.all_dates.get_indexer(frame.dates)
    n_dates, n_people = len(frame.all_dates), len(frame.investigators)
    log_day = _log_day_effects(draws, frame, design, spec, rng)
    people = _log_people_rates(draws, frame, design, spec, rng["newcomers"])
    team_effect = _with_unseen(draws.team_effect, draws.team_sd, len(frame.teams), rng["newcomers"])
    role_effect = _with_unseen(draws.role_effect, draws.role_sd, len(frame.roles), rng["newcomers"])
    office = {name: np.zeros((n, n_dates), np.int32) for name in ("received", "removed", "backlog")}
    staff = {name: np.zeros((n, n_dates, n_people), np.int32) for name in ("allocated", "signed_off", "wip")}
    backlog = np.full(n, frame.backlog_start, np.int32)
    wip = np.tile(frame.wip_start.astype(np.int32), (n, 1))
    recent = np.tile(frame.recent_received, (n, 1))

    def answer(flow: str, state: str, value: Floats) -> Floats | float:
        exponent = draws.elasticity.get((flow, state))
        if exponent is None:
            return 0.0
        deviation = value - design.state_centre[state]
        return (exponent if value.ndim == 1 else exponent[:, None]) * deviation

    done = 0
    for day, when in enumerate(working.tolist()):
        for off in range(done, when):
            office["backlog"][:, off], staff["wip"][:, off] = backlog, wip
        done = when + 1
        state = {"backlog": np.log1p(np.maximum(backlog, 0)), "recent_received": np.log1p(recent.sum(axis=1))}

        def log_rate(flow: str, day: int = day, state: dict[str, Floats] = state) -> Floats:
            k = spec.flows.index(flow)
            return log_day[:, k, day] + sum(answer(flow, name, value) for name, value in state.items())

        received = draw_negative_binomial(rng["received"], np.exp(log_rate("received")), draws.dispersion[:, 0])
        queue = backlog + received
        removed = np.zeros(n, np.int32)
        if "removed" in spec.flows:
            wanted = draw_negative_binomial(rng["removed"], np.exp(log_rate("removed")), draws.dispersion[:, 1])
            removed = np.minimum(wanted, np.maximum(queue, 0))
        own = np.log1p(np.maximum(wip, 0))
        shares: dict[str, Counts] = {}
        for k, flow in enumerate(spec.staff_flows):
            place = team_effect[:, k, frame.team[day]] + role_effect[:, k, frame.role[day]]
            person = people[:, k] + place + draws.ramp[:, k, None] * frame.ramp[day]
            log_person = person + answer(flow, "wip", own) + log_rate(flow)[:, None]
            mean = frame.exposure[day] * np.exp(log_person)
            total_mean = mean.sum(axis=1)
            size = draws.concentration[:, k, None] * mean
            spread = draws.dispersion[:, len(spec.office_flows) + k] if spec.day_shock else size.sum(axis=1)
            total = draw_negative_binomial(rng[flow], total_mean, np.where(total_mean > 0, spread, 1.0))
            if flow == "allocated":
                total = np.minimum(total, np.maximum(queue - removed, 0))
            shares[flow] = draw_division(rng[f"{flow}_division"], total, size)
        shares["signed_off"] = np.minimum(shares["signed_off"], np.maximum(wip, 0))
        allocated = shares["allocated"].sum(axis=1, dtype=np.int32)
        backlog = queue - removed - allocated
        wip = wip + shares["allocated"] - shares["signed_off"]
        recent = np.column_stack([recent[:, 1:], received])
        office["received"][:, when], office["removed"][:, when], office["backlog"][:, when] = received, removed, backlog
        for name in spec.staff_flows:
            staff[name][:, when] = shares[name]
        staff["wip"][:, when] = wip
        progress(day + 1, len(working))
    for off in range(done, n_dates):
        office["backlog"][:, off], staff["wip"][:, off] = backlog, wip
    return _dataset(draws.chains, frame, office, staff, working)


def _log_day_effects(
    draws: PosteriorDraws, frame: FutureFrame, design: Design, spec: ModelSpec, rng: dict[str, np.random.Generator]
) -> Floats:
    """(n, F, H): what a day does to everybody: calendar, week, level; intercepts of the office flows included."""
    n_weeks = int(frame.week_of_day[-1]) + 1
    effect = draws.calendar @ frame.calendar.T
    # Index 0 is the last training week, which the fit knows.
    weeks = draw_weeks(draws, draws.week_effect[..., -1], n_weeks, rng["week"])
    shared = weeks + _future_levels(draws, design, spec, n_weeks, rng["level"])
    effect += shared[:, :, frame.week_of_day] - draws.shared_mean[:, :, None]
    effect[:, : len(spec.office_flows)] += draws.intercept[:, : len(spec.office_flows), None]
    return effect


def _future_levels(
    draws: PosteriorDraws, design: Design, spec: ModelSpec, n_weeks: int, rng: np.random.Generator
) -> Floats:
    """(n, F, n_weeks) slow level, going on from the last two weeks' line to knots not yet reached."""
    first_week = len(design.weeks) - 1
    fitted_knots = n_knots(len(design.weeks))
    knots = n_knots(first_week + n_weeks)
    values = np.empty((*draws.level_sd.shape, knots))
    values[..., :fitted_knots] = _knots_of(draws.slow_level, fitted_knots)
    rho = level_correlation(spec)
    for knot in range(fitted_knots, knots):
        shock = draws.level_sd * np.sqrt(1 - rho**2) * rng.standard_normal(draws.level_sd.shape)
        values[..., knot] = rho * values[..., knot - 1] + shock
    return values @ level_basis(first_week, n_weeks, knots).T


def _knots_of(level: Floats, knots: int) -> Floats:
    """Return the knots' values from the weekly level: exact at knots, extrapolated along the last line if beyond."""
    n_weeks = level.shape[-1]
    inside = np.arange(0, n_weeks, KNOT_WEEKS)
    values = level[..., inside]
    if len(inside) == knots:
        return values
    beyond = n_weeks - 1 - inside[-1]
    slope = (level[..., -1] - level[..., inside[-1]]) / beyond
    return np.concatenate([values, (values[..., -1] + KNOT_WEEKS * slope)[..., None]], axis=-1)


def _log_people_rates(
    draws: PosteriorDraws, frame: FutureFrame, design: Design, spec: ModelSpec, rng: np.random.Generator
) -> Floats:
    """(n, F_staff, I): each person's own effect plus the flow's intercept, without team and role."""
    newcomer = rng.standard_normal((draws.n, len(spec.staff_flows), len(frame.investigators)))
    rates = draws.intercept[:, len(spec.office_flows) :, None] + draws.investigator_sd[:, :, None] * newcomer
    seen = frame.known >= 0
    rates[:, :, seen] = own_rates(draws, design.staff)[:, :, frame.known[seen]]
    return rates


def _with_unseen(effect: Floats, sd: Floats, n_labels: int, rng: np.random.Generator) -> Floats:
    """Return effects of all labels: those beyond the fitted ones are drawn from their population."""
    unseen = rng.standard_normal((*effect.shape[:2], n_labels - effect.shape[2]))
    return np.concatenate([effect, sd[:, :, None] * unseen], axis=2)


def _dataset(
    chains: int, frame: FutureFrame, office: dict[str, Counts], staff: dict[str, Counts], working: Ints
) -> xr.Dataset:
    def split(values: Counts) -> Counts:
        return values.reshape(chains, -1, *values.shape[1:])

    teams, roles = np.array(frame.teams, dtype=object), np.array(frame.roles, dtype=object)
    day = np.clip(np.searchsorted(working, np.arange(len(frame.all_dates))), 0, len(working) - 1)
    return xr.Dataset(
        {name: (("chain", "draw", "date"), split(values)) for name, values in office.items()}
        | {name: (("chain", "draw", "date", "investigator"), split(values)) for name, values in staff.items()}
        | {
            "backlog_start": ((), np.int32(frame.backlog_start)),
            "wip_start": (("investigator",), frame.wip_start.astype(np.int32)),
        },
        coords={
            "date": frame.all_dates,
            "investigator": list(frame.investigators),
            "team": (("date", "investigator"), teams[frame.team[day]].astype(str)),
            "role": (("date", "investigator"), roles[frame.role[day]].astype(str)),
        },
    )
