"""The parts that a story of numbers is told in, and how they are written: as text or as HTML.

A story is a list of sections; a section holds paragraphs (str, of one or more lines),
equations and tables. Numbers are written by `Writer`, as those of a chain are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from textwrap import wrap
from typing import NamedTuple

from .._estimators.printable import printable
from .._formulas.formula import Formula, Quantity, code
from .._formulas.writer import Writer

WIDTH = 100
DIGITS = 6
Cell = str | float


_WRITERS = [Writer("ascii", digits=max(digits, 1)) for digits in range(DIGITS + 1)]
WRITER = _WRITERS[DIGITS]


class Equation(NamedTuple):
    """``left = symbols = numbers = value``: symbols are the terms of a sum; sides may be left out.

    Where the numbers as they are shown don't make the value as it is shown, it has ``~=``.
    """

    left: str
    symbols: tuple[str, ...]
    numbers: Formula | None
    value: float

    def sides(self) -> list[tuple[str, list[str]]]:
        """Return the sides, each as the sign before it and its terms."""
        found = []
        equals = WRITER.signs["equals"]
        if self.symbols:
            first, *others = self.symbols
            found.append((equals, [first, *(f"+ {term}" for term in others)]))
        if self.numbers is not None:
            found.append((equals, WRITER.terms(self.numbers, in_numbers=True)))
            equals = WRITER.relation(self.numbers, self.value)
        return [*found, (equals, [number(self.value)])]


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


def number(value: float, digits: int = DIGITS) -> str:
    """Write a number in a few digits."""
    return _WRITERS[digits].number(value)


def quantity(value: float) -> Formula:
    """Return a number to be part of a formula."""
    return Quantity(code(""), float(value))


def label(text: object, width: int = 28) -> str:
    """Return a user's name on one line, cut where it is too long for a table."""
    line = printable(text)
    return line if len(line) <= width else line[: width - 3] + "..."


# --- text ----------------------------------------------------------------------------------------


def to_text(sections: Iterable[Section]) -> str:
    """Write sections as lines of at most `WIDTH` characters."""
    lines: list[str] = []
    for section in sections:
        if lines:
            lines.append("")
        lines += [section.title, "-" * len(section.title)]
        for before, block in zip([None, *section.blocks], section.blocks, strict=False):
            # equations stand together, anything else apart
            if before is not None and not (type(before) is type(block) is Equation):
                lines.append("")
            lines += _block_lines(block)
    return "\n".join(lines)


def _block_lines(block: Block) -> list[str]:
    if isinstance(block, Equation):
        return equation_lines(block)
    if isinstance(block, Table):
        return table_lines(block)
    return [
        line for part in block.split("\n") for line in wrap(part, WIDTH, break_on_hyphens=False)
    ]


def equation_lines(equation: Equation, width: int = WIDTH) -> list[str]:
    """Write an equation in one line or, broken at its signs, in several."""
    sides = equation.sides()
    line = " ".join([f"  {equation.left}", *(" ".join([sign, *terms]) for sign, terms in sides)])
    if len(line) <= width:
        return [line]
    start = len(f"  {equation.left} = ")
    lines = [f"  {equation.left}"]
    for k, (sign, terms) in enumerate(sides):
        # a short last side, mostly the result, stays on the line of the one before
        whole = " ".join([sign, *terms])
        is_short = k == len(sides) - 1 and len(lines[-1]) + 1 + len(whole) <= width
        if k and not is_short:
            lines.append(" " * (start - len(sign) - 2))
        lines[-1] += f" {sign}"
        for n, term in enumerate(terms):
            if n and len(lines[-1]) + 1 + len(term) > width:
                lines.append(" " * (start - 1))
            lines[-1] += f" {term}"
    return lines


def table_lines(table: Table, width: int = WIDTH) -> list[str]:
    """Write a table with aligned columns, its numbers in as many digits as fit the width."""
    for digits in range(DIGITS, 2, -1):
        cells = [table.header, *([_cell(c, digits) for c in row] for row in table.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        if sum(widths) + 2 * len(widths) <= width:
            break
    words = [all(isinstance(row[k], str) for row in table.rows) for k in range(len(widths))]
    lines = []
    for line in cells:
        aligned = [
            cell.ljust(size) if left else cell.rjust(size)
            for cell, size, left in zip(line, widths, words, strict=True)
        ]
        lines.append(("  " + "  ".join(aligned)).rstrip())
    return lines + ([f"  {table.note}"] if table.note else [])


def _cell(value: Cell, digits: int = DIGITS) -> str:
    return value if isinstance(value, str) else number(value, digits)


# --- HTML ----------------------------------------------------------------------------------------


def to_html(sections: Iterable[Section]) -> str:
    """Write sections as one HTML element: no script, no style of its own beyond lines and gaps."""
    parts = ['<div class="chainfit-trace" style="overflow-x:auto">']
    for section in sections:
        parts.append(f"<h4>{escape(section.title)}</h4>")
        equations: list[str] = []
        for block in [*section.blocks, None]:
            if isinstance(block, Equation):
                equations += equation_lines(block)
                continue
            if equations:
                parts.append(f"<pre>{escape(chr(10).join(equations))}</pre>")
                equations = []
            if isinstance(block, Table):
                parts.append(_html_table(block))
            elif block is not None:
                parts.append(f"<p>{escape(block).replace(chr(10), '<br>')}</p>")
    return "\n".join([*parts, "</div>"])


def _html_table(table: Table) -> str:
    def row(cells: Sequence[Cell], tag: str) -> str:
        texts = [
            f'<{tag} style="text-align:{"left" if isinstance(c, str) else "right"}">'
            f"{escape(_cell(c))}</{tag}>"
            for c in cells
        ]
        return f"<tr>{''.join(texts)}</tr>"

    lines = ["<table>", f"<thead>{row(table.header, 'th')}</thead>", "<tbody>"]
    lines += [row(cells, "td") for cells in table.rows]
    lines += ["</tbody>", "</table>"]
    if table.note:
        lines.append(f"<p><small>{escape(table.note)}</small></p>")
    return "\n".join(lines)
