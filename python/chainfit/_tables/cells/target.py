"""Target: what a table is to predict, classes as they are written or numbers, learned once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np

from ..._estimators.warn import warn
from ..._files.fields import Fields, ModelFileError
from ..arrow import pa
from .column_json import different, pack_numbers, unpack_numbers
from .columns import CategoryColumn, Cells, NumberColumn
from .drafts import Draft, draft_of
from .hints import ColumnError, Hints
from .kinds import MAX_WORDS, Evidence, evidence_of
from .levels import cells_of, ways_to_write
from .numbers import PLAIN, NumberFormat
from .texts import are_empty, are_words, is_text, named, plural, texts_of, trimmed

#: What a target may be learned as; 'auto' lets `learn_target` choose.
TASKS = ("auto", "classification", "regression")

#: Whole numbers with at most this many distinct values, each in FEW_ROWS rows on average, are
#: taken for classes.
MAX_INTEGER_CLASSES = 20
FEW_ROWS = 5

#: Classes that are named with their rows before training.
MAX_SHOWN = 20

_TYPES = {str, int, bool, float}


@dataclass(frozen=True)
class Target:
    """The column that a table is to predict.

    Attributes
    ----------
    name : str
    task : {'classification', 'regression'}
    classes : tuple
        Classes in NumPy's order: text as it is written, or the typed column's integers, booleans
        or numbers. Empty in regression.
    numbers : NumberFormat
        How the numbers of a target of text are written.
    missing : tuple of str
        Words for a missing value.
    notes : tuple of str
        What was decided and why, classes with their rows.
    """

    name: str
    task: str
    classes: tuple[Any, ...] = ()
    numbers: NumberFormat = PLAIN
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def parse(self, column: pa.ChunkedArray) -> np.ndarray:
        """Read a target.

        Returns
        -------
        ndarray of shape (rows,)
            Of classes int32: the class's place in ``classes``, -1 where missing, -2 where training
            had no such class. Of numbers float64, NaN where missing.

        Warns
        -----
        UserWarning
            Names and counts what is no number, and so taken as missing.
        """
        cells = self.read(column)
        if self.task == "regression" and cells.unread.rows:
            warn(f"target {self.name!r}: not a number, taken as missing: {cells.unread}")
        return cells.values

    def read(self, column: pa.ChunkedArray) -> Cells:
        """Read a target as `parse` does; texts that are no values of it are told."""
        as_column = (
            NumberColumn(self.name, self.numbers, missing=self.missing)
            if self.task == "regression"
            else CategoryColumn(self.name, self.classes, missing=self.missing)
        )
        return as_column.read(column)

    def known(self, values: np.ndarray) -> np.ndarray:
        """Return which of the values that `parse` gives are classes or numbers."""
        known: np.ndarray = values >= 0 if self.task == "classification" else ~np.isnan(values)
        return known

    def with_notes(self, notes: Sequence[str]) -> Target:
        """Return the target with these notes before its own."""
        return replace(self, notes=(*notes, *self.notes))

    def labels(self, codes: np.ndarray) -> np.ndarray:
        """Return the classes of codes, of the type that they have in training."""
        return self.classes_array()[codes]

    def classes_array(self) -> np.ndarray:
        """Return the classes as an array of their type; text as objects."""
        text = bool(self.classes) and isinstance(self.classes[0], str)
        return np.array(self.classes, dtype=object if text else None)

    def to_json(self) -> dict[str, Any]:
        """Return the target as JSON; `from_json` takes it back."""
        return {
            "name": self.name,
            "task": self.task,
            "classes": list(self.classes),
            **pack_numbers(self.numbers),
            "missing": list(self.missing),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, values: object, where: str = "target") -> Target:
        """Build a target, everything checked; ModelFileError if it is no sane one."""
        fields = Fields(values, where)
        name, task = fields.text("name"), fields.text("task", TASKS[1:])
        classes = tuple(fields.items("classes"))
        numbers = unpack_numbers(fields)
        missing, notes = different(fields, "missing"), tuple(fields.texts("notes"))
        fields.done()
        _check_saved_classes(classes, task, where)
        return cls(name, task, classes, numbers, missing, notes)


def _check_saved_classes(classes: tuple[Any, ...], task: str, where: str) -> None:
    types = {type(value) for value in classes}
    if len(types) > 1 or not types <= _TYPES:
        raise ModelFileError(f"{where}: 'classes' must be texts, integers, booleans or numbers")
    if (len(classes) < 2) if task == "classification" else classes:
        raise ModelFileError(f"{where}: {len(classes)} classes do not suit {task}")
    if any(isinstance(value, float) and not math.isfinite(value) for value in classes):
        raise ModelFileError(f"{where}: 'classes' must be finite")
    if any(isinstance(value, int) and not -(2**63) <= value < 2**64 for value in classes):
        raise ModelFileError(f"{where}: 'classes' must fit 64 bits")
    if any(isinstance(value, str) and not _is_text(value) for value in classes):
        raise ModelFileError(f"{where}: 'classes' must be text")
    if sorted(set(classes)) != list(classes):
        raise ModelFileError(f"{where}: 'classes' must be sorted and differ")


def _is_text(value: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def learn_target(
    column: pa.ChunkedArray,
    name: str,
    task: str = "auto",
    hints: Hints | None = None,
    table: pa.Table | None = None,
) -> Target:
    """Decide what a target is and learn its classes or its numbers' marks.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
    name : str
    task : {'auto', 'classification', 'regression'}, default='auto'
        'auto': text, booleans and whole numbers with few distinct values are classes, anything
        else is regression.
    hints : Hints, default=None
        What the user says.
    table : pyarrow.Table, default=None
        The other columns, which are asked where the target's own cells leave a doubt.

    Returns
    -------
    Target

    Raises
    ------
    ColumnError
        If there is nothing to learn from it; the text says why.
    """
    hints = hints or Hints()
    if task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(map(repr, TASKS))}, got {task!r}")
    draft = draft_of(name, column, hints)
    notes: list[str] = []
    if pa.types.is_duration(column.type):
        draft.kind = "number"
        notes.append(f"target {name!r}: durations, in days")
    if draft.kind == "dropped":
        raise ColumnError(f"target {name!r} cannot be predicted: {draft.reason}")
    if draft.kind == "empty":
        raise ColumnError("no row has a target")
    evidence = Evidence()
    if table is not None and (draft.words or (draft.numbers and len(draft.numbers.formats) > 1)):
        evidence = evidence_of([draft_of(n, table.column(n), hints) for n in table.column_names])
    inferred = task == "auto"
    if draft.kind == "number" or task == "regression":
        found = _learn_numbers(draft, hints, evidence)
        if inferred:
            task = _task_of(found.read(column).values, notes)
        if task == "regression":
            return found.with_notes(notes)
    elif inferred:
        task = _task_of_words(draft, notes)
    words = [*draft.words] if draft.kind == "number" else evidence.words
    missing = tuple(dict.fromkeys([*hints.na, *words]))
    if draft.kind == "number":
        missing = (*missing, *_other_forms(column, found.missing, missing))
    rows = _rows_of_classes(column, missing)
    _check_classes(rows, inferred)
    marks = {word: rows_ for word, rows_ in draft.words.items() if word in missing}
    if marks:
        notes.append(f"target {name!r}: taken as missing: {named(marks)}")
    classes = tuple(sorted(rows))
    shown = ", ".join(
        f"{_shown(label)} ({plural(rows[label], 'row')})" for label in classes[:MAX_SHOWN]
    )
    more = f" and {len(classes) - MAX_SHOWN} more" if len(classes) > MAX_SHOWN else ""
    notes.append(f"classes: {shown}{more}")
    return Target(name, task, classes, missing=missing, notes=tuple(notes))


def _learn_numbers(draft: Draft, hints: Hints, evidence: Evidence) -> Target:
    """Learn the marks of a target of numbers; at least half of its cells must be some."""
    name, notes, numbers = draft.name, list[str](), PLAIN
    if draft.numbers is not None:
        numbers, note = draft.numbers.choose(evidence.decimal)
        notes += [f"target {name!r}: {note}"] if note else []
    missing = [*hints.na, *draft.words]
    cells = NumberColumn(name, numbers, missing=tuple(missing)).read(draft.column)
    present = int(np.count_nonzero(~np.isnan(cells.values)))
    if cells.unread.count >= max(present, 1):
        raise ColumnError(
            f"target {name!r}: {cells.unread.count} values are no numbers, as regression needs: "
            f"{cells.unread}"
        )
    if not present:
        raise ColumnError("no row has a target")
    marks = {**draft.words, **cells.unread.rows}
    if marks:
        notes.append(f"target {name!r}: not a number, taken as missing: {named(marks)}")
    words = tuple(dict.fromkeys([*missing, *cells.unread.most_frequent(MAX_WORDS)]))
    return Target(name, "regression", (), numbers, words, tuple(notes))


def _task_of(values: np.ndarray, notes: list[str]) -> str:
    """Choose by the numbers of a target; append to ``notes`` what was chosen and why."""
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


def _task_of_words(draft: Draft, notes: list[str]) -> str:
    """Choose by a target that holds no numbers; dates are refused."""
    if draft.kind in ("date", "time"):
        raise ColumnError(
            f"target {draft.name!r} holds {draft.kind}s, which are neither numbers nor classes"
        )
    booleans = draft.kind == "boolean" and not draft.words
    what = "booleans" if booleans else "text or categories"
    notes.append(f"classification, because the target holds {what}")
    return "classification"


def _other_forms(
    column: pa.ChunkedArray, numbers: Sequence[str], known: Sequence[str]
) -> list[str]:
    """Return texts of a target that are the number of a word for missing: -999.0 for -999."""
    if not is_text(column.type) or not numbers:
        return []
    texts = trimmed(texts_of(column).distinct().values)
    meant = NumberColumn("", missing=tuple(numbers)).missing_values
    same = np.isin(PLAIN.read(texts), meant)
    return [text for text in texts.filter(pa.array(same)).to_pylist() if text not in known]


def _rows_of_classes(column: pa.ChunkedArray, missing: Sequence[str]) -> dict[Any, int]:
    """Return each class and its rows."""
    texts, typed = cells_of(column)
    if typed is None:
        texts = texts.distinct()
        found: list[Any] = texts.values.to_pylist()
    else:
        found = [_plain_class(value) for value in typed]
    stripped = trimmed(texts.values)
    gaps = are_empty(stripped) | are_words(stripped, missing)
    rows: dict[Any, int] = {}
    for value, gap, count in zip(found, gaps, texts.counts(), strict=True):
        if count and not gap:
            rows[value] = rows.get(value, 0) + int(count)
    return rows


def _plain_class(value: Any) -> Any:
    """Return a typed value as one that JSON and NumPy have; dates, for example, as text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return float(value) if isinstance(value, Decimal) else ways_to_write(value)[0]


def _shown(label: Any) -> str:
    """Return a class as it is printed: as it is, with quotes where that would not tell it."""
    text = str(label)
    return text if text.isprintable() and text == text.strip() != "" else repr(label)


def _check_classes(rows: dict[Any, int], inferred: bool) -> None:
    total = sum(rows.values())
    if not rows:
        raise ColumnError("no row has a target")
    if len(rows) < 2:
        raise ColumnError(f"the target has one class only, {next(iter(rows))!r}: nothing to learn")
    if inferred and len(rows) > total / 2 and len(rows) > 2:
        raise ColumnError(
            f"the target holds {len(rows)} different texts in {total} rows: no classes to learn "
            "(name the task if they are)"
        )
