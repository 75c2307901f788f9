"""What rows of counts say of the row model's effects, roughly: a Gaussian likelihood, from a Newton fit of the mode.

Near its mode the log-likelihood of the effects e is linear' e - e' curvature e / 2, up to a constant. Nothing here
enters the posterior: the sampler's coordinates are chosen by it (`row_effects`), and a rough answer is a good one.

Effects come in two kinds. Shared ones (slopes, intercept, teams, roles) are few; every investigator's own effect
touches its own rows only, so that block of the curvature is a diagonal and nothing costs more than there are people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bayes_backlog.models.design import Floats, Ints

MAX_STEPS = 50
LARGEST_STEP = 1.0
"""Of an effect in one Newton step: keeps a wild count of somebody nearly unseen from throwing the fit out."""
SMALLEST_STEP = 1e-3
DISPERSIONS = (0.05, 1e4)
"""Where the moment estimate of the dispersion is kept, in both directions past any that matters to a weight."""


@dataclass(frozen=True)
class RowDesign:
    """Which effects a row's log mean adds up: R rows of U units and N profiles, F shared effects, I investigators.

    Attributes
    ----------
    unit, profile : (R,) int
        Of every row.
    by_unit, by_profile : (U, F), (N, F) float
        What a unit and what a profile multiply the shared effects by; a row takes the sum of both.
    investigator : (U,) int
        Of every unit.
    log_exposure : (U,) float
    """

    unit: NDArray[np.integer]
    profile: NDArray[np.integer]
    by_unit: Floats
    by_profile: Floats
    investigator: Ints
    log_exposure: Floats


@dataclass(frozen=True)
class LikelyPrior:
    """Independent normals at likely scales: (F,) mean and sd of the shared effects, sd of the own ones."""

    mean: Floats
    sd: Floats
    own_sd: float


@dataclass(frozen=True)
class Information:
    """The Gaussian likelihood, in blocks: F shared effects, I own effects.

    Attributes
    ----------
    shared, cross, own : (F, F), (I, F), (I,) float
        Curvature, among shared effects, between own and shared ones, and of own ones.
    linear_shared, linear_own : (F,), (I,) float
        Linear terms.
    """

    shared: Floats
    cross: Floats
    own: Floats
    linear_shared: Floats
    linear_own: Floats

    def posterior_of_shared(self, prior: LikelyPrior) -> tuple[Floats, Floats]:
        """Return mean (F,) and covariance (F, F) of the shared effects."""
        pulled = self.cross.T / (self.own + prior.own_sd**-2)
        covariance = np.linalg.inv(self.shared + np.diag(prior.sd**-2.0) - pulled @ self.cross)
        return covariance @ (self.linear_shared + prior.mean / prior.sd**2 - pulled @ self.linear_own), covariance


def find_information(design: RowDesign, counts: Ints, prior: LikelyPrior) -> Information:
    """Fit the effects by Fisher scoring, and return the likelihood's curvature there.

    Parameters
    ----------
    design : RowDesign
        Who adds up to what.
    counts : (R,) int
        Of every row.
    prior : LikelyPrior
        Holds back effects that the data say little of.
    """
    shared, own, dispersion = prior.mean, np.zeros(int(design.investigator.max()) + 1), 1.0
    for _ in range(MAX_STEPS):
        found, dispersion = _at(design, counts, shared, own, dispersion)
        new_shared, _ = found.posterior_of_shared(prior)
        new_own = (found.linear_own - found.cross @ new_shared) / (found.own + prior.own_sd**-2)
        steps = [np.clip(new - old, -LARGEST_STEP, LARGEST_STEP) for new, old in ((new_shared, shared), (new_own, own))]
        shared, own = shared + steps[0], own + steps[1]
        if max(np.abs(step).max() for step in steps) < SMALLEST_STEP:
            break
    return found


def _at(design: RowDesign, counts: Ints, shared: Floats, own: Floats, dispersion: float) -> tuple[Information, float]:
    """Return the expected curvature and the linear terms at some effects, and the dispersion that fits them."""
    n_units, n_profiles = len(design.by_unit), len(design.by_profile)
    effect = (design.by_unit @ shared + own[design.investigator])[design.unit] + (design.by_profile @ shared)[
        design.profile
    ]
    mu = np.exp(effect + design.log_exposure[design.unit])
    damping = 1 / (1 + mu / dispersion)
    weight, response = mu * damping, mu * damping * effect + (counts - mu) * damping
    cells = sparse.csr_array((weight, (design.unit, design.profile)), shape=(n_units, n_profiles))
    of_unit, of_profile = cells.sum(axis=1), cells.sum(axis=0)
    through_profiles = cells @ design.by_profile
    mixed = design.by_unit.T @ through_profiles
    unit_response = np.bincount(design.unit, response, n_units)
    membership = sparse.csr_array(
        (np.ones(n_units), (design.investigator, np.arange(n_units))), shape=(len(own), n_units)
    )
    found = Information(
        shared=design.by_unit.T @ (of_unit[:, None] * design.by_unit)
        + mixed
        + mixed.T
        + design.by_profile.T @ (of_profile[:, None] * design.by_profile),
        cross=membership @ (of_unit[:, None] * design.by_unit + through_profiles),
        own=membership @ of_unit,
        linear_shared=design.by_unit.T @ unit_response
        + design.by_profile.T @ np.bincount(design.profile, response, n_profiles),
        linear_own=membership @ unit_response,
    )
    excess = float((np.square(counts - mu) - mu).sum())
    return found, float(np.clip(np.square(mu).sum() / max(excess, SMALLEST_STEP), *DISPERSIONS))
