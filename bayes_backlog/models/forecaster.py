"""The default model: all flows together, with shared day, week and slow-level effects.

A working day's total and its division among people are modelled apart, which makes the shared day shock exact and free:

- total of the day        Y[t] ~ NegativeBinomial(M[t], dispersion),  M[t] = sum over people of mu[t, i];
- division of the total   y[t, .] | Y[t] ~ DirichletMultinomial(Y[t], concentration * mu[t, .]);
- mean of a row           log mu[t, i] = log exposure + investigator + team + role + ramp + calendar + week + level
                                         + elasticity * log(1 + lagged state).

A negative binomial total is a Poisson total under a gamma shock that everybody shares that day, integrated out; the
Dirichlet-multinomial carries what is left, a person's own clumping (independent NegativeBinomial rows of variance
mu (1 + 1/concentration) are the special case dispersion = concentration * M[t], which `day_shock = False` selects).
No latent variable per day is sampled, and no row needs a log-gamma unless it has an event.

Where there are many, investigators are sampled centred on their home team and role; the weekly effects are AR(1), the
level is linear between knots eight weeks apart, both with mean zero over the training days so that intercepts speak of
an average day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_backlog.models.design import KNOT_WEEKS, Design, Floats, Ints, in_use, level_basis, n_knots
from bayes_backlog.models.spec import ModelSpec

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


CENTRED_FROM = 16
"""Investigators from which on their rates are sampled centred on team and role. With few people the data cannot keep
their spread away from zero, where the centred form is a funnel; with many the other form mixes badly."""
NOBODY = 1e-12
"""Rate of a day without anybody present: it has no case, and its logarithm must stay finite."""


def level_correlation(spec: ModelSpec) -> float:
    """Return the correlation of the slow level between neighbouring knots."""
    return float(0.5 ** (KNOT_WEEKS / spec.priors.level_half_life_weeks))


def level_weights(n_weeks: int, spec: ModelSpec) -> Floats:
    """Return the (weeks, knots) map from standard normals to the slow level of unit sd."""
    knots = n_knots(n_weeks)
    rho = level_correlation(spec)
    step = np.abs(np.arange(knots)[:, None] - np.arange(knots)[None, :])
    return level_basis(0, n_weeks, knots) @ np.linalg.cholesky(rho**step)


def coordinates(design: Design, spec: ModelSpec) -> dict[str, list[str]]:
    """Return the labelled dimensions of the posterior."""
    return {
        "flow": list(spec.flows),
        "staff_flow": list(spec.staff_flows),
        "term": list(spec.terms),
        "elasticity_of": [f"{flow}~{state}" for flow, state in spec.elasticity_names()],
        "week": [f"{week:%Y-%m-%d}" for week in design.weeks],
        "knot": [str(k) for k in range(n_knots(len(design.weeks)))],
        "investigator": list(design.staff.investigators),
        "team": list(design.staff.teams),
        "role": list(design.staff.roles),
    }


def build_forecaster(design: Design, spec: ModelSpec) -> pm.Model:
    """Build the default model.

    Parameters
    ----------
    design : Design
        Training arrays.
    spec : ModelSpec
        Parts, terms and priors.

    Returns
    -------
    pymc.Model
        Arrays enter as `pm.Data`, so data of another shape re-use the compiled code.
    """
    priors = spec.priors
    with pm.Model(coords=coordinates(design, spec)) as model:
        shared = _calendar_effects(design, spec) + _week_effects(design, spec)
        intercept = pm.Normal("intercept", *_intercept_prior(spec), dims="flow")
        exponents = pm.Normal("elasticity", *priors.elasticity, dims="elasticity_of")
        elasticity = {pair: exponents[k] for k, pair in enumerate(spec.elasticity_names())}
        noise = pm.HalfNormal("noise", priors.noise, dims="flow")
        dispersion = pm.Deterministic("dispersion", noise**-2, dims="flow")

        def log_day_effect(flow: str) -> TensorVariable:
            effect = shared[spec.flows.index(flow)]
            for state, values in design.office_states.items():
                if (flow, state) in elasticity:
                    effect = effect + elasticity[flow, state] * pm.Data(f"{flow}_{state}", values)
            return effect

        for k, flow in enumerate(spec.office_flows):
            mean = pt.exp(intercept[k] + log_day_effect(flow))
            total = pm.Data(f"{flow}_total", design.office_counts[k].astype(float))
            rising = _log_rising(flow, design.office_counts[k], dispersion[k])
            pm.Potential(f"{flow}_likelihood", _negative_binomial(total, mean, dispersion[k], rising))

        spell = _spell_effects(design, spec, intercept[len(spec.office_flows) :])
        clumping = pm.HalfNormal("clumping", priors.noise, dims="staff_flow")
        concentration = pm.Deterministic("concentration", clumping**-2, dims="staff_flow")
        row_spell, row_wip = pm.Data("row_spell", design.row_spell), pm.Data("row_wip", design.row_wip)
        row_exposure = pm.Data("row_exposure", design.row_exposure)
        ends = pm.Data("day_ends", np.concatenate([[0], design.day_ends]))
        # Centred here and not in the graph: everything of the data must enter as data, or compiled code keeps it.
        own_wip = np.log1p(np.arange(design.row_wip.max() + 1)) - design.state_centre["wip"]
        wip_levels = pm.Data("centred_log_wip", own_wip)
        for k, flow in enumerate(spec.staff_flows):
            row = row_exposure * pt.exp(spell[k])[row_spell]
            if (flow, "wip") in elasticity:
                row = row * pt.exp(elasticity[flow, "wip"] * wip_levels)[row_wip]
            day = pt.exp(log_day_effect(flow))
            present = pt.diff(pt.concatenate([pt.zeros(1), pt.cumsum(row)])[ends])
            mean = day * pt.maximum(present, NOBODY)
            totals = np.bincount(design.row_day, design.row_counts[k], minlength=len(design.dates)).astype(int)
            case_day = pm.Data(f"{flow}_case_day", np.repeat(np.arange(len(totals)), totals))
            rank_in_day = pm.Data(f"{flow}_rank_in_day", _ranks(totals))
            case_row = pm.Data(f"{flow}_case_row", np.repeat(np.arange(len(design.row_day)), design.row_counts[k]))
            rank_in_row = pm.Data(f"{flow}_rank_in_row", _ranks(design.row_counts[k]))
            size = concentration[k] * mean
            log_ahead = pt.log(size[case_day] + rank_in_day)
            if spec.day_shock:
                spread = dispersion[len(spec.office_flows) + k]
                rising = _log_rising(flow, totals, spread)
            else:
                spread = size
                rising = (log_ahead - pt.log(size)[case_day]).sum()
            total = pm.Data(f"{flow}_total", totals.astype(float))
            pm.Potential(f"{flow}_likelihood", _negative_binomial(total, mean, spread, rising))
            weights = concentration[k] * row[case_row] * day[case_day]
            pm.Potential(f"{flow}_division", (pt.log(weights + rank_in_row) - log_ahead).sum())
    return model


def _intercept_prior(spec: ModelSpec) -> tuple[Floats, Floats]:
    by_flow = {"received": spec.priors.log_received, "removed": spec.priors.log_removed}
    pairs = [by_flow.get(flow, spec.priors.log_staff_rate) for flow in spec.flows]
    return np.array([m for m, _ in pairs]), np.array([s for _, s in pairs])


def _calendar_effects(design: Design, spec: ModelSpec) -> TensorVariable:
    """(flow, D) calendar effects."""
    sd = np.array([spec.term_sd(term) for term in spec.terms])
    coefficient = pm.Normal("calendar", 0.0, sd, dims=("flow", "term"))
    return coefficient @ pm.Data("calendar_columns", design.calendar).T


def _week_effects(design: Design, spec: ModelSpec) -> TensorVariable:
    """(flow, D) AR(1) week effects plus slow level, each with mean zero over the training days.

    Innovations are sampled as standard normals: centred or partly centred ones mixed worse on real and simulated
    offices, because some flow's level hardly moves and its scale then makes a funnel.
    """
    week_of_day = pm.Data("week_of_day", design.week_of_day)
    effect: TensorVariable = pt.zeros((len(spec.flows), len(design.weeks)))
    if spec.week_shock:
        sd = pm.HalfNormal("week_sd", spec.priors.week_sd, dims="flow")
        stretched = pm.Beta("week_persistence_share", *spec.priors.week_persistence, dims="flow")
        persistence = pm.Deterministic("week_persistence", 2 * stretched - 1, dims="flow")
        z = pm.Normal("week_z", dims=("flow", "week"))
        week = pt.stack([_autoregressive(z[k], persistence[k]) for k in range(len(spec.flows))])
        effect = effect + pm.Deterministic("week_effect", sd[:, None] * week, dims=("flow", "week"))
    if spec.slow_level:
        sd = pm.HalfNormal("level_sd", spec.priors.level_sd, dims="flow")
        z = pm.Normal("level_z", dims=("flow", "knot"))
        weights = pm.Data("level_weights", level_weights(len(design.weeks), spec))
        effect = effect + pm.Deterministic("slow_level", sd[:, None] * (z @ weights.T), dims=("flow", "week"))
    by_day = effect[:, week_of_day]
    mean = pm.Deterministic("shared_mean", by_day.mean(axis=1), dims="flow")
    return by_day - mean[:, None]


def _autoregressive(z: TensorVariable, persistence: TensorVariable) -> TensorVariable:
    """Return a stationary AR(1) series of unit sd from standard normal innovations, by one triangular solve."""
    n = z.shape[0]
    scaled = pt.concatenate([z[:1], z[1:] * pt.sqrt(1 - persistence**2)])
    return pt.linalg.solve_triangular(pt.eye(n) - persistence * pt.eye(n, k=-1), scaled, lower=True)


def _spell_effects(design: Design, spec: ModelSpec, intercept: TensorVariable) -> TensorVariable:
    """(staff_flow, S) log rates per FTE-day of each spell on an average day."""
    priors, staff = spec.priors, design.staff
    home_team, home_role = pm.Data("home_team", staff.home_team), pm.Data("home_role", staff.home_role)
    of, team_of, role_of = (
        pm.Data("spell_investigator", staff.spell_investigator),
        pm.Data("spell_team", staff.spell_team),
        pm.Data("spell_role", staff.spell_role),
    )
    team = _group_effect("team", priors.team_sd, staff.teams)
    role = _group_effect("role", priors.role_sd, staff.roles)
    at_home = intercept[:, None] + team[:, home_team] + role[:, home_role]
    investigator_sd = pm.HalfNormal("investigator_sd", priors.investigator_sd, dims="staff_flow")
    dims = ("staff_flow", "investigator")
    if in_use(staff.investigators).sum() >= CENTRED_FROM:
        investigator = pm.Normal("investigator_rate", at_home, investigator_sd[:, None], dims=dims)
    else:
        z = pm.Normal("investigator_z", dims=dims)
        investigator = pm.Deterministic("investigator_rate", at_home + investigator_sd[:, None] * z, dims=dims)
    ramp = pm.Normal("ramp", *priors.ramp, dims="staff_flow")
    own = investigator - team[:, home_team] - role[:, home_role]
    return own[:, of] + team[:, team_of] + role[:, role_of] + ramp[:, None] * pm.Data("spell_ramp", staff.spell_ramp)


def _ranks(counts: Ints) -> Floats:
    """Return 0, 1, ..., count - 1 for each count in turn."""
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    return (np.arange(counts.sum()) - starts).astype(float)


def _group_effect(group: str, prior_sd: float, labels: tuple[str, ...]) -> TensorVariable:
    """(staff_flow, label) effects that sum to zero over the labels in use, so that the intercept is their average."""
    used = pm.Data(f"{group}_used", in_use(labels).astype(float))
    sd = pm.HalfNormal(f"{group}_sd", prior_sd, dims="staff_flow")
    z = pm.Normal(f"{group}_z", dims=("staff_flow", group))
    centred = z - (z @ used / used.sum())[:, None]
    return pm.Deterministic(f"{group}_effect", sd[:, None] * centred, dims=("staff_flow", group))


def _log_rising(flow: str, totals: Ints, dispersion: TensorVariable) -> TensorVariable:
    """Return the sum over days of log[(1 + 1/a) (1 + 2/a) ... (1 + (y-1)/a)], from how often each rank occurs."""
    occurrences = np.bincount(_ranks(totals).astype(int))
    rank = pm.Data(f"{flow}_rank", np.arange(len(occurrences), dtype=float))
    return (pm.Data(f"{flow}_rank_occurrences", occurrences.astype(float)) * pt.log1p(rank / dispersion)).sum()


def _negative_binomial(
    total: TensorVariable, mean: TensorVariable, dispersion: TensorVariable, log_rising: TensorVariable
) -> TensorVariable:
    """Log-likelihood of day totals with variance = mean + mean^2 / dispersion, up to a constant in the counts.

    `log_rising` replaces log-gammas: Gamma(y + a) / (Gamma(a) a^y) = (1 + 1/a) ... (1 + (y - 1)/a) stays exact when the
    dispersion is huge, where a difference of log-gammas would be rounding noise that a sampler can get stuck in.
    """
    ratio = pt.log1p(mean / dispersion)
    return log_rising + (total * (pt.log(mean) - ratio) - dispersion * ratio).sum()
