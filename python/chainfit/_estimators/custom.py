"""Losses that the user writes: a function of whole batches, checked once against differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Outputs whose derivative is checked, at most.
_CHECKED = 16


class CustomLoss:
    """A function (y_true, raw_output) -> (loss per row, d loss / d raw_output) in training.

    Both of its arguments have the shape (rows, n_outputs).

    Parameters
    ----------
    function : callable
    """

    #: The core's name of a loss that is made outside.
    name = "given"

    def __init__(self, function: Callable[[Array, Array], Any]) -> None:
        self.function = function
        self._is_checked = False

    def __call__(self, Y: Array, raw: Array) -> tuple[Array, Array]:
        """Return losses (rows,) and derivatives (rows, n_outputs), of the shapes they must have.

        Raises
        ------
        TypeError, ValueError
            If the function returns something else.
        """
        answer = self.function(Y, raw)
        if not isinstance(answer, tuple | list) or len(answer) != 2:
            raise TypeError(
                "A loss must return a pair, the loss of each row and its derivative with respect "
                f"to the raw outputs, got {type(answer).__name__}."
            )
        loss, slope = (np.asarray(part) for part in answer)
        for what, part, shape in (("losses", loss, (len(Y),)), ("derivatives", slope, raw.shape)):
            if part.shape != shape or part.dtype.kind not in "biuf":
                raise ValueError(
                    f"A loss must return {what} of shape {shape}, got {part.dtype} of shape "
                    f"{part.shape}."
                )
        return loss, slope

    def mean(self, Y: Array, raw: Array, sample_weight: Array | None) -> float:
        """Return the weighted mean over the rows."""
        return _mean(self(Y, raw)[0], sample_weight)

    def on(self, Y: Array, sample_weight: Array | None) -> Callable[[Array, Array], Any]:
        """Return what the core asks, of numbers of these rows and their raw outputs."""

        def hook(rows: Array, raw: Array) -> tuple[float, Array]:
            targets = Y[rows]
            if not self._is_checked:
                self._check(targets, raw)
                self._is_checked = True
            loss, slope = self(targets, raw)
            weight = None if sample_weight is None else sample_weight[rows]
            return _mean(loss, weight), np.ascontiguousarray(slope, dtype=raw.dtype)

        return hook

    def _check(self, Y: Array, raw: Array) -> None:
        """Raise a ValueError where the derivatives are not those of the losses.

        They must lie between the differences to either side, which at a kink are far apart.
        """
        Y, raw = Y.astype(np.float64), raw.astype(np.float64)
        loss, slope = (part.astype(np.float64) for part in self(Y.copy(), raw.copy()))
        outputs = np.unique(np.linspace(0, raw.shape[1] - 1, _CHECKED).astype(int))
        for j in outputs:
            h = 1e-6 * np.maximum(1, np.abs(raw[:, j]))
            above, below = raw.copy(), raw.copy()
            above[:, j] += h
            below[:, j] -= h
            up = (self(Y.copy(), above)[0] - loss) / h
            down = (loss - self(Y.copy(), below)[0]) / h
            # the curvature times h, and the rounding of two losses over h
            rounding = 4 * np.finfo(np.float64).eps * np.abs(loss) / h
            room = 1e-3 * (1 + np.abs(up) + np.abs(down)) + rounding
            wrong = (slope[:, j] < np.minimum(up, down) - room) | (
                slope[:, j] > np.maximum(up, down) + room
            )
            if wrong.any():
                r = int(wrong.argmax())
                raise ValueError(
                    f"The derivative that the loss returns is not its own: for y_true={Y[r]}, "
                    f"raw_output={raw[r]} it says {slope[r, j]:.6g} by output {j}, differences of "
                    f"the loss say {(up[r] + down[r]) / 2:.6g}."
                )


def _mean(loss: Array, sample_weight: Array | None) -> float:
    if sample_weight is None:
        return float(loss.mean())
    total = float(sample_weight.sum())
    # not by BLAS, whose sums are of another order on another machine
    return float(np.add.reduce(sample_weight * loss)) / total if total else 0.0
