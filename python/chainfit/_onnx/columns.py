"""The columns of a table as inputs of a graph, and the features that nets get of them.

It does in operators, in float64, what `Schema.parse` does with typed cells and `Encoding.write`
with their values, kind by kind and all columns of a kind at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, zip_longest
from typing import Any

import numpy as np
import numpy.typing as npt

from .._tables.cells.columns import CategoryColumn, Column
from .._tables.cells.schema import Schema
from .._tables.encoding import (
    BooleanFeatures,
    CategoryFeatures,
    Encoding,
    Features,
    NumberFeatures,
)
from .graph import FLOAT64, INT64, TEXT, Graph, Tensor

Array = npt.NDArray[Any]

#: What an input holds, behind its column's kind.
WORDS = {
    "number": "NaN where missing",
    "date": "in days since 1970-01-01 UTC, NaN where missing",
    "time": "in seconds, NaN where missing",
    "boolean": "1 for true, 0 for false, NaN where missing",
    "category": "as it was written in training, '' where missing",
}


def features_of(graph: Graph, schema: Schema, encoding: Encoding) -> Tensor:
    """Declare an input (rows, 1) for each column that is used, and return the features, float64.

    Raises
    ------
    ValueError
        If a column has no name.
    """
    columns = list(zip(schema.used, encoding.columns, strict=True))
    inputs = [_input(graph, column) for column, _ in columns]
    parts: list[Tensor] = []
    places: list[list[int]] = [[] for _ in columns]  # where each column's features are in `parts`
    for kind, write in _KINDS.items():
        found = [i for i, (_, features) in enumerate(columns) if isinstance(features, kind)]
        if not found:
            continue
        start = sum(len(at) for at in places)
        pairs = zip(*(columns[i] for i in found), strict=True)
        part, owners = write([inputs[i] for i in found], *pairs)
        parts.append(part)
        for at, owner in enumerate(owners, start):
            places[found[owner]].append(at)
    order = [at for of_column in places for at in of_column]
    together = graph.together(parts)
    return together if order == sorted(order) else graph.columns(together, order)


def _input(graph: Graph, column: Column) -> Tensor:
    if not column.name:
        raise ValueError(
            "a column whose name is '' can't be exported: an input of ONNX needs a name"
        )
    dtype = TEXT if isinstance(column, CategoryColumn) else FLOAT64
    return graph.input(column.name, dtype, (1,), f"{column.kind}, {WORDS[column.kind]}")


def _numbers(
    inputs: Sequence[Tensor], columns: Sequence[Any], features: Sequence[NumberFeatures]
) -> tuple[Tensor, list[int]]:
    """Return features (rows, n) and the column of each, the features of a column in order."""
    x = inputs[0].graph.together(inputs)
    gone = x.test("IsNaN").test("Or", x.test("IsInf"))
    for number in _missing_numbers(columns):
        gone = gone.test("Or", x.test("Equal", number))

    def each(name: str) -> Array:
        return np.array([getattr(column, name) for column in features])

    held = gone.where(each("fill"), x)
    held = held.apply("Max", each("low")).apply("Min", each("high")) * 0.5  # as FeatureWriter does
    z = (held - each("mean") * 0.5) / (each("scale") * 0.5)
    limit = each("limit")
    parts = [z.apply("Max", -limit).apply("Min", limit)]
    owners = [*range(len(features))]
    bins = [(i, *edges) for i, f in enumerate(features) for edges in zip(*f.bins, strict=True)]
    if bins:
        of_bins, lower, width = zip(*bins, strict=True)
        share = (x.graph.columns(held, of_bins) - lower) / width
        parts.append(share.apply("Clip", 0.0, 1.0))
        owners += of_bins
    return _with_missing(parts, owners, gone, features)


def _booleans(
    inputs: Sequence[Tensor], columns: Sequence[Any], features: Sequence[BooleanFeatures]
) -> tuple[Tensor, list[int]]:
    x = inputs[0].graph.together(inputs)
    known = x.test("Equal", 0).test("Or", x.test("Equal", 1))
    gone = known.test("Not")
    fill = np.array([float(column.fill) for column in features])
    return _with_missing([gone.where(fill, x)], [*range(len(features))], gone, features)


def _missing_numbers(columns: Sequence[Any]) -> list[Array]:
    """Return numbers that mean missing, -999: the first of each column, the second ..., or NaN."""
    numbers = [column.missing_values if column.kind == "number" else () for column in columns]
    return [np.array(row) for row in zip_longest(*numbers, fillvalue=np.nan)]


def _with_missing(
    parts: list[Tensor], owners: list[int], gone: Tensor, features: Sequence[Features]
) -> tuple[Tensor, list[int]]:
    """Put the features that mark missing values behind the others."""
    marked = [i for i, column in enumerate(features) if column.missing]
    if marked:
        parts = [*parts, gone.graph.columns(gone, marked).cast(FLOAT64)]
    return gone.graph.together(parts), owners + marked


def _categories(
    inputs: Sequence[Tensor],
    columns: Sequence[CategoryColumn],
    features: Sequence[CategoryFeatures],
) -> tuple[Tensor, list[int]]:
    graph = inputs[0].graph
    ends = [*accumulate((column.width for column in features), initial=0)]
    found = []
    for x, column, start, encoded in zip(inputs, columns, ends[:-1], features, strict=True):
        places = {text: int(encoded.place[i]) for i, text in enumerate(column.levels)}
        places |= dict.fromkeys(("", *column.missing), int(encoded.place[-1]))
        unseen = int(encoded.place[-2])
        # beyond all features where there is none
        places = {text: start + at if at >= 0 else -1 for text, at in places.items()}
        found.append(
            graph.apply(
                "LabelEncoder",
                x,
                dtype=INT64,
                domain="ai.onnx.ml",
                keys_strings=[*places],
                values_int64s=[*places.values()],
                default_int64=start + unseen if unseen >= 0 else -1,
            )
        )
    owners = [i for i, column in enumerate(features) for _ in range(column.width)]
    place = graph.columns(graph.together(found), owners)
    return place.test("Equal", np.arange(ends[-1])).cast(FLOAT64), owners


_KINDS: dict[type, Any] = {
    NumberFeatures: _numbers,
    BooleanFeatures: _booleans,
    CategoryFeatures: _categories,
}
