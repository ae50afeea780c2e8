"""Teller: a trace with what the sections of its story are written with.

It writes in the symbols of the trace's notation, and in the flavour and digits of its writer.
"""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from .formula import Constant, Formula, Name, Partial, Quantity, code
from .notation import Unit
from .render import Equation, Side, Table
from .symbols import Symbols
from .writer import Writer

if TYPE_CHECKING:
    from .trace import Trace

Array = npt.NDArray[Any]

WRITTEN_OUT = 6  # nodes of a layer up to which a step on one row is written out, sum by sum
SHOWN = 8  # rows of a table
COLUMNS = 6


class Teller:
    """A trace with what its sections are written with."""

    def __init__(self, trace: Trace, writer: Writer) -> None:
        self.trace, self.net, self.writer = trace, trace.net, writer
        self.notation, self.node = trace.notation, trace.notation.node
        self.L = len(trace.net.coefs)
        self.rows = len(trace.X)
        self.one = self.rows == 1
        self.symbols = Symbols(trace, trace.notation, 0)
        self.J = trace.notation.loss
        self.J_row = self.J if self.one else trace.notation.row_loss()
        weights = trace.sample_weight
        self.sum_w = float(self.rows if weights is None else weights.sum())

    def layer_title(self, l: int) -> str:
        """Say which layer this is, and how many units it has."""
        kind = "the output" if l == self.L else "hidden"
        return f"{self.notation.layer(l)} ({kind}, {count(self.net.units[l], self.node)})"

    def between(self, l: int) -> str:
        """Say which weights lead from layer l to the next."""
        return f"the weights from {self.notation.layer(l)} to {self.notation.layer(l + 1)}"

    def number_of(self, unit: int) -> str:
        """Return a unit's number as the notation counts."""
        return str(unit + self.notation.first)

    def write(self, formula: Formula | Name) -> str:
        """Write a formula or a name in symbols."""
        if isinstance(formula, Name):
            return self.writer.name(formula)
        return self.writer.symbols(formula)

    def say(self, left: Formula | Name, *rules: Formula | Name) -> str:
        """Write an equation in symbols."""
        return " = ".join(map(self.write, (left, *rules)))

    def equation(self, left: Formula | Name, rule: Formula, value: float) -> Equation:
        """Write a rule in symbols and in numbers, and its value; none of them twice."""
        writer = self.writer
        sides = [
            Side(writer.signs["equals"], tuple(writer.pieces(rule))),
            Side(writer.signs["equals"], tuple(writer.pieces(rule, in_numbers=True))),
            Side(writer.relation(rule, value), (writer.number(value),)),
        ]
        told = [
            side for n, side in enumerate(sides) if n == 0 or side.pieces != sides[n - 1].pieces
        ]
        return Equation(self.write(left), tuple(told))

    def value_of(self, left: Formula | Name, value: float) -> Equation:
        """Write a value by itself."""
        return self.equation(left, Constant(value), value)

    def general(self, name: Name) -> Quantity:
        """Return a symbol without a number, for a rule in general."""
        return Quantity(name, math.nan)

    def dJ(self, name: Name, value: float = math.nan) -> Partial:
        """Return the derivative of J by something."""
        return Partial(self.J, name, value)

    def of_row(self, derivative: Formula) -> Formula:
        """Return the derivative of the loss of a row as one of J: times the share of the row."""
        return derivative if self.one else self.general(code("share")) * derivative

    def a(self, l: int, j: Unit) -> Quantity:
        """Name what a unit gives, or all units of a layer by a letter."""
        return self.general(self.notation.a(l, j))

    def z(self, l: int, j: Unit) -> Quantity:
        """Name the weighted sum of a unit, or of all units of a layer by a letter."""
        return self.general(self.notation.z(l, j))

    def delta(self, l: int, j: int) -> Quantity:
        """Return dJ/dz of a unit for the one row."""
        return Quantity(self.notation.delta(l, j), float(self.trace.delta[l][0, j]))

    def written_out(self, *layers: int) -> bool:
        """Say whether the step is written out over these layers, sum by sum."""
        return self.one and max(self.net.units[l] for l in layers) <= WRITTEN_OUT

    def names(self, name: Callable[[int, int], Name], l: int) -> list[str]:
        """Write the symbols of all units of a layer."""
        return [self.write(name(l, i)) for i in range(self.net.units[l])]

    def by_node(self, n: int, *columns: tuple[Formula, Array]) -> Table:
        """Return a table of the units of a layer."""
        rows: list[tuple[str | float, ...]] = [
            (self.number_of(i), *(float(values[i]) for _, values in columns))
            for i in range(min(n, 2 * SHOWN))
        ]
        header = (self.node, *(self.write(name) for name, _ in columns))
        return Table(header, rows, left_out(len(rows), n, f"{self.node}s"))

    def by_row(self, values: Array, names: Sequence[str]) -> Table:
        """Return a table of the rows of the batch."""
        rows: list[tuple[str | float, ...]] = [
            (str(r), *map(float, values[r, :COLUMNS])) for r in range(min(len(values), SHOWN))
        ]
        columns = names[:COLUMNS]
        note = left_out(len(rows), len(values), "rows", len(columns), len(names), f"{self.node}s")
        return Table(("row", *columns), rows, note)


def left_out(*counts: Any) -> str:
    """Say what a table shows of what there is: (shown, all, of what), ...; nothing if all."""
    parts = [
        f"{shown} of {total:,} {what}"
        for shown, total, what in zip(counts[::3], counts[1::3], counts[2::3], strict=True)
        if shown < total
    ]
    return f"Shown: {', '.join(parts)}." if parts else ""


def count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
