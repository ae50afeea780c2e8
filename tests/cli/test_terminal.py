"""Nothing of a file's names, headers or labels reaches the terminal as a command to it."""

import csv
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from chainfit._cli.main import main

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

TITLE = "\x1b]0;title\x07"  # what sets a terminal's title
RED = "\x9b31m"  # the same kind of command in one C1 character
TURNED = "\u202egpj.exe"
FILE = f"a{TITLE}\n{RED}\u2066.csv"


def is_clean(text):
    return all(c.isprintable() or c == "\n" for c in text)


@pytest.fixture
def run(capsys):
    """Run a command; return its exit code and all that it wrote, which must be clean."""

    def command(*arguments):
        code = main([str(word) for word in arguments])
        captured = capsys.readouterr()
        text = captured.out + captured.err
        assert is_clean(text), ascii(text)
        return code, text

    return command


@pytest.fixture
def frame():
    rng = np.random.RandomState(0)
    x = rng.randn(60)
    labels = np.where(x > 0, f"yes{TITLE}", f"no{TURNED}")
    return pd.DataFrame(
        {
            f"x{TITLE}": x,
            f"b{RED}\r\b": rng.randn(60),
            f"k{TURNED}": rng.choice([f"u{RED}", f"v{TITLE}"], 60),
            f"same{TITLE}": 1.0,
            f"t{TITLE}": labels,
        }
    )


@pytest.fixture
def target():
    return f"t{TITLE}"


def test_every_command(run, frame, target):
    frame.to_csv(FILE, index=False, quoting=csv.QUOTE_ALL)
    model = f"m{TITLE}{TURNED}"
    code, text = run("train", FILE, "--target", target, "--model", model, "--max-iter", 3)
    assert code == 0, text
    for words in (
        r"a\x1b]0;title\x07\n\x9b31m\u2066.csv: 60 rows",
        r"target t\x1b]0;title\x07: classification",
        r"x\x1b]0;title\x07",
        r"b\x9b31m\r\x08",
        r"left out: same\x1b]0;title\x07",
        r"saved to m\x1b]0;title\x07\u202egpj.exe",
    ):
        assert words in text, text
    code, text = run("info", model)
    assert code == 0 and r"classes: no\u202egpj.exe, yes\x1b]0;title\x07" in text
    code, text = run("explain", model, FILE, "--weight", "w_11^(1)")
    assert code == 0 and r"(x\x1b]0;title\x07)" in text
    for form in ("--latex", "--json", "--ascii", "--exercise"):
        assert run("explain", model, FILE, "--weight", "w_11^(1)", form)[0] == 0
    page = f"p{TITLE}.html"
    code, text = run("explain", model, FILE, "--weight", "w_11^(1)", "--html", page)
    assert code == 0 and r"wrote p\x1b]0;title\x07.html" in text
    assert is_clean(open(page, encoding="utf-8").read())
    code, text = run("explore", model, FILE, "--html", page)
    assert code == 0 and r"wrote p\x1b]0;title\x07.html" in text
    assert is_clean(open(page, encoding="utf-8").read())


def test_what_predict_writes_to_a_file_is_data(run, frame, target):
    frame = frame.drop(
        columns=frame.columns[1]
    )  # pandas writes no carriage return that it can read
    frame.to_csv("a.csv", index=False, quoting=csv.QUOTE_ALL)
    assert run("train", "a.csv", "--target", target, "--model", "m", "--max-iter", 3)[0] == 0
    code, text = run("predict", "m", "a.csv", "--out", "out.csv", "--proba")
    assert (code, text) == (0, "")
    written = pd.read_csv("out.csv")
    assert list(written.columns[:4]) == list(frame.columns)
    assert set(written["prediction"]) <= set(frame[target])


def test_warnings_and_errors(run, frame, target):
    frame.to_csv("a.csv", index=False, quoting=csv.QUOTE_ALL)
    assert run("train", "a.csv", "--target", target, "--model", "m", "--max-iter", 3)[0] == 0
    column = frame.columns[2]
    frame.assign(**{column: f"w{RED}"}).to_csv("new.csv", index=False, quoting=csv.QUOTE_ALL)
    code, text = run("predict", "m", "new.csv", "--out", "out.csv")
    assert code == 0 and r"warning: column 'k\u202egpj.exe'" in text and r"'w\x9b31m'" in text
    frame.drop(columns=column).to_csv("less.csv", index=False, quoting=csv.QUOTE_ALL)
    nasty = f"no{TITLE}"
    open(f"empty{TITLE}\n.csv", "w").close()
    os.mkdir(f"d{TITLE}")
    shutil.copy("m", f"model{TITLE}\n")
    shutil.copy("a.csv", f"table{TITLE}")
    for arguments, words in (
        (["predict", "m", "less.csv"], r"lacks columns that the model needs: 'k\u202egpj.exe'"),
        (["predict", "m", nasty], r"error: no\x1b]0;title\x07: No such file"),
        (["predict", nasty, "a.csv"], r"no\x1b]0;title\x07"),
        (["predict", "m", f"empty{TITLE}\n.csv"], r"empty\x1b]0;title\x07\n.csv: the file is em"),
        (["train", "a.csv", "--target", nasty], r"there is no column 'no\x1b]0;title\x07'"),
        (["train", nasty, "--target", target], r"error: no\x1b]0;title\x07: No such file"),
        (["train", "a.csv", "--target", target, "--model", f"{nasty}/m"], r"no\x1b]0;title\x07/m"),
        (["explain", "m", "less.csv", "--weight", nasty], r"'no\x1b]0;title\x07' is no address"),
        (["explain", "m", "a.csv", "--weight", "w_11^(1)", "--html", "m"], "--html m is an input"),
        (["explore", "m", nasty], r"error: no\x1b]0;title\x07: No such file"),
        (["info", nasty], r"no\x1b]0;title\x07"),
        (["info", f"table{TITLE}"], r"error: table\x1b]0;title\x07: truncated or not a saf"),
        (["predict", f"table{TITLE}", f"model{TITLE}\n"], r"but model\x1b]0;title\x07\n does"),
        (["predict", "m", f"model{TITLE}\n"], r"model\x1b]0;title\x07\n: is no table"),
        (["predict", "m", "a.csv", "--out", f"d{TITLE}"], r"error: d\x1b]0;title\x07: Is a dir"),
        (["train", "a.csv", "--target", target, "--model", f"d{TITLE}"], r"d\x1b]0;title\x07: Is"),
        (["explore", "m", "a.csv", "--html", f"d{TITLE}"], r"error: d\x1b]0;title\x07: Is a dir"),
        (["info", "m", nasty], r"unrecognized arguments: no\x1b]0;title\x07"),
        ([nasty], r"no\x1b]0;title\x07"),
        (["explain", "m", "a.csv", "--weight", "w_11^(1)", "--row", nasty], r"\x1b"),
    ):
        code, text = run(*arguments)
        assert code in (1, 2) and words in text, (arguments, text)
        assert sum("error: " in line for line in text.splitlines()) == 1
        assert text.splitlines()[-1].startswith("chainfit: error: ")


@pytest.mark.skipif(os.name != "posix", reason="names of files are bytes on POSIX only")
def test_a_file_name_that_is_no_text(run, frame):
    name = os.fsdecode(b"\xff\xfe.csv")
    frame.to_csv(name, index=False, quoting=csv.QUOTE_ALL)
    code, text = run("train", name, "--target", frame.columns[-1], "--model", "m", "--max-iter", 1)
    assert code == 0 and r"\udcff\udcfe.csv: 60 rows" in text
