"""Checkpoints of tabular models: a file for each net, the bits of a fit that was not cut short."""

import contextlib
import hashlib
import itertools
import os
import random
import signal
import time
import traceback

import numpy as np
import pandas as pd
import pytest
from cut_short import Crash, content, crash_of_net
from sklearn.base import clone

import chainfit
from chainfit import ModelFileError, TabularClassifier, TabularRegressor
from chainfit._cli.main import main
from chainfit._estimators.checkpoint import Checkpointer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DRAW = np.random.RandomState(0)
X = pd.DataFrame(
    {
        "size": np.where(DRAW.rand(120) < 0.1, np.nan, DRAW.rand(120)),
        "colour": DRAW.choice(["red", "green", "blue"], 120),
    }
)
Y = X["size"].fillna(0.5) + (X["colour"] == "red") + 0.1 * DRAW.rand(120)
TARGETS = {TabularClassifier: np.where(Y > 0.7, "much", "little"), TabularRegressor: Y.to_numpy()}
EPOCHS = 6


def model_of(cls, path=None, **parameters):
    settings = {"n_nets": 3, "hidden_layer_sizes": (6,), "max_iter": EPOCHS, "random_state": 3}
    settings |= {"dropout": 0.1, "checkpoint": path, "checkpoint_interval": 1}
    return cls(**{**settings, **parameters}), TARGETS[cls]


def whole(model):
    nets = [content(net) for net in model.nets_]
    return nets, model.temperature_, model.predict(X).tobytes()


def files(path):
    return {p.name: p.read_bytes() for p in sorted(path.parent.glob(f"{path.name}.*"))}


def fit_and_count(model, y):
    """Fit and return the epochs that were trained, of each net."""
    trained = {}

    def note(net, epoch, loss, score):
        trained.setdefault(net, []).append(epoch)

    model._fit(X, y, on_epoch=note)
    return trained


@pytest.mark.parametrize("cls", TARGETS)
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_a_crash_in_the_second_net(cls, n_jobs, tmp_path):
    path = tmp_path / "run"
    plain, y = model_of(cls)
    expected = whole(plain.fit(X, y))
    model, _ = model_of(cls, path, n_jobs=n_jobs)
    crash_of_net(model, X, y, 1, 4)
    assert not hasattr(model, "nets_")
    assert not path.exists()
    model, _ = model_of(cls, path, n_jobs=1, verbose=False, n_threads=1)
    if n_jobs == 1:  # else the third one began too
        assert [*files(path)] == ["run.1", "run.2"]
        rest = [4, 5, 6]
        assert fit_and_count(model, y) == {1: rest, 2: [1, 2, 3, *rest]}
    else:
        model.fit(X, y)
    assert whole(model) == expected
    assert [net.checkpoint for net in model.nets_] == [None] * 3
    # the fit is finished: once more, it ends at once
    before = files(path)
    assert [*before] == ["run.1", "run.2", "run.3"]
    again, _ = model_of(cls, path, n_jobs=n_jobs)
    assert fit_and_count(again, y) == {}
    assert whole(again) == expected and files(path) == before


def test_many_crashes_of_all_nets_at_once(tmp_path):
    plain, y = model_of(TabularClassifier, max_iter=20)
    expected = whole(plain.fit(X, y))
    for _ in range(4):
        epochs = itertools.count()

        def fail(net, epoch, loss, score, epochs=epochs):
            if next(epochs) == 5:
                raise RuntimeError("crash")

        model, _ = model_of(TabularClassifier, tmp_path / "run", n_jobs=3, max_iter=20)
        with contextlib.suppress(RuntimeError):
            model._fit(X, y, on_epoch=fail)
    model, _ = model_of(TabularClassifier, tmp_path / "run", n_jobs=2, max_iter=20)
    assert whole(model.fit(X, y)) == expected


def test_rows_to_validate_on_and_a_generator(tmp_path, monkeypatch):
    def fit(path, shift=0):
        generator = np.random.RandomState(8)
        model, y = model_of(TabularRegressor, path, random_state=generator, n_jobs=1)
        model.fit(X, y, X_val=X[::3], y_val=y[::3] + shift)
        return whole(model), generator.rand()

    expected = fit(None)
    path = tmp_path / "run"
    bomb, end = Crash(EPOCHS + 2), Checkpointer.end
    with monkeypatch.context() as patch:
        patch.setattr(Checkpointer, "end", lambda self, *a: bomb.end(*a) or end(self, *a))
        with pytest.raises(RuntimeError, match="crash"):
            fit(path)
    assert [*files(path)] == ["run.1", "run.2"]
    with pytest.raises(ValueError, match=r"is of another fit, with other y_val\."):
        fit(path, shift=1)
    assert fit(path) == expected


def test_more_epochs_are_trained_on(tmp_path):
    steady = {"learning_rate": "constant", "checkpoint": tmp_path / "run"}
    model, y = model_of(TabularRegressor, **steady)
    model.fit(X, y).set_params(max_iter=9)
    plain, _ = model_of(TabularRegressor, learning_rate="constant", max_iter=9)
    assert whole(model.fit(X, y)) == whole(plain.fit(X, y))
    with pytest.raises(ValueError, match="after 9 epochs, more than max_iter=8"):
        model.set_params(max_iter=8).fit(X, y)


# -- what is refused


def test_another_fit_is_refused_before_a_net_is_trained(tmp_path):
    path = tmp_path / "run"
    model, y = model_of(TabularClassifier, path, n_jobs=1)
    crash_of_net(model, X, y, 1, 4)
    (tmp_path / "run.1").unlink()  # the first net would be trained anew
    before = files(path)
    other = X.assign(colour=["green", *X["colour"][1:]])
    for table, targets, parameters, difference in (
        (other, y, {}, r"X\."),
        (X, np.roll(y, 1), {}, r"y\."),
        (X, y, {"random_state": 4}, r"random_state \(3 there, 4 here\)\."),
        (X, y, {"n_bins": 3}, r"n_bins \(8 there, 3 here\), X"),
        (X, y, {"n_nets": 2}, r"n_nets \(3 there, 2 here\)\. Delete .*run\.1'? to .*run\.2"),
        (X, y, {"max_iter": 7}, r"max_iter \(6 there, 7 here\)\."),
        (X, y, {"dropout": 0.2, "n_jobs": 1}, r"dropout \(0.1 there, 0.2 here\)\."),
    ):
        model, _ = model_of(TabularClassifier, path, **parameters)
        with pytest.raises(
            ValueError, match=rf"run\.2.* is of another fit, with other {difference}"
        ):
            model.fit(table, targets)
        assert files(path) == before and not hasattr(model, "nets_")
    (tmp_path / "run.2").rename(tmp_path / "run.3")
    with pytest.raises(
        ValueError, match=r"with other net \(2 there, 3 here\)\. Delete .* to begin"
    ):
        model_of(TabularClassifier, path)[0].fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"solver": "lbfgs"}, ValueError, "'lbfgs' can't be resumed"),
        ({"random_state": None}, ValueError, "checkpoint needs a random_state"),
        ({"checkpoint": 3}, ValueError, "'checkpoint' parameter"),
        ({"checkpoint": ""}, ValueError, "path must be the name of a file"),
        ({"checkpoint": "no/folder"}, OSError, r"no/folder\.1"),
        ({"checkpoint_interval": "1min"}, ValueError, "'checkpoint_interval' parameter"),
    ],
)
def test_what_can_not_be_checkpointed_is_refused_before_any_work(
    parameters, error, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("chainfit._tables.base.learn_and_read", None)
    model, y = model_of(TabularClassifier, tmp_path / "run", **parameters)
    with pytest.raises(error, match=message):
        model.fit(X, y)
    assert [*tmp_path.iterdir()] == []


def test_what_is_no_checkpoint_is_left_alone(tmp_path):
    (tmp_path / "run.3").write_text("a,b\n1,2\n")
    model, y = model_of(TabularClassifier, tmp_path / "run")
    with pytest.raises(ModelFileError, match=r"run\.3"):
        model.fit(X, y)
    assert files(tmp_path / "run") == {"run.3": b"a,b\n1,2\n"}


def test_it_is_cloned_and_saved(tmp_path):
    model, y = model_of(TabularClassifier, tmp_path / "run")
    assert clone(model).checkpoint == tmp_path / "run"
    model.fit(X, y).save(tmp_path / "model")
    assert chainfit.load(tmp_path / "model").checkpoint == str(tmp_path / "run")


# -- the command line


def test_the_same_command_goes_on_after_ctrl_c(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    X.assign(y=Y).to_csv("t.csv", index=False)
    options = "--target y --n-nets 3 --hidden 6 --max-iter 6 --n-jobs 1"
    command = ["train", "t.csv", *options.split()]
    assert main([*command, "--model", "plain"]) == 0
    command += ["--checkpoint", "run", "--checkpoint-interval", "1"]

    def interrupt(self, net, epoch, loss, score):
        if (net, epoch) == (1, 4):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("chainfit._cli.train._Bar.epoch", interrupt)
        assert main(command) == 130
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-1] == (
        "chainfit: interrupted; the model so far was kept and saved; "
        "the same command goes on with the training"
    )
    assert len(chainfit.load("t.safetensors").nets_) == 2
    assert main(command) == 0
    going_on = "going on from the checkpoint, after 9 of 18 epochs of all nets"
    assert going_on in capsys.readouterr().out.splitlines()
    predicted = [chainfit.load(name).predict(X) for name in ("plain", "t.safetensors")]
    assert np.array_equal(*predicted)
    assert main([*command, "--seed", "1"]) == 1
    error = capsys.readouterr().err
    assert "run.1 is of another fit, with other " in error
    assert "random_state (0 there, 1 here)" in error


# -- kill -9


def fit_in_a_child(path):
    """Fork; the child fits and writes a hash. Return its number."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        model, y = model_of(TabularClassifier, path, max_iter=40, n_jobs=2)
        digest = hashlib.sha256(repr(whole(model.fit(X, y))).encode()).hexdigest()
        path.with_suffix(".new").write_text(digest)
        path.with_suffix(".new").replace(path.with_suffix(".hash"))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_kill_9_at_any_point(tmp_path):
    path, draws, kills = tmp_path / "run", random.Random(0), 40
    begin = time.monotonic()
    assert os.waitpid(fit_in_a_child(path), 0)[1] == 0
    duration = time.monotonic() - begin
    plain, y = model_of(TabularClassifier, max_iter=40)
    expected = hashlib.sha256(repr(whole(plain.fit(X, y))).encode()).hexdigest()
    while True:
        if path.with_suffix(".hash").exists():
            assert path.with_suffix(".hash").read_text() == expected
            for file in tmp_path.iterdir():
                file.unlink()
            if kills <= 0:
                break
        child = fit_in_a_child(path)
        if kills > 0:
            time.sleep(draws.uniform(0, 0.8 * duration))
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        kills -= os.WIFSIGNALED(status)
        assert os.WIFSIGNALED(status) or status == 0
