"""Which format the dates of a column have: all that read most of its cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrow import pc
from .dates import ISO, DateFormat
from .hints import Hints
from .texts import mask_of, probe, trimmed

#: Quarters, and weeks of ISO 8601.
QUARTERS = ("%Y-Q%q", "%Y Q%q", "%YQ%q", "Q%q %Y", "Q%q-%Y", "Q%q/%Y", "Q%q%Y")
WEEKS = ("%G-W%V", "%GW%V", "%G-W%V-%u", "%GW%V%u")

#: Formats that are tried, in the order in which they are preferred where several read the same.
FORMATS = (
    *(f"%Y{sep}%m{sep}%d" for sep in "-/."),
    *(f"%{a}{sep}%{b}{sep}%{y}" for y in "Yy" for sep in "/.-" for a, b in ("dm", "md")),
    *(f"%d{sep}%b{sep}%{y}" for y in "Yy" for sep in ("-", " ", "/", ".", ". ", "")),
    *("%b %d, %Y", "%b %d %Y", "%b-%d-%Y", "%a, %d %b %Y", "%a %d %b %Y", "%a %b %d %Y"),
    *("%Y-%b-%d", "%Y %b %d", "%y-%m-%d", "%y/%m/%d", "%Y-%m", "%Y/%m", "%b %Y", "%b-%Y"),
    *("%m/%Y", "%m-%Y", "%b-%y", "%Y%m%dT%H%M%S"),
    # as Unix and web servers write them
    *("%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %Z %Y", "%d/%b/%Y:%H:%M:%S %z"),
    "%d%b%Y:%H:%M:%S",
    *QUARTERS,
    *WEEKS,
)

#: A format without marks, whose dates look like whole numbers.
COMPACT = DateFormat("%Y%m%d")

#: The first and the last that a whole number is taken for.
EARLIEST, LATEST = 17_000_101, 22_991_231

# From as many different ones on, whole numbers that could all be such dates are dates.
_MANY = 10
_DATE_NAME = re.compile(r"(?i).*(?:date|datum|day|\bdt|_dt)(?:[\W_]|$).*")

# What a date begins with in any of them.
_LOOSE = (
    r"(?i)^(?:[a-z]{3,9},? )?(?:\d{1,4}[-/. ]{1,2}(?:\d{1,4}|[a-z]{3,9})(?:[^a-z0-9]|$)"
    r"|\d{1,2}[a-z]{3,9}\d|[a-z]{3,9}[-. ]+(?:\d{1,4}|[a-z]{3} +\d)|\d{8}T"
    r"|\d{4}[- ]?[QW]\d|Q\d[-/ ]?\d{4}$)"
)

_LIKE_A_DATE = re.compile(_LOOSE.replace("(?i)^", r"(?i)\s*")).match

# Each with the characters that all its dates have, and whether these have a name.
_TRIED = [
    (DateFormat(text), re.sub("%.", "", text), re.search("%[ab]", text) is not None)
    for text in FORMATS
]


@dataclass(frozen=True)
class DateFormats:
    """Formats that read a column equally well, the preferred one first."""

    formats: tuple[DateFormat, ...]

    def choose(self, day_first: bool | None) -> tuple[DateFormat, str | None]:
        """Return the format with that order of day and month, and what to say of it.

        ``day_first`` is what other columns of the table have, None if that is not known.
        """
        first = self.formats[0]
        if len(self.formats) == 1:
            return first, None
        if day_first is not None:
            return next((f for f in self.formats if order_of(f) is day_first), first), None
        other = self.formats[1].format
        return first, (
            f"no day is above 12, so dates are read as {first.format} "
            f"(they may be {other}: date_format={other!r})"
        )


def order_of(format: DateFormat) -> bool | None:
    """Whether the day stands before the month in numbers; None where that is no question."""
    text = format.format
    if text.startswith("%d") and "%m" in text:
        return True
    return False if text.startswith("%m") and "%d" in text else None


def possible_dates(values: Any, counts: np.ndarray, hints: Hints) -> DateFormats | None:
    """Find the formats in which most of the texts are dates; None if less than half are.

    Parameters
    ----------
    values : pyarrow.StringArray
        Texts that are neither empty nor known to mean a missing value.
    counts : ndarray of int
        Rows that have each.
    hints : Hints
    """
    total = int(counts.sum())
    if hints.date_format is not None:
        format = DateFormat(hints.date_format)
        rows = int(counts[~np.isnan(format.read(values))].sum())
        return DateFormats((format,)) if rows * 2 > total else None
    some = probe(values, counts).to_pylist()
    if not any(map(_LIKE_A_DATE, some)):
        return None
    if ISO.matches(some[0]) and not np.isnan(ISO.read(values)).any():
        return DateFormats((ISO,))
    like_dates = mask_of(pc.match_substring_regex(trimmed(values), _LOOSE))
    if int(counts[like_dates].sum()) * 2 <= total:
        return None
    some = [text.strip() for text in some]
    marks = {*(text := "".join(some)), *text.upper()}
    letters = any(map(str.isalpha, marks))
    best, found = 0, list[tuple[DateFormat, np.ndarray]]()
    for format, literals, name in _TRIED:
        if not marks.issuperset(literals) or (name and not letters):
            continue
        if not any(map(format.matches, some)):
            continue
        days = format.read(values)
        rows = int(counts[~np.isnan(days)].sum())
        if rows > best:
            best, found = rows, []
        if rows == best:
            found.append((format, days))
    if best * 2 <= total:
        return None
    return DateFormats(_sensible(found))


def _sensible(found: list[tuple[DateFormat, np.ndarray]]) -> tuple[DateFormat, ...]:
    """Of equal formats those that differ in the order of day and month, unless the cells tell."""
    first = found[0][0]
    orders = [(f, days) for f, days in found if order_of(f) is not None]
    if order_of(first) is None or len(orders) < 2:
        return (first,)
    (first, days), (other, _) = orders[:2]
    days = days[~np.isnan(days)].astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    day, month = (days - months).astype(int), months.astype(int) % 12
    if len(np.unique(day)) == 1 < len(np.unique(month)):
        return (first,)  # the first of each month
    if len(np.unique(month)) == 1 < len(np.unique(day)):
        return (other,)
    return first, other


def are_compact(name: str, numbers: np.ndarray) -> bool:
    """Whether whole numbers are dates such as 20200131, but for one in ten at most."""
    if not len(numbers) or numbers.max() < EARLIEST:
        return False
    numbers = np.where(np.isfinite(numbers), numbers, 0)
    month, day = numbers // 100 % 100, numbers % 100
    good = (numbers >= EARLIEST) & (numbers <= LATEST) & (numbers == np.floor(numbers))
    good &= (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    if good.mean() < 0.9:
        return False
    return bool(_DATE_NAME.fullmatch(name)) or len(np.unique(numbers[good])) >= _MANY
