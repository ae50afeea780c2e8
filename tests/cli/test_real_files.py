"""Files as people have them: trained on, said, and any part predicted as the whole is."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

import chainfit
from chainfit._cli.main import main

QUICK = ["--n-nets", "1", "--hidden", "8", "--max-iter", "3", "--test-fraction", "0"]
ROWS = 80


def cells():
    """Return columns of numbers, levels and classes as text."""
    draw = np.random.RandomState(0)
    x1, x2 = draw.randn(ROWS).round(3), (10 + 3 * draw.randn(ROWS)).round(2)
    cat = draw.choice(["green", "red", "blue"], ROWS)
    y = np.where(x1 + (cat == "red") > 0.3, "yes", "no")
    return {"x1": x1.astype(str), "x2": x2.astype(str), "cat": cat, "y": y}


def text(columns, sep=",", head=True, quote=False):
    lines = [[*columns]] if head else []
    lines += [list(row) for row in zip(*columns.values(), strict=True)]
    cell = '"{}"'.format if quote else str
    return "".join(sep.join(map(cell, line)) + "\n" for line in lines)


def with_marks(column, word, every):
    return np.where(np.arange(ROWS) % every == 1, word, column)


def dashes():
    plain = cells()
    return text({**plain, "x1": with_marks(plain["x1"], "-", 6)})


def day_first():
    days = np.datetime64("2022-01-15") + np.arange(ROWS)
    written = [f"{d.day:02d}/{d.month:02d}/{d.year}" for d in days.astype(object)]
    return text({**cells(), "day": with_marks(np.array(written), "0000-00-00", 50)})


def decimal_commas():
    plain = cells()
    commas = {name: np.char.replace(plain[name], ".", ",") for name in ("x1", "x2")}
    return text({**plain, **commas}, ";")


def row_names():
    head, *lines = text(cells(), quote=True).splitlines(keepends=True)
    return head + "".join(f'"{i}",{line}' for i, line in enumerate(lines))


def percent():
    plain = cells()
    return text(
        {**plain, "rate": np.char.add(plain["x2"], "%"), "fee": [f"€ {v}" for v in plain["x2"]]}
    )


def classes(no, yes):
    return text({**cells(), "y": np.where(cells()["y"] == "yes", yes, no)})


#: name: (the file, words that training says)
FILES = {
    "plain.csv": (text(cells()), ["2 numbers: x1, x2", "classes and their rows: no ("]),
    "dash.csv": (dashes(), ["x1 (with gaps)", "note: 'x1': not a number", "'-' (14 rows)"]),
    "day.csv": (day_first(), ["1 date: day (%d/%m/%Y) (with gaps)", "'0000-00-00' (2 rows)"]),
    "comma.csv": (decimal_commas(), ["2 numbers: x1 (decimal ,), x2 (decimal ,)"]),
    "r.csv": (row_names(), ["2 numbers: x1, x2", "names of rows"]),
    "excel.csv": ("sep=;\n" + text(cells(), ";"), ["2 numbers: x1, x2"]),
    "bar.txt": (text(cells(), "|"), ["2 numbers: x1, x2"]),
    "percent.csv": (percent(), ["4 numbers: x1, x2, rate (%), fee (€)"]),
    "latin.csv": (
        text({**cells(), "größe": cells()["cat"]}).encode("latin-1"),
        ["größe", "cp1252"],
    ),
    "wide.csv": (text(cells()).encode("utf-16"), ["2 numbers: x1, x2"]),
    "zeros.csv": (classes("042", "007"), ["007 (", "042 ("]),
    "none.csv": (classes("None", "NA"), ["NA (", "None ("]),
    "true.csv": (classes("FALSE", "TRUE"), ["FALSE (", "TRUE ("]),
    "one.csv": (text({"x1": cells()["x1"], "y": cells()["y"]}), ["1 number: x1"]),
}


@pytest.mark.parametrize("name", FILES)
def test_a_row_alone_is_predicted_as_in_its_file(name, capsys):
    content, words = FILES[name]
    raw = content.encode() if isinstance(content, str) else content
    with open(name, "wb") as file:
        file.write(raw)
    assert main(["train", name, "--target", "y", *QUICK, "--model", "m"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    for word in words:
        assert word in captured.out, captured.out
    assert main(["predict", "m", name, "--proba"]) == 0
    whole = capsys.readouterr().out.splitlines()
    encoding = "utf-16" if name == "wide.csv" else "latin-1" if name == "latin.csv" else "utf-8"
    lines = raw.decode(encoding).splitlines(keepends=True)
    begin = 2 if name == "excel.csv" else 1
    before = lines[:begin]
    for row in (0, 1, ROWS - 1):
        with open(f"row-{name}", "wb") as file:
            file.write("".join([*before, lines[begin + row]]).encode(encoding))
        assert main(["predict", "m", f"row-{name}", "--proba"]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == whole[row - ROWS], name
    labels = {line[-1] for line in csv.reader(io.StringIO("\n".join(whole[-ROWS:])), dialect(name))}
    assert labels <= set(chainfit.load("m").classes_)


def dialect(name):
    class Dialect(csv.excel):
        delimiter = {"comma.csv": ";", "excel.csv": ";", "bar.txt": "|"}.get(name, ",")

    return Dialect
