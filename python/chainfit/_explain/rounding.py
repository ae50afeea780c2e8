"""Rounding: the value of a rule's tree and what it may be off by, node by node.

u = 2^-53 is the largest relative error of one rounding, and errors are followed to first order in u
(running error analysis: N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition,
2002, section 3.3).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from .formula import FUNCTIONS, Apply, Arithmetic, Array, Case, Constant, Formula, Sum, Variable

U = 2.0**-53
#: A function of NumPy or of the core is off by fewer u (tests/test_kernels.py has the bounds of the
#: core; NumPy promises 4 ulp, that is 8 u).
FUNCTION = 8

# The slope of a function, of x and f(x).
_SLOPES: dict[str, Callable[[Any, Any], Any]] = {
    "exp": lambda x, f: f,
    "ln": lambda x, f: 1 / x,
    "sqrt": lambda x, f: 1 / (2 * f),
    "tanh": lambda x, f: 1 - f * f,
    "abs": lambda x, f: np.ones_like(x),
    "erf": lambda x, f: 2 / np.sqrt(np.pi) * np.exp(-x * x),
}


@dataclass(frozen=True)
class Bounded:
    """Numbers, and what each may be off by."""

    value: Any
    error: Any

    def __iter__(self) -> Iterator[Any]:
        return iter((self.value, self.error))

    def __neg__(self) -> Bounded:
        return Bounded(-self.value, self.error)

    def __mul__(self, other: Bounded) -> Bounded:
        (x, e), (y, d) = self, other
        error = np.abs(x) * d + np.abs(y) * e + e * d
        return Bounded(x * y, error + U * np.abs(x * y))

    def __truediv__(self, other: Bounded) -> Bounded:
        (x, e), (y, d) = self, other
        value = x / y
        error = (e + np.abs(value) * d) / np.abs(y) + U * np.abs(value)
        return Bounded(value, np.where(np.isinf(y), 0.0, error))

    def __pow__(self, exponent: int) -> Bounded:
        return reduce(operator.mul, [self] * exponent)


def bounded(tree: Formula, known: Mapping[Variable, Bounded | Array]) -> Bounded:
    """Return the value of a rule and a bound of its error; an array that is known is exact."""
    pairs = {v: x if isinstance(x, Bounded) else Bounded(x, 0.0) for v, x in known.items()}
    with np.errstate(all="ignore"):
        found: Bounded = _Bounds(pairs).of(tree)
    return found


class _Bounds(Arithmetic):
    def __init__(self, known: Mapping[Variable, Bounded]) -> None:
        self.known = known

    def leaf(self, f: Formula) -> Bounded:
        return self.known[f] if isinstance(f, Variable) else Bounded(f.value, 0.0)

    def apply(self, f: Apply) -> Bounded:
        match f:
            case Apply("ln", Sum((Constant(1), *rest))):  # as log1p
                return _function(np.log1p, lambda x, _: 1 / (1 + x), self.of(Sum(tuple(rest))))
        return _function(FUNCTIONS[f.function], _SLOPES[f.function], self.of(f.argument))

    def sum(self, terms: list[Bounded]) -> Bounded:
        roundings = (len(terms) - 1) * U * sum(np.abs(term.value) for term in terms)
        value = reduce(operator.add, (term.value for term in terms))
        return Bounded(value, sum(term.error for term in terms) + roundings)

    def equal(self, x: Bounded, number: float) -> Any:
        return x.value == number

    def where(self, condition: Any, x: Bounded, y: Bounded) -> Bounded:
        return Bounded(*(np.where(condition, *parts) for parts in zip(x, y, strict=True)))

    def choose(self, condition: Bounded, above: Bounded, otherwise: Bounded) -> Bounded:
        """Choose; where the condition is within its error of 0 it may be either one."""
        value, error = self.where(condition.value > 0, above, otherwise)
        either = np.maximum(above.error, otherwise.error) + np.abs(above.value - otherwise.value)
        return Bounded(value, np.where(np.abs(condition.value) <= condition.error, either, error))

    def sum_over(self, x: Bounded) -> Bounded:
        error = np.broadcast_to(x.error, x.value.shape) + x.value.shape[-1] * U * np.abs(x.value)
        return Bounded(*(super(_Bounds, self).sum_over(part) for part in (x.value, error)))

    def largest(self, x: Bounded) -> Bounded:
        parts = np.broadcast_arrays(x.value, x.error)
        return Bounded(*(super(_Bounds, self).largest(part) for part in parts))


def _function(f: Callable[[Any], Any], slope: Callable[[Any, Any], Any], x: Bounded) -> Bounded:
    value = f(x.value)
    ends = (x.value - x.error, x.value, x.value + x.error)
    steepest = np.max([np.abs(slope(end, f(end))) for end in ends], axis=0)
    spread = np.where(x.error == 0, 0.0, steepest * x.error)
    return Bounded(value, spread + FUNCTION * U * np.abs(value))


def conditions(tree: Any) -> Iterator[Formula]:
    """Yield the conditions of a tree's cases, at whose zeros it may have a kink or a jump."""
    if isinstance(tree, Case):
        yield tree.condition
    parts = vars(tree).values() if isinstance(tree, Formula) else tree
    for part in parts if isinstance(tree, Formula | tuple) else ():
        yield from conditions(part)
