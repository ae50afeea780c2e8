"""The command line: train, predict and info on real tables, errors, exit codes, interruption."""

from __future__ import annotations

import csv
import gzip
import os
import re
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split

import chainfit
from chainfit import _core
from chainfit._cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run each test in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(load, name, **settings):
    """Write one of scikit-learn's tables as CSV, classes by name."""
    bunch = load(as_frame=True)
    frame = bunch.frame.copy()
    if "target_names" in bunch:
        frame["target"] = np.asarray(bunch.target_names)[bunch.target]
    frame.to_csv(name, index=False, **settings)
    return frame


def process(*arguments):
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "chainfit", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def last_column(name):
    """Cells of a CSV file's last column, as text."""
    with open(name, newline="") as file:
        return [row[-1] for row in csv.reader(file)]


def fails(capsys, arguments, text, code):
    """Assert that a command ends with a code and one line on stderr that holds a text."""
    assert main([str(word) for word in arguments]) == code
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("chainfit: error: "), captured.err
    assert text in lines[0], lines[0]


# -- train


@pytest.mark.filterwarnings("ignore:The y_prob values do not sum to one")
def test_train_classification(capsys):
    frame = table(load_iris, "iris.csv")
    assert main(["train", "iris.csv", "--target", "target"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "iris.csv: 150 rows, 5 columns"
    assert out[1] == "target target: classification, because the target holds text or categories"
    assert out[2].startswith("columns: 4 numbers: sepal length (cm), ")
    model = chainfit.load("iris.safetensors")
    _, test = train_test_split(frame, test_size=30, random_state=0, stratify=frame["target"])
    accuracy = accuracy_score(test["target"], model.predict(test))
    assert accuracy > 0.9
    assert f"on 30 rows held out: accuracy {accuracy:.4f} (the most frequent class" in out[-4]
    loss = log_loss(test["target"], model.predict_proba(test).astype(float))
    assert f"on 30 rows held out: log loss {loss:.4f} (the classes' shares" in out[-3]
    assert "for every row: 1.0986)" in out[-3]
    assert out[-2:] == [
        "saved to iris.safetensors",
        "predict with: chainfit predict iris.safetensors FILE",
    ]


def test_train_regression(capsys):
    frame = table(load_diabetes, "d.csv")
    arguments = ["--model", "my model.safetensors", "--seed", "3", "--test-fraction", "0.25"]
    assert main(["train", "d.csv", "--target", "target", *arguments]) == 0
    out = capsys.readouterr().out
    model = chainfit.load("my model.safetensors")
    _, test = train_test_split(frame, test_size=111, random_state=3)
    predicted = model.predict(test)
    r2, mae = r2_score(test["target"], predicted), mean_absolute_error(test["target"], predicted)
    assert r2 > 0.3
    assert f"on 111 rows held out: R2 {r2:.4f} (the mean for every row: -0.0" in out
    assert f"on 111 rows held out: MAE {mae:.6g} (the median for every row: " in out
    assert "chainfit predict 'my model.safetensors' FILE" in out
    assert model.net_.random_state == 3


def test_train_without_test_rows_and_with_every_option(capsys):
    table(load_wine, "wine.csv", sep=";")
    options = (
        "--test-fraction 0 --task classification --hidden 9,8 --activation tanh --solver sgd "
        "--batch-size 25 --learning-rate 0.05 --schedule adaptive --momentum 0.8 --alpha 0.002 "
        "--max-iter 7 --no-early-stopping --validation-fraction 0.2 --patience 50 --tol 0.001 "
        "--precision float64 --threads 1 --seed 11 --max-levels 3"
    )
    assert main(["train", "wine.csv", "--target", "target", *options.split()]) == 0
    out = capsys.readouterr().out
    assert "classification, as asked for" in out and "no rows held out" in out
    assert "net: MLPClassifier 13-9-8-3, tanh, sgd, 233 weights float64" in out
    net = chainfit.load("wine.safetensors").net_
    given = {
        **{"hidden_layer_sizes": (9, 8), "activation": "tanh", "solver": "sgd", "alpha": 0.002},
        **{"batch_size": 25, "learning_rate_init": 0.05, "learning_rate": "adaptive"},
        **{"momentum": 0.8, "max_iter": 7, "early_stopping": False, "validation_fraction": 0.2},
        **{"n_iter_no_change": 50, "tol": 0.001, "precision": "float64", "n_threads": 1},
        **{"random_state": 11},
    }
    assert {name: net.get_params()[name] for name in given} == given


def test_train_says_what_it_did_to_the_columns(capsys):
    rows = 240
    draw = np.random.RandomState(0)
    frame = pd.DataFrame(
        {
            "id": [f"row-{i}" for i in range(rows)],
            "size": np.where(draw.rand(rows) < 0.1, np.nan, draw.rand(rows)),
            "colour": draw.choice(["red", "green"], rows),
            "new": draw.rand(rows) < 0.5,
            "day": pd.date_range("2024-01-01", periods=rows).strftime("%Y-%m-%d"),
            "price": draw.rand(rows) * 1000,
        }
    )
    frame.loc[:4, "price"] = np.nan
    frame.to_csv("t.tsv", sep="\t", index=False)
    assert main(["train", "t.tsv", "--target", "price", "--max-iter", "3"]) == 0
    captured = capsys.readouterr()
    for line in (
        "rows without a target, left out: 5",
        "target price: regression, because the target has 235 distinct numbers",
        "columns: 1 number: size (with gaps)",
        "columns: 1 date: day",
        "columns: 1 boolean: new",
        "columns: 1 category: colour (2 levels)",
        "columns: left out: id (like an identifier: 188 different values in 188 rows)",
        "training on 188 rows ...",
    ):
        assert line in captured.out.splitlines()
    assert captured.err.startswith("chainfit: warning: ") and captured.err.count("\n") == 1
    assert chainfit.load("t.safetensors").n_rows_ == 188


def test_few_rows_of_a_class_and_classes_only_in_the_test_rows(capsys):
    frame = pd.DataFrame({"x": np.arange(60.0), "y": ["a", "b"] * 29 + ["c", "d"]})
    frame.to_csv("rare.csv", index=False)
    assert main(["train", "rare.csv", "--target", "y", "--test-fraction", "0.5"]) == 0
    out = capsys.readouterr().out
    assert "log loss" in out
    assert set(chainfit.load("rare.safetensors").classes_) <= {"a", "b", "c", "d"}


# -- predict


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Models of iris (classes) and diabetes (numbers), as files."""
    folder = tmp_path_factory.mktemp("trained")
    table(load_iris, folder / "iris.csv")
    table(load_diabetes, folder / "d.csv")
    for name in ("iris", "d"):
        arguments = ["train", folder / f"{name}.csv", "--target", "target", "--max-iter", "20"]
        assert main([*map(str, arguments), "--model", str(folder / name)]) == 0
    return folder


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


def test_predict_gives_the_same_numbers_in_a_new_process(trained):
    frame = pd.read_csv(trained / "d.csv")
    expected = chainfit.load(trained / "d").predict(frame)
    for extra in ([], ["--out", "out.csv"]):
        run = process("predict", trained / "d", trained / "d.csv", *extra)
        assert run.returncode == 0 and run.stderr == ""
        if not extra:
            with open("stdout.csv", "w") as file:
                file.write(run.stdout)
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
    expected = "column 'c': not seen in training, taken as no level: 'z'"
    assert captured.err == f"chainfit: warning: {expected}\n"
    assert captured.out.splitlines()[0] == "c,proba_p,proba_q,prediction"


@pytest.mark.parametrize("sep", [",", ";", "\t"])
def test_separators_are_found_out(sep, capsys, trained):
    frame = pd.read_csv(trained / "iris.csv").assign(note="one, two; three")
    frame.to_csv("new.txt", index=False, sep=sep)
    assert main(["predict", str(trained / "iris"), "new.txt"]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith(',"one, two; three",setosa')


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
    assert "note: 'x': no numbers, taken as missing: '?'" in captured.out.splitlines()
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
        assert capsys.readouterr().out == expected
    assert main(["predict", model, "decimal.csv", "--decimal", ","]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split(",")[-1] for row in rows] == [r.split(",")[-1] for r in expected.splitlines()]
    run = subprocess.run(
        [sys.executable, "-m", "chainfit", "predict", model, "-"], input=plain, capture_output=True
    )
    assert run.returncode == 0 and run.stdout.decode() == expected


# -- errors


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
    pd.DataFrame({"a": [1.0] * 9, "b": [None] * 9}).to_csv("none.csv", index=False)
    chainfit.MLPClassifier((2,), tol=9).fit([[0.0], [1.0]], [0, 1]).save("plain")
    iris, data = trained / "iris", trained / "iris.csv"
    os.mkdir("folder")
    for arguments, text in (
        (["train", "nothing.csv", "--target", "y"], "nothing.csv: No such file or directory"),
        (["train", "folder", "--target", "y"], "folder: Is a directory"),
        (["train", "empty.csv", "--target", "y"], "empty.csv: the file is empty"),
        (["train", "head.csv", "--target", "b"], "head.csv: the table has no rows"),
        (["train", "latin.csv", "--target", "b"], "latin.csv: not a CSV file in UTF-8"),
        (["train", "ragged.csv", "--target", "b"], "ragged.csv: not a CSV table"),
        (["train", "bad.parquet", "--target", "b"], "bad.parquet: not a Parquet file"),
        (["train", "no.parquet", "--target", "b"], "no.parquet: No such file"),
        (["train", "bad.csv.gz", "--target", "b"], "bad.csv.gz: damaged .gz file"),
        (["train", "one.csv", "--target", "y"], "there is no column 'y'; the table has 'a', 'b'"),
        (["train", "one.csv", "--target", "b"], "the target has one class only, 'x'"),
        (["train", "names.csv", "--target", "b"], "40 different texts in 40 rows"),
        (["train", "two.csv", "--target", "b"], "2 rows are too few to hold out 0.2 of them"),
        (["train", "flat.csv", "--target", "b"], "no column is left to learn from ('a': the same"),
        (["train", "none.csv", "--target", "b"], "none.csv: no row has a value in 'b'"),
        (["train", data, "--target", "target", "--model", "no/m"], "there is no folder"),
        (["train", "one.csv", "--target", "a", "--model", "one.csv"], "is the table itself"),
        (["train", data, "--target", "target", "--model", "one.csv"], "is no chainfit model"),
        (["train", data, "--target", "target", "--loss", "poisson"], "classification: "),
        (["predict", "nothing", data], "nothing: No such file or directory"),
        (["predict", data, data], "iris.csv: truncated or not a safetensors file"),
        (["predict", "plain", data], "holds an MLPClassifier on plain arrays"),
        (["predict", iris, "one.csv"], "the table lacks columns that the model needs: 'sepal"),
        (["predict", trained / "d", data, "--proba"], "regression has no probabilities"),
        (["predict", iris, data, "--out", data], "is an input of this command"),
        (["predict", iris, data, "--out", "no/out.csv"], "No such file or directory"),
        (["info", data], "iris.csv: truncated or not a safetensors file"),
    ):
        capsys.readouterr()
        fails(capsys, arguments, text, code=1)
    assert not [name for name in os.listdir() if name.endswith((".tmp", ".safetensors"))]


def test_no_traceback_in_a_process_but_on_request(trained, monkeypatch):
    run = process("predict", trained / "iris", "nothing.csv")
    assert run.returncode == 1 and run.stdout == ""
    assert run.stderr == "chainfit: error: nothing.csv: No such file or directory\n"
    monkeypatch.setenv("CHAINFIT_TRACEBACK", "1")
    with pytest.raises(FileNotFoundError):
        main(["predict", str(trained / "iris"), "nothing.csv"])


@pytest.mark.parametrize(
    ("module", "file", "text"),
    [
        ("pandas", "t.csv", "tables need pandas, .*pip install 'chainfit.table.'"),
        ("pyarrow", "t.parquet", "Parquet files need pyarrow, .*pip install pyarrow"),
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


# -- interruption


def test_interrupted_training_is_kept(capsys, monkeypatch):
    table(load_breast_cancer, "b.csv")
    fit = chainfit.MLPClassifier.fit

    def interrupted(self, *arguments):
        import warnings

        fit(self.set_params(max_iter=4), *arguments)
        warnings.warn("Training interrupted by user.", stacklevel=2)
        return self

    monkeypatch.setattr(chainfit.MLPClassifier, "fit", interrupted)
    assert main(["train", "b.csv", "--target", "target"]) == 130
    captured = capsys.readouterr()
    assert "interrupted after 4 epochs" in captured.out and "rows held out" in captured.out
    assert "saved to b.safetensors" in captured.out
    assert captured.err.splitlines()[-1] == (
        "chainfit: interrupted; the model so far was kept and saved"
    )
    assert chainfit.load("b.safetensors").net_.n_iter_ == 4


def test_ctrl_c_in_a_process():
    table(load_breast_cancer, "b.csv")
    # A shell may have started the tests with Ctrl-C ignored, which children inherit.
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from chainfit._cli import main\n"
        "sys.exit(main())"
    )
    options = "--max-iter 100000000 --patience inf --no-early-stopping --tol 0".split()
    child = subprocess.Popen(
        [sys.executable, "-c", code, "train", "b.csv", "--target", "target", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in child.stdout:
        if line.startswith("training on"):
            break
    time.sleep(1.0)
    child.send_signal(signal.SIGINT)
    try:
        out, errors = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 130, errors
    assert "Traceback" not in errors
    assert "saved to b.safetensors" in out and "kept and saved" in errors
    assert chainfit.load("b.safetensors").net_.n_iter_ > 0


def test_interruption_elsewhere(capsys, monkeypatch):
    def interrupt(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("pandas.read_csv", interrupt)
    table(load_iris, "iris.csv")
    assert main(["train", "iris.csv", "--target", "target"]) == 130
    assert capsys.readouterr().err == "chainfit: interrupted\n"


def test_progress_bar_only_on_a_terminal(monkeypatch):
    from chainfit import _cli_train

    with _cli_train._progress({}) as on_epoch:
        assert on_epoch is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(_cli_train, "PATIENCE", 0.0)
    shown = []
    monkeypatch.setattr(sys.stderr, "write", shown.append, raising=False)
    with _cli_train._progress({"max_iter": 5}) as on_epoch:
        for n in range(1, 6):
            on_epoch(n, 1 / n)
    assert any("/5 [" in text for text in shown)


# -- the other commands


def test_info(capsys, trained):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert f"version: {chainfit.__version__}\n" in out
    assert f"instruction set in use: {_core.isa()}\n" in out and "threads: " in out
    assert main(["info", str(trained / "iris")]) == 0
    out = capsys.readouterr().out
    assert "model of tables: classification of target\ntrained on: 120 rows\n" in out
    assert "classes: setosa, versicolor, virginica\n" in out
    assert "net: MLPClassifier 4-64-64-3, relu, adam, 4,675 weights float32\n" in out
    chainfit.load(trained / "d").net_.save("plain")
    assert main(["info", "plain"]) == 0
    assert capsys.readouterr().out.startswith("net: MLPRegressor 10-64-64-1, relu, adam")


def test_help_and_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"chainfit {chainfit.__version__}\n"
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for command in ("demo", "train", "predict", "info", "bench"):
        assert f"\n    {command} " in out
        assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert "examples:\n  chainfit train diamonds.csv --target price" in text
    assert all(name in text for name in _core.activations())
    assert text.isascii()


def test_demo_and_bench_are_passed_on(monkeypatch):
    calls = []
    demo = types.ModuleType("chainfit._demo")
    demo.run = lambda **settings: calls.append(settings) or 0
    bench = types.ModuleType("chainfit._bench")
    bench.run = lambda **settings: calls.append(settings) or 3
    for name, module in (("_demo", demo), ("_bench", bench)):
        monkeypatch.setitem(sys.modules, f"chainfit.{name}", module)
        monkeypatch.setattr(chainfit, name, module, raising=False)
    assert main(["demo", "--seed", "4"]) == 0
    assert main(["bench", "--quick"]) == 3
    assert calls == [{"seed": 4}, {"quick": True}]


# -- the whole job


def test_diamonds():
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
