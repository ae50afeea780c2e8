"""Which marks and signs the numbers of a column have: all that read most of its cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrow import pa, pc
from .hints import Hints
from .numbers import SPACE, UNIT, NumberFormat, are_numbers
from .texts import mask_of, probe, trimmed
from .units import WORD, WORD_BEFORE, several_units, unit_of, words_of


def _loose(before: str, after: str) -> str:
    """Pattern of what may be a number: a sign, a unit before or after, digits and marks."""
    return (
        rf"^\(?[-+\x{{2212}}]?{SPACE}?(?P<before>{before})?{SPACE}*[-+\x{{2212}}]?\(?"
        r"(?P<core>[.,]?\d(?:[\d.,'\x{2019} \x{00a0}\x{2009}\x{202f}]*[\d.,])?(?:[eE][-+]?\d+)?)"
        rf"(?P<gap>{SPACE}*)(?P<minus>[-\x{{2212}}])?{SPACE}*\)?(?P<after>{after})?\)?$"
    )


_WITH_SIGN = _loose(UNIT, UNIT)
_WITH_WORD = _loose(f"(?:{UNIT}|{WORD_BEFORE})", f"(?:{UNIT}|{WORD})")

# Digits with their marks, a unit before or after; m2 has another digit.
_ONE_NUMBER = re.compile(
    r"\D{0,30}\d[\d.,'\u2019 \u00a0\u2009\u202f]*(?:[eE][-+]?\d+)?"
    r"(?:\D{0,30}|\D{0,10}[mtin][23]\s*)"
)

# Letters right before or after digits, as units stand there in few tables and codes in many.
_CODE = re.compile(r"^[A-Za-z]\d|\d[A-DF-Za-df-z]\w*\d")

# A point that is no thousands mark.
_POINT = r"^[-+]?(?:0?\.|\d{4,}\.|\d+\.(?:\d{0,2}|\d{4,})(?:[eE].*)?$)"


@dataclass(frozen=True)
class NumberFormats:
    """Formats that read a column equally well.

    Attributes
    ----------
    formats : tuple of NumberFormat
        One with the decimal point first, if there is any.
    marked : bool
        Whether some cell has a point or a comma.
    sample : str
        A cell that is one number in one format and another one in the other.
    """

    formats: tuple[NumberFormat, ...]
    marked: bool = False
    sample: str = ""

    def choose(self, decimal: str | None) -> tuple[NumberFormat, str | None]:
        """Return the format with that decimal mark if there is any, and what to say of it.

        ``decimal`` is what other columns of the table have, None if that is not known.
        """
        first = self.formats[0]
        if len(self.formats) == 1:
            return first, None
        if decimal is not None:
            return next((f for f in self.formats if f.decimal == decimal), first), None
        if not first.thousands:  # 1.234 is what everybody reads it as
            return first, None
        value = first.read(pa.array([self.sample]))[0]
        other = self.formats[1].read(pa.array([self.sample]))[0]
        return (
            first,
            f"{self.sample!r} is read as {value:.15g} (it may mean {other:.15g}: decimal=',')",
        )


def possible_formats(values: Any, counts: np.ndarray, hints: Hints) -> NumberFormats | None:
    """Find the formats in which most of the texts are numbers; None if less than half are.

    Parameters
    ----------
    values : pyarrow.StringArray
        Texts that are neither empty nor known to mean a missing value.
    counts : ndarray of int
        Rows that have each.
    hints : Hints
    """
    total = int(counts.sum())
    if not any(map(_worth_a_look, probe(values, counts).to_pylist())):
        return None
    parts, its = _parts(values, counts, _WITH_SIGN)
    if int(its.sum()) * 2 > total:
        found = _formats(parts, its, total, hints, _signs(parts))
        if found:
            return found
    parts, its = _parts(values, counts, _WITH_WORD)
    if int(its.sum()) * 2 <= total:
        return None
    units = unit_of(parts, its, total)
    if not units:
        return None
    ours = np.array([not unit or unit in units for unit in words_of(parts)])
    return _formats(parts.filter(pa.array(ours)), its[ours], total, hints, units)


def why_no_numbers(values: Any, counts: np.ndarray) -> str:
    """Say why texts that are numbers with units are none for a net; '' where they are not."""
    if not any(map(_worth_a_look, probe(values, counts).to_pylist())):
        return ""
    units = several_units(*_parts(values, counts, _WITH_WORD), int(counts.sum()))
    return f"its numbers have several units: {', '.join(units[:4])}" if units else ""


def _parts(values: Any, counts: np.ndarray, pattern: str) -> tuple[Any, np.ndarray]:
    """Return the parts of the texts that may be numbers, and the rows of each."""
    parts = pc.extract_regex(trimmed(values), pattern)
    loose = mask_of(parts.is_valid())
    return parts.filter(pa.array(loose)), counts[loose]


def _formats(
    parts: Any, counts: np.ndarray, total: int, hints: Hints, units: tuple[str, ...]
) -> NumberFormats | None:
    """Return the formats that read most of the numbers, if that is more than half of all rows."""
    cores = trimmed(parts.field("core"))
    best, found = 0, list[tuple[str, str]]()
    reads = {}
    for marks in _candidates(cores, hints):
        reads[marks] = are_numbers(cores, *marks)
        rows = int(counts[reads[marks]].sum())
        if rows > best:
            best, found = rows, []
        if rows == best:
            found.append(marks)
    if best * 2 <= total:
        return None
    # A thousands mark is needed only where the same decimal mark alone reads less.
    found = [marks for marks in found if not marks[1] or (marks[0], "") not in found]
    before = int(counts[mask_of(pc.equal(parts.field("minus"), ""))].sum())
    minus = before * 100 <= 99 * int(counts.sum())
    formats = tuple(
        NumberFormat(*marks, units, minus) for marks in sorted(found, key=lambda m: m[0] != ".")
    )
    marked = mask_of(pc.match_substring_regex(cores, "[.,]")) & reads[found[0]]
    if not marked.any():
        return NumberFormats(formats[:1])
    return NumberFormats(formats, True, cores[int(np.argmax(marked))].as_py())


def _worth_a_look(text: str) -> bool:
    """Whether a text has a number and at most a unit beside it: a cheap look before a dear one."""
    return _ONE_NUMBER.fullmatch(text) is not None and not _CODE.search(text)


def has_decimal_point(values: Any) -> bool:
    """Whether some of the plain numbers have a point that can't stand before thousands."""
    return bool(pc.any(pc.match_substring_regex(values, _POINT)).as_py())


def _candidates(cores: Any, hints: Hints) -> list[tuple[str, str]]:
    def occurs(mark: str) -> bool:
        pattern = {"'": r"['\x{2019}]", " ": r"[ \x{a0}\x{2009}\x{202f}]", ".": r"\."}.get(
            mark, mark
        )
        return bool(pc.any(pc.match_substring_regex(cores, pattern)).as_py())

    decimals = [hints.decimal] if hints.decimal else [".", ","]
    marks = [hints.thousands] if hints.thousands else [m for m in (",", ".", " ", "'") if occurs(m)]
    if hints.thousands != "":
        marks = ["", *marks]
    if hints.thousands is None:
        return [(d, t) for d in decimals for t in marks if d != t]
    return [(d, hints.thousands) for d in decimals if d != hints.thousands]


def _signs(parts: Any) -> tuple[str, ...]:
    found = {
        *parts.field("before").unique().to_pylist(),
        *parts.field("after").unique().to_pylist(),
    }
    return tuple(sorted(unit for unit in found if unit))
