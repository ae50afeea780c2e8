"""Checked training data, and input checks that a call of a few microseconds can afford.

scikit-learn's own validation is thorough and costs about 0.1 ms. Arrays that plainly need none of
it (right type, dtype and shape, no feature names, finite) pass here; all others go through it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils import _safe_indexing, indexable

from .sparse import csr_form

Array = npt.NDArray[Any]

# Values checked at a time: the array of answers stays small.
_BLOCK = 1 << 16
# Up to here a sum of squares takes half the time of `isfinite`. BLAS has no threads for it yet.
SMALL_DOT = 1 << 10


class MadeRows:
    """An X (rows, n_0) whose rows are made when asked for: finite, of a dtype of the core."""

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    ndim = 2

    def __getitem__(self, rows: Any) -> Array:
        """Return these rows, given by numbers or as a slice: C-contiguous."""
        raise NotImplementedError  # an ABC takes longer to recognise, which small steps would feel

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        """Number of values."""
        return self.shape[0] * self.shape[1]


class Streamed:
    """An X (rows, n_0) that can only be read block by block."""

    shape: tuple[int, int]
    digest: str  # of all rows, with their targets and weights
    weighted: bool  # whether rows have weights, of their own or of their class
    negative: bool  # whether some of them are below 0
    order: str  # what decides the order of rows in an epoch beside random numbers, in words

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows in blocks, as the core takes them."""
        raise NotImplementedError


class Rows(NamedTuple):
    """Rows to validate on, checked as FitData is."""

    X: Any  # (rows, n_0), or Streamed
    Y: Array  # (rows, n_L)
    sample_weight: Array | None  # (rows,)
    given: Callable[[], tuple[Any, Any]]  # X and y as the user gave them


@dataclass(slots=True)
class FitData:
    """Checked training data, all of one dtype."""

    # (rows, n_0): ndarray of any strides, CSR as `core_form` makes it, MadeRows, or Streamed with
    # targets and weights of its own: then Y has each different target of classes, or some real ones
    X: Any
    Y: Array  # (rows, n_L), C-contiguous: one-hot, 0/1 or real
    sample_weight: Array | None  # (rows,)
    dtype: np.dtype[Any]
    l2: float  # alpha, times what the weights of the rows were multiplied by
    # makes the validation score on some rows: of the net's output, and of the state that has it
    score_on: Callable[[Rows], Callable[[Array, Callable[[], Any]], float]] | None = None
    classes: bool = False  # whether Y holds classes
    validation: Rows | None = None  # the user's own
    given: tuple[Any, Any] = (None, None)  # X and y as the user gave them
    l1: float = 0.0  # as l2
    held_out: Array | None = None  # rows to hold out, where they aren't to be drawn
    together: Any = None  # the fit of all ranks (Together) that this is a part of


def check_numeric(X: Any) -> None:
    """Raise an error where X holds text or dates, which NumPy would turn into numbers.

    scikit-learn lets `fit` do so, and `predict` refuse the same X. DataFrames may have text columns
    that read as numbers: these reach NumPy as objects, and both take them.
    """
    dtypes = [X.dtype] if hasattr(X, "dtype") else getattr(X, "dtypes", [None])
    kinds = {getattr(dtype, "kind", None) for dtype in dtypes}
    if None in kinds:  # lists, and frames whose types aren't NumPy's
        kinds.add(np.asarray(X).dtype.kind)
    if kinds & set("USV"):
        raise ValueError(
            "dtype='numeric' is not compatible with arrays of bytes/strings. Convert your data to "
            "numeric values explicitly instead."
        )
    if kinds & set("mM"):
        raise TypeError(
            "dtype='numeric' is not compatible with arrays of dates/durations. Convert your data "
            "to numeric values explicitly instead."
        )


def core_form(X: Any, dtype: np.dtype[Any]) -> Any:
    """Return validated X (rows, n_0) as the core takes it: an ndarray, or CSR, of `dtype`."""
    if isinstance(X, MadeRows):
        return X
    return csr_form(X, dtype) if sp.issparse(X) else X.astype(dtype, copy=False)


def take_rows(data: Any, rows: npt.NDArray[np.int64]) -> Any:
    """Return these rows of data as the user gave it."""
    if isinstance(data, MadeRows):
        return data[rows]
    (indexed,) = indexable(data)  # COO, for one, can't be indexed
    return _safe_indexing(indexed, rows)


def is_plain(a: Any) -> bool:
    """Whether a is an ndarray that isn't empty."""
    return type(a) is np.ndarray and a.size > 0


def all_finite(a: Array) -> bool:
    """Whether a plainly is finite: a no may be an overflow, and is for scikit-learn to judge."""
    if a.size <= SMALL_DOT:
        return math.isfinite(np.vdot(a, a))
    rows = max(1, _BLOCK * len(a) // a.size)
    return all(np.isfinite(a[i : i + rows]).all() for i in range(0, len(a), rows))


def is_plain_X(X: Any, dtype: np.dtype[Any], fitted: Mapping[str, Any]) -> bool:
    """Whether scikit-learn's validation would pass X as it is, and it is fit for the core.

    `fitted` are the attributes of the estimator.
    """
    return (
        is_plain(X)
        and X.ndim == 2
        and (X.dtype is dtype or X.dtype == dtype)
        and X.shape[1] == fitted.get("n_features_in_")
        and "feature_names_in_" not in fitted
        and all_finite(X)
    )
