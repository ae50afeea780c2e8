"""Sources: rows in blocks, as often as they are asked for, so that memory need not hold them all.

Those of arrays and of the user's own chunks. Another kind of data is one more Source.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any, ClassVar

import scipy.sparse as sp
from sklearn.utils import check_consistent_length, check_scalar
from sklearn.utils.validation import _num_samples

from .._common.public import public_in
from .sparse import check_sparse

#: X, y and sample_weight of a block. The weights may be None, and y where it is predicted.
Block = tuple[Any, Any, Any]

# Rows of a block of arrays: a few megabytes to read at a time, and many blocks to shuffle.
_BLOCK_ROWS = 1 << 14


@public_in("chainfit.data")
class Source(ABC):
    """Base class of data larger than memory, read in blocks of rows: the X of `fit` and `predict`.

    Each epoch visits the blocks in random order, if they can be read in any order, and shuffles the
    rows within windows of `buffer_rows`. If one window holds all rows, the fit equals that of the
    rows in memory, bit for bit.

    A class of your own defines `blocks`, and `n_blocks` if its blocks can be read in any order.

    Attributes
    ----------
    n_blocks : int or None
        Number of blocks; None if they come in one order only.

    buffer_rows : int or None
        Maximum number of rows in a window; None means as many as take 128 MB as inputs of the nets.
        Up to three windows exist at a time: one in use, one being prepared, and one that is being
        filled from blocks.

    See Also
    --------
    Arrays : Arrays, memory maps and sparse matrices.
    Chunks : Sequences, iterables and generator functions of (X, y).
    Files : Parquet and CSV files.
    Batches : Datasets and record batches of pyarrow.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import MLPRegressor, data
    >>> class Line(data.Source):
    ...     n_blocks = 4
    ...
    ...     def blocks(self, numbers=None):
    ...         for number in range(4) if numbers is None else numbers:
    ...             x = np.linspace(number, number + 1, 50)
    ...             yield x[:, np.newaxis], 2 * x, None
    >>> model = MLPRegressor(random_state=0, learning_rate_init=0.01).fit(Line())
    >>> abs(model.predict([[2.0]])[0] - 4) < 0.1
    np.True_
    """

    n_blocks: int | None = None
    buffer_rows: int | None = None
    #: What is known already of its rows, a Survey: of inputs that were made of another source.
    known: Any = None
    #: Names of the features, where blocks are arrays that were made of a table.
    feature_names: Sequence[str] | None = None

    @abstractmethod
    def blocks(self, numbers: Sequence[int] | None = None) -> Iterator[Block]:
        """Yield the blocks.

        Parameters
        ----------
        numbers : sequence of int, default=None
            Numbers of the blocks to yield, in this order; None means all. Used only if there is an
            `n_blocks`.

        Yields
        ------
        block : tuple
            X of shape (rows, n_features), y of shape (rows,) or (rows, n_outputs), and
            sample_weight of shape (rows,) or None. Blocks may differ in their number of rows; each
            must be the same every time. For prediction, y may be None. An iterator may reuse its
            arrays for the next block. Several nets of a tabular model read the blocks concurrently,
            each with its own iterator.

        Examples
        --------
        >>> from chainfit import data
        >>> source = data.Arrays([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0], block_rows=2)
        >>> [len(X) for X, y, sample_weight in source.blocks()]
        [2, 1]
        """

    def as_numbers(self, names: Sequence[str] | None = None) -> Source:
        """Return a source of the same rows whose X are arrays, not tables.

        Parameters
        ----------
        names : sequence of str, default=None
            The columns of a table that become features, in this order; None means all.

        Returns
        -------
        source : Source
            The source, which is this one if its X are arrays.

        Examples
        --------
        >>> from chainfit import data
        >>> source = data.Arrays([[0.0], [1.0]], [0.0, 1.0])
        >>> source.as_numbers() is source
        True
        """
        return self


@contextmanager
def naming(number: int) -> Iterator[None]:
    """Say of an error in a block which block it is in; they are counted from 0."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if type(error) not in (ValueError, TypeError):  # which may not be made of a text
            raise
        raise type(error)(f"block {number}: {error}") from error


def numbered(source: Source) -> Iterator[tuple[int, Block]]:
    """Yield all blocks with their numbers, which errors in reading name too.

    Raises
    ------
    TypeError
        If a block is no tuple of X, y and sample_weight; the text names it.
    ValueError
        If there are not as many as the source says.
    """
    number, blocks = 0, iter(source.blocks())
    while True:
        with naming(number):
            try:
                block = next(blocks)
            except StopIteration:
                break
            if not isinstance(block, tuple | list) or len(block) != 3:
                found = type(block).__name__
                found += f" of {len(block)}" if isinstance(block, tuple | list) else ""
                raise TypeError(f"A block must be a tuple (X, y, sample_weight), got {found}.")
        yield number, (block[0], block[1], block[2])
        number += 1
    if source.n_blocks is not None and source.n_blocks != number:
        raise ValueError(
            f"The source has {number} blocks, and n_blocks={source.n_blocks}: both must be the "
            "same, or n_blocks None."
        )


def check_weighted(weight: Any, weighted: bool) -> None:
    """Raise a ValueError where the weights of a block are there and those of the first are not."""
    if (weight is not None) != weighted:
        raise ValueError("sample_weight must be there in all blocks, or in none.")


def check_rows(name: str, rows: Any) -> int:
    """Return a number of rows, or refuse it."""
    return int(check_scalar(rows, name, Integral, min_val=1))


def check_buffer(buffer_rows: Any) -> int | None:
    """Return the number of rows, or refuse it."""
    return None if buffer_rows is None else check_rows("buffer_rows", buffer_rows)


@public_in("chainfit.data")
class Arrays(Source):
    """Source of arrays that need not be in memory, such as memory maps.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The inputs: a `numpy.memmap`, or anything that can be sliced, such as an h5py or zarr array.
        A sparse matrix is read as CSR.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        The targets; None for prediction.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows; None means 1 for each.

    block_rows : int, default=16384
        Number of rows read at a time.

    buffer_rows : int, default=None
        Number of rows in a window, see `Source`.

    Raises
    ------
    ValueError
        If the arrays have different numbers of rows, or a sparse matrix is corrupt.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import MLPRegressor, data
    >>> X = np.random.default_rng(0).standard_normal((1000, 3)).astype(np.float32)
    >>> source = data.Arrays(X, X[:, 0], block_rows=64, buffer_rows=256)
    >>> model = MLPRegressor(learning_rate_init=0.02, random_state=0).fit(source)
    >>> model.score(X, X[:, 0]) > 0.9
    True
    """

    def __init__(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        block_rows: int = _BLOCK_ROWS,
        buffer_rows: int | None = None,
    ) -> None:
        check_consistent_length(X, y, sample_weight)
        check_sparse(X)  # before SciPy converts or cuts it, which follows any index
        check_sparse(y, "y")
        X, y = (part.tocsr() if sp.issparse(part) else part for part in (X, y))
        self._arrays = X, y, sample_weight
        self._rows, self._step = _num_samples(X), check_rows("block_rows", block_rows)
        self.n_blocks = -(-self._rows // self._step)
        self.buffer_rows = check_buffer(buffer_rows)

    def blocks(self, numbers: Sequence[int] | None = None) -> Iterator[Block]:
        """Yield the blocks, as described in `Source.blocks`."""
        assert self.n_blocks is not None
        for number in range(self.n_blocks) if numbers is None else numbers:
            rows = slice(number * self._step, (number + 1) * self._step)
            X, y, weight = self._arrays
            yield _rows_of(X, rows), _rows_of(y, rows), _rows_of(weight, rows)


def _rows_of(data: Any, rows: slice) -> Any:
    if data is None:
        return None
    return data.iloc[rows] if hasattr(data, "iloc") else data[rows]


@public_in("chainfit.data")
class Chunks(Source):
    """Source of rows in chunks, which can be iterated over repeatedly.

    Parameters
    ----------
    chunks : sequence, iterable or callable
        The chunks, tuples (X, y) or (X, y, sample_weight). For prediction, y may be None. The
        chunks of a sequence, which has `len` and can be indexed, are taken in random order. A
        callable takes no arguments and returns an iterable: a generator function, for instance.

    buffer_rows : int, default=None
        Number of rows in a window, see `Source`.

    Raises
    ------
    TypeError
        If `chunks` is an iterator, such as a generator, which yields its rows only once.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import MLPClassifier, data
    >>> def chunks():
    ...     for seed in range(5):
    ...         X = np.random.default_rng(seed).standard_normal((200, 2))
    ...         yield X, X[:, 0] > X[:, 1]
    >>> model = MLPClassifier(learning_rate_init=0.02, tol=0.001, random_state=0)
    >>> model = model.fit(data.Chunks(chunks, buffer_rows=400))
    >>> model.classes_
    array([False,  True])
    """

    #: For messages.
    _WHAT: ClassVar = "a tuple (X, y) or (X, y, sample_weight)"

    def __init__(
        self,
        chunks: Sequence[Any] | Iterable[Any] | Callable[[], Iterable[Any]],
        *,
        buffer_rows: int | None = None,
    ) -> None:
        if isinstance(chunks, Iterator):
            raise TypeError(
                f"chunks is a {type(chunks).__name__}, which gives its rows only once, and training"
                " reads them more often: give the function that made it, a list, or an object with "
                "an __iter__ that begins anew."
            )
        if not (callable(chunks) or isinstance(chunks, Iterable)):
            raise TypeError(f"chunks must be iterable or callable, got {type(chunks).__name__}.")
        self._chunks = chunks
        if isinstance(chunks, Sequence):
            self.n_blocks = len(chunks)
        self.buffer_rows = check_buffer(buffer_rows)

    def blocks(self, numbers: Sequence[int] | None = None) -> Iterator[Block]:
        """Yield the blocks, as described in `Source.blocks`."""
        given: Any = self._chunks
        if numbers is not None:
            chunks = (given[number] for number in numbers)
        else:
            chunks = given() if callable(given) else given
        for chunk in chunks:
            if not isinstance(chunk, tuple | list):
                raise TypeError(f"A chunk must be {self._WHAT}, got {type(chunk).__name__}.")
            if len(chunk) not in (2, 3):
                found = f"{type(chunk).__name__} of {len(chunk)}"
                raise TypeError(f"A chunk must be {self._WHAT}, got a {found}.")
            yield chunk[0], chunk[1], chunk[2] if len(chunk) == 3 else None
