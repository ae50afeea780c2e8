"""Tables of any make as Arrow tables: pandas, polars, Arrow, DuckDB, dicts of columns, arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..arrow import flat, nw, pa, pc
from .hints import ColumnError

# An interval of Arrow, and microseconds of a day.
_INTERVAL = np.dtype([("months", np.int32), ("days", np.int32), ("nanoseconds", np.int64)])
_DAY = 86_400 * 10**6
_MOST_DAYS = 10**8  # whose microseconds fit 64 bits


def is_array(X: Any) -> bool:
    """Whether X is an array, a list of rows, or sparse, and no table."""
    if isinstance(X, Mapping) or hasattr(X, "__arrow_c_stream__"):
        return False
    return nw.from_native(X, pass_through=True) is X


def has_numbers_for_names(X: Any) -> bool:
    """Whether X is a data frame of pandas whose columns are only numbered."""
    if not nw.dependencies.is_pandas_dataframe(X):
        return False
    return len(X.columns) > 0 and not any(isinstance(name, str) for name in X.columns)


def as_table(X: Any, names: Sequence[str] | None = None) -> pa.Table:
    """Return a table as Arrow's.

    Parameters
    ----------
    X : table of shape (rows, columns)
        pyarrow Table or RecordBatch, a data frame that narwhals knows (pandas, polars, DuckDB's
        relations ...) or that has Arrow's C interface, a dict of columns, or an array of two
        dimensions.
    names : sequence of str, default=None
        Names of an array's columns; None: x0, x1, ...

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    TypeError
        If it is no table, a column's name is no string, or Arrow has no such type.
    ValueError
        If an array does not have two dimensions, or a name stands twice.
    """
    if hasattr(X, "tocsr"):
        raise TypeError("Sparse data was passed, but a table of dense columns is required.")
    if isinstance(X, pa.Table):
        return _checked(X)
    if isinstance(X, pa.RecordBatch):
        return _checked(pa.Table.from_batches([X]))
    if isinstance(X, Mapping):
        _check_names([*X])
        return _checked(pa.table({name: _column(name, values) for name, values in X.items()}))
    if nw.dependencies.is_pandas_dataframe(X):
        return _of_pandas(X)
    frame = nw.from_native(X, pass_through=True)
    try:
        if isinstance(frame, nw.LazyFrame):
            frame = frame.collect("pyarrow")
        if isinstance(frame, nw.DataFrame):
            return _checked(frame.to_arrow())
        if hasattr(X, "__arrow_c_stream__"):
            return _checked(pa.table(X))
    except pa.ArrowInvalid as error:  # one column, 128 bits
        raise TypeError(f"A table of columns is required, got {_named(X)}: {error}") from None
    return _of_array(X, names)


def _checked(table: pa.Table) -> pa.Table:
    _check_names(table.column_names)
    columns = [_plain(column) for column in table.columns]
    if all(one is other for one, other in zip(columns, table.columns, strict=True)):
        return table
    return pa.table(dict(zip(table.column_names, columns, strict=True)))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as what an extension type stores, runs are short for, or intervals last."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
    if pa.types.is_run_end_encoded(column.type):
        chunks = [pc.run_end_decode(chunk) for chunk in column.chunks]
        column = pa.chunked_array(chunks, column.type.value_type)
    return _durations(column) if pa.types.is_interval(column.type) else column


def _durations(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return intervals, as DuckDB has them, as durations; as they are if any has months."""
    if column.null_count == len(column):
        return pa.chunked_array([pa.nulls(len(column), pa.duration("us"))])
    cells = flat(column)
    missing = np.asarray(cells.is_null())
    parts = np.frombuffer(cells.buffers()[1], _INTERVAL)[cells.offset :][: len(cells)]
    days = np.where(missing, 0, parts["days"]).astype(np.int64)
    if parts["months"][~missing].any() or np.abs(days).max() > _MOST_DAYS:
        return column
    microseconds = days * _DAY + parts["nanoseconds"] // 1000
    return pa.chunked_array([pa.array(microseconds, pa.duration("us"), mask=missing)])


def _check_names(names: Sequence[Any]) -> None:
    if not all(isinstance(name, str) for name in names):
        types = sorted({type(name).__qualname__ for name in names})
        raise TypeError(
            "Feature names are only supported if all input features have string names, but your "
            f"input has {types} as feature name / column name types."
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise ColumnError(f"the table has several columns named {twice!r}")


def _of_pandas(frame: Any) -> pa.Table:
    names = list(frame.columns)
    if names and not any(isinstance(name, str) for name in names):
        names = [f"x{i}" for i in range(len(names))]  # numbered, so without names
    _check_names(names)
    columns = [_column(name, frame.iloc[:, i]) for i, name in enumerate(names)]
    return pa.table(dict(zip(names, columns, strict=True)))


def _of_array(X: Any, names: Sequence[str] | None) -> pa.Table:
    array = np.asarray(X)
    if array.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {array.ndim}D array instead. Reshape your data either using "
            "array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) if "
            "it contains a single sample."
        )
    names = [f"x{i}" for i in range(array.shape[1])] if names is None else list(names)
    columns = [_column(name, array[:, i]) for i, name in enumerate(names)]
    return pa.table(dict(zip(names, columns, strict=True)))


def _column(name: str, values: Any) -> Any:
    """Return a column as Arrow's, objects of mixed types as text."""
    _check_values(name, values)
    if hasattr(values, "dtype") and getattr(values.dtype, "kind", "") == "c":
        raise ColumnError(f"column {name!r} holds complex numbers")
    if type(values).__module__.startswith("pandas") and str(values.dtype).startswith("period"):
        values = values.dt.to_timestamp()
    try:
        column = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        column = pa.array([_text(value) for value in values], pa.string())
    return _plain(column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column]))


def _check_values(name: str, values: Any) -> None:
    """Refuse what is no column: one value, or several columns."""
    if not isinstance(values, Iterable) or isinstance(values, str | bytes | Mapping):
        raise ColumnError(f"column {name!r} must hold an array of values, got {_named(values)}")
    if (dimensions := getattr(values, "ndim", 1)) != 1:
        raise ColumnError(f"column {name!r} must have one dimension, got {dimensions}")


def _named(value: Any) -> str:
    return f"an object of type {type(value).__name__}"


def _text(value: Any) -> str | None:
    """Text of one of several values of mixed types."""
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
