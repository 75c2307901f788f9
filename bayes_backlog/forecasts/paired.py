"""Random counts that stay comparable when their means change: what pairs a scenario with its base, draw by draw.

The randomness of a count is fixed before its mean is known. A total is the quantile of its distribution at a uniform
number that belongs to one draw, day and flow, so it never falls when its mean rises; the cases of a total are divided
by an urn whose random numbers belong to one draw, day, flow and case. Changing one rate therefore leaves the randomness
of every other draw, day, flow and person alone, which generators that are read in turn cannot promise: they use up more
or less of their stream as means change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bayes_backlog.models.design import Floats
from bayes_backlog.models.draws import MAX_MEAN, Counts

Keys = NDArray[np.uint64]

MAX_DISPERSION = 1e9
"""From here on a negative binomial is a Poisson to every digit that a forecast has."""


@dataclass(frozen=True)
class Reseeded:
    """A seed of which the streams of some names (their first words) are those of another."""

    seed: int
    other: int
    names: frozenset[str]


Seed = int | Reseeded


def stream(seed: Seed, *name: str) -> np.random.Generator:
    """Return the random stream of one named quantity: independent of how much any other stream was read."""
    if isinstance(seed, Reseeded):
        seed = seed.other if name[0] in seed.names else seed.seed
    return np.random.default_rng([seed, *"/".join(name).encode()])


def uniforms(seed: Seed, name: str, n_days: int, n: int) -> Floats:
    """Return (n, n_days) uniform numbers; a longer horizon begins with those of a shorter one."""
    return stream(seed, name).random((n_days, n)).T


def keys(seed: Seed, n_days: int, n: int, *name: str) -> Keys:
    """Return (n, n_days) keys, each the start of a random sequence of its own for `divide`."""
    return stream(seed, *name, "division").integers(2**64, size=(n_days, n), dtype=np.uint64).T


def negative_binomial(uniform: Floats, mean: Floats, dispersion: Floats) -> Counts:
    """Return the quantiles of counts with variance = mean + mean^2 / dispersion.

    Parameters
    ----------
    uniform, mean, dispersion : (n,) float
        Means beyond `MAX_MEAN` are taken as `MAX_MEAN`: a runaway draw must stay a large count.
    """
    mean, dispersion = np.minimum(mean, MAX_MEAN), np.minimum(dispersion, MAX_DISPERSION)
    return np.asarray(stats.nbinom.ppf(uniform, dispersion, dispersion / (dispersion + mean))).astype(np.int32)


@numba.njit()
def _uniform(key: np.uint64, case: int) -> float:
    """Return number `case` of the sequence of a key, uniform on [0, 1): SplitMix64, doi:10.1145/2660193.2660195."""
    bits = key + np.uint64(case) * np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return float((bits ^ (bits >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


@numba.njit()
def divide(total: Counts, weights: Floats, key: Keys) -> Counts:
    """Divide totals among people by a Dirichlet-multinomial, as Polya's urn.

    Each case in turn falls on a person by weight or follows one of the cases before it, each counting for 1.

    Parameters
    ----------
    total : (n,) int
        Cases to divide.
    weights : (n, I) float
        Finite Dirichlet weights, 0 for people who are not there; a total is only divided when somebody is.
    key : (n,) uint64
        Of `keys`.

    Returns
    -------
    (n, I) int32
        Rows that sum to `total`.
    """
    parts = np.zeros(weights.shape, np.int32)
    for row in range(len(total)):
        reached = np.cumsum(weights[row])
        whole = reached[-1]
        if whole <= 0:
            continue
        persons = np.empty(total[row], np.int64)
        for case in range(total[row]):
            ball = _uniform(key[row], case) * (whole + case)
            if ball < whole:
                persons[case] = np.searchsorted(reached, ball, side="right")
            else:
                persons[case] = persons[min(int(ball - whole), case - 1)]
            parts[row, persons[case]] += 1
    return parts
