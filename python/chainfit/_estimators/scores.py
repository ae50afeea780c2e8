"""Scores of the held-out rows after each epoch: scikit-learn's numbers, bit for bit, in a few us.

`accuracy_score` and `r2_score` check their arguments anew in each call, which costs more than an
epoch of a small net. Here what the targets alone decide is done once, before the first epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Score = Callable[[Array], float]  # of the net's output (rows, n_L)


def accuracy(decode: Callable[[Array], Array], Y: Array, sample_weight: Array | None) -> Score:
    """Return `accuracy_score` against the targets Y (rows, n_L) as a function of the output.

    `decode` turns Y and outputs alike into one class a row, or into one boolean a label. With
    several labels a row is right where all of them are.
    """
    _check_weight(sample_weight)
    expected = decode(Y)
    multilabel = expected.ndim > 1
    rows = len(Y)

    def score(output: Array) -> float:
        right = decode(output) == expected
        if multilabel:
            right = right.all(axis=1)
        if sample_weight is None:
            return int(np.count_nonzero(right)) / rows
        return float(np.average(right, weights=sample_weight))

    return score


def r2(Y: Array, sample_weight: Array | None) -> Score:
    """Return `r2_score` against the targets Y (rows, n_L) as a function of the output.

    The score is averaged over the outputs. Where a target is constant it is 1 or 0.
    """
    _check_weight(sample_weight)
    weight = None if sample_weight is None else sample_weight[:, np.newaxis]

    def sum_squares(deviations: Array) -> Array:
        squares = deviations * deviations
        total: Array = np.add.reduce(squares if weight is None else weight * squares, axis=0)
        return total

    variation = sum_squares(Y - np.average(Y, axis=0, weights=sample_weight))
    constant = variation == 0
    variation[constant] = 1
    any_constant = bool(constant.any())
    best, outputs = np.ones_like(variation), len(variation)

    def score(output: Array) -> float:
        residual = sum_squares(Y - output)
        scores = best - residual / variation
        if any_constant:
            scores[constant & (residual != 0)] = 0
        return float(scores[0] if outputs == 1 else np.add.reduce(scores) / outputs)

    return score


def _check_weight(sample_weight: Array | None) -> None:
    if sample_weight is not None and sample_weight.sum() == 0:
        raise ValueError(
            "Sample weights must not sum to zero over the rows that early_stopping holds out."
        )
