"""Who follows training: `train` calls each Listener at every event, and one may stop it.

Here are progress that is printed (`verbose`) and functions called after each epoch (the user's, the
command line's bar). To add another, derive from Listener.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from .endings import Why
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

    def window(self, rows: int) -> None:
        """Take the number of rows done, between two windows of an epoch."""

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
