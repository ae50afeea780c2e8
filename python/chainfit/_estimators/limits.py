"""What float32 and float64 can hold in training, and errors that say so before any work is done.

Gradients are squared by Adam, and errors by the loss. A number whose square overflows makes steps
of 0 and a fit that seems to have converged; one that the dtype rounds to 0 does the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .parameters import as_float

if TYPE_CHECKING:
    from .base import BaseMLP

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


def check_step_size(model: BaseMLP, dtype: DType) -> None:
    """Raise a ValueError where a parameter of the solver's steps is 0 or infinite in dtype."""
    if model.solver == "lbfgs":
        return
    least, most = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)
    for name in (
        ("learning_rate_init", "epsilon") if model.solver == "adam" else ("learning_rate_init",)
    ):
        value = as_float(getattr(model, name))
        if not least <= value <= most:
            raise ValueError(
                f"{name}={value:g} is {'zero' if value < 1 else 'infinite'} in {dtype}, the dtype "
                f"of training, which goes from {least:.2g} to {most:.2g}."
            )
