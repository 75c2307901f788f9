"""Compiled kernels written once more for JAX, which traces array operations and differentiates them itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from pytensor.link.jax.dispatch import jax_funcify

from bayes_backlog.models.kernel_op import Kernel, KernelOp
from bayes_backlog.models.negative_binomial_op import saturation_kernel


def saturation(
    unit_effect: jax.Array,
    profile_effect: jax.Array,
    alpha: jax.Array,
    cell_profile: jax.Array,
    block_start: jax.Array,
    block_unit: jax.Array,
    block_rows: jax.Array,
    block_total: jax.Array,
) -> jax.Array:
    """Return the number of `saturation_kernel`, with a logarithm for each cell."""
    sizes = jnp.diff(block_start)
    block = jnp.repeat(jnp.arange(len(sizes)), sizes, total_repeat_length=len(cell_profile))
    ratio = jnp.exp(unit_effect[block_unit[block]] + profile_effect[cell_profile]) / alpha
    return ((block_total + block_rows * alpha)[block] * jnp.log1p(ratio)).sum()


VALUES: dict[Kernel, Callable[..., jax.Array]] = {saturation_kernel: saturation}


def register_kernels() -> None:
    """Have graphs with a `KernelOp` of the kernels named here compile for JAX, on a CPU or a GPU."""
    jax_funcify.register(KernelOp)(_funcify)


def _funcify(op: KernelOp, **_: Any) -> Callable[..., tuple[jax.Array, ...]]:
    value_and_derivatives = jax.value_and_grad(VALUES[op.kernel], argnums=tuple(range(op.n_differentiable)))

    def outputs(*inputs: jax.Array) -> tuple[jax.Array, ...]:
        value, derivatives = value_and_derivatives(*inputs)
        return (value, *derivatives)

    return outputs
