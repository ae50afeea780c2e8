"""Class labels to the net's targets Y and back, as LabelBinarizer does it, only quicker.

A LabelBinarizer learns what the classes are, and does the work wherever labels are out of the
ordinary (multilabel, sparse, not comparable).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import type_of_target, unique_labels

from .inputs import all_finite, is_plain

Array = npt.NDArray[Any]

# The kinds of target with one class a row.
_ONE_CLASS = ("binary", "multiclass")


def check_labels(found: Array, classes: Array, *, all_of_them: bool) -> None:
    """Raise scikit-learn's errors where the labels found in y don't suit the fitted classes."""
    if all_of_them:
        if set(found) != set(classes):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {classes}, `y` has {found}"
            )
    elif len(np.setdiff1d(found, classes, assume_unique=True)):
        raise ValueError(
            "`y` has classes not in `self.classes_`. "
            f"`self.classes_` has {classes}. 'y' has {found}."
        )


def check_indicators(y: Any) -> None:
    """Raise a ValueError where y, dense or sparse, has several columns and is no indicator matrix.

    scikit-learn takes any two values for one, and reads both as "has the label" where neither is 0.
    """
    if y.ndim != 2:
        return
    if sp.issparse(y):
        y = y.toarray()
    if _plain_kind(y) is not None:
        return
    kind = type_of_target(y)
    if kind == "multilabel-indicator":
        present = y[y != 0]
        if not np.any(present != present[:1]):
            return
        problem = f"Neither of its two values, {np.unique(present)}, is 0"
    elif kind.endswith("multioutput"):
        problem = "Multioutput target data is not supported with label binarization"
    else:
        return  # for scikit-learn to name
    raise ValueError(
        f"{problem}. A y of several columns must be an indicator matrix: 0 where a row does not "
        "have the label of that column, and one other value, such as 1, where it does."
    )


def plain_labels(y: Any, rows: int) -> bool:
    """Whether y is a small ndarray (rows,) of labels that can't hold a missing value."""
    return is_plain(y) and y.dtype.kind in "iubU" and y.shape == (rows,)


def _are_whole(y: Array) -> bool:
    """Whether finite floats are whole numbers, as scikit-learn sees it: those of an int64."""
    return bool((y == np.trunc(y)).all() and (abs(y) < 2.0**63).all())


def _plain_kind(y: Any) -> str | None:
    """Kind of target that y plainly is, one of scikit-learn's; None is for it to judge."""
    if not (is_plain(y) and y.dtype.kind in "iubUf"):
        return None
    if y.dtype.kind == "f" and not (all_finite(y) and _are_whole(y)):
        return None
    if y.ndim == 1:
        return "multiclass"
    if y.ndim == 2 and y.shape[1] > 1 and y.dtype.kind != "U":
        present = y[y != 0]
        return None if np.any(present != present[:1]) else "multilabel-indicator"
    return None


def found_labels(y: Any) -> Array:
    """Return the labels in y, sorted; of an indicator matrix the numbers of its columns.

    As scikit-learn's `unique_labels`, which asks `np.unique` for the values alone. NumPy 2.3 and
    later find these by hashing, in C++ that waits for the GIL: a daemon thread that waits there
    when Python (before 3.14) ends aborts the process. With counts `np.unique` sorts.
    """
    kind = _plain_kind(y)
    found: Array
    if kind is None:
        found = unique_labels(y)
    elif kind == "multiclass":
        found = np.unique(y, return_counts=True)[0]
    else:
        found = np.arange(y.shape[1])
    return found


def binarizer_for(y: Any) -> LabelBinarizer:
    """Return a LabelBinarizer fitted to y, put together here where y is plain."""
    binarizer = LabelBinarizer()
    kind = _plain_kind(y)
    if kind is None:
        return binarizer.fit(y)
    classes = found_labels(y)
    if kind == "multiclass":
        if 2 * len(classes) > len(y):
            return binarizer.fit(y)  # which says that they look like numbers
        if len(classes) <= 2:
            kind = "binary"
    binarizer.classes_, binarizer.y_type_, binarizer.sparse_input_ = classes, kind, False
    return binarizer


def class_codes(y: Array, classes: Array) -> npt.NDArray[np.intp] | None:
    """Index into the sorted `classes` of each label, or None where one isn't among them."""
    kinds = y.dtype.kind + classes.dtype.kind
    if not (kinds[0] == kinds[1] or set(kinds) <= set("iub")):
        return None
    try:
        codes = classes.searchsorted(y)
    except TypeError:  # objects that don't compare
        return None
    # == of arrays of objects may be one bool
    known = np.asarray(classes.take(codes, mode="clip") == y)
    return codes if np.count_nonzero(known) == known.size else None  # a third of the time of all()


def quick_targets(binarizer: LabelBinarizer, y: Array, dtype: np.dtype[Any]) -> Array | None:
    """Return Y (rows, n_L) of dtype for labels y (rows,), or None: not a case for the quick way."""
    if binarizer.y_type_ not in _ONE_CLASS or y.ndim != 1:
        return None
    codes = class_codes(y, binarizer.classes_)
    if codes is None:
        return None
    if binarizer.y_type_ == "binary":
        return codes.astype(dtype)[:, np.newaxis]
    Y = np.zeros((len(codes), len(binarizer.classes_)), dtype=dtype)
    Y[np.arange(len(codes)), codes] = 1
    return Y


def targets(binarizer: LabelBinarizer, y: Array, dtype: np.dtype[Any]) -> Array:
    """Return Y (rows, n_L) of dtype for checked labels y: (rows, 1) for two classes."""
    Y = quick_targets(binarizer, y, dtype)
    if Y is None:
        if binarizer.y_type_ != _plain_kind(y) or y.shape[1] != len(binarizer.classes_):
            y = binarizer.transform(y)  # an indicator matrix keeps its values there
        Y = np.ascontiguousarray(y != 0, dtype=dtype)  # and may have 255 for 1
    return Y


def smoothed(Y: Array, share: float, binarizer: Any, sizes: Sequence[int]) -> Array:
    """Return the targets Y (rows, n_L) with a share of each spread evenly over all classes.

    `sizes` are the numbers of classes of several classifications, otherwise empty.
    """
    one = Y.dtype.type
    if sizes:
        return Y * one(1 - share) + np.repeat(one(share) / np.array(sizes, Y.dtype), sizes)
    classes = Y.shape[1] if binarizer.y_type_ == "multiclass" else 2
    return Y * one(1 - share) + one(share / classes)


def codes(binarizer: LabelBinarizer, output: Array) -> Array:
    """Return the index into `classes_` of each row of outputs (rows, n_L), or 0/1 if multilabel.

    The shape is (rows,), or (rows, n_L) of booleans if multilabel.
    """
    if binarizer.y_type_ == "multiclass":
        found: Array = output.argmax(axis=1)
    elif binarizer.y_type_ == "binary":
        # of one class: always that
        found = output[:, 0] > (0.5 if len(binarizer.classes_) > 1 else math.inf)
    else:
        found = output > 0.5
    return found


def labels(binarizer: LabelBinarizer, output: Array) -> Array:
    """Return the labels (rows,), or 0/1 (rows, n_L) if multilabel, for outputs (rows, n_L)."""
    found: Array
    if binarizer.sparse_input_:
        found = binarizer.inverse_transform(output)
    elif binarizer.y_type_ == "multiclass":
        found = binarizer.classes_[codes(binarizer, output)]
    elif binarizer.y_type_ == "binary":
        found = binarizer.classes_.take(codes(binarizer, output).view(np.int8))
    else:
        found = codes(binarizer, output).astype(np.intp)
    return found
