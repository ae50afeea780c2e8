"""What is said at the end of a run that came to nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .warn import warn

if TYPE_CHECKING:
    from .base import BaseMLP


def check_finite(model: BaseMLP) -> None:
    """Raise scikit-learn's error where the weights are no finite numbers."""
    if not all(np.isfinite(w).all() for w in (*model.coefs_, *model.intercepts_)):
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may contain large "
            "values and need to be preprocessed."
        )


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
