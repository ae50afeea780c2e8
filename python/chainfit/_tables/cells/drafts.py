"""What a column may be, looked at by itself: its kind, and the formats that its cells leave open.

The order in which kinds are tried stands in `_of_text`; what stays open is settled by the other
columns, in `kinds.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arrow import flat, pa, pc
from .date_formats import COMPACT, EARLIEST, DateFormats, are_compact, possible_dates
from .dates import read_times
from .hints import Hints
from .number_formats import NumberFormats, possible_formats, why_no_numbers
from .numbers import PLAIN, may_be_plain, read_plainly, typed_numbers
from .texts import (
    Texts,
    are_empty,
    are_missing_words,
    are_words,
    is_blank,
    is_text,
    mask_of,
    texts_of,
    trimmed,
    unread,
    without_blanks,
)

#: Texts of booleans, compared without case; 0 and 1 stay numbers.
_PAIRS = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"})

_PLAIN = NumberFormats((PLAIN,))

#: More different decimals than this are no versions, however they are written.
MAX_VERSIONS = 20
_DECIMALS = r"^\d+\.\d+$"


@dataclass
class Draft:
    """What a column may be.

    Attributes
    ----------
    name : str
    column : pyarrow.ChunkedArray
    kind : str
        Of a `Column`, or 'empty'. 'boolean' is 'category' if its ``words`` are levels.
    reason : str
        Why it is 'dropped', or a 'category' though its texts have numbers.
    texts : Texts or None
        Its cells if they are text.
    there : ndarray of bool, or None
        Which of the texts are no word for missing; None: all.
    words : dict of str to int
        Those of `MISSING_WORDS` that it has, and their rows.
    numbers, dates : NumberFormats, DateFormats or None
        How it may be written.
    values : ndarray or None
        The numbers of its texts, where they are known already.
    read : ndarray or None
        The values of all rows, once they were read.
    """

    name: str
    column: Any
    kind: str = ""
    reason: str = ""
    texts: Texts | None = None
    there: np.ndarray | None = None
    words: dict[str, int] = field(default_factory=dict)
    numbers: NumberFormats | None = None
    dates: DateFormats | None = None
    values: np.ndarray | None = None
    read: np.ndarray | None = None

    @property
    def rest(self) -> Any:
        """Texts that are there, made anew each time: all columns' at once would be a copy."""
        if self.texts is None or self.there is None:
            return None if self.texts is None else self.texts.values
        return self.texts.values.filter(pa.array(self.there))

    @property
    def counts(self) -> np.ndarray:
        """Rows of each of `rest`; of a typed column, of each cell."""
        if self.texts is None:
            return np.ones(len(self.column), dtype=np.int64)
        counts = self.texts.counts()
        return counts if self.there is None else counts[self.there]


def draft_of(name: str, column: Any, hints: Hints) -> Draft:
    """Look at one column."""
    if not is_text(column.type) or pa.types.is_dictionary(column.type):
        return _of_type(Draft(name, column), hints)
    if hints.say_nothing and (draft := _plain_decimals(name, column)):
        return draft
    texts = texts_of(column)
    draft = Draft(name, column, texts=texts)
    if hints.say_nothing and _settle_plain(draft, texts):
        return draft
    stripped, counts = trimmed(texts.values), texts.counts()
    known = are_empty(stripped) | are_words(stripped, hints.na) | (counts == 0)
    marks = are_missing_words(stripped) & ~known
    draft.there = ~(known | marks)
    draft.words = unread(stripped, counts, marks).rows
    if draft.there.any():
        _of_text(draft, hints)
    else:
        draft.kind = "category" if draft.words else "empty"
    return draft


def _plain_decimals(name: str, column: Any) -> Draft | None:
    """Settle what most columns of numbers are: many, in each row, with decimals, nothing else.

    The texts are not even looked at for repetitions.
    """
    values = read_plainly(column) if column.type == pa.string() else None
    if values is None or len({*values[: 2 * MAX_VERSIONS].tolist()}) <= MAX_VERSIONS:
        return None
    if are_compact(name, values) or (values == np.floor(values)).all():
        return None
    texts = Texts(flat(column), None)
    return Draft(name, column, "number", texts=texts, numbers=_PLAIN, values=values)


def _settle_plain(draft: Draft, texts: Texts) -> bool:
    """Settle the most frequent case in one pass: numbers as Python writes them, with gaps."""
    values = _plain_numbers(texts.values)
    if values is None:
        return False
    gaps = np.isnan(values)
    if gaps.all() or np.isinf(values).any():
        return False
    if gaps.any():
        counts = texts.counts()
        draft.words = unread(trimmed(texts.values), counts, gaps & (counts > 0)).rows
        draft.words.pop("", None)
        draft.there = ~gaps
    present = values[~gaps]
    if are_compact(draft.name, present):
        draft.kind, draft.dates = "date", DateFormats((COMPACT,))
        return True
    draft.kind, draft.numbers = "number", _PLAIN
    if (present == np.floor(present)).all():
        draft.reason = _why_codes(draft)
    elif len({*present[: 2 * MAX_VERSIONS].tolist()}) <= MAX_VERSIONS:
        draft.reason = _two_ways(trimmed(draft.rest))
    if draft.reason:
        draft.kind = "category"
    draft.values = values
    return True


def _plain_numbers(values: Any) -> np.ndarray | None:
    """Return texts as Python reads numbers, NaN where they are blank; None if it can't."""
    if len(values) and not (is_blank(first := values[0].as_py()) or may_be_plain(first)):
        return None
    for sieve in (lambda values: values, without_blanks):
        try:
            return np.array(sieve(values).cast(pa.float64()))
        except pa.ArrowInvalid:
            pass
    return None


def _of_text(draft: Draft, hints: Hints) -> None:
    """Set the kind of a column that has any cells."""
    rest, counts = draft.rest, draft.counts
    if hints.date_format is not None:
        draft.dates = possible_dates(rest, counts, hints)
        if draft.dates:
            draft.kind = "date"
            return
    if _is_boolean(rest):
        draft.kind = "boolean"
        return
    draft.numbers = possible_formats(rest, counts, hints)
    if draft.numbers == _PLAIN and are_compact(draft.name, _there(PLAIN.read(rest))):
        draft.kind, draft.numbers, draft.dates = "date", None, DateFormats((COMPACT,))
    elif draft.numbers:
        draft.reason = _why_codes(draft)
        draft.kind = "category" if draft.reason else "number"
    elif dates := possible_dates(rest, counts, Hints()):
        draft.kind, draft.dates = "date", dates
    elif int(counts[~np.isnan(read_times(rest))].sum()) * 2 > counts.sum():
        draft.kind = "time"
    else:
        draft.kind, draft.reason = "category", why_no_numbers(rest, counts)


def _is_boolean(rest: Any) -> bool:
    if pc.count_distinct(rest.slice(0, 100)).as_py() > 12:
        return False
    words = pc.utf8_lower(trimmed(rest)).unique()
    return len(words) <= 2 and any(set(words.to_pylist()) <= pair for pair in _PAIRS)


def _why_codes(draft: Draft) -> str:
    """Why texts that read as numbers are codes; '' where they are numbers."""
    stripped = trimmed(draft.rest)
    return _leading_zeros(stripped, draft.counts) or _two_ways(stripped)


def _leading_zeros(stripped: Any, counts: Any) -> str:
    """Tell of leading zeros, as in 007, which one whole number in a hundred at least must have."""
    zeros = mask_of(pc.match_substring_regex(stripped, r"^0\d+$"))
    if int(counts[zeros].sum()) * 100 < counts.sum():
        return ""
    numbers = stripped.filter(pc.match_substring_regex(stripped, r"^[-+.,\d]+$"))
    whole = pc.all(pc.match_substring_regex(numbers, r"^\d+$")).as_py()
    return "some have leading zeros" if whole else ""


def _two_ways(stripped: Any) -> str:
    """Name two of a few decimals that are one number, such as the versions 1.1 and 1.10."""
    if len(stripped) > 1000:  # they would stand here once each, if they were few
        return ""
    texts = stripped.unique()
    if len(texts) > MAX_VERSIONS or not pc.all(pc.match_substring_regex(texts, _DECIMALS)).as_py():
        return ""
    written: dict[float, str] = {}
    for text in sorted(texts.to_pylist()):
        if (first := written.setdefault(float(text), text)) != text:
            return f"{first!r} and {text!r} would be one number"
    return ""


def _of_type(draft: Draft, hints: Hints) -> Draft:
    """Set the kind of a typed column."""
    kind, types = draft.column.type, pa.types
    if types.is_null(kind) or draft.column.null_count == len(draft.column):
        draft.kind = "empty"
    elif types.is_dictionary(kind):
        draft.kind = "category"
    elif types.is_boolean(kind):
        draft.kind = "boolean"
    elif types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        draft.kind = "number"
        if hints.date_format is None and _are_compact(draft):
            draft.kind, draft.dates = "date", DateFormats((COMPACT,))
        if hints.date_format is not None and types.is_integer(kind):
            texts = texts_of(draft.column.cast(pa.string()))
            keep = ~are_empty(texts.values)
            rest, counts = texts.values.filter(pa.array(keep)), texts.counts()[keep]
            draft.dates = possible_dates(rest, counts, hints)
            draft.kind = "date" if draft.dates else "number"
    elif types.is_date(kind) or types.is_timestamp(kind):
        draft.kind = "date"
    elif types.is_time(kind) or types.is_duration(kind):
        draft.kind = "time"
    else:
        draft.kind, draft.reason = "dropped", f"it holds {_what_is_held(kind)}"
    return draft


def _are_compact(draft: Draft) -> bool:
    """Whether a typed column holds whole numbers that are dates; most are seen not to at once."""
    if pa.types.is_float16(draft.column.type):
        return False  # none is as large as a date
    highest = pc.max(draft.column).as_py()
    if highest is None or not highest >= EARLIEST:
        return False
    return are_compact(draft.name, _there(typed_numbers(draft.column)))


def _there(values: np.ndarray) -> np.ndarray:
    return values[~np.isnan(values)]


def _what_is_held(kind: Any) -> str:
    types = pa.types
    if types.is_struct(kind):
        return "structs"
    if types.is_map(kind):
        return "maps"
    if types.is_nested(kind):
        return "lists"
    return "bytes" if "binary" in str(kind) else f"values of type {kind}"
