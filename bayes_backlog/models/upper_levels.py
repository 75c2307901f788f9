"""Investigators' total rates as what is sampled; intercept, team and role effects integrated out and drawn back.

An investigator's rate, a = intercept + home team + home role + own effect, is what the data speak of. Given the scales
it is jointly Normal with the effects above it, so those can be taken out of the sampler's way without approximation:

- v = (intercept, team effects, role effects), K in number, is v = mean + Q' L (z, w) with z and w standard normal, Q
  orthogonal and L the Cholesky factor of Q diag(prior sd)^2 Q'.
- z, the first M, are what people who move between teams or roles make visible at once: rows of Q that span the
  differences between where they work and where they are at home. Where nobody moves, M = 0.
- p(a | z) is Normal with covariance sd^2 I + (Z F)(Z F)', F = Q' L without its first M columns and Z the membership:
  one Cholesky of K - M rows, whatever the number of investigators (matrix determinant lemma).
- w, and with it v and the own effects, follow from p(w | a, z), again Normal, by standard normals of their own.

So (a, z, standard normals) stand for (intercept, team, role, own effects) one to one, with the same joint density:
every posterior draw has every effect, and the directions in which a hierarchy is slow to explore are gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytensor.tensor as pt

from bayes_backlog.models.design import Floats, Ints

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

SAME = 1e-9
"""Singular values below are rounding: moves are made of ones."""


@dataclass(frozen=True)
class Membership:
    """Who belongs where: I investigators, K = 1 + teams + roles, U units (somebody in one team and role).

    Attributes
    ----------
    home : (I, K) float
        Z: ones at the intercept, the home team and the home role, where most of an investigator's rows are.
    rotation : (K, K) float
        Q: orthogonal; its first M rows span `away`.
    n_differences : int
        M.
    away : (U, M) float
        What a unit adds to its investigator's rate, in the basis of the first M rows of Q; zeros at home.
    """

    home: Floats
    rotation: Floats
    n_differences: int
    away: Floats


def find_membership(investigator: Ints, team: Ints, role: Ints, n_rows: Ints) -> Membership:
    """Find homes, and the differences that movers make visible.

    Parameters
    ----------
    investigator, team, role : (U,) int
        Of each unit; indices from 0, without gaps.
    n_rows : (U,) int
        Rows of each unit.
    """
    n_teams, n_roles = team.max() + 1, role.max() + 1
    place = np.hstack([np.ones((len(team), 1)), np.eye(n_teams)[team], np.eye(n_roles)[role]])
    seat = team * n_roles + role
    rows_in_seat = np.zeros((investigator.max() + 1, n_teams * n_roles))
    np.add.at(rows_in_seat, (investigator, seat), n_rows)
    at_home = seat == rows_in_seat.argmax(axis=1)[investigator]
    home = np.zeros((len(rows_in_seat), place.shape[1]))
    home[investigator[at_home]] = place[at_home]
    away = place - home[investigator]
    moves = away[:, 1:]  # the intercept is the same everywhere
    directions, size, _ = np.linalg.svd(np.unique(moves, axis=0).T)
    n_differences = int((size > SAME).sum())
    rotation = np.zeros((place.shape[1], place.shape[1]))
    rotation[:-1, 1:] = directions.T
    rotation[-1, 0] = 1.0
    return Membership(home, rotation, n_differences, moves @ directions[:, :n_differences])


@dataclass(frozen=True)
class Effects:
    """Tensors: (K,) effects above the investigators, (I,) own effects, (M,) differences, and log p(rates | z)."""

    upper: TensorVariable
    own: TensorVariable
    differences: TensorVariable
    log_density: TensorVariable


def effects_of(
    rates: TensorVariable,
    normals: TensorVariable,
    own_sd: TensorVariable,
    upper_mean: TensorVariable,
    upper_sd: TensorVariable,
    home: TensorVariable,
    rotation: TensorVariable,
    n_differences: int,
) -> Effects:
    """Return the effects that rates and standard normals stand for.

    Parameters
    ----------
    rates : (I,) tensor
        Investigators' total rates at home, log.
    normals : (K,) tensor
        z, then the standard normals of w; standard normal a priori.
    own_sd : scalar tensor
        Spread of the own effects.
    upper_mean, upper_sd : (K,) tensor
        Prior means and standard deviations of intercept, team and role effects.
    home, rotation : (I, K), (K, K) tensor
        See `Membership`.
    n_differences : int
        M.
    """
    lower = {"lower": True}
    factor = pt.linalg.cholesky(pt.dot(rotation * upper_sd**2, rotation.T))
    weights = pt.dot(rotation.T, factor)
    known, free = weights[:, :n_differences], weights[:, n_differences:]
    z, noise = normals[:n_differences], normals[n_differences:]
    middle = upper_mean + pt.dot(known, z)
    loadings = pt.dot(home, free)
    residual = rates - pt.dot(home, middle)

    root = pt.linalg.cholesky(own_sd**2 * pt.eye(free.shape[1]) + pt.dot(loadings.T, loadings))
    pull = pt.linalg.solve_triangular(root, pt.dot(loadings.T, residual), **lower)
    n_left = rates.shape[0] - free.shape[1]
    log_determinant = n_left * pt.log(own_sd) + pt.log(pt.diag(root)).sum()
    distance = ((residual**2).sum() - (pull**2).sum()) / own_sd**2

    w = pt.linalg.solve_triangular(root.T, pull + own_sd * noise, lower=False)
    upper = middle + pt.dot(free, w)
    return Effects(
        upper=upper,
        own=rates - pt.dot(home, upper),
        differences=pt.dot(factor[:n_differences, :n_differences], z),
        log_density=-log_determinant - distance / 2,
    )
