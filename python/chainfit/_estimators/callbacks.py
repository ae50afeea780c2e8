"""scikit-learn's callbacks (`sklearn.callback`): what `fit` tells them, and when they may stop it.

`fit` is a task with one subtask an epoch, or an iteration of L-BFGS. scikit-learn's context calls
the hooks; here is the bookkeeping around it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import _safe_indexing, indexable

if TYPE_CHECKING:
    from .base import BaseMLP
    from .draft import Draft

# Fitted attributes as they would be, had training ended at this point; asked for when needed.
State = Callable[[], dict[str, Any]]


class FitTasks:
    """The task of one call of `fit`, and its subtasks one after the other.

    Parameters
    ----------
    X, y, sample_weight
        As the user gave them, so that a callback may score a model that knows feature names.
    """

    def __init__(self, model: BaseMLP, X: Any, y: Any, sample_weight: Any) -> None:
        self._model = model
        self._draft: Draft | None = None
        self._data = (X, y, sample_weight)
        self._rows: npt.NDArray[np.int64] | None = None
        self._subtask: Any = None
        self._task = model._init_callback_context(max_subtasks=int(model.max_iter))
        self._task.call_on_fit_task_begin(estimator=model, **self._arguments())

    @property
    def watched(self) -> bool:
        """Whether there are callbacks, here or from a meta-estimator."""
        return hasattr(self._model, "_skl_callbacks")

    def train(self, draft: Draft) -> None:
        """Let the subtasks tell of this draft of the model."""
        self._draft = draft

    def train_on(self, rows: npt.NDArray[np.int64]) -> None:
        """Let the subtasks' data be these rows, where others are held out."""
        self._rows = rows

    def begin(self, name: str, state: State) -> None:
        """Begin the next subtask."""
        self._subtask = self._task.subcontext(task_name=name)
        self._subtask.call_on_fit_task_begin(
            estimator=self._model, **self._so_far(state), **self._arguments()
        )

    def end(self, state: State) -> bool:
        """End the subtask; whether a callback wants training to stop."""
        subtask, self._subtask = self._subtask, None
        stop: bool = subtask.call_on_fit_task_end(
            estimator=self._model, **self._so_far(state), **self._arguments()
        )
        return stop

    def close(self) -> None:
        """End a subtask that was begun and never ran, empty as scikit-learn does for L-BFGS."""
        if self._subtask is not None:
            self._subtask.call_on_fit_task_end(estimator=self._model)
            self._subtask = None

    def finish(self) -> None:
        """End the task of the whole fit."""
        self._rows = None
        self._task.call_on_fit_task_end(
            estimator=self._model, reconstruction_attributes=dict, **self._arguments()
        )

    def _so_far(self, state: State) -> dict[str, Any]:
        """Return what makes a copy of the model the one that training would leave now."""

        def attributes() -> dict[str, Any]:
            assert self._draft is not None
            # the optimizer of an earlier fit doesn't go with these weights
            return {"_optimizer_state": None, **self._draft.changes(), **state()}

        return {"reconstruction_attributes": attributes}

    def _arguments(self) -> dict[str, Any]:
        """X, y and metadata of the hooks, made only if one wants them."""
        X, y, sample_weight = self._data
        metadata = None
        if sample_weight is not None:
            metadata = lambda: {"sample_weight": self._part(sample_weight)}  # noqa: E731
        return {"X": lambda: self._part(X), "y": lambda: self._part(y), "metadata": metadata}

    def _part(self, data: Any) -> Any:
        if self._rows is None:
            return data
        (rows,) = indexable(data)  # COO, for one, can't be indexed
        return _safe_indexing(rows, self._rows)
