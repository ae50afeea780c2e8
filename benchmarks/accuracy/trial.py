"""One method on one table with one seed: the split, the clocks, the scores."""

from __future__ import annotations

import resource
import time
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score, log_loss, root_mean_squared_error
from sklearn.model_selection import train_test_split

from .methods import Method, Rows
from .tables import Data, Task

TEST_SHARE = 0.2


class Split(NamedTuple):
    """What a method is given, and what it is not."""

    rows: Rows
    y_test: npt.NDArray[Any]


def split(data: Data, task: Task, seed: int, threads: int) -> Split:
    """Divide a table by the seed; the shares of classes stay."""
    classes = data.y if task == "classification" else None
    X, X_test, y, y_test = train_test_split(
        data.X, data.y, test_size=TEST_SHARE, random_state=seed, stratify=classes
    )
    return Split(Rows(X, y, X_test, task, seed, threads), y_test)


def measure(method: Method, parts: Split) -> dict[str, Any]:
    """Fit and predict; return seconds and scores.

    `cpu` counts all threads and child processes of this process.
    """
    cpu, begin = cpu_seconds(), time.perf_counter()
    predicted = method.predict(parts.rows)
    wall, cpu = time.perf_counter() - begin, cpu_seconds() - cpu
    scores = score(parts.rows, parts.y_test, predicted)
    return {**scores, "cpu": round(cpu, 3), "wall": round(wall, 3)}


def score(rows: Rows, y_test: npt.NDArray[Any], predicted: npt.NDArray[Any]) -> dict[str, float]:
    """Return the error and log loss of probabilities, or the root mean squared error of values."""
    if not np.isfinite(predicted).all():
        raise ValueError("a prediction is not finite")
    if not rows.classifies:
        return {"rmse": float(root_mean_squared_error(y_test, np.ravel(predicted)))}
    labels = np.unique(rows.y)  # the columns of what is predicted
    if predicted.shape != (len(y_test), len(labels)):
        raise ValueError(f"probabilities of shape {predicted.shape}")
    # sums of float32 are not 1 to float64's precision
    probabilities = predicted.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    right = accuracy_score(y_test, labels[probabilities.argmax(axis=1)])
    return {
        "error": float(1 - right),
        "log_loss": float(log_loss(y_test, probabilities, labels=labels)),
    }


def cpu_seconds() -> float:
    """Return the processor time of this process, its threads and its ended children."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)
