"""Real targets: what the regressor trains on, and which it refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils.validation import assert_all_finite

from .inputs import SMALL_DOT, is_plain
from .limits import LARGEST, too_large
from .rules import LOSSES

Array = npt.NDArray[Any]


def real_targets(y: Any, dtype: np.dtype[Any], loss: str) -> Array:
    """Return validated y as Y (rows, n_L) of dtype.

    Raises
    ------
    TypeError
        If y is sparse, or holds dates, durations or text.
    ValueError
        If a target is too large to train with in dtype, or out of the range of the loss.
    """
    if sp.issparse(y):
        raise TypeError(
            "Sparse data was passed for y, but dense data is required. Use '.toarray()' to convert "
            "to a dense numpy array."
        )
    if y.dtype.kind not in "biuf":
        raise TypeError(f"y must hold numbers, got an array of {y.dtype}.")
    if not _within(y, LARGEST[dtype]):
        assert_all_finite(y, input_name="y")  # validation does not look at objects
        size = max(abs(float(y.min())), abs(float(y.max())))
        raise too_large(f"y holds a value of size {size:.2g}", dtype, "Scale the targets")
    if _too_low(y, loss, dtype):
        bound = ">" if LOSSES[loss].lowest_target_open else ">="
        raise ValueError(
            f"Some value(s) of y are out of the valid range of the loss {loss!r}, which needs "
            f"y {bound} {LOSSES[loss].lowest_target:g}."
        )
    return _columns(y, dtype)


def quick_real_targets(y: Any, rows: int, dtype: np.dtype[Any], loss: str) -> Array | None:
    """Return y as Y (rows, n_L) of dtype if it plainly needs no further check, otherwise None."""
    if not (
        is_plain(y)
        and y.dtype.kind in "fiu"
        and len(y) == rows
        and (y.ndim == 1 or (y.ndim == 2 and y.shape[1] > 1))
        and _within(y, LARGEST[dtype])
        and not _too_low(y, loss, dtype)
    ):
        return None
    return _columns(y, dtype)


def _columns(y: Array, dtype: np.dtype[Any]) -> Array:
    return np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)


def _within(y: Array, largest: float) -> bool:
    """Whether every element is a number between -largest and largest."""
    if y.dtype.kind == "f" and y.size <= SMALL_DOT and float(np.vdot(y, y)) <= largest * largest:
        return True
    return bool(-largest <= _least(y) and y.item(y.argmax()) <= largest)


def _too_low(y: Array, loss: str, dtype: np.dtype[Any]) -> bool:
    lowest = LOSSES[loss].lowest_target
    if lowest == -math.inf:
        return False
    if LOSSES[loss].lowest_target_open:  # the kernels take denormal numbers for 0
        lowest += float(np.finfo(dtype).tiny)
    return _least(y) < lowest


def _least(y: Array) -> float:
    """Return the least element, or NaN if there is one: as `y.min()`, in a fifth of the time."""
    least: float = y.item(y.argmin())
    return least
