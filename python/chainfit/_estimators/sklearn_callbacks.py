"""Callbacks of `sklearn.callback`, which came with scikit-learn 1.9.

With older versions `_common/callback_support.py` lets estimators do without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .callbacks import Listener, Record, Snapshot
from .endings import Why
from .inputs import take_rows


class SklearnCallbacks(Listener):
    """Callbacks of `sklearn.callback`: `fit` is a task with one subtask an epoch or iteration.

    scikit-learn's context calls the hooks; here is the bookkeeping around it.

    Parameters
    ----------
    estimator : estimator
        The one being fitted, which every hook is given.
    max_subtasks : int
    X, y, sample_weight
        As the user gave them, so that a callback may score a model that knows feature names.
    """

    def __init__(
        self, estimator: Any, max_subtasks: int, X: Any, y: Any, sample_weight: Any
    ) -> None:
        self._estimator = estimator
        self._data = (X, y, sample_weight)
        self._attributes: Callable[[], dict[str, Any]] = dict
        self._rows: npt.NDArray[np.int64] | None = None
        self._subtask: Any = None
        self._task = estimator._init_callback_context(max_subtasks=max_subtasks)
        self._task.call_on_fit_task_begin(estimator=estimator, **self._arguments())

    @property
    def needed(self) -> bool:
        """Whether there are callbacks, here or from a meta-estimator."""
        return hasattr(self._estimator, "_skl_callbacks")

    def fitted_by(self, attributes: Callable[[], dict[str, Any]]) -> None:
        """Take what returns the attributes that the checks of the data have set."""
        self._attributes = attributes

    def train_on(self, rows: npt.NDArray[np.int64]) -> None:
        """Let the subtasks' data be these rows."""
        self._rows = rows

    def begin(self, unit: str, state: Snapshot) -> None:
        """Begin the next subtask."""
        self._subtask = self._task.subcontext(task_name=unit)
        self._subtask.call_on_fit_task_begin(
            estimator=self._estimator, **self._so_far(state), **self._arguments()
        )

    def end(self, state: Snapshot, record: Record) -> bool:
        """End the subtask; whether a callback wants training to stop."""
        subtask, self._subtask = self._subtask, None
        stop: bool = subtask.call_on_fit_task_end(
            estimator=self._estimator, **self._so_far(state), **self._arguments()
        )
        return stop

    def finish(self, why: Why) -> None:
        """End a subtask that was begun and never ran, empty as scikit-learn does for L-BFGS."""
        if self._subtask is not None:
            self._subtask.call_on_fit_task_end(estimator=self._estimator)
            self._subtask = None

    def close(self) -> None:
        """End the task of the whole fit, whose result is published."""
        self._rows = None
        self._task.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=dict, **self._arguments()
        )

    def _so_far(self, state: Snapshot) -> dict[str, Any]:
        """Return what makes a copy of the estimator the one that training would leave now."""

        def attributes() -> dict[str, Any]:
            # the optimizer of an earlier fit doesn't go with these weights
            return {"_optimizer_state": None, **self._attributes(), **state().attributes()}

        return {"reconstruction_attributes": attributes}

    def _arguments(self) -> dict[str, Any]:
        """X, y and metadata of the hooks, made only if one wants them."""
        X, y, sample_weight = self._data
        metadata = None
        if sample_weight is not None:
            metadata = lambda: {"sample_weight": self._part(sample_weight)}  # noqa: E731
        return {"X": lambda: self._part(X), "y": lambda: self._part(y), "metadata": metadata}

    def _part(self, data: Any) -> Any:
        return data if self._rows is None else take_rows(data, self._rows)
