"""Checkpoints: a fit that was cut short anywhere goes on to the bits of one that was not."""

import hashlib
import itertools
import os
import pickle
import random
import signal
import time
import traceback
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris

import chainfit
from chainfit import MLPClassifier, MLPRegressor, ModelFileError, TableModel
from chainfit._cli.main import main
from chainfit._cli.train import Interruption
from chainfit._estimators.callbacks import Listener
from chainfit._estimators.checkpoint import KINDS, Checkpointer
from chainfit._estimators.record import FIELDS
from chainfit._files.model import load

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
SPARSE = csr_array(np.where(abs(X) < 0.5, 0, X))
PAIR = np.c_[X[:, 0] * y, X[:, 1]]


def _halved(step, total_steps):
    return 0.01 * 0.5 ** (step / total_steps)


FITS = {
    "adam": (MLPClassifier((6, 5)), X, y),
    "one row": (MLPClassifier((6,), batch_size=1, max_iter=4), X, y),
    "few rows": (MLPClassifier((6,), solver="adamw", batch_size=7), X, y),
    "in order": (MLPRegressor(hidden_layer_sizes=(6,), shuffle=False), X, y),
    "two outputs": (MLPRegressor(hidden_layer_sizes=(), init="orthogonal"), X, PAIR),
    "sparse": (MLPRegressor("poisson", (6,)), SPARSE, y),
    "float32": (MLPClassifier((6,), activation="gelu"), X.astype(np.float32), y),
    "nesterov": (MLPClassifier((6,), solver="sgd", learning_rate_init=0.1), X, y),
    "invscaling": (MLPClassifier((6,), solver="sgd", learning_rate="invscaling"), X, y),
    "adaptive": (
        MLPClassifier((6,), solver="sgd", learning_rate="adaptive", tol=0.05, n_iter_no_change=1),
        X,
        y,
    ),
    "early stopping": (
        MLPClassifier((6,), early_stopping=True, learning_rate_init=0.1, n_iter_no_change=3),
        X,
        y,
    ),
    "by the loss": (
        MLPRegressor(hidden_layer_sizes=(6,), early_stopping=True, scoring="loss", max_iter=9),
        X,
        y,
    ),
    "dropout": (MLPClassifier((6, 5), dropout=(0.1, 0.5, 0.3), batch_size=9), X, y),
    "average": (MLPClassifier((6,), average="ema", average_decay=0.9, clip_norm=0.1), X, y),
    "cosine": (MLPClassifier((6,), learning_rate="cosine", warmup=7, batch_size=20), X, y),
    "one cycle": (MLPRegressor(hidden_layer_sizes=(6,), learning_rate="one_cycle"), X, y),
    "by a function": (MLPClassifier((6,), solver="rmsprop", learning_rate=_halved, l1=0.01), X, y),
    "all at once": (
        MLPClassifier(
            (6,),
            dropout=0.2,
            average="ema",
            learning_rate="step",
            early_stopping=True,
            class_weight="balanced",
            batch_size=20,
        ),
        X,
        y,
    ),
    "converges": (MLPClassifier((6,), tol=0.1, n_iter_no_change=2), X, y),
}
each_fit = pytest.mark.parametrize("name", FITS)


class Crash(Listener):
    """Fails at the end of an epoch."""

    def __init__(self, epoch):
        self.left = epoch

    def end(self, state, record=None):
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("crash")
        return False


def model_of(name, path=None, **parameters):
    model, rows, targets = FITS[name]
    model = clone(model).set_params(random_state=3)
    if "max_iter" not in parameters and model.max_iter == 200:
        parameters["max_iter"] = 12
    more = {} if path is None else {"checkpoint": path, "checkpoint_interval": 1}
    return model.set_params(**{**more, **parameters}), rows, targets


def content(model):
    """Return all that a fit came to, as bytes."""
    state = model.__getstate__()
    for name in ("checkpoint", "checkpoint_interval", "n_threads", "verbose"):
        state.pop(name, None)
    epochs = np.array(state.pop("_epochs")).reshape(-1, len(FIELDS))
    state["epochs"] = np.delete(epochs, FIELDS.index("seconds"), axis=1)
    return pickle.dumps(state)


def crash(model, rows, targets, epoch):
    with pytest.raises(RuntimeError, match="crash"):
        model._fit_followed_by([Crash(epoch)], rows, targets)


@each_fit
def test_a_fit_cut_short_goes_on_to_the_same_bits(name, tmp_path):
    model, rows, targets = model_of(name)
    expected = content(model.fit(rows, targets))
    epochs = model.n_iter_
    for epoch in {1, 2, max(2, epochs // 2), epochs - 1, epochs}:
        path = tmp_path / f"{epoch}"
        model, rows, targets = model_of(name, path)
        crash(model, rows, targets, epoch)
        assert not hasattr(model, "coefs_")
        assert path.exists() == (epoch > 1)
        model, _, _ = model_of(name, path, n_threads=2, verbose=False)
        assert content(model.fit(rows, targets)) == expected
        # the fit is finished: once more, it ends at once
        again, _, _ = model_of(name, path)
        before = path.read_bytes()
        assert content(again.fit(rows, targets)) == expected
        assert path.read_bytes() == before
    plain, _, _ = model_of(name)
    plain.fit(rows, targets)
    assert_array_equal(
        again.partial_fit(rows, targets).predict(rows)
        if not again.early_stopping
        else again.predict(rows),
        plain.partial_fit(rows, targets).predict(rows)
        if not plain.early_stopping
        else plain.predict(rows),
    )


@each_fit
def test_a_checkpoint_changes_nothing(name, tmp_path):
    model, rows, targets = model_of(name)
    watched, _, _ = model_of(name, tmp_path / "checkpoint")
    assert content(model.fit(rows, targets)) == content(watched.fit(rows, targets))


def test_many_crashes(tmp_path):
    model, rows, targets = model_of("early stopping", max_iter=30, n_iter_no_change=30)
    expected = content(model.fit(rows, targets))
    model, _, _ = model_of("early stopping", tmp_path / "c", max_iter=30, n_iter_no_change=30)
    for _ in range(8):
        crash(model, rows, targets, 4)
    assert content(model.fit(rows, targets)) == expected


def test_rows_of_the_users_own_are_validated_on_again(tmp_path, monkeypatch):
    def fit(path, **other):
        model, rows, targets = model_of("early stopping", path, n_iter_no_change=20)
        more = {"X_val": rows[::3], "y_val": targets[::3], "sample_weight_val": 1 + y[::3]}
        return model.fit(rows, targets, sample_weight=1.0 + y, **{**more, **other})

    expected = fit(None)
    path = tmp_path / "c"
    bomb, end = Crash(5), Checkpointer.end
    monkeypatch.setattr(Checkpointer, "end", lambda self, *a: bomb.end(*a) or end(self, *a))
    with pytest.raises(RuntimeError, match="crash"):
        fit(path)
    with pytest.raises(ValueError, match=r"is of another fit, with other y_val\."):
        fit(path, y_val=y[1::3])
    assert content(fit(path)) == content(expected)


def test_a_generator_is_where_an_uninterrupted_fit_leaves_it(tmp_path):
    draws = []
    for path in (None, tmp_path / "c"):
        generator = np.random.RandomState(8)
        model, rows, targets = model_of("adam", path, random_state=generator)
        if path:
            before = generator.get_state()[1].tolist(), generator.get_state()[2]
            crash(model, rows, targets, 5)
            assert (generator.get_state()[1].tolist(), generator.get_state()[2]) == before
        model.fit(rows, targets)
        draws.append((generator.rand(), [W.tobytes() for W in model.coefs_]))
    assert draws[0] == draws[1]
    with pytest.raises(ValueError, match=r"with other random_state\."):
        model.fit(rows, targets)


def test_a_warm_start_is_taken_up_again(tmp_path):
    first, rows, targets = model_of("adam", warm_start=True)
    first.fit(rows, targets)
    path = tmp_path / "c"
    expected = content(pickle.loads(pickle.dumps(first)).fit(rows, targets))
    model = pickle.loads(pickle.dumps(first)).set_params(checkpoint=path, checkpoint_interval=1)
    crash(model, rows, targets, 5)
    assert content(model.fit(rows, targets)) == expected
    with pytest.raises(ValueError, match="with other weights to begin with"):
        model.fit(rows, targets)


# -- when it is written


def test_it_is_written_at_its_interval_and_at_the_end(tmp_path, monkeypatch):
    written = []

    class Look(Listener):
        def epoch(self, n_iter, loss):
            written.append(path.stat().st_mtime_ns if path.exists() else 0)

    path = tmp_path / "c"
    model, rows, targets = model_of("adam", path, max_iter=11, checkpoint_interval=4)
    model._fit_followed_by([Look()], rows, targets)
    assert [time != 0 for time in written] == [False] * 4 + [True] * 7
    assert len(set(written)) == 3
    assert path.stat().st_mtime_ns not in written
    for interval, count in (("0s", 11), ("3600s", 1)):
        path = tmp_path / interval
        written.clear()
        model.set_params(checkpoint=str(path), checkpoint_interval=interval)
        model._fit_followed_by([Look()], rows, targets)
        assert len(set(written)) == count
        assert path.exists()


@pytest.mark.parametrize("interval", [0, -1, 1.5, True, "60", "60 s", "s", "-1s", "1min", None])
def test_intervals_that_are_none(interval):
    with pytest.raises(ValueError, match=r"'checkpoint_interval' parameter .* such as '60s'"):
        MLPClassifier(checkpoint="c", checkpoint_interval=interval, random_state=0).fit(X, y)


def test_a_fit_that_diverges_leaves_the_last_good_state(tmp_path):
    path = tmp_path / "c"
    model = MLPRegressor(
        hidden_layer_sizes=(4,),
        activation="identity",
        solver="sgd",
        learning_rate_init=1e8,
        momentum=0,
        random_state=0,
        checkpoint=path,
        checkpoint_interval=1,
    )
    with pytest.raises(ValueError, match=r"non-finite|beyond the range"):
        model.fit(X * 1e8, y)
    assert not path.exists() or load(path, KINDS)


def test_a_fit_that_was_interrupted_goes_on(tmp_path, monkeypatch):
    seconds = itertools.count(0, 2)
    monkeypatch.setattr("chainfit._estimators.checkpoint.time.monotonic", lambda: next(seconds))

    class Interrupt(Listener):
        def begin(self, unit, state):
            self.begun = getattr(self, "begun", 0) + 1
            if self.begun == 5:
                signal.raise_signal(signal.SIGINT)

    model, rows, targets = model_of("adam")
    expected = content(model.fit(rows, targets))
    model, _, _ = model_of("adam", tmp_path / "c", checkpoint_interval=100)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model._fit_followed_by([Interrupt()], rows, targets)
    assert 4 <= model.n_iter_ <= 5
    assert content(model_of("adam", tmp_path / "c")[0].fit(rows, targets)) == expected


# -- what is refused


@pytest.fixture
def begun(tmp_path):
    """The path of a checkpoint."""
    path = tmp_path / "begun"
    model, rows, targets = model_of("adam", path)
    crash(model, rows, targets, 4)
    return path


@pytest.mark.parametrize(
    ("parameters", "difference"),
    [
        ({"alpha": 0.5}, r"alpha \(0.0001 there, 0.5 here\)"),
        ({"max_iter": 50}, r"max_iter \(12 there, 50 here\)"),
        ({"batch_size": 10}, r"batch_size \('auto' there, 10 here\)"),
        ({"random_state": 4}, r"random_state \(3 there, 4 here\)\."),
        (
            {"hidden_layer_sizes": (6, 4)},
            r"hidden_layer_sizes \(\(6, 5\) there, \(6, 4\) here\)\.",
        ),
        ({"init": "he_normal"}, "init"),
        ({"solver": "adamw", "beta_1": 0.5}, r"beta_1 \(0.9 there, 0.5 here\), solver"),
        ({"precision": "float32"}, "precision .* X, y, dtype"),
    ],
)
def test_other_parameters_are_refused_by_name(begun, parameters, difference):
    before = begun.read_bytes()
    model, rows, targets = model_of("adam", begun, **parameters)
    with pytest.raises(ValueError, match=f"is of another fit, with other {difference}"):
        model.fit(rows, targets)
    assert begun.read_bytes() == before
    assert not hasattr(model, "coefs_")


def test_other_data_are_refused_by_name(begun):
    model, rows, targets = model_of("adam", begun)
    other = rows.copy()
    other[7, 1] += 1e-15
    for given, difference in (
        ((other, targets), r"X\."),
        ((rows, targets[::-1]), r"y\."),
        ((rows[1:], targets[1:]), r"X, y\."),
        ((rows, targets, np.ones(len(rows))), r"sample_weight\."),
        ((rows[:, :2], targets), r"X\."),
        ((rows.astype(np.float32), targets), r"X, y, dtype \(float64 there, float32 here\)\."),
    ):
        with pytest.raises(ValueError, match=f"is of another fit, with other {difference}"):
            model.fit(*given)
    # the same numbers in another layout are the same data
    model.fit(np.asfortranarray(rows), targets.tolist())


def test_what_is_no_checkpoint_is_left_alone(tmp_path):
    model, rows, targets = model_of("adam")
    model.fit(rows, targets).save(tmp_path / "model")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty").touch()
    for name in ("model", "table.csv", "empty"):
        path = tmp_path / name
        before = path.read_bytes()
        with pytest.raises(ModelFileError, match=name):
            model_of("adam", path)[0].fit(rows, targets)
        assert path.read_bytes() == before
    with pytest.raises(ModelFileError, match="kind"):
        model_of("adam", tmp_path / "c")[0].fit(rows, targets)
        chainfit.load(tmp_path / "c")


def test_a_damaged_checkpoint_is_refused(begun):
    whole = begun.read_bytes()
    model, rows, targets = model_of("adam", begun)
    for damaged in (whole[:-1], whole[:100], whole[:-9] + bytes(9), whole + b"0"):
        begun.write_bytes(damaged)
        with pytest.raises(ModelFileError, match="begun"):
            model.fit(rows, targets)


def test_what_can_not_be_checkpointed(tmp_path):
    path = tmp_path / "c"
    for parameters, message in (
        ({"solver": "lbfgs"}, "'lbfgs' can't be resumed"),
        ({"random_state": None}, "checkpoint needs a random_state"),
        ({"checkpoint": 3}, "'checkpoint' parameter"),
        ({"checkpoint": ""}, "path must be the name of a file"),
    ):
        model, rows, targets = model_of("adam", path, **parameters)
        with pytest.raises(ValueError, match=message):
            model.fit(rows, targets)
    for where in (tmp_path, tmp_path / "no" / "folder"):
        with pytest.raises(OSError):
            model_of("adam", where)[0].fit(rows, targets)
    assert not path.exists()


def test_partial_fit_writes_none(tmp_path):
    model, rows, targets = model_of("adam", tmp_path / "c")
    model.partial_fit(rows, targets, classes=[0, 1, 2])
    assert not (tmp_path / "c").exists()


def test_a_model_with_a_checkpoint_is_cloned_and_saved(tmp_path):
    model, rows, targets = model_of("adam", tmp_path / "c")
    assert clone(model).checkpoint == tmp_path / "c"
    model.fit(rows, targets).save(tmp_path / "model")
    assert chainfit.load(tmp_path / "model").checkpoint == str(tmp_path / "c")


# -- tables, the command line


def test_a_table_model_is_taken_up_again(tmp_path):
    frame = load_iris(as_frame=True).frame
    parameters = {"random_state": 0, "max_iter": 8, "hidden_layer_sizes": (5,)}
    expected = TableModel(**parameters).fit(frame, "target")
    model = TableModel(**parameters, checkpoint=str(tmp_path / "c"), checkpoint_interval=1)
    with pytest.raises(RuntimeError, match="crash"):
        model._fit_followed_by([Crash(4)], frame, "target", None)
    model.fit(frame, "target")
    assert_array_equal(model.predict_proba(frame), expected.predict_proba(frame))


def test_train_on_the_command_line_is_taken_up_again(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    load_iris(as_frame=True).frame.to_csv("iris.csv", index=False)
    options = "iris.csv --target target --max-iter 9 --hidden 5".split()
    assert main(["train", *options, "--model", "plain.safetensors"]) == 0
    path = ["--checkpoint", "c.checkpoint", "--checkpoint-interval", "2"]
    with monkeypatch.context() as patch:
        crash_at = Crash(6)
        patch.setattr(Interruption, "end", lambda self, *a: crash_at.end(*a), raising=False)
        assert main(["train", *options, *path, "--model", "again.safetensors"]) != 0
        assert "crash" in capsys.readouterr().err
    assert Path("c.checkpoint").exists()
    assert not Path("again.safetensors").exists()
    assert main(["train", *options, *path, "--model", "again.safetensors"]) == 0
    rows = load_iris(as_frame=True).frame
    plain, again = (chainfit.load(f"{name}.safetensors") for name in ("plain", "again"))
    assert_array_equal(plain.predict_proba(rows), again.predict_proba(rows))
    assert main(["train", *options, "--alpha", "1", *path, "--model", "again.safetensors"]) != 0
    assert "alpha" in capsys.readouterr().err


# -- kill -9


def fit_in_a_child(path, options):
    """Fork; the child fits and writes a hash. Return its number."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        model = MLPClassifier((20, 10), random_state=1, **options)
        model.set_params(checkpoint=path, checkpoint_interval=1).fit(X, y)
        path.with_suffix(".new").write_text(hashlib.sha256(content(model)).hexdigest())
        path.with_suffix(".new").replace(path.with_suffix(".hash"))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("kills", [6, pytest.param(200, marks=pytest.mark.slow)])
def test_kill_9_at_any_point(tmp_path, kills):
    options = {"early_stopping": True, "n_iter_no_change": 1000, "max_iter": 60, "batch_size": 10}
    options |= {"dropout": 0.2, "learning_rate": "cosine", "warmup": 0.1}
    path = tmp_path / "checkpoint"
    draws = random.Random(kills)
    begin = time.monotonic()
    assert os.waitpid(fit_in_a_child(path, options), 0)[1] == 0
    duration = time.monotonic() - begin
    expected = path.with_suffix(".hash").read_text()
    plain = MLPClassifier((20, 10), random_state=1, **options).fit(X, y)
    assert hashlib.sha256(content(plain)).hexdigest() == expected
    killed = 0
    while killed < kills:
        if path.with_suffix(".hash").exists():
            assert path.with_suffix(".hash").read_text() == expected
            path.with_suffix(".hash").unlink()
            path.unlink()
        child = fit_in_a_child(path, options)
        time.sleep(draws.uniform(0, 0.6 * duration))
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        killed += os.WIFSIGNALED(status)
        assert os.WIFSIGNALED(status) or status == 0
    assert os.waitpid(fit_in_a_child(path, options), 0)[1] == 0
    assert path.with_suffix(".hash").read_text() == expected
