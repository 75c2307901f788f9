"""The arrays of a model, packed into one vector of each kind.

A compiler builds code to take every array that enters a model, at half a second an array; packed, dozens cost as much
as one. All of them enter as `pm.Data`, so compiled code takes data of other contents and lengths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

Kind = type[np.float64] | type[np.int32]
"""What PyMC makes of numbers and of whole numbers that enter as data."""


class PackedData:
    """Arrays of the model in whose context it was made; `store` ends the packing."""

    def __init__(self) -> None:
        kinds: tuple[Kind, ...] = (np.float64, np.int32)
        self._arrays: dict[Kind, list[NDArray[Any]]] = {kind: [] for kind in kinds}
        self._vector = {kind: pm.Data(f"{kind.__name__}_data", np.zeros(0, kind)) for kind in kinds}
        self._ends = {kind: pm.Data(f"{kind.__name__}_ends", np.zeros(1, np.int32)) for kind in kinds}

    def add(self, values: NDArray[Any]) -> TensorVariable:
        """Return an array as a tensor; only its first dimension may have another length in other data."""
        kind: Kind = np.int32 if np.issubdtype(values.dtype, np.integer) else np.float64
        arrays, ends = self._arrays[kind], self._ends[kind]
        flat = self._vector[kind][ends[len(arrays)] : ends[len(arrays) + 1]]
        arrays.append(values)
        return flat if values.ndim == 1 else flat.reshape((-1, *values.shape[1:]))

    def store(self) -> None:
        """Give the model the data of all arrays."""
        for kind, arrays in self._arrays.items():
            self._vector[kind].set_value(np.concatenate([values.ravel() for values in arrays]).astype(kind))
            self._ends[kind].set_value(np.cumsum([0, *(values.size for values in arrays)], dtype=np.int32))
