"""Frames and targets of a TableModel: checks, and the choice between classes and real numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .readers import (
    ColumnError,
    kind_of_column,
    level_text,
    read_booleans,
    read_levels,
    read_numbers,
    require_pandas,
)

#: What a target may be learned as; 'auto' lets `decide_task` choose.
TASKS = ("auto", "classification", "regression")

#: Whole numbers with at most this many distinct values, each in FEW_ROWS rows on average, are
#: taken for classes.
MAX_INTEGER_CLASSES = 20
FEW_ROWS = 5


def as_frame(frame: Any) -> Any:
    """Return a pandas DataFrame whose column names are strings, or refuse."""
    pandas = require_pandas()
    if not isinstance(frame, pandas.DataFrame) and hasattr(frame, "to_pandas"):
        frame = frame.to_pandas()
    if not isinstance(frame, pandas.DataFrame):
        raise TypeError(f"a TableModel takes a pandas DataFrame, got {type(frame).__name__}")
    strange = [name for name in frame.columns if not isinstance(name, str)]
    if strange:
        raise ValueError(f"column names must be strings, got {strange[0]!r}")
    return frame


def column_of(frame: Any, name: str) -> Any:
    """Return the one column of that name."""
    series = frame[name]
    if series.ndim != 1:
        raise ColumnError(f"the table has several columns named {name!r}")
    return series


def target_series(frame: Any, target: Any) -> tuple[Any, str | None]:
    """Return the target as a Series with the frame's index, and its name."""
    pandas = require_pandas()
    if isinstance(target, str):
        if target not in frame.columns:
            raise ColumnError(
                f"there is no column {target!r}; the table has {_names(list(frame.columns))}"
            )
        return column_of(frame, target), target
    name = getattr(target, "name", None)
    values = target.array if isinstance(target, pandas.Series) else np.asarray(target)
    if len(values) != len(frame):
        raise ValueError(f"the target has {len(values)} values, the frame {len(frame)} rows")
    series = pandas.Series(values, index=frame.index, name=name)
    return series, name if isinstance(name, str) else None


def _names(names: Sequence[str], limit: int = 12) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(map(repr, names[:limit])) + more


def decide_task(labels: Any, notes: list[str]) -> str:
    """Choose by a target without missing values; append to ``notes`` what was chosen and why."""
    kind = kind_of_column(labels)
    if kind == "date":
        raise ValueError(
            f"target {labels.name!r} holds dates, which are neither numbers nor classes"
        )
    if kind in ("category", "boolean"):
        what = "booleans" if kind == "boolean" else "text or categories"
        notes.append(f"classification, because the target holds {what}")
        return "classification"
    values = read_numbers(labels)[0]
    values = values[~np.isnan(values)]
    distinct = np.unique(values)
    few = len(distinct) <= min(MAX_INTEGER_CLASSES, max(2, len(values) // FEW_ROWS))
    if few and (distinct == np.round(distinct)).all():
        notes.append(
            f"classification, because the target has only {len(distinct)} distinct whole numbers "
            "(name the task if it is regression)"
        )
        return "classification"
    notes.append(f"regression, because the target has {len(distinct)} distinct numbers")
    return "regression"


def class_labels(labels: Any, like: np.ndarray | None = None) -> np.ndarray:
    """Return labels as booleans, integers or text; of the kind of ``like`` if given."""
    kind = (
        kind_of_column(labels)
        if like is None
        else {"b": "boolean", "i": "number"}.get(like.dtype.kind, "category")
    )
    if kind == "boolean":
        truth, junk = read_booleans(labels)
        if not junk and not np.isnan(truth).any():
            return truth.astype(bool)
    if kind == "number":
        values, junk = read_numbers(labels)
        whole = not junk and bool((values == np.round(values)).all())
        if whole and np.abs(values).max(initial=0) < 2**53:
            return values.astype(np.int64)
    codes, found = read_levels(labels)
    return np.array([*found, ""], dtype=object)[codes]


def check_classes(y: np.ndarray, *, inferred: bool) -> None:
    """Refuse a target with one class, or, if it was only inferred that it has any, far too many."""
    count = len(np.unique(y))
    if count < 2:
        raise ValueError(f"the target has one class only, {level_text(y[0])!r}: nothing to learn")
    if inferred and count > len(y) / 2 and count > 2:
        raise ValueError(
            f"the target holds {count} different texts in {len(y)} rows: no classes to learn "
            "(name the task if they are)"
        )
