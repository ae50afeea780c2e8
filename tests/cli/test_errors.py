"""The command line's errors: one line, no traceback, an exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import chainfit
from chainfit._cli.main import main


def fails(capsys, arguments, text, code):
    """Assert that a command ends with a code and one line on stderr that holds a text."""
    assert main([str(word) for word in arguments]) == code
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("chainfit: error: "), captured.err
    assert text in lines[0], lines[0]


def test_wrong_usage_is_code_2(capsys):
    for arguments, text in (
        ([], "the following arguments are required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["train"], "the following arguments are required: FILE, --target"),
        (["train", "x.csv"], "required: --target (see: chainfit train --help)"),
        (["train", "x", "--target", "y", "--hidden", "64,zero"], "'zero' is not a whole number"),
        (["train", "x", "--target", "y", "--hidden", "0"], "a whole number of at least 1, got 0"),
        (["train", "x", "--target", "y", "--activation", "sine"], "invalid choice: 'sine'"),
        (["train", "x", "--target", "y", "--alpha", "nan"], "must be a number of at least 0"),
        (["train", "x", "--target", "y", "--learning-rate", "0"], "must be a number above 0"),
        (["train", "x", "--target", "y", "--test-fraction", "1"], "and at most 0.9, got 1"),
        (["train", "x", "--target", "y", "--seed", "-1"], "a whole number of at least 0"),
        (["train", "x", "--target", "y", "--sep", "ab"], "must be one character"),
        (["train", "x", "--target", "y", "--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["predict", "m"], "the following arguments are required: FILE"),
    ):
        fails(capsys, arguments, text, code=2)


def test_failures_are_code_1_and_one_line(capsys, trained):
    with open("empty.csv", "w"), open("head.csv", "w") as head, open("latin.csv", "wb") as latin:
        head.write("a,b\n")
        latin.write(b"a,b\n\xe9,1\n")
    with open("ragged.csv", "w") as file:
        file.write("a,b\n1,2\n1,2,3,4\n1,2\n")
    with open("bad.parquet", "w") as file:
        file.write("no parquet")
    with open("bad.csv.gz", "w") as file:
        file.write("no gzip")
    pd.DataFrame({"a": [1.0, 2, 3], "b": ["x"] * 3}).to_csv("one.csv", index=False)
    pd.DataFrame({"a": [1.0, 2], "b": ["x", "y"]}).to_csv("two.csv", index=False)
    names = [f"name {i}" for i in range(40)]
    pd.DataFrame({"a": np.arange(40.0), "b": names}).to_csv("names.csv", index=False)
    pd.DataFrame({"a": [1.0] * 20, "b": ["x", "y"] * 10}).to_csv("flat.csv", index=False)
    pd.DataFrame({"b": ["x", "y"] * 10}).to_csv("alone.csv", index=False)
    rare = ["x"] * 58 + ["y", "z"]
    pd.DataFrame({"a": np.arange(60.0) % 7, "b": rare}).to_csv("rare.csv", index=False)
    pd.DataFrame({"a": [1.0] * 9, "b": [None] * 9}).to_csv("none.csv", index=False)
    chainfit.MLPClassifier((2,), tol=9).fit([[0.0], [1.0]], [0, 1]).save("plain")
    iris, data = trained / "iris", trained / "iris.csv"
    os.mkdir("folder")
    for arguments, text in (
        (["train", "nothing.csv", "--target", "y"], "nothing.csv: No such file or directory"),
        (["train", "folder", "--target", "y"], "folder: Is a directory"),
        (["train", "empty.csv", "--target", "y"], "empty.csv: the file is empty"),
        (["train", "head.csv", "--target", "b"], "head.csv: the table has no rows"),
        (["train", "latin.csv", "--target", "a", "--encoding", "utf-8"], "latin.csv"),
        (["train", "ragged.csv", "--target", "b"], "ragged.csv: line 3 has 4 cells, line 1 has 2"),
        (["train", "bad.parquet", "--target", "b"], "bad.parquet: not a Parquet file"),
        (["train", "no.parquet", "--target", "b"], "no.parquet: No such file"),
        (["train", "bad.csv.gz", "--target", "b"], "bad.csv.gz: damaged .gz file"),
        (["train", "one.csv", "--target", "y"], "there is no column 'y'; the table has 'a', 'b'"),
        (["train", "one.csv", "--target", "b"], "the target has one class only, 'x'"),
        (["train", "rare.csv", "--target", "b"], "all are of class 'x': those of the others"),
        (["train", "alone.csv", "--target", "b"], "has no column but 'b', the target"),
        (["train", "alone.csv", "--target", "c"], "the table has 'b' (--sep says what stands"),
        (["train", "names.csv", "--target", "b"], "40 different texts in 40 rows"),
        (["train", "two.csv", "--target", "b"], "2 rows are too few to hold out 0.2 of them"),
        (["train", "flat.csv", "--target", "b"], "no column is left to learn from ('a': the same"),
        (["train", "none.csv", "--target", "b"], "no row has a target"),
        (["train", data, "--target", "target", "--model", "no/m"], "there is no folder"),
        (["train", "one.csv", "--target", "a", "--model", "one.csv"], "is the table itself"),
        (["train", data, "--target", "target", "--model", "one.csv"], "is no chainfit model"),
        (
            ["train", data, "--target", "target", "--loss", "poisson"],
            "--loss is not for classification",
        ),
        (["predict", "nothing", data], "nothing: No such file or directory"),
        (["predict", data, data], "iris.csv: not a safetensors file: it is text"),
        (["predict", "plain", data], "holds an MLPClassifier on plain arrays"),
        (["predict", iris, "one.csv"], "the table lacks columns that the model needs: 'sepal"),
        (["predict", trained / "d", data, "--proba"], "regression has no probabilities"),
        (["predict", iris, data, "--out", data], "is an input of this command"),
        (["predict", iris, data, "--out", "no/out.csv"], "No such file or directory"),
        (["info", data], "iris.csv: not a safetensors file: it is text"),
    ):
        capsys.readouterr()
        fails(capsys, arguments, text, code=1)
    assert not [name for name in os.listdir() if name.endswith((".tmp", ".safetensors"))]


def test_no_traceback_in_a_process_but_on_request(trained, monkeypatch, process):
    run = process("predict", trained / "iris", "nothing.csv")
    assert run.returncode == 1 and run.stdout == ""
    assert run.stderr == "chainfit: error: nothing.csv: No such file or directory\n"
    monkeypatch.setenv("CHAINFIT_TRACEBACK", "1")
    with pytest.raises(FileNotFoundError):
        main(["predict", str(trained / "iris"), "nothing.csv"])


@pytest.mark.parametrize(
    ("module", "file", "text"),
    [
        ("pyarrow", "t.csv", "tables need pyarrow, .*pip install 'chainfit.table.'"),
        ("pyarrow", "t.parquet", "tables need pyarrow, .*pip install 'chainfit.table.'"),
    ],
)
def test_missing_extras_are_named(module, file, text, capsys, monkeypatch):
    frame = pd.DataFrame({"a": [1.0, 2], "b": ["x", "y"]})
    frame.to_csv("t.csv", index=False)
    frame.to_parquet("t.parquet")
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["train", file, "--target", "b"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("chainfit: error: ") and error.count("\n") == 1
    assert re.search(text, error)


def test_a_reader_that_goes_away_is_no_traceback(trained):
    pd.concat([pd.read_csv(trained / "d.csv")] * 40).to_csv("long.csv", index=False)
    child = subprocess.Popen(
        [sys.executable, "-m", "chainfit", "predict", trained / "d", "long.csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout.readline().endswith(b",prediction\n")
    child.stdout.close()
    errors = child.stderr.read()
    child.stderr.close()
    assert child.wait() == 1 and errors == b""


@pytest.mark.parametrize(
    ("closed", "arguments", "code", "text"),
    [
        ("stdout", ["info"], 1, "stdout is closed"),
        ("stdout", ["predict", "iris", "iris.csv", "--out", "out.csv"], 1, "stdout is closed"),
        ("stdin", ["predict", "iris", "-"], 1, "stdin: is closed"),
        ("stderr", ["predict", "iris", "new.csv"], 0, ""),
        ("stderr", ["predict", "iris", "nothing.csv"], 1, ""),
    ],
)
def test_streams_that_are_closed(closed, arguments, code, text, capsys, trained, monkeypatch):
    monkeypatch.chdir(trained)
    rows = (trained / "iris.csv").read_text().splitlines()[:4]
    (trained / "new.csv").write_text("\n".join(["a title", "", *rows]))
    monkeypatch.setattr(sys, closed, None)
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert captured.err == (f"chainfit: error: {text}\n" if text else "")
    # notes go to a closed stderr, not among the data
    lines = captured.out.splitlines()
    assert len(lines) == (4 if code == 0 else 0)


def test_a_full_disk_is_told(trained):
    command = [sys.executable, "-m", "chainfit", "predict", trained / "iris", trained / "iris.csv"]
    with open("/dev/full", "w") as full:
        for arguments, out in (([], full), (["--out", "/dev/full"], subprocess.DEVNULL)):
            done = subprocess.run([*command, *arguments], stdout=out, stderr=subprocess.PIPE)
            assert done.returncode == 1
            assert done.stderr == b"chainfit: error: No space left on device\n"


def test_ctrl_c_while_options_are_made(capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("chainfit._cli.main._add_net_options", interrupted)
    monkeypatch.setattr("chainfit._cli.main._Parser.add_later", interrupted)
    assert main(["info"]) == 130
    assert capsys.readouterr().err == "chainfit: interrupted\n"
