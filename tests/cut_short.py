"""Fits that the tests of checkpoints cut short, and what they come to."""

import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris

from chainfit import MLPClassifier, MLPRegressor
from chainfit._estimators.callbacks import Listener
from chainfit._estimators.record import FIELDS

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
    "variances": (MLPRegressor("gaussian_nll", (6,), early_stopping=True), X, PAIR),
    "several": (MLPClassifier((6,), label_smoothing=0.1), X, np.c_[y, (X[:, 0] > 0) + 3]),
    "converges": (MLPClassifier((6,), tol=0.1, n_iter_no_change=2), X, y),
}


class Crash(Listener):
    """Fails at the end of an epoch."""

    def __init__(self, epoch):
        self.left = epoch

    def end(self, state, record=None):
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("crash")
        return False


class CrashInWindow(Listener):
    """Fails after so many windows, before the checkpoint is written."""

    def __init__(self, count):
        self.left = count

    def window(self, rows):
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("crash")


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


def crash_of_net(model, table, targets, net, epoch):
    """Let the fit of a tabular model fail at the end of an epoch of one of its nets."""

    def fail(number, n_iter, loss, score):
        if (number, n_iter) == (net, epoch):
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        model._fit(table, targets, on_epoch=fail)
