"""The symbols of a whole step, and its numbers as tables: what the step's story is made of."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt

from .document import Cell, Equations, Row, Table
from .formula import Formula, Name, Quantity, code
from .notation import Notation, Unit
from .story_parts import count
from .symbols import Symbols, general, quantity
from .trace import TraceNumbers

Array = npt.NDArray[Any]

WRITTEN_OUT = 6  # units of a layer up to which a step on one row is written out, sum by sum
SHOWN = 8  # rows of a table
COLUMNS = 6


class StepSymbols(Symbols):
    """The symbols of a step, and the tables of its numbers; `digits` is what a reader asks for."""

    def __init__(self, trace: TraceNumbers, notation: Notation, digits: int) -> None:
        super().__init__(trace, notation)
        self.digits = digits

    @property
    def node(self) -> str:
        """What the notation calls a unit."""
        return self.notation.node

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

    def is_written_out(self, *layers: int) -> bool:
        """Whether the step is written out over these layers, sum by sum."""
        return not self.batch and max(self.net.units[l] for l in layers) <= WRITTEN_OUT

    def delta(self, l: int, j: Unit) -> Quantity:
        """Return dJ/dz of a unit, for the one row."""
        return quantity(self.notation.delta(l, j), self.trace.delta[l][0], j)

    def of_row(self, derivative: Formula) -> Formula:
        """Return the derivative of the loss of a row as one of J: times the share of the row."""
        return general(code("share")) * derivative if self.batch else derivative

    def by_unit(self, n: int, *columns: tuple[Formula, Array]) -> Table:
        """Return a table of the units of a layer."""
        rows: tuple[tuple[Cell, ...], ...] = tuple(
            (self.number_of(i), *(float(values[i]) for _, values in columns))
            for i in range(min(n, 2 * SHOWN))
        )
        header: tuple[Cell, ...] = (self.node, *(symbol for symbol, _ in columns))
        return Table(header, rows, left_out(len(rows), n, f"{self.node}s"))

    def by_row(self, values: Array, name: Callable[[int, int], Name], l: int) -> Table:
        """Return a table of the rows of the batch."""
        n = values.shape[1]
        rows: tuple[tuple[Cell, ...], ...] = tuple(
            (str(r), *map(float, values[r, :COLUMNS])) for r in range(min(len(values), SHOWN))
        )
        header = tuple(name(l, j) for j in range(min(n, COLUMNS)))
        note = left_out(len(rows), len(values), "rows", len(header), n, f"{self.node}s")
        return Table(("row", *header), rows, note)


def left_out(*counts: Any) -> str:
    """Say what a table shows of what there is: (shown, all, of what), ...; nothing if all."""
    parts = [
        f"{shown} of {total:,} {what}"
        for shown, total, what in zip(counts[::3], counts[1::3], counts[2::3], strict=True)
        if shown < total
    ]
    return f"Shown: {', '.join(parts)}." if parts else ""


def lines(rows: Sequence[Row]) -> Equations:
    """Return equations that stand each by itself."""
    return Equations(tuple(rows), "lines")
