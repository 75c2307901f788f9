"""How the weeks of several flows go together: the innovations of their AR(1) effects are correlated, by an LKJ prior.

An LKJ matrix follows from independent partial correlations that are stretched betas (Lewandowski, Kurowicka and Joe
2009, doi:10.1016/j.jmva.2009.04.008), and its Cholesky factor from them by products alone: nothing but betas is
sampled. The first week is drawn from the series' long run, like every other, so that weeks which only round their
number up say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_backlog.models.draws import long_run_correlation
from bayes_backlog.models.spec import ModelSpec

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


@dataclass(frozen=True)
class Factors:
    """(F, F) lower Cholesky factors of correlations between flows: of their first weeks, and of all later innovations.

    Both are of standardised innovations; that of a first week is the week itself.
    """

    first: TensorVariable
    later: TensorVariable

    def correlated(self, z: TensorVariable) -> TensorVariable:
        """Return (F, W) standardised innovations made of as many standard normals."""
        return pt.concatenate([self.first @ z[:, :1], self.later @ z[:, 1:]], axis=1)

    def log_ratio(self, innovations: TensorVariable, begins: TensorVariable, follows: TensorVariable) -> TensorVariable:
        """Return the log-density of standardised innovations over that of independent ones.

        Parameters
        ----------
        innovations : (F, W) tensor
        begins, follows : (W,) tensor
            1 for the first week and for all later ones, else 0.
        """
        return (begins * _log_ratio(self.first, innovations) + follows * _log_ratio(self.later, innovations)).sum()


def week_factors(spec: ModelSpec, persistence: TensorVariable) -> Factors:
    """Add the correlations of weeks to the model.

    Parameters
    ----------
    spec : ModelSpec
        With pairs of F flows whose weeks are correlated.
    persistence : (F,) tensor
        Of the weeks.
    """
    n_flows = len(spec.weekly_flows)
    pairs = list(combinations(range(n_flows), 2))
    shape = np.array([spec.priors.week_correlation + (n_flows - 2 - given) / 2 for given, _ in pairs])
    share = pm.Beta("week_correlation_share", shape, shape, dims="week_pair")
    partial = {pair: 2 * share[k] - 1 for k, pair in enumerate(pairs)}
    later = _cholesky(partial, n_flows)
    correlation = later @ later.T
    pm.Deterministic("week_correlation", pt.stack([correlation[pair] for pair in pairs]), dims="week_pair")
    return Factors(pt.linalg.cholesky(long_run_correlation(correlation, persistence)), later)


def _cholesky(partial: Mapping[tuple[int, int], TensorVariable], n: int) -> TensorVariable:
    """(n, n) lower factor of the correlations of which (i, j) are partial ones, given all before i."""
    rows = []
    for j in range(n):
        row, left = [], pt.ones(())
        for i in range(j):
            row.append(partial[i, j] * left)
            left = left * pt.sqrt(1 - partial[i, j] ** 2)
        rows.append(pt.stack([*row, left, *[pt.zeros(())] * (n - 1 - j)]))
    return pt.stack(rows)


def _log_ratio(factor: TensorVariable, innovations: TensorVariable) -> TensorVariable:
    """(W,) log-densities under a correlation, given as its factor, over those without one."""
    own = pt.linalg.solve_triangular(factor, innovations, lower=True)
    return (innovations**2 - own**2).sum(axis=0) / 2 - pt.log(pt.diagonal(factor)).sum()
