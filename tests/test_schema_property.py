"""Random typed tables, written in random marks: the same values, whole, in part, row by row."""

from __future__ import annotations

import datetime as dt
import json
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from schemas import same

from chainfit._tables.cells.frames import as_table
from chainfit._tables.cells.schema import Schema, learn_schema

ROWS = 40
MISSING = ("", "NA", "-", "n/a", "NULL", "None", "?")
DATES = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%b-%Y", "%b %d, %Y", "%Y/%m/%d")
CLOCKS = ("", " %H:%M:%S", " %I:%M:%S %p", "T%H:%M:%S", " %H:%M:%S.%f")
BOOLEANS = (("TRUE", "FALSE"), ("true", "false"), ("yes", "no"), ("T", "F"), ("Yes", "No"))
LEVELS = (
    "1.10",
    "007",
    "TRUE",
    "true",
    "a b",
    "é",
    "x,y",
    "None of it",
    " lead",
    "a\nb",
    "1e5x",
    "u",
)


@st.composite
def numbers(draw):
    """Values, and how they are written."""
    decimal, thousands = draw(
        st.sampled_from([(d, t) for d in ".," for t in ("", ",", ".", " ", "'") if d != t])
    )
    before, after = draw(
        st.sampled_from([("", ""), ("€", ""), ("$ ", ""), ("", "%"), ("", " EUR"), ("", " ‰")])
    )
    places = draw(st.sampled_from([0, 1, 2, 4]))
    size = draw(st.sampled_from([1, 100, 10**7]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = np.round(rng.normal(size=ROWS) * size, places) + 0.0
    if places:
        values[0] = -1234567.5  # every mark is in the column, as it is in long ones
        values[1] = 0.5

    def write(value):
        text = f"{abs(value):,.{places}f}"
        text = text.replace(",", "\0").replace(".", decimal).replace("\0", thousands)
        return f"{'-' if value < 0 else ''}{before}{text}{after}"

    values = np.array([float(f"{value:.{places}f}") for value in values])
    return pa.array(values), [write(value) for value in values.tolist()]


@st.composite
def dates(draw):
    format, clock = draw(st.sampled_from(DATES)), draw(st.sampled_from(CLOCKS))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    moments = [
        dt.datetime(1990, 1, 25) + dt.timedelta(days=int(day), milliseconds=int(part))
        for day, part in zip(
            rng.integers(0, 15000, ROWS), rng.integers(0, 864 * 10**5, ROWS), strict=True
        )
    ]
    moments[0] = dt.datetime(1990, 1, 25)
    texts = [moment.strftime(format + clock) for moment in moments]
    moments = [dt.datetime.strptime(text, format + clock) for text in texts]
    return pa.array(moments), texts


@st.composite
def booleans(draw):
    yes, no = draw(st.sampled_from(BOOLEANS))
    values = draw(st.lists(st.booleans(), min_size=ROWS, max_size=ROWS))
    values[:2] = True, False
    return pa.array(values), [yes if value else no for value in values]


@st.composite
def levels(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.choice(LEVELS, ROWS).tolist()
    return pa.array(values), values


COLUMN = st.one_of(numbers(), dates(), booleans(), levels())


@st.composite
def tables(draw):
    """A typed table, and the same one as a file of text has it, with gaps in each."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    typed, text = {}, {}
    for i, (array, cells) in enumerate(draw(st.lists(COLUMN, min_size=1, max_size=5))):
        name = f"c{i}"
        gaps = rng.random(ROWS) < draw(st.sampled_from([0, 0.2]))
        gaps[:2] = False
        word = draw(st.sampled_from(MISSING))
        if pa.types.is_string(array.type) or pa.types.is_boolean(array.type):
            word = ""  # a word would be a level
        typed[name] = pa.array(array.to_pylist(), array.type, mask=gaps)
        text[name] = [word if gap else cell for gap, cell in zip(gaps, cells, strict=True)]
    return pa.table(typed), pa.table(text)


def parse(schema, table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return schema.parse(as_table(table))


def check_same(schema, table, expected):
    found = parse(schema, table)
    assert found.keys() == expected.keys()
    for name, values in found.items():
        same(values, expected[name])


@settings(max_examples=40, deadline=None)
@given(pair=tables(), at=st.integers(0, ROWS - 1))
def test_the_same_values_from_everywhere(pair, at):
    typed, text = pair
    schema = learn_schema(text)
    saved = Schema.from_json(json.loads(json.dumps(schema.to_json())))
    by_type = learn_schema(typed)
    kinds = {column.name: column.kind for column in by_type.columns}
    assert {column.name: column.kind for column in schema.columns} == kinds
    whole = parse(saved, text)
    by_type_values = parse(by_type, typed)
    for name, values in whole.items():
        same(values, by_type_values[name])  # levels are sorted, so codes agree as well
    pandas = text.to_pandas()
    for table in (
        text,
        typed,
        pandas,
        typed.to_pandas(),
        pl.from_arrow(text),
        pl.from_arrow(typed),
    ):
        check_same(saved, table, whole)
    check_same(saved, pandas[["c0", *pandas.columns[1:][::-1]]], whole)
    few = {name: values[at : at + 1] for name, values in whole.items()}
    check_same(saved, text.slice(at, 1), few)
    check_same(saved, typed.slice(at, 1), few)
    check_same(saved, pandas.iloc[at : at + 1], few)
    part = {name: values[at:] for name, values in whole.items()}
    check_same(saved, text.slice(at), part)
    check_same(saved, pd.DataFrame(pandas.iloc[at:]).astype(object), part)
