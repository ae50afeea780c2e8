"""Who follows training: `train` calls each Listener at every event, and one may stop it.

Here are progress that is printed (`verbose`), functions called after each epoch (the user's, the
command line's bar), and scikit-learn's callbacks. To add another, derive from Listener.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .endings import Why
from .inputs import take_rows
from .state import State

#: Makes the State that training would leave now; called only where somebody wants it.
Snapshot = Callable[[], State]

#: Makes the record of the epoch or iteration that just ended.
Record = Callable[[], dict[str, float]]


class Listener:
    """Follows training; every method does nothing here."""

    def train_on(self, rows: npt.NDArray[np.int64]) -> None:
        """Take the rows to train on, where others are held out."""

    def watch(self, whole: Snapshot) -> None:
        """Take what makes the State to go on from, optimizer and all; not with L-BFGS."""

    def begin(self, unit: str, state: Snapshot) -> None:
        """Begin an epoch or an iteration; `unit` is one of these words."""

    def epoch(self, n_iter: int, loss: float) -> None:
        """Take the loss of an epoch."""

    def score(self, score: float) -> None:
        """Take the score of an epoch on the rows held out."""

    def learning_rate(self, eta: float) -> None:
        """Take the step size of an adaptive schedule when it has become smaller."""

    def end(self, state: Snapshot, record: Record) -> bool:
        """End an epoch or an iteration; return True to stop training."""
        return False

    def finish(self, why: Why) -> None:
        """End training, for this reason; not called after an error."""


class Progress(Listener):
    """Calls a function with (n_iter, loss) after each epoch."""

    def __init__(self, on_epoch: Callable[[int, float], object]) -> None:
        self._on_epoch = on_epoch

    def epoch(self, n_iter: int, loss: float) -> None:
        """Call it."""
        self._on_epoch(n_iter, loss)


class Functions(Listener):
    """Calls the user's functions with the record of each epoch; True of any stops training."""

    def __init__(self, functions: Sequence[Callable[[dict[str, float]], object]]) -> None:
        self._functions = functions

    def end(self, state: Snapshot, record: Record) -> bool:
        """Call all of them."""
        answers = [function(record()) for function in self._functions]
        return any(isinstance(answer, bool | np.bool_) and bool(answer) for answer in answers)


class Verbose(Listener):
    """Prints what scikit-learn's estimators print with verbose=True.

    Parameters
    ----------
    tol, n_iter_no_change : float
        As the estimator has them.
    validation : bool
        Whether rows are held out, whose score decides.
    """

    def __init__(self, tol: float, n_iter_no_change: float, validation: bool) -> None:
        what = "Validation score" if validation else "Training loss"
        self._reason = (
            f"{what} did not improve more than tol={tol:f} for "
            f"{n_iter_no_change:.0f} consecutive epochs."
        )

    def epoch(self, n_iter: int, loss: float) -> None:
        """Print the loss."""
        print(f"Iteration {n_iter}, loss = {loss:.8f}")

    def score(self, score: float) -> None:
        """Print the score."""
        print(f"Validation score: {score:f}")

    def learning_rate(self, eta: float) -> None:
        """Print the step size."""
        print(f"{self._reason} Setting learning rate to {eta:f}")

    def finish(self, why: Why) -> None:
        """Print why training converged."""
        if why == "converged":
            print(f"{self._reason} Stopping.")
        elif why == "eta_too_small":
            print(f"{self._reason} Learning rate too small. Stopping.")


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
