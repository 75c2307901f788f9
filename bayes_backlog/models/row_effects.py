"""The row model's effects as standard normals: what the sampler moves in their place.

Slopes come first: centre + spread u, both numbers, found once, as their prior has no scale to be estimated. Given them,
intercept, teams and roles are the upper effects and investigators' own the lower ones of `nested_effects`; neither an
intercept and its slopes nor a scale and what it scales pull on each other. What rows say of all effects is a guess
(`row_information`). Scales lie on a line of their own (`scale_of`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt

from bayes_backlog.models.design import Floats
from bayes_backlog.models.nested_effects import Likelihood, effects_of
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
class RowEffects:
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


def row_effects_of(
    normals: Sequence[TensorVariable],
    upper_mean: TensorVariable,
    upper_sd: TensorVariable,
    own_sd: TensorVariable,
    numbers: dict[str, Any],
) -> RowEffects:
    """Return the effects that standard normals stand for.

    Parameters
    ----------
    normals : sequence of (P,), (K,), (I,) tensor
        For slopes, upper and own effects.
    upper_mean, upper_sd, own_sd : (K,), (K,), scalar tensor
        Prior means and standard deviations.
    numbers : dict
        The arrays of `Coordinates` by name, as tensors or `pm.Data`.
    """
    for_slopes, for_upper, for_own = normals
    slopes = numbers["centre"] + pt.dot(numbers["spread"], for_slopes)
    likelihood = Likelihood(
        upper_curvature=numbers["upper_curvature"],
        own_curvature=numbers["own_curvature"],
        own_by_upper=numbers["own_by_upper"],
        upper_linear=numbers["upper_linear"] - pt.dot(numbers["upper_by_slope"], slopes),
        own_linear=numbers["own_linear"] - pt.dot(numbers["own_by_slope"], slopes),
    )
    effects = effects_of(for_upper, for_own, upper_mean, upper_sd, own_sd, likelihood)
    return RowEffects(slopes, effects.upper, effects.own, effects.log_determinant)
