"""Numbers in text: marks for decimals and thousands, percent and currency signs, exact values.

A `NumberFormat` reads texts; which one a column has is found in `number_formats.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arrow import flat, pa, pc
from .hints import DECIMALS, THOUSANDS
from .record import Record
from .texts import mask_of, some, trimmed, without_blanks

# A plain space as the thousands mark stands for those that typesetters use, and ' for its
# typographic form.
_GROUPS = {" ": r"[ \x{00a0}\x{2009}\x{202f}]", "'": r"['\x{2019}]", ",": ",", ".": r"\.", "": ""}
_MINUS = "[-\u2212]"

#: White space within a number or between it and its unit.
SPACE = r"[\s\x{a0}\x{2009}\x{202f}]"

# Units of a format: as many, each as long.
_MAX_UNITS, _MAX_UNIT = 100, 30

#: Signs of a unit that may stand before or after a number, ~ of an approximate one among them.
UNIT = (
    r"(?:[%\x{2030}~\x{2248}]|(?:US|CA|AU|NZ|HK|[ACR])?\p{Sc}|USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK"
    r"|PLN|CZK|HUF|RUB|TRY|BRL|MXN|ZAR|KRW|SGD|HKD|z\x{0142}|K\x{010d}|Ft|kr\.?|S?Fr\.?)"
)


def number_pattern(decimal: str, thousands: str) -> str:
    """RE2 pattern of an unsigned number with these marks."""
    point = re.escape(decimal)
    whole = r"\d+"
    if thousands:
        # No group begins with a zero: 0.125 is no number with a thousands mark.
        whole = rf"(?:[1-9]\d{{0,2}}(?:{_GROUPS[thousands]}\d{{3}})+|\d+)"
    return rf"(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][-+]?\d+)?"


@dataclass(frozen=True)
class NumberFormat(Record):
    """How the numbers of a column are written.

    Attributes
    ----------
    decimal : {'.', ','}
    thousands : {'', ',', '.', ' ', "'"}
    units : tuple of str
        Signs such as '%' and '€' that may stand before or after a number; they don't change it.
    minus_after : bool
        Whether a minus may stand behind a number: 5-.
    """

    decimal: str = "."
    thousands: str = ""
    units: tuple[str, ...] = ()
    minus_after: bool = False

    def __post_init__(self) -> None:
        if self.decimal not in DECIMALS or self.thousands not in ("", *THOUSANDS):
            raise ValueError(f"no marks of numbers: {self.decimal!r}, {self.thousands!r}")
        if self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands mark are both {self.decimal!r}")
        fit = all(0 < len(unit) <= _MAX_UNIT and unit.isprintable() for unit in self.units)
        if not fit or len(self.units) > _MAX_UNITS:
            raise ValueError(f"no signs of units: {self.units!r:.60}")

    def __str__(self) -> str:
        words = [f"decimal {self.decimal!r}"]
        words += [f"thousands {self.thousands!r}"] if self.thousands else []
        words += [f"unit {some(self.units)}"] if self.units else []
        words += ["a minus after them"] if self.minus_after else []
        return ", ".join(words)

    @cached_property
    def _unit(self) -> str:
        longest_first = sorted(self.units, key=len, reverse=True)
        return "(?:" + "|".join(map(re.escape, longest_first)) + ")"

    @cached_property
    def pattern(self) -> str:
        """RE2 pattern of a whole cell without the white space around it."""
        number = number_pattern(self.decimal, self.thousands)
        sign = f"(?:[+]|{_MINUS})"
        behind = rf"{SPACE}?{_MINUS}" if self.minus_after else None
        if not self.units:
            more = rf"|{number}{behind}" if behind else ""
            return rf"^(?:{sign}?{number}|\({number}\){more})$"
        before, after = rf"(?:{self._unit}{SPACE}*)", rf"(?:{SPACE}*{self._unit})"
        more = rf"|{before}?{number}{behind}{after}?" if behind else ""
        # -5, -€ 5, € -5, each with a sign after it; bookkeepers write (5) for -5.
        return (
            rf"^(?:{sign}?{SPACE}?{before}?{number}{after}?|{before}{sign}{number}{after}?"
            rf"|{before}?\({before}?{number}{after}?\){after}?{more})$"
        )

    def read(self, values: pa.StringArray) -> np.ndarray:
        """Read texts as float64: what ``float`` gives for each, NaN where there is no number."""
        if self.decimal == "." and not self.units:
            # Columns of plain numbers in one pass, which takes 'inf' and 'nan' too.
            for sieve in (lambda values: values, without_blanks):
                try:
                    return _finite(sieve(values).cast(pa.float64()))
                except pa.ArrowInvalid:
                    pass
        return self._read_marked(trimmed(values))

    def read_plain(self, column: pa.ChunkedArray) -> np.ndarray | None:
        """Read a column of text in one pass, if it has plain numbers in all rows; None if not."""
        return read_plainly(column) if self.decimal == "." and not self.units else None

    def _read_marked(self, values: pa.StringArray) -> np.ndarray:
        values = pc.if_else(pc.match_substring_regex(values, self.pattern), values, None)
        if self.units:
            values = pc.replace_substring_regex(values, rf"{SPACE}|{self._unit}", "")
        if self.thousands:
            values = pc.replace_substring_regex(values, _GROUPS[self.thousands], "")
        if self.decimal != ".":
            values = pc.replace_substring(values, self.decimal, ".")
        values = pc.replace_substring(values, "\u2212", "-")
        values = pc.replace_substring_regex(values, r"^\((.*)\)$", r"-\1")
        if self.minus_after:
            values = pc.replace_substring_regex(values, r"^(.*?)\s?-$", r"-\1")
        return _finite(values.cast(pa.float64()))


#: Numbers as Python writes them.
PLAIN = NumberFormat()


def may_be_plain(text: str) -> bool:
    """Whether a text may be a number as Python writes them: a cast that fails takes its time."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_plainly(column: pa.ChunkedArray) -> np.ndarray | None:
    """Read finite numbers, as Python writes them, in all rows; None if some have none."""
    first = column[0].as_py() if len(column) else None
    if first is not None and not may_be_plain(first):
        return None
    try:
        numbers = _floats(column.cast(pa.float64()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    return numbers if np.isfinite(numbers).all() else None


def _finite(values: pa.DoubleArray) -> np.ndarray:
    numbers = _floats(values)
    numbers[np.isinf(numbers)] = np.nan
    return numbers


def are_numbers(values: pa.StringArray, decimal: str, thousands: str) -> np.ndarray:
    """Whether each text is a number with these marks, signs and units aside."""
    pattern = rf"^[-+\x{{2212}}]?{number_pattern(decimal, thousands)}$"
    return mask_of(pc.match_substring_regex(values, pattern))


def typed_numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Float64 values of a typed column, NaN where missing; spans of time in days."""
    kind, types = column.type, pa.types
    if types.is_duration(kind):
        ticks_a_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
        ticks = column.cast(pa.int64()).cast(pa.float64(), safe=False)
        return _floats(ticks) / (86_400 * ticks_a_second)
    if types.is_decimal(kind):  # by way of text, which is read exactly
        column = column.cast(pa.string())
    elif types.is_boolean(kind):
        column = column.cast(pa.int8())
    return _floats(column.cast(pa.float64(), safe=False))


def _floats(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    return np.array(flat(column).to_numpy(zero_copy_only=False), dtype=np.float64)
