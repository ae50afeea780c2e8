"""What is said at the end of a run that came to nothing though its weights are finite."""

from __future__ import annotations

import math

from sklearn.exceptions import ConvergenceWarning

from .warn import warn


def warn_of_infinite_loss(loss: float) -> None:
    """Warn where the loss that training ended with is beyond all numbers.

    The weights may be finite all the same: squares of the errors overflow long before the errors.
    """
    if math.isinf(loss):
        warn(
            "The loss grew beyond all bounds, and the model predicts nothing of use. Scale the "
            "features (with sklearn.preprocessing.StandardScaler, for instance) and the targets, "
            "or lower learning_rate_init.",
            ConvergenceWarning,
        )
