"""One model, its rows written in random dialects: equal bits of predictions from everywhere."""

from __future__ import annotations

import csv
import io
import warnings

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_schema_property import ROWS, tables

import chainfit
from chainfit._tables.files.dialect import ReadOptions
from chainfit._tables.files.table_file import open_table

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16")


@st.composite
def dialects(draw):
    """How a table of text is written."""
    return {
        "delimiter": draw(st.sampled_from(",;\t|")),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"])),
        "encoding": draw(st.sampled_from(ENCODINGS)),
    }


def write(path, table, delimiter, quoting, lineterminator, encoding):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=lineterminator)
    writer.writerow(table.column_names)
    writer.writerows(zip(*table.to_pydict().values(), strict=True))
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def read(path, rows=None, like=None):
    with open_table(path, ReadOptions(), like) as file:
        return list(file.blocks(rows)) if rows else file.read()


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    pair=tables(),
    first=dialects(),
    second=dialects(),
    rows=st.integers(1, ROWS),
    at=st.integers(0, ROWS - 1),
)
def test_a_row_is_predicted_alike_wherever_it_comes_from(pair, first, second, rows, at, tmp_path):
    typed, text = pair
    # A column of its own: a single one has no delimiter to be found out.
    extra = pa.array(np.arange(ROWS) % 7 + 0.5)
    typed, text = typed.append_column("x", extra), text.append_column("x", extra.cast(pa.string()))
    trained = write(tmp_path / "train.csv", text, **first)
    with open_table(trained) as file:
        table, dialect = file.read(), file.dialect
    assert table.to_pydict() == text.to_pydict()
    y = np.random.default_rng(0).normal(size=ROWS)
    model = chainfit.TabularRegressor(
        preset="fast", hidden_layer_sizes=(8,), max_iter=2, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged; nothing to learn from
        model.fit(table, y)
    model.save(tmp_path / "model.safetensors")
    model = chainfit.load(tmp_path / "model.safetensors")
    expected = model.predict(text)

    def check(table, expected=expected):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_array_equal(model.predict(table), expected)

    other = write(tmp_path / "other.csv", text, **second)
    check(read(other))
    check(read(other, like=dialect))
    blocks = read(trained, rows, dialect)
    np.testing.assert_array_equal(
        np.concatenate([model.predict(block) for block in blocks]), expected
    )
    pq.write_table(typed, tmp_path / "typed.parquet")
    check(read(tmp_path / "typed.parquet", like=dialect))
    check(typed.to_pandas())
    check(text.to_pandas())
    check(pl.from_arrow(typed))
    check(text.slice(at, 1), expected[at : at + 1])
    alone = write(tmp_path / "alone.csv", text.slice(at, 1), **first)
    check(read(alone, like=dialect), expected[at : at + 1])
    part = write(tmp_path / "part.tsv", text.slice(at), **{**second, "delimiter": "\t"})
    check(read(part, like=dialect), expected[at:])
