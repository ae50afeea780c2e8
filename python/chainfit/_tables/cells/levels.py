"""Levels and truth values: what a cell, text or typed, is called as one of a known list.

Text is matched as it is written. A typed value is the level that is one way to write it: 7 is '7',
else '7.0', else the one level that is that number, '007'; true is 'True', else 'TRUE', else 'true'.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np

from ..arrow import flat, pa, pc
from .numbers import PLAIN
from .texts import Texts, are_empty, are_words, is_text, texts_of, trimmed

#: Codes of rows that have no level: the cell is missing, or training had no such level.
MISSING, UNSEEN = -1, -2

# Texts that are looked up one by one sooner than all levels are hashed.
_FEW = 256

#: What a text means in a column of booleans, compared without case.
TRUTH = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "1.0"), 1.0),
    **dict.fromkeys(("false", "f", "no", "n", "0", "0.0"), 0.0),
}


def ways_to_write(value: object) -> list[str]:
    """Texts that a typed value may stand for, the likeliest first."""
    if isinstance(value, bool):
        return [str(value), str(value).upper(), str(value).lower()]
    if isinstance(value, Decimal):
        return [str(value), *ways_to_write(float(value))]
    if isinstance(value, int):
        return [str(value), f"{value}.0"]
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 2**63
        return [str(int(value)), repr(value)] if whole else [repr(value)]
    if hasattr(value, "isoformat"):
        text = value.isoformat()
        return [text, text.replace("T", " "), text.replace("T00:00:00", "")]
    return [str(value)]


def cells_of(column: pa.ChunkedArray) -> tuple[Texts, list[Any] | None]:
    """Cells of a column as texts, and, of a typed one, the distinct values themselves."""
    if is_text(column.type):
        return texts_of(column), None
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    values = flat(column)
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    encoded = values.dictionary_encode()
    found = encoded.dictionary.to_pylist()
    texts = ["" if value is None else ways_to_write(value)[0] for value in found]
    codes = np.array(encoded.indices.fill_null(len(found)).to_numpy(zero_copy_only=False))
    return Texts(pa.array([*texts, ""], pa.string()), codes), [*found, None]


class Levels:
    """A list of levels, and what cells are called by it.

    Parameters
    ----------
    levels : sequence
        Texts, or the values of a typed column, which any way to write them stands for.
    """

    def __init__(self, levels: Sequence[Any]) -> None:
        self._place: dict[str, int] = {}
        for code, level in enumerate(levels):
            for text in [level] if isinstance(level, str) else ways_to_write(level):
                self._place.setdefault(text, code)
        self._texts = pa.array([*self._place], pa.string())
        self._codes = np.array([*self._place.values(), UNSEEN], dtype=np.int32)

    @cached_property
    def _by_number(self) -> dict[float, int]:
        """Codes of the levels that are numbers, where only one is that number: 007 for 7."""
        numbers = PLAIN.read(self._texts)
        found, first, counts = np.unique(numbers, return_index=True, return_counts=True)
        once = (counts == 1) & ~np.isnan(found)
        return dict(zip(found[once].tolist(), self._codes[first[once]].tolist(), strict=True))

    def codes_of(self, column: pa.ChunkedArray, missing: Sequence[str]) -> tuple[np.ndarray, Texts]:
        """Code of each distinct cell, MISSING or UNSEEN; and the cells."""
        texts, typed = cells_of(column)
        values = texts.values
        if typed is not None:
            codes = np.array([self._code_of(value) for value in typed], dtype=np.int32)
        elif len(values) < _FEW:
            found = [self._place.get(text, UNSEEN) for text in values.to_pylist()]
            codes = np.array(found, dtype=np.int32)
        else:
            keys = self._texts.cast(values.type)
            codes = self._codes[np.asarray(pc.index_in(values, keys).fill_null(len(keys)))]
        stripped = trimmed(values)
        codes[are_empty(stripped) | are_words(stripped, missing)] = MISSING
        return codes, texts

    def _code_of(self, value: Any) -> int:
        for text in ways_to_write(value):
            if text in self._place:
                return self._place[text]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._by_number.get(float(value), UNSEEN)
        return UNSEEN


def read_truth(values: pa.StringArray) -> np.ndarray:
    """1, 0, or NaN where a text is no truth value."""
    places = pc.index_in(pc.utf8_lower(trimmed(values)), pa.array([*TRUTH], values.type))
    table = np.array([*TRUTH.values(), np.nan])
    return table[places.fill_null(len(TRUTH)).to_numpy(zero_copy_only=False)]
