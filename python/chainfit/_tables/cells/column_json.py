"""Columns of a schema as JSON and back, everything checked on the way in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._files.fields import Fields, ModelFileError, shorten
from .columns import (
    BooleanColumn,
    CategoryColumn,
    Column,
    DateColumn,
    DroppedColumn,
    NumberColumn,
    TimeColumn,
)
from .dates import DateFormat
from .numbers import NumberFormat

_KINDS = ("number", "date", "time", "boolean", "category", "dropped")


def pack_column(column: Column) -> dict[str, Any]:
    """Return what `unpack_column` makes the same column of."""
    entries: dict[str, Any] = {
        "kind": column.kind,
        "name": column.name,
        "missing": list(column.missing),
        "notes": list(column.notes),
    }
    if isinstance(column, NumberColumn):
        entries |= pack_numbers(column.format)
    elif isinstance(column, DateColumn):
        entries["format"] = column.format.format
    elif isinstance(column, CategoryColumn):
        entries["levels"] = list(column.levels)
    elif isinstance(column, DroppedColumn):
        entries["reason"] = column.reason
    return entries


def pack_numbers(format: NumberFormat) -> dict[str, Any]:
    """Entries of a number format."""
    entries: dict[str, Any] = {
        "decimal": format.decimal,
        "thousands": format.thousands,
        "units": list(format.units),
    }
    if format.minus_after:  # files from before it have no such entry
        entries["minus_after"] = True
    return entries


def unpack_numbers(fields: Fields) -> NumberFormat:
    """Take the entries of a number format."""
    marks = fields.text("decimal"), fields.text("thousands")
    units = different(fields, "units")
    minus_after = fields.has("minus_after") and fields.flag("minus_after")
    return checked(fields, lambda: NumberFormat(*marks, units, minus_after))


def different(fields: Fields, key: str) -> tuple[str, ...]:
    """Take a list of strings that differ."""
    texts = tuple(fields.texts(key))
    checked(fields, lambda: "".join(texts).encode())  # a lone surrogate is in no table
    if len(set(texts)) != len(texts):
        raise ModelFileError(f"{fields.where}: {key!r} must differ")
    return texts


def checked(fields: Fields, make: Callable[[], Any]) -> Any:
    """Make something of entries; what it refuses, the file is refused for."""
    try:
        return make()
    except (ValueError, OverflowError) as error:
        raise ModelFileError(f"{fields.where}: {error}") from None


def unpack_column(values: object, where: str) -> Column:
    """Build a column, everything checked; ModelFileError if it is not a sane one."""
    fields = Fields(values, where)
    kind = fields.text("kind", _KINDS)
    name = fields.text("name")
    fields.where = f"{where} {shorten(name)}"
    missing, notes = different(fields, "missing"), tuple(fields.texts("notes"))
    column: Column
    if kind == "number":
        column = NumberColumn(name, unpack_numbers(fields), missing=missing, notes=notes)
    elif kind == "date":
        text = fields.text("format")
        format = checked(fields, lambda: DateFormat(text))
        column = DateColumn(name, format, missing=missing, notes=notes)
    elif kind == "category":
        column = CategoryColumn(name, different(fields, "levels"), missing=missing, notes=notes)
    elif kind == "dropped":
        column = DroppedColumn(name, fields.text("reason"), missing=missing, notes=notes)
    else:
        cls = TimeColumn if kind == "time" else BooleanColumn
        column = cls(name, missing=missing, notes=notes)
    fields.done()
    return column
