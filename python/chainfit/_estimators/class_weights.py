"""Weights of classes as weights of rows: scikit-learn's own, which multiply `sample_weight`."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.class_weight import compute_sample_weight

from .ranks import current_ranks

Array = npt.NDArray[Any]


def check_incremental(class_weight: Any) -> None:
    """Raise a ValueError where the weights would depend on which rows `partial_fit` is given."""
    if isinstance(class_weight, str):
        raise ValueError(
            f"class_weight {class_weight!r} is not supported for partial_fit. In order to use "
            f"{class_weight!r} weights, use compute_class_weight({class_weight!r}, "
            "classes=classes, y=y). In place of y you can use a large enough sample of the full "
            "training set target to properly estimate the class frequency distributions. Pass the "
            "resulting weights as the class_weight parameter."
        )


def times_class_weight(
    sample_weight: Array | None, class_weight: Any, labels: Array, every_label: Array
) -> Array:
    """Return the weights of rows with these labels, times the weights of their classes.

    Parameters
    ----------
    sample_weight : ndarray of shape (rows,) or None
    class_weight : dict, list of dict or 'balanced'
        A list has a dict for each column of a multilabel target.
    labels : ndarray of shape (rows,) or (rows, labels)
    every_label : ndarray of shape (classes,) or (classes, labels)
        Rows in which all labels are: `partial_fit` need not be given each in every call.

    Raises
    ------
    ValueError
        Where scikit-learn's `compute_sample_weight` does, and for a list of anything but dicts, or
        a list where there is one column of labels.
    """
    rows = len(labels)
    ranks = current_ranks()
    if isinstance(class_weight, str) and ranks is not None and ranks.plan.shards:
        class_weight = balanced(labels)
    dicts = isinstance(class_weight, list) and all(isinstance(part, dict) for part in class_weight)
    if isinstance(class_weight, list) and (labels.ndim == 1 or not dicts):
        raise ValueError(
            "class_weight must be a dict or 'balanced', or a list of dicts where y has several "
            f"columns, one for each; got {class_weight!r}."
        )
    for part in class_weight if dicts else [class_weight]:
        _check_numbers(part)
    if not isinstance(class_weight, str):
        labels = np.concatenate([labels, every_label])
    weights: Array = compute_sample_weight(class_weight, labels)[:rows]
    return weights if sample_weight is None else weights * sample_weight


def _check_numbers(class_weight: Any) -> None:
    """Refuse what would come out as weights of rows that nobody gave."""
    for label, weight in class_weight.items() if isinstance(class_weight, dict) else ():
        if not isinstance(weight, Real) or not math.isfinite(weight):
            raise ValueError(f"class_weight[{label!r}] must be a finite number, got {weight!r}.")


def balanced(labels: Array, times: Array | None = None) -> Any:
    """Return class_weight='balanced' in numbers: the weight of each class, in each column.

    Parameters
    ----------
    labels : ndarray of shape (rows,) or (rows, columns)
        Of the rows here; where ranks have shards, those of all of them count.
    times : ndarray of shape (rows,), default=None
        How often each row is there; None means once.
    """
    columns = labels[:, np.newaxis] if labels.ndim == 1 else labels
    counts = []
    for column in columns.T:
        classes, place = np.unique(column, return_inverse=True)
        counts.append(dict(zip(classes.tolist(), np.bincount(place, times).tolist(), strict=True)))
    ranks = current_ranks()
    shards = ranks is not None and ranks.plan.shards
    parts = ranks.exchange("labels", counts) if ranks is not None and shards else [counts]
    weights = []
    for column in range(columns.shape[1]):
        total: dict[Any, float] = {}
        for theirs in parts:
            for label, count in theirs[column].items():
                total[label] = total.get(label, 0) + count
        rows = sum(total.values())
        weights.append({label: rows / (len(total) * count) for label, count in total.items()})
    return weights[0] if labels.ndim == 1 else weights
