"""What counts say of people, teams and roles, roughly: a Gaussian likelihood of how a flow is divided among spells.

A spell's cases are set beside those that it would have if everybody present had the same share of every day, so that
what a day does to all of them falls out. Nothing here enters the posterior: the sampler's coordinates are chosen by it
(`nested_effects`), and a rough answer is a good one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_backlog.models.design import Design, Floats


@dataclass(frozen=True)
class SpellInformation:
    """The likelihood of one flow, in blocks: I own effects, K upper ones, A terms that a log rate adds up besides.

    Attributes
    ----------
    own_curvature, own_by_upper, upper_curvature : (I,), (I, K), (K, K) float
        Among own effects (a diagonal), between own and upper ones, and among upper ones.
    own_terms, upper_terms : (I, A), (K, A) float
        Linear terms, for each of `terms`: the observed log rate, then what is to be taken off it.
    crowd, present : float
        Cases that a case shares its day with, and FTE.
    """

    own_curvature: Floats
    own_by_upper: Floats
    upper_curvature: Floats
    own_terms: Floats
    upper_terms: Floats
    crowd: float
    present: float


def spell_information(design: Design, flow: int, upper: Floats) -> SpellInformation:
    """Find what the counts of one flow say.

    Parameters
    ----------
    design : Design
        Training arrays.
    flow : int
        Which of the flows counted per person.
    upper : (S, K) float
        What a spell multiplies the upper effects by.

    Returns
    -------
    SpellInformation
        Its terms are the observed log rate, the intercept, the ramp, own work in progress and own pace.
    """
    staff, counts, n_days = design.staff, design.row_counts[flow], len(design.dates)
    n_spells, n_people = len(staff.spell_team), len(staff.investigators)
    present = np.bincount(design.row_day, design.row_exposure, n_days)
    total = np.bincount(design.row_day, counts, n_days)
    alike = np.divide(total, present, out=np.zeros(n_days), where=present > 0)[design.row_day] * design.row_exposure

    def by_spell(values: Floats) -> Floats:
        return np.bincount(design.row_spell, values, n_spells)

    cases, expected, fte = by_spell(counts), by_spell(alike), by_spell(design.row_exposure)
    log_rate = np.log((cases + 0.5) / (expected + 0.5) * max(total.sum(), 1) / present.sum())
    held = np.log1p(design.row_wip) - design.state_centre["wip"]
    on_average = [by_spell(design.row_exposure * each) / fte for each in (held, design.log_pace[flow, design.row_pace])]
    terms = np.column_stack([log_rate, -np.ones(n_spells), -staff.spell_ramp, *(-mean for mean in on_average)])
    # A spell's curvature is its expected count; halfway to the observed one, as people differ.
    curvature = (cases + expected) / 2
    of_person = np.zeros((n_people, n_spells))
    of_person[staff.spell_investigator, np.arange(n_spells)] = curvature
    return SpellInformation(
        own_curvature=of_person.sum(axis=1),
        own_by_upper=of_person @ upper,
        upper_curvature=upper.T @ (curvature[:, None] * upper),
        own_terms=of_person @ terms,
        upper_terms=upper.T @ (curvature[:, None] * terms),
        crowd=float(np.square(total).sum() / max(total.sum(), 1)),
        present=float(present.mean()),
    )
