"""Scores of the validation rows after each epoch: scikit-learn's numbers, bit for bit, in a few us.

`accuracy_score` and `r2_score` check their arguments anew in each call, which costs more than an
epoch of a small net. Here what the targets alone decide is done once, before the first epoch.
Any other score is one of scikit-learn's scorers, or a function like them: `by_scorer`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import check_scoring

from .inputs import Rows

Array = npt.NDArray[Any]
Score = Callable[[Array], float]  # of the net's output (rows, n_L)

#: What scorers raise for targets and models that they are not made for.
UNSUITED = (ValueError, TypeError, AttributeError, LookupError)


def accuracy(decode: Callable[[Array], Array], Y: Array, sample_weight: Array | None) -> Score:
    """Return `accuracy_score` against the targets Y (rows, n_L) as a function of the output.

    `decode` turns Y and outputs alike into one class a row, or into one boolean a label. With
    several labels a row is right where all of them are.
    """
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


def by_scorer(
    scoring: str | Callable[..., float], rows: Rows, model_now: Callable[[Any], Any]
) -> Callable[[Array, Any], float]:
    """Return a scorer's score of the rows as a function of the net's output and of a state.

    Parameters
    ----------
    scoring : str or callable
        As scikit-learn has it: a name, or a callable (estimator, X, y).
    rows : Rows
    model_now : callable
        Makes a fitted model of a state.

    Raises
    ------
    ValueError
        If the rows have weights, and the scorer doesn't take any.
    """
    scorer = check_scoring(scoring=scoring)
    X, y = rows.given()
    weight = {} if rows.sample_weight is None else {"sample_weight": rows.sample_weight}
    if weight and not _takes_weights(scorer):
        raise ValueError(f"scoring={scoring!r} does not take a sample_weight, which the rows have.")

    def score(output: Array, state: Any) -> float:
        model = model_now(state)
        forward = model._forward
        # what the model says of the very same rows is known already
        vars(model)["_forward"] = lambda Z: output.copy() if Z is X else forward(Z)
        return float(scorer(model, X, y, **weight))

    return score


def _takes_weights(scorer: Any) -> bool:
    if hasattr(scorer, "_accept_sample_weight"):
        return bool(scorer._accept_sample_weight())
    parameters = inspect.signature(scorer).parameters.values()
    return any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in parameters)
