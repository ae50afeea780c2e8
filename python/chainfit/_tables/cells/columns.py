"""What was learned of each column: one plain record per kind, which reads cells and never guesses.

A record's ``read`` gives the values of all rows and the texts that it could not read. A new kind
is a record here, its entries in `column_json.py`, and the place where `kinds.py` recognises it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ..arrow import pa
from .dates import ISO, DateFormat, read_times, typed_days, typed_seconds
from .levels import MISSING, UNSEEN, Levels, cells_of, read_truth
from .numbers import PLAIN, NumberFormat, typed_numbers
from .record import Record
from .texts import (
    Texts,
    Unread,
    are_empty,
    are_missing_words,
    are_words,
    is_text,
    texts_of,
    trimmed,
    unread,
)

#: What the values of a kind are called in messages.
NOUNS = {
    "number": "a number",
    "date": "a date",
    "time": "a time",
    "boolean": "true or false",
    "category": "a level",
}


@dataclass(frozen=True)
class Cells:
    """What the rows of a column hold.

    Attributes
    ----------
    values : ndarray of shape (rows,)
        float64 with NaN for missing, or int32 codes of levels.
    unread : Unread
        Texts that are no values of the column, though they are not known to be missing.
    strange : int
        Rows of these whose text is none of the words that files write for a missing value.
    """

    values: np.ndarray
    unread: Unread = field(default_factory=lambda: Unread({}))
    strange: int = 0


@dataclass(frozen=True)
class _Column(Record):
    """What all kinds have: a name, words for missing, and notes on what was decided."""

    kind: ClassVar[str]

    name: str
    missing: tuple[str, ...] = field(default=(), kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def read(self, column: pa.ChunkedArray) -> Cells:
        """Read the cells of a column of text or of a typed one."""
        if pa.types.is_null(column.type):
            column = column.cast(pa.string())
        if is_text(column.type):
            plain = self._read_plain(column)
            return self._read_texts(texts_of(column)) if plain is None else Cells(plain)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        typed = self._read_typed(column)
        # A type without a meaning here is read as what it would be in text.
        return self._read_texts(cells_of(column)[0]) if typed is None else typed

    def _read_typed(self, column: pa.ChunkedArray) -> Cells | None:
        return None

    def _mean_missing(self, values: np.ndarray) -> np.ndarray:
        """Whether each of the values stands for a missing one."""
        if not len(self.missing_values):
            return np.zeros(len(values), dtype=bool)
        return np.isin(values, self.missing_values)

    def _typed(self, values: np.ndarray, infinite: int = 0) -> Cells:
        values[self._mean_missing(values)] = np.nan
        return Cells(values, Unread({"inf": infinite} if infinite else {}), infinite)

    def _read_plain(self, column: pa.ChunkedArray) -> np.ndarray | None:
        """Read a column of text in one pass, if all of it is written as it mostly is."""
        return None

    def _numbers(self, values: pa.StringArray) -> np.ndarray:
        raise NotImplementedError

    @cached_property
    def missing_values(self) -> np.ndarray:
        """Words for missing that are values of the column: -999, however cells write it."""
        if not self.missing:
            return np.empty(0)
        values = self._numbers(pa.array(self.missing, pa.string()))
        return values[~np.isnan(values)]

    def _read_texts(self, texts: Texts) -> Cells:
        values = self._numbers(texts.values)
        known = self._mean_missing(values)
        values[known] = np.nan
        (bad,) = np.nonzero(np.isnan(values) & ~known)
        if not len(bad):
            return Cells(texts.by_row(values))
        found = texts.values.take(pa.array(bad))
        stripped = trimmed(found)
        bad = bad[~(are_empty(stripped) | are_words(stripped, self.missing))]
        if not len(bad):
            return Cells(texts.by_row(values))
        found = texts.values.take(pa.array(bad))
        counts = texts.counts()[bad]
        strange = ~are_missing_words(trimmed(found))
        there = counts > 0
        return Cells(texts.by_row(values), unread(found, counts, there), int(counts[strange].sum()))


@dataclass(frozen=True)
class NumberColumn(_Column):
    """A column of numbers.

    Attributes
    ----------
    name : str
    format : NumberFormat
        Decimal and thousands marks and unit signs, where it is text.
    missing : tuple of str
        Words for a missing value.
    notes : tuple of str
        What a user should know of the choice.
    """

    kind: ClassVar[str] = "number"
    format: NumberFormat = PLAIN

    def _numbers(self, values: pa.StringArray) -> np.ndarray:
        return self.format.read(values)

    def _read_plain(self, column: pa.ChunkedArray) -> np.ndarray | None:
        return None if len(self.missing_values) else self.format.read_plain(column)

    def _read_typed(self, column: pa.ChunkedArray) -> Cells | None:
        kind, types = column.type, pa.types
        numeric = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
        if not (numeric or types.is_boolean(kind) or types.is_duration(kind)):
            return None
        values = typed_numbers(column)
        infinite = np.isinf(values)
        values[infinite] = np.nan
        return self._typed(values, int(infinite.sum()))


@dataclass(frozen=True)
class DateColumn(_Column):
    """A column of dates, with or without a time of day: days since 1970.

    Attributes
    ----------
    name : str
    format : DateFormat
    missing, notes : tuple of str
        As of a NumberColumn.
    """

    kind: ClassVar[str] = "date"
    format: DateFormat = ISO

    def _numbers(self, values: pa.StringArray) -> np.ndarray:
        return self.format.read(values)

    def _read_plain(self, column: pa.ChunkedArray) -> np.ndarray | None:
        return None if len(self.missing_values) else self.format.read_plain(column)

    def _read_typed(self, column: pa.ChunkedArray) -> Cells | None:
        if not (pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)):
            return None
        return self._typed(typed_days(column))


@dataclass(frozen=True)
class TimeColumn(_Column):
    """A column of times of day or of durations: seconds."""

    kind: ClassVar[str] = "time"

    def _numbers(self, values: pa.StringArray) -> np.ndarray:
        return read_times(values)

    def _read_typed(self, column: pa.ChunkedArray) -> Cells | None:
        if not (pa.types.is_time(column.type) or pa.types.is_duration(column.type)):
            return None
        return self._typed(typed_seconds(column))


@dataclass(frozen=True)
class BooleanColumn(_Column):
    """A column of true and false, yes and no, t and f: 1 and 0."""

    kind: ClassVar[str] = "boolean"

    def _numbers(self, values: pa.StringArray) -> np.ndarray:
        # as they are written: 0 for missing says nothing of 'no'
        return np.where(are_words(trimmed(values), self.missing), np.nan, read_truth(values))


@dataclass(frozen=True)
class CategoryColumn(_Column):
    """A column of categories: the place of each cell's text among the levels.

    Attributes
    ----------
    name : str
    levels : tuple of str
        As they are written, all that training had: sorted, or in the order of an ordered type.
    missing, notes : tuple of str
        As of a NumberColumn.
    """

    kind: ClassVar[str] = "category"
    levels: tuple[Any, ...] = ()

    @cached_property
    def _levels(self) -> Levels:
        return Levels(self.levels)

    def read(self, column: pa.ChunkedArray) -> Cells:
        """Codes of the levels, MISSING or UNSEEN; what was not seen in training is unread."""
        if pa.types.is_null(column.type):
            return Cells(np.full(len(column), MISSING, dtype=np.int32))
        codes, texts = self._levels.codes_of(column, self.missing)
        unseen = codes == UNSEEN
        found = unread(texts.values, texts.counts(), unseen) if unseen.any() else Unread({})
        return Cells(texts.by_row(codes), found)


@dataclass(frozen=True)
class DroppedColumn(_Column):
    """A column that a model does not see, and why."""

    kind: ClassVar[str] = "dropped"
    reason: str = ""


Column = NumberColumn | DateColumn | TimeColumn | BooleanColumn | CategoryColumn | DroppedColumn
