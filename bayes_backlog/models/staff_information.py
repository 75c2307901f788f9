"""What counts say of people, teams and roles, roughly: a Gaussian likelihood of how flows are divided among spells.

A spell's cases are set beside those that it would have if everybody present had the same share of every day, so that
what a day does to all of them falls out. Nothing here enters the posterior: the sampler's coordinates are chosen by it
(`staff_coordinates`), and a rough answer is a good one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_backlog.models.design import Design, Floats
from bayes_backlog.models.draws import NOBODY
from bayes_backlog.models.likelihoods import totals_of


@dataclass(frozen=True)
class SpellInformation:
    """The likelihood of F flows: I own effects, K upper ones, A terms that a log rate adds up besides.

    Attributes
    ----------
    own, cross, upper : (F, I), (F, I, K), (F, K, K) float
        Curvature, of own effects, between own and upper ones, and among upper ones.
    own_terms, upper_terms : (F, I, A), (F, K, A) float
        Linear terms, for each of the terms: the observed log rate, then what is to be taken off it (the intercept, the
        ramp, own work in progress and own pace).
    crowd : (F,) float
        Cases that a case shares its day with, itself included.
    present : (F,) float
        FTE on an average day.
    """

    own: Floats
    cross: Floats
    upper: Floats
    own_terms: Floats
    upper_terms: Floats
    crowd: Floats
    present: Floats


def spell_information(design: Design, upper: Floats) -> SpellInformation:
    """Find what the counts of all flows counted per person say.

    Parameters
    ----------
    design : Design
        Training arrays.
    upper : (S, K) float
        What a spell multiplies the upper effects by.
    """
    by_flow = [_of_flow(design, flow, upper) for flow in range(len(design.row_counts))]
    return SpellInformation(*(np.stack(values) for values in zip(*by_flow, strict=True)))


def _of_flow(design: Design, flow: int, upper: Floats) -> tuple[Floats, ...]:
    """Return the fields of `SpellInformation` for one flow."""
    staff, counts, n_days = design.staff, design.row_counts[flow], len(design.dates)
    n_spells, n_people = len(staff.spell_team), len(staff.investigators)
    present, total = design.present, totals_of(counts, design.row_day, n_days)
    alike = np.divide(total, present, out=np.zeros(n_days), where=present > 0)[design.row_day] * design.row_exposure

    def by_spell(values: Floats) -> Floats:
        return np.bincount(design.row_spell, values, n_spells)

    cases, expected = by_spell(counts), by_spell(alike)
    fte = np.maximum(by_spell(design.row_exposure), NOBODY)
    log_rate = np.log((cases + 0.5) / (expected + 0.5) * np.maximum(total.sum(), 1) / present.sum())
    held = np.log1p(design.row_wip) - design.state_centre["wip"]
    on_average = [by_spell(design.row_exposure * each) / fte for each in (held, design.log_pace[flow, design.row_pace])]
    terms = np.column_stack([log_rate, -np.ones(n_spells), -staff.spell_ramp, *(-mean for mean in on_average)])
    # A spell's curvature is its expected count; halfway to the observed one, as people differ.
    curvature = (cases + expected) / 2
    of_person = np.zeros((n_people, n_spells))
    of_person[staff.spell_investigator, np.arange(n_spells)] = curvature
    weighted = (curvature[:, None] * upper).T
    return (
        of_person.sum(axis=1),
        of_person @ upper,
        weighted @ upper,
        of_person @ terms,
        weighted @ terms,
        np.asarray(np.square(total).sum() / np.maximum(total.sum(), 1)),
        np.asarray(present.mean()),
    )
