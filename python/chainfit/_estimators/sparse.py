"""Sparse matrices: checked before anyone follows their indices, and as the core takes them.

A scipy matrix is plain arrays that anyone may change; scipy's own conversions, and those of
scikit-learn, write wherever the indices point.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

# What scikit-learn's validation leaves as it is; CSC becomes CSR in `csr_form`.
SPARSE_FORMATS = ["csr", "csc"]


def check_sparse(a: Any, name: str = "X") -> None:
    """Check the indices of a sparse matrix against its shape; anything else passes.

    Raises
    ------
    ValueError
        If an index points outside of the matrix, or its arrays contradict each other.
    """
    if not sp.issparse(a) or len(a.shape) != 2:
        return
    if a.format in ("csr", "csc", "bsr"):
        _check_compressed(a, name)
    elif a.format == "coo":
        if len(a.coords) != 2:
            raise ValueError(
                f"A sparse {name} in COO format has two arrays of indices, got {len(a.coords)}."
            )
        for indices, size in zip(a.coords, a.shape, strict=True):
            _check_range(indices, size, name)
            _check_same_length(indices, a.data, name)
    elif a.format == "dia":
        _check_same_length(a.offsets, a.data, name)
    elif a.format == "lil":
        for columns, values in zip(a.rows, a.data, strict=True):
            _check_same_length(columns, values, name)
            if columns:
                _check_range(columns, a.shape[1], name)


def dense_copy(y: Any) -> npt.NDArray[Any]:
    """Return targets, sparse or not, as a dense array of their own."""
    check_sparse(y, "y")
    return y.toarray() if sp.issparse(y) else np.array(y)


def _check_compressed(a: Any, name: str) -> None:
    block = a.blocksize if a.format == "bsr" else (1, 1)
    rows, columns = (size // step for size, step in zip(a.shape, block, strict=True))
    major, minor = (columns, rows) if a.format == "csc" else (rows, columns)
    start = np.asarray(a.indptr)
    if start.shape != (major + 1,):
        raise ValueError(
            f"{name}.indptr must have shape ({major + 1},) for {name} of shape {a.shape} in "
            f"{a.format.upper()} format, got {start.shape}."
        )
    if start[0] != 0 or start[-1] > len(a.indices):
        raise ValueError(
            f"{name}.indptr must go from 0 to at most {len(a.indices)}, the number of indices, "
            f"got {start[0]} and {start[-1]}."
        )
    if np.any(start[1:] < start[:-1]):
        raise ValueError(f"{name}.indptr must not decrease.")
    _check_range(a.indices, minor, name)
    _check_same_length(a.indices, a.data, name)


def _check_range(given: npt.ArrayLike, size: int, name: str) -> None:
    indices = np.asarray(given)
    if indices.size and not 0 <= indices.min() <= indices.max() < size:
        wrong = indices[(indices < 0) | (indices >= size)]
        raise ValueError(
            f"The indices of a sparse {name} must be from 0 to {size - 1} along an axis of size "
            f"{size}, got {wrong.flat[0]}."
        )


def _check_same_length(indices: Any, data: Any, name: str) -> None:
    if len(indices) != len(data):
        raise ValueError(
            f"The arrays of a sparse {name} must belong together, got {len(indices)} indices and "
            f"{len(data)} values."
        )


def csr_form(X: Any, dtype: np.dtype[Any]) -> Any:
    """Return sparse X (rows, n_0), its indices checked, as the core takes it: CSR of `dtype`.

    Columns are sorted, without duplicates, and numbered in int32. The arrays are those of X where
    these are so already, and X itself is never changed.

    Raises
    ------
    ValueError
        If X has 2^31 columns or more.
    """
    if X.shape[1] >= 1 << 31:
        raise ValueError(f"A sparse X may have 2^31 - 1 columns at most, got {X.shape[1]}.")
    X = X.tocsr()
    # A new object over the same arrays: it knows nothing of flags that the user's may hold.
    rows = sp.csr_array((X.data, X.indices, X.indptr), shape=X.shape)
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    rows = rows.astype(dtype, copy=False)
    if rows.indices.dtype != np.int32:
        rows.indices = rows.indices.astype(np.int32)
    return rows
