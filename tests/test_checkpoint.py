"""Checkpoints: a fit that was cut short anywhere goes on to the bits of one that was not."""

import hashlib
import itertools
import os
import pickle
import random
import signal
import time
import traceback

import numpy as np
import pytest
from cut_short import FITS, Crash, X, content, crash, model_of, y
from numpy.testing import assert_array_equal

from chainfit import MLPClassifier, MLPRegressor
from chainfit._estimators.callbacks import Listener
from chainfit._estimators.checkpoint import KINDS, Checkpointer
from chainfit._files.model import load

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
each_fit = pytest.mark.parametrize("name", FITS)


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


BY_ALL_STEPS = {"cosine", "one cycle", "by a function", "all at once"}


@each_fit
@pytest.mark.parametrize("finished", [True, False])
def test_more_epochs_are_trained_on_to_the_same_bits(name, finished, tmp_path):
    path = tmp_path / "c"
    model, rows, targets = model_of(name, path, max_iter=4)
    if finished:
        model.fit(rows, targets)
    else:
        crash(model, rows, targets, 3)
    before = path.read_bytes()
    longer, _, _ = model_of(name, path, max_iter=9)
    if name in BY_ALL_STEPS:  # whose first epochs are others then
        with pytest.raises(ValueError, match=r"with other max_iter \(4 there, 9 here\)\."):
            longer.fit(rows, targets)
        assert path.read_bytes() == before
        return
    expected = content(model_of(name, max_iter=9)[0].fit(rows, targets))
    assert content(longer.fit(rows, targets)) == expected
    if longer.n_iter_ == 9:  # and not before it was asked to
        shorter, _, _ = model_of(name, path, max_iter=8)
        with pytest.raises(ValueError, match="after 9 epochs, more than max_iter=8"):
            shorter.fit(rows, targets)
        assert not hasattr(shorter, "coefs_")


@pytest.mark.parametrize(
    ("parameters", "goes_on"),
    [
        ({"warmup": 5}, True),
        ({"warmup": 0.2}, False),
        ({"learning_rate": "step", "decay_steps": 5}, True),
        ({"learning_rate": "step", "decay_steps": 5, "warmup": 0.5}, False),
        ({"learning_rate": "linear"}, False),
    ],
)
def test_schedules_that_more_epochs_leave_as_they_are(parameters, goes_on, tmp_path):
    model, rows, targets = model_of("adam", tmp_path / "c", max_iter=3, batch_size=50, **parameters)
    model.fit(rows, targets)
    model.set_params(max_iter=6)
    if goes_on:
        plain = model_of("adam", max_iter=6, batch_size=50, **parameters)[0]
        assert content(model.fit(rows, targets)) == content(plain.fit(rows, targets))
    else:
        with pytest.raises(ValueError, match="with other max_iter"):
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
