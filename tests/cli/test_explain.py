"""chainfit explain: a model that `chainfit train` saved, explained on rows of a table."""

import json

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris

import chainfit
from chainfit._cli.main import main

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Write a table and a model of it; return their names and both as objects."""
    folder = tmp_path_factory.mktemp("explain")
    bunch = load_iris(as_frame=True)
    frame = bunch.frame.copy()
    frame["target"] = np.asarray(bunch.target_names)[bunch.target]
    frame.to_csv(folder / "iris.csv", index=False)
    names = str(folder / "iris.safetensors"), str(folder / "iris.csv")
    options = "--hidden 4,3 --max-iter 20 --n-nets 2 --n-bins 0 --model".split()
    assert main(["train", names[1], "--target", "target", *options, names[0]]) == 0
    return *names, chainfit.load(names[0]), frame


@pytest.fixture
def command(files, capsys):
    """Run the command on the files; return exit code, stdout and stderr."""

    def run(*arguments, model=files[0], table=files[1]):
        code = main(["explain", model, table, *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def chain_of(files, rows, weight, **settings):
    _, _, model, frame = files
    return chainfit.explain(model, frame.iloc[rows], None, weight, **settings)


def test_text(command, files):
    code, out, err = command("--row", 60, "--weight", "w_12^(2)")
    assert (code, err) == (0, "")
    assert out == f"{chain_of(files, slice(59, 60), 'w_12^(2)')}\n"
    _, first, _ = command("--weight", "w_12^(1)")
    assert first == f"{chain_of(files, slice(0, 1), 'w_12^(1)')}\n"
    assert "from node 2 of layer 1 (sepal width (cm)) to node 1 of layer 2" in first


def test_batch_notation_and_paths(command, files):
    arguments = ["--row", "60-80", "--weight", "coefs_[0][1, 2]", "--notation", "matrix"]
    code, out, _ = command(*arguments, "--max-paths", 3)
    chain = chain_of(files, slice(59, 80), (0, 1, 2), notation="matrix", max_paths=3)
    assert code == 0 and out == f"{chain}\n" and "on 21 rows" in out


def test_one_count_of_paths(command, files):
    """4-4-3-3 with a softmax: 3 units and 3 outputs above a first-layer weight."""
    arguments = ["--row", 60, "--weight", "w_12^(1)"]
    _, text, _ = command(*arguments)
    assert "along 9 paths" in text and "Every path: all 9" in text
    _, text, _ = command(*arguments, "--json")
    (row,) = json.loads(text)["rows"]
    assert row["n_paths"] == len(row["paths"]) == 9
    _, latex, _ = command(*arguments, "--latex")
    assert latex.count(r":&\quad") == 9


def test_forms(command, files, tmp_path):
    chain = chain_of(files, slice(2, 3), "b_1^(2)")
    arguments = ["--row", 3, "--weight", "b_1^(2)"]
    assert command(*arguments, "--latex")[1] == f"{chain.to_latex()}\n"
    assert json.loads(command(*arguments, "--json")[1]) == chain.to_dict()
    assert command(*arguments, "--ascii")[1] == f"{chain.text(ascii=True)}\n"
    assert command(*arguments, "--exercise")[1] == f"{chain.text(hide='numbers')}\n"
    page = tmp_path / "chain.html"
    code, out, err = command(*arguments, "--html", page)
    assert (code, out, err) == (0, "", f"chainfit: wrote {page}\n")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and chain.to_html() in text
    assert "<title>iris.safetensors: b_1^(2)</title>" in text


def test_a_terminal_without_unicode(files, python):
    script = (
        "import sys; from chainfit._cli.main import main\n"
        "sys.exit(main(sys.argv[1:]) or print('\\f') or main([*sys.argv[1:], '--json']))"
    )
    arguments = ["explain", *files[:2], "--weight", "w_12^(2)"]
    result = python(script, *arguments, PYTHONIOENCODING="ascii", PYTHONUTF8=None)
    assert result.returncode == 0, result.stderr
    text, _, data = result.stdout.partition("\f")
    assert "dJ/dw_12^(2) = " in text and json.loads(data)["weight"] == "w_12^(2)"


def test_one_of_the_nets(command, files):
    for place in (0, 1):
        _, out, _ = command("--weight", "w_12^(1)", "--net", place + 1)
        assert out == f"{chain_of(files, slice(0, 1), 'w_12^(1)', net=place)}\n"
        assert f"Net {place + 1} of 2 of a TabularClassifier" in out
        assert "column sepal width (cm), read as a number: the value, standardised" in out


@pytest.mark.parametrize(
    "arguments,text,code",
    [
        (["--weight", "w_12^(1)", "--net", "3"], "--net 3: ", 1),
        (["--weight", "w_12^(1)", "--net", "0"], "a whole number of at least 1, got 0", 2),
        (["--weight", "w_92^(1)"], "There is no 'w_92^(1)' in a net of 4-4-3-3. It has", 1),
        (["--weight", "w_12^(1)", "--row", "151"], "--row 151: ", 1),
        (["--weight", "w_12^(1)", "--row", "0"], "'0' is neither a row N nor rows N-M", 2),
        (["--weight", "w_12^(1)", "--row", "9-3"], "'9-3' is neither a row N nor rows N-M", 2),
        (
            ["--weight", "w_12^(1)", "--max-paths", "0"],
            "must be a whole number of at least 1, got 0",
            2,
        ),
        (["--weight", "w_12^(1)", "--notation", "latin"], "invalid choice: 'latin'", 2),
        (["--weight", "w_12^(1)", "--latex", "--json"], "not allowed with argument", 2),
        ([], "the following arguments are required: --weight", 2),
    ],
)
def test_errors(command, arguments, text, code):
    got, out, err = command(*arguments)
    assert (got, out) == (code, "") and text in err
    assert err.startswith("chainfit: error: ") and err.count("\n") == 1


def test_files_that_do_not_fit(command, files, tmp_path):
    _, _, _, frame = files
    frame.drop(columns="target").to_csv(tmp_path / "x.csv", index=False)
    code, _, err = command("--weight", "w_12^(1)", table=str(tmp_path / "x.csv"))
    assert code == 1 and "has no column 'target', the target" in err
    X, y = load_diabetes(return_X_y=True)
    plain = str(tmp_path / "plain.safetensors")
    chainfit.MLPRegressor(max_iter=2).fit(X, y).save(plain)
    code, _, err = command("--weight", "w_12^(1)", model=plain)
    assert code == 1 and "not a model of tables" in err
    code, _, err = command("--weight", "w_12^(1)", "--html", files[1])
    assert code == 1 and "is an input of this command" in err
    nameless = str(tmp_path / "nameless.safetensors")
    columns = frame.drop(columns="target")
    model = chainfit.TabularClassifier(n_nets=1, max_iter=2).fit(columns, frame["target"])
    model.save(nameless)
    code, _, err = command("--weight", "w_12^(1)", model=nameless)
    assert code == 1 and "was trained on a target without a name" in err


def test_demo_ends_with_a_chain(capsys):
    assert main(["demo"]) == 0
    out = capsys.readouterr().out
    head, chain = out.split("\nJ = ")
    assert "The chain of one weight on a test image of a 7" in head
    assert "net        64-64-10, hidden layers relu, outputs softmax" in chain
    assert "The update: Adam" in chain and chain.rstrip().endswith("to either side")
