"""From the parsed columns of a table to the numbers that a net takes, learned once, then applied.

Each kind of column is a frozen record of what was learned, and of its features by name, which
`feature_writer` writes. A new kind is one more record, and a line in `learn_encoding`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .cells.record import Record
from .feature_writer import FeatureWriter

Array = npt.NDArray[Any]
Parsed = Mapping[str, Array]

#: A standardised number further out counts as this: of a column with few values but one.
MAX_DEVIATION = 10.0

#: Numbers further than this times the range of the middle 7/8 from it count as that far, so that a
#: single absurd one in training does not make all others equal.
MAX_DISTANCE = 10.0


@dataclass(frozen=True)
class NumberFeatures(Record):
    """A column of numbers, of dates as days, or of times as seconds.

    Its features are the number itself, standardised, and how much of each bin lies below it: 0
    before the bin, 1 after it, and within it the share in between, which is the piecewise-linear
    encoding of Gorishniy, Rubachev and Babenko, "On embeddings for numerical features in tabular
    deep learning" (2022), with quantiles for bins. A number outside the range that training had
    counts as the nearest one inside.

    Attributes
    ----------
    name : str
    mean, scale : float
        The first feature is (x - mean) / scale, at most `limit` from 0.
    low, high : float
        The range of the training rows, without absurd values, see `MAX_DISTANCE`.
    fill : float
        The median of the training rows, used where a value is missing.
    edges : tuple of float
        Edges of the bins, rising; none if there are no bins.
    missing : bool
        Whether the last feature marks missing values: where training had some.
    limit : float
        How far from 0 the first feature may be.
    """

    name: str
    mean: float
    scale: float
    low: float
    high: float
    fill: float
    edges: tuple[float, ...]
    missing: bool
    limit: float = MAX_DEVIATION
    kind: ClassVar[str] = "number"

    @property
    def features(self) -> list[str]:
        """Names of the features."""
        names = [f"{a:g} to {b:g}" for a, b in pairwise(self.edges)]
        if len(set(names)) < len(names):
            names = [f"{a!r} to {b!r}" for a, b in pairwise(self.edges)]
        last = [f"{self.name} is missing"] if self.missing else []
        return [self.name, *(f"{self.name} in {name}" for name in names), *last]

    @property
    def width(self) -> int:
        """Number of the features."""
        return 1 + max(0, len(self.edges) - 1) + self.missing

    @cached_property
    def bins(self) -> tuple[Array, Array]:
        """Halves of the lower edges and of the widths of the bins."""
        edges = np.array(self.edges) * 0.5
        width = np.diff(edges)
        return edges[:-1], np.where(width > 0, width, 1.0)

    @property
    def held(self) -> tuple[float, float, float]:
        """What stands for a missing value, and the range that values are held in."""
        return self.fill, self.low, self.high

    @property
    def scaled(self) -> tuple[Sequence[float], ...]:
        """Offset, scale and bounds of each feature, of half a value: (held - offset) / scale."""
        first = self.mean * 0.5, self.scale * 0.5, -self.limit, self.limit
        if not self.edges:
            return tuple((value,) for value in first)
        lower, width = self.bins
        bins = lower, width, np.zeros_like(lower), np.ones_like(lower)
        return tuple((a, *b.tolist()) for a, b in zip(first, bins, strict=True))


@dataclass(frozen=True)
class BooleanFeatures(Record):
    """A column of true and false: 1 and 0.

    Attributes
    ----------
    name : str
    fill : bool
        The more frequent value, used where one is missing.
    missing : bool
        Whether a second feature marks missing values: where training had some.
    """

    name: str
    fill: bool
    missing: bool
    kind: ClassVar[str] = "boolean"

    @property
    def features(self) -> list[str]:
        """Names of the features."""
        return [self.name, f"{self.name} is missing"][: self.width]

    @property
    def width(self) -> int:
        """Number of the features."""
        return 1 + self.missing

    @property
    def held(self) -> tuple[float, float, float]:
        """What stands for a missing value, and the range of the others."""
        return float(self.fill), 0.0, 1.0

    @property
    def scaled(self) -> tuple[Sequence[float], ...]:
        """Offset, scale and bounds of the feature, as those of `NumberFeatures`."""
        return (0.0,), (0.5,), (0.0,), (1.0,)


@dataclass(frozen=True)
class CategoryFeatures(Record):
    """A column of categories: a feature of 0 and 1 for each level.

    Attributes
    ----------
    name : str
    levels : tuple of str
        Those that have a feature.
    codes : tuple of int
        Their codes in the schema.
    n_levels : int
        Number of the schema's levels.
    missing : bool
        Whether missing is a level of its own, where training had some.
    other : bool
        Whether the rare levels share a feature, the last; those that training had not join it.
        Without it such a level, or a missing value that training had none of, is all zeros.
    """

    name: str
    levels: tuple[str, ...]
    codes: tuple[int, ...]
    n_levels: int
    missing: bool
    other: bool
    kind: ClassVar[str] = "category"

    @property
    def features(self) -> list[str]:
        """Names of the features."""
        names = [f"{self.name}={level}" for level in self.levels]
        names += [f"{self.name} is missing"] if self.missing else []
        return names + ([f"{self.name} is another level"] if self.other else [])

    @property
    def width(self) -> int:
        """Number of the features."""
        return len(self.levels) + self.missing + self.other

    @cached_property
    def place(self) -> Array:
        """The feature of each code, -1 for none; last those of -2 (unseen) and -1 (missing)."""
        place = np.full(self.n_levels + 2, self.width - 1 if self.other else -1, dtype=np.intp)
        place[list(self.codes)] = np.arange(len(self.codes))
        place[-1] = len(self.levels) if self.missing else -1
        return place


Features = NumberFeatures | BooleanFeatures | CategoryFeatures


@dataclass(frozen=True)
class Encoding(Record):
    """How the columns of a table become the inputs of nets.

    Attributes
    ----------
    columns : tuple of NumberFeatures, BooleanFeatures or CategoryFeatures
        What was learned of each column, in the order of the features.
    """

    columns: tuple[Features, ...]

    @cached_property
    def features(self) -> list[str]:
        """Names of the features: the net's inputs."""
        return [name for column in self.columns for name in column.features]

    @cached_property
    def width(self) -> int:
        """Number of the features."""
        return sum(column.width for column in self.columns)

    @cached_property
    def _writer(self) -> FeatureWriter:
        return FeatureWriter(self.columns)

    def column_of(self, feature: int) -> Features:
        """Return the column that a feature is made from."""
        for column in self.columns:
            if feature < column.width:
                return column
            feature -= column.width
        raise IndexError("there is no such feature")

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the features, as scikit-learn's transformers do."""
        return np.array(self.features, dtype=object)

    def write(self, parsed: Parsed, dtype: Any = np.float32, rows: Any = slice(None)) -> Array:
        """Return the features of parsed columns.

        Parameters
        ----------
        parsed : mapping of str to ndarray of shape (rows,)
            As the schema's `parse` returns it.
        dtype : dtype, default=float32
        rows : slice or ndarray of int
            The rows to encode.

        Returns
        -------
        X : ndarray of shape (rows, width)
        """
        return self._writer.write([parsed[column.name][rows] for column in self.columns], dtype)


def learn_encoding(
    columns: Sequence[Any], parsed: Parsed, n_bins: int = 16, max_levels: int = 100
) -> Encoding:
    """Learn from the training rows how to encode each column.

    Parameters
    ----------
    columns : sequence
        Those of the schema: each has `name`, `kind` and, if it is a category, `levels`.
    parsed : mapping of str to ndarray of shape (rows,)
        Their values in the training rows, as the schema's `parse` returns them: float64 with NaN
        for missing, or codes of levels with -1 for missing.
    n_bins : int, default=16
        Bins of a column of numbers; fewer than 2 are none.
    max_levels : int, default=100
        Levels of a category that have a feature of their own: the most frequent ones.

    Returns
    -------
    encoding : Encoding
    """
    found: list[Features] = []
    for column in columns:
        if column.kind == "category":
            found.append(_learn_category(column, parsed[column.name], max_levels))
        elif column.kind == "boolean":
            found.append(_learn_boolean(column.name, parsed[column.name]))
        elif column.kind != "dropped":
            found.append(_learn_number(column.name, parsed[column.name], n_bins))
    return Encoding(tuple(found))


def _learn_number(name: str, values: Array, n_bins: int) -> NumberFeatures:
    present = np.sort(values[np.isfinite(values)])
    missing = bool(np.isnan(values).any())
    if not present.size:
        return NumberFeatures(name, 0.0, 1.0, 0.0, 0.0, 0.0, (), missing)
    low, high = _range(present)
    present = np.clip(present, low, high)
    # divided by the largest first, so that no sum overflows
    size = max(-low, high, np.finfo(np.float64).tiny)
    unit = present / size
    mean, scale = float(unit.mean()), float(unit.std())
    if scale <= 10 * np.finfo(np.float64).eps:  # the same value in every row
        scale = 1.0
    scale = max(scale * size, 2 * np.finfo(np.float64).tiny)
    fill = float(present[(len(present) - 1) // 2])
    return NumberFeatures(
        name, mean * size, scale, low, high, fill, _edges(present, n_bins), missing
    )


def _range(present: Array) -> tuple[float, float]:
    """Return the range that sorted values are held in."""
    low, high = float(present[0]), float(present[-1])
    bottom, top = float(present[len(present) // 16]), float(present[-1 - len(present) // 16])
    far = MAX_DISTANCE * (top - bottom)
    return (max(low, bottom - far), min(high, top + far)) if far > 0 else (low, high)


def _edges(present: Array, n_bins: int) -> tuple[float, ...]:
    """Return the edges of bins with about as many of the sorted values in each."""
    if n_bins < 2:
        return ()
    distinct = present[np.concatenate([[True], present[1:] != present[:-1]])]
    if len(distinct) > n_bins + 1:
        places = np.arange(n_bins + 1) * (len(present) - 1) // n_bins
        distinct = np.unique(present[places])
    return tuple(map(float, distinct)) if len(distinct) > 2 else ()


def _learn_boolean(name: str, values: Array) -> BooleanFeatures:
    missing = np.isnan(values)
    count = int(np.count_nonzero(values == 1))
    return BooleanFeatures(name, 2 * count >= len(values) - missing.sum(), bool(missing.any()))


def _learn_category(column: Any, codes: Array, max_levels: int) -> CategoryFeatures:
    levels = column.levels
    kept = np.arange(len(levels))
    if len(levels) > max_levels:
        counts = np.bincount(codes[codes >= 0], minlength=len(levels))
        # the sort is stable, so that equal counts keep the order of the levels
        kept = np.sort(np.argsort(-counts, kind="stable")[:max_levels])
    return CategoryFeatures(
        name=column.name,
        levels=tuple(levels[code] for code in kept),
        codes=tuple(map(int, kept)),
        n_levels=len(levels),
        missing=bool((codes == -1).any()),
        other=len(levels) > max_levels,
    )
