"""Numbers and rows that are none: what stands for a missing value, and totals."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from schemas import read

from chainfit._tables.cells.hints import Hints
from chainfit._tables.cells.schema import learn_schema
from chainfit._tables.cells.target import learn_target
from chainfit._tables.cells.totals import total_row
from chainfit._tables.cells.unused import unused_hints


def test_a_number_for_missing_is_that_however_it_is_written():
    hints = Hints(na=["-999", "1900-01-01"])
    texts = pa.table({"c": ["1.5", "-999.0", "2.5", "-999", "-9.99e2"]})
    typed = pa.table({"c": [1.5, -999.0, 2.5, -999.0, -999.0]})
    for table in (texts, typed):
        (column,) = learn_schema(table, hints).columns
        for other in (texts, typed):
            values = column.read(other["c"]).values
            np.testing.assert_array_equal(values, [1.5, np.nan, 2.5, np.nan, np.nan])
        assert not column.read(texts["c"]).unread.rows
        assert unused_hints(table, Hints(na=["-999"])) == []
        assert len(unused_hints(table, Hints(na=["-998"]))) == 1
    days = [dt.date(2020, 1, 2), dt.date(1900, 1, 1), dt.date(2020, 1, 3)]
    for cells in (days, list(map(str, days))):
        (column,) = learn_schema(pa.table({"d": cells}), hints).columns
        assert np.isnan(column.read(pa.chunked_array([cells])).values).tolist() == [
            False,
            True,
            False,
        ]
        assert unused_hints(pa.table({"d": cells}), Hints(na=["1900-01-01"])) == []
    # a word for missing says nothing of another one for the same truth
    (column,) = learn_schema(pa.table({"b": ["yes", "no", "0"]}), Hints(na=["0"])).columns
    assert read(column, ["yes", "no", "0"]).tolist()[:2] == [1, 0]


@pytest.mark.parametrize("cells", [["1", "2", "-999.0", "1", "2"] * 9, [1.0, 2.0, -999.0] * 9])
def test_a_class_for_missing_is_none_however_it_is_written(cells):
    target = learn_target(pa.chunked_array([cells]), "y", "auto", Hints(na=["-999"]))
    assert len(target.classes) == 2
    assert (~target.known(target.parse(pa.chunked_array([cells])))).sum() == 9


def test_a_row_of_totals_is_told():
    table = pa.table(
        {
            "town": ["Bonn", "Rome", "Oslo", "Total"],
            "a": ["1.1", "2.2", "", "3.3"],
            "b": [4, 5, 6, 7],
        }
    )
    assert total_row(table).startswith(
        "the last row, 'Total', is the sum of the others in 'a': it is used"
    )
    for other in ("Toledo", "Totally"):
        cells = pa.array(["Bonn", "Rome", "Oslo", other])
        assert total_row(table.set_column(0, "town", cells)) == ""
    assert total_row(table.drop_columns(["a"])) == ""  # called so, but no sum
    assert total_row(table.slice(0, 3)) == ""
