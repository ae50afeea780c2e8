"""chainfit, the NumPy reference and scikit-learn as contestants of the benchmark."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.neural_network import MLPRegressor as SklearnMLPRegressor

from chainfit import MLPClassifier, MLPRegressor, reference
from chainfit._bench.workloads import encode, estimator_settings, fit_reference, make_data

from .job import CallsByName, Job, NotApplicableError, Training

Array = npt.NDArray[Any]

KINDS = {
    "chainfit": (MLPRegressor, MLPClassifier),
    "sklearn": (SklearnMLPRegressor, SklearnMLPClassifier),
}


class _Estimator:
    """`fit` of an estimator: its checks and its set-up are counted."""

    def __init__(self, job: Job) -> None:
        self.workload = job.workload
        self.X, self.y = make_data(self.workload, job.numpy_dtype)
        self.kind: Any = KINDS[job.peer][self.workload.classes > 1]
        self.threads = {"n_threads": job.threads} if job.peer == "chainfit" else {}

    def train(self, epochs: int, shuffle: bool) -> None:
        settings = estimator_settings(self.workload, epochs, shuffle=shuffle)
        self.model = self.kind(**settings, **self.threads).fit(self.X, self.y)

    def parameters(self) -> tuple[list[Array], list[Array]]:
        return self.model.coefs_, self.model.intercepts_


class _Reference:
    """The reference's epochs, without any checks."""

    def __init__(self, job: Job) -> None:
        self.workload = job.workload
        self.X, y = make_data(self.workload, job.numpy_dtype)
        self.Y = encode(self.workload, y, job.numpy_dtype)

    def train(self, epochs: int, shuffle: bool) -> None:
        self.trained = fit_reference(self.workload, self.X, self.Y, epochs, shuffle=shuffle)

    def parameters(self) -> tuple[list[Array], list[Array]]:
        return self.trained


def training(job: Job) -> dict[str, Training]:
    """Ways to train the job's workload."""
    return {"fit": _Reference(job) if job.peer == "numpy" else _Estimator(job)}


def trained_net(job: Job) -> tuple[Array, list[Array], list[Array]]:
    """X (rows of the call, n_0), W and b: the net that every contestant is given."""
    call, workload = job.call, job.workload
    assert call is not None
    X, y = make_data(workload, job.numpy_dtype)
    W, b = fit_reference(workload, X, encode(workload, y, job.numpy_dtype), 3, shuffle=False)
    return np.resize(X, (call.rows, X.shape[1])), W, b


def calls(job: Job) -> CallsByName:
    """Ways to make the job's call."""
    call, workload = job.call, job.workload
    assert call is not None
    X, W, b = trained_net(job)
    if job.peer == "numpy":
        return {"forward": lambda: reference.forward(X, W, b, "relu", call.link)[-1]}
    # the same three epochs as trained_net's, so that W and b agree to rounding
    kind: Any = KINDS["sklearn" if job.peer == "sklearn" else "chainfit"][workload.classes > 1]
    threads = {} if job.peer == "sklearn" else {"n_threads": job.threads}
    X_train, y = make_data(workload, job.numpy_dtype)
    model = kind(**estimator_settings(workload, 3, shuffle=False), **threads).fit(X_train, y)
    if job.peer == "row_predictor":
        return {"row_predictor": _row_predictor(model, X)}
    if call.method == "partial_fit":
        return {"partial_fit": _partial_fit(kind(**model.get_params()), X, y[: len(X)])}
    return {call.method: lambda: getattr(model, call.method)(X)}


def _row_predictor(model: Any, X: Array) -> Callable[[], Array]:
    if not hasattr(model, "row_predictor"):
        raise NotApplicableError("not in this version")
    predict_row, row = model.row_predictor(), X[0].copy()
    return functools.partial(predict_row, row)  # a lambda would cost a tenth of the call


def _partial_fit(model: Any, X: Array, y: Array) -> Callable[[], Array]:
    model.partial_fit(X, y)

    def call() -> Array:
        model.partial_fit(X, y)
        return np.zeros(0)  # nothing to compare: each call changes the model

    return call
