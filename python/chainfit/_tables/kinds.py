"""What kind a column is and how it is written, inferred once from the training rows.

Columns are looked at one by one, then what one of them leaves open is settled by the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .arrow import pa, pc
from .columns import (
    BooleanColumn,
    CategoryColumn,
    Column,
    DateColumn,
    DroppedColumn,
    NumberColumn,
    TimeColumn,
)
from .date_formats import DateFormats, order_of, possible_dates
from .dates import read_times
from .hints import ColumnError, Hints
from .levels import cells_of
from .number_formats import NumberFormats, possible_formats, with_decimal
from .numbers import PLAIN
from .texts import (
    Texts,
    are_empty,
    are_missing_words,
    are_words,
    is_text,
    mask_of,
    plural,
    texts_of,
    trimmed,
    unread,
)

#: More distinct texts than this, and fewer than two rows for each: an identifier, not a category.
MIN_IDENTIFIER_LEVELS = 10

#: Unreadable texts of a column that are kept as words for missing: the most frequent ones.
MAX_WORDS = 100

#: Whole numbers from here on are not told apart by float64.
_EXACT = 2**53


@dataclass(frozen=True)
class Evidence:
    """What a table's unambiguous columns say about the others.

    Attributes
    ----------
    decimal : str or None
        The decimal mark, if all of these have the same.
    day_first : bool or None
        Whether the day stands before the month, if all of these agree.
    words : frozenset of str
        Words for missing that stand in columns of numbers, dates or times.
    """

    decimal: str | None = None
    day_first: bool | None = None
    words: frozenset[str] = frozenset()


@dataclass
class Draft:
    """What a column may be, before the other columns are asked."""

    name: str
    column: Any
    texts: Texts | None = None
    numbers: NumberFormats | None = None
    dates: DateFormats | None = None
    time: bool = False
    kind: str = ""
    words: tuple[str, ...] = ()
    rest: Any = None
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    reason: str = ""


def learn_columns(table: pa.Table, hints: Hints) -> tuple[Column, ...]:
    """Learn what each column of a table means."""
    lacking = [name for name in hints.drop if name not in table.column_names]
    if lacking:
        raise ColumnError(f"there is no column {lacking[0]!r} to leave out")
    drafts = [
        Draft(name, None, kind="dropped", reason="as you said")
        if name in hints.drop
        else draft_of(name, table.column(name), hints)
        for name in table.column_names
    ]
    evidence = evidence_of(drafts)
    return tuple(settle(draft, hints, evidence) for draft in drafts)


def draft_of(name: str, column: Any, hints: Hints) -> Draft:
    """Look at one column."""
    if not is_text(column.type) or pa.types.is_dictionary(column.type):
        return _typed_draft(name, column, hints)
    texts = texts_of(column)
    draft = Draft(name, column, texts)
    values, counts = texts.values, texts.counts()
    stripped = trimmed(values)
    known = are_empty(stripped) | are_words(stripped, hints.na)
    marks = are_missing_words(stripped) & ~known
    keep = ~known & ~marks & (counts > 0)
    draft.rest, draft.counts = values.filter(pa.array(keep)), counts[keep]
    draft.words = tuple(unread(stripped, counts, marks & (counts > 0)).rows)
    rest, counts = draft.rest, draft.counts
    if not len(rest):
        draft.kind = "category" if draft.words else "empty"
        return draft
    if hints.date_format is not None and (dates := possible_dates(rest, counts, hints)):
        draft.kind, draft.dates = "date", dates
    elif _is_boolean(rest):
        draft.kind = "boolean"
    elif numbers := _plain(rest, hints) or possible_formats(rest, counts, hints):
        draft.kind = "number" if not _are_codes(rest, counts) else "category"
        draft.numbers = numbers
    elif dates := possible_dates(rest, counts, hints):
        draft.kind, draft.dates = "date", dates
    elif int(counts[~np.isnan(read_times(rest))].sum()) * 2 > counts.sum():
        draft.kind = "time"
    else:
        draft.kind = "category"
    return draft


def _plain(rest: Any, hints: Hints) -> NumberFormats | None:
    """Numbers without any mark but the decimal point, the most frequent case."""
    if hints.decimal == ",":
        return None
    try:
        rest.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    return NumberFormats((PLAIN,), len(rest))


def _is_boolean(rest: Any) -> bool:
    if len(rest) > 1024 and pc.count_distinct(rest.slice(0, 64)).as_py() > 8:
        return False
    words = set(pc.utf8_lower(trimmed(rest.unique())).to_pylist())
    pairs = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"})
    return any(words <= pair for pair in pairs)


def _are_codes(rest: Any, counts: np.ndarray) -> bool:
    """Whether whole numbers have leading zeros: codes such as 007, not numbers."""
    stripped = trimmed(rest)
    whole = mask_of(pc.match_substring_regex(stripped, r"^\d+$"))
    zeros = mask_of(pc.match_substring_regex(stripped, r"^0\d+$"))
    rows = int(counts[zeros].sum())
    return rows * 100 >= counts.sum() and bool(whole.all())


def _typed_draft(name: str, column: Any, hints: Hints) -> Draft:
    kind, types = column.type, pa.types
    draft = Draft(name, column)
    if types.is_dictionary(kind):
        draft.kind = "category"
    elif types.is_null(kind) or column.null_count == len(column):
        draft.kind = "empty"
    elif types.is_boolean(kind):
        draft.kind = "boolean"
    elif types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        draft.kind = "number"
    elif types.is_duration(kind):
        draft.kind = "number"
    elif types.is_date(kind) or types.is_timestamp(kind):
        draft.kind = "date"
    elif types.is_time(kind):
        draft.kind = "time"
    else:
        draft.kind, draft.reason = "dropped", f"it holds {_nested(kind)}"
    return draft


def _nested(kind: Any) -> str:
    types = pa.types
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return "bytes"
    if types.is_struct(kind):
        return "structs"
    if types.is_map(kind):
        return "maps"
    return "lists" if types.is_nested(kind) else f"values of type {kind}"


def evidence_of(drafts: Iterable[Draft]) -> Evidence:
    """Gather what the columns say that leave no doubt."""
    decimals: set[str] = set()
    orders: set[bool | None] = set()
    words: set[str] = set()
    for draft in drafts:
        if draft.kind == "number" and draft.numbers and len(draft.numbers.formats) == 1:
            format = draft.numbers.formats[0]
            if format.decimal == ",":
                decimals.add(",")
        if draft.kind == "date" and draft.dates and len(draft.dates.formats) == 1:
            orders.add(order_of(draft.dates.formats[0]))
        if draft.kind in ("number", "date", "time"):
            words.update(draft.words)
    orders.discard(None)
    return Evidence(
        decimal=decimals.pop() if len(decimals) == 1 else None,
        day_first=orders.pop() if len(orders) == 1 else None,
        words=frozenset(words),
    )


def settle(draft: Draft, hints: Hints, evidence: Evidence) -> Column:
    """Decide what a column is."""
    name = draft.name
    if draft.kind == "dropped":
        return DroppedColumn(name, draft.reason)
    if draft.kind == "empty":
        return DroppedColumn(name, "no value in any row")
    notes: list[str] = []
    column: Column
    if draft.kind == "boolean" and not evidence.words.issuperset(draft.words):
        draft.kind = "category"  # a word for missing stays a level until the table says more
    if draft.kind == "category":
        return _category(draft, hints, evidence)
    missing = tuple(dict.fromkeys([*hints.na, *draft.words]))
    if draft.kind == "number":
        format = with_decimal(PLAIN, hints)
        if draft.numbers:
            format, note = draft.numbers.choose(evidence.decimal)
            notes += [note] if note else []
        column = NumberColumn(name, format, missing=missing)
    elif draft.kind == "date":
        column = DateColumn(name, missing=missing)
        if draft.dates:
            dates, note = draft.dates.choose(evidence.day_first)
            notes += [note] if note else []
            column = DateColumn(name, dates, missing=missing)
    elif draft.kind == "time":
        column = TimeColumn(name, missing=missing)
    else:
        column = BooleanColumn(name, missing=missing)
    return _checked(column, draft, notes)


def _checked(column: Any, draft: Draft, notes: list[str]) -> Column:
    cells = column.read(draft.column)
    present = cells.values[~np.isnan(cells.values)]
    if not len(present):
        return DroppedColumn(column.name, "no value in any row")
    if len(present) == len(cells.values) and (present == present[0]).all():
        return DroppedColumn(column.name, "the same value in every row")
    if cells.unread.rows:
        notes.append(f"not a {column.kind}, taken as missing: {cells.unread}")
    words = tuple(dict.fromkeys([*column.missing, *[*cells.unread.rows][:MAX_WORDS]]))
    made: Column = type(column)(**{**column.__dict__, "missing": words, "notes": tuple(notes)})
    return made


def _category(draft: Draft, hints: Hints, evidence: Evidence) -> Column:
    texts = draft.texts or cells_of(draft.column)[0]
    texts = texts.distinct()
    stripped, counts = trimmed(texts.values), texts.counts()
    words = tuple(dict.fromkeys([*hints.na, *sorted(evidence.words)]))
    keep = ~are_empty(stripped) & ~are_words(stripped, words) & (counts > 0)
    levels = texts.values.filter(pa.array(keep)).to_pylist()
    present, gaps = int(counts[keep].sum()), int(counts[~keep].sum())
    if not levels:
        return DroppedColumn(draft.name, "no value in any row")
    if len(levels) == 1 and not gaps:
        return DroppedColumn(draft.name, "the same value in every row")
    if len(levels) > MIN_IDENTIFIER_LEVELS and len(levels) > present / 2:
        reason = f"like an identifier: {len(levels)} different values in {plural(present, 'row')}"
        return DroppedColumn(draft.name, reason)
    missing = tuple(
        dict.fromkeys([*hints.na, *unread(stripped, counts, are_words(stripped, words)).rows])
    )
    return CategoryColumn(draft.name, tuple(sorted(levels)), missing=missing)
