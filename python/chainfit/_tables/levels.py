"""Levels and truth values: what a cell, text or typed, is called as one of a known list.

Text is matched as it is written. A typed value has a meaning in a list of texts if exactly one
way to write it is in there: 7 for '7', 7.0 for '7' or '7.0', true for 'TRUE'.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from .arrow import flat, pa, pc
from .texts import Texts, are_empty, are_words, is_text, texts_of, trimmed

#: Codes of rows that have no level: the cell is missing, or training had no such level.
MISSING, UNSEEN = -1, -2

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


def codes_of(
    column: pa.ChunkedArray, levels: Sequence[Any], missing: Sequence[str]
) -> tuple[np.ndarray, Texts]:
    """Code of each distinct cell among ``levels``, MISSING or UNSEEN; and the cells.

    Levels are texts, or the values of a typed column, which any way to write them stands for.
    """
    place: dict[str, int] = {}
    for code, level in enumerate(levels):
        for text in [level] if isinstance(level, str) else ways_to_write(level):
            place.setdefault(text, code)
    texts, typed = cells_of(column)
    values = texts.values
    stripped = trimmed(values)
    if typed is None:
        table = np.array([*place.values(), UNSEEN], dtype=np.int32)
        places = pc.index_in(values, pa.array([*place], values.type)).fill_null(len(place))
        codes = table[np.asarray(places)]
    else:
        codes = np.array([_place(value, place) for value in typed], dtype=np.int32)
    codes[are_empty(stripped) | are_words(stripped, missing)] = MISSING
    return codes, texts


def _place(value: object, place: dict[str, int]) -> int:
    return next((place[text] for text in ways_to_write(value) if text in place), UNSEEN)


def read_truth(values: pa.StringArray) -> np.ndarray:
    """1, 0, or NaN where a text is no truth value."""
    places = pc.index_in(pc.utf8_lower(trimmed(values)), pa.array([*TRUTH], values.type))
    table = np.array([*TRUTH.values(), np.nan])
    return table[places.fill_null(len(TRUTH)).to_numpy(zero_copy_only=False)]
