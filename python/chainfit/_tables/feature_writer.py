"""Writes the features of all columns of a table at once: what `encoding` has learned, as arrays.

Features of numbers and booleans are one formula, those of categories a look-up. Each has a few
passes over as many columns and rows as a cache holds, however many of either there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Rows written at a time, and features of these: what is made on the way stays in a cache.
_ROWS = 2048
_CELLS = 1 << 16


class FeatureWriter:
    """Writes the features of columns.

    Parameters
    ----------
    columns : sequence of NumberFeatures, BooleanFeatures or CategoryFeatures
    """

    def __init__(self, columns: Sequence[Any]) -> None:
        starts = np.cumsum([0, *(column.width for column in columns)])
        self.width = int(starts[-1])
        numbers: list[tuple[int, Any]] = []
        categories: list[tuple[int, Any]] = []
        for at, column in enumerate(columns):
            (categories if column.kind == "category" else numbers).append((at, column))
        self._numbers = _Numbers(numbers, starts) if numbers else None
        self._categories = _Categories(categories, starts) if categories else None

    def write(self, values: Sequence[Array], dtype: Any) -> Array:
        """Return the features (rows, width) of the values of each column (rows,)."""
        rows = len(values[0]) if values else 0
        X: Array = np.zeros((rows, self.width), dtype)
        for begin in range(0, rows, _ROWS):
            block = X[begin : begin + _ROWS]
            parts = [of_column[begin : begin + _ROWS] for of_column in values]
            if self._numbers is not None:
                self._numbers.write(parts, block)
            if self._categories is not None:
                self._categories.write(parts, block)
        return X


def _groups(ends: Array, rows: int) -> Iterator[slice]:
    """Yield columns that go together: of so many features, at the ends given, and rows."""
    first, most = 0, max(1, _CELLS // max(rows, 1))
    while first < len(ends) - 1:
        last = int(np.searchsorted(ends, ends[first] + most, side="right")) - 1
        yield slice(first, max(last, first + 1))
        first = max(last, first + 1)


class _Numbers:
    """The features of numbers and booleans: (held - offset) / scale, between two bounds.

    What a column is held within, and what is halved, is said in `NumberFeatures`.
    """

    def __init__(self, columns: Sequence[tuple[int, Any]], starts: Array) -> None:
        def stacked(parts: Sequence[Any]) -> Array:
            return np.array(parts, dtype=np.float64)[:, np.newaxis]

        self._at = [at for at, _ in columns]
        of_columns = [column.held for _, column in columns]
        self._fill, self._low, self._high = map(stacked, zip(*of_columns, strict=True))
        of_features = [column.scaled for _, column in columns]
        self._offset, self._scale, self._least, self._most = (
            stacked([*chain.from_iterable(parts)]) for parts in zip(*of_features, strict=True)
        )
        counts = np.array([len(offset) for offset, *_ in of_features])
        self._ends = np.cumsum([0, *counts])
        self._owner = np.repeat(np.arange(len(counts)), counts)
        first = starts[self._at]
        self._place = np.arange(self._ends[-1]) + np.repeat(first - self._ends[:-1], counts)
        # the feature that marks missing values is a column's last one
        marked = np.array([column.missing for _, column in columns])
        self._mark = np.where(marked, first + counts, -1)

    def write(self, values: Sequence[Array], out: Array) -> None:
        """Write the features of the values of all columns of the table to out (rows, width)."""
        for group in _groups(self._ends, len(out)):
            self._write([values[at] for at in self._at[group]], group, out)

    def _write(self, values: Sequence[Array], columns: slice, out: Array) -> None:
        held = np.array(values, dtype=np.float64)
        gone = np.isnan(held)
        np.copyto(held, self._fill[columns], where=gone)
        np.clip(held, self._low[columns], self._high[columns], out=held)
        held *= 0.5  # a difference of two float64 may be beyond all float64, not one of halves
        held += 0.0  # no -0.0
        features = slice(self._ends[columns.start], self._ends[columns.stop])
        found = held[self._owner[features] - columns.start]
        found -= self._offset[features]
        found /= self._scale[features]
        np.maximum(found, self._least[features], out=found)
        np.minimum(found, self._most[features], out=found)
        out[:, self._place[features]] = found.T
        (marked,) = np.nonzero(self._mark[columns] >= 0)
        if len(marked):
            out[:, self._mark[columns][marked]] = gone[marked].T


class _Categories:
    """The features of categories: 1 where the row has the level."""

    def __init__(self, columns: Sequence[tuple[int, Any]], starts: Array) -> None:
        self._at = [at for at, _ in columns]
        # the feature of each code, all columns' one after the other, -1 for none
        places = [np.where(c.place >= 0, c.place + starts[at], -1) for at, c in columns]
        self._places = np.concatenate(places)
        counts = np.array([len(place) for place in places])
        self._count = counts[:, np.newaxis]
        self._first = (np.cumsum(counts) - counts)[:, np.newaxis]
        self._ends = np.arange(len(places) + 1)

    def write(self, values: Sequence[Array], out: Array) -> None:
        """Write ones to out (rows, width), which is 0."""
        for group in _groups(self._ends, len(out)):
            codes = np.array([values[at] for at in self._at[group]])
            # missing (-1) and unseen (-2) stand at a column's end
            codes = np.where(codes < 0, codes + self._count[group], codes) + self._first[group]
            places = self._places[codes]
            rows = np.nonzero(places >= 0)
            out[rows[1], places[rows]] = 1
