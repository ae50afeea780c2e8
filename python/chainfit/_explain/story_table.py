"""How a cell of a table became an input of the net, as a section of the chain of its weights."""

from __future__ import annotations

import math
from typing import Any

from .._common.printable import printable
from . import document as d
from .cell_facts import READ_AS
from .formula import Formula, Quantity, indexed, plain
from .story_delta import StorySymbols
from .tables import Feature, feature_of

#: The value that a cell is read as.
_CELL = indexed("c")


def which_net(s: Any) -> tuple[str, ...]:
    """Return sentences on which net of a model of tables it is; none of another net."""
    return () if s.net.member is None else tuple(s.net.member.words())


def from_cell(s: StorySymbols) -> d.Section | None:
    """Write how the input that the weight leads from is made of the cell of its row."""
    member, cells = s.net.member, s.trace.cells
    if member is None or cells is None or s.l != 0 or s.address.source is None:
        return None
    feature = feature_of(member, s.address.source)
    column = feature.column
    value = cells[column.name][s.row]
    x = s.a(0, s.address.source)
    name = printable(column.name)
    about = f"Feature {printable(feature.name)!r} of column {name}, read as {READ_AS[feature.kind]}"
    rows, remark = _rows(feature, value, x)
    return d.Section.of(
        "cell",
        f"The input{s.of_row}",
        d.Paragraph.of(f"{about}: {_meaning(feature)}", remark),
        rows,
    )


def _meaning(feature: Feature) -> str:
    column = feature.column
    match feature.role:
        case "bin":
            low, high = column.edges[feature.place : feature.place + 2]
            return f"the share of the bin from {low:.6g} to {high:.6g} that lies below the value."
        case "missing":
            return "1 where the cell is missing."
        case "level":
            return f"1 where the cell is {printable(column.levels[feature.place])!r}."
        case "other":
            return "1 where the cell is none of the levels with a feature of their own."
    if column.kind == "boolean":
        return "the value itself."
    return "the value, standardised by the mean and standard deviation of the training rows."


def _rows(feature: Feature, value: Any, x: Quantity) -> tuple[tuple[d.Row, ...], str]:
    """Return the equations, and what is to be said of the cell."""
    column = feature.column
    if column.kind == "category":
        return (d.Row.of(x, d.number(x.value)),), f"The cell is {_level(column, feature, value)}."
    missing = math.isnan(value)
    if feature.role == "missing":
        what = "missing" if missing else f"{value:.6g}"
        return (d.Row.of(x, d.number(x.value)),), f"The cell is {what}."
    remark = "The cell is missing, and replaced by" if missing else ""
    if column.kind == "boolean":
        remark = f"{remark} {column.fill:d}, the most frequent value." if missing else ""
        return (d.Row.of(x, d.number(x.value)),), remark
    if missing:
        remark = f"{remark} {column.fill:.6g}, the median of the training rows."
    held = column.fill if missing else min(max(float(value), column.low), column.high)
    if not missing and held != value:
        remark = (
            f"The value, {value:.6g}, is outside the range of the training rows, and replaced by "
            "the nearest number in it."
        )
    c = Quantity(_CELL, held)
    rule, ends = _rule(feature, c)
    row = d.equal_to(x, rule, float(x.value))
    if not ends[0] <= rule.value <= ends[1]:
        row = d.Row.of(x, d.number(x.value))
        where = "below" if rule.value < ends[0] else "above"
        end = f"is {where} the bin" if feature.role == "bin" else f"would be {rule.value:.6g}"
        remark = f"{remark} {'c' if feature.role == 'bin' else 'It'} {end}.".strip()
    return (d.Row.of(c, d.number(held)), row), remark


def _rule(feature: Feature, c: Quantity) -> tuple[Formula, tuple[float, float]]:
    """Return what the feature is of the value, and the numbers that it is held between."""
    column = feature.column
    if feature.role == "bin":
        low, high = column.edges[feature.place : feature.place + 2]
        return (c - plain(low)) / (plain(high) - plain(low)), (0.0, 1.0)
    return (c - plain(column.mean)) / plain(column.scale), (-column.limit, column.limit)


def _level(column: Any, feature: Feature, code: int) -> str:
    if code == -1:
        return "missing"
    if code == -2:
        return "a level that training had not"
    if code in column.codes:
        return repr(printable(column.levels[column.codes.index(code)]))
    return "a level that shares a feature with others"
