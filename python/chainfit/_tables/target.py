"""Target: what a table is to predict, classes as they are written or numbers, learned once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._files.fields import Fields, ModelFileError
from .arrow import pa
from .column_json import pack_numbers, unpack_numbers
from .columns import NumberColumn
from .drafts import draft_of
from .hints import ColumnError, Hints
from .kinds import evidence_of
from .levels import cells_of, codes_of
from .numbers import PLAIN, NumberFormat
from .texts import plural, trimmed

#: What a target may be learned as; 'auto' lets `learn_target` choose.
TASKS = ("auto", "classification", "regression")

#: Whole numbers with at most this many distinct values, each in FEW_ROWS rows on average, are
#: taken for classes.
MAX_INTEGER_CLASSES = 20
FEW_ROWS = 5

_TYPES = {"text": str, "integer": int, "boolean": bool, "number": float}


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
        """
        if self.task == "regression":
            return NumberColumn(self.name, self.numbers, missing=self.missing).read(column).values
        codes, cells = codes_of(column, self.classes, self.missing)
        return cells.by_row(codes)

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
        missing, notes = tuple(fields.texts("missing")), tuple(fields.texts("notes"))
        fields.done()
        types = {type(value) for value in classes}
        if len(types) > 1 or not types <= set(_TYPES.values()):
            raise ModelFileError(f"{where}: 'classes' must be of one type")
        if (len(classes) < 2) if task == "classification" else classes:
            raise ModelFileError(f"{where}: {len(classes)} classes for {task}")
        if sorted(set(classes)) != list(classes):
            raise ModelFileError(f"{where}: 'classes' must be sorted and differ")
        return cls(name, task, classes, numbers, missing, notes)


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
    if draft.kind == "dropped":
        raise ColumnError(f"target {name!r} cannot be predicted: {draft.reason}")
    if draft.kind == "empty":
        raise ColumnError("no row has a target")
    decimal = None
    missing = (
        tuple(dict.fromkeys([*hints.na, *draft.words])) if draft.kind == "number" else hints.na
    )
    if table is not None and (draft.words or (draft.numbers and len(draft.numbers.formats) > 1)):
        evidence = evidence_of([draft_of(n, table.column(n), hints) for n in table.column_names])
        decimal = evidence.decimal
        if draft.kind != "number":
            missing = tuple(dict.fromkeys([*missing, *sorted(evidence.words)]))
    if draft.kind in ("date", "time") and task != "classification":
        raise ColumnError(
            f"target {name!r} holds {draft.kind}s, which are neither numbers nor classes"
        )
    notes: list[str] = []
    numbers = PLAIN
    if draft.numbers is not None:
        numbers, note = draft.numbers.choose(decimal)
        notes += [note] if note else []
    values = np.zeros(0)
    if draft.kind == "number" or task == "regression":
        values = NumberColumn(name, numbers, missing=missing).read(column).values
        values = values[~np.isnan(values)]
    if task == "auto":
        task = _decide(draft.kind, values, notes)
        inferred = True
    else:
        inferred = False
    if task == "regression":
        if not len(values):
            raise ColumnError(f"target {name!r}: no value is a number, as regression needs")
        return Target(name, task, (), numbers, missing, tuple(notes))
    texts, typed = cells_of(column)
    texts = texts.distinct() if typed is None else texts
    found = typed if typed is not None else texts.values.to_pylist()
    counts = texts.counts()
    stripped = trimmed(texts.values).to_pylist()
    rows: dict[Any, int] = {}
    for value, text, count in zip(found, stripped, counts, strict=True):
        if count and text != "" and text not in missing:
            rows[value] = int(count)
    classes = tuple(sorted(rows))
    _check_classes(name, rows, inferred)
    shown = ", ".join(f"{label} ({plural(rows[label], 'row')})" for label in classes[:20])
    more = f" and {len(classes) - 20} more" if len(classes) > 20 else ""
    notes.append(f"classes: {shown}{more}")
    return Target(name, task, classes, numbers, missing, tuple(notes))


def _decide(kind: str, values: np.ndarray, notes: list[str]) -> str:
    if kind in ("category", "boolean"):
        what = "booleans" if kind == "boolean" else "text or categories"
        notes.append(f"classification, because the target holds {what}")
        return "classification"
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


def _check_classes(name: str, rows: dict[Any, int], inferred: bool) -> None:
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
