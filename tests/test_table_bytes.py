"""Bytes of tables: packed, in any encoding, through pipes, in several files; and what is none."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import threading
import zipfile

import pyarrow as pa
import pytest
from tables_in_files import PLAIN, opened, read, write

import chainfit
from chainfit._tables.files.dialect import Dialect, ReadOptions
from chainfit._tables.files.table_file import open_table


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


PACKERS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
    ".zip": lambda data: zipped(**{"folder/": b"", "folder/t.csv": data, "__MACOSX/._t": b"?"}),
}


@pytest.mark.parametrize("suffix", PACKERS)
def test_packed_files(suffix):
    data = PLAIN * 2 + b"3,\xc3\xa9\n" * 20_000
    packed = PACKERS[suffix](data)
    table = {"x": ["1", "2", "x", "1", "2"], "y": ["a", "b", "y", "a", "b"]}
    for name in (f"t.csv{suffix}", "t.csv"):  # told by its first bytes
        found = read(packed, name)
        assert {key: cells[:5] for key, cells in found.items()} == table
        assert found["y"][5:] == ["é"] * 20_000
    with pytest.raises(ValueError, match=f"damaged {suffix} file"):
        read(packed[: len(packed) // 2], f"t{suffix}")
    with pytest.raises(ValueError, match=f"t{suffix}: damaged {suffix} file"):
        read(PLAIN, f"t{suffix}")


def test_archives_of_several_files_and_workbooks_are_refused():
    with pytest.raises(ValueError, match="zip archive of 2 files; unpack it and choose one"):
        read(zipped(a=PLAIN, b=PLAIN))
    with pytest.raises(ValueError, match="such as an Excel workbook; save the sheet as CSV"):
        read(zipped(**{"[Content_Types].xml": "", "xl/workbook.xml": ""}), "t.xlsx")


@pytest.mark.parametrize(
    ("encoding", "guessed"),
    [
        ("utf-8", False),
        ("utf-8-sig", False),
        ("utf-16", False),
        ("utf-32", False),
        ("cp1252", True),
        ("latin-1", True),
    ],
)
def test_encodings(encoding, guessed):
    text = "größe;y\n1,5;groß\n2,5;mittel\n" * 1 + "3;ß\n" * 2_000
    file = opened(text.encode(encoding))
    assert any("guess" in note for note in file.notes) == guessed
    expected = {"utf-8-sig": "utf-8", "latin-1": "cp1252"}.get(encoding, encoding)
    assert file.dialect.encoding == expected
    columns = {"größe": ["1,5", "2,5"] + ["3"] * 2_000, "y": ["groß", "mittel"] + ["ß"] * 2_000}
    assert read(text.encode(encoding)) == columns
    assert read(text.encode(encoding), options=ReadOptions(encoding=encoding)) == columns


def test_other_alphabets_and_encodings_that_are_said():
    for encoding, words in (
        ("cp1250", "miasto Łódź żółw Kraków"),
        ("cp1253", "πόλη Ελλάδα Αθήνα"),
        ("shift_jis", "名前 日本語テスト 東京"),
    ):
        name, *cells = words.split()
        text = f"{name},y\n" + "".join(f"{cell},1\n" for cell in cells)
        assert read(text.encode(encoding))[name] == cells
    text = "größe,y\n1,ß\n"
    assert "größe" in read(text.encode("cp850"), options=ReadOptions(encoding="cp850"))
    assert "größe" in read(text.encode("utf-16-le"), options=ReadOptions(encoding="utf-16-le"))
    # that of the training file, where it is no UTF-8
    like = Dialect(encoding="cp850")
    assert "größe" in read(text.encode("cp850"), like=like)
    assert "größe" in read(text, like=like) and "größe" in read(text.encode("utf-16"), like=like)
    with pytest.raises(ValueError, match=r"t.csv: is no text in ascii: ordinal not in range"):
        read(text, options=ReadOptions(encoding="ascii"))


def test_pipes_and_stdin(monkeypatch):
    os.mkfifo("pipe")
    for data in (PLAIN, gzip.compress(PLAIN)):
        thread = threading.Thread(target=write, args=("pipe", data))
        thread.start()
        with open_table("pipe") as file:
            for _ in range(2):
                assert file.read().to_pydict() == {"x": ["1", "2"], "y": ["a", "b"]}
        thread.join()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        with open_table("-") as file:
            assert file.read().to_pydict() == {"x": ["1", "2"], "y": ["a", "b"]}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(ValueError, match="stdin: the file is empty"):
        open_table("-")


def test_several_files():
    write("a1.csv", "x,y\n1,a\n")
    write("a2.csv.gz", gzip.compress(b"x;y\n2;b\n"))
    with open_table("a*") as file:
        assert file.read().to_pydict() == {"x": ["1", "2"], "y": ["a", "b"]}
        assert "2 files, read as one table" in file.notes
    write("a3.csv", "y,x\nc,3\n")
    with open_table("a*") as file:
        assert file.read().to_pydict() == {"x": ["1", "2", "3"], "y": ["a", "b", "c"]}
        assert [block.column_names for block in file.blocks()] == [["x", "y"]] * 3
        assert any("another order" in note for note in file.notes)
    write("a4.csv", "x,y,z\n1,a,2\n")
    with pytest.raises(ValueError, match=r"a4.csv: has a column 'z', which a1.csv lacks"):
        open_table("a*.csv")
    write("a4.csv", "x,z\n1,a\n")
    with pytest.raises(ValueError, match=r"a4.csv: lacks column 'y' of a1.csv"):
        open_table("a*.csv")
    with pytest.raises(FileNotFoundError, match=r"b\*"):
        open_table("b*")
    assert read(PLAIN, "a[1].csv") == read(PLAIN)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "it is a PNG image"),
        (b"<!DOCTYPE html><html>", "it is an HTML page"),
        (b'[{"a": 1}, {"a": 2}]', "it is JSON"),
        (b'{"a": 1}\n{"a": 2}\n', "it is JSON"),
        (bytes([7, 0, 200, 9] * 100), "has null characters"),
    ],
)
def test_other_files_are_told(data, what):
    with pytest.raises(ValueError, match=what):
        read(data)


def test_models_folders_and_missing_files():
    chainfit.MLPClassifier(solver="lbfgs", max_iter=999).fit([[0.0], [1.0]], [0, 1]).save("model")
    with pytest.raises(ValueError, match=r"model: .* a safetensors file, such as a model of chain"):
        open_table("model")
    with pytest.raises(FileNotFoundError):
        open_table("nowhere.csv")
    with pytest.raises(IsADirectoryError):
        open_table(".")
    assert read("[x],y\n1,2\n") == {"[x]": ["1"], "y": ["2"]}
