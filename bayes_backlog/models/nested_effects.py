"""Effects of people and of what they belong to, as standard normals of their likely posterior, one to one and exactly.

Given the scales, prior and (roughly) likelihood of all effects are Gaussian, so their posterior is, and a triangular
map turns standard normals into draws of it:

- upper effects (teams, roles), the own effects integrated out: precision

      1 / sd^2 + curvature - sum over people of shrink_i cross_i cross_i',   shrink = s^2 / (1 + s^2 curvature_i)

  whose Cholesky root has one row per upper effect, whatever the number of people;
- own effects given the upper ones: each by itself, with variance `shrink`.

The map moves with the scales, and its log-determinant is part of the density. Under it a scale and the effects that it
scales do not pull on each other: there is no funnel and no ridge, whether somebody has three cases or three thousand,
and people who move between teams are as easy as those who stay. A rough likelihood costs the sampler steps and the
posterior nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytensor.tensor as pt

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


@dataclass(frozen=True)
class Likelihood:
    """A Gaussian log-likelihood, linear' e - e' curvature e / 2, in blocks of K upper and I own effects, as tensors.

    Attributes
    ----------
    upper_curvature, own_curvature, own_by_upper : (K, K), (I,), (I, K) float
        Own effects touch each other's rows never.
    upper_linear, own_linear : (K,), (I,) float
    """

    upper_curvature: TensorVariable
    own_curvature: TensorVariable
    own_by_upper: TensorVariable
    upper_linear: TensorVariable
    own_linear: TensorVariable


@dataclass(frozen=True)
class Effects:
    """Tensors: (K,) upper and (I,) own effects, and the log-determinant of the map that made them."""

    upper: TensorVariable
    own: TensorVariable
    log_determinant: TensorVariable


def effects_of(
    for_upper: TensorVariable,
    for_own: TensorVariable,
    upper_mean: TensorVariable,
    upper_sd: TensorVariable,
    own_sd: TensorVariable,
    likelihood: Likelihood,
) -> Effects:
    """Return the effects that standard normals stand for.

    Parameters
    ----------
    for_upper, for_own : (K,), (I,) tensor
        Standard normals.
    upper_mean, upper_sd : (K,) tensor
        Prior means and standard deviations of the upper effects.
    own_sd : scalar tensor
        Prior standard deviation of the own effects.
    likelihood : Likelihood
        Roughly.
    """
    by_upper, pull = likelihood.own_by_upper, likelihood.own_linear
    shrink = own_sd**2 / (1 + own_sd**2 * likelihood.own_curvature)
    shrunk = shrink[:, None] * by_upper
    precision = pt.diag(upper_sd**-2.0) + likelihood.upper_curvature - pt.dot(shrunk.T, by_upper)
    root = pt.linalg.cholesky(precision)
    upper_pull = upper_mean / upper_sd**2 + likelihood.upper_linear - pt.dot(shrunk.T, pull)
    standardised = pt.linalg.solve_triangular(root, upper_pull, lower=True) + for_upper
    upper = pt.linalg.solve_triangular(root.T, standardised, lower=False)
    own = shrink * (pull - pt.dot(by_upper, upper)) + pt.sqrt(shrink) * for_own
    return Effects(upper, own, log_determinant=pt.log(shrink).sum() / 2 - pt.log(pt.diag(root)).sum())
