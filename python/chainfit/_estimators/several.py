"""Several classifications at once: a column of y each, and a softmax over outputs of its own each.

scikit-learn's "multiclass-multioutput". A list of LabelBinarizers stands where there is one
otherwise; the net's outputs are the classes of the first column, then those of the second, ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import type_of_target

from .labels import binarizer_for, check_labels, class_codes, found_labels

Array = npt.NDArray[Any]


def are_several(y: Any, classes: Any = None) -> bool:
    """Whether y has a column of labels for each of several classifications.

    `classes` are those that the first `partial_fit` was told, of which y need not have all.
    """
    if sp.issparse(y) or y.ndim != 2:
        return False
    if classes is not None:
        return are_lists(classes)
    if y.dtype == object and _are_mixed(columns := [*map(_plain, y.T)]):
        return all(type_of_target(column) in ("binary", "multiclass") for column in columns)
    plain = y.dtype.kind in "iub" and y.size and not np.any((y != 0) & (y != 1))
    return not plain and bool(type_of_target(y) == "multiclass-multioutput")


def _plain(column: Any) -> Array:
    """Return a column of labels, as numbers where it holds nothing but these."""
    labels = np.asarray(column)
    if labels.dtype == object:
        plain = np.array(labels.tolist())
        return plain if plain.dtype.kind in "biuf" and plain.ndim == 1 else labels
    return labels


def _are_mixed(columns: Sequence[Array]) -> bool:
    """Whether some columns hold numbers and some words, which an array has as objects."""
    return len({column.dtype.kind in "biuf" for column in columns}) > 1


def are_lists(classes: Any) -> bool:
    """Whether these are the labels of each of several classifications, and not of one."""
    return np.iterable(classes) and all(np.ndim(part) == 1 for part in classes)


def binarizers_for(columns: Sequence[Any]) -> list[LabelBinarizer]:
    """Return a LabelBinarizer for the labels of each column."""
    binarizers = []
    for column in columns:
        labels = _plain(column)
        # each twice: of labels that come once scikit-learn warns that they look like numbers
        binarizers.append(binarizer_for(np.concatenate([labels, labels])))
    return binarizers


def check_classes(classes: Any, columns: int) -> None:
    """Raise a ValueError where the classes told to `partial_fit` are not a list for each column."""
    if classes is None:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    if len(classes) != columns:
        raise ValueError(f"classes must have a list for each of {columns} columns of y.")


def check_same_classes(classes: Any, binarizers: list[LabelBinarizer]) -> None:
    """Raise scikit-learn's error where `classes` are not those of the first call."""
    known = [binarizer.classes_ for binarizer in binarizers]
    same = classes is None or (
        len(classes) == len(known)
        and all(np.array_equal(np.unique(c), k) for c, k in zip(classes, known, strict=True))
    )
    if not same:
        raise ValueError(
            f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {known!r}"
        )


def sizes(binarizers: list[LabelBinarizer]) -> tuple[int, ...]:
    """Return the number of classes of each column."""
    return tuple(len(binarizer.classes_) for binarizer in binarizers)


def targets(
    binarizers: list[LabelBinarizer], y: Array, dtype: np.dtype[Any], *, all_of_them: bool = False
) -> Array:
    """Return Y (rows, n_L) of dtype, one-hot within each column's outputs.

    Raises
    ------
    ValueError
        If y has other columns, or labels that are not known (or not all, if `all_of_them`).
    """
    if y.ndim != 2 or y.shape[1] != len(binarizers):
        raise ValueError(f"y must have {len(binarizers)} columns of labels, got shape {y.shape}.")
    parts = []
    for column, binarizer in zip(map(_plain, y.T), binarizers, strict=True):
        check_labels(found_labels(column), binarizer.classes_, all_of_them=all_of_them)
        codes = class_codes(column, binarizer.classes_)
        if codes is None:  # labels that only their values are alike
            codes = np.searchsorted(binarizer.classes_, column.astype(binarizer.classes_.dtype))
        parts.append(np.eye(len(binarizer.classes_), dtype=dtype)[codes])
    return np.ascontiguousarray(np.concatenate(parts, axis=1))


def split(binarizers: list[LabelBinarizer], output: Array) -> list[Array]:
    """Return the outputs (rows, classes) of each column."""
    return np.split(output, np.cumsum(sizes(binarizers))[:-1], axis=1)


def codes(binarizers: list[LabelBinarizer], output: Array) -> Array:
    """Return the index of the largest output (rows, columns) of each column."""
    return np.stack([part.argmax(axis=1) for part in split(binarizers, output)], axis=1)


def labels(binarizers: list[LabelBinarizer], output: Array) -> Array:
    """Return the labels (rows, columns)."""
    columns = zip(binarizers, codes(binarizers, output).T, strict=True)
    found = [binarizer.classes_[column] for binarizer, column in columns]
    if _are_mixed(found):
        found = [part.astype(object) for part in found]
    return np.stack(found, axis=1)


def every_label(binarizers: list[LabelBinarizer]) -> Array:
    """Return rows that together have all labels of all columns."""
    longest = max(sizes(binarizers))
    return np.stack([np.resize(b.classes_, longest) for b in binarizers], axis=1)
