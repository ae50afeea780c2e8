"""Typed columns of a table, and numbers in text: they are read alike, to the bit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from schemas import learn, read, same, text_table

from chainfit._tables.cells.schema import (
    NumberColumn,
    learn_schema,
)


@pytest.mark.parametrize(
    "text", ["0.1", "1e-5", "123456789012345678", "5e-324", "-0.0", ".3", "7."]
)
def test_numbers_of_text_have_the_bits_that_float_gives(text):
    column = NumberColumn("c")
    expected = np.array([float(text)])
    same(read(column, [text]), expected)
    same(read(column, pa.array([float(text)])), expected)
    same(read(NumberColumn("c", learn(["0,5", "0,7"]).format), [text.replace(".", ",")]), expected)


def test_infinite_numbers_are_missing_and_named():
    column = learn(["1", "2"])
    for cells in (["1", "inf", "1e400"], pa.array([1.0, np.inf, -np.inf])):
        with pytest.warns(UserWarning, match="'(inf|1e400)'"):
            np.testing.assert_array_equal(read(column, cells), [1, np.nan, np.nan])


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1, None, 5], pa.int8()),
        pa.array([1, None, 5], pa.uint64()),
        pa.array([1, None, 5], pa.float32()),
        pa.array([1, np.nan, 5], pa.float64()),
        pa.array(["1", None, "5"], pa.large_string()),
        pa.array(["1", "", " 5 "], pa.string_view()),
        pa.array(["1", None, "5"]).dictionary_encode(),
        pa.array([1, None, 5]).dictionary_encode(),
        pa.array([1, None, 5], pa.duration("s")).cast(pa.int64()),
    ],
    ids=lambda array: str(array.type),
)
def test_every_type_of_numbers_reads_alike(array):
    same(read(learn(["1", "2"]), array), np.array([1, np.nan, 5]))


def test_decimals_are_read_exactly_and_spans_of_time_are_days():
    from decimal import Decimal

    texts = ["0.1", "123456789.123456789", "-7.3"]
    array = pa.array([Decimal(text) for text in texts])
    same(read(NumberColumn("c"), array), np.array([float(text) for text in texts]))
    for unit, second in {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}.items():
        spans = pa.array([86_400 * second, 43_200 * second, None], pa.duration(unit))
        (column,) = learn_schema(pa.table({"c": spans})).columns
        same(read(column, spans), np.array([1, 0.5, np.nan]))


def test_a_typed_value_is_the_level_that_it_is_written_as():
    column = learn(["7", "8", "x", "y", "z", "TRUE", "1.5", "9.0"] * 2)
    place = {level: code for code, level in enumerate(column.levels)}
    assert read(column, pa.array([7, 8, None])).tolist() == [place["7"], place["8"], -1]
    assert read(column, pa.array([9, 7])).tolist() == [place["9.0"], place["7"]]
    assert read(column, pa.array([1.5, 7.0, np.nan])).tolist() == [place["1.5"], place["7"], -1]
    codes = learn(["007", "042", "42", "1.50", "a", "b", "c", "d"] * 2)
    with pytest.warns(UserWarning, match="'8'"):  # what another reader made of the file
        found = read(codes, pa.array([7, 42, 8, 1.5]))
    assert [codes.levels[code] if code >= 0 else code for code in found] == [
        "007",
        "42",
        -2,
        "1.50",
    ]
    with pytest.warns(UserWarning, match="'False'"):
        assert read(column, pa.array([True, False])).tolist() == [place["TRUE"], -2]


def test_categories_of_numbers_are_categories_and_ordered_ones_keep_their_order():
    import pandas as pd

    from chainfit._tables.cells.frames import as_table

    frame = pd.DataFrame(
        {
            "n": pd.Categorical([3, 1, 3]),
            "o": pd.Categorical(["hi", "lo", "hi"], ["lo", "mid", "hi"], ordered=True),
        }
    )
    n, o = learn_schema(as_table(frame)).columns
    assert n.levels == ("1", "3") and o.levels == ("lo", "hi")
    assert read(n, ["3", "1"]).tolist() == read(n, pa.array([3, 1])).tolist() == [1, 0]


def test_many_rows_and_few_read_alike():
    rng = np.random.default_rng(0)
    cells = [f"{v:.2f}" for v in rng.normal(size=30)] + ["", "-"]
    table = text_table(
        few=rng.choice(cells, 3000),
        many=[f"{v!r}" for v in rng.normal(size=3000).tolist()],
        day=rng.choice(["02-Jan-2020", "03-Feb-2021 5:30 PM", "?"], 3000),
        level=rng.choice(["a", "b", ""], 3000),
    )
    schema = learn_schema(table)
    assert [column.kind for column in schema.columns] == ["number", "number", "date", "category"]
    whole = schema.parse(table)
    for at in (slice(0, 1), slice(17, 40), slice(2990, 3000), slice(1024, 2999)):
        part = schema.parse(table.slice(at.start, at.stop - at.start))
        for name, values in whole.items():
            same(part[name], values[at])
