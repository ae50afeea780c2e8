"""Tables in files: any dialect gives the cells as they are written."""

from __future__ import annotations

import csv
import gzip
import io
import os
import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables_in_files import opened, read, write

from chainfit._files.fields import ModelFileError
from chainfit._tables.cells.schema import learn_and_read
from chainfit._tables.files.dialect import Dialect, ReadOptions
from chainfit._tables.files.table_file import open_table


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- dialects


@pytest.mark.parametrize(
    ("text", "delimiter", "columns"),
    [
        ("x,y\n1,a\n", ",", {"x": ["1"], "y": ["a"]}),
        ("x;y\n0,5;a, b\n1,5;c\n", ";", {"x": ["0,5", "1,5"], "y": ["a, b", "c"]}),
        ("x1;x2;p\n0,1;8,9;7,5\n-0,1;1,7;3,6\n", ";", {"x1": ["0,1", "-0,1"], "x2": ["8,9", "1,7"],
                                                     "p": ["7,5", "3,6"]}),
        ("x\ty\n1\t2;3\n", "\t", {"x": ["1"], "y": ["2;3"]}),
        ("x|y\n1|2,5\n3|4,5\n", "|", {"x": ["1", "3"], "y": ["2,5", "4,5"]}),
        ("sep=;\r\nx;y\r\n1;2\r\n", ";", {"x": ["1"], "y": ["2"]}),
        ("sep=,\nx,y\n1,2\n", ",", {"x": ["1"], "y": ["2"]}),
        ('x,y\n"a ""b""","c\nd"\n', ",", {"x": ['a "b"'], "y": ["c\nd"]}),
        ('x,y\n1,"a\rb"\n', ",", {"x": ["1"], "y": ["a\rb"]}),
        ("'x','y'\n'1,5','a'\n'2','b'\n", ",", {"x": ["1,5", "2"], "y": ["a", "b"]}),
        ('x,y\n1,"a\\"b"\n3,4\n', ",", {"x": ["1", "3"], "y": ['a"b', "4"]}),
        ('x,y\n1,5" pipe\n2,a\n', ",", {"x": ["1", "2"], "y": ['5" pipe', "a"]}),
        ("x,y\n1, a \n,\n", ",", {"x": ["1", ""], "y": [" a ", ""]}),
        ('x,y\n"",a\n,b\n', ",", {"x": ["", ""], "y": ["a", "b"]}),
        ("x,y\n1,2\n\n3,4\n\n", ",", {"x": ["1", "3"], "y": ["2", "4"]}),
        ("x,y\r1,2\r3,4\r", ",", {"x": ["1", "3"], "y": ["2", "4"]}),
        ("x,y\n1,2\r\n3,4\n", ",", {"x": ["1", "3"], "y": ["2", "4"]}),
        ("x,y\n1,2\n3,4", ",", {"x": ["1", "3"], "y": ["2", "4"]}),
        ("x,y\n", ",", {"x": [], "y": []}),
        ("c,2019,2020\nF,1.5,2\nG,2,3\n", ",", {"c": ["F", "G"], "2019": ["1.5", "2"],
                                              "2020": ["2", "3"]}),
    ],
)  # fmt: skip
def test_dialects_are_found_out(text, delimiter, columns):
    assert read(text) == columns
    assert opened(text).dialect.delimiter == delimiter


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("x\n1\n\n3\n\n", ["1", "", "3", ""]),
        ("x\r\n1\r\n\r\n3", ["1", "", "3"]),
        ("x\nhello world\nfoo bar\n", ["hello world", "foo bar"]),
        ("x\n2020-01-02\n\n", ["2020-01-02", ""]),
        ('x\n"a,b"\nc\n', ["a,b", "c"]),
        ("x\n", []),
    ],
)
def test_blank_lines_of_one_column_are_rows(text, rows):
    assert read(text) == {"x": rows}
    assert read(text, like=Dialect()) == {"x": rows}


@pytest.mark.parametrize(
    ("text", "names", "above"),
    [
        ("Report of 2020\nx,y\n1,2\n3,4\n", ["x", "y"], 1),
        ("Report, of 2020\n\nx,y,z\n1,2,3\n4,5,6\n", ["x", "y", "z"], 2),
        ("Report;;\n;;\nx;y;z\n1;2;3\n4;5;6\n", ["x", "y", "z"], 2),
        ("# made, by me\n# again\nx,y,z\n1,2,3\n4,5,6\n", ["x", "y", "z"], 2),
        ("\n\nx,y\n1,2\n", ["x", "y"], 2),
    ],
)
def test_lines_above_the_table_are_left_out_and_told(text, names, above):
    file = opened(text)
    assert file.names == names and file.dialect.skip == above
    assert [note for note in file.notes if "above the table" in note]
    assert read(text)[names[0]][0] == "1"


@pytest.mark.parametrize(
    "text",
    [
        '"x","y","c"\n"1",0.5,1,"a"\n"2",0.7,2,"b"\n',
        "x\ty\tc\nr 1\t0.5\t1\ta\nr 2\t0.7\t2\tb\n",
        '"x" "y" "c"\n"1" 0.5 1 "a"\n"2" 0.7 2 "b"\n',
        ",x,y,c\n1,0.5,1,a\n2,0.7,2,b\n",
    ],
    ids=["comma", "tab", "space", "index"],
)
def test_names_of_rows_are_no_column(text):
    assert read(text) == {"x": ["0.5", "0.7"], "y": ["1", "2"], "c": ["a", "b"]}
    file = opened(text)
    assert file.dialect.row_names and file.columns == ["", "x", "y", "c"]
    assert any("names of rows" in note for note in file.notes)


def test_one_column_with_names_of_rows():
    assert read('"x"\n"1",0.5\n"2",0.7\n') == {"x": ["0.5", "0.7"]}


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("5.1,3.5,a\n4.9,3.0,b\n4.9,3.1,b\n", False),
        ("1,0,3\n2,1,1\n", False),
        ("-5,6\n1,2\n", False),
        ("red,yes\nblue,no\nred,no\nblue,yes\n", False),
        ("0,1,2\n5,1,1\n", True),
        ("x,y\na,b\nc,d\n", True),
    ],
)
def test_values_are_no_header(text, header):
    file = opened(text)
    assert file.dialect.header == header
    assert (file.names[0] == "x0") != header
    assert any("no header" in note for note in file.notes) != header
    for said in (True, False):
        assert opened(text, options=ReadOptions(header=said)).dialect.header == said


def test_what_the_user_says_comes_first():
    assert read("x;y\n1;2\n", options=ReadOptions(sep=",")) == {"x;y": ["1;2"]}
    assert read("x:y\n1:2\n", options=ReadOptions(sep=":")) == {"x": ["1"], "y": ["2"]}
    assert read("x,y\n", options=ReadOptions(header=False)) == {"x0": ["x"], "x1": ["y"]}
    with pytest.raises(ValueError, match="separator must be one character"):
        ReadOptions(sep="ab")
    with pytest.raises(ValueError, match="there is no encoding 'ebcdic-0'"):
        ReadOptions(encoding="ebcdic-0")


def test_the_training_files_dialect_is_the_default():
    semicolon = Dialect(delimiter=";")
    assert read("x;y\n1,5;2,5\n", like=semicolon) == {"x": ["1,5"], "y": ["2,5"]}
    assert read("x\n1,5\n2,5\n", like=semicolon) == {"x": ["1,5", "2,5"]}
    assert read("x:y\n1:2\n", like=Dialect(delimiter=":")) == {"x": ["1"], "y": ["2"]}
    file = opened("x\ty\n1\t2,5\n", like=Dialect())
    assert file.names == ["x", "y"]
    assert file.notes == [
        "cells are separated by tabs, not by commas as in the table of the training"
    ]
    headless = Dialect(header=False)
    assert read("1,2\n3,4\n", like=headless) == {"x0": ["1", "3"], "x1": ["2", "4"]}
    assert read("x,y\n1,2\n", like=headless) == {"x": ["1"], "y": ["2"]}
    words = "red,yes\nblue,no\nred,no\nblue,yes\n"
    assert opened(words, like=Dialect()).names == ["red", "yes"]
    assert read("x;y\n1;2\n", like=semicolon, options=ReadOptions(sep=","))["x;y"] == ["1;2"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x,y\n1,2\n3\n4,5\n", "line 3 has 1 cell, line 1 has 2"),
        ("x,y\n1,2\n3\n", "line 3 has 1 cell, line 1 has 2"),
        ('x,y\n1,"2\n2"\n3,4,5\n6,7\n', "line 4 has 3 cells, line 1 has 2"),
        ("x,y\n1,2\n3,4,\n", "line 3 has 3 cells, line 1 has 2"),
        ("x,y\n1,2,\n3,4,\n", "line 2 has 3 cells, line 1 has 2"),
        ("x,y\n" + "1,2\n" * 300_000 + "3\n4,5\n", "line 300002 has 1 cell, line 1 has 2"),
        ("sep=,\nx,y\n" + "1,2\n" * 300_000 + "3\n", "line 300003 has 1 cell, line 2 has 2"),
        ("a,b\n1,2\n3,4,5\n6,7,8\n9,1,2\n", "line 3 has 3 cells, line 1 has 2"),
        ("x\n0,5\n0,7\n", "line 2 has 2 cells, line 1 has 1"),
        ('x,y\n1,"2\n3,4\n5,6\n', "line 2: a quoted cell does not end"),
        ('x,y\n1,"2"z\n3,4\n', "line 2: a quoted cell does not end, or has text after"),
        ("x,y\n" + '1,"2"\n' * 250_000 + '3,"4\n5,6\n', "line 250002: a quoted cell does not end"),
        ("x,y,x\n1,2,3\n", "columns 1 and 3 are named 'x'"),
        ("x,,\n1,2,3\n", "columns 2 and 3 have no name"),
        ("", "the file is empty"),
        ("\n\n", "the table is empty"),
    ],
)
def test_what_does_not_fit_is_an_error_with_the_line(text, error):
    with pytest.raises(ValueError, match=f"t.csv: {error}"):
        read(text)


def test_columns_without_a_name_and_without_cells_are_called_by_their_places():
    text = "x,,y,,\n1,,a,,\n2,,b,,\n"
    assert opened(text).names == ["x", "column 2", "y", "column 4", "column 5"]
    assert opened(text).head == "x,,y,,"
    assert opened("x,\n1,2\n").names == ["x", ""]


def test_lines_above_are_told_where_the_training_file_had_none():
    text = "A title\nx,y\n1,2\n3,4\n"
    like = opened(text).dialect
    assert opened(text, like=like).notes == []
    assert opened("\n" + text, like=like).notes == ["left out above the table: 2 lines"]


def test_a_cell_longer_than_the_csv_module_takes_by_itself():
    assert read(f"x,y\n1,{'a' * 200_000}\n2,b\n")["x"] == ["1", "2"]


@pytest.mark.parametrize("rows", [1, 3])
def test_cells_longer_than_a_block(rows):
    long = "z" * 5_000_000
    assert read("x,y\n1,2\n" + f"1,{long}\n" * rows)["y"] == ["2", *[long] * rows]


# -- Parquet


def test_parquet_comes_typed():
    table = pa.table(
        {
            "id": pa.array([2**63 - 1, None, 3]),
            "x": pa.array([0.5, None, float("nan")]),
            "c": pa.array(["a", None, "b"]).dictionary_encode(),
            "l": pa.array([[1], None, []]),
            "__index_level_0__": pa.array([5, 6, 7]),
        }
    )
    pq.write_table(table, "t.parquet")
    with open_table("t.parquet", like=Dialect(delimiter=";")) as file:
        assert not file.text and file.dialect.kind == "parquet" and file.dialect.row_names
        assert file.names == ["id", "x", "c", "l"] and len(file.columns) == 5
        assert file.read().equals(table.drop_columns(["__index_level_0__"]).combine_chunks()) or (
            str(file.read().to_pydict()) == str(table.select(file.names).to_pydict())
        )
        assert [block.num_rows for block in file.blocks(2)] == [2, 1]
        assert file.read().schema.field("c").type == table.schema.field("c").type
    with open("t.parquet", "rb") as one:
        data = one.read()
    with open_table(write("t.csv", data)) as file:  # told by its first bytes
        assert file.names == ["id", "x", "c", "l"]
    for bad, error in {
        data[:100]: "t.parquet: not a Parquet file",
        b"x,y\n": "not a Parquet file; it is text",
        gzip.compress(data): r"t.parquet: Parquet within a .gz file; unpack it",
    }.items():
        with pytest.raises(ValueError, match=error):
            open_table(write("t.parquet", bad))
    with pytest.raises(ValueError, match=r"Parquet within a .gz file"):
        open_table(write("t.csv.gz", gzip.compress(data)))


# -- what stays behind


def test_nothing_stays_open(folder, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(folder))
    big = b"x,y\n" + b"1,2\n" * 300_000

    def descriptors():
        return len(os.listdir("/proc/self/fd"))

    for data in (big, gzip.compress(big, 1)):
        write("t.csv", data)
        with open_table("t.csv") as file:
            next(file.blocks())
        before = descriptors(), threading.active_count()
        for _ in range(2):
            with open_table("t.csv") as file:
                for _ in zip(range(2), file.blocks(100), strict=False):
                    pass
            with pytest.raises(ValueError, match="columns 1 and 2"):
                read("x,x\n1,2\n", "bad.csv")
        assert (descriptors(), threading.active_count()) == before
    assert sorted(os.listdir()) == ["bad.csv", "t.csv"]


def test_reading_in_a_forked_child(python):
    script = """
import gzip, os, sys
from chainfit._tables.files.table_file import open_table
data = b"x,y\\n" + b"1,2\\n" * 300_000
for packed in (data, gzip.compress(data, 1)):
    with open("t.csv", "wb") as file:
        file.write(packed)
    with open_table("t.csv") as table:
        blocks = table.blocks()
        next(blocks)
        child = os.fork()
        rows = sum(block.num_rows for block in table.blocks())
        assert rows == 300_000, rows
        if child == 0:
            with open_table("t.csv") as again:
                os._exit(again.read().num_rows != 300_000)
        assert os.waitpid(child, 0)[1] == 0
        assert sum(block.num_rows for block in blocks) > 0
print("whole")
"""
    done = python(script)
    assert done.stdout == "whole\n", done.stderr


def test_ctrl_c_ends_reading_at_once(python):
    script = """
import gzip, os, signal, threading
from chainfit._tables.files.table_file import open_table
data = b"x,y\\n" + b"1,\\"2\\"\\n" * 500_000
signal.signal(signal.SIGINT, signal.default_int_handler)
for packed in (data, gzip.compress(data, 1)):
    with open("t.csv", "wb") as file:
        file.write(packed)
    with open_table("t.csv") as table:  # imports what it needs, and these do not bear a Ctrl-C
        table.read()
    for delay in (0.01, 0.05, 0.1):
        try:
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
            while True:
                with open_table("t.csv") as table:
                    for block in table.blocks():
                        pass
        except KeyboardInterrupt:
            pass
print("all", len([name for name in os.listdir("/proc/self/fd")]) < 12)
"""
    done = python(script)
    assert done.stdout == "all True\n" and done.stderr == "", done.stderr


def test_dialects_in_model_files():
    dialect = Dialect(delimiter=";", encoding="utf-16", skip=2, row_names=True, newline="\r\n")
    assert Dialect.from_json(dialect.to_json()) == dialect
    for key, value in {
        "kind": "xml", "delimiter": ";;", "quote": ";", "escape": "\n", "encoding": "hex",
        "header": 1, "skip": -1, "row_names": None, "newline": "\r", "more": 1,
    }.items():  # fmt: skip
        with pytest.raises(ModelFileError, match="dialect"):
            Dialect.from_json({**dialect.to_json(), key: value})
    with pytest.raises(ModelFileError, match="'skip' is missing"):
        Dialect.from_json({k: v for k, v in dialect.to_json().items() if k != "skip"})


def test_csv_module_agrees():
    """What Python's own writer makes of odd cells comes back."""
    cells = [
        "",
        " ",
        '"',
        '""',
        ",",
        "\n",
        "\r\n",
        "a\nb",
        "'",
        "\\",
        '\\"',
        "NA",
        "é",
        "\u2028",
        "x",
    ]
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["x", "y"], *zip(cells, reversed(cells), strict=True)])
    assert read(file.getvalue()) == {"x": cells, "y": cells[::-1]}


def test_types_of_parquet_that_few_kernels_know(tmp_path):
    rows, path = 40, tmp_path / "t.parquet"
    kinds = {"view": pa.string_view(), "large": pa.large_string()}
    columns = {name: pa.array(["a", "b"] * (rows // 2), kind) for name, kind in kinds.items()}
    half = pa.array(np.arange(rows, dtype=np.float16))
    pq.write_table(pa.table({**columns, "half": half}), path)
    with open_table(path) as file:
        table = file.read()
    schema, values = learn_and_read(table.take(pa.array(range(rows))))
    assert [column.kind for column in schema.columns] == ["category", "category", "number"]
    assert values["half"].tolist() == [*range(rows)]
    assert values["view"].tolist() == values["large"].tolist() == [0, 1] * (rows // 2)


@pytest.mark.parametrize("columns", [2, 5, 120])
@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_decimal_commas_without_a_header(columns, mark, tmp_path):
    """A comma cuts such rows evenly, too, and into more cells."""
    values = np.random.default_rng(0).uniform(-9, 9, (30, columns)).round(3)
    lines = (mark.join(f"{v:.3f}".replace(".", ",") for v in row) for row in values)
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines))
    with open_table(path, ReadOptions(header=False)) as file:
        assert file.names == [f"x{i}" for i in range(columns)]
        assert len(file.names) == columns
