"""An encoding as JSON and back, beside the schema of its columns; everything checked."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from .._files.fields import Fields, ModelFileError, shorten
from .cells.columns import CategoryColumn, Column
from .cells.schema import Schema
from .encoding import BooleanFeatures, CategoryFeatures, Encoding, Features, NumberFeatures

_NUMBERS = ("mean", "scale", "low", "high", "fill", "limit")

#: The largest number that a net may be given.
_MOST = 1e6

#: A scale whose half is still no denormal number.
_SMALLEST = 2 * float(np.finfo(np.float64).tiny)


def pack_encoding(encoding: Encoding) -> list[dict[str, Any]]:
    """Return what `unpack_encoding` makes the same encoding of: an entry for each column used."""
    return [_pack(column) for column in encoding.columns]


def _pack(column: Features) -> dict[str, Any]:
    entries: dict[str, Any] = {"name": column.name, "missing": column.missing}
    if isinstance(column, NumberFeatures):
        entries |= {name: getattr(column, name) for name in _NUMBERS}
        return {**entries, "edges": list(column.edges)}
    if isinstance(column, BooleanFeatures):
        return {**entries, "fill": bool(column.fill)}
    return {**entries, "codes": list(column.codes), "other": column.other}


def unpack_encoding(items: list[Any], schema: Schema) -> Encoding:
    """Build the encoding of a schema's columns; ModelFileError if it is not a sane one."""
    used = schema.used
    if len(items) != len(used):
        raise ModelFileError(
            f"encoding: {len(items)} entries for {len(used)} columns that are not left out"
        )
    return Encoding(tuple(_unpack(*pair) for pair in zip(items, used, strict=True)))


def _unpack(values: object, column: Column) -> Features:
    fields = Fields(values, f"encoding: column {shorten(column.name)}")
    fields.text("name", (column.name,))
    missing = fields.flag("missing")
    features: Features
    if isinstance(column, CategoryColumn):
        features = _unpack_category(fields, column, missing)
    elif column.kind == "boolean":
        features = BooleanFeatures(column.name, fields.flag("fill"), missing)
    else:
        features = _unpack_number(fields, column.name, missing)
    fields.done()
    return features


def _unpack_category(fields: Fields, column: CategoryColumn, missing: bool) -> CategoryFeatures:
    codes, n_levels = fields.counts("codes", low=0), len(column.levels)
    if len(set(codes)) < len(codes) or max(codes, default=-1) >= n_levels:
        raise ModelFileError(
            f"{fields.where}: 'codes' must be different places among {n_levels} levels"
        )
    levels = tuple(column.levels[code] for code in codes)
    return CategoryFeatures(
        column.name, levels, tuple(codes), n_levels, missing, fields.flag("other")
    )


def _unpack_number(fields: Fields, name: str, missing: bool) -> NumberFeatures:
    numbers = {key: fields.number(key) for key in _NUMBERS}
    edges = tuple(map(float, fields.numbers("edges")))
    if numbers["scale"] < _SMALLEST:
        raise ModelFileError(f"{fields.where}: 'scale' must be positive")
    if not 0 < numbers["limit"] <= _MOST:
        raise ModelFileError(f"{fields.where}: 'limit' must be positive, at most {_MOST:g}")
    if not numbers["low"] <= numbers["fill"] <= numbers["high"]:
        raise ModelFileError(f"{fields.where}: 'fill' must lie between 'low' and 'high'")
    if not np.isfinite(edges).all() or not all(a < b for a, b in pairwise(edges)):
        raise ModelFileError(f"{fields.where}: 'edges' must be finite and rise")
    return NumberFeatures(name=name, edges=edges, missing=missing, **numbers)
