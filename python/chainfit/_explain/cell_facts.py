"""Which net of a model of tables a chain is of, and the cells that its weight's input is made of.

What the sections of `story_table` say in words, as plain numbers and texts for `Chain.to_dict`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sklearn.base import is_classifier

from .formula import Array
from .tables import Feature, Member, feature_of

READ_AS = {
    "number": "a number",
    "date": "days since 1970",
    "time": "a time in seconds",
    "boolean": "1 for true, 0 for false",
    "category": "a level",
}


def facts_of(
    member: Member, cells: Mapping[str, Array] | None, source: int | None
) -> dict[str, Any]:
    """Return the entries of a model of tables.

    Parameters
    ----------
    member : Member
    cells : mapping of str to ndarray of shape (rows,)
        What the cells are read as; None of rows that were encoded already.
    source : int or None
        The input that the weight leads from; None if it leads from no input.
    """
    model = member.model
    facts: dict[str, Any] = {
        "model": type(model).__name__,
        "net_index": member.place,
        "n_nets": len(model.nets_),
    }
    if is_classifier(model):
        facts["temperature"] = float(model.temperature_)
    else:
        facts["target_mean"] = float(model.target_mean_)
        facts["target_scale"] = float(model.target_scale_)
    if cells is not None and source is not None:
        facts["cell"] = _cell(member, feature_of(member, source), cells)
    return facts


def _cell(member: Member, feature: Feature, cells: Mapping[str, Array]) -> dict[str, Any]:
    column = feature.column
    fact: dict[str, Any] = {
        "feature": feature.name,
        "column": column.name,
        "kind": feature.kind,
        "read_as": READ_AS[feature.kind],
        "role": feature.role,
    }
    values = cells[column.name].tolist()
    if feature.role == "bin":
        low, high = column.edges[feature.place : feature.place + 2]
        fact |= {"low": float(low), "high": float(high)}
    elif feature.role == "level":
        fact["level"] = column.levels[feature.place]
    elif feature.role == "value" and column.kind != "boolean":
        fact |= {"mean": float(column.mean), "scale": float(column.scale)}
    if column.kind == "category":
        schema = next(c for c in member.model.schema_.used if c.name == column.name)
        fact["levels"] = [schema.levels[code] if code >= 0 else None for code in values]
        fact["missing"] = [code == -1 for code in values]
    else:
        fact["values"] = [None if math.isnan(value) else float(value) for value in values]
    return fact
