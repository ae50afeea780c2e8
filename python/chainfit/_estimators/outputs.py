"""What a regressor's outputs are to its targets: one each, or several.

To add a loss with several outputs for a target: their number in `units_per_target`, and what
`predict` makes of them in `predictions`. They lie in equal blocks: the first one of every target,
then the second one of every target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import d2_pinball_score
from sklearn.utils._param_validation import Interval

from .parameters import Number
from .scores import Score, r2

Array = npt.NDArray[Any]


class Levels(Number):
    """The level of a quantile, or a tuple or list of rising ones."""

    def __init__(self) -> None:
        super().__init__(0, 1, closed="neither")

    def is_satisfied_by(self, val: Any) -> bool:
        """Return whether scikit-learn's check lets `val` pass."""
        if not isinstance(val, tuple | list):
            return bool(super().is_satisfied_by(val))
        levels = len(val) > 0 and all(map(super().is_satisfied_by, val))
        return levels and all(low < high for low, high in pairwise(val))

    def __str__(self) -> str:
        return f"{Interval.__str__(self)} or several in a tuple, rising"


def units_per_target(loss: str | Callable[..., Any], parameters: Mapping[str, Any]) -> int:
    """Return how many outputs of the net a target has; 0: one, as `predict` returns it.

    A tuple of one level has one output too, but its own axis in what `predict` returns.
    """
    if loss == "gaussian_nll":
        return 2  # mean and variance
    levels = parameters["quantile"] if loss == "quantile" else None
    return len(levels) if isinstance(levels, tuple | list) else 0


def repeated(Y: Array | None, times: int) -> Array | None:
    """Return targets (rows, targets) as those of the outputs, (rows, times * targets)."""
    return Y if Y is None or times < 2 else np.tile(Y, (1, times))


def right_answers(Y: Array, out_activation: str) -> Array:
    """Return the outputs (rows, n_L) that predict the targets Y (rows, n_L) exactly."""
    if out_activation != "mean_variance":
        return Y
    right = Y.copy()
    right[:, Y.shape[1] // 2 :] = 1  # any variance
    return right


def predictions(output: Array, out_activation: str, units: int) -> Array:
    """Return what `predict` does, for outputs (rows, n_L) with so many `units_per_target`, not 0.

    Quantiles are sorted: nothing keeps the outputs of two of them from crossing.
    """
    if out_activation == "mean_variance":
        means = output[:, : output.shape[1] // 2]
        return means.ravel() if means.shape[1] == 1 else means
    levels = np.sort(output.reshape(len(output), units, -1), axis=1)
    return levels[:, :, 0] if levels.shape[2] == 1 else levels.transpose(0, 2, 1)


def deviations(output: Array) -> Array:
    """Return standard deviations, of outputs (rows, n_L) that are means and then variances."""
    variances = output[:, output.shape[1] // 2 :]
    return np.sqrt(variances.ravel() if variances.shape[1] == 1 else variances)


def quantile_score(
    y: Any, quantiles: Array, levels: Sequence[float], sample_weight: Any = None
) -> float:
    """Return scikit-learn's D^2 of the pinball loss, averaged over the levels.

    `quantiles` are those of y as `predict` returns them, with an axis for the levels at the end.
    """
    of_levels = zip(np.moveaxis(quantiles, -1, 0), levels, strict=True)
    scores = [
        d2_pinball_score(y, quantile, sample_weight=sample_weight, alpha=float(level))
        for quantile, level in of_levels
    ]
    return float(np.mean(scores))


def score_of(
    Y: Array, sample_weight: Array | None, out_activation: str, levels: Sequence[float] = ()
) -> Score:
    """Return the score against the targets Y (rows, n_L) of the outputs.

    It is R^2, of means where there are variances too, or `quantile_score` where levels are given.
    """
    if levels:
        y = Y[:, : Y.shape[1] // len(levels)]
        return lambda output: quantile_score(
            y, predictions(output, out_activation, len(levels)), levels, sample_weight
        )
    if out_activation != "mean_variance":
        return r2(Y, sample_weight)
    targets = Y.shape[1] // 2
    score = r2(Y[:, :targets], sample_weight)
    return lambda output: score(output[:, :targets])
