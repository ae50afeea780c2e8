"""Tables written as they were read; random tables in random dialects come back, cell by cell."""

from __future__ import annotations

import bz2
import csv
import datetime as dt
import gzip
import io
import lzma
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainfit._tables.files.dialect import ReadOptions
from chainfit._tables.files.output import TableWriter
from chainfit._tables.files.table_file import open_table


def written(data, arrays, names=("p",), rows=2, name="t.csv", **given_):
    """The bytes of a file with added columns."""
    with open(name, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    with open_table(name, **given_) as table, TableWriter("out", table, names) as writer:
        begin = 0
        for block in table.blocks(rows):
            end = begin + block.num_rows
            writer.write(block, [np.asarray(array)[begin:end] for array in arrays])
            begin = end
    with open("out", "rb") as file:
        return file.read()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("x,y\n1.10,007\n+1e5, a \n,NA\n", "x,y,p\n1.10,007,0\n+1e5, a ,1\n,NA,2\n"),
        ("x;y\r\n1,5;a\r\n2,5;b\r\n", "x;y;p\r\n1,5;a;0\r\n2,5;b;1\r\n"),
        ("x\ty\n1\ta,b\n", "x\ty\tp\n1\ta,b\t0\n"),
        ('"x","y z"\n"1","a,b"\n', '"x","y z",p\n1,"a,b",0\n'),
        ('x,y\n1,"a\rb"\n2,"a""b"\n3,"a\nb"\n', 'x,y,p\n1,"a\rb",0\n2,"a""b",1\n3,"a\nb",2\n'),
        ('x,y\n1,"a\\"b\\\\"\n2,b\n', 'x,y,p\n1,"a\\"b\\\\",0\n2,b,1\n'),
        ('"x","y"\n"1",0.5,a\n"2",0.7,b\n', '"x","y",p\n1,0.5,a,0\n2,0.7,b,1\n'),
        (",x,y\n0,0.5,a\n1,0.7,b\n", ",x,y,p\n0,0.5,a,0\n1,0.7,b,1\n"),
        ("x\n1\n\n3\n\n", "x,p\n1,0\n,1\n3,2\n,3\n"),
        ("sep=;\nx;y\n1;2\n", "x;y;p\n1;2;0\n"),
        ("Report\nx,y\n1,2\n", "x,y,p\n1,2,0\n"),
        ("5.5,a\n6.5,b\n", "5.5,a,0\n6.5,b,1\n"),
        ("x,y\n", "x,y,p\n"),
        ("p,p_2\n1,2\n", "p,p_2,p_3\n1,2,0\n"),
        ("größe,y\n1,ß\n".encode("utf-16"), "größe,y,p\n1,ß,0\n"),
        (b"\xef\xbb\xbfx,y\n1,2\n", "x,y,p\n1,2,0\n"),
    ],
)
def test_rows_are_written_as_they_were(data, expected):
    for rows in (1, 100):
        assert written(data, [np.arange(9)], rows=rows) == expected.encode()


def test_values_are_written_as_python_writes_them():
    arrays = [
        np.array([0.1, 1.0, 1e-5, 1e16]),
        np.array([0.1, 1.0, 1 / 3, 1e16], np.float32),
        np.array([True, False, True, False]),
        np.array(["a;b", 'say "x"', "", "é"], dtype=object),
        np.array(["u", "v", "w", "x"]),
    ]
    got = written("x;y\n1;2\n3;4\n5;6\n7;8\n", arrays, ["f", "g", "b", "o", "s;t"])
    assert got.decode().splitlines() == [
        'x;y;f;g;b;o;"s;t"',
        '1;2;0.1;0.1;True;"a;b";u',
        '3;4;1.0;1.0;False;"say ""x""";v',
        "5;6;1e-05;0.33333334;True;;w",
        "7;8;1e+16;1e+16;False;é;x",
    ]


def test_parquet_becomes_csv():
    times = np.array(["2020-01-02", "2020-10-10T10:10:10", "2020-01-02T03:04:05.25"], "M8[ns]")
    table = pa.table(
        {
            "id": pa.array([2**63 - 1, None, -(2**63)]),
            "f": pa.array([1.0, None, float("nan")]),
            "d": pa.array([dt.date(2020, 1, 2), None, dt.date(2021, 1, 1)]),
            "t": pa.array(times),
            "u": pa.array(times).cast(pa.timestamp("ms", "UTC")),
            "b": pa.array([True, None, False]),
            "c": pa.array(["a,b", None, '"']).dictionary_encode(),
            "l": pa.array([[1], None, []]),
            "z": pa.array([b"\xff", b"a", None]),
            "n": pa.nulls(3),
            "__index_level_0__": pa.array([5, 6, 7]),
        }
    )
    file = io.BytesIO()
    pq.write_table(table, file)
    got = written(file.getvalue(), [np.array(["x", "y", "z"])], name="t.parquet")
    assert got.decode().splitlines() == [
        "id,f,d,t,u,b,c,l,z,n,__index_level_0__,p",
        '9223372036854775807,1.0,2020-01-02,2020-01-02 00:00:00,2020-01-02 00:00:00Z,True,"a,b",'
        "[1],b'\\xff',,5,x",
        ",,,2020-10-10 10:10:10,2020-10-10 10:10:10Z,,,,b'a',,6,y",
        "-9223372036854775808,,2021-01-01,2020-01-02 03:04:05.25,2020-01-02 03:04:05.25Z,False,"
        '"""",'
        "[],,,7,z",
    ]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_parquet_keep_their_zones(unit):
    table = pa.table(
        {
            "t": pa.array([0, 10], pa.timestamp("s", "Asia/Kolkata")).cast(
                pa.timestamp(unit, "Asia/Kolkata")
            ),
            "h": pa.array([0, 3600], pa.time32("s")),
        }
    )
    file = io.BytesIO()
    pq.write_table(table, file)
    got = written(file.getvalue(), [np.array(["x", "y"])], name="t.parquet")
    assert got.decode().splitlines()[1:] == [
        "1970-01-01 05:30:00+0530,00:00:00,x",
        "1970-01-01 05:30:10+0530,01:00:00,y",
    ]


def test_whole_or_not_at_all(folder):
    for error in (ValueError, KeyboardInterrupt):
        (folder / "out").write_text("old")
        with open("t.csv", "w") as file:
            file.write("x,y\n" + "1,2\n" * 10)
        with pytest.raises(error), open_table("t.csv") as table:
            with TableWriter("out", table, ["p"]) as writer:
                for block in table.blocks(2):
                    writer.write(block, [np.zeros(2)])
                    raise error
        assert (folder / "out").read_text() == "old"
        assert sorted(os.listdir()) == ["out", "t.csv"]
    with pytest.raises(ValueError, match="line 200002 has 1 cell"):
        written("x,y\n" + "1,2\n" * 200_000 + "3\n", [np.zeros(300_000)], rows=65_536)
    assert (folder / "out").read_text() == "old" and "t.csv" in os.listdir()
    with pytest.raises(FileNotFoundError), open_table("t.csv") as table:
        with TableWriter("no/out", table, []):
            pass


def test_a_file_that_is_read_is_not_written():
    for name in ("a1.csv", "a2.csv"):
        with open(name, "w") as file:
            file.write("x,y\n1,2\n")
    os.link("a2.csv", "link")
    with open_table("a*.csv") as table:
        for name in ("a1.csv", "a2.csv", "link"):
            with pytest.raises(ValueError, match=r"a\d.csv: is read; choose another"):
                TableWriter(name, table, ["p"])


def test_a_device_takes_the_bytes_as_they_come():
    with open_table("t.csv" if written("x,y\n1,2\n", [[3]]) else "") as table:
        with TableWriter("/dev/null", table, ["p"]) as writer:
            writer.write(next(table.blocks()), [np.array([3])])


def test_stdout(capsysbinary, monkeypatch):
    written("x,y\n1,é\n", [[3]])
    with open_table("t.csv") as table:
        for out in (None, io.StringIO()):
            if out is not None:
                monkeypatch.setattr("sys.stdout", out)
            with TableWriter(None, table, ["p"]) as writer:
                writer.write(next(table.blocks()), [np.array([3])])
            text = capsysbinary.readouterr().out.decode() if out is None else out.getvalue()
            assert text == "x,y,p\n1,é,3\n"


# -- any table, any dialect

CELLS = st.text(
    st.sampled_from(list("ab1.,;|\t\"'\\ \r\n-é€日") + ["\u2028", "\x85", "\xa0", "%"]), max_size=6
) | st.sampled_from(["", "NA", "1.10", "007", "-1,5", "2020-01-02", "TRUE", '"', '""', " "])
NAMES = ["x", "größe", "a b", 'q"']
PACK = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}


@st.composite
def texts(draw):
    """A table as text: its bytes, columns, delimiter, and whether that must be said."""
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=12))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]))
    names = [f"{draw(st.sampled_from(NAMES))} {i}" for i in range(width)]
    delimiter = draw(st.sampled_from(",;\t|"))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    if any("\r" in cell for row in rows for cell in row):
        quoting = csv.QUOTE_ALL  # which csv forgets for a lone one
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=newline)
    writer.writerows([names, *rows])
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    return file.getvalue(), encoding, columns, delimiter, draw(st.sampled_from([*PACK]))


@settings(max_examples=40, deadline=None)
@given(table=texts(), rows=st.integers(1, 20))
def test_random_tables_in_random_dialects(tmp_path_factory, table, rows):
    text, encoding, columns, delimiter, suffix = table
    folder = tmp_path_factory.mktemp("table")
    path, out = folder / f"t.csv{suffix}", folder / "out"
    path.write_bytes(PACK[suffix](text.encode(encoding)))
    options = ReadOptions(
        encoding=None if encoding.startswith("utf") else encoding,
        # One column has no delimiter to be seen; a few odd cells may look like two.
        sep=delimiter if len(columns) == 1 else None,
        header=True,
    )
    with open_table(path, options) as file:
        assert file.dialect.delimiter == delimiter
        assert file.read().to_pydict() == columns
        with TableWriter(out, file, ["p"]) as writer:
            for block in file.blocks(rows):
                writer.write(block, [np.arange(block.num_rows) + 0.5])
    with open_table(out, ReadOptions(header=True, sep=delimiter), file.dialect) as again:
        found = again.read().to_pydict()
        assert len(found.pop("p")) == len(columns[next(iter(columns))])
        assert found == columns
