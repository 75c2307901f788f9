"""Arithmetic of compiled models in the order in which it is written.

PyTensor lets numba reorder sums and products, and how it does depends on whether code was compiled just now or read
from disk. Draws of a machine's first run then differ from those of the next in the last digit, and soon in all of them.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytensor


def in_order() -> AbstractContextManager[None]:
    """Return a context in which models are compiled without reordering; a function is compiled when first called."""
    return pytensor.config.change_flags(numba__fastmath=False)
