"""Rows that come window by window: the same bits as all rows at once, and what is refused."""

import os
import threading

import numpy as np
import pytest
from cut_short import CrashInWindow

from chainfit import MLPClassifier, MLPRegressor, _core
from chainfit._estimators import windows
from chainfit._estimators.inputs import MadeRows


class Made(MadeRows):
    """The rows of an array, made when asked for."""

    def __init__(self, X):
        self._X, self.shape, self.dtype = X, X.shape, X.dtype

    def __getitem__(self, rows):
        return np.ascontiguousarray(self._X[rows])


@pytest.fixture
def small_windows(monkeypatch):
    monkeypatch.setattr(windows, "_WINDOW", 4096)


def huber(Y, raw):
    e = raw - Y
    return np.sqrt(1 + e * e).sum(axis=1), e / np.sqrt(1 + e * e)


def data(rows=701, width=6, dtype=np.float32):
    rng = np.random.default_rng(rows)
    X = rng.standard_normal((rows, width)).astype(dtype)
    return X, X @ rng.standard_normal(width), rng.uniform(0.5, 2, rows)


def bits(model):
    arrays = [*model.coefs_, *model.intercepts_, np.array(model.loss_curve_)]
    return [a.tobytes() for a in arrays]


SETTINGS = {
    "plain": {},
    "of one row": {"batch_size": 1, "max_iter": 3, "hidden_layer_sizes": (4,)},
    "of five rows": {"batch_size": 5},
    "of all rows": {"batch_size": 701},
    "larger than a window": {"batch_size": 300},
    "nothing shuffled": {"shuffle": False},
    "dropout": {"dropout": 0.3},
    "held out": {"early_stopping": True},
    "scorer": {"early_stopping": True, "scoring": "neg_mean_absolute_error"},
    "schedule": {"learning_rate": "one_cycle", "clip_norm": 0.5, "average_decay": 0.9},
    "own loss": {"loss": huber},
    "more threads": {"n_threads": 3},
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
def test_windows_have_the_bits_of_all_rows(small_windows, name, weighted):
    X, y, weight = data()
    settings = {"max_iter": 5, "random_state": 3, "batch_size": 32, "tol": 0, **SETTINGS[name]}
    if weighted and "scoring" in settings:
        settings["scoring"] = "loss"
    weight = weight if weighted else None
    whole, made = (MLPRegressor(**settings) for _ in range(2))
    with pytest.warns(UserWarning):  # 5 epochs are few
        whole.fit(X, y, weight)
        made.fit(Made(X), y, weight)
    assert bits(made) == bits(whole)
    assert made.n_features_in_ == 6


@pytest.mark.filterwarnings("ignore")  # it learns nothing
def test_the_generator_ends_where_it_does_with_all_rows(small_windows):
    X, y, _ = data(dtype=np.float64)
    after = []
    for given in (X, Made(X)):
        generator = np.random.RandomState(5)
        MLPRegressor(hidden_layer_sizes=(3,), random_state=generator, tol=1, max_iter=20).fit(
            given, y
        )
        after.append(generator.uniform())
    assert after[0] == after[1]


def test_a_checkpoint_goes_on(small_windows, tmp_path):
    X, y, _ = data()
    settings = {"random_state": 3, "batch_size": 32, "checkpoint": tmp_path / "state"}
    labels = np.where(y > 0, "yes", "no")
    with pytest.warns(UserWarning):
        whole = MLPClassifier(random_state=3, batch_size=32, max_iter=6).fit(X, labels)
        MLPClassifier(**settings, max_iter=2).fit(Made(X), labels)
        made = MLPClassifier(**settings, max_iter=6).fit(Made(X), labels)
        # and it is the same fit as with all rows
        assert bits(MLPClassifier(**settings, max_iter=6).fit(X, labels)) == bits(whole)
    assert bits(made) == bits(whole)


def test_a_fit_cut_short_within_an_epoch_goes_on_there(small_windows, tmp_path):
    X, y, _ = data()
    settings = {"random_state": 3, "batch_size": 32, "max_iter": 6, "early_stopping": True}
    with pytest.warns(UserWarning):
        whole = MLPRegressor(**settings).fit(X, y)
    for count in (2, 9):
        model = MLPRegressor(**settings, checkpoint=tmp_path / str(count), checkpoint_interval="0s")
        with pytest.raises(RuntimeError, match="crash"):
            model._fit_followed_by([CrashInWindow(count)], Made(X), y)
        with pytest.warns(UserWarning):
            assert bits(model.fit(Made(X), y)) == bits(whole)


class Failing(Made):
    def __getitem__(self, rows):
        if np.ndim(rows) and 600 in rows:
            raise OSError("disk gone")
        return super().__getitem__(rows)


def test_what_goes_wrong_in_the_thread_ends_the_fit(small_windows):
    X, y, _ = data()
    model = MLPRegressor(hidden_layer_sizes=(3,), random_state=0, shuffle=False, batch_size=32)
    threads = threading.active_count()
    with pytest.raises(OSError, match="disk gone"):
        model.fit(Failing(X), y)
    assert not hasattr(model, "coefs_")
    assert threading.active_count() == threads


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_is_told(small_windows):
    X, y, _ = data()
    child = []

    def fork(event):
        if not child:
            child.append(os.fork())

    settings = {"batch_size": 32, "max_iter": 3, "random_state": 0}
    ended = 1
    try:
        MLPRegressor(hidden_layer_sizes=(3,), callbacks=[fork], **settings).fit(Made(X), y)
    except RuntimeError as error:
        ended = 0 if "forked" in str(error) else 2
    finally:
        if child and child[0] == 0:
            os._exit(ended)
    assert os.waitstatus_to_exitcode(os.waitpid(child[0], 0)[1]) == 0


# --- what the core refuses -----------------------------------------------------------------------


def run(trainer, given, rows=10, sparse=False, **settings):
    run = _core.Run()
    run.batch_size, run.shuffle = 4, False
    for name, value in settings.items():
        setattr(run, name, value)
    trainer.run_windows(given, rows, sparse, run, None, 1)


X, Y = np.zeros((10, 3)), np.zeros((10, 2))


@pytest.mark.parametrize(
    "window, error, why",
    [
        (None, TypeError, "tuple"),
        ((X, Y), TypeError, "tuple"),
        ((X[:5], Y[:5], None), ValueError, "whole batches of 4"),
        ((np.zeros((12, 3)), np.zeros((12, 2)), None), ValueError, "all that are left"),
        ((X[:0], Y[:0], None), ValueError, "at least one row"),
        ((X[:8], Y[:4], None), ValueError, "Y must have shape"),
        ((X[:8].astype(np.float32), Y[:8], None), ValueError, "dtype"),
        ((X[:8, :2], Y[:8], None), ValueError, "X must have shape"),
    ],
)
def test_a_window_that_does_not_fit_is_refused(make_net, window, error, why):
    trainer = make_net([3, 2], dtype=np.float64).trainer()
    before = trainer.parameters()
    with pytest.raises(error, match=why):
        run(trainer, lambda done: window)
    assert [a.tobytes() for a in before[0]] == [a.tobytes() for a in trainer.parameters()[0]]


def test_settings_that_windows_do_not_go_with(make_net):
    trainer = make_net([3, 2], dtype=np.float64).trainer()
    begun = ({"so_far": (rows, 0.0, 0.0, 0.0)} for rows in (-4, 3, 10, 12))
    for settings in (*begun, {"shuffle": True}, {"rows": 0}, {"batch_size": 0}, {"max_iter": 0}):
        with pytest.raises(ValueError):
            run(trainer, lambda done: (X, Y, None), **settings)
    with pytest.raises(ValueError, match="all be sparse"):
        run(trainer, lambda done: (X, Y, None), sparse=True)
    settings = _core.Run()
    settings.shuffle, settings.so_far = False, (1, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="only with windows"):
        trainer.run(X, Y, None, None, None, settings, None, 1)
