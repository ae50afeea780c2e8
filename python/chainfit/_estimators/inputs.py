"""Checked training data, and input checks that a call of a few microseconds can afford.

scikit-learn's own validation is thorough and costs about 0.1 ms. Arrays that plainly need none of
it (right type, dtype and shape, no feature names, finite) pass here; all others go through it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.base import BaseEstimator

from .sparse import csr_form

Array = npt.NDArray[Any]

# Values checked at a time: the array of answers stays small.
_BLOCK = 1 << 16
# Up to here a sum of squares takes half the time of `isfinite`. BLAS has no threads for it yet.
_SMALL_DOT = 1 << 10


class FitData(NamedTuple):
    """Checked training data, all of one dtype."""

    X: Any  # (rows, n_0): ndarray of any strides, or CSR as `core_form` makes it
    Y: Array  # (rows, n_L), C-contiguous: one-hot, 0/1 or real
    sample_weight: Array | None  # (rows,)
    dtype: np.dtype[Any]
    weight_dtype: np.dtype[Any]  # what drawn initial weights are rounded to


def core_form(X: Any, dtype: np.dtype[Any]) -> Any:
    """Return validated X (rows, n_0) as the core takes it: an ndarray, or CSR, of `dtype`."""
    return csr_form(X, dtype) if sp.issparse(X) else X.astype(dtype, copy=False)


def is_plain(a: Any) -> bool:
    """Whether a is an ndarray that isn't empty."""
    return type(a) is np.ndarray and a.size > 0


def all_finite(a: Array) -> bool:
    """Whether a plainly is finite: a no may be an overflow, and is for scikit-learn to judge."""
    if a.size <= _SMALL_DOT:
        return math.isfinite(np.vdot(a, a))
    rows = max(1, _BLOCK * len(a) // a.size)
    return all(np.isfinite(a[i : i + rows]).all() for i in range(0, len(a), rows))


def is_plain_X(estimator: BaseEstimator, X: Any, dtype: np.dtype[Any]) -> bool:
    """Whether X is a finite ndarray (rows, n_features_in_) of `dtype`, fit for the core."""
    return (
        is_plain(X)
        and X.ndim == 2
        and X.dtype == dtype
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and not hasattr(estimator, "feature_names_in_")
        and all_finite(X)
    )


def plain_real_targets(y: Any, rows: int) -> bool:
    """Whether y is a finite real ndarray (rows,) or (rows, n_L > 1)."""
    return (
        is_plain(y)
        and y.dtype.kind in "fiu"
        and len(y) == rows
        and (y.ndim == 1 or (y.ndim == 2 and y.shape[1] > 1))
        and (y.dtype.kind != "f" or all_finite(y))
    )
