"""What a chain is told in: sections of rows `left = side = side`, made of texts and formulas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from .chain import Chain
from .formula import Constant, Formula, Name, Partial, Quantity, Quotient, code, total
from .notation import Unit
from .parts import RowChain
from .steps import PathSymbols
from .writer import Writer


class Math(NamedTuple):
    """A formula inside a text, in symbols or in numbers."""

    formula: Formula
    in_numbers: bool = False
    digits: int | None = None  # significant ones, where they are not the reader's choice


Words = tuple[str | Math, ...]


class Row(NamedTuple):
    """One line: left = side = side, and a remark. Words of it are plain ASCII but for names.

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


class Display(NamedTuple):
    """The chain in general: a derivative as a sum over letters of a product of derivatives."""

    left: Partial
    letters: tuple[str, ...]
    factors: tuple[Partial, ...]


@dataclass(frozen=True)
class Section:
    """A piece of the story.

    Attributes
    ----------
    key : str
        Its kind.
    title : str
    intro, after : tuple of Words
        Paragraphs before and after the rows.
    rows : tuple of Row
    display : Display or None
    facts : bool
        Whether rows are labels and texts, without an equals sign.
    """

    key: str
    title: str
    intro: tuple[Words, ...] = ()
    rows: tuple[Row, ...] = ()
    display: Display | None = None
    after: tuple[Words, ...] = ()
    facts: bool = False


class Told:
    """A chain with what the sections need of it at hand.

    Attributes
    ----------
    row : RowChain
        The row that is told in full.
    J, J_row : Name
        J, and the loss of a row; the same where there is one row only.
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.trace, self.net = chain.trace, chain.trace.net
        self.notation, self.address = chain.notation, chain.address
        self.l, self.L = chain.address.layer, len(chain.trace.net.coefs)
        self.batch = chain.n_rows > 1
        self.sum_w = chain.backward.sum_w
        self.row: RowChain = chain.row(chain.shown_row)
        self.symbols = PathSymbols(chain.trace, chain.notation, self.row.row)
        self.J = chain.notation.loss
        self.J_row = chain.notation.row_loss() if self.batch else self.J
        self.weight = chain.address.name(chain.notation)
        self.softmax = self.net.out_activation == "softmax"

    @property
    def of_row(self) -> str:
        """What a title adds where one row of several is told."""
        return f", row {self.row.row}" if self.batch else ""

    def letter(self, layer: int, n: int) -> Unit:
        """Return what runs over a layer: the n-th letter, or its only unit."""
        return 0 if self.net.units[layer] == 1 else self.notation.letter(n)


def named(name: Name) -> Math:
    """Return a symbol as a piece of text."""
    return Math(Quantity(name, 0.0))


def number(value: float) -> Math:
    """Return a number as a piece of text; one that is hidden in exercises."""
    return Math(Quantity(code(""), value), True)


def sum_of(values: Iterable[float]) -> Formula:
    """Return the sum of numbers that stand in rows of their own."""
    return total([number(value).formula for value in values])


def equal_to(rule: Formula, value: float) -> tuple[Words, ...]:
    """Return a rule in symbols and in numbers, and its value; none of them twice."""
    if isinstance(rule, Constant):
        return ((Math(rule),),)
    if isinstance(rule, Quantity | Partial) or _is_fraction(rule):
        return (Math(rule),), (number(value),)
    return (Math(rule),), (Math(rule, True),), (number(value),)


def _is_fraction(rule: Formula) -> bool:
    """Say whether a rule is one constant over another, as 1 / rows."""
    return (
        isinstance(rule, Quotient)
        and isinstance(rule.top, Constant)
        and isinstance(rule.bottom, Constant)
    )
