"""Formulas: one tree is a value, on numbers or arrays, is written by `writer`, and travels as JSON.

A formula is built with + - * / ** from leaves. To add a node: its class and its case in
`Arithmetic` here, a method of that name in `writer`, and its entry in `page/web/tree.js`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import erf

Array = npt.NDArray[Any]


class Name(NamedTuple):
    """A symbol in the three flavours of writing."""

    unicode: str
    ascii: str
    latex: str


NAMELESS = Name("", "", "")
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
    "sign": np.sign,
    "cos": np.cos,
    "floor": np.floor,
    "erf": erf,
}


class Formula:
    """Base of the nodes, with Python's operators."""

    @property
    def value(self) -> Any:
        """Its number, or an array where the leaves have arrays."""
        with np.errstate(all="ignore"):
            return _ARITHMETIC.of(self)

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


class Leaf(Formula):
    value: Any = math.nan


@dataclass(frozen=True)
class Variable(Leaf):
    """What a rule is a function of: `substitute` puts a formula in its place."""

    key: str
    name: Name


@dataclass(frozen=True)
class Quantity(Leaf):
    name: Name
    value: Any


@dataclass(frozen=True)
class Constant(Leaf):
    """A number that belongs to the rule itself, as the 1 of 1 - h, and is never hidden."""

    value: float


@dataclass(frozen=True)
class Partial(Leaf):
    top: Name
    bottom: Name
    value: Any = math.nan


@dataclass(frozen=True)
class Trail(Leaf):
    """The units that a path goes through, in the order of the forward pass."""

    names: tuple[Name, ...]


@dataclass(frozen=True)
class Rest(Leaf):
    """The sum of `count` terms that are not written."""

    count: int
    value: Any


@dataclass(frozen=True)
class Negative(Formula):
    of: Formula


@dataclass(frozen=True)
class Sum(Formula):
    terms: tuple[Formula, ...]


@dataclass(frozen=True)
class Product(Formula):
    factors: tuple[Formula, ...]


@dataclass(frozen=True)
class Quotient(Formula):
    top: Formula
    bottom: Formula


@dataclass(frozen=True)
class Power(Formula):
    base: Formula
    exponent: Formula | float


@dataclass(frozen=True)
class Apply(Formula):
    function: str
    argument: Formula


@dataclass(frozen=True)
class Case(Formula):
    """One thing where f > 0, another where it is not; most are constants."""

    condition: Formula
    above: Formula | float
    otherwise: Formula | float


@dataclass(frozen=True)
class Special(Formula):
    """A formula that is simpler where the subject is one of a few numbers, or finite only there.

    It is written as the general one unless `substitute` finds that its subject is such a number.
    """

    subject: Formula
    cases: tuple[tuple[float, Formula], ...]
    general: Formula


@dataclass(frozen=True)
class SumOver(Formula):
    """The sum over an index, or over all if it is "", of a body: its last axis, if not given."""

    index: str
    body: Formula
    given: Any = None


@dataclass(frozen=True)
class Largest(Formula):
    """The largest value of a body over an index, which keeps an exp from overflowing."""

    index: str
    body: Formula


class Arithmetic:
    """Calculates with trees; a subclass says how its own kind of numbers is added, chosen, ..."""

    functions = FUNCTIONS

    def of(self, f: Formula | float) -> Any:
        match f:
            case Negative():
                return -self.of(f.of)
            case Sum():
                return self.sum([self.of(term) for term in f.terms])
            case Product():
                return reduce(operator.mul, map(self.of, f.factors))
            case Quotient():
                return self.of(f.top) / self.of(f.bottom)
            case Power():
                return self.power(self.of(f.base), as_formula(f.exponent).value)
            case Apply():
                return self.apply(f)
            case Case():
                return self.choose(self.of(f.condition), self.of(f.above), self.of(f.otherwise))
            case Special():
                value = self.of(f.general)
                for number, formula in f.cases:
                    there = self.equal(self.of(f.subject), number)
                    value = self.where(there, self.of(formula), value)
                return value
            case SumOver():
                return self.sum_over(self.of(f.body)) if f.given is None else f.given
            case Largest():
                return self.largest(self.of(f.body))
        return self.leaf(as_formula(f))

    def leaf(self, f: Formula) -> Any:
        return f.value

    def power(self, x: Any, exponent: Any) -> Any:
        return x**exponent

    def apply(self, f: Apply) -> Any:
        return self.functions[f.function](self.of(f.argument))

    def sum(self, terms: list[Any]) -> Any:
        return reduce(operator.add, terms)

    def equal(self, x: Any, number: float) -> Any:
        return x == number

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return np.where(condition, x, y)[()]

    def choose(self, condition: Any, above: Any, otherwise: Any) -> Any:
        return self.where(condition > 0, above, otherwise)

    def sum_over(self, x: Any) -> Any:
        return np.sum(x, axis=-1, keepdims=True)

    def largest(self, x: Any) -> Any:
        return np.max(x, axis=-1, keepdims=True)


_ARITHMETIC = Arithmetic()


def plain(value: Any) -> Quantity:
    """Return numbers as a formula, without a name."""
    return Quantity(NAMELESS, value)


def as_formula(x: Formula | float) -> Formula:
    return x if isinstance(x, Formula) else Constant(x)


def total(terms: Sequence[Formula]) -> Formula:
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
    if isinstance(new, Special) and not isinstance(new.subject, Variable):
        number = new.subject.value
        if np.ndim(number) == 0:
            return next((f for special, f in new.cases if number == special), new.general)
    return new


def variables_of(tree: Any) -> set[Variable]:
    if isinstance(tree, Variable):
        return {tree}
    parts = vars(tree).values() if isinstance(tree, Formula) else tree
    is_leaf = not isinstance(tree, Formula | tuple)
    return set() if is_leaf else set().union(*map(variables_of, parts))


def in_numbers(tree: Any) -> Any:
    """Return a tree as it is in numbers: without names."""
    match tree:
        case Constant() | Name():
            return tree
        case Leaf() | SumOver():
            return plain(tree.value)
        case Special():
            return in_numbers(tree.general)
        case Formula():
            return type(tree)(*map(in_numbers, vars(tree).values()))
        case tuple():
            return tuple(map(in_numbers, tree))
    return tree


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
