"""What 0.1.0's TableModel learned, in its files and pickles: read as today's schema and encoding.

Its net stays as it is, and gets the same numbers for the same cells.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .._files.fields import Fields, ModelFileError, shorten
from . import encoding
from .cells import schema
from .cells.dates import DateFormat

#: A standardised value further out counted as this many standard deviations.
MAX_DEVIATION = 100.0

#: What pandas read as missing in a CSV file, and so did TableModel.
MISSING = (
    *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)

_KINDS = ("number", "date", "boolean", "category", "dropped")


@dataclass(frozen=True)
class NumberColumn:
    """Numbers, or dates as days since 1970: (value - mean) / scale, `fill` for a missing value.

    With `indicator` a second feature marked missing values.
    """

    name: str
    kind: str
    fill: float
    mean: float
    scale: float
    indicator: bool


@dataclass(frozen=True)
class BooleanColumn:
    """True and false as 1 and 0."""

    name: str
    fill: bool
    indicator: bool
    kind: ClassVar[str] = "boolean"


@dataclass(frozen=True)
class CategoryColumn:
    """A feature for each level, then one for missing values, one for all levels but these."""

    name: str
    levels: tuple[str, ...]
    missing: bool
    other: bool
    kind: ClassVar[str] = "category"


@dataclass(frozen=True)
class DroppedColumn:
    """A column that the net does not see, and why."""

    name: str
    reason: str
    kind: ClassVar[str] = "dropped"


Column = NumberColumn | BooleanColumn | CategoryColumn | DroppedColumn


def read_column(values: object) -> Column:
    """Return a column of a file's settings, everything checked."""
    fields = Fields(values, "settings: columns")
    kind = fields.text("kind", _KINDS)
    name = fields.text("name")
    fields.where = f"settings: column {shorten(name)}"
    column: Column
    if kind == "dropped":
        column = DroppedColumn(name, fields.text("reason"))
    elif kind == "boolean":
        column = BooleanColumn(name, fields.flag("fill"), fields.flag("indicator"))
    elif kind == "category":
        levels = tuple(fields.texts("levels"))
        if len(set(levels)) != len(levels):
            raise ModelFileError(f"{fields.where}: 'levels' must differ")
        column = CategoryColumn(name, levels, fields.flag("missing"), fields.flag("other"))
    else:
        fill, mean = fields.number("fill"), fields.number("mean")
        scale = fields.positive("scale")
        column = NumberColumn(name, kind, fill, mean, scale, fields.flag("indicator"))
    fields.done()
    return column


def as_schema(columns: Sequence[Column]) -> schema.Schema:
    """Return what the columns mean."""
    return schema.Schema(tuple(map(_meaning, columns)))


def _meaning(column: Column) -> schema.Column:
    if isinstance(column, DroppedColumn):
        return schema.DroppedColumn(column.name, reason=column.reason)
    if isinstance(column, BooleanColumn):
        return schema.BooleanColumn(column.name, missing=MISSING)
    if isinstance(column, CategoryColumn):
        missing = tuple(word for word in MISSING if word not in column.levels)
        return schema.CategoryColumn(column.name, levels=column.levels, missing=missing)
    if column.kind == "date":
        return schema.DateColumn(column.name, format=DateFormat("%Y-%m-%d"), missing=MISSING)
    return schema.NumberColumn(column.name, missing=MISSING)


def as_encoding(columns: Sequence[Column]) -> encoding.Encoding:
    """Return what the net sees of the columns: no bins, and no range but that of MAX_DEVIATION."""
    used = [column for column in columns if not isinstance(column, DroppedColumn)]
    return encoding.Encoding(tuple(map(_features, used)))


def _features(column: NumberColumn | BooleanColumn | CategoryColumn) -> encoding.Features:
    if isinstance(column, BooleanColumn):
        return encoding.BooleanFeatures(column.name, column.fill, column.indicator)
    if isinstance(column, CategoryColumn):
        codes = tuple(range(len(column.levels)))
        return encoding.CategoryFeatures(
            column.name, column.levels, codes, len(codes), column.missing, column.other
        )
    far = MAX_DEVIATION * column.scale
    return encoding.NumberFeatures(
        name=column.name,
        mean=column.mean,
        scale=column.scale,
        low=max(column.mean - far, -sys.float_info.max),
        high=min(column.mean + far, sys.float_info.max),
        fill=column.fill,
        edges=(),
        missing=column.indicator,
        limit=MAX_DEVIATION,
    )
