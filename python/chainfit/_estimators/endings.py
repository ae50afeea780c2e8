"""Why training stopped, as a value, and the warnings and errors that follow from it.

`train` returns an `End`. Only the estimators warn and raise; a further reason is one more word.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .reading import Reading, warn_if_reading_bounds
from .settings import FitSettings
from .state import State
from .warn import warn

Why = Literal[
    "max_iter",
    "time_limit",
    "converged",
    "eta_too_small",
    "diverged",
    "callback",
    "interrupted",
    "failed",
]

INTERRUPTED = "Training interrupted by user."


@dataclass(slots=True)
class End:
    """How training ended.

    Attributes
    ----------
    why : str
        'max_iter'; 'time_limit'; 'converged'; 'eta_too_small' (converged, with an adaptive step
        size that vanished); 'diverged'; 'callback': one asked for it; 'interrupted': by the user's
        Ctrl-C; 'failed': another exception came out of a callback or a signal handler.
    error : BaseException or None
        That exception.
    steps : int
        Number of the steps, or iterations, made. 0: the state is the one given.
    best_kept : bool
        Whether the weights are those of the best epoch and not of the last.
    in_range : bool
        Whether weights and optimizer were finite after the last step.
    reading : Reading or None
        How long it waited for the rows of a source.
    """

    why: Why
    error: BaseException | None = None
    steps: int = 0
    best_kept: bool = False
    in_range: bool = True
    reading: Reading | None = None


def warn_of_end(end: End, state: State, settings: FitSettings) -> None:
    """Warn where a fit ended without having converged."""
    if end.why == "interrupted":
        warn(INTERRUPTED)
    elif end.why == "diverged":
        warn(
            f"Stochastic Optimizer: The loss is not a number after epoch {state.n_iter}; training "
            "stopped there.",
            ConvergenceWarning,
        )
    warn_of_infinite_loss(end, state)
    if end.why == "max_iter":
        warn(
            f"Stochastic Optimizer: Maximum iterations ({settings.max_iter}) reached and the "
            "optimization hasn't converged yet.",
            ConvergenceWarning,
        )
    if end.why == "time_limit":
        warn(
            f"The time limit of {settings.own['time_limit']} s was reached in iteration "
            f"{state.n_iter + 1}, and the optimization hasn't converged yet.",
            ConvergenceWarning,
        )
    if end.reading is not None:
        warn_if_reading_bounds([end.reading])


def warn_of_infinite_loss(end: End, state: State) -> None:
    """Warn where the loss that training ended with is beyond all numbers.

    The weights may be finite all the same: squares of the errors overflow long before the errors.
    """
    if not end.best_kept and math.isinf(state.loss):
        warn(
            "The loss grew beyond all bounds, and the model predicts nothing of use. Scale the "
            "features (with sklearn.preprocessing.StandardScaler, for instance) and the targets, "
            "or lower learning_rate_init.",
            ConvergenceWarning,
        )


def check_end(end: End, state: State, dtype: np.dtype[Any]) -> None:
    """Raise a ValueError where weights, or the optimizer's state, are no finite numbers."""
    if end.in_range and not end.best_kept:
        return
    if not state.is_finite():
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may contain large "
            "values and need to be preprocessed."
        )
    if not end.best_kept:
        raise ValueError(
            f"The state of the optimizer went beyond the range of {dtype}. The data may "
            "contain large values and need to be preprocessed: scale the features, and in "
            "regression the targets."
        )
