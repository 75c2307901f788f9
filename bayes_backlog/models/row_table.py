"""What both backends of the row model read: its formula, and one row per working day and investigator present."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_backlog.models.design import RAMP_WEEKS, Design, week_starts
from bayes_backlog.models.row_variant import PLAIN, RowVariant
from bayes_backlog.models.spec import ModelSpec

GROUPS = ("investigator", "team", "role")
NEW_STARTER = "new_starter"
STEPS = tuple(f"before_week_{week}" for week in range(2, RAMP_WEEKS + 2))
"""Columns of the monotone ramp: minus one before somebody's week of that number, so that a slope is what is learnt."""


def row_terms(spec: ModelSpec, table: pd.DataFrame | None = None, variant: RowVariant = PLAIN) -> tuple[str, ...]:
    """Return the covariates, or those that vary in a table: the others say nothing, and Bambi refuses them.

    Nobody may have started in an office's data, and half a year may have no Christmas.
    """
    return _varying(spec.terms if variant.monotone else (*spec.terms, NEW_STARTER), table)


def row_steps(variant: RowVariant, table: pd.DataFrame | None = None) -> tuple[str, ...]:
    """Return the columns of a monotone ramp, or those that vary in a table; none where the ramp is linear."""
    return _varying(STEPS if variant.monotone else (), table)


def _varying(columns: tuple[str, ...], table: pd.DataFrame | None) -> tuple[str, ...]:
    return columns if table is None else tuple(column for column in columns if table[column].nunique() > 1)


def row_response(flow: str, variant: RowVariant) -> str:
    """Return the column that is modelled."""
    return f"any_{flow}" if variant.response.is_any else flow


def term_prior(term: str, flow: str, spec: ModelSpec) -> tuple[float, float]:
    """Return mean and sd of the normal prior of a covariate's slope."""
    return spec.priors.ramp if term == NEW_STARTER else (0.0, spec.term_sd(term, flow))


def row_formula(flow: str, spec: ModelSpec, table: pd.DataFrame | None = None, variant: RowVariant = PLAIN) -> str:
    """Return the formula of one staff flow, of names alone: a library that reads a formula runs what else is in it."""
    if flow not in spec.staff_flows:
        raise ValueError(f"'{flow}' is not modelled per investigator; choose one of {', '.join(spec.staff_flows)}.")
    no_names = [term for term in spec.terms if not term.isidentifier()]
    if no_names:
        raise ValueError(
            f"{', '.join(map(repr, no_names))}: a formula takes names of columns only, nothing to compute."
        )
    slopes = (*row_terms(spec, table, variant), *row_steps(variant, table))
    terms = ["1", *slopes, "offset(log_exposure)", *(f"(1|{group})" for group in GROUPS)]
    return f"{row_response(flow, variant)} ~ " + " + ".join(terms)


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
        and the groups; for variants, whether there was `any_` case of a flow, and the
        ramp's `STEPS`. Absent exposure has no row, so every offset is finite.
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
    table = pd.DataFrame(
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
    return with_variants(table, spec)


def with_variants(table: pd.DataFrame, spec: ModelSpec) -> pd.DataFrame:
    """Return a table with the columns that only variants read: any case of a flow (0, 1), and `STEPS` (-1, 0)."""
    learnt = np.round(RAMP_WEEKS * (1.0 - table[NEW_STARTER].to_numpy()))
    return table.assign(
        **{f"any_{flow}": (table[flow] > 0).astype(int) for flow in spec.staff_flows},
        **{step: np.where(learnt <= week, -1.0, 0.0) for week, step in enumerate(STEPS)},
    )
