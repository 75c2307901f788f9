"""A compiled kernel as a node of a PyTensor graph: a number, and its derivatives worked out along with it."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import pytensor.tensor as pt
from pytensor.gradient import grad_undefined
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

Kernel = Callable[..., tuple[Any, ...]]


class KernelOp(Op):  # type: ignore[misc]
    """A function of arrays in a graph.

    Attributes
    ----------
    kernel : callable
        A function of a module that numba compiles. It returns a scalar array, then its derivatives by as many of its
        first arguments as are differentiable, each shaped like that argument.
    n_differentiable : int
        How many.
    """

    __props__ = ("kernel", "n_differentiable")

    def __init__(self, kernel: Kernel, n_differentiable: int) -> None:
        self.kernel = kernel
        self.n_differentiable = n_differentiable

    def make_node(self, *inputs: Any) -> Apply:
        """Declare the outputs: a scalar, and one derivative like each differentiable input."""
        tensors = [pt.as_tensor_variable(value) for value in inputs]
        derivatives = [tensor.type() for tensor in tensors[: self.n_differentiable]]
        return Apply(self, tensors, [pt.dscalar(), *derivatives])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[list[Any]]) -> None:
        """Evaluate outside compiled graphs."""
        for storage, value in zip(outputs, compiled(self.kernel)(*inputs), strict=True):
            storage[0] = value

    def infer_shape(self, node: Apply, shapes: list[Any]) -> list[Any]:
        """Tell shapes without evaluating."""
        return [(), *shapes[: self.n_differentiable]]

    def pullback(self, inputs: list[Any], outputs: list[Any], cotangents: list[Any]) -> list[Any]:
        """Differentiate the number; second derivatives are not given."""
        by = [cotangents[0] * derivative for derivative in outputs[1:]]
        return by + [grad_undefined(self, k, inputs[k]) for k in range(self.n_differentiable, len(inputs))]


@cache
def compiled(kernel: Kernel) -> Any:
    """Return a kernel's machine code."""
    return numba.njit(nogil=True)(kernel)


@register_funcify_default_op_cache_key(KernelOp)  # type: ignore[untyped-decorator]
def _funcify(op: KernelOp, **_: Any) -> tuple[Any, int]:
    # Part of the key of code kept on disk, so that an edited kernel is never served from an older one's code.
    version = int(hashlib.sha256(inspect.getsource(op.kernel).encode()).hexdigest()[:8], 16)
    return compiled(op.kernel), version
