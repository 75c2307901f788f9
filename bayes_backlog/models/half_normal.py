"""Half-normal scales, sampled on a line on which their prior is standard normal.

On the logarithm's line a scale that data cannot tell from 0 has a long exponential tail, slow to explore; here its tail
is the prior's own. Names, priors and posteriors are those of `pm.HalfNormal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform

from bayes_backlog.models.design import Floats

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable


def half_normal(name: str, scale: float | Floats, dims: str) -> TensorVariable:
    """Add half-normal variables of some scale to the model in whose context it is called."""
    return pm.HalfNormal(name, scale, dims=dims, default_transform=NormalScore())


class NormalScore(Transform):  # type: ignore[misc]
    """The place on the line of a half-normal's quantile: the standard normal's quantile of the same probability."""

    name = "normalscore"

    def forward(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the place of a scale, to start from: infinite far out. The last input is the half-normal's scale."""
        return np.sqrt(2.0) * pt.erfinv(2 * pt.erf(value / inputs[-1] / np.sqrt(2.0)) - 1)

    def backward(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the scale at a place; each half of the line by the tail that is exact there."""
        below = pt.erfinv(pt.erfc(-pt.minimum(value, 0.0) / np.sqrt(2.0)) / 2)
        above = pt.erfcinv(pt.erfc(pt.maximum(value, 0.0) / np.sqrt(2.0)) / 2)
        return inputs[-1] * np.sqrt(2.0) * pt.where(value < 0, below, above)

    def log_jac_det(self, value: TensorVariable, *inputs: Any) -> TensorVariable:
        """Return the logarithm of the derivative: the standard normal's density over the half-normal's."""
        scale = inputs[-1]
        relative = self.backward(value, *inputs) / scale
        return pt.log(scale / 2) + (relative**2 - value**2) / 2
