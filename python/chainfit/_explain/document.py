"""Document: what a step or a chain is told in, sections of blocks whose words hold formulas.

`story_step` and `story_chain` make one; `render_text`, `render_latex` and `render_html` write it.
To add a kind of block: a class here, and how each renderer writes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from .._common.printable import printable
from .formula import (
    Constant,
    Formula,
    Name,
    Negative,
    Partial,
    Quantity,
    Quotient,
    SumOver,
    Trail,
    code,
    total,
)
from .writer import Writer

# --- words ---------------------------------------------------------------------------------------


class Math(NamedTuple):
    """A formula inside a text, in symbols or in numbers."""

    formula: Formula
    in_numbers: bool = False
    digits: int | None = None  # significant ones, where they are not the reader's choice

    def write(self, writer: Writer) -> str:
        """Write the formula."""
        if self.digits is not None:
            writer = writer.with_digits(self.digits)
        return writer.numbers(self.formula) if self.in_numbers else writer.symbols(self.formula)

    def pieces(self, writer: Writer) -> list[str]:
        """Write the formula in pieces between which a line may end."""
        if self.digits is not None:
            writer = writer.with_digits(self.digits)
        return writer.pieces(self.formula, self.in_numbers)


Words = tuple[str | Math, ...]  # texts are plain ASCII but for names given by the user
Cell = str | Math | float  # of a table; a float is a number in the reader's digits


def named(name: Name) -> Math:
    """Return a symbol as a piece of text."""
    return Math(Quantity(name, 0.0))


def number(value: float) -> Math:
    """Return a number as a piece of text, one that exercises hide."""
    return Math(Quantity(code(""), value), True)


def equation(*sides: Formula) -> Words:
    """Return ``side = side = ...`` in symbols, as words."""
    return joined(" = ", [(Math(side),) for side in sides])


def joined(between: str, parts: Iterable[Words]) -> Words:
    """Return words with a text between each two."""
    found: list[str | Math] = []
    for part in parts:
        found += [between, *part] if found else part
    return tuple(found)


def lines_of(words: Words) -> list[Words]:
    """Cut words into lines at the line feeds in their texts."""
    lines: list[list[str | Math]] = [[]]
    for word in words:
        first, *others = word.split("\n") if isinstance(word, str) else [word]
        lines[-1].append(first)
        lines += [[other] for other in others]
    return [tuple(line) for line in lines]


def label(text: object, width: int = 28) -> str:
    """Return a user's name on one line, cut where it is too long for a table."""
    line = printable(text)
    return line if len(line) <= width else line[: width - 3] + "..."


# --- rows ----------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One line: left = side = side, and a remark.

    `made_of` is what the last side is the value of where that stands in the rows above: their sum.
    """

    left: Words
    sides: tuple[Words, ...]
    remark: Words = ()
    made_of: Formula | None = None

    def signs(self, writer: Writer) -> list[str]:
        """Return the sign before each side, as `Writer.relation` has it before a value."""
        signs = [writer.signs["equals"]] * len(self.sides)
        value = self.sides[-1][0] if self.sides[-1] else ""
        numbers = self.made_of
        if len(self.sides) > 1:
            before = self.sides[-2][0]
            if isinstance(before, Math) and (before.in_numbers or _is_fraction(before.formula)):
                numbers = before.formula
        if numbers is not None and isinstance(value, Math):
            signs[-1] = writer.relation(numbers, float(value.formula.value))
        return signs

    @property
    def is_trail(self) -> bool:
        """Whether the left side is a trail of units: no quantity, not equal to its product."""
        first = self.left[0] if self.left else ""
        return isinstance(first, Math) and isinstance(first.formula, Trail)

    @property
    def has_numbers_only(self) -> bool:
        """Whether the first of two sides is in numbers, without one in symbols."""
        first = self.sides[0][0]
        return len(self.sides) == 2 and isinstance(first, Math) and first.in_numbers


def equal_to(left: Formula | str, rule: Formula, value: float) -> Row:
    """Return a rule in symbols and in numbers, and its value; none of them twice."""
    sides: tuple[Words, ...] = ((Math(rule),), (Math(rule, True),), (number(value),))
    if isinstance(rule, Constant):
        sides = sides[:1]
    elif _is_single(rule) or _is_fraction(rule):
        sides = sides[::2]
    return Row((left if isinstance(left, str) else Math(left),), sides)


def sum_of(values: Iterable[float]) -> Formula:
    """Return the sum of numbers that stand in rows of their own."""
    return total([number(value).formula for value in values])


def _is_single(rule: Formula) -> bool:
    """Say whether a rule in numbers is its value."""
    if isinstance(rule, Negative):
        rule = rule.of
    return isinstance(rule, Quantity | Partial | SumOver)


def _is_fraction(rule: Formula) -> bool:
    """Say whether a rule is one constant over another, as 1 / rows."""
    return (
        isinstance(rule, Quotient)
        and isinstance(rule.top, Constant)
        and isinstance(rule.bottom, Constant)
    )


# --- blocks --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Paragraph:
    """Lines of words; each may be wrapped."""

    lines: tuple[Words, ...]


@dataclass(frozen=True)
class Facts:
    """Labels and what they say, without an equals sign."""

    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Equations:
    """Equations below each other.

    `layout` is 'columns', their equals signs in line; 'lines', each by itself; or 'trails', each a
    path's trail of units and its product.
    """

    rows: tuple[Row, ...]
    layout: str = "columns"


@dataclass(frozen=True)
class Display:
    """The chain in general, and in numbers.

    A derivative is a sum over letters of a product of derivatives. In numbers it is, or, where the
    first one is that of a row's loss, `whole` is the sum of `terms`, which makes `value`.
    """

    left: Partial
    letters: tuple[str, ...]
    factors: tuple[Partial, ...]
    whole: Partial | None
    terms: tuple[Formula, ...]
    value: float


@dataclass(frozen=True)
class Table:
    """Columns with a header; a column is of words or of numbers."""

    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""  # what was left out

    @property
    def in_words(self) -> list[bool]:
        """Of each column, whether it holds words and not numbers."""
        columns = range(len(self.header))
        return [all(not isinstance(row[k], float) for row in self.rows) for k in columns]

    def cells(self, writer: Writer) -> list[list[str]]:
        """Return header and rows, written."""
        return [[write_cell(cell, writer) for cell in row] for row in (self.header, *self.rows)]


Block = Paragraph | Facts | Equations | Display | Table


def write_cell(cell: Cell, writer: Writer) -> str:
    """Write a cell of a table."""
    if isinstance(cell, Math):
        return cell.write(writer)
    return cell if isinstance(cell, str) else writer.number(cell)


class Section(NamedTuple):
    """A heading and what stands below it; `key` is what a reader chooses it by."""

    key: str
    title: str
    blocks: tuple[Block, ...]


class Document(NamedTuple):
    """Sections, below a heading of their own if there is one.

    A document is `spaced` if its headings are underlined and its blocks stand apart: a long one.
    """

    sections: tuple[Section, ...]
    title: Words = ()
    spaced: bool = False
