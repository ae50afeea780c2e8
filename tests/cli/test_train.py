"""chainfit train: real tables, what it says, interruption."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split

import chainfit
from chainfit._cli.main import main

QUICK = ["--n-nets", "2", "--hidden", "8", "--max-iter", "3"]


def test_train_classification(capsys, table, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    frame = table(load_iris, "iris.csv")
    assert main(["train", "iris.csv", "--target", "target"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "iris.csv: 150 rows, 5 columns"
    assert out[1] == "target target: classification, because the target holds text or categories"
    assert out[2] == "3 classes and their rows: setosa (50), versicolor (50), virginica (50)"
    assert out[3].startswith("columns: 4 numbers: sepal length (cm), ")
    assert out[4] == "  petal width (cm)"
    assert out[5] == "training 8 nets on 120 rows ..." and len(out) <= 24
    model = chainfit.load("iris.safetensors")
    _, test = train_test_split(frame, test_size=30, random_state=0, stratify=frame["target"])
    accuracy = accuracy_score(test["target"], model.predict(test))
    assert accuracy > 0.9
    best = "always the most frequent class: 0.3333"
    assert f"on 30 rows held out: accuracy {accuracy:.4f} ({best})" == out[-6]
    loss = log_loss(test["target"], model.predict_proba(test))
    shares = "always the classes' shares: 1.0986"
    assert f"on 30 rows held out: log loss {loss:.4f} ({shares})" == out[-5]
    assert out[-4:] == [
        "saved to iris.safetensors",
        "explore with: chainfit explore iris.safetensors iris.csv",
        "explain with: chainfit explain iris.safetensors iris.csv --weight 'w_11^(1)'",
        "predict with: chainfit predict iris.safetensors iris.csv",
    ]


def test_train_regression(capsys, table):
    frame = table(load_diabetes, "d.csv")
    arguments = ["--model", "my model.safetensors", "--seed", "3", "--test-fraction", "0.25"]
    assert main(["train", "d.csv", "--target", "target", *arguments]) == 0
    out = capsys.readouterr().out
    model = chainfit.load("my model.safetensors")
    _, test = train_test_split(frame, test_size=111, random_state=3)
    predicted = model.predict(test)
    r2, mae = r2_score(test["target"], predicted), mean_absolute_error(test["target"], predicted)
    assert r2 > 0.3
    assert f"on 111 rows held out: R2 {r2:.4f} (always the mean: -0.0" in out
    assert f"on 111 rows held out: MAE {mae:.6g} (always the median: " in out
    assert "chainfit predict 'my model.safetensors' d.csv" in out
    assert model.random_state == 3 and model.target_.name == "target"


def test_train_without_test_rows_and_with_every_option(capsys, table):
    table(load_wine, "wine.csv", sep=";")
    options = (
        "--test-fraction 0 --task classification --hidden 9,8 --activation tanh --solver sgd "
        "--batch-size 25 --learning-rate 0.05 --schedule adaptive --momentum 0.8 --alpha 0.002 "
        "--max-iter 7 --validation-fraction 0.2 --patience 50 --tol 0.001 --precision float64 "
        "--threads 1 --seed 11 --max-levels 3 --preset fast --n-nets 2 --n-bins 0 "
        "--label-smoothing 0.05 --dropout 0.1 --clip-norm 1 --average ema --n-jobs 1"
    )
    assert main(["train", "wine.csv", "--target", "target", *options.split()]) == 0
    out = capsys.readouterr().out
    assert "classification, as asked for" in out and "no rows held out" in out
    assert "2 nets: MLPClassifier 13-9-8-3, tanh, sgd, 233 weights float64" in out
    model = chainfit.load("wine.safetensors")
    given = {
        **{"hidden_layer_sizes": (9, 8), "activation": "tanh", "solver": "sgd", "alpha": 0.002},
        **{"batch_size": 25, "learning_rate_init": 0.05, "learning_rate": "adaptive"},
        **{"momentum": 0.8, "max_iter": 7, "validation_fraction": 0.2, "random_state": 11},
        **{"n_iter_no_change": 50, "tol": 0.001, "precision": "float64", "n_threads": 1},
        **{"max_levels": 3, "preset": "fast", "n_nets": 2, "n_bins": 0, "label_smoothing": 0.05},
        **{"dropout": 0.1, "clip_norm": 1, "average": "ema", "n_jobs": 1},
    }
    assert {name: model.get_params()[name] for name in given} == given
    assert model.dialect_.delimiter == ";"


def test_train_says_what_it_did_to_the_columns(capsys):
    rows = 240
    draw = np.random.RandomState(0)
    frame = pd.DataFrame(
        {
            "id": [f"row-{i}" for i in range(rows)],
            "size": np.where(draw.rand(rows) < 0.1, np.nan, draw.rand(rows)),
            "colour": draw.choice(["red", "green"], rows),
            "new": draw.rand(rows) < 0.5,
            "day": pd.date_range("2024-01-01", periods=rows).strftime("%d.%m.%Y"),
            "price": draw.rand(rows) * 1000,
        }
    )
    frame.loc[:4, "price"] = np.nan
    frame.to_csv("t.tsv", sep="\t", index=False)
    assert main(["train", "t.tsv", "--target", "price", *QUICK]) == 0
    captured = capsys.readouterr()
    for line in (
        "rows without a target, left out: 5",
        "target price: regression, because the target has 235 distinct numbers",
        "columns: 1 number: size (with gaps)",
        "columns: 1 date: day (%d.%m.%Y)",
        "columns: 1 boolean: new",
        "columns: 1 category: colour (2 levels)",
        "training 2 nets on 188 rows ...",
    ):
        assert line in captured.out.splitlines(), captured.out
    assert re.search(r"^columns: left out: id \(.*identifier", captured.out, re.M)
    assert captured.err == "" and chainfit.load("t.safetensors").n_rows_ == 188


def test_what_the_user_says_of_cells(capsys):
    rows = 60
    frame = pd.DataFrame(
        {
            "x": [f"1.{i:03d},5" for i in range(rows)],
            "day": ["03/04/2020", "05/06/2021", "unknown"] * 20,
            "comment": ["a", "b"] * 30,
            "y": ["p", "q", "unknown"] * 20,
        }
    )
    frame.to_csv("t.csv", index=False, sep="|")
    options = "--decimal , --thousands . --na unknown --na ? --date-format %m/%d/%Y --drop comment"
    assert main(["train", "t.csv", "--target", "y", *options.split(), *QUICK]) == 0
    out = capsys.readouterr().out
    assert "rows without a target, left out: 20" in out and "(decimal , thousands .)" in out
    assert "day (%m/%d/%Y)" in out and "columns: left out: comment (" in out
    model = chainfit.load("t.safetensors")
    assert (model.decimal, model.thousands, model.na_values) == (",", ".", ["unknown", "?"])
    assert (model.date_format, model.drop) == ("%m/%d/%Y", ["comment"])
    assert model.classes_.tolist() == ["p", "q"]
    row = pd.DataFrame({"x": ["1.001,5"], "day": ["03/04/2020"]})
    typed = pd.DataFrame({"x": [1001.5], "day": [pd.Timestamp("2020-03-04")]})
    np.testing.assert_array_equal(model.predict_proba(row), model.predict_proba(typed))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--drop", "y"], "--drop y: that is the target"),
        (["--drop", "z"], "'z'"),
        (["--loss", "huber"], "--loss is not for classification"),
        (["--decimal", ",", "--thousands", ","], "thousands and decimal must differ"),
        (["--date-format", "%d"], "no year"),
    ],
)
def test_what_cannot_be_meant(options, text, capsys):
    pd.DataFrame({"x": ["1", "2"] * 20, "d": ["a", "b"] * 20, "y": ["p", "q"] * 20}).to_csv(
        "t.csv", index=False
    )
    assert main(["train", "t.csv", "--target", "y", *options]) == 1
    error = capsys.readouterr().err
    assert text in error and error.startswith("chainfit: error: ") and error.count("\n") == 1
    assert not os.path.exists("t.safetensors")


def test_few_rows_of_a_class_and_classes_only_in_the_test_rows(capsys):
    frame = pd.DataFrame({"x": np.arange(60.0), "y": ["a", "b"] * 29 + ["c", "d"]})
    frame.to_csv("rare.csv", index=False)
    assert main(["train", "rare.csv", "--target", "y", "--test-fraction", "0.5", *QUICK]) == 0
    out = capsys.readouterr().out
    assert "log loss" in out
    model = chainfit.load("rare.safetensors")
    assert set(model.classes_) <= {"a", "b", "c", "d"}
    assert model.target_.classes == tuple(model.classes_)


def test_an_activation_for_each_hidden_layer(capsys, table):
    table(load_iris, "iris.csv")
    options = "--hidden 6,5 --activation tanh,relu --max-iter 3 --preset fast --n-bins 0".split()
    assert main(["train", "iris.csv", "--target", "target", *options]) == 0
    assert "net: MLPClassifier 4-6-5-3, tanh-relu, adam" in capsys.readouterr().out
    assert chainfit.load("iris.safetensors").activation == ("tanh", "relu")


# -- interruption


def test_interrupted_training_is_kept(capsys, monkeypatch, table):
    table(load_breast_cancer, "b.csv")

    def interrupt(self, net, epoch, loss, score):
        if epoch == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("chainfit._cli.train._Bar.epoch", interrupt)
    assert main(["train", "b.csv", "--target", "target", "--n-nets", "2", "--n-jobs", "1"]) == 130
    captured = capsys.readouterr()
    assert "interrupted after 4 epochs" in captured.out and "rows held out" in captured.out
    assert "saved to b.safetensors" in captured.out
    assert captured.err.splitlines()[-1] == (
        "chainfit: interrupted; the model so far was kept and saved"
    )
    model = chainfit.load("b.safetensors")
    assert model.n_iter_ == 4 and len(model.nets_) == 1


def test_ctrl_c_in_a_process(table):
    table(load_breast_cancer, "b.csv")
    # A shell may have started the tests with Ctrl-C ignored, which children inherit.
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from chainfit._cli.main import main\n"
        "sys.exit(main())"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, "train", "b.csv", "--target", "target", "--max-iter", "99999"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in child.stdout:
            if line.startswith("training "):
                break
        time.sleep(1.0)
        child.send_signal(signal.SIGINT)
        out, errors = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 130, errors
    assert "Traceback" not in errors
    assert "saved to b.safetensors" in out and "kept and saved" in errors
    assert chainfit.load("b.safetensors").n_iter_ > 0


def test_interruption_elsewhere(capsys, monkeypatch, table):
    def interrupt(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("chainfit._tables.files.table_file.TableFile.blocks", interrupt)
    table(load_iris, "iris.csv")
    assert main(["train", "iris.csv", "--target", "target"]) == 130
    assert capsys.readouterr().err == "chainfit: interrupted\n"


def test_progress_bar_only_on_a_terminal(monkeypatch):
    from chainfit._cli import train

    with train._progress() as bar:
        bar.epoch(0, 1, 0.5, 0.5)
        assert bar._bar is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(train, "PATIENCE", 0.0)
    shown = []
    monkeypatch.setattr(sys.stderr, "write", shown.append, raising=False)
    with train._progress() as bar:
        bar.total = 10
        for n in range(1, 6):
            bar.epoch(0, n, 1 / n, 0.5)
            bar.epoch(1, n, 1 / n, 0.5)
    assert any("/10 [" in text for text in shown)
