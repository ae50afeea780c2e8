"""A column of text as distinct texts and their rows: what reads cells works on the texts alone.

`Texts` owns which cells are missing before anything is read; `Unread` what could not be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..arrow import flat, pa, pc

#: Words that files write for a missing value, compared without case. In a column of numbers or
#: dates they are missing; as a level they stay what they are, unless such a column holds them too.
MISSING_WORDS = (
    *("na", "n/a", "#n/a", "<na>", "n.a.", "nan", "null", "none", "nil", "nat", "#na"),
    *("-", "--", "---", "?", ".", "..", "...", "\u2013", "\u2014", "*"),
    *("missing", "unknown", "#div/0!", "#value!", "#ref!", "#null!", "#num!", "-nan", "(null)"),
    *("\\n", "<null>", "[null]", "na.", "n.a", "not available", "not applicable", "no data"),
    *("1.#qnan", "-1.#ind", "1.#ind", "#name?"),
)

#: How notes and warnings say that cells without a value of their column's kind count as missing.
TAKEN_AS_MISSING = "taken as missing"

#: Stands for texts that were not counted each by itself: an empty one is never unread.
OTHERS = ""

# Rows from which it is guessed whether a column repeats its texts.
_PROBE = 1024


@dataclass(frozen=True)
class Texts:
    """Cells of a column of text.

    Attributes
    ----------
    values : pyarrow.StringArray
        Distinct texts if there are ``codes``, else the cells; '' where a cell is null.
    codes : ndarray of int, or None
        For each row its place in ``values``.
    """

    values: Any
    codes: np.ndarray | None

    def counts(self) -> np.ndarray:
        """Rows that have each of the values."""
        if self.codes is None:
            return np.ones(len(self.values), dtype=np.int64)
        return np.bincount(self.codes, minlength=len(self.values))

    def by_row(self, values: np.ndarray) -> np.ndarray:
        """For each row what was found for its text."""
        return values if self.codes is None else values[self.codes]

    def distinct(self) -> Texts:
        """Make sure that no text stands twice."""
        return self if self.codes is not None else _encoded(self.values)


def is_text(kind: Any) -> bool:
    """Whether an Arrow type is text, of whatever layout."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def texts_of(column: Any) -> Texts:
    """Take the cells of a chunked array of text."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.type != pa.string() or column.num_chunks != 1:
        wide = column.nbytes > 2**30
        column = column.cast(pa.large_string() if wide else pa.string())
    values = flat(column)
    if values.null_count:
        values = values.fill_null("")
    if len(values) > 64:
        probe = values.slice(0, _PROBE)
        if pc.count_distinct(probe).as_py() <= len(probe) // 2:
            return _encoded(values)
    return Texts(values, None)


def _encoded(values: Any) -> Texts:
    encoded = values.dictionary_encode()
    return Texts(encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False))


def trimmed(values: Any) -> Any:
    """Texts without the white space around them."""
    return pc.utf8_trim_whitespace(values)


def mask_of(values: Any) -> np.ndarray:
    """NumPy's array of an Arrow array of booleans, false where it is null."""
    if values.null_count:
        values = values.fill_null(False)
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=bool)


def probe(values: Any, counts: np.ndarray) -> Any:
    """Take some texts, from all over a column, and the most frequent one, for a first look."""
    places = {*range(0, len(values), len(values) // 60 + 1), int(np.argmax(counts))}
    return values.take(pa.array(sorted(places)))


def are_empty(stripped: Any) -> np.ndarray:
    """Whether each of the texts is empty: missing in every column."""
    return mask_of(pc.equal(stripped, pa.scalar("", stripped.type)))


def are_words(stripped: Any, words: Iterable[str]) -> np.ndarray:
    """Whether each of the texts is one of the words, as they are written."""
    words = list(words)
    if not words:
        return np.zeros(len(stripped), dtype=bool)
    return mask_of(pc.is_in(stripped, pa.array(words, stripped.type)))


def are_missing_words(stripped: Any) -> np.ndarray:
    """Whether each of the texts is one of `MISSING_WORDS`."""
    return mask_of(pc.is_in(pc.utf8_lower(stripped), _missing_words(stripped.type)))


@cache
def _missing_words(kind: Any) -> Any:
    return pa.array(MISSING_WORDS, kind)


_BLANKS = {form(word) for word in MISSING_WORDS for form in (str, str.upper, str.title)} | {
    *("", "NaN"),
}


@cache
def _blanks(kind: Any) -> Any:
    return pa.array(sorted(_BLANKS), kind)


def is_blank(text: str) -> bool:
    """Whether `without_blanks` puts null in place of a text."""
    return text in _BLANKS


def without_blanks(values: Any) -> Any:
    """Null in place of what is written for a missing value most often, as a first sieve."""
    return pc.if_else(pc.is_in(values, _blanks(values.type)), None, values)


@dataclass(frozen=True)
class Unread:
    """Texts that are no values of their column, and their rows."""

    rows: dict[str, int]

    @property
    def count(self) -> int:
        """Rows in all."""
        return sum(self.rows.values())

    def most_frequent(self, limit: int) -> list[str]:
        """Return the texts of the most rows."""
        return sorted(self.rows, key=lambda text: -self.rows[text])[:limit]

    def __str__(self) -> str:
        return named(self.rows)


def unread(values: Any, counts: np.ndarray, where: np.ndarray) -> Unread:
    """Name and count the texts ``where`` nothing could be read."""
    rows: dict[str, int] = {}
    if where.any():
        for text, count in zip(
            values.filter(pa.array(where)).to_pylist(), counts[where], strict=True
        ):
            rows[text] = rows.get(text, 0) + int(count)
    return Unread(rows)


def named(rows: dict[str, int], limit: int = 5) -> str:
    """Texts with their rows, the most frequent first: ``'-' (58 rows), '?' (1 row)``."""
    first = sorted(((text, n) for text, n in rows.items() if text != OTHERS), key=lambda at: -at[1])
    shown = [f"{_short(text)} ({plural(count, 'row')})" for text, count in first[:limit]]
    more, over = len(first) - limit, "over " if OTHERS in rows else ""
    return ", ".join(shown) + (f" and {over}{more:,} more" if more > 0 else "")


def some(texts: Iterable[str], limit: int = 3) -> str:
    """Name the first few of some texts, in one line."""
    texts = list(texts)
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(map(_short, texts[:limit])) + more


def plural(count: int, noun: str) -> str:
    """``1 row``, ``1,234 rows``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _short(text: str, limit: int = 30) -> str:
    return repr(text if len(text) <= limit else text[: limit - 3] + "...")
