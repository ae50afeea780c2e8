"""Rounding: the value of a rule's tree and what it may be off by, node by node.

u = 2^-53 is the largest relative error of one rounding, and errors are followed to first order in u
(running error analysis: N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition,
2002, section 3.3). To add a node of `formula`: its case in `_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .formula import (
    FUNCTIONS,
    Apply,
    Case,
    Constant,
    Formula,
    Largest,
    Negative,
    Power,
    Product,
    Quotient,
    Special,
    Sum,
    SumOver,
    Variable,
    as_formula,
)

Array = npt.NDArray[Any]

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


class Bounded(NamedTuple):
    """Numbers, and what each may be off by."""

    value: Any
    error: Any


def bounded(tree: Formula, known: Mapping[Variable, Bounded | Array]) -> Bounded:
    """Return the value of a rule and a bound of its error.

    Parameters
    ----------
    tree : Formula
        A rule of `rules`.
    known : dict of Variable to Bounded or ndarray
        The rule's variables; an array is exact.
    """
    pairs = {v: x if isinstance(x, Bounded) else Bounded(x, 0.0) for v, x in known.items()}
    with np.errstate(all="ignore"):
        return _of(tree, pairs)


def _of(f: Formula | float, known: Mapping[Variable, Bounded]) -> Bounded:
    def of(part: Formula | float) -> Bounded:
        return _of(part, known)

    match f:
        case Variable():
            return known[f]
        case Negative():
            value, error = of(f.of)
            return Bounded(-value, error)
        case Sum():
            return _sum([of(term) for term in f.terms])
        case Product():
            result = of(f.factors[0])
            for factor in f.factors[1:]:
                result = _product(result, of(factor))
            return result
        case Quotient():
            (top, e), (bottom, d) = of(f.top), of(f.bottom)
            value = top / bottom
            error = (e + np.abs(value) * d) / np.abs(bottom) + U * np.abs(value)
            return Bounded(value, np.where(np.isinf(bottom), 0.0, error))
        case Power():
            result = base = of(f.base)
            for _ in range(as_formula(f.exponent).value - 1):
                result = _product(result, base)
            return result
        case Apply("ln", Sum((Constant(1), *rest))):  # as log1p
            return _function(np.log1p, lambda x, _: 1 / (1 + x), of(Sum(tuple(rest))))
        case Apply():
            return _function(FUNCTIONS[f.function], _SLOPES[f.function], of(f.argument))
        case Case():
            return _case(of(f.condition), of(f.above), of(f.otherwise))
        case Special():
            value, error = of(f.general)
            for number, part in f.cases:
                there = of(f.subject).value == number
                special = of(part)
                value = np.where(there, special.value, value)
                error = np.where(there, special.error, error)
            return Bounded(value, error)
        case SumOver():
            value, error = of(f.body)
            n, size = value.shape[-1], np.abs(value).sum(axis=-1, keepdims=True)
            total = value.sum(axis=-1, keepdims=True)
            error = np.broadcast_to(error, value.shape).sum(axis=-1, keepdims=True)
            return Bounded(total, error + n * U * size)
        case Largest():
            value, error = of(f.body)
            error = np.broadcast_to(error, value.shape)
            return Bounded(*(x.max(axis=-1, keepdims=True) for x in (value, error)))
    return Bounded(as_formula(f).value, 0.0)


def _sum(terms: list[Bounded]) -> Bounded:
    roundings = (len(terms) - 1) * U * sum(np.abs(term.value) for term in terms)
    value = sum((term.value for term in terms[1:]), start=terms[0].value)
    return Bounded(value, sum(term.error for term in terms) + roundings)


def _product(x: Bounded, y: Bounded) -> Bounded:
    value = x.value * y.value
    error = np.abs(x.value) * y.error + np.abs(y.value) * x.error + x.error * y.error
    return Bounded(value, error + U * np.abs(value))


def _function(f: Callable[[Any], Any], slope: Callable[[Any, Any], Any], x: Bounded) -> Bounded:
    value = f(x.value)
    ends = (x.value - x.error, x.value, x.value + x.error)
    steepest = np.max([np.abs(slope(end, f(end))) for end in ends], axis=0)
    spread = np.where(x.error == 0, 0.0, steepest * x.error)
    return Bounded(value, spread + FUNCTION * U * np.abs(value))


def _case(condition: Bounded, above: Bounded, otherwise: Bounded) -> Bounded:
    """Choose; where the condition is within its error of 0 it may be either one."""
    value = np.where(condition.value > 0, above.value, otherwise.value)
    error = np.where(condition.value > 0, above.error, otherwise.error)
    either = np.maximum(above.error, otherwise.error) + np.abs(above.value - otherwise.value)
    return Bounded(value, np.where(np.abs(condition.value) <= condition.error, either, error))


def conditions(tree: Any) -> Iterator[Formula]:
    """Yield the conditions of a tree's cases, at whose zeros it may have a kink or a jump."""
    if isinstance(tree, Case):
        yield tree.condition
    parts = vars(tree).values() if isinstance(tree, Formula) else tree
    for part in parts if isinstance(tree, Formula | tuple) else ():
        yield from conditions(part)
