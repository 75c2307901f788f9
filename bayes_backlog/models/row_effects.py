"""The row model's effects as standard normals, one to one and exactly: what the sampler moves in their place.

Given the scales, prior and (roughly) likelihood of all effects are Gaussian, so their posterior is, and a triangular
map turns standard normals into draws of it:

- slopes = centre + spread u, both numbers, found once: their prior has no scale to be estimated;
- upper effects (intercept, teams, roles) given the slopes, the own effects integrated out: precision

      1 / sd^2 + curvature - sum over investigators of shrink_i cross_i cross_i',   shrink = s^2 / (1 + s^2 curvature)

  whose Cholesky root has one row per upper effect, whatever the number of investigators;
- own effects given the others: each by itself, with variance `shrink`.

The map moves with the scales, and its log-determinant is part of the density. Under it neither a scale and the effects
that it scales, nor an intercept and its slopes, pull on each other: there is no funnel and no ridge, whether somebody
has three cases or three thousand, and people who move between teams are as easy as those who stay. A rough likelihood
(`row_information`) costs the sampler steps and the posterior nothing. Scales lie on a line of their own (`scale_of`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt

from bayes_backlog.models.design import Floats
from bayes_backlog.models.row_information import Information, LikelyPrior

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


@dataclass(frozen=True)
class Coordinates:
    """Numbers of the map: P slopes, K upper effects, I investigators.

    Attributes
    ----------
    centre, spread : (P,), (P, P) float
        Of the slopes.
    upper_curvature, upper_by_slope, upper_linear : (K, K), (K, P), (K,) float
    own_curvature, own_by_slope, own_by_upper, own_linear : (I,), (I, P), (I, K), (I,) float
        Blocks of the information.
    """

    centre: Floats
    spread: Floats
    upper_curvature: Floats
    upper_by_slope: Floats
    upper_linear: Floats
    own_curvature: Floats
    own_by_slope: Floats
    own_by_upper: Floats
    own_linear: Floats


def find_coordinates(found: Information, n_slopes: int, prior: LikelyPrior) -> Coordinates:
    """Return the map's numbers; the first `n_slopes` shared effects are slopes, the others upper effects."""
    slopes, upper = slice(n_slopes), slice(n_slopes, None)
    centre, covariance = found.posterior_of_shared(prior)
    return Coordinates(
        centre=centre[slopes],
        spread=np.linalg.cholesky(covariance[slopes, slopes]),
        upper_curvature=found.shared[upper, upper],
        upper_by_slope=found.shared[upper, slopes],
        upper_linear=found.linear_shared[upper],
        own_curvature=found.own,
        own_by_slope=found.cross[:, slopes],
        own_by_upper=found.cross[:, upper],
        own_linear=found.linear_own,
    )


@dataclass(frozen=True)
class Effects:
    """Tensors: (P,) slopes, (K,) upper and (I,) own effects, and the log-determinant of the map that made them."""

    slopes: TensorVariable
    upper: TensorVariable
    own: TensorVariable
    log_determinant: TensorVariable


def scale_of(place: TensorVariable) -> tuple[TensorVariable, TensorVariable]:
    """Return scales above 0 for places on the whole line, and the logarithm of the derivative.

    The mean of max(x + e, 0), e standard normal. It is x for large x, and falls like a normal density for small ones:
    a scale that data cannot tell from 0 has the tail of a normal there, where its logarithm's is longer and slower to
    explore.
    """
    share = pt.erfc(-place / np.sqrt(2.0)) / 2
    return place * share + pt.exp(-(place**2) / 2) / np.sqrt(2.0 * np.pi), pt.log(share)


def effects_of(
    normals: Sequence[TensorVariable],
    upper_mean: TensorVariable,
    upper_sd: TensorVariable,
    own_sd: TensorVariable,
    numbers: dict[str, Any],
) -> Effects:
    """Return the effects that standard normals stand for.

    Parameters
    ----------
    normals : sequence of (P,), (K,), (I,) tensor
        For slopes, upper and own effects.
    upper_mean, upper_sd : (K,) tensor
        Prior means and standard deviations of the upper effects.
    own_sd : scalar tensor
        Prior standard deviation of the own effects.
    numbers : dict
        The arrays of `Coordinates` by name, as tensors or `pm.Data`.
    """
    for_slopes, for_upper, for_own = normals
    slopes = numbers["centre"] + pt.dot(numbers["spread"], for_slopes)

    shrink = own_sd**2 / (1 + own_sd**2 * numbers["own_curvature"])
    pulled = shrink[:, None] * numbers["own_by_upper"]
    own_pull = numbers["own_linear"] - pt.dot(numbers["own_by_slope"], slopes)
    upper_pull = numbers["upper_linear"] - pt.dot(numbers["upper_by_slope"], slopes)
    precision = pt.diag(upper_sd**-2.0) + numbers["upper_curvature"] - pt.dot(pulled.T, numbers["own_by_upper"])
    root = pt.linalg.cholesky(precision)
    pull = upper_mean / upper_sd**2 + upper_pull - pt.dot(pulled.T, own_pull)
    standardised = pt.linalg.solve_triangular(root, pull, lower=True) + for_upper
    upper = pt.linalg.solve_triangular(root.T, standardised, lower=False)

    own = shrink * (own_pull - pt.dot(numbers["own_by_upper"], upper)) + pt.sqrt(shrink) * for_own
    return Effects(slopes, upper, own, log_determinant=pt.log(shrink).sum() / 2 - pt.log(pt.diag(root)).sum())
