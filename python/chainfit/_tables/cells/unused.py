"""What a user says about cells, though no cell of the table is like it."""

from __future__ import annotations

import re

import numpy as np

from ..arrow import pa, pc
from .columns import DateColumn, NumberColumn, TimeColumn
from .hints import Hints
from .texts import are_words, is_text, texts_of, trimmed


def unused_hints(table: pa.Table, hints: Hints) -> list[str]:
    """Name the marks that no cell of text has, and the words for missing that no cell has."""
    said = [("na", word) for word in hints.na]
    said += [("decimal", hints.decimal)] if hints.decimal == "," else []
    said += [("thousands", hints.thousands)] if hints.thousands else []
    if not said:
        return []
    found: set[tuple[str, str]] = set()
    for column in table.columns:
        rest = [one for one in said if one not in found]
        if rest and is_text(column.type):
            cells = trimmed(texts_of(column).distinct().values)
            found |= {one for one in rest if _occurs(cells, *one)}
        found |= {one for one in rest if one[0] == "na" and _is_value(column, one[1])}
    return [_told(*one) for one in said if one not in found]


def _occurs(cells: pa.StringArray, what: str, text: str) -> bool:
    if what == "na":
        return bool(are_words(cells, [text]).any())
    mark = {" ": r"[ \x{a0}\x{2009}\x{202f}]", "'": r"['\x{2019}]"}.get(text, re.escape(text))
    digits = r"\d{3}" if what == "thousands" else ""
    return bool(pc.any(pc.match_substring_regex(cells, rf"\d{mark}\d*{digits}")).as_py())


def _is_value(column: pa.ChunkedArray, word: str) -> bool:
    """Whether some cells have the value of a word in another form, such as -999.0 for -999."""
    for kind in (NumberColumn, DateColumn, TimeColumn):
        meant = kind("", missing=(word,)).missing_values
        try:
            if len(meant) and np.isin(kind("").read(column).values, meant).any():
                return True
        except pa.ArrowNotImplementedError:  # lists, structs
            return False
    return False


def _told(what: str, text: str) -> str:
    if what == "na":
        return f"no cell is {text!r}, which was to stand for a missing value"
    name = "decimal mark" if what == "decimal" else "mark between thousands"
    return f"no cell has a number with the {name} {text!r}"
