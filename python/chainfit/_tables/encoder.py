"""From the columns of a data frame to the numbers that a net wants, learned once, then applied.

Three kinds of columns: numbers (dates become days), booleans, categories. Each is a plain record
of what was learned; ``learn`` chooses and makes it, ``write`` applies it to the rows of a frame.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .readers import (
    ColumnError,
    kind_of_column,
    level_text,
    read_booleans,
    read_days,
    read_levels,
    read_numbers,
)

#: A standardised value further out counts as this many standard deviations. Training rows reach
#: it only from 10,001 rows on; it keeps one absurd value from overflowing a prediction.
MAX_DEVIATION = 100.0

#: More distinct texts than this, and fewer than two rows for each: an identifier, not a category.
MIN_IDENTIFIER_LEVELS = 10


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers, or of dates as days since 1970: filled, centred, scaled.

    Attributes
    ----------
    name : str
    kind : {'number', 'date'}
    fill : float
        The training rows' median, used where a value is missing.
    mean, scale : float
        The feature is (value - mean) / scale.
    indicator : bool
        Whether a second feature marks missing values; true if training had some.
    """

    name: str
    kind: str
    fill: float
    mean: float
    scale: float
    indicator: bool

    @property
    def features(self) -> list[str]:
        """Names of the features made from the column."""
        return [self.name, f"{self.name} is missing"][: self.width]

    @property
    def width(self) -> int:
        """Number of the features."""
        return 1 + self.indicator

    def write(self, series: Any, out: np.ndarray) -> None:
        """Write the features of ``series`` to ``out`` (rows, width)."""
        values, junk = read_days(series) if self.kind == "date" else read_numbers(series)
        _warn_of_junk(self, junk, "taken as missing")
        missing = np.isnan(values)
        values[missing] = self.fill
        with np.errstate(over="ignore"):
            standard = (values - self.mean) / self.scale
        out[:, 0] = np.clip(standard, -MAX_DEVIATION, MAX_DEVIATION)
        if self.indicator:
            out[:, 1] = missing


@dataclass(frozen=True)
class BooleanColumn:
    """A column of true and false: 1 and 0.

    Attributes
    ----------
    name : str
    fill : bool
        The more frequent value, used where one is missing.
    indicator : bool
        Whether a second feature marks missing values; true if training had some.
    """

    name: str
    fill: bool
    indicator: bool
    kind: ClassVar[str] = "boolean"

    @property
    def features(self) -> list[str]:
        """Names of the features made from the column."""
        return [self.name, f"{self.name} is missing"][: self.width]

    @property
    def width(self) -> int:
        """Number of the features."""
        return 1 + self.indicator

    def write(self, series: Any, out: np.ndarray) -> None:
        """Write the features of ``series`` to ``out`` (rows, width)."""
        values, junk = read_booleans(series)
        _warn_of_junk(self, junk, "taken as missing")
        missing = np.isnan(values)
        values[missing] = self.fill
        out[:, 0] = values
        if self.indicator:
            out[:, 1] = missing


@dataclass(frozen=True)
class CategoryColumn:
    """A column of categories: one feature of 0 and 1 per level.

    Attributes
    ----------
    name : str
    levels : tuple of str
        Sorted; those of an ordered categorical in their own order.
    missing : bool
        Whether missing is a level of its own (the last but ``other``); true if training had some.
    other : bool
        Whether the rare levels share one feature, the last; levels not seen in training join it.
        Without it an unseen level, or an unseen missing value, is all zeros.
    """

    name: str
    levels: tuple[str, ...]
    missing: bool
    other: bool
    kind: ClassVar[str] = "category"

    @property
    def features(self) -> list[str]:
        """Names of the features made from the column."""
        names = [f"{self.name}={level}" for level in self.levels]
        names += [f"{self.name} is missing"] if self.missing else []
        return names + ([f"{self.name} is another level"] if self.other else [])

    @property
    def width(self) -> int:
        """Number of the features."""
        return len(self.levels) + self.missing + self.other

    def write(self, series: Any, out: np.ndarray) -> None:
        """Write the features of ``series`` to ``out`` (rows, width)."""
        codes, found = read_levels(series)
        place = {level: i for i, level in enumerate(self.levels)}
        last = self.width - 1
        places = [place.get(level, last if self.other else -1) for level in found]
        # factorize gives missing values the code -1: the last entry of this table.
        places.append(len(self.levels) if self.missing else -1)
        columns = np.array(places, dtype=np.intp)[codes]
        out[:] = 0
        rows = np.flatnonzero(columns >= 0)
        out[rows, columns[rows]] = 1
        if len(rows) < len(codes) and not self.other:
            unseen = [level for level in found if level not in place]
            if not self.missing and (codes < 0).any():
                unseen.append("a missing value")
            _warn_of_junk(self, unseen, "not seen in training, taken as no level")


@dataclass(frozen=True)
class DroppedColumn:
    """A column that the net does not see, and why."""

    name: str
    reason: str
    kind: ClassVar[str] = "dropped"
    features: ClassVar[list[str]] = []
    width: ClassVar[int] = 0


Column = NumberColumn | BooleanColumn | CategoryColumn | DroppedColumn


def _warn_of_junk(column: Column, junk: list[str], verdict: str) -> None:
    if junk:
        warnings.warn(
            f"column {column.name!r}: {verdict}: {_some(junk)}", UserWarning, stacklevel=5
        )


def _some(texts: Sequence[str], limit: int = 5) -> str:
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(repr(text) for text in texts[:limit]) + more


def learn(series: Any, max_levels: int) -> tuple[Column, str | None]:
    """Learn how to encode a column from the training rows.

    Parameters
    ----------
    series : pandas.Series
    max_levels : int
        A category keeps its most frequent levels up to this number; the others share a feature.

    Returns
    -------
    column : Column
    note : str or None
        What a user should know about the choice.
    """
    kind = kind_of_column(series)
    if kind == "category":
        return _learn_category(series, max_levels)
    name = str(series.name)
    reader = {"number": read_numbers, "date": read_days, "boolean": read_booleans}[kind]
    values, junk = reader(series)
    note = f"{name!r}: no {kind}s, taken as missing: {_some(junk)}" if junk else None
    missing = np.isnan(values)
    indicator = bool(missing.any())
    present = values[~missing]
    if not present.size:
        return DroppedColumn(name, "no value in any row"), None
    # Divided by the largest first, so that no sum overflows.
    size = float(np.abs(present).max()) or 1.0
    spread = float(np.std(present / size))
    if spread <= 10 * np.finfo(np.float64).eps:
        if not indicator:
            return DroppedColumn(name, "the same value in every row"), note
        spread = 1.0 / size
    if kind == "boolean":
        return BooleanColumn(name, bool(present.mean() >= 0.5), indicator), note
    fill = float(np.median(present / size) * size)
    # Median-filled rows are part of what the net sees, so of its mean and scale too.
    filled = np.where(missing, fill, values) / size
    mean, scale = float(filled.mean() * size), float(filled.std() * size)
    if scale <= 10 * np.finfo(np.float64).eps * size:
        scale = spread * size
    return NumberColumn(name, kind, fill, mean, scale, indicator), note


def _learn_category(series: Any, max_levels: int) -> tuple[Column, str | None]:
    name = str(series.name)
    codes, found = read_levels(series)
    counts: dict[str, int] = {}
    rows = np.bincount(codes[codes >= 0], minlength=len(found))
    for level, count in zip(found, rows, strict=True):
        counts[level] = counts.get(level, 0) + int(count)
    missing = bool((codes < 0).any())
    present = sum(counts.values())
    if len(counts) + missing < 2:
        reason = "the same value in every row" if counts else "no value in any row"
        return DroppedColumn(name, reason), None
    if len(counts) > MIN_IDENTIFIER_LEVELS and len(counts) > present / 2:
        reason = f"like an identifier: {len(counts)} different values in {present} rows"
        return DroppedColumn(name, reason), None
    levels = sorted(counts)
    if getattr(series.dtype, "ordered", False):
        order = {level_text(value): i for i, value in enumerate(series.dtype.categories)}
        levels.sort(key=order.__getitem__)
    if len(levels) <= max_levels:
        return CategoryColumn(name, tuple(levels), missing, other=False), None
    # The sort is stable, so that equal counts keep the order of the levels.
    kept = set(sorted(levels, key=lambda level: -counts[level])[:max_levels])
    note = (
        f"{name!r}: {len(levels)} levels; the {max_levels} most frequent are kept, "
        f"the other {len(levels) - max_levels} share one feature"
    )
    kept_levels = tuple(level for level in levels if level in kept)
    return CategoryColumn(name, kept_levels, missing, other=True), note


def encode(columns: Sequence[Column], frame: Any, dtype: str) -> np.ndarray:
    """Features of all rows of a frame, (rows, sum of the columns' features).

    Raises
    ------
    ColumnError
        If a column is missing or its name is not unique.
    """
    used = [column for column in columns if not isinstance(column, DroppedColumn)]
    lacking = [column.name for column in used if column.name not in frame.columns]
    if lacking:
        raise ColumnError(f"the table lacks columns that the model needs: {_some(lacking, 10)}")
    out = np.zeros((len(frame), sum(column.width for column in used)), dtype=dtype)
    start = 0
    for column in used:
        stop = start + column.width
        series = frame[column.name]
        if series.ndim != 1:
            raise ColumnError(f"the table has several columns named {column.name!r}")
        column.write(series, out[:, start:stop])
        start = stop
    return out


def describe(columns: Sequence[Column]) -> list[str]:
    """Say in a line per kind of column what the net sees of a table."""
    lines = []
    for kind, one, many in (
        ("number", "number", "numbers"),
        ("date", "date", "dates"),
        ("boolean", "boolean", "booleans"),
        ("category", "category", "categories"),
    ):
        found = [column for column in columns if column.kind == kind]
        if not found:
            continue
        words = []
        for column in found:
            levels = f" ({column.width} levels)" if kind == "category" else ""
            gaps = " (with gaps)" if getattr(column, "indicator", False) else ""
            words.append(f"{column.name}{levels}{gaps}")
        lines.append(f"{len(found)} {many if len(found) > 1 else one}: {', '.join(words)}")
    for column in columns:
        if column.kind == "dropped":
            lines.append(f"left out: {column.name} ({getattr(column, 'reason', '')})")
    return lines
