"""The default model: all flows together, with shared day, week and slow-level effects.

A working day's total and its division among people are modelled apart, which makes the shared day shock exact and free:

- total of the day        Y[t] ~ NegativeBinomial(M[t], dispersion),  M[t] = sum over people of mu[t, i];
- division of the total   y[t, .] | Y[t] ~ DirichletMultinomial(Y[t], concentration * FTE[t] * share[t, .]);
- mean of a row           log mu[t, i] = log exposure + investigator + team + role + ramp + calendar + week + level
                                         + elasticity * log(1 + lagged state);
- share of a row          mu[t, i] * pace[week, i] ** exponent, in proportion: who had more of the work lately.

Flows in batches (cases struck off the queue, or signed off) are counted one step higher up: a calendar month's total
is negative binomial and its division among the month's days Dirichlet-multinomial, with the states of its first day.

A negative binomial total is a Poisson total under a gamma shock that everybody shares that day, integrated out; the
Dirichlet-multinomial carries what is left, a person's own clumping. It knows how many people are present and not how
many cases are expected, so that lumpy days cannot pull their mean down. (With concentration * mu[t, .] instead and
dispersion = concentration * M[t] all rows are independent, of variance mu (1 + 1/concentration): `day_shock = False`.)
No latent variable per day is sampled, and no row needs a log-gamma unless it has an event. On days that emptied the
queue, people would have taken at least what there was (`queue_limit`).

The weekly effects are AR(1), the level is linear between knots eight weeks apart, both with mean zero over the training
days, and calendar effects are scaled so that their rate ratios have mean one: an intercept is the log of the mean rate,
whatever the month's end does. Effects of weeks and of staff are sampled in coordinates of their likely posterior
(`weekly_coordinates`, `staff_coordinates`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_backlog.models.design import Design, Floats, Ints
from bayes_backlog.models.draws import NOBODY
from bayes_backlog.models.half_normal import half_normal
from bayes_backlog.models.likelihoods import add_division, add_totals, sums_of, totals_of
from bayes_backlog.models.packed_data import PackedData
from bayes_backlog.models.queue_limit import add_queue_limit
from bayes_backlog.models.slow_level import n_knots
from bayes_backlog.models.spec import ModelSpec
from bayes_backlog.models.staff_effects import spell_effects
from bayes_backlog.models.weekly_coordinates import find_evidence
from bayes_backlog.models.weekly_effects import weekly_effects

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


def coordinates(design: Design, spec: ModelSpec) -> dict[str, list[str]]:
    """Return the labelled dimensions of the posterior."""
    return {
        "flow": list(spec.flows),
        "staff_flow": list(spec.staff_flows),
        "batched_flow": list(spec.batched_flows),
        "weekly_flow": list(spec.weekly_flows),
        "week_pair": ["~".join(pair) for pair in spec.week_pairs],
        "term": list(spec.terms),
        "elasticity_of": [f"{flow}~{state}" for flow, state in spec.elasticity_names()],
        "week": [f"{week:%Y-%m-%d}" for week in design.weeks],
        "knot": [str(k) for k in range(n_knots(len(design.weeks)))],
        "investigator": list(design.staff.investigators),
        "team": list(design.staff.teams),
        "role": list(design.staff.roles),
        "group": [*design.staff.teams, *design.staff.roles],
    }


def build_forecaster(design: Design, spec: ModelSpec, *, as_written: bool = False) -> pm.Model:
    """Build the default model.

    Parameters
    ----------
    design : Design
        Training arrays.
    spec : ModelSpec
        Parts, terms and priors.
    as_written : bool
        With all effects as the prior draws them, for draws from the prior; the same model is sampled faster in
        coordinates of the posterior.

    Returns
    -------
    pymc.Model
        Arrays enter as `pm.Data`, so data of other lengths re-use the compiled code.
    """
    with pm.Model(coords=coordinates(design, spec)) as model:
        data = PackedData()
        parameters = _parameters(spec)
        common = _Common(design, spec, data, parameters, _shared_effects(design, spec, data, parameters, as_written))
        for flow in spec.office_flows:
            _add_office_flow(flow, common)
        if spec.staff_flows:
            _add_staff_flows(common, as_written)
        data.store()
    return model


@dataclass(frozen=True)
class _Parameters:
    """Tensors by flow, elasticities by (flow, state)."""

    intercept: TensorVariable
    noise: TensorVariable
    dispersion: TensorVariable
    elasticity: dict[tuple[str, str], TensorVariable]
    day_concentration: dict[str, TensorVariable]


@dataclass(frozen=True)
class _Common:
    """What all flows are made of: `shared` are (F, D) calendar, office states, week and level."""

    design: Design
    spec: ModelSpec
    data: PackedData
    parameters: _Parameters
    shared: TensorVariable

    def log_day(self, flow: str) -> TensorVariable:
        """(D,) what a day does to all of a flow."""
        return self.shared[self.spec.flows.index(flow)]

    def flow_dispersion(self, flow: str) -> TensorVariable:
        """Dispersion of a flow's totals."""
        return self.parameters.dispersion[self.spec.flows.index(flow)]


def _parameters(spec: ModelSpec) -> _Parameters:
    """Add what every flow has."""
    intercept = pm.Normal("intercept", *_intercept_prior(spec), dims="flow")
    exponents = pm.Normal("elasticity", *_elasticity_prior(spec), dims="elasticity_of") if spec.elasticities else ()
    noise = half_normal("noise", np.array([spec.noise(flow) for flow in spec.flows]), dims="flow")
    dispersion = pm.Deterministic("dispersion", noise**-2, dims="flow")
    day_concentration: dict[str, TensorVariable] = {}
    if spec.batched_flows:
        batch = half_normal("batch", spec.priors.batch, dims="batched_flow")
        concentration = pm.Deterministic("day_concentration", batch**-2, dims="batched_flow")
        day_concentration = {flow: concentration[k] for k, flow in enumerate(spec.batched_flows)}
    elasticity = {pair: exponents[k] for k, pair in enumerate(spec.elasticity_names())}
    return _Parameters(intercept, noise, dispersion, elasticity, day_concentration)


def _add_office_flow(flow: str, common: _Common) -> None:
    """Add the likelihood of a flow of the office as a whole."""
    design, k = common.design, common.spec.flows.index(flow)
    counts, mean = design.office_counts[k], pt.exp(common.parameters.intercept[k] + common.log_day(flow))
    if flow in common.parameters.day_concentration:
        _add_batches(flow, counts, mean, common)
    else:
        add_totals(flow, common.data, counts, mean, common.flow_dispersion(flow))


def _add_batches(flow: str, counts: Ints, mean: TensorVariable, common: _Common) -> None:
    """Add the likelihood of months' totals and of their division among days.

    A month cut by the end of the training days stands for itself; its remaining days are forecast as another one. The
    division knows the month's length and not its mean: how lumpy days are must not speak of how many cases there are.

    Parameters
    ----------
    flow : str
        In batches.
    counts, mean : (D,) int and tensor
        Cases of each day, and expected with the states of the month's first day.
    common : _Common
        The other parts.
    """
    months, data = common.design.month_of_day, common.data
    month_mean = sums_of(data, mean, months)
    add_totals(flow, data, totals_of(counts, months), month_mean, common.flow_dispersion(flow))
    sizes = common.parameters.day_concentration[flow] * data.add(np.bincount(months).astype(float))
    add_division(f"{flow}_month", data, counts, months, mean, sizes)


def _add_staff_flows(common: _Common, as_written: bool) -> None:
    """Add the likelihood of all flows counted per person."""
    design, spec, data = common.design, common.spec, common.data
    nothing = pt.zeros(len(spec.staff_flows))
    pace = pm.Normal("own_pace", *spec.priors.own_pace, dims="staff_flow") if spec.own_pace else nothing
    clumping = half_normal("clumping", spec.priors.noise, dims="staff_flow")
    concentration = pm.Deterministic("concentration", clumping**-2, dims="staff_flow")
    intercept = common.parameters.intercept[len(spec.office_flows) :]
    of_wip = pt.stack(
        [common.parameters.elasticity.get((flow, "wip"), nothing[k]) for k, flow in enumerate(spec.staff_flows)]
    )
    spell = spell_effects(design, spec, data, intercept, clumping, (of_wip, pace), as_written=as_written)
    row_spell, row_wip = data.add(design.row_spell), data.add(design.row_wip)
    row_pace = data.add(design.row_pace)
    exposure = data.add(design.row_exposure)
    # Centred here and not in the graph: everything of the data must enter as data, or compiled code keeps it.
    own_wip = np.log1p(np.arange(design.row_wip.max() + 1)) - design.state_centre["wip"]
    wip_levels = data.add(own_wip)
    n_days = len(design.dates)
    present = data.add(design.present)

    for k, flow in enumerate(spec.staff_flows):
        alone = exposure * pt.exp(spell[k])[row_spell]
        answer = (
            pt.exp(common.parameters.elasticity[flow, "wip"] * wip_levels)
            if (flow, "wip") in common.parameters.elasticity
            else None
        )
        row = alone if answer is None else alone * answer[row_wip]
        day = pt.exp(common.log_day(flow))
        mean = day * pt.maximum(sums_of(data, row, design.row_day, n_days), NOBODY)
        counts = design.row_counts[k]
        totals = totals_of(counts, design.row_day, n_days)
        if flow in common.parameters.day_concentration:
            then = alone if answer is None else alone * answer[data.add(design.row_month_wip)]
            month_mean = day * pt.maximum(sums_of(data, then, design.row_day, n_days), NOBODY)
            _add_batches(flow, totals, month_mean, common)
        else:
            dispersion = common.flow_dispersion(flow) if spec.day_shock else concentration[k] * mean
            add_totals(flow, data, totals, mean, dispersion)
            if flow == "allocated":
                add_queue_limit(flow, data, totals, design.emptied(totals), mean, dispersion)
        sizes = concentration[k] * (present if spec.day_shock else mean)
        weight = row * pt.exp(pace[k] * data.add(design.log_pace[k]))[row_pace] if spec.own_pace else row
        add_division(flow, data, counts, design.row_day, weight, sizes)


def _intercept_prior(spec: ModelSpec) -> tuple[Floats, Floats]:
    by_flow = {"received": spec.priors.log_received, "removed": spec.priors.log_removed}
    by_flow |= dict.fromkeys(spec.further_flows, spec.priors.log_further)
    pairs = [by_flow.get(flow, spec.priors.log_staff_rate) for flow in spec.flows]
    return np.array([m for m, _ in pairs]), np.array([s for _, s in pairs])


def _elasticity_prior(spec: ModelSpec) -> tuple[Floats, Floats]:
    mean, sd = np.array([getattr(spec.priors, name) for name in spec.elasticity_priors()]).reshape(-1, 2).T
    return mean, sd


def _shared_effects(
    design: Design, spec: ModelSpec, data: PackedData, parameters: _Parameters, as_written: bool
) -> TensorVariable:
    """(flow, D) office states, and calendar, week and level relative to their mean over the training days.

    What a rush on some days adds to a month must not be traded against the rate of all days, so rate ratios of the
    calendar have mean one; sampling a calendar with mean zero on the log scale crawled along that ridge.
    """
    calendar, states = _calendar_effects(design, spec, data), _state_effects(design, spec, data, parameters)
    evidence = None if as_written else find_evidence(design, spec, data, parameters.noise, calendar + states)
    weeks = weekly_effects(design, spec, data, evidence)[:, data.add(design.week_of_day)]
    means = pt.log(pt.exp(calendar).mean(axis=1)) + weeks.mean(axis=1)
    mean = pm.Deterministic("shared_mean", means, dims="flow")
    return calendar + states + weeks - mean[:, None]


def _state_effects(design: Design, spec: ModelSpec, data: PackedData, parameters: _Parameters) -> TensorVariable:
    """(flow, D) what the office's lagged states do; to flows in batches, those of the month's first day."""
    pairs = [pair for pair in spec.elasticity_names() if pair[1] in design.office_states]
    if not pairs:
        return pt.zeros((len(spec.flows), 1))
    seen = [design.seen_state(state, by_month=flow in spec.batched_flows) for flow, state in pairs]
    of_flow = np.array([[float(flow == name) for flow, _ in pairs] for name in spec.flows])
    exponents = pt.stack([parameters.elasticity[pair] for pair in pairs])
    return (of_flow * exponents) @ data.add(np.stack(seen, axis=1)).T


def _calendar_effects(design: Design, spec: ModelSpec, data: PackedData) -> TensorVariable:
    """(flow, D) calendar effects."""
    sd = np.array([[spec.term_sd(term, flow) for term in spec.terms] for flow in spec.flows])
    coefficient = pm.Normal("calendar", 0.0, sd, dims=("flow", "term"))
    return coefficient @ data.add(design.calendar).T
