"""chainfit train: real tables, what it says, interruption."""

from __future__ import annotations

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


@pytest.mark.filterwarnings("ignore:The y_prob values do not sum to one")
def test_train_classification(capsys, table):
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
    assert f"on 111 rows held out: R2 {r2:.4f} (the mean for every row: -0.0" in out
    assert f"on 111 rows held out: MAE {mae:.6g} (the median for every row: " in out
    assert "chainfit predict 'my model.safetensors' FILE" in out
    assert model.net_.random_state == 3


def test_train_without_test_rows_and_with_every_option(capsys, table):
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


def test_an_activation_for_each_hidden_layer(capsys, table):
    table(load_iris, "iris.csv")
    options = "--hidden 6,5 --activation tanh,relu --max-iter 3".split()
    assert main(["train", "iris.csv", "--target", "target", *options]) == 0
    assert "net: MLPClassifier 4-6-5-3, tanh-relu, adam" in capsys.readouterr().out
    assert chainfit.load("iris.safetensors").net_.activation == ("tanh", "relu")


# -- interruption


def test_interrupted_training_is_kept(capsys, monkeypatch, table):
    table(load_breast_cancer, "b.csv")

    def interrupt(self, n_iter, loss):
        if n_iter == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("chainfit._cli.train.Interruption.epoch", interrupt)
    assert main(["train", "b.csv", "--target", "target"]) == 130
    captured = capsys.readouterr()
    assert "interrupted after 4 epochs" in captured.out and "rows held out" in captured.out
    assert "saved to b.safetensors" in captured.out
    assert captured.err.splitlines()[-1] == (
        "chainfit: interrupted; the model so far was kept and saved"
    )
    assert chainfit.load("b.safetensors").net_.n_iter_ == 4


def test_ctrl_c_in_a_process(table):
    table(load_breast_cancer, "b.csv")
    # A shell may have started the tests with Ctrl-C ignored, which children inherit.
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from chainfit._cli.main import main\n"
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


def test_interruption_elsewhere(capsys, monkeypatch, table):
    def interrupt(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("pandas.read_csv", interrupt)
    table(load_iris, "iris.csv")
    assert main(["train", "iris.csv", "--target", "target"]) == 130
    assert capsys.readouterr().err == "chainfit: interrupted\n"


def test_progress_bar_only_on_a_terminal(monkeypatch):
    from chainfit._cli import train

    with train._progress({}) as listeners:
        assert listeners == []
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(train, "PATIENCE", 0.0)
    shown = []
    monkeypatch.setattr(sys.stderr, "write", shown.append, raising=False)
    with train._progress({"max_iter": 5}) as (progress,):
        for n in range(1, 6):
            progress.epoch(n, 1 / n)
    assert any("/5 [" in text for text in shown)
