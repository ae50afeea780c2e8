"""Checkpoints of fits on sources: a fit that was cut short goes on to the same bits."""

import numpy as np
import pytest
from cut_short import FITS, CrashInWindow, content, model_of
from in_blocks import SETTINGS, X, bits, kinds, labels, weight

from chainfit import MLPClassifier, data
from chainfit._estimators import windows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("kind", ["arrays", "function"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_checkpoint_goes_on(kind, early_stopping, tmp_path):
    settings = {**SETTINGS, "early_stopping": early_stopping, "dropout": 0.2}
    given = kinds(X, labels, weight, buffer_rows=100)
    whole = MLPClassifier(**{**settings, "max_iter": 9}).fit(given[kind])
    settings["checkpoint"] = tmp_path / "state"
    MLPClassifier(**{**settings, "max_iter": 4}).fit(given[kind])
    model = MLPClassifier(**{**settings, "max_iter": 9}).fit(given[kind])
    assert bits(model) == bits(whole)
    other = kinds(X + 1, labels, weight, buffer_rows=100)[kind]
    with pytest.raises(ValueError, match="of another fit, with other X"):
        MLPClassifier(**settings).fit(other)


class Watched(data.Arrays):
    """Arrays that keep the numbers of the blocks that were read in training."""

    def __init__(self, *rows, **settings):
        super().__init__(*rows, **settings)
        self.read = []

    def blocks(self, numbers=None):
        if numbers is not None:
            self.read.extend(numbers)
        return super().blocks(numbers)


def crash_in_window(model, source, count):
    with pytest.raises(RuntimeError, match="crash"):
        model._fit_followed_by([CrashInWindow(count)], source, None)


EACH_WINDOW = {"checkpoint_interval": "0s", "max_iter": 4}


@pytest.mark.parametrize("in_any_order", [True, False])
@pytest.mark.parametrize("name", FITS)
def test_a_fit_cut_short_within_an_epoch_goes_on_there(name, in_any_order, tmp_path):
    settings = dict(EACH_WINDOW)
    if FITS[name][0].batch_size == "auto":
        settings["batch_size"] = 12
    model, rows, targets = model_of(name, tmp_path / "whole", **settings)
    source = data.Arrays(rows, targets, block_rows=13, buffer_rows=32)
    if not in_any_order:
        source = data.Chunks(source.blocks, buffer_rows=32)
    expected = content(model.fit(source))
    for count in (2, 4, 7):
        path = tmp_path / str(count)
        model, _, _ = model_of(name, path, **settings)
        crash_in_window(model, source, count)
        assert not hasattr(model, "coefs_")
        model, _, _ = model_of(name, path, **settings, n_threads=2)
        assert content(model.fit(source)) == expected
        assert content(model.fit(source)) == expected  # and ends at once


def test_what_was_trained_on_is_not_read_again(tmp_path, monkeypatch):
    model, rows, targets = model_of("adam", tmp_path / "c", **EACH_WINDOW, batch_size=10)
    given = {"block_rows": 15, "buffer_rows": 40}
    crash_in_window(model, source := Watched(rows, targets, **given), 3)
    order, source = source.read[:10], Watched(rows, targets, **given)
    asked, made = [], windows.Ahead.__call__
    monkeypatch.setattr(
        windows.Ahead, "__call__", lambda self, done: asked.append(done) or made(self, done)
    )
    model.fit(source)
    assert asked[:3] == [80, 120, 0]  # two windows of 40 rows had been written
    assert source.read[:5] == order[5:]  # the block that the second one ended in is read once more
    assert len(source.read) == 5 + 3 * 10


def test_many_crashes_within_epochs(tmp_path):
    settings = {**EACH_WINDOW, "batch_size": 10, "n_iter_no_change": 20}
    model, rows, targets = model_of("early stopping", tmp_path / "whole", **settings)
    source = data.Arrays(rows, targets, block_rows=15, buffer_rows=40)
    expected = content(model.fit(source))
    model, _, _ = model_of("early stopping", tmp_path / "c", **settings)
    for _ in range(8):
        crash_in_window(model, source, 2)
    assert content(model.fit(source)) == expected


def test_a_checkpoint_of_an_epoch_knows_what_it_is_of(tmp_path):
    settings = {**EACH_WINDOW, "batch_size": 10, "max_iter": 4}
    model, rows, targets = model_of("adam", tmp_path / "c", **settings)
    crash_in_window(model, data.Arrays(rows, targets, block_rows=15, buffer_rows=40), 6)
    with pytest.raises(ValueError, match=r"with other windows \(40 rows.* there, 60 rows.* here"):
        model.fit(data.Arrays(rows, targets, block_rows=15, buffer_rows=60))
    model.set_params(max_iter=1)
    with pytest.raises(ValueError, match="in epoch 2, more than max_iter=1"):
        model.fit(data.Arrays(rows, targets, block_rows=15, buffer_rows=40))


def test_an_interrupted_fit_goes_on_within_its_epoch(tmp_path, monkeypatch):
    """With an interval that is far from over, the state kept in memory is written."""
    from chainfit._estimators import checkpoint

    monkeypatch.setattr(checkpoint, "_KEPT_FOR", 0.0)
    settings = {"max_iter": 4, "batch_size": 10, "checkpoint_interval": 1}
    source = data.Arrays(FITS["adam"][1], FITS["adam"][2], block_rows=15, buffer_rows=40)
    expected = content(model_of("adam", tmp_path / "whole", **settings)[0].fit(source))

    class Interrupt(CrashInWindow):
        def window(self, rows):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt

    model, _, _ = model_of("adam", tmp_path / "c", **settings)
    with pytest.warns(UserWarning, match="interrupted by user"):
        model._fit_followed_by([Interrupt(5)], source, None)
    asked, made = [], windows.Ahead.__call__
    monkeypatch.setattr(
        windows.Ahead, "__call__", lambda self, done: asked.append(done) or made(self, done)
    )
    model, _, _ = model_of("adam", tmp_path / "c", **settings)
    assert content(model.fit(source)) == expected
    assert asked[0] == 40


KILLED = """
import sys, numpy as np
from chainfit import MLPClassifier, data
rng = np.random.default_rng(0)
X = rng.standard_normal((4000, 6)); y = np.digitize(X[:, 0] * X[:, 1], [-0.5, 0.5])
source = data.Arrays(X, y, block_rows=200, buffer_rows=1000)
model = MLPClassifier((20,), max_iter=30, n_iter_no_change=40, random_state=0, dropout=0.1,
                      early_stopping=True, checkpoint=sys.argv[1], checkpoint_interval="0s",
                      callbacks=[lambda event: print("epoch", flush=True)])
model.fit(source)
import hashlib
total = hashlib.sha256(b"".join(w.tobytes() for w in model.coefs_ + model.intercepts_))
print(total.hexdigest(), flush=True)
"""


def killed_at(path, seconds):
    """Run the script, killed after so many seconds of training; return what it printed last."""
    import subprocess
    import sys
    import time

    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if seconds is not None:
            process.stdout.readline()  # the first epoch has ended
            time.sleep(seconds)
            process.kill()
        return process.stdout.read().split()[-1:]


@pytest.mark.slow
def test_killed_at_any_time_it_comes_to_the_same_bits(tmp_path):
    (whole,) = killed_at(tmp_path / "whole", None)
    assert len(whole) == 64
    for number, seconds in enumerate(np.random.default_rng(1).uniform(0, 0.4, 20)):
        killed_at(tmp_path / str(number), seconds)
        assert killed_at(tmp_path / str(number), None) == [whole]
