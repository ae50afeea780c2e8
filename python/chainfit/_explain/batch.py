"""A batch as the user has it, rows and targets of a model, turned into a net's X and Y."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _check_feature_names, _check_sample_weight

from .._estimators import several
from .._estimators.base import BaseMLP
from .._estimators.labels import (
    check_indicators,
    check_labels,
    found_labels,
    quick_targets,
    smoothed,
    targets,
)
from .._estimators.rules import LOSSES
from .._estimators.sparse import check_sparse
from .formula import Array
from .net import Net, as_net
from .outputs import per_target, sums_of
from .tables import encoded
from .wrapped import unwrapped


class Batch(NamedTuple):
    """Rows and targets of one step; X and Y float32 where the user's are, otherwise float64."""

    X: Array  # (rows, n_0)
    Y: Array  # (rows, n_L)
    sample_weight: Array | None  # (rows,), float64


def as_batch(model: Any, X: Any, y: Any, sample_weight: Any = None) -> Batch:
    """Return rows and targets as the numbers that a net takes, float64 as training rounds them.

    `model` is what `as_net` takes, X as the model takes it. y is the model's own targets or the
    net's: one-hot, 0/1, reals; of a Net with a softmax the number of each row's class will do. None
    is the target's column of a table. One row may come without its first dimension.
    """
    net = as_net(model)
    return rounded(net, read_batch(net, X, y, sample_weight))


def rounded(net: Net, batch: Batch, *, all_rows: bool = False) -> Batch:
    """Return the batch in float64 as a chainfit model trains on it, in its dtype.

    `all_rows`: whether class_weight='balanced' goes by these rows, as if there were no others.

    Raises
    ------
    ValueError
        If weights of classes are those of rows that are not there.
    """
    class_weight = getattr(net.model, "class_weight", None)
    if class_weight is not None:
        if isinstance(class_weight, str) and not all_rows:
            raise ValueError(
                f"class_weight={class_weight!r} depends on all rows of a fit, which a step on "
                "these does not know: set it to the weights themselves, a dict."
            )
        weights = net.model._row_weight(batch.sample_weight, batch.Y, not all_rows)
        batch = batch._replace(sample_weight=weights)
    # scikit-learn multiplies float64 rows with float32 weights in float64
    dtype = net.dtype if isinstance(net.model, BaseMLP) else np.dtype(np.float64)
    numbers = Batch._make(None if a is None else a.astype(dtype).astype(np.float64) for a in batch)
    if net.loss == "log_loss" and getattr(net.model, "label_smoothing", False):
        # shares add up to 1 only before they are rounded, and the derivative p - y needs it
        return numbers._replace(Y=batch.Y.astype(np.float64))
    return numbers


def read_batch(net: Net, X: Any, y: Any, sample_weight: Any = None) -> Batch:
    """Return the checked batch, not yet rounded to the dtype of the model."""
    single = False  # whether X came as one row without the first dimension
    if not _is_table(X, net):
        X = np.asarray(X)
        single = X.ndim == 1
        X = X[np.newaxis] if single else X
    found = unwrapped(net.source)
    for step in found.steps:
        X = step.transform(X)
    if y is not None and found.targets:
        y = _transformed(found.targets, y, 1 if single or np.ndim(y) == 0 else len(y))
    if net.member is not None:
        X, y = encoded(net.member, X, y)
    if net.model is not None and hasattr(X, "columns"):
        _check_feature_names(net.model, X, reset=False)
    check_sparse(X)
    check_sparse(y, "y")
    X = check_array(X, accept_sparse="csr", dtype=(np.float64, np.float32))
    X = X.toarray() if sp.issparse(X) else X
    if X.shape[1] != net.units[0]:
        name = "Net" if net.model is None else type(net.model).__name__
        raise ValueError(
            f"X has {X.shape[1]} features, but {name} is expecting {net.units[0]} features as "
            "input."
        )
    Y = _targets(net, y, len(X), single)
    if sample_weight is not None:
        w = np.atleast_1d(sample_weight)
        w = _check_sample_weight(w, X, dtype=np.float64, ensure_non_negative=True)
        if not w.any():  # in scikit-learn's words, which checks this from 1.9 on
            raise ValueError("Sample weights must contain at least one non-zero number.")
        return Batch(X, Y, w)
    return Batch(X, Y, None)


def _transformed(steps: Sequence[Any], y: Any, rows: int) -> Array:
    """Return y as what a TransformedTargetRegressor gives its regressor."""
    Y = check_array(np.reshape(y, (rows, -1)), input_name="y")
    for step in steps:
        Y = step.transform(Y)
    return np.asarray(Y).reshape(rows, -1)


def labels_of(model: Any, Y: Array) -> Array:
    """Return Y (rows, n_L) as the model's own `y`, which its partial_fit takes."""
    binarizer = getattr(model, "_label_binarizer", None)
    if binarizer is None:
        Y = Y[:, : Y.shape[1] // max(1, getattr(model, "_units_per_target", 0))]
        return Y.ravel() if Y.shape[1] == 1 else Y
    if isinstance(binarizer, list):
        return several.labels(binarizer, Y)
    y = binarizer.inverse_transform(Y)
    return y.toarray() if sp.issparse(y) else y


def _is_table(X: Any, net: Net) -> bool:
    """Whether X has two dimensions already, or is what a model of tables takes for a table."""
    if hasattr(X, "ndim") or isinstance(X, list | tuple):
        return getattr(X, "ndim", None) == 2
    return hasattr(X, "to_pandas") or net.member is not None


def _targets(net: Net, y: Any, rows: int, single: bool) -> Array:
    """Return y as Y (rows, n_L), finite and in the range of the loss."""
    n_outputs = net.units[-1]
    times = per_target(net)
    binarizer = getattr(net.model, "_label_binarizer", None)
    if y is None:
        raise ValueError("y must be given: a chain of derivatives begins at the loss.")
    y = y.toarray() if sp.issparse(y) else np.asarray(y)
    if single:
        in_a_row = y.size > 1 and y.size in (_targets_in_y(net, binarizer), n_outputs)
        y = y.reshape(1, -1) if in_a_row else y.reshape(-1)
    if y.ndim not in (1, 2):
        raise ValueError(f"y must have one or two dimensions, got shape {y.shape}.")
    check_consistent_length(range(rows), y)
    if binarizer is not None:
        share = float(getattr(net.model, "label_smoothing", 0.0))
        Y = _of_labels(net, binarizer, y)
        Y = smoothed(Y, share, binarizer, net.groups) if share else Y
    elif net.loss == "log_loss" and y.ndim == 1 and n_outputs > 1:
        if not np.isin(y, np.arange(n_outputs)).all():
            raise ValueError(
                f"y must hold the numbers of classes, 0 to {n_outputs - 1}, or rows of {n_outputs} "
                f"probabilities, got {y}."
            )
        Y = np.eye(n_outputs)[y.astype(np.intp)]
    else:
        Y = check_array(y.reshape(rows, -1), dtype=(np.float64, np.float32), input_name="y")
        whole = np.tile(Y[:, : n_outputs // times], (1, times))
        if Y.shape[1] == n_outputs and (Y != whole).any():
            raise ValueError("y must have a column for each target, which is that of its outputs.")
        Y = whole if Y.shape[1] in (n_outputs, n_outputs // times) else Y
    if Y.shape != (rows, n_outputs):
        raise ValueError(f"y must have shape {(rows, n_outputs)}, got {y.shape}.")
    if net.custom is None:
        _check_range(net, Y)
    return Y


def _targets_in_y(net: Net, binarizer: Any) -> int:
    """Return the number of columns that y may have in a row of a model's own targets."""
    if isinstance(binarizer, list):
        return len(binarizer)
    return net.units[-1] // per_target(net)


def _of_labels(net: Net, binarizer: Any, y: Array) -> Array:
    if isinstance(binarizer, list):
        return several.targets(binarizer, y, np.dtype(np.float64))
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y)
    if y.ndim == 2 and binarizer.y_type_ == "multiclass":  # one-hot
        is_one_hot = np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()
        if y.shape[1] != len(net.model.classes_) or not is_one_hot:
            raise ValueError(
                f"y must hold labels, or one-hot rows of {len(net.model.classes_)} classes."
            )
        return y.astype(np.float64)
    if y.ndim == 2 and y.shape[1] != net.units[-1]:
        raise ValueError(f"y has {y.shape[1]} outputs, but the net has {net.units[-1]}.")
    Y = quick_targets(binarizer, y, np.dtype(np.float64))
    if Y is not None:
        return Y
    if type_of_target(y, input_name="y", raise_unknown=True).startswith("continuous"):
        raise ValueError("y must hold class labels, got real numbers.")
    check_indicators(y)
    check_labels(found_labels(y), net.model.classes_, all_of_them=False)
    return targets(binarizer, y, np.dtype(np.float64))


def _check_range(net: Net, Y: Array) -> None:
    loss = net.loss
    low, high = LOSSES[loss].lowest_target, LOSSES[loss].highest_target
    if not ((low <= Y) & (high >= Y)).all():
        low_only = low == 0 and np.isinf(high)
        where = "that are not negative" if low_only else f"in [{low:g}, {high:g}]"
        raise ValueError(f"loss={loss!r} needs targets {where}.")
    if loss == "log_loss" and not np.allclose(sums_of(net, Y), 1, rtol=0, atol=1e-6):
        raise ValueError(f"loss={loss!r} needs rows of y that add up to 1.")
