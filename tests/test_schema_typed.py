"""Typed columns of a table, and numbers in text: they are read alike, to the bit."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from schemas import learn, read, same, text_table

from chainfit._tables.cells.frames import as_table
from chainfit._tables.cells.schema import ColumnError, NumberColumn, learn_schema
from chainfit._tables.files.output import _texts


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


def test_decimals_are_read_exactly():
    from decimal import Decimal

    texts = ["0.1", "123456789.123456789", "-7.3"]
    array = pa.array([Decimal(text) for text in texts])
    same(read(NumberColumn("c"), array), np.array([float(text) for text in texts]))


UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@pytest.mark.parametrize("unit", UNITS)
def test_durations_are_seconds_typed_and_in_text(unit):
    most = np.iinfo(np.int64).max // 10**9 if unit != "ns" else 9 * 10**9  # in ns it must fit
    seconds = np.array([0, 5400, -5400, 86_400, -86_399, 131_400, 3 * 10**9])
    spans = pa.array([*(seconds * UNITS[unit]).tolist(), None], pa.duration(unit))
    (column,) = learn_schema(pa.table({"c": spans})).columns
    assert column.kind == "time"
    same(read(column, spans), np.array([*seconds, np.nan]))
    texts = _texts(spans).to_pylist()
    assert texts[1:6] == ["1:30:00", "-1 day 22:30:00", "1 day 0:00:00", "-1 day 0:00:01",
                          "1 day 12:30:00"]  # fmt: skip
    same(read(column, texts), np.array([*seconds, np.nan]))
    assert learn(texts).kind == "time"
    long = pa.array([most * UNITS[unit]], pa.duration(unit))
    same(read(column, long), np.array([float(most)]))


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("0 days 01:30:00.5", 5400.5),  # pandas
        ("-1 days +22:30:00", -5400),
        ("1 day, 12:30:00", 131_400),  # Python
        ("-01:30:00", -5400),  # DuckDB
        ("-1 day -03:00:00", -97_200),
        ("2 days", 172_800),
        ("36:30", 131_400),
    ],
)
def test_durations_as_others_write_them(text, seconds):
    column = learn(["1:30:00", "2:00:00"])
    same(read(column, [text]), np.array([float(seconds)]))


def test_texts_that_are_no_durations():
    column = learn(["1:30:00", "2:00:00"])
    for text in ("1 days 30", "days 1:30", "1.5 days", "1 day 1 day", "--1:30", "1:30 days"):
        with pytest.raises(ColumnError, match="nothing can be read as a time"):
            read(column, [text])


def test_durations_of_random_lengths_have_equal_bits_typed_and_in_text():
    ticks = np.random.default_rng(0).integers(-(10**18), 8 * 10**18, 300)
    for unit in ("ns", "us"):
        spans = pa.array(ticks // (10**9 // UNITS[unit]), pa.duration(unit))
        (column,) = learn_schema(pa.table({"c": spans})).columns
        same(read(column, spans), read(column, _texts(spans)))


def test_intervals_of_duckdb_are_durations_if_they_have_no_months():
    relation = duckdb.sql(
        "SELECT INTERVAL '36 hours 30 minutes' a, TIMESTAMP '2020-01-02' - TIMESTAMP '2020-01-01' b"
        " UNION ALL SELECT -INTERVAL '90 minutes', NULL UNION ALL SELECT NULL, INTERVAL 3 DAYS"
    )
    table = as_table(relation)
    schema = learn_schema(table)
    values = schema.parse(table)
    np.testing.assert_array_equal(values["a"], [131_400, -5400, np.nan])
    np.testing.assert_array_equal(values["b"], [86_400, np.nan, 3 * 86_400])
    none = as_table(duckdb.sql("SELECT NULL::INTERVAL a, INTERVAL 1 DAY b"))
    np.testing.assert_array_equal(schema.parse(none)["a"], [np.nan])
    months = learn_schema(as_table(duckdb.sql("SELECT INTERVAL 1 YEAR c")))
    assert months.left_out == ["'c': it holds values of type month_day_nano_interval"]


def test_numbers_of_days_take_durations_as_days():
    """As a model that learned durations as such had them."""
    column = learn(["1 days", "2 days"])
    assert column.kind == "number"
    for unit, second in UNITS.items():
        spans = pa.array([86_400 * second, 43_200 * second, None], pa.duration(unit))
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
