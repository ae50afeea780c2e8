"""chainfit predict: tables of any kind, cells kept; and the whole job on a large table."""

from __future__ import annotations

import csv
import gzip
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import chainfit
from chainfit._cli.main import main


def last_column(name):
    """Cells of a CSV file's last column, as text."""
    with open(name, newline="") as file:
        return [row[-1] for row in csv.reader(file)]


def test_predict_appends_the_prediction_and_keeps_every_cell(trained, capsys):
    lines = (trained / "iris.csv").read_text().splitlines()
    # Cells that a reader could write otherwise: trailing zeros, quotes, an empty one.
    lines[1] = "5.10,3.50,1.40,0.20,"
    with open("new.csv", "w") as file:
        file.write("note," + lines[0] + "\n")
        file.writelines(f'"a, ""b""\n{i}",{line}\n' for i, line in enumerate(lines[1:4]))
    assert main(["predict", str(trained / "iris"), "new.csv"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "note," + lines[0] + ",prediction"
    assert '"a, ""b""\n0",5.10,3.50,1.40,0.20,,setosa\n' in out
    frame = pd.read_csv("new.csv")
    model = chainfit.load(trained / "iris")
    with open("out.csv", "w") as file:
        file.write(out)
    assert pd.read_csv("out.csv")["prediction"].tolist() == model.predict(frame).tolist()


def test_predict_gives_the_same_numbers_in_a_new_process(trained, process):
    frame = pd.read_csv(trained / "d.csv")
    expected = chainfit.load(trained / "d").predict(frame)
    run = process("predict", trained / "d", trained / "d.csv")
    assert run.returncode == 0 and run.stderr == ""
    with open("stdout.csv", "w") as file:
        file.write(run.stdout)
    assert main(["predict", str(trained / "d"), str(trained / "d.csv"), "--out", "out.csv"]) == 0
    for name in ("stdout.csv", "out.csv"):
        assert last_column(name) == ["prediction", *map(str, expected.tolist())]
    assert not [name for name in os.listdir() if name.endswith(".tmp")]


def test_probabilities_stand_before_the_prediction(trained, capsys):
    assert main(["predict", str(trained / "iris"), str(trained / "iris.csv"), "--proba"]) == 0
    with open("out.csv", "w") as file:
        file.write(capsys.readouterr().out)
    got = pd.read_csv("out.csv")
    names = ["proba_setosa", "proba_versicolor", "proba_virginica", "prediction"]
    assert got.columns[-4:].tolist() == names
    model = chainfit.load(trained / "iris")
    frame = pd.read_csv(trained / "iris.csv")
    expected = model.predict_proba(frame)
    np.testing.assert_allclose(got[names[:3]].to_numpy(), expected, rtol=1e-6)
    assert got["prediction"].tolist() == model.predict(frame).tolist()


def test_a_minus_for_a_file_is_stdout(trained, capsys):
    arguments = ["predict", str(trained / "iris"), str(trained / "iris.csv")]
    assert main(arguments) == main([*arguments, "--out", "-"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * 151 and lines[:151] == lines[151:]


def test_a_column_named_prediction_is_kept(trained, capsys):
    frame = pd.read_csv(trained / "iris.csv").assign(prediction=1)
    frame.to_csv("new.csv", index=False)
    assert main(["predict", str(trained / "iris"), "new.csv"]) == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert head.endswith(",prediction,prediction_2")


def test_unknown_levels_are_told_once(capsys):
    frame = pd.DataFrame({"c": ["a", "b"] * 30, "y": ["p", "q"] * 30})
    frame.to_csv("t.csv", index=False)
    assert main(["train", "t.csv", "--target", "y", "--max-iter", "2"]) == 0
    capsys.readouterr()
    frame.assign(c="z").drop(columns="y").to_csv("new.csv", index=False)
    assert main(["predict", "t.safetensors", "new.csv", "--proba"]) == 0
    captured = capsys.readouterr()
    expected = "column 'c': not seen in training: 'z' (60 rows)"
    assert captured.err == f"chainfit: warning: {expected}\n"
    assert captured.out.splitlines()[0] == "c,proba_p,proba_q,prediction"


@pytest.mark.parametrize("sep", [",", ";", "\t"])
def test_separators_are_found_out(sep, capsys, trained):
    frame = pd.read_csv(trained / "iris.csv").assign(note="one, two; three")
    frame.to_csv("new.txt", index=False, sep=sep)
    assert main(["predict", str(trained / "iris"), "new.txt"]) == 0
    note = "one, two; three" if sep == "\t" else '"one, two; three"'
    captured = capsys.readouterr()
    assert captured.out.splitlines()[1].endswith(f"{sep}{note}{sep}setosa")


def test_a_table_without_rows_gives_one(trained, capsys):
    with open("head.csv", "w") as file:
        file.write((trained / "iris.csv").read_text().splitlines()[0] + "\n")
    assert main(["predict", str(trained / "iris"), "head.csv", "--proba"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and out.endswith("proba_virginica,prediction\n")


def test_junk_among_numbers_is_told_once(capsys):
    frame = pd.DataFrame({"x": [str(i) for i in range(100)], "y": ["p", "q"] * 50})
    frame.loc[::30, "x"] = "?"
    frame.to_csv("t.csv", index=False)
    assert (
        main(["train", "t.csv", "--target", "y", "--max-iter", "2", "--test-fraction", "0.5"]) == 0
    )
    captured = capsys.readouterr()
    assert "note: 'x': not a number, taken as missing: '?' (3 rows)" in captured.out
    assert captured.err.count("taken as missing") <= 1


def test_other_ways_to_read_a_table(trained, capsys, monkeypatch):
    plain = (trained / "iris.csv").read_bytes()
    model = str(trained / "iris")
    assert main(["predict", model, str(trained / "iris.csv")]) == 0
    expected = capsys.readouterr().out
    with open("new.csv.gz", "wb") as file:
        file.write(gzip.compress(plain))
    with open("bom.csv", "wb") as file:
        file.write(b"\xef\xbb\xbf" + plain)
    with open("bar.csv", "wb") as file:
        file.write(plain.replace(b",", b"|"))
    pd.read_csv(trained / "iris.csv").to_parquet("new.parquet")
    decimal = plain.replace(b",", b";").replace(b".", b",")
    with open("decimal.csv", "wb") as file:
        file.write(decimal)
    for arguments in (
        ["new.csv.gz"],
        ["bom.csv"],
        ["bar.csv", "--sep", "|"],
        ["new.parquet"],
    ):
        assert main(["predict", model, *arguments]) == 0
        mark = "|" if arguments[0] == "bar.csv" else ","
        assert capsys.readouterr().out.replace(mark, ",") == expected
    assert main(["predict", model, "decimal.csv", "--decimal", ","]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split(";")[-1] for row in rows] == [r.split(",")[-1] for r in expected.splitlines()]
    run = subprocess.run(
        [sys.executable, "-m", "chainfit", "predict", model, "-"], input=plain, capture_output=True
    )
    assert run.returncode == 0 and run.stdout.decode() == expected


def test_blocks_are_one_table(capsys):
    frame = pd.DataFrame({"x": np.arange(60) % 7, "y": ["p", "q", "r"] * 20})
    frame.to_csv("t.csv", index=False)
    options = ["--max-iter", "2", "--n-nets", "1"]
    assert main(["train", "t.csv", "--target", "y", *options]) == 0
    cells = [str(i % 7) for i in range(70_000)]
    cells[5] = cells[-5] = cells[-6] = "bad"
    with open("long.csv", "w") as file:
        file.write("x\n" + "\n".join(cells) + "\n")
    with open("end.csv", "w") as file:
        file.write("x\n" + "\n".join(cells[-10:]) + "\n")
    capsys.readouterr()
    for name in ("long", "end"):
        assert main(["predict", "t.safetensors", f"{name}.csv", "--proba", "--out", name]) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"chainfit: warning: column 'x': not a number, taken as missing: 'bad' ({count} rows)"
        for count in (3, 2)
    ]
    with open("long") as long, open("end") as end:
        lines = long.read().splitlines()
        assert len(lines) == 70_001 and lines[-10:] == end.read().splitlines()[1:]


def test_what_is_read_is_not_written(trained, capsys):
    for name in ("a1.csv", "a2.csv"):
        with open(name, "wb") as file:
            file.write((trained / "iris.csv").read_bytes())
    assert main(["predict", str(trained / "iris"), "a*.csv", "--out", "a2.csv"]) == 1
    assert "a2.csv: is read; choose another file to write" in capsys.readouterr().err
    assert main(["predict", str(trained / "iris"), "a*.csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 301


# -- the whole job


def test_diamonds(process):
    """53,940 rows of mixed columns: train, R2 on a held-out fifth, predict in a new process."""
    from plotnine.data import diamonds

    diamonds.to_csv("diamonds.csv", index=False)
    run = process("train", "diamonds.csv", "--target", "price")
    assert run.returncode == 0, run.stderr
    score = next(line for line in run.stdout.splitlines() if "R2" in line)
    assert score.startswith("on 10,788 rows held out: R2 0.9")
    assert float(score.split("R2 ")[1].split()[0]) >= 0.97
    frame = pd.read_csv("diamonds.csv")
    expected = chainfit.load("diamonds.safetensors").predict(frame)
    run = process("predict", "diamonds.safetensors", "diamonds.csv", "--out", "out.csv")
    assert run.returncode == 0, run.stderr
    assert last_column("out.csv") == ["prediction", *map(str, expected.tolist())]


def test_what_cannot_be_read_is_counted_over_all_blocks(capsys, monkeypatch):
    frame = pd.DataFrame({"x": [str(i) for i in range(100)], "y": ["p", "q"] * 50})
    frame.to_csv("t.csv", index=False)
    assert main(["train", "t.csv", "--target", "y", "--max-iter", "2", "--n-nets", "1"]) == 0
    capsys.readouterr()
    frame.loc[::30, "x"] = "?"
    frame.to_csv("new.csv", index=False)
    assert main(["predict", "t.safetensors", "new.csv"]) == 0
    whole = capsys.readouterr()
    blocks = chainfit._tables.files.table_file.TableFile.blocks
    monkeypatch.setattr(
        "chainfit._tables.files.table_file.TableFile.blocks", lambda self: blocks(self, 7)
    )
    assert main(["predict", "t.safetensors", "new.csv"]) == 0
    again = capsys.readouterr()
    assert again.out == whole.out and again.err == whole.err
    assert whole.err.count("\n") == 1 and "'?' (4 rows)" in whole.err
