"""What both backends of the row model read: its formula, and one row per working day and investigator present."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_backlog.models.design import Design, week_starts
from bayes_backlog.models.spec import ModelSpec

GROUPS = ("investigator", "team", "role")
NEW_STARTER = "new_starter"


def row_terms(spec: ModelSpec, table: pd.DataFrame | None = None) -> tuple[str, ...]:
    """Return the covariates, or those that vary in a table: the others say nothing, and Bambi refuses them.

    Nobody may have started in an office's data, and half a year may have no Christmas.
    """
    terms = (*spec.terms, NEW_STARTER)
    return terms if table is None else tuple(term for term in terms if table[term].nunique() > 1)


def term_prior(term: str, flow: str, spec: ModelSpec) -> tuple[float, float]:
    """Return mean and sd of the normal prior of a covariate's slope."""
    return spec.priors.ramp if term == NEW_STARTER else (0.0, spec.term_sd(term, flow))


def row_formula(flow: str, spec: ModelSpec, table: pd.DataFrame | None = None) -> str:
    """Return the formula of one staff flow, of names alone: a library that reads a formula runs what else is in it."""
    if flow not in spec.staff_flows:
        raise ValueError(f"'{flow}' is not modelled per investigator; choose one of {', '.join(spec.staff_flows)}.")
    no_names = [term for term in spec.terms if not term.isidentifier()]
    if no_names:
        raise ValueError(
            f"{', '.join(map(repr, no_names))}: a formula takes names of columns only, nothing to compute."
        )
    terms = ["1", *row_terms(spec, table), "offset(log_exposure)", *(f"(1|{group})" for group in GROUPS)]
    return f"{flow} ~ " + " + ".join(terms)


def row_table(design: Design, spec: ModelSpec) -> pd.DataFrame:
    """Return counts, covariates and group labels, one row per row of the design.

    Parameters
    ----------
    design : Design
        Training arrays.
    spec : ModelSpec
        Names the calendar terms and the staff flows.

    Returns
    -------
    DataFrame
        R rows: one column per staff flow and per calendar term, `new_starter` (1 easing to 0), `log_exposure`, `week`
        and the groups. Absent exposure has no row, so every offset is finite.
    """
    staff, days = design.staff, design.dates[design.row_day]
    spell = design.row_spell
    labels = {
        "investigator": np.array(staff.investigators)[staff.spell_investigator[spell]],
        "team": np.array(staff.teams)[staff.spell_team[spell]],
        "role": np.array(staff.roles)[staff.spell_role[spell]],
    }
    columns = dict(zip(spec.terms, design.calendar[design.row_day].T, strict=True))
    counts = dict(zip(spec.staff_flows, design.row_counts, strict=True))
    return pd.DataFrame(
        {
            "date": days,
            "week": week_starts(days).strftime("%Y-%m-%d"),
            **counts,
            **columns,
            NEW_STARTER: staff.spell_ramp[spell],
            "log_exposure": np.log(design.row_exposure),
            **labels,
        }
    )
