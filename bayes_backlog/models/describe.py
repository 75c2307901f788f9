"""One specification, four ways: as a formula, as mathematics, in plain words, and as what its priors imply.

Every line is put together from the parts that a `ModelSpec` switches on, so a description cannot fall behind the model
that was fitted. Nothing here needs a sampling library: a report can print it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from bayes_backlog.models.design import RAMP_WEEKS, RECENT_WORKING_DAYS
from bayes_backlog.models.own_pace import HALF_LIFE_DAYS
from bayes_backlog.models.prior_table import prior_table
from bayes_backlog.models.row_table import STEPS, row_formula
from bayes_backlog.models.row_variant import PLAIN, RowVariant
from bayes_backlog.models.slow_level import KNOT_WEEKS
from bayes_backlog.models.spec import MONTH_END_TERMS, ModelSpec

STATES = {
    "backlog": (r"b_{t-1}", "the backlog at the previous close of day"),
    "recent_received": (r"a_{t-1}", f"what was received in the last {RECENT_WORKING_DAYS} working days"),
    "mean_wip": (r"\bar h_{t-1}", "the mean work in progress of those present, by FTE, at the previous close of day"),
    "wip": (r"h_{i,t-1}", "the person's own work in progress at the previous close of day"),
    "office_wip": (r"h_{t-1}", "the whole office's work in progress at the previous close of day"),
}
"""Lagged states: symbol and words."""


@dataclass(frozen=True)
class Part:
    """One part of the model, present or not.

    Attributes
    ----------
    priors : callable
        Fields of `Priors` that the part has in a specification; none where it is switched off.
    term : str
        What it adds to a log rate, in LaTeX; "" where it shapes the spread and not the mean.
    staff_only : bool
        Whether flows of the office as a whole do without it.
    definitions : callable
        LaTeX lines that define the term's symbols.
    words : callable
        One sentence.
    """

    priors: Callable[[ModelSpec], tuple[str, ...]]
    term: str
    words: Callable[[ModelSpec], str]
    definitions: Callable[[ModelSpec], tuple[str, ...]] = lambda _: ()
    staff_only: bool = False


def formulas(spec: ModelSpec, variant: RowVariant = PLAIN) -> dict[str, str]:
    """Return the Bambi formula of the row model of each staff flow, or of a variant of it.

    Flows of the office as a whole and effects that everybody shares have no formula: `mathematics` has them.
    """
    return {flow: row_formula(flow, spec, variant=variant) for flow in spec.staff_flows}


def variant_words(variant: RowVariant) -> list[str]:
    """Return in sentences, priors included, how a variant differs from the plain row model."""
    response = variant.response
    words = []
    if response != PLAIN.response:
        prior = "" if response.psi is None else " psi ~ Beta({:g}, {:g}).".format(*response.psi)
        words.append(f"Family {response.family}. {response.words}{prior}")
    if variant.monotone:
        words.append(
            f"Newcomers never slow down while they learn: each of {_listed(STEPS)} is -1 before that week and 0 "
            f"from it on, and its slope, what is gained on reaching it, is exponential with mean {variant.step:g}."
        )
    return words


def mathematics(spec: ModelSpec) -> list[str]:
    """Return the default model as LaTeX lines: means first, then every symbol, then counts."""
    parts = parts_of(spec)
    office = [part.term for part in parts if part.term and not part.staff_only]
    staff = [r"\log e_{i,t}", *(part.term for part in parts if part.term)]
    lines = [
        rf"\log M_{{f,t}} = {' + '.join(office)}, \quad f \in {_set(spec.office_flows)}",
        rf"\log \mu_{{f,i,t}} = {' + '.join(staff)}, \quad M_{{f,t}} = \sum_i \mu_{{f,i,t}}, "
        rf"\quad f \in {_set(spec.staff_flows)}",
    ]
    return lines + [line for part in parts for line in part.definitions(spec)]


def plain_words(spec: ModelSpec) -> list[str]:
    """Return the same in sentences."""
    return [part.words(spec) for part in parts_of(spec)]


def implied_priors(spec: ModelSpec) -> pd.DataFrame:
    """Return the rows of `prior_table` whose priors the specification uses."""
    used = {prior for part in PARTS for prior in part.priors(spec)}
    table = prior_table(spec.priors)
    return table[table["prior"].isin(used)].reset_index(drop=True)


def description(spec: ModelSpec, variant: RowVariant = PLAIN) -> str:
    """Return all four ways as text for a terminal; `variant` is that of the row model."""
    columns = ["prior", "distribution", "meaning"]
    sections = {
        "The row model of each staff flow, as Bambi's formula": [
            *formulas(spec, variant).values(),
            *variant_words(variant),
        ],
        "The default model, as mathematics (LaTeX)": mathematics(spec),
        "The default model, in plain words": plain_words(spec),
        "What the priors imply (median and central 95 %)": [
            "{:<22} {:<22} {}".format(*row) for row in implied_priors(spec)[columns].itertuples(index=False)
        ],
    }
    return "\n\n".join("\n  ".join((title, *lines)) for title, lines in sections.items())


def parts_of(spec: ModelSpec) -> list[Part]:
    """Return the parts that a specification switches on."""
    return [part for part in PARTS if part.priors(spec)]


def _set(flows: tuple[str, ...]) -> str:
    return r"\{" + r", ".join(rf"\text{{{_spaced(flow)}}}" for flow in flows) + r"\}"


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(_spaced, names))


def _without_weeks(spec: ModelSpec) -> tuple[str, ...]:
    return tuple(flow for flow in spec.flows if flow not in spec.weekly_flows)


def _intercepts(spec: ModelSpec) -> tuple[str, ...]:
    moving = tuple(f"log_{flow}" for flow in spec.office_flows if flow not in spec.further_flows)
    return moving + ("log_further",) * bool(spec.further_flows) + ("log_staff_rate",) * bool(spec.staff_flows)


def _elasticity_lines(spec: ModelSpec) -> tuple[str, ...]:
    pairs = spec.elasticity_names()
    by_flow = {flow: [state for of, state in pairs if of == flow] for flow in spec.flows}
    sums = [
        rf"\eta_{{\text{{{_spaced(flow)}}}}} = "
        + " + ".join(
            rf"\gamma_{{\text{{{_spaced(flow)}}},{k}}} \log(1 + {_symbol(s)})" for k, s in enumerate(states, 1)
        )
        for flow, states in by_flow.items()
        if states
    ]
    without = tuple(flow for flow, states in by_flow.items() if not states)
    used = dict.fromkeys(state for _, state in pairs)
    return (
        *(rf"{_symbol(state)} = \text{{{_state_words(state)}}}" for state in used),
        r"\text{logarithms of states are taken minus their means}",
        *sums,
        *((rf"\eta_f = 0, \quad f \in {_set(without)}",) if without else ()),
    )


def _symbol(state: str) -> str:
    return STATES[state][0] if state in STATES else rf"\text{{{_spaced(state)}}}_{{t-1}}"


def _state_words(state: str) -> str:
    return STATES[state][1] if state in STATES else _spaced(state)


def _elasticity_words(spec: ModelSpec) -> str:
    answers = "; ".join(f"{_spaced(flow)}: {_state_words(state)}" for flow, state in spec.elasticity_names())
    return f"A flow answers to what waits, by a power of one plus a lagged state ({answers})."


def _share(person: str) -> str:
    return rf"s_{{f,{person},t}}"


def _count_lines(spec: ModelSpec) -> tuple[str, ...]:
    shares = _share(r"\cdot") if spec.own_pace else r"\mu_{f,\cdot,t} / M_{f,t}"
    total = r"Y_{f,t} \sim \text{NegativeBinomial}(M_{f,t}, \alpha_f), \quad \operatorname{Var} = M + M^2 / \alpha"
    office = (rf"{total}, \quad f \in {_set(spec.office_flows)}",)
    limit = (
        (
            r"Y_{\text{allocated},t} = \min(\tilde Y_t, q_t), \quad \tilde Y_t \text{ as above: cases wanted}, \quad "
            r"q_t = \text{cases there were to be allocated on day } t",
        )
        if "allocated" in spec.staff_flows
        else ()
    )
    if spec.day_shock:
        return (
            total,
            *limit,
            rf"(y_{{f,1,t}}, y_{{f,2,t}}, \dots) \mid Y_{{f,t}} \sim \text{{DirichletMultinomial}}"
            rf"(Y_{{f,t}}, \kappa_f E_t {shares}), \quad f \in {_set(spec.staff_flows)}",
            r"E_t = \text{full-time equivalents present on day } t",
        )
    mean = rf"M_{{f,t}} {_share('i')}" if spec.own_pace else r"\mu_{f,i,t}"
    rows = rf"y_{{f,i,t}} \sim \text{{NegativeBinomial}}({mean}, \kappa_f {mean})"
    return (*office, rf"{rows}, \quad f \in {_set(spec.staff_flows)}", *limit)


def _count_words(spec: ModelSpec) -> str:
    shared = (
        "a day's total is negative binomial, as if everybody shared one gamma-distributed shock that day, and its "
        "division among people is Dirichlet-multinomial, which lets a person's cases come in clumps"
        if spec.day_shock
        else "each person's count is negative binomial, independently of everybody else's"
    )
    limit = " Where a day ends with nobody waiting, more cases may have been wanted than were allocated."
    return f"Counts vary more than chance alone would have them: {shared}." + limit * ("allocated" in spec.staff_flows)


def _range(spec: ModelSpec) -> str:
    return f"{spec.priors.level_range_weeks:g}"


def _own_or_following(prior: str, spec: ModelSpec) -> tuple[str, ...]:
    """Return the priors of a part that is smaller for flows that answer to a state."""
    answering = [flow in spec.elasticities for flow in spec.flows]
    return (prior,) * (not all(answering)) + (f"following_{prior}",) * any(answering)


def _batch_lines(spec: ModelSpec) -> tuple[str, ...]:
    flows = _set(spec.batched_flows)
    return (
        r"\textstyle\sum_{t \in m} Y_{f,t} \sim \text{NegativeBinomial}(\sum_{t \in m} M_{f,t}, \alpha_f), \quad "
        rf"m \text{{ a calendar month}}, \quad f \in {flows}",
        r"(Y_{f,t})_{t \in m} \mid \textstyle\sum_{t \in m} Y_{f,t} \sim \text{DirichletMultinomial}"
        rf"(\cdot, \kappa_f M_{{f,t}} / \bar M_{{f,m}}), \quad f \in {flows}",
        r"\bar M_{f,m} = \text{mean of } M_{f,t} \text{ over the month's working days}",
    )


def _calendar_priors(spec: ModelSpec) -> tuple[str, ...]:
    month_end = [term for term in spec.calendar_terms if term in MONTH_END_TERMS]
    ordinary = len(spec.calendar_terms) > len(month_end)
    return ("calendar_sd",) * ordinary + ("month_end_sd",) * bool(month_end)


PARTS: tuple[Part, ...] = (
    Part(
        priors=_intercepts,
        term=r"\beta_{0,f}",
        words=lambda spec: (
            f"The office as a whole has a daily rate of cases {_listed(spec.office_flows)}; every person present has a "
            f"rate per full-time day of cases {_listed(spec.staff_flows)}, in proportion to the hours worked."
        ),
        definitions=lambda _: (r"e_{i,t} = \text{full-time equivalents of person } i \text{ on day } t",),
    ),
    Part(
        priors=_calendar_priors,
        term=r"\textstyle\sum_k \beta_{f,k} x_{k,t}",
        words=lambda spec: f"Every flow has its own calendar effects: {_listed(spec.calendar_terms)}.",
        definitions=lambda spec: (
            rf"x_{{k,t}}: \text{{centred indicators of {_listed(spec.calendar_terms)}}}",
            r"\text{weekdays coded to sum to zero, Friday being minus the sum of the others}",
        ),
    ),
    Part(
        priors=lambda spec: _own_or_following("season_sd", spec) * (spec.annual_harmonics > 0),
        term=r"\textstyle\sum_j (c_{f,j} \cos 2\pi j d_t + s_{f,j} \sin 2\pi j d_t)",
        words=lambda spec: f"Over the year every flow swings in {spec.annual_harmonics} annual wave(s).",
        definitions=lambda spec: (
            rf"d_t = \text{{share of the year gone by}}, \quad j = 1, \dots, {spec.annual_harmonics}",
        ),
    ),
    Part(
        priors=lambda spec: ("week_sd", "week_persistence") * bool(spec.weekly_flows),
        term=r"w_{f,\text{week}(t)}",
        words=lambda spec: (
            "Everybody shares an effect of the week, of which some carries over to the next week "
            f"({_listed(spec.weekly_flows)})."
        ),
        definitions=lambda spec: (
            r"w_{f,k} = \sigma^w_f v_{f,k}, \quad v_{f,k} = \phi_f v_{f,k-1} + \sqrt{1 - \phi_f^2}\, z_{f,k}, \quad "
            rf"z_{{f,k}} \sim \text{{Normal}}(0, 1), \quad f \in {_set(spec.weekly_flows)}",
            *((rf"w_f = 0, \quad f \in {_set(others)}",) if (others := _without_weeks(spec)) else ()),
        ),
    ),
    Part(
        priors=lambda spec: ("week_correlation",) * bool(spec.week_pairs),
        term="",
        words=lambda spec: (
            "A week that is busy for one of these flows may tend to be busy, or quiet, for the others "
            f"({_listed(spec.weekly_flows)}); which, and how much, the data say."
        ),
        definitions=lambda spec: (
            r"\operatorname{corr}(z_{f,k}, z_{g,k}) = \Omega_{f,g}, \quad \Omega \sim "
            rf"\text{{LKJ}}({spec.priors.week_correlation:g}), \quad f, g \in {_set(spec.weekly_flows)}",
        ),
    ),
    Part(
        priors=lambda spec: (*_own_or_following("level_sd", spec), "level_range_weeks") * spec.slow_level,
        term=r"\ell_{f,\text{week}(t)}",
        words=lambda spec: (
            f"Everybody shares a slowly moving level with a momentum, alike over some {_range(spec)} weeks."
        ),
        definitions=lambda spec: (
            rf"\operatorname{{corr}}(\ell_{{f,j}}, \ell_{{f,k}}) = (1 + d) e^{{-d}}, \quad "
            rf"d = \sqrt{{3}}\, |j - k| / {_range(spec)}",
            rf"\operatorname{{sd}}(\ell_f) = \sigma^\ell_f, \text{{ linear between knots {KNOT_WEEKS} weeks apart}}",
        ),
    ),
    Part(
        priors=lambda spec: tuple(dict.fromkeys(spec.elasticity_priors())),
        term=r"\eta_f",
        words=_elasticity_words,
        definitions=_elasticity_lines,
    ),
    Part(
        priors=lambda spec: tuple(f"{group}_sd" for group in spec.group_sd()) * bool(spec.staff_flows),
        term=r"u_{f,i} + \tau_{f,\text{team}(i,t)} + \rho_{f,\text{role}(i,t)}",
        words=lambda spec: (
            f"People differ by {_listed(tuple(spec.group_sd()))}, each drawn from a population whose spread is learnt, "
            "so that somebody with few cases is judged mostly by the others."
        ),
        definitions=lambda _: (
            r"u_{f,i} \sim \text{Normal}(0, \sigma^u_f), \quad \tau_f \sim \text{Normal}(0, \sigma^\tau_f), \quad "
            r"\rho_f \sim \text{Normal}(0, \sigma^\rho_f), \quad \textstyle\sum \tau_f = \sum \rho_f = 0",
        ),
        staff_only=True,
    ),
    Part(
        priors=lambda spec: ("ramp",) * bool(spec.staff_flows),
        term=r"r_f n_{i,t}",
        words=lambda _: f"Newcomers start at another rate and reach their own in {RAMP_WEEKS} weeks.",
        definitions=lambda _: (rf"n_{{i,t}} = \max(0, 1 - \text{{whole weeks since the start}} / {RAMP_WEEKS})",),
        staff_only=True,
    ),
    Part(priors=lambda _: ("noise",), term="", words=_count_words, definitions=_count_lines),
    Part(
        priors=lambda spec: ("own_pace",) * spec.own_pace,
        term="",
        words=lambda _: (
            "Who had more of the work lately than their hours account for gets more of it in the week after (a working "
            f"day counts half of that of {HALF_LIFE_DAYS} working days later); how much is done does not depend on it."
        ),
        definitions=lambda spec: (
            r"s_{f,i,t} \propto \mu_{f,i,t}\, p_{f,i,\text{week}(t)}^{\delta_f}, \quad \textstyle\sum_i s_{f,i,t} = 1, "
            rf"\quad f \in {_set(spec.staff_flows)}",
            r"p_{f,i,k} = \frac{2 + \text{cases lately}}{2 + \text{expected lately}} "
            r"\text{ before week } k, \text{ expected from FTE alone}",
        ),
        staff_only=True,
    ),
    Part(
        priors=lambda spec: ("batch", "month_noise") * bool(spec.batched_flows),
        term="",
        words=lambda spec: (
            f"Cases {_listed(spec.batched_flows)} come in batches: the total of a calendar month is regular, and falls "
            "on some of its days more than on others by chance alone."
        ),
        definitions=_batch_lines,
    ),
)
"""All parts, in the order of the equation."""
