"""Checked training data, and input checks that a call of a few microseconds can afford.

scikit-learn's own validation is thorough and costs about 0.1 ms. Arrays that plainly need none of
it (right type, dtype and shape, no feature names, finite) pass here; all others go through it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

Array = npt.NDArray[Any]

# Above this many values the checks themselves cost more than scikit-learn's overhead.
_SMALL = 1 << 16


class FitData(NamedTuple):
    """Checked training data, all of one dtype."""

    X: Array  # (rows, n_0), any strides
    Y: Array  # (rows, n_L), C-contiguous: one-hot, 0/1 or real
    sample_weight: Array | None  # (rows,)
    dtype: np.dtype[Any]
    weight_dtype: np.dtype[Any]  # what drawn initial weights are rounded to


def is_plain(a: Any) -> bool:
    """Whether a is a small ndarray that isn't empty."""
    return type(a) is np.ndarray and 0 < a.size <= _SMALL


def is_plain_X(estimator: BaseEstimator, X: Any, dtype: np.dtype[Any]) -> bool:
    """Whether X is a small finite ndarray (rows, n_features_in_) of `dtype`, fit for the core."""
    return (
        is_plain(X)
        and X.ndim == 2
        and X.dtype == dtype
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and not hasattr(estimator, "feature_names_in_")
        and bool(np.isfinite(X).all())
    )


def plain_real_targets(y: Any, rows: int) -> bool:
    """Whether y is a small finite real ndarray (rows,) or (rows, n_L > 1)."""
    return (
        is_plain(y)
        and y.dtype.kind in "fiu"
        and len(y) == rows
        and (y.ndim == 1 or (y.ndim == 2 and y.shape[1] > 1))
        and (y.dtype.kind != "f" or bool(np.isfinite(y).all()))
    )
