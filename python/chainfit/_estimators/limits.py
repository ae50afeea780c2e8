"""What float32 and float64 can hold in training, and errors that say so before any work is done.

Gradients are squared by Adam, and errors by the loss. A number whose square overflows makes steps
of 0 and a fit that seems to have converged; one that the dtype rounds to 0 does the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

DType = np.dtype[Any]

# Squares of numbers up to here may still be added up, 16 of them in float32.
LARGEST = {
    np.dtype(dtype): 2.0 ** (np.finfo(dtype).maxexp // 2 - 2) for dtype in (np.float32, np.float64)
}


def too_large(what: str, dtype: DType, remedy: str) -> ValueError:
    """Return the error for `what` where it is beyond `LARGEST` or not a number of dtype at all."""
    if dtype == np.float32:
        remedy += ", or use precision='float64'"
    return ValueError(
        f"{what}, which is too large to train with in {dtype}: squares of more than "
        f"{LARGEST[dtype]:.2g} overflow. {remedy}."
    )
