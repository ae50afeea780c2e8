"""The first pass over a source: every block checked, and what must be known of all of them.

Blocks that together fit one window are kept: then the fit is one of rows in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils import check_consistent_length
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples

from .fingerprint import add_to_digest
from .sample import EvenSample
from .source import Block, Source, check_buffer, check_weighted, naming, numbered
from .weights import checked_weights

Array = npt.NDArray[Any]

# Bytes of the inputs of a window, where the source leaves it open.
_WINDOW = 1 << 27

# A sample has so many bytes of inputs, if these are not too few or more than enough rows.
_SAMPLE = 1 << 22
_SAMPLE_ROWS = 100, 1 << 16


class Checker(Protocol):
    """What an estimator does to X and y first."""

    def _checked_pair(self, X: Any, y: Any, dtype: Any, reset: bool) -> tuple[Any, Any]: ...


@dataclass
class Survey:
    """What is known of a source after its first pass.

    Attributes
    ----------
    counts : list of int
        Rows of each block.
    width : int
    accepted : dtype, or tuple of them
        What X may be; a tuple has those that are left as they are.
    dtype : dtype
        Of X, as the checks leave it.
    sparse : bool
    buffer_rows : int
        Rows of a window.
    targets : ndarray
        Of classes each different target, a row of `y` each; of real targets those of the first
        block.
    times : ndarray or None
        How often each of the classes' targets stands in the source.
    weighted : bool
    negative : bool
        Whether a weight is below 0.
    sizes : tuple of float
        Of the weights that are not 0, the least and the largest absolute value.
    digest : str
        Of all values, where one was asked for.
    sample : tuple
        An even sample of the rows (X, y, sample_weight).
    whole : tuple or None
        All rows, where they fit a window.
    """

    counts: list[int] = field(default_factory=list)
    width: int = 0
    accepted: Any = None
    dtype: Any = None
    sparse: bool = False
    buffer_rows: int = 0
    targets: Any = None
    times: Any = None
    weighted: bool = False
    negative: bool = False
    sizes: tuple[float, float] = (np.inf, 0.0)
    digest: str = ""
    sample: Block = (None, None, None)
    whole: Block | None = None

    @property
    def rows(self) -> int:
        """Number of all rows."""
        return sum(self.counts)


def checked_block(checker: Checker, block: Block, dtype: Any, reset: bool) -> Block:
    """Return a block as scikit-learn's checks leave it, its targets dense."""
    X, y, weight = block
    X, y = checker._checked_pair(X, y, dtype, reset)
    if sp.issparse(y):
        y = y.toarray()
    if weight is not None:
        weight = checked_weights(weight, X, may_be_zero=True)
    return X, y, weight


def surveyed(
    checker: Checker,
    source: Source,
    dtype: Any,
    *,
    reset: bool,
    classes: bool,
    digest: bool,
    keep: bool = True,
    check: Callable[[Array, Any], object] | None = None,
) -> Survey:
    """Go through a source once.

    Parameters
    ----------
    checker : MLPClassifier or MLPRegressor
    source : Source
    dtype : dtype, or tuple of them
        What X must be; a tuple has those that it may be as it is.
    reset : bool
        Whether names and number of features are learned from the first block.
    classes : bool
    digest : bool
    keep : bool, default=True
        Whether to keep the rows where one window holds all of them.
    check : callable, default=None
        Raises an error where the targets of a block can't be trained on in a dtype.

    Raises
    ------
    ValueError, TypeError
        If a block is not valid, or not like the first one; the text names it. If there are no rows.
    """
    found, total = Survey(accepted=dtype), hashlib.sha256()
    buffer_rows = check_buffer(source.buffer_rows)
    kept: list[Block] | None = [] if keep else None
    different: list[tuple[Array, Array]] = []
    sample: EvenSample[Block] | None = None
    for number, block in numbered(source):
        with naming(number):
            found.counts.append(_num_samples(block[0]))
            if not found.counts[-1]:
                check_consistent_length(block[0], block[1])
                continue
            first = not found.width
            X, y, weight = checked_block(checker, block, dtype, reset and first)
            if first:
                found.width, found.dtype, found.sparse = X.shape[1], X.dtype, sp.issparse(X)
                found.weighted, found.targets = weight is not None, y.copy()
                size = X.shape[1] * X.dtype.itemsize
                found.buffer_rows = buffer_rows or max(1, _WINDOW // size)
                sample = EvenSample(_sample_rows(X), _take, _together)
            check_like_first(found, X, y, weight)
            if weight is not None:
                _weigh(found, weight)
            if check is not None:
                check(y, X.dtype)
            if classes:
                if y.dtype.kind == "f":  # before as many targets are kept as there are rows
                    check_classification_targets(y)
                different.append(_different(y))
            if digest:
                add_to_digest(total, X, y.astype(str) if y.dtype == object else y, weight)
        assert sample is not None
        sample.add((X, y, weight), len(y))
        if kept is not None and found.rows <= found.buffer_rows:
            # arrays of our own, for the source may fill its own anew
            kept.append((X.copy(), y.copy(), None if weight is None else weight.copy()))
        else:
            kept = None
    if sample is None:
        raise ValueError("The source has no rows.")
    if found.weighted and not found.sizes[1]:
        raise ValueError("Sample weights must contain at least one non-zero number.")
    found.sample = sample.rows()
    if kept is not None:
        found.whole = _together(kept)
    if classes:
        targets, times = zip(*different, strict=True)
        found.targets, found.times = _different(np.concatenate(targets), np.concatenate(times))
    found.digest = total.hexdigest() if digest else ""
    return found


def check_like_first(found: Survey, X: Any, y: Array, weight: Array | None) -> None:
    """Raise a ValueError where a block is not like the first one."""
    if X.dtype != found.dtype:
        raise ValueError(f"X has dtype {X.dtype}, that of the first block is {found.dtype}.")
    if sp.issparse(X) != found.sparse:
        raise ValueError("X must be sparse in all blocks, or in none.")
    check_weighted(weight, found.weighted)
    if y.shape[1:] != found.targets.shape[1:]:
        raise ValueError(
            f"y has shape {y.shape}, that of the first block is {found.targets.shape}."
        )
    if _kind(y) != _kind(found.targets):
        first = found.targets.dtype
        raise ValueError(f"y has dtype {y.dtype}, that of the first block is {first}.")


def _kind(y: Array) -> str:
    return "number" if y.dtype.kind in "biuf" else y.dtype.kind


def _sample_rows(X: Any) -> int:
    """Return how many rows like those of the first block a sample has."""
    size = X.data.nbytes + X.indices.nbytes if sp.issparse(X) else X.nbytes
    least, most = _SAMPLE_ROWS
    return min(max(least, _SAMPLE * X.shape[0] // max(1, size)), most)


def _take(rows: Block, numbers: Array) -> Block:
    X, y, weight = rows
    return X[numbers], y[numbers], None if weight is None else weight[numbers]


def _together(kept: Sequence[Block]) -> Block:
    X, y, weight = zip(*kept, strict=True)
    all_X = sp.vstack(X, format="csr") if sp.issparse(X[0]) else np.concatenate(X)
    return all_X, np.concatenate(y), None if weight[0] is None else np.concatenate(weight)


def _weigh(found: Survey, weight: Array) -> None:
    """Note the sizes of weights."""
    found.negative |= bool(weight.min() < 0)
    sizes = np.abs(weight[weight != 0])
    if len(sizes):
        least, largest = found.sizes
        found.sizes = min(least, float(sizes.min())), max(largest, float(sizes.max()))


def _different(y: Array, times: Array | None = None) -> tuple[Array, Array]:
    """Return each different target, and how often it is there, given how often each row is."""
    rows = y
    if y.ndim > 1 and y.dtype == object:  # rows of which NumPy can't sort: their codes can be
        rows = np.stack([np.unique(column, return_inverse=True)[1] for column in y.T], axis=1)
    elif times is None:  # much faster than with places
        different, times = np.unique(y, axis=0, return_counts=True)
        return different, times
    _, first, place = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return y[first], np.bincount(place.ravel(), times).astype(np.int64)
