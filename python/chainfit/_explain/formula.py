"""Formulas: one tree is a value, on numbers or arrays, is written by `writer`, and travels as JSON.

A formula is built with + - * / ** from leaves. To add a node: its class and a line of `as_data`
here, a method of that name in `writer`, a line in `shown`, and its entry in `page/web/tree.js`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from scipy.special import erf


class Name(NamedTuple):
    """A symbol in the three flavours of writing."""

    unicode: str
    ascii: str
    latex: str


SUBSCRIPT = str.maketrans("0123456789aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
SUPERSCRIPT = str.maketrans("0123456789()-+lt", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁻⁺ˡᵗ")
_GREEK = {"δ": "delta", "η": "eta", "μ": "mu", "β": "beta", "ε": "eps"}
_GREEK_LATEX = {"δ": r"\delta", "η": r"\eta", "μ": r"\mu", "β": r"\beta", "ε": r"\varepsilon"}


def indexed(base: str, below: Sequence[int | str] = (), above: str = "") -> Name:
    """Name a symbol with indices: ``indexed("w", (1, 2), "(2)")`` is w_12^(2).

    Indices of several characters are kept apart by commas.
    """
    words = [str(index) for index in below]
    sub = ("," if any(len(word) > 1 for word in words) else "").join(words)
    plain = _GREEK.get(base, base)
    latex = _GREEK_LATEX.get(base, base)
    return Name(
        base + sub.translate(SUBSCRIPT) + above.translate(SUPERSCRIPT),
        plain + (f"_{sub}" if sub else "") + (f"^{above}" if above else ""),
        latex + (f"_{{{sub}}}" if sub else "") + (f"^{{{above}}}" if above else ""),
    )


def code(text: str) -> Name:
    """Name a symbol by a piece of code: ``code("coefs_[1][2, 0]")``."""
    plain = "".join(_GREEK.get(letter, letter) for letter in text)
    latex = "".join(_GREEK_LATEX.get(c, rf"\{c}" if c in "_" else c) for c in text)
    return Name(text, plain, rf"\mathtt{{{latex}}}")


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "ln": np.log,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "abs": np.abs,
    "erf": erf,
}


class Formula:
    """Base of the nodes; `value` is a float, or an array where the leaves are arrays."""

    value: Any

    def __add__(self, other: Formula | float) -> Formula:
        return Sum((self, as_formula(other)))

    def __radd__(self, other: float) -> Formula:
        return Sum((as_formula(other), self))

    def __sub__(self, other: Formula | float) -> Formula:
        return Sum((self, Negative(as_formula(other))))

    def __rsub__(self, other: float) -> Formula:
        return Sum((as_formula(other), Negative(self)))

    def __mul__(self, other: Formula | float) -> Formula:
        return Product((self, as_formula(other)))

    def __rmul__(self, other: float) -> Formula:
        return Product((as_formula(other), self))

    def __truediv__(self, other: Formula | float) -> Formula:
        return Quotient(self, as_formula(other))

    def __rtruediv__(self, other: float) -> Formula:
        return Quotient(as_formula(other), self)

    def __neg__(self) -> Formula:
        return Negative(self)

    def __pow__(self, exponent: Formula | float) -> Formula:
        return Power(self, exponent)


@dataclass(frozen=True)
class Variable(Formula):
    """What a rule is a function of: `substitute` puts a formula in its place."""

    key: str
    name: Name
    value: Any = np.nan


@dataclass(frozen=True)
class Quantity(Formula):
    """A symbol with its number."""

    name: Name
    value: Any


@dataclass(frozen=True)
class Constant(Formula):
    """A number that belongs to the rule itself, as the 1 of 1 - h, and is never hidden."""

    value: float


@dataclass(frozen=True)
class Partial(Formula):
    """A partial derivative with its number."""

    top: Name
    bottom: Name
    value: Any


@dataclass(frozen=True)
class Negative(Formula):
    """-f."""

    of: Formula
    value = property(lambda self: -self.of.value)


@dataclass(frozen=True)
class Sum(Formula):
    """f + g + ..., added left to right; a `Negative` is subtracted."""

    terms: tuple[Formula, ...]
    value = property(lambda self: reduce(operator.add, (f.value for f in self.terms)))


@dataclass(frozen=True)
class Product(Formula):
    """f g ..."""

    factors: tuple[Formula, ...]
    value = property(lambda self: reduce(operator.mul, (f.value for f in self.factors)))


@dataclass(frozen=True)
class Quotient(Formula):
    """f / g."""

    top: Formula
    bottom: Formula
    value = property(lambda self: self.top.value / self.bottom.value)


@dataclass(frozen=True)
class Power(Formula):
    """f to a whole number."""

    base: Formula
    exponent: Formula | float
    value = property(lambda self: self.base.value ** as_formula(self.exponent).value)


@dataclass(frozen=True)
class Apply(Formula):
    """A function of a formula, as exp(z); one that is none of `FUNCTIONS` is given its value."""

    function: str
    argument: Formula
    given: Any = None

    @property
    def value(self) -> Any:
        """The function's value."""
        if self.given is not None:
            return self.given
        with np.errstate(all="ignore"):
            return FUNCTIONS[self.function](self.argument.value)


@dataclass(frozen=True)
class Case(Formula):
    """One thing where f > 0, another where it is not; most are constants."""

    condition: Formula
    above: Formula | float
    otherwise: Formula | float

    @property
    def value(self) -> Any:
        """The number that holds."""
        above, otherwise = as_formula(self.above).value, as_formula(self.otherwise).value
        return np.where(self.condition.value > 0, above, otherwise)[()]


@dataclass(frozen=True)
class Special(Formula):
    """A formula that is simpler where the subject is one of a few numbers, or finite only there.

    It is written as the general one unless `substitute` finds that its subject is such a number.
    """

    subject: Formula
    cases: tuple[tuple[float, Formula], ...]
    general: Formula

    @property
    def value(self) -> Any:
        """The number that holds."""
        subject = self.subject.value
        with np.errstate(all="ignore"):
            result = self.general.value
            for number, formula in self.cases:
                result = np.where(subject == number, formula.value, result)
        return result[()]


@dataclass(frozen=True)
class SumOver(Formula):
    """The sum over an index, or over all if it is "", of a body: its last axis, if not given."""

    index: str
    body: Formula
    given: Any = None

    @property
    def value(self) -> Any:
        """The sum."""
        return np.sum(self.body.value, axis=-1, keepdims=True) if self.given is None else self.given


@dataclass(frozen=True)
class Largest(Formula):
    """The largest value of a body over an index, which keeps an exp from overflowing."""

    index: str
    body: Formula
    value = property(lambda self: np.max(self.body.value, axis=-1, keepdims=True))


@dataclass(frozen=True)
class Trail(Formula):
    """The units that a path goes through, in the order of the forward pass."""

    names: tuple[Name, ...]


@dataclass(frozen=True)
class Rest(Formula):
    """The sum of `count` terms that are not written."""

    count: int
    value: Any


def as_formula(x: Formula | float) -> Formula:
    """Return x, a number as a `Constant`."""
    return x if isinstance(x, Formula) else Constant(x)


def product(factors: Sequence[Formula]) -> Formula:
    """Return the product of one or more formulas."""
    return factors[0] if len(factors) == 1 else Product(tuple(factors))


def total(terms: Sequence[Formula]) -> Formula:
    """Return the sum of one or more formulas."""
    return terms[0] if len(terms) == 1 else Sum(tuple(terms))


def substitute(tree: Any, values: Mapping[Any, Formula]) -> Any:
    """Return a tree with formulas in the place of others, mostly of its variables."""
    if type(tree) is tuple:  # not the name of a symbol
        return tuple(substitute(part, values) for part in tree)
    if not isinstance(tree, Formula):
        return tree
    if tree in values:
        return values[tree]
    new = type(tree)(*(substitute(part, values) for part in vars(tree).values()))
    if isinstance(new, Special) and np.ndim(new.subject.value) == 0:
        return next((f for number, f in new.cases if new.subject.value == number), new.general)
    return new


def variables_of(tree: Any) -> set[Variable]:
    """Return the variables of a tree."""
    if isinstance(tree, Variable):
        return {tree}
    parts = vars(tree).values() if isinstance(tree, Formula) else tree
    is_leaf = not isinstance(tree, Formula | tuple)
    return set() if is_leaf else set().union(*map(variables_of, parts))


def as_data(tree: Any) -> Any:
    """Return a rule as flat JSON: [kind, part, ...], a number, or the key of a variable."""
    match tree:
        case Variable():
            return tree.key
        case Constant():
            return tree.value
        case Quantity():
            return {"symbol": tree.name.unicode, "value": tree.value}
        case Formula():
            parts = [part for name, part in vars(tree).items() if name != "given"]
            return [type(tree).__name__, *_flat(parts)]
    return tree


def _flat(parts: Iterable[Any]) -> Iterator[Any]:
    for part in parts:
        yield from _flat(part) if isinstance(part, tuple) else (as_data(part),)
