"""What each column of a table is: its draft, settled by what other columns leave no doubt of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrow import pa, pc
from .columns import (
    NOUNS,
    BooleanColumn,
    CategoryColumn,
    Cells,
    Column,
    DateColumn,
    DroppedColumn,
    NumberColumn,
    TimeColumn,
)
from .date_formats import order_of
from .dates import ISO
from .drafts import Draft, draft_of
from .hints import ColumnError, Hints
from .levels import cells_of
from .number_formats import NumberFormats, has_decimal_point, possible_formats
from .numbers import PLAIN, NumberFormat
from .texts import (
    TAKEN_AS_MISSING,
    Unread,
    are_empty,
    are_words,
    mask_of,
    plural,
    some,
    trimmed,
    unread,
)

#: More distinct texts than this, and fewer than two rows for each: an identifier, not a category.
MIN_IDENTIFIER_LEVELS = 10

#: Unreadable texts of a column that are kept as its words for missing: the most frequent ones.
MAX_WORDS = 100

#: Columns of plain numbers that are asked for a decimal point where others have a comma.
MAX_ASKED = 100

#: Whole numbers from here on are not told apart by float64.
_EXACT = 2**53

#: What files write, with either sign, for a missing number.
_SENTINELS = {99, 999, 9999, 99999, 999999, 9999999}

#: Names of columns whose different whole numbers only tell rows apart.
_ROW_NAME = re.compile(
    r"(?i:(?:.*[_ .-])?(?:id|uuid|guid)|identifier|index|row[_ .]?(?:id|nr|num(?:ber)?|names?))"
    r"|(?i:unnamed: ?\d+)|.*[a-z]I[dD]|[A-Z]ID|"
)

_LIKE_NUMBERS = (
    r"^\W*\d+(?:[-.,:/'QqWwTt \x{a0}]+\d+)*\W*(?:\s*[[:alpha:]%\x{b0}\x{b2}\x{b3}/]{1,5})?$"
)


@dataclass(frozen=True)
class Evidence:
    """What a table's columns say that leave no doubt.

    Attributes
    ----------
    decimal : str or None
        The decimal mark of most.
    day_first : bool or None
        Whether the day stands before the month in most.
    words : tuple of str
        Words for missing that stand in columns of numbers, dates or times.
    """

    decimal: str | None = None
    day_first: bool | None = None
    words: tuple[str, ...] = ()


def learn_columns(
    table: pa.Table, hints: Hints
) -> tuple[tuple[Column, ...], dict[str, np.ndarray]]:
    """Learn what each column of a table means; return the values of those that were read for it."""
    lacking = [name for name in hints.drop if name not in table.column_names]
    if lacking:
        raise ColumnError(f"there is no column {lacking[0]!r} to leave out")
    drafts = [
        Draft(name, None, "dropped", "on request")
        if name in hints.drop
        else draft_of(name, table.column(name), hints)
        for name in table.column_names
    ]
    _check_date_format(drafts, hints)
    evidence = evidence_of(drafts)
    columns = tuple(_settle(draft, hints, evidence) for draft in drafts)
    return columns, {draft.name: draft.read for draft in drafts if draft.read is not None}


def _check_date_format(drafts: Sequence[Draft], hints: Hints) -> None:
    """Refuse a format of dates that is none of any column."""
    if hints.date_format is None:
        return
    dates = [draft for draft in drafts if draft.kind == "date"]
    if any(d.dates is None or d.dates.formats[0].format == hints.date_format for d in dates):
        return  # typed dates need none
    shown = [(d.name, d.rest[0].as_py(), d.dates.formats[0].format) for d in dates if d.dates]
    hint = "; {!r} holds {!r}, which is {}".format(*shown[0]) if shown else ""
    raise ColumnError(f"the date format {hints.date_format!r} fits no column{hint}")


def evidence_of(drafts: Sequence[Draft]) -> Evidence:
    """Gather what the columns say that leave no doubt."""
    numbers = [draft for draft in drafts if draft.kind == "number" and draft.numbers]
    decimals = [mark for draft in numbers if (mark := _certain(draft.numbers))]
    if "," in decimals:
        # Only where there is a decimal comma, it matters which columns surely have a point.
        plain = [draft for draft in numbers if _is_plain(draft)]
        decimals += ["." for draft in plain[:MAX_ASKED] if has_decimal_point(draft.rest)]
    orders = [
        order
        for draft in drafts
        if draft.kind == "date" and draft.dates and len(draft.dates.formats) == 1
        if (order := order_of(draft.dates.formats[0])) is not None
    ]
    words = {
        word for draft in drafts if draft.kind in ("number", "date", "time") for word in draft.words
    }
    return Evidence(_most(decimals), _most(orders), tuple(sorted(words)))


def _certain(formats: NumberFormats | None) -> str | None:
    """Return the decimal mark if it is certain."""
    if formats is None or len(formats.formats) > 1 or not formats.marked:
        return None
    return formats.formats[0].decimal


def _is_plain(draft: Draft) -> bool:
    """Whether it was only seen that Python reads the numbers of a column."""
    return draft.numbers == NumberFormats((PLAIN,))


def _most(votes: Iterable[Any]) -> Any:
    """Return what most say; None for a draw."""
    counts = Counter(votes).most_common(2)
    if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
        return None
    return counts[0][0]


def _settle(draft: Draft, hints: Hints, evidence: Evidence) -> Column:
    """Decide what a column is."""
    name, kind = draft.name, draft.kind
    if kind == "boolean" and not set(draft.words) <= {*evidence.words}:
        kind = "category"  # a word for missing stays a level until the table says more
    if kind == "dropped":
        return DroppedColumn(name, draft.reason)
    if kind == "empty":
        return DroppedColumn(name, "no value in any row")
    if kind == "category":
        return _category(draft, hints, evidence)
    missing = tuple(dict.fromkeys([*hints.na, *draft.words]))
    if kind == "number":
        return _checked(_number(draft, hints, evidence, missing), draft)
    if kind == "date":
        dates, note = draft.dates.choose(evidence.day_first) if draft.dates else (ISO, None)
        notes = (f"{name!r}: {note}",) if note else ()
        return _checked(DateColumn(name, dates, missing=missing, notes=notes), draft)
    cls = TimeColumn if kind == "time" else BooleanColumn
    return _checked(cls(name, missing=missing), draft)


def _number(
    draft: Draft, hints: Hints, evidence: Evidence, missing: tuple[str, ...]
) -> NumberColumn:
    if draft.numbers is None:  # typed
        format = PLAIN
        if hints.decimal or hints.thousands:
            decimal = hints.decimal or ("," if hints.thousands == "." else ".")
            format = NumberFormat(decimal, hints.thousands or "")
        return NumberColumn(draft.name, format, missing=missing)
    numbers = draft.numbers
    if evidence.decimal == "," and _is_plain(draft) and hints.decimal is None:
        if not pc.any(pc.match_substring(draft.rest, ".")).as_py():
            numbers = NumberFormats((NumberFormat(","),))
        elif not has_decimal_point(draft.rest):
            numbers = possible_formats(draft.rest, draft.counts, hints) or numbers
    format, note = numbers.choose(evidence.decimal)
    if format.thousands or format.units:
        draft.values = None
    notes = (f"{draft.name!r}: {note}",) if note else ()
    return NumberColumn(draft.name, format, missing=missing, notes=notes)


def _checked(
    column: NumberColumn | DateColumn | TimeColumn | BooleanColumn, draft: Draft
) -> Column:
    """Leave out a column that says nothing; keep what could not be read as words for missing."""
    if draft.values is None:
        cells = column.read(draft.column)
        rows = cells.values
    else:
        cells = Cells(draft.values)
        rows = draft.values if draft.texts is None else draft.texts.by_row(draft.values)
        draft.values = None
    draft.read = rows
    name, values = column.name, cells.values
    gaps = np.isnan(values)
    present = values[~gaps] if gaps.any() else values
    if not len(present):
        return DroppedColumn(name, "no value in any row")
    low, high = float(present.min()), float(present.max())
    if isinstance(column, NumberColumn) and (count := _row_names(draft, present, low, high)):
        return DroppedColumn(name, f"like an identifier: {count:,} different whole numbers")
    if len(present) == len(values) and low == high:
        return DroppedColumn(name, "the same value in every row")
    if isinstance(column, NumberColumn) and (note := _like_missing(name, rows, low, high)):
        column = replace(column, notes=(*column.notes, note))
    marks = Unread({**draft.words, **cells.unread.rows})
    if not marks.rows:
        return column
    words = dict.fromkeys([*column.missing, *cells.unread.most_frequent(MAX_WORDS)])
    note = f"{name!r}: not {NOUNS[column.kind]}, {TAKEN_AS_MISSING}: {marks}"
    return replace(column, missing=tuple(words), notes=(*column.notes, note))


def _like_missing(name: str, values: np.ndarray, low: float, high: float) -> str:
    """Tell of a number such as -999 that may stand for a missing value; '' where there is none."""
    for value in (low, high):
        if abs(value) not in _SENTINELS:
            continue
        others = values[(values != value) & ~np.isnan(values)]
        count = int(np.count_nonzero(values == value))
        spread = np.ptp(others) if len(others) else np.inf
        if count > 1 and np.abs(others - value).min(initial=np.inf) > max(spread, 1):
            return (
                f"{name!r}: {value:.0f} in {plural(count, 'row')} is far from all other "
                f"numbers (na_values={f'{value:.0f}'!r} if it means a missing one)"
            )
    return ""


def _row_names(draft: Draft, values: np.ndarray, low: float, high: float) -> int:
    """Count whole numbers that only tell rows apart, 0 where they may say more."""
    large = max(-low, high) >= _EXACT and _are_integers(draft)
    if not (large or _ROW_NAME.fullmatch(draft.name)):
        return 0
    rows = len(values) if draft.texts is None else int(draft.counts.sum())
    if rows <= MIN_IDENTIFIER_LEVELS and not large:
        return 0
    if not (values == np.floor(values)).all():
        return 0
    distinct = int(pc.count_distinct(draft.column).as_py())
    return distinct if distinct >= rows or (large and distinct * 2 > rows) else 0


def _are_integers(draft: Draft) -> bool:
    """Whether a column holds integers, not floats that are too large for a fraction."""
    if draft.rest is None:
        return bool(pa.types.is_integer(draft.column.type))
    return bool(pc.all(pc.match_substring_regex(draft.rest, r"^\s*[-+]?\d+\s*$")).as_py())


def _category(draft: Draft, hints: Hints, evidence: Evidence) -> Column:
    name = draft.name
    texts = (draft.texts or cells_of(draft.column)[0]).distinct()
    stripped, counts = trimmed(texts.values), texts.counts()
    missing = tuple(dict.fromkeys([*hints.na, *evidence.words]))
    gaps = are_empty(stripped) | are_words(stripped, missing)
    keep = ~gaps & (counts > 0)
    present, count = int(counts[keep].sum()), int(keep.sum())
    if not count:
        return DroppedColumn(name, "no value in any row")
    if count == 1 and not counts[gaps].any():
        return DroppedColumn(name, "the same value in every row")
    levels = texts.values.filter(pa.array(keep))
    if count > MIN_IDENTIFIER_LEVELS and count > present / 2:
        return DroppedColumn(name, _why_not(draft, levels, counts[keep], present))
    notes = []
    if draft.reason:
        notes.append(f"{name!r}: categories, because {draft.reason}")
    marks = unread(stripped, counts, are_words(stripped, missing) & (counts > 0))
    if marks.rows:
        notes.append(f"{name!r}: {TAKEN_AS_MISSING}: {marks}")
    ordered = _in_order(levels.to_pylist(), draft.column)
    return CategoryColumn(name, ordered, missing=missing, notes=tuple(notes))


def _why_not(draft: Draft, levels: Any, counts: np.ndarray, present: int) -> str:
    """Say why different texts are left out: identifiers, or what could not be read."""
    if draft.reason:
        return f"like an identifier: {draft.reason}" if draft.numbers else draft.reason
    strange = mask_of(pc.match_substring_regex(trimmed(levels), _LIKE_NUMBERS))
    if int(counts[strange].sum()) * 2 > present:
        return (
            f"neither numbers nor dates that could be read: {some(levels.to_pylist())} "
            "(see decimal, thousands and date_format)"
        )
    return f"like an identifier: {len(levels):,} different values in {plural(present, 'row')}"


def _in_order(levels: list[str], column: Any) -> tuple[str, ...]:
    """Levels sorted, those of an ordered type in its own order."""
    if pa.types.is_dictionary(column.type) and column.type.ordered:
        whole = pa.chunked_array(column.chunks).unify_dictionaries().chunk(0).dictionary
        order = {text: place for place, text in enumerate(map(str, whole.to_pylist()))}
        return tuple(sorted(levels, key=lambda text: (order.get(text, len(order)), text)))
    return tuple(sorted(levels))
