"""Tables of any make become the same Arrow table."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from chainfit._tables.cells.frames import as_table
from chainfit._tables.cells.schema import ColumnError, learn_schema

COLUMNS = {
    "n": [1.5, None, 3.0],
    "i": [1, 2, 3],
    "s": ["a", None, "b"],
    "b": [True, False, None],
    "d": [dt.date(2020, 1, 1), None, dt.date(2021, 8, 17)],
}


def makes():
    arrow = pa.table(COLUMNS)
    frames = {
        "dict": COLUMNS,
        "arrow": arrow,
        "batch": arrow.to_batches()[0],
        "pandas": pd.DataFrame(COLUMNS),
        "pandas of arrow": pd.DataFrame(COLUMNS).convert_dtypes(dtype_backend="pyarrow"),
        "pandas nullable": pd.DataFrame(COLUMNS).convert_dtypes(),
        "polars": pl.DataFrame(COLUMNS),
        "polars lazy": pl.LazyFrame(COLUMNS),
    }
    try:
        import duckdb
    except ImportError:
        return frames
    connection = duckdb.connect()
    connection.register("t", arrow)
    return {**frames, "duckdb": connection.sql("select * from t")}


@pytest.mark.parametrize("make", makes().items(), ids=lambda item: item[0])
def test_every_make_of_table_reads_alike(make):
    table = as_table(make[1])
    assert table.column_names == [*COLUMNS]
    expected = as_table(pa.table(COLUMNS))
    schema = learn_schema(expected)
    for name, values in schema.parse(table).items():
        np.testing.assert_array_equal(values, schema.parse(expected)[name])
    assert learn_schema(table) == schema


def test_arrays_have_numbered_columns():
    assert as_table(np.eye(2)).to_pydict() == {"x0": [1, 0], "x1": [0, 1]}
    assert as_table([[1, 2]], names=["a", "b"]).to_pydict() == {"a": [1], "b": [2]}
    mixed = np.array([[1, "a"], [2.0, None]], dtype=object)
    assert as_table(mixed).to_pydict() == {"x0": [1.0, 2.0], "x1": ["a", None]}
    assert as_table(pd.DataFrame(np.eye(2))).column_names == ["x0", "x1"]


def test_objects_of_mixed_types_are_text():
    frame = pd.DataFrame({"m": ["a", 1, 2.0, None, np.nan, True]})
    assert as_table(frame).to_pydict() == {"m": ["a", "1", "2", None, None, "True"]}


def test_integers_beyond_64_bits_are_read_as_their_text():
    table = as_table({"a": [2**70, 1, None] * 10})
    (column,) = learn_schema(table).columns
    assert column.kind == "number"
    np.testing.assert_array_equal(column.read(table["a"]).values[:3], [2.0**70, 1, np.nan])


def test_periods_and_categoricals_of_pandas():
    frame = pd.DataFrame(
        {
            "p": pd.period_range("2020-01", periods=3, freq="M"),
            "c": pd.Categorical(["a", "b", None]),
            "t": pd.to_timedelta([1, 2, 3], unit="D"),
            "z": pd.date_range("2020-01-01", periods=3, tz="Europe/Zurich"),
            "v": pd.interval_range(0, 3),
        }
    )
    kinds = [column.kind for column in learn_schema(as_table(frame)).columns]
    assert kinds == ["date", "category", "time", "date", "dropped"]


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros(3), ValueError, "Expected 2D array, got 1D array instead"),
        (np.zeros((2, 2, 2)), ValueError, "Expected 2D array, got 3D array instead"),
        (np.array([[1j]]), ColumnError, "column 'x0' holds complex numbers"),
        (pd.DataFrame([[1, 2]], columns=["a", 1]), TypeError, "string names"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), ColumnError, "several columns named 'a'"),
        ({"a": [1], 2: [1]}, TypeError, "string names"),
        # an Arrow stream since pandas 3, an array before
        (pd.Series([1.0, 2.0]), (TypeError, ValueError), "type Series|got 1D array"),
        ("text", ValueError, "Expected 2D array"),
        ({"a": 1}, ColumnError, "'a' must hold an array of values, got an object of type int"),
        ({"a": "text"}, ColumnError, "got an object of type str"),
        ({"a": {"b": 1}}, ColumnError, "got an object of type dict"),
        ({"a": np.ones((2, 1))}, ColumnError, "'a' must have one dimension, got 2"),
        ({"a": np.array(1.0)}, ColumnError, "'a' must have one dimension, got 0"),
        (None, ValueError, "Expected 2D array"),
    ],
)
def test_what_is_no_table_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        as_table(X)


def test_numbers_of_128_bits_are_refused():
    frame = pl.DataFrame({"a": pl.Series([1], dtype=pl.Int128)})
    with pytest.raises(TypeError, match="type DataFrame: "):
        as_table(frame)


def test_sparse_matrices_are_refused():
    import scipy.sparse

    for form in ("csr", "dok"):  # the latter is a mapping
        for sparse in (scipy.sparse.eye_array(3), scipy.sparse.eye(3)):
            with pytest.raises(TypeError, match="Sparse data was passed"):
                as_table(sparse.asformat(form))


def test_extension_types_and_runs_are_what_they_store():
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array([1.5, 2.5]))
    table = pa.table({"r": runs, "e": pa.array(["a", "b", None], pa.json_())})
    assert as_table(table).to_pydict() == {"r": [1.5, 1.5, 2.5], "e": ["a", "b", None]}
    kinds = [column.kind for column in learn_schema(as_table(table)).columns]
    assert kinds == ["number", "category"]
