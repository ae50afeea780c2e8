"""Files that people give by mistake in place of a model or a table: they are told what it is."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

import chainfit
from chainfit._cli.main import main
from chainfit._files.foreign import HEAD, describe

FRAME = pd.DataFrame({"a": np.arange(40.0), "b": ["u", "v"] * 20, "y": np.arange(40.0) % 7})


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the bytes of a good file."""
    path = tmp_path_factory.mktemp("saved") / "m"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = chainfit.TabularRegressor(n_nets=1, hidden_layer_sizes=(4,), max_iter=2)
        model.fit(FRAME.drop(columns="y"), FRAME["y"]).save(path)
    return path.read_bytes()


def written(write) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, b"")
    return buffer.getvalue()


def database(folder: Path) -> bytes:
    connection = sqlite3.connect(folder / "db")
    connection.execute("create table t (a)")
    connection.commit()
    connection.close()
    return (folder / "db").read_bytes()


POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
# ModelProto: ir_version 8, producer_name "pytorch", a graph
ONNX = b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x0c\x12\x0amain_graph"

#: name: (bytes from those of a good file, what it is said to be)
FILES = {
    "empty": (lambda raw: b"", "empty"),
    "csv": (lambda raw: FRAME.to_csv().encode(), "text, such as a CSV table"),
    "long csv": (lambda raw: "Größe,Maß\n".encode() * 999, "text, such as a CSV table"),
    "csv with a mark": (lambda raw: b"\xef\xbb\xbfa,b\n1,2\n", "text, such as a CSV table"),
    "one letter": (lambda raw: b"a", "text, such as a CSV table"),
    "UTF-16": (lambda raw: "a,b\n1,2\n".encode("utf-16"), "text in UTF-16"),
    "git-LFS pointer": (lambda raw: POINTER.encode(), "a Git LFS pointer .* 'git lfs pull'"),
    "html": (lambda raw: b"\n<!DOCTYPE html>\n<html><body>404", "an HTML page"),
    "html without a type": (lambda raw: b"<HTML><body>404</body></HTML>", "an HTML page"),
    "xml": (lambda raw: b'<?xml version="1.0"?><PMML/>', "an XML file"),
    "json": (lambda raw: json.dumps({"a": [1, 2]}, indent=2).encode(), "JSON"),
    "json lines": (lambda raw: b'[1, 2, {"a": 3}]\n' * 9, "JSON"),
    "json with a brace at 8": (lambda raw: b'{"abcd":{"a":1}}', "JSON"),
    "pdf": (lambda raw: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
    "gzip": (gzip.compress, "compressed by gzip; decompress it first"),
    "gzip without a time": (lambda raw: gzip.compress(raw, mtime=0), "compressed by gzip"),
    "bzip2": (bz2.compress, "compressed by bzip2"),
    "xz": (lzma.compress, "compressed by xz"),
    "zstd": (lambda raw: b"\x28\xb5\x2f\xfd\x04\x58" + raw, "compressed by Zstandard"),
    "lz4": (lambda raw: b"\x04\x22\x4d\x18\x64\x40" + raw, "compressed by LZ4"),
    "zlib": (zlib.compress, "a pickle or joblib file, which chainfit never loads"),
    **{
        f"pickle {protocol}": (
            lambda raw, protocol=protocol: pickle.dumps({"a": 1}, protocol),
            "a pickle or joblib file, which chainfit never loads",
        )
        for protocol in (2, 3, 4, 5)
    },
    "joblib": (lambda raw: written(lambda f: joblib.dump(np.ones(9), f)), "a pickle or joblib"),
    "joblib compressed": (
        lambda raw: written(lambda f: joblib.dump(np.ones(999), f, compress=3)),
        "a pickle or joblib file",
    ),
    "torch": (lambda raw: archive("archive/data.pkl"), "a zip archive .*PyTorch"),
    "empty archive": (lambda raw: archive(), "a zip archive"),
    "npz": (lambda raw: written(lambda f: np.savez(f, a=np.ones(9))), "a zip archive"),
    "npy": (lambda raw: written(lambda f: np.save(f, np.ones(9))), "a NumPy .npy file"),
    "onnx": (lambda raw: ONNX, "a protobuf, probably an ONNX or TensorFlow model"),
    "tflite": (lambda raw: struct.pack("<I", 28) + b"TFL3" + bytes(90), "a TensorFlow Lite model"),
    "gguf": (lambda raw: b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "a GGUF model"),
    "hdf5": (lambda raw: b"\x89HDF\r\n\x1a\n" + bytes(90), "an HDF5 file"),
    "parquet": (lambda raw: written(FRAME.to_parquet), "a table in Parquet"),
    "feather": (lambda raw: written(FRAME.to_feather), "a table in Arrow or Feather"),
    "png": (lambda raw: b"\x89PNG\r\n\x1a\n" + bytes(90), "a PNG image"),
}


@pytest.fixture(params=FILES)
def foreign(request, saved, tmp_path):
    """Return the path of a foreign file, and what it is."""
    make, words = FILES[request.param]
    (tmp_path / "some").write_bytes(make(saved))
    return tmp_path / "some", words


def test_load_says_what_it_is_and_what_would_be_right(foreign):
    path, words = foreign
    right = "; a model is what `save` or `chainfit train` wrote$"
    with pytest.raises(chainfit.ModelFileError, match=f"file: it is {words}.*{right}") as caught:
        chainfit.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: not a safetensors file: it is ")
    assert len(message.splitlines()) == 1


def test_a_database_is_named(tmp_path):
    (tmp_path / "m").write_bytes(database(tmp_path))
    with pytest.raises(chainfit.ModelFileError, match="it is an SQLite database;"):
        chainfit.load(tmp_path / "m")


def test_what_cannot_be_told_is_not_guessed(saved):
    rng = np.random.RandomState(0)
    for raw in (b"\xff" * 8 + saved[8:], b"\x01\x02\x03", bytes(99), rng.bytes(HEAD), b"\x08"):
        assert describe(raw[:HEAD]) is None
    assert describe(saved[:HEAD]) == "a safetensors file, such as a model of chainfit"


def test_a_damaged_model_is_not_called_foreign(saved, tmp_path):
    for raw in (saved[:-1], saved[:200], saved + b"\0", saved[:100] + b"\0" + saved[101:]):
        (tmp_path / "m").write_bytes(raw)
        with pytest.raises(chainfit.ModelFileError) as caught:
            chainfit.load(tmp_path / "m")
        assert "it is " not in str(caught.value)


# --- on the command line -------------------------------------------------------------------------


@pytest.fixture
def folder(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("model.safetensors").write_bytes(saved)
    FRAME.to_csv("data.csv", index=False)
    FRAME.to_parquet("data.parquet")
    return tmp_path


def error_of(capsys, *arguments: str) -> str:
    capsys.readouterr()
    assert main(list(arguments)) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("chainfit: error: ")
    return line.removeprefix("chainfit: error: ")


@pytest.mark.parametrize("table", ["data.csv", "data.parquet"])
@pytest.mark.parametrize("command", [["predict"], ["explain", "--weight", "w_11^(1)"], ["explore"]])
def test_swapped_arguments_are_told(command, table, folder, capsys):
    before = sorted(Path().iterdir())
    assert error_of(capsys, *command, table, "model.safetensors") == (
        f"{table} holds no model, but model.safetensors does: the model comes first, then the table"
    )
    assert sorted(Path().iterdir()) == before


def test_a_foreign_model_is_told_on_the_command_line(folder, capsys):
    for command in (["predict", "data.csv", "data.csv"], ["info", "data.csv"]):
        assert error_of(capsys, *command) == (
            "data.csv: not a safetensors file: it is text, such as a CSV table; a model is what "
            "`save` or `chainfit train` wrote"
        )
    for command in (["predict", ".", "data.csv"], ["info", "."]):
        assert error_of(capsys, *command) == ".: Is a directory, not a file"


def test_a_foreign_table_is_told_on_the_command_line(folder, capsys):
    for name, words in (
        ("model.safetensors", "it is a safetensors file, such as a model of chainfit"),
    ):
        for command in (["train", name, "--target", "y"], ["predict", "model.safetensors", name]):
            assert error_of(capsys, *command) == f"{name}: is no table of text or Parquet: {words}"
