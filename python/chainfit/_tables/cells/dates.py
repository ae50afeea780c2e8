"""Dates, times of day and durations: what a format's directives match, days and seconds of it.

A format is written in the directives of ``strptime``; which one a column has is found in
`date_formats.py`. A directive is a line of `_DIRECTIVES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..arrow import flat, pa, pc
from .record import Record
from .texts import are_empty, trimmed
from .zones import REMARK, ZONE, offset

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FULL = ("uary", "ruary", "ch", "il", "", "e", "y", "ust", "t(?:ember)?", "ober", "ember", "ember")
_NAMES = "|".join(f"{a}(?:{b})?" if b else a for a, b in zip(_MONTHS, _FULL, strict=True))
_WEEKDAYS = "(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"

# A directive of strptime: the group it fills and what it matches. Numbers may lack their zero.
_DIRECTIVES = {
    "Y": ("year", r"\d{4}"),
    "y": ("short", r"\d{2}"),
    "m": ("month", r"0?[1-9]|1[0-2]"),
    "b": ("name", _NAMES),
    "B": ("name", _NAMES),
    "d": ("day", r"0?[1-9]|[12]\d|3[01]"),
    "e": ("day", r"0?[1-9]|[12]\d|3[01]"),
    "H": ("hour", r"[01]?\d|2[0-3]"),
    "I": ("hour", r"0?[1-9]|1[0-2]"),
    "M": ("minute", r"[0-5]\d"),
    "S": ("second", r"[0-5]\d|60"),
    "f": ("fraction", r"\d{1,9}"),
    "p": ("half", r"[ap]\.?m\.?"),
    "z": ("zone", ZONE),
    "Z": ("zone", ZONE),
    "q": ("quarter", "[1-4]"),
    "G": ("year", r"\d{4}"),
    "V": ("week", r"0?[1-9]|[1-4]\d|5[0-3]"),
    "u": ("weekday", "[1-7]"),
    "a": ("", _WEEKDAYS),
    "A": ("", _WEEKDAYS),
}
_SHORTHANDS = {"%F": "%Y-%m-%d", "%D": "%m/%d/%y", "%T": "%H:%M:%S", "%R": "%H:%M"}

# Parts of a date, which a text that has them all can't lack.
_NEVER_EMPTY = {"year", "short", "month", "day", "quarter", "week", "weekday"}

#: What may follow any date whose format says nothing of the time of day.
_TIME = (
    r"(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)"
    r"(?::(?P<second>[0-5]\d|60)(?:[.,](?P<fraction>\d{1,9})\d*)?)?(?:\s?(?P<half>[ap]\.?m\.?))?"
)
_SUFFIX = rf"(?:(?:T|,?\s+){_TIME}(?:\s?(?P<zone>{ZONE}){REMARK})?)?"

_MAX_FORMAT = 60

ISO_DATE = "%Y-%m-%d"

# The first day of the year 1.
_EARLIEST = -719_162

#: Times are counted in whole nanoseconds, so that text and typed columns give equal bits.
SECOND = 10**9
DAY = 86_400 * SECOND


@dataclass(frozen=True)
class DateFormat(Record):
    """How the dates of a column are written.

    Attributes
    ----------
    format : str
        Directives of ``strptime``, and ``%q``, the quarter. Where it has none of the time of day,
        one may follow in a cell, with a time zone, ``Z``, ``+02:00`` or ``CET``; a time with a
        zone counts in UTC. What has no day counts as its first one.
    """

    format: str

    def __post_init__(self) -> None:
        if len(self.format) > _MAX_FORMAT or not self.format.isprintable():
            raise ValueError(f"no date format: {self.format!r:.60}")
        groups = {group for group, _ in self._parts}
        if not {"year", "short"} & groups:
            raise ValueError(f"date format {self.format!r}: no year, %Y or %y")
        if ("week" in groups) != ("%G" in self.format):
            raise ValueError(f"date format {self.format!r}: %V, a week, goes with %G, its year")

    @cached_property
    def _parts(self) -> list[tuple[str, str]]:
        """Return (group, pattern) of every directive; ('', pattern) of what stands between."""
        text = self.format
        for short, full in _SHORTHANDS.items():
            text = text.replace(short, full)
        compact = re.search("%[YymdHIMS]%[ymdHIMSf]", text) is not None
        parts: list[tuple[str, str]] = []
        for directive, between in re.findall(r"%(.?)|([^%]+)", text, flags=re.DOTALL):
            if between or directive == "%":
                parts.append(("", re.sub(r"(?:\\?\s)+", r"\\s+", re.escape(between or "%"))))
            elif directive in _DIRECTIVES:
                group, pattern = _DIRECTIVES[directive]
                # Side by side, numbers need their zeros to be told apart.
                parts.append(
                    (group, pattern.replace("]?", "]").replace("0?", "0"))
                    if compact
                    else (group, pattern)
                )
            else:
                raise ValueError(f"date format {self.format!r}: %{directive} is not supported")
        groups = [group for group, _ in parts if group]
        if len(set(groups)) < len(groups):
            raise ValueError(f"date format {self.format!r}: a part of the date stands twice")
        return parts

    @cached_property
    def pattern(self) -> str:
        """RE2 pattern of a whole cell without the white space around it."""
        groups = {group for group, _ in self._parts}
        body = "".join(
            f"(?P<{group}>{pattern})" if group else f"(?:{pattern})"
            for group, pattern in self._parts
        )
        return f"(?i)^(?:{body}{'' if 'hour' in groups else _SUFFIX})$"

    @cached_property
    def matches(self) -> Callable[[str], object]:
        """Tell of a text whether it has this format; for a few texts."""
        return re.compile(self.pattern).match

    def read_plain(self, column: pa.ChunkedArray | pa.Array) -> np.ndarray | None:
        """Read text in one pass, if the format is ISO 8601's and all cells are so; None if not."""
        if self.format != ISO_DATE or column.null_count:
            return None
        try:
            days = np.asarray(column.cast(pa.date32()).cast(pa.int32())).astype(np.float64)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None
        return days if days.min(initial=_EARLIEST) >= _EARLIEST else None

    def read(self, values: pa.StringArray) -> np.ndarray:
        """Read texts as days since 1970 (UTC where there is a zone), NaN where there is none."""
        if (plain := self.read_plain(values)) is not None:
            return plain
        timed = pc.any(pc.match_substring(values, ":")).as_py()
        fields = _Fields(values, self.pattern if timed else self.pattern.replace(_SUFFIX, ""))
        if not fields.found.any():
            return np.full(len(values), np.nan)
        year = fields.numbers("year", 0)
        if "short" in fields.names:  # as POSIX has it: 69 is 1969, 68 is 2068
            short = fields.numbers("short", 0)
            year = short + np.where(short < 69, 2000, 1900)
        month = fields.numbers("month", 1)
        if "name" in fields.names:
            month = fields.month_names()
        elif "quarter" in fields.names:
            month = fields.numbers("quarter", 1) * 3 - 2
        if "week" in fields.names:
            first, after = _monday_of_week_1(year), _monday_of_week_1(year + 1)
            day = fields.numbers("week", 1) * 7 - 7 + fields.numbers("weekday", 1)
        else:
            day = fields.numbers("day", 1)
            first, after = _first_of_month(year, month), _first_of_month(year, month + 1)
        fields.found &= (day <= after - first) & (year > 0)
        days = _days(first + day - 1, fields.nanoseconds() - fields.zone())
        return np.where(fields.found, days, np.nan)


def _first_of_month(year: np.ndarray, month: np.ndarray | int) -> np.ndarray:
    """Days since 1970; month 13 is the next year's first."""
    months = (year - 1970) * 12 + (month - 1)
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _monday_of_week_1(year: np.ndarray) -> np.ndarray:
    """Days since 1970 of the Monday whose week has the year's fourth of January (ISO 8601)."""
    fourth = _first_of_month(year, 1) + 3
    return fourth - (fourth + 3) % 7


#: Dates as ISO 8601 has them, and typed ones.
ISO = DateFormat(ISO_DATE)

#: A time of day or a duration, in a column that has only these: 17:30, 36:30:00, -1 day 02:00:00.
_TIMES = rf"(?i)^(?:(?P<days>-?\d{{1,5}}) days?(?:,? |$))?(?:(?P<sign>[-+])?{_TIME})?$".replace(
    r"[01]?\d|2[0-3]", r"\d{1,4}"
)


def read_times(values: pa.StringArray) -> np.ndarray:
    """Read times of day, '5:30:15.25 PM', and durations, '1 day 12:30:00', as seconds, else NaN."""
    if not pc.any(pc.match_substring_regex(values, r"(?i):\d|\d day")).as_py():
        return np.full(len(values), np.nan)
    fields = _Fields(values, _TIMES)
    fields.found &= ~are_empty(trimmed(values))
    if not fields.found.any():
        return np.full(len(values), np.nan)
    time = fields.nanoseconds()
    time = np.where(fields.are("sign", "-"), -time, time)
    seconds = (fields.numbers("days", 0) * DAY + time) / SECOND  # 99,999 days fit 64 bits
    return np.where(fields.found, seconds, np.nan)


def _days(days: np.ndarray, nanoseconds: np.ndarray) -> np.ndarray:
    more, rest = np.divmod(nanoseconds, DAY)
    return (days + more) + rest / DAY


class _Fields:
    """The named groups of a pattern, cell by cell; ``found`` says where it matched."""

    def __init__(self, values: pa.StringArray, pattern: str) -> None:
        self._fields = pc.extract_regex(trimmed(values), pattern)
        self.found = np.array(self._fields.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
        self.names = {field.name for field in self._fields.type}

    def _texts(self, name: str) -> Any:
        if self.found.all():
            return self._fields.field(name)
        return pc.if_else(pa.array(self.found), self._fields.field(name), "")

    def numbers(self, name: str, absent: int) -> np.ndarray:
        """Return the group's whole numbers, ``absent`` where it is not there."""
        if name not in self.names:
            return np.full(len(self.found), absent, dtype=np.int64)
        texts = self._texts(name)
        if name in _NEVER_EMPTY and self.found.all():
            return np.asarray(texts.cast(pa.int64()))
        empty = pc.equal(texts, "")
        return np.asarray(pc.if_else(empty, str(absent), texts).cast(pa.int64()))

    def month_names(self) -> np.ndarray:
        """Return the numbers of the months' names."""
        texts = pc.utf8_slice_codeunits(pc.utf8_lower(self._texts("name")), 0, 3)
        places = pc.index_in(texts, pa.array(_MONTHS)).fill_null(0)
        return np.asarray(places).astype(np.int64) + 1

    def are(self, name: str, text: str) -> np.ndarray:
        """Whether the group is this text."""
        return np.asarray(pc.equal(self._texts(name), text))

    def nanoseconds(self) -> np.ndarray:
        """Return nanoseconds since midnight; where AM or PM contradicts the hour, none is found."""
        hour, minute = self.numbers("hour", 0), self.numbers("minute", 0)
        if "half" in self.names:
            half = self._texts("half")
            afternoon = np.asarray(pc.match_substring(half, "p", ignore_case=True))
            none = np.asarray(pc.equal(half, ""))
            self.found &= none | ((hour >= 1) & (hour <= 12))
            hour = np.where(none, hour, hour % 12 + 12 * afternoon)
        seconds = (hour * 60 + minute) * 60 + self.numbers("second", 0)
        if "fraction" not in self.names:
            return seconds * SECOND
        digits = pc.utf8_rpad(self._texts("fraction"), 9, "0")
        return seconds * SECOND + np.asarray(digits.cast(pa.int64()))

    def zone(self) -> np.ndarray:
        """Return nanoseconds east of UTC, 0 where no zone is written."""
        if "zone" not in self.names:
            return np.zeros(len(self.found), dtype=np.int64)
        texts = self._texts("zone").dictionary_encode()
        table = [offset(text) for text in texts.dictionary.to_pylist()]
        return np.array(table, dtype=np.int64)[np.asarray(texts.indices)] * SECOND


def _ticks(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray, int]:
    """Whole ticks of a column (0 where missing), where it is missing, nanoseconds of a tick."""
    size = {"s": SECOND, "ms": 10**6, "us": 10**3, "ns": 1}[column.type.unit]
    kind = pa.int32() if column.type.bit_width == 32 else pa.int64()
    ticks = flat(column.cast(kind))
    missing = np.asarray(ticks.is_null())
    return np.asarray(ticks.fill_null(0)).astype(np.int64), missing, size


def typed_days(column: pa.ChunkedArray) -> np.ndarray:
    """Days since 1970 of a column of dates or timestamps, NaN where missing."""
    if pa.types.is_date(column.type):
        column = column.cast(
            pa.timestamp("s") if column.type.bit_width == 32 else pa.timestamp("ms")
        )
    ticks, missing, size = _ticks(column)
    days, rest = np.divmod(ticks, DAY // size)
    return np.where(missing, np.nan, _days(days, rest * size))


def typed_seconds(column: pa.ChunkedArray) -> np.ndarray:
    """Seconds of a column of times of day or durations, NaN where missing."""
    ticks, missing, size = _ticks(column)
    # as text gives them, but where nanoseconds would not fit 64 bits
    fit = np.abs(ticks) <= np.iinfo(np.int64).max // size
    seconds = np.where(fit, ticks * size / SECOND, ticks / (SECOND // size))
    return np.where(missing, np.nan, seconds)
