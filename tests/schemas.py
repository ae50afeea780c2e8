"""Small tables of text and typed columns, and what a schema reads of them."""

from __future__ import annotations

import warnings

import numpy as np
import pyarrow as pa

from chainfit._tables.cells.schema import Hints, Schema, learn_schema


def text_table(**columns):
    """A table as a CSV file gives it: cells of text; one cell may stand for itself n times."""
    return pa.table({name: pa.array(list(cells), pa.string()) for name, cells in columns.items()})


def learn(cells, others=None, **hints):
    """The column that is learned of some cells of text, beside other columns."""
    table = text_table(c=cells, **(others or {}))
    return learn_schema(table, Hints(**hints)).columns[0]


def read(column, cells):
    """What a column reads of cells, text or a typed array."""
    array = (
        cells if isinstance(cells, (pa.Array, pa.ChunkedArray)) else pa.array(cells, pa.string())
    )
    return Schema((column,)).parse(pa.table({column.name: array}))[column.name]


def learn_and_read(cells, others=None, **hints):
    """A column, and the values of the cells that it was learned of, without a warning."""
    column = learn(cells, others, **hints)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return column, read(column, cells)


def same(one, other):
    """Equal bits, NaN for NaN."""
    assert one.dtype == other.dtype
    np.testing.assert_array_equal(one, other)
