"""What `train` prints: lines that fit the terminal, names, and commands that work."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chainfit._cli.main import main
from chainfit._cli.names import as_typed, column_named, model_name
from chainfit._cli.say import cells_of, listed

QUICK = ["--n-nets", "2", "--hidden", "8", "--max-iter", "3"]


@pytest.mark.parametrize("width", [40, 80, 132])
def test_lines_fit_the_terminal_and_the_screen(width, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    draw = np.random.RandomState(0)
    columns = {f"a column with the number {i}": draw.rand(60) for i in range(300)}
    columns |= {f"分類 {i}": draw.choice(["u", "v"], 60) for i in range(50)}
    columns |= {f"empty {i}": [""] * 60 for i in range(30)}
    columns |= {f"strange {i}": [f"odd {i}", *draw.rand(59)] for i in range(30)}
    frame = pd.DataFrame({**columns, "y": [f"class {i % 30}" for i in range(60)]})
    frame.to_csv("t.csv", index=False)
    assert main(["train", "t.csv", "--target", "y", "--test-fraction", "0", *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    long = [line for line in lines if cells_of(line) > width]
    assert all(re.match("(explore|explain|predict) with: ", line) for line in long), long
    assert re.search(r"330 numbers: [^:]* and \d+ more\n", "\n".join(lines))
    assert sum(line.startswith("note: ") for line in lines) == 4


def test_columns_left_out_are_grouped_by_the_reason(capsys):
    frame = pd.DataFrame({"x": np.arange(60.0), "y": ["p", "q"] * 30, "a": 1, "b": 2})
    frame["key"] = [f"k{i}" for i in range(60)]
    frame.to_csv("t.csv", index=False)
    assert main(["train", "t.csv", "--target", "y", "--test-fraction", "0", *QUICK]) == 0
    out = capsys.readouterr().out
    assert "columns: left out: a, b (the same value in every row)\n" in out
    assert "left out: key (like an identifier: 60 different values in 60 rows)\n" in out


def test_what_else_cells_may_mean_is_said_before_what_is_missing(capsys):
    columns = {f"x{i}": ["NA", *map(str, range(59))] for i in range(9)}
    columns["day"] = [f"0{1 + i % 9}/0{1 + i % 8}/2020" for i in range(60)]
    pd.DataFrame({**columns, "y": ["p", "q"] * 30}).to_csv("t.csv", index=False)
    assert main(["train", "t.csv", "--target", "y", "--test-fraction", "0", *QUICK]) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note: ")]
    assert len(notes) == 4 and notes[0].startswith("note: 'day': no day is above 12")
    assert notes[3] == "note: and 7 more, which `chainfit info` shows"


def test_what_was_said_and_no_cell_has_is_told(capsys):
    frame = pd.DataFrame({"x": np.arange(60.0), "c": ["n/k", "b", "c"] * 20, "y": ["p", "q"] * 30})
    frame.to_csv("t.csv", index=False)
    command = ["train", "t.csv", "--target", "y", "--test-fraction", "0", *QUICK]
    options = "--na n/k --na none --thousands , --decimal .".split()
    assert main([*command, *options]) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note: no")]
    assert notes == [
        "note: no cell is 'none', which was to stand for a missing value",
        "note: no cell has a number with the mark between thousands ','",
    ]
    assert main([*command, "--date-format", "%d.%m.%Y", "--model", "other"]) == 1
    captured = capsys.readouterr()
    assert "error: the date format '%d.%m.%Y' fits no column" in captured.err
    assert not Path("other").exists() and "training" not in captured.out


def test_white_space_around_names_of_columns_need_not_be_typed(capsys):
    frame = pd.DataFrame({" x": np.arange(60.0), "z ": range(60), " y": ["p", "q"] * 30})
    frame.to_csv("t.csv", index=False)
    assert main(["train", "t.csv", "--target", "y", "--drop", "z", *QUICK]) == 0
    assert "left out: z  (on request)" in capsys.readouterr().out
    assert main(["train", "t.csv", "--target", "Y2", *QUICK]) == 1
    assert "no column 'Y2'; the table has ' x', 'z ', ' y'" in capsys.readouterr().err


def test_the_most_similar_columns_are_named():
    columns = [f"column{i}" for i in range(50)] + ["Price"]
    with pytest.raises(ValueError, match="no column 'prize'; the most similar are 'Price'"):
        column_named("prize", columns)
    with pytest.raises(ValueError, match=r"the table has 'column0', .* and 39 more"):
        column_named("zzz", columns)


def test_words_in_a_line():
    assert listed("letters: ", "abc", 30) == ["letters: a, b, c"]
    assert listed("letters: ", "abcdefgh", 24) == ["letters: a, b and 6 more"]
    assert listed("letters: ", "abcdefgh", 25, " (x)") == ["letters: a and 7 more (x)"]
    assert listed("x: ", ["a" * 50, "b"], 20) == ["x: aaa... and 1 more"]
    assert listed("x: ", [], 20) == ["x: "]
    assert listed("letters: ", "abcdefgh", 20, lines=2) == ["letters: a, b, c, d,", "  e, f, g, h"]
    for width in range(25, 90):
        for lines in (1, 2, 3):
            found = listed("letters: ", ["alpha", "beta", "gamma"] * 4, width, " (why)", lines)
            assert len(found) <= lines and all(len(line) <= width for line in found)
            assert found[-1].endswith(" (why)")


@pytest.mark.parametrize(
    ("table", "target", "name"),
    [
        ("houses.csv", "price", "houses"),
        ("../a b.csv.gz", "price", "a b"),
        ("x.tsv.zst", "y", "x"),
        ("-", "price", "price"),
        ("/dev/stdin", "price in $", "price_in"),
        ("/dev/fd/63", "a/b", "a_b"),
        ("-", "?", "model"),
        ("sales_*.parquet", "y", "sales"),
        ("*.csv", "y", "y"),
    ],
)
def test_names_of_models(table, target, name):
    assert model_name(table, target) == f"{name}.safetensors"


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="asks bash")
@pytest.mark.parametrize(
    "name", ["a", "a b", "-x", "it's", "$HOME", "a\x1b]0;b\n'\\", "ü", "\udcff"]
)
def test_names_as_they_are_typed(name):
    done = subprocess.run(["bash", "-c", f"printf %s {as_typed(name)}"], capture_output=True)
    assert os.fsdecode(done.stdout) in (name, f"./{name}")
    assert as_typed(name).isprintable() and not as_typed(name).startswith("-")


@pytest.mark.parametrize("command", ["explore", "explain", "predict"])
def test_the_commands_it_prints_work(command, capsys):
    name = "-some 'table' \x1b.csv"
    frame = pd.DataFrame({"x": np.arange(40.0), "y": [None, None, *["p", "q"] * 19]})
    frame.to_csv(f"./{name}", index=False, sep="\t", encoding="utf-16")
    assert main(["train", f"./{name}", "--target", "y", *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()[-3:]
    (line,) = [line for line in lines if line.startswith(f"{command} with: chainfit {command}")]
    assert ("--row 3 " in line) is (command == "explain")
    done = subprocess.run(
        ["bash", "-c", f"{shlex.quote(sys.executable)} -m {line.partition(' with: ')[2]}"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    if command == "predict":
        assert done.stdout.splitlines()[0] == "x\ty\tprediction"
    elif command == "explore":
        assert "rows without a target, left out: 2" in done.stderr
        assert "wrote " in done.stderr


def test_stdin_and_pipes(capsys, monkeypatch):
    text = "x,price\n" + "".join(f"{i},{i % 7 + 0.5}\n" for i in range(60))

    class Stdin:
        buffer = io.BytesIO(text.encode())

    monkeypatch.setattr(sys, "stdin", Stdin())
    assert main(["train", "-", "--target", "price", *QUICK]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-4] == "saved to price.safetensors"
    assert out[-2:] == [
        "explain with: chainfit explain price.safetensors FILE --weight 'w_11^(1)'",
        "predict with: chainfit predict price.safetensors FILE",
    ]
    if hasattr(os, "mkfifo"):
        os.mkfifo("pipe")
        writer = threading.Thread(target=lambda: Path("pipe").write_text(text))
        writer.start()
        assert main(["train", "pipe", "--target", "price", "--task", "regression", *QUICK]) == 0
        writer.join()
        assert "saved to price.safetensors" in capsys.readouterr().out
