"""A fit that learned nothing says so: where training stopped no better off than a constant is.

Dead hidden units, features of the wrong scale, a step size or penalty far too large: all of them
end in a net that predicts the same for every row, and seem to have converged. So does training
whose average of the weights is still that of the first steps.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning

from .forward import FLOAT64
from .inputs import FitData, Rows
from .optimizer import cast, new_trainer
from .settings import FitSettings
from .state import State
from .stream import Stream
from .validation import Validation
from .warn import warn
from .windows import Window

Array = npt.NDArray[Any]

# What a loss may fall short of a constant's by rounding alone, in float32 over many rows.
_ROUNDING = 1e-5

# What the first step's weights may make up of an average: with more it is not that of the last.
_SHARE_OF_FIRST = 0.1


def warn_if_nothing_learned(state: State, settings: FitSettings, data: FitData) -> None:
    """Warn where a fit that converged learned nothing."""
    if found := nothing_learned(state, settings, data):
        warn(
            f"The model learned nothing: {found}. Scale the features (with "
            "sklearn.preprocessing.StandardScaler, for instance) and the targets of a regression, "
            "or change learning_rate_init, alpha, activation or random_state.",
            ConvergenceWarning,
        )


def nothing_learned(
    state: State, settings: FitSettings, data: FitData, sample: Window | None = None
) -> str:
    """Say, if it is so, that no epoch of a fit had a loss below that of a constant.

    With a sample of the rows the model itself and a constant are compared on these.
    """
    if isinstance(data.X, Stream):
        sample = data.X.sample()
    elif data.together is not None and data.together.in_windows:  # other ranks have samples
        sample = Window(data.X, data.Y, data.sample_weight)
    if sample is not None:
        data, loss = _on_sample(state, settings, data, sample)
        where = "a sample of the training data"
    else:
        curve = state.losses or state.loss_curve or []
        loss = min([state.loss, *curve[len(curve) - state.n_iter :]])
        where = "the training data"
    constant = _loss_of_constant(settings, data)
    if not (math.isfinite(constant) and loss >= constant - abs(constant) * _ROUNDING):
        return ""
    return (
        f"its loss on {where}, {loss:.6g}, is no lower than that of a prediction which is the same "
        f"for all rows, {constant:.6g}"
    )


def _on_sample(
    state: State, settings: FitSettings, data: FitData, sample: Window
) -> tuple[FitData, float]:
    """Return a sample as data, and the loss of the weights on it."""
    X, Y, weight = sample
    unfit = weight is not None and bool(weight.sum() <= 0)
    if unfit if data.together is None else data.together.any(unfit):
        return data, math.nan
    coefs, intercepts = cast(state.coefs, data.dtype), cast(state.intercepts, data.dtype)
    rows = Rows(X, Y, weight, lambda: data.given)
    loss = Validation(settings, data, rows).loss(coefs, intercepts)
    return replace(data, X=X, Y=Y, sample_weight=weight), loss


def warn_if_average_lags(state: State, settings: FitSettings) -> None:
    """Warn where a model's weights are an average that a fit was too short for."""
    if not settings.step.averages or state.optimizer is None or not state.optimizer.steps:
        return
    steps, decay = state.optimizer.steps, float(settings.own["average_decay"])
    share = decay ** (steps - 1)  # the average began with the weights after the first step
    if share > _SHARE_OF_FIRST:
        warn(
            f"The model's weights are an average, {share:.0%} of which are the weights after the "
            f"first step: with average_decay={decay:g} the {steps} steps of this fit are too few. "
            "Lower average_decay, or make more steps: by a smaller batch_size, or more epochs.",
            ConvergenceWarning,
        )


def _loss_of_constant(settings: FitSettings, data: FitData) -> float:
    """Return the least loss of a constant, which is all that a net of biases alone can learn.

    NaN if the targets are constant themselves, or weights negative.
    """
    weight, together = data.sample_weight, data.together
    extremes = np.stack([data.Y.min(axis=0), data.Y.max(axis=0)])
    lightest = 0.0 if weight is None else weight.min()
    if together is not None:
        extremes = together.rows_of_all(extremes)
        lightest = -float(together.any(lightest < 0))
    if not np.ptp(extremes, axis=0).any() or lightest < 0:  # or the loss may have no least value
        return math.nan
    total = float(len(data.Y) if weight is None else weight.sum(dtype=FLOAT64))
    if data.classes and settings.custom is None:  # a mean of log losses is that of the mean target
        targets = _mean_target(data.Y, weight, total)
        weight = None
    else:
        targets = data.Y.astype(FLOAT64)
        weight = None if weight is None else weight.astype(FLOAT64)
    nothing = np.zeros((len(targets), 1))
    outputs = targets.shape[1]
    trainer = new_trainer(
        "sgd",
        [1, outputs],
        "identity",
        settings.core_loss,
        FLOAT64,
        settings.loss_settings,
        settings.core_link,
        settings.blocks,
    )
    hook = settings.loss_hook(targets, weight)

    def objective(b: Array) -> tuple[float, Array]:
        trainer.set_parameters([np.zeros((1, outputs))], [b])
        loss, _, _, (gradient,) = trainer.loss_and_gradient(
            nothing, targets, weight, 0.0, 1, loss_hook=hook
        )
        if together is not None:
            loss, *gradient = together.mean(total, np.array([loss, *gradient]))
        return loss, np.asarray(gradient)

    result = scipy.optimize.minimize(objective, np.zeros(outputs), jac=True, method="L-BFGS-B")
    return float(result.fun) * settings.loss_scale(outputs)


def _mean_target(Y: Array, weight: Array | None, total: float) -> Array:
    """Return the mean of the rows of Y (rows, n_L) as one row, summed in float64 without a copy."""
    if weight is None:
        sums = Y.sum(axis=0, dtype=FLOAT64)
    else:
        sums = np.einsum("r,rk->k", weight, Y, dtype=FLOAT64)
    return (sums / total if total else np.zeros(len(sums)))[np.newaxis]
