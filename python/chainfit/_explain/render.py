"""The parts that a story of numbers is told in, and how they are written as text.

A story is a list of sections; a section holds paragraphs (str, of one or more lines),
equations and tables. `html` writes them for notebooks.
"""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap
from typing import NamedTuple

from .._common.printable import printable
from .writer import Writer

Cell = str | float


class Side(NamedTuple):
    """What is equal to the left of an equation: between its pieces a line may break.

    `relation` stands before it: = or, before a value that the numbers don't make as shown, ≈.
    """

    relation: str
    pieces: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join([self.relation, *self.pieces])


class Equation(NamedTuple):
    """``left = side = side = ...``."""

    left: str
    sides: tuple[Side, ...]


class Table(NamedTuple):
    """Columns with a header; a column is of words or of numbers."""

    header: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    note: str = ""  # what was left out


Block = str | Equation | Table


class Section(NamedTuple):
    """A heading and what stands below it."""

    title: str
    blocks: list[Block]


def label(text: object, width: int = 28) -> str:
    """Return a user's name on one line, cut where it is too long for a table."""
    line = printable(text)
    return line if len(line) <= width else line[: width - 3] + "..."


def in_words(table: Table) -> list[bool]:
    """Say of each column whether it holds words and not numbers."""
    return [all(isinstance(row[k], str) for row in table.rows) for k in range(len(table.header))]


def to_text(sections: Iterable[Section], writer: Writer, width: int) -> str:
    """Write sections as lines of at most `width` characters."""
    lines: list[str] = []
    for section in sections:
        if lines:
            lines.append("")
        lines += [section.title, "-" * len(section.title)]
        for before, block in zip([None, *section.blocks], section.blocks, strict=False):
            # equations stand together, anything else apart
            if before is not None and not (type(before) is type(block) is Equation):
                lines.append("")
            lines += _block_lines(block, writer, width)
    text = "\n".join(lines)
    if writer.flavour == "ascii":  # names given by the user may be anything
        text = text.encode("ascii", "backslashreplace").decode()
    return text


def _block_lines(block: Block, writer: Writer, width: int) -> list[str]:
    if isinstance(block, Equation):
        return equation_lines(block, width)
    if isinstance(block, Table):
        return table_lines(block, writer, width)
    return [
        line for part in block.split("\n") for line in wrap(part, width, break_on_hyphens=False)
    ]


def equation_lines(equation: Equation, width: int) -> list[str]:
    """Write an equation in one line or, broken at its signs, in several."""
    line = f"  {equation.left} {' '.join(map(str, equation.sides))}"
    if len(line) <= width:
        return [line]
    lines = [f"  {equation.left}"]
    start = len(f"{lines[0]} =")  # where the signs before the sides end
    for k, side in enumerate(equation.sides):
        # a short last side, mostly the result, stays on the line of the one before
        is_short = k == len(equation.sides) - 1 and len(f"{lines[-1]} {side}") <= width
        if k and not is_short:
            lines.append(" " * (start - len(side.relation) - 1))
        lines[-1] += f" {side.relation}"
        for n, piece in enumerate(side.pieces):
            if n and len(f"{lines[-1]} {piece}") > width:
                lines.append(" " * start)
            lines[-1] += f" {piece}"
    return lines


def table_lines(table: Table, writer: Writer, width: int) -> list[str]:
    """Write a table with aligned columns.

    Its numbers have as many digits as fit the width; what is still too wide goes on below, behind
    the first column again.
    """
    for digits in range(writer.digits, min(writer.digits, 3) - 1, -1):
        cells = table_cells(table, writer.with_digits(digits))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        if sum(widths) + 2 * len(widths) <= width:
            break
    words = in_words(table)
    lines: list[str] = []
    columns = list(range(1, len(widths)))
    while columns:
        shown = [0, columns.pop(0)]
        while columns and sum(widths[k] + 2 for k in [*shown, columns[0]]) <= width:
            shown.append(columns.pop(0))
        lines += [""] if lines else []
        for line in cells:
            aligned = (
                line[k].ljust(widths[k]) if words[k] else line[k].rjust(widths[k]) for k in shown
            )
            lines.append(("  " + "  ".join(aligned)).rstrip())
    return lines + ([f"  {table.note}"] if table.note else [])


def table_cells(table: Table, writer: Writer) -> list[tuple[str, ...]]:
    """Return header and rows with their numbers written."""
    rows = [
        tuple(cell if isinstance(cell, str) else writer.number(cell) for cell in row)
        for row in table.rows
    ]
    return [table.header, *rows]
