"""Document: what a step or a chain is written as, sections of blocks whose words hold formulas.

`story_step` and `story_chain` make one; `render_text`, `render_latex` and `render_html` write it.
To add a kind of block: a class here, and how each renderer writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from .._common.printable import printable
from . import formula as f
from .writer import Writer

# --- words ---------------------------------------------------------------------------------------


class Numbers(NamedTuple):
    """A formula that is written in numbers."""

    formula: f.Formula
    digits: int | None = None  # significant ones, where they are not the reader's choice


Word = (
    str | f.Name | f.Formula | Numbers
)  # formulas in symbols; texts are ASCII but for users' names
Words = tuple[Word, ...]
Cell = Word | float  # of a table; a float is a number in the reader's digits


def write_word(word: Cell, writer: Writer) -> str:
    match word:
        case str():
            return word
        case f.Name():
            return writer.name(word)
        case Numbers():
            digits = writer.digits if word.digits is None else word.digits
            return writer.with_digits(digits).numbers(word.formula)
        case f.Formula():
            return writer.symbols(word)
    return writer.number(word)


def words_of(x: Word | Words) -> Words:
    return x if isinstance(x, tuple) and not isinstance(x, f.Name | Numbers) else (x,)


def number(value: Any) -> Numbers:
    """Return a number as a piece of text, one that exercises hide."""
    return Numbers(f.plain(value))


def joined(between: str, parts: Iterable[Word | Words]) -> Words:
    """Return words with a text between each two."""
    found: list[Word] = []
    for part in parts:
        found += [between, *words_of(part)] if found else words_of(part)
    return tuple(found)


def equation(*sides: Word) -> Words:
    return joined(" = ", sides)


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
    made_of: f.Formula | None = None

    @classmethod
    def of(
        cls,
        left: Word | Words,
        *sides: Word | Words,
        remark: Word | Words = (),
        made_of: f.Formula | None = None,
    ) -> Self:
        """Return a row whose parts may be single words."""
        return cls(words_of(left), tuple(map(words_of, sides)), words_of(remark), made_of)

    def signs(self, writer: Writer) -> list[str]:
        """Return the sign before each side, as `Writer.relation` has it before a value."""
        signs = [writer.signs["equals"]] * len(self.sides)
        value = self.sides[-1][0] if self.sides[-1] else ""
        numbers = self.made_of
        match self.sides:
            case *_, (Numbers(formula), *_), _:
                numbers = formula
            case *_, (f.Quotient(f.Constant(), f.Constant()) as fraction, *_), _:
                numbers = fraction  # in symbols and in numbers
        if numbers is not None and isinstance(value, Numbers):
            signs[-1] = writer.relation(numbers, float(value.formula.value))
        return signs

    @property
    def is_trail(self) -> bool:
        """Whether the left side is a trail of units: no quantity, not equal to its product."""
        return bool(self.left) and isinstance(self.left[0], f.Trail)

    def in_columns(self, sides: list[str]) -> list[str]:
        """Return the written sides in three columns: symbols, numbers, value; "" for none."""
        *others, value = sides
        blank = [""] * (2 - len(others))
        only_numbers = isinstance(self.sides[0][0], Numbers)
        return [*blank, *others, value] if only_numbers else [*others, *blank, value]


def equal_to(left: Word, rule: f.Formula, value: float | None = None) -> Row:
    """Return a rule in symbols and in numbers, and its value, left's own; none of them twice."""
    shown = number(left.value if value is None and isinstance(left, f.Formula) else value)
    match rule:
        case f.Constant():
            return Row.of(left, rule)
        case f.Quotient(f.Constant(), f.Constant()):
            return Row.of(left, rule, shown)
        case f.Negative(f.Quantity() | f.Partial() | f.SumOver()):
            return Row.of(left, rule, shown)
        case f.Quantity() | f.Partial() | f.SumOver():
            return Row.of(left, rule, shown)
    return Row.of(left, rule, Numbers(rule), shown)


def sum_of(values: Iterable[float]) -> f.Formula:
    return f.total([f.plain(value) for value in values])


# --- blocks --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Paragraph:
    """Lines of words; each may be wrapped."""

    lines: tuple[Words, ...]

    @classmethod
    def of(cls, *lines: Word | Words) -> Self:
        """Return a paragraph; lines without a word are left out."""
        return cls(tuple(words_of(line) for line in lines if line))


@dataclass(frozen=True)
class Equations:
    """Equations below each other.

    `layout` is 'columns', their signs in line; 'lines', each by itself; 'trails', each a path's
    trail of units and its product; or 'facts', labels and what they say, without an equals sign.
    """

    rows: Sequence[Row]
    layout: str = "columns"


@dataclass(frozen=True)
class Display:
    """The chain in general, and in numbers.

    A derivative is a sum over letters of a product of derivatives. In numbers it is, or, where the
    first one is that of a row's loss, `whole` is the sum of `terms`, which makes `value`.
    """

    left: f.Partial
    letters: tuple[str, ...]
    factors: tuple[f.Partial, ...]
    whole: f.Partial | None
    terms: tuple[f.Formula, ...]
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
        return [[write_word(cell, writer) for cell in row] for row in (self.header, *self.rows)]


def lines(rows: Sequence[Row]) -> Equations:
    return Equations(rows, "lines")


Block = Paragraph | Equations | Display | Table


class Section(NamedTuple):
    """A heading and what stands below it; `key` is what a reader chooses it by."""

    key: str
    title: str
    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, key: str, title: str, *blocks: Block | Sequence[Row]) -> Self:
        """Return a section; rows are equations, and blocks without content are left out."""
        found = (Equations(block) if isinstance(block, Sequence) else block for block in blocks)
        return cls(key, title, tuple(block for block in found if next(iter(vars(block).values()))))


class Document(NamedTuple):
    """Sections, below a heading of their own if there is one; `keys` are all that there may be.

    Of a long document headings are underlined, blocks stand apart, and formulas are plain text in
    HTML, where hundreds of them would take their time.
    """

    sections: tuple[Section, ...]
    keys: tuple[str, ...] = ()
    title: Words = ()
    long: bool = False

    def only(self, keys: Sequence[str]) -> Self:
        return self._replace(sections=tuple(s for s in self.sections if s.key in keys))

    def after(self, first: Section) -> Self:
        return self._replace(sections=(first, *self.sections), keys=(first.key, *self.keys))
