"""Sources of tables: files of Parquet and text, datasets and record batches of Arrow.

Their blocks are Arrow tables. The tabular estimators take them as they are, others as numbers.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .._common.public import public_in
from .._estimators.source import Block, Source, check_buffer
from .._files.disk import AnyPath
from .cells.arrow import flat, pa, pc
from .files.dialect import FOUND_OUT, ReadOptions
from .files.table_file import open_table

Array = npt.NDArray[Any]


class TableSource(Source):
    """Blocks of a table, one column of which may be the target; not for direct use."""

    def __init__(
        self, target: str | None, sample_weight: str | None, buffer_rows: int | None
    ) -> None:
        if target is not None and target == sample_weight:
            raise ValueError(f"target and sample_weight are the same column, {target!r}.")
        self._target, self._weight = target, sample_weight
        self.buffer_rows = check_buffer(buffer_rows)

    @abstractmethod
    def _tables(self, numbers: Sequence[int] | None) -> Iterator[pa.Table]:
        """Yield the blocks, target and weights among their columns."""

    def blocks(self, numbers: Sequence[int] | None = None) -> Iterator[Block]:
        """Yield the blocks, as described in `Source.blocks`; X is a pyarrow.Table."""
        for table in self._tables(numbers):
            yield self._block(table)

    def _block(self, table: pa.Table) -> Block:
        check_columns(table.column_names, self._apart)
        y = None if self._target is None else _values(table.column(self._target))
        weight = None if self._weight is None else _values(table.column(self._weight))
        table = table.drop_columns(self._apart)
        return table, y, None if weight is None else weight.astype(np.float64)

    @property
    def _apart(self) -> list[str]:
        """Names of the columns that are no inputs."""
        return [name for name in (self._target, self._weight) if name is not None]

    def as_numbers(self, names: Sequence[str] | None = None) -> Source:
        """Return the same rows with arrays for X, of all columns or of those of these names."""
        return _Numbers(self, names)


class _Numbers(Source):
    """The rows of a table as arrays: what nets on plain arrays take."""

    def __init__(self, tables: TableSource, names: Sequence[str] | None) -> None:
        self._given, self._names = tables, names
        self.n_blocks, self.buffer_rows = tables.n_blocks, tables.buffer_rows

    def blocks(self, numbers: Sequence[int] | None = None) -> Iterator[Block]:
        for table, y, weight in self._given.blocks(numbers):
            if self._names is not None:
                self.feature_names = [*self._names]
                check_columns(table.column_names, self.feature_names)
            elif self.feature_names is None:
                self.feature_names = table.column_names
            else:
                check_like_first(table.column_names, self.feature_names)
            yield numbers_of(table.select(self.feature_names)), y, weight


def check_columns(there: Sequence[str], names: Iterable[str]) -> None:
    """Raise a ValueError where a table lacks one of these columns."""
    for name in names:
        if name not in there:
            shown = ", ".join(map(repr, there[:12])) + (", ..." if len(there) > 12 else "")
            raise ValueError(f"There is no column {name!r}; the table has {shown}.")


def check_like_first(there: Sequence[str], first: Sequence[str]) -> None:
    """Raise a ValueError where a block has other columns than the first; any order will do."""
    if sorted(there) != sorted(first):
        raise ValueError(f"its columns are {[*there]}, those of the first {[*first]}")


def _values(column: Any) -> Array:
    """Return a column as NumPy's: text as objects, missing numbers as NaN, other cells as None."""
    column = flat(column)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        coded = column.dictionary_encode()
        levels = np.array([*coded.dictionary.to_pylist(), None], dtype=object)
        return levels[pc.fill_null(coded.indices, len(levels) - 1).to_numpy(zero_copy_only=False)]
    values: Array = column.to_numpy(zero_copy_only=False)
    return values


def numbers_of(table: pa.Table) -> Array:
    """Return a table of numbers, as text or typed, as an array: float32 if all columns are."""
    small = all(field.type in (pa.float32(), pa.float16()) for field in table.schema)
    dtype, kind = (np.float32, pa.float32()) if small else (np.float64, pa.float64())
    X = np.empty((table.num_rows, table.num_columns), dtype)
    for i, name in enumerate(table.column_names):
        column = flat(table.column(name))
        try:
            if pa.types.is_string(column.type):
                column = pc.if_else(pc.equal(column, ""), None, column)  # an empty cell
            X[:, i] = column.cast(kind).to_numpy(zero_copy_only=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ValueError(
                f"column {name!r} does not hold numbers alone ({error}). Tables of all kinds are "
                "for TabularClassifier and TabularRegressor."
            ) from None
    return X


@public_in("chainfit.data")
class Files(TableSource):
    """Source of a table in files: Parquet, CSV or other delimited text.

    Parameters
    ----------
    path : str or path-like
        A file, or a pattern of several files of one kind such as ``data/*.parquet``, which are read
        in the order of their names; as in ``chainfit train``.

    target : str, default=None
        Name of the target's column; all others are inputs. None for prediction.

    sample_weight : str, default=None
        Name of a column of weights.

    buffer_rows : int, default=None
        Number of rows in a window, see `Source`.

    options : ReadOptions, default=None
        How to read text; None infers it.

    Attributes
    ----------
    notes : list of str
        Remarks about the files, such as lines above the header.

    Notes
    -----
    A block of Parquet is a row group, and these are read in random order. Text is read from the
    beginning, and its rows are shuffled within windows only: rows that are sorted, by class for
    instance, should be shuffled beforehand or written as Parquet.

    Examples
    --------
    >>> import pandas as pd
    >>> from chainfit import TabularRegressor, data
    >>> X = pd.DataFrame({"x": range(100), "town": ["Bonn", "Rome"] * 50})
    >>> X.assign(price=3.0 * X["x"]).to_csv("prices.csv", index=False)
    >>> model = TabularRegressor(random_state=0).fit(data.Files("prices.csv", target="price"))
    >>> model.score(X, 3.0 * X["x"]) > 0.9
    True
    >>> model.predict(data.Files("prices.csv")).shape
    (100,)
    """

    def __init__(
        self,
        path: AnyPath,
        target: str | None = None,
        *,
        sample_weight: str | None = None,
        buffer_rows: int | None = None,
        options: ReadOptions | None = None,
    ) -> None:
        super().__init__(target, sample_weight, buffer_rows)
        self._file = open_table(path, options or FOUND_OUT)
        check_columns(self._file.names, self._apart)
        self.n_blocks, self.notes = self._file.n_groups, self._file.notes

    def _tables(self, numbers: Sequence[int] | None) -> Iterator[pa.Table]:
        names = self._file.names
        if self.n_blocks is None:
            tables = self._file.blocks()
        else:
            wanted = range(self.n_blocks) if numbers is None else numbers
            tables = (self._file.group(number) for number in wanted)
        return (table.select(names) for table in tables)


@public_in("chainfit.data")
class Batches(TableSource):
    """Source of a table that Arrow reads in batches of rows.

    Parameters
    ----------
    batches : pyarrow.dataset.Dataset, pyarrow.Table, sequence, callable or Arrow stream
        The rows. A dataset is read by fragments (Parquet by row groups) in random order, and so are
        a table and a sequence of record batches. A callable takes no arguments and returns an
        iterable of batches, such as a new pyarrow.RecordBatchReader. Another object that exports an
        Arrow stream, such as a DuckDB relation, is asked for it each time.

    target : str, default=None
        Name of the target's column; all others are inputs. None for prediction.

    sample_weight : str, default=None
        Name of a column of weights.

    buffer_rows : int, default=None
        Number of rows in a window, see `Source`.

    Raises
    ------
    TypeError
        If `batches` yields its rows only once, as a RecordBatchReader does.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from chainfit import MLPRegressor, data
    >>> table = pa.table({"x": [i / 100 for i in range(100)], "y": [i / 50 for i in range(100)]})
    >>> source = data.Batches(table.to_batches(max_chunksize=20), target="y")
    >>> model = MLPRegressor(solver="lbfgs", random_state=0).fit(source)
    >>> model.score(table.select(["x"]), table["y"]) > 0.99
    True
    """

    def __init__(
        self,
        batches: Any,
        target: str | None = None,
        *,
        sample_weight: str | None = None,
        buffer_rows: int | None = None,
    ) -> None:
        super().__init__(target, sample_weight, buffer_rows)
        self._read: Callable[[Any], pa.Table] = _as_table
        if isinstance(batches, pa.Table):
            batches = batches.to_batches()
        elif hasattr(batches, "get_fragments"):
            schema = batches.schema  # which has the columns that folders stand for
            batches = [part for fragment in batches.get_fragments() for part in _parts(fragment)]
            self._read = lambda fragment: fragment.to_table(schema=schema)
        elif isinstance(batches, Iterator | pa.RecordBatchReader):
            raise TypeError(
                f"batches is a {type(batches).__name__}, which gives its rows only once, and "
                "training reads them more often: give a function that makes it."
            )
        elif hasattr(batches, "__arrow_c_stream__"):
            batches = partial(pa.RecordBatchReader.from_stream, batches)
        elif not (callable(batches) or isinstance(batches, Iterable)):
            raise TypeError(f"batches must be iterable or callable, got {type(batches).__name__}.")
        self._batches = batches
        if isinstance(batches, Sequence):
            self.n_blocks = len(batches)

    def _tables(self, numbers: Sequence[int] | None) -> Iterator[pa.Table]:
        given: Any = self._batches
        if numbers is not None:
            return (self._read(given[number]) for number in numbers)
        return map(self._read, given() if callable(given) else given)


def _parts(fragment: Any) -> list[Any]:
    """Return the groups of rows of a fragment, itself if it has none."""
    return fragment.split_by_row_group() if hasattr(fragment, "split_by_row_group") else [fragment]


def _as_table(batch: Any) -> pa.Table:
    return batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
