"""Activations and links as operators: ONNX's own, or the rule's tree, written node by node.

A new rule needs no line here. One for which ONNX, and onnxruntime in both dtypes, has an operator
may get its name in `_NATIVE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.fft import dct
from scipy.special import erfcx

from .._explain.formula import FUNCTIONS, Apply, Arithmetic, Formula, substitute
from .._explain.rules import ACTIVATIONS, IS_VARIANCE, ONE, ZERO, Z
from .graph import FLOAT32, Tensor

_NATIVE = {"logistic": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "exp": "Exp"}

#: Operators of the functions that trees are made of.
_OPERATORS = {
    "exp": "Exp",
    "ln": "Log",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
    "abs": "Abs",
    "sign": "Sign",
    "cos": "Cos",
    "floor": "Floor",
    "erf": "Erf",
}

#: From here on erf is 1 in float64; terms of its series up to there.
_ERF_LIMIT, _ERF_TERMS = 6.0, 20


def activation(z: Tensor, name: str) -> Tensor:
    """Return f(z) of an activation, or of a link, that takes each unit by itself.

    Raises
    ------
    ValueError
        If its rule is made of something that has no operator; the text names it.
    """
    if name in _NATIVE:
        return z.apply(_NATIVE[name])
    rule = ACTIVATIONS[name]
    return _tensor(rule.stable or rule.value, z, name)


def link(z: Tensor, name: str, blocks: Sequence[int] = ()) -> Tensor:
    """Return the outputs of a net: f(z) of its link, with a softmax for each block of outputs."""
    graph = z.graph
    if name == "softmax":
        parts = graph.split(z, blocks) if blocks else (z,)
        return graph.together([part.apply("Softmax", axis=1) for part in parts])
    return activation(z, name)


def mean_and_variance(z: Tensor, targets: int) -> tuple[Tensor, Tensor]:
    """Return the outputs of the link 'mean_variance', apart."""
    rule = ACTIVATIONS["mean_variance"].value
    mean, variance = (substitute(rule, {IS_VARIANCE: which}) for which in (ZERO, ONE))
    first, last = z.graph.split(z, (targets, targets))
    return _tensor(mean, first, "mean_variance"), _tensor(variance, last, "mean_variance")


def _tensor(tree: Formula, z: Tensor, name: str) -> Tensor:
    value: Tensor = _Nodes(z, name).of(tree)
    return value


class _Nodes(Arithmetic):
    """Calculates with tensors: what a tree adds, a node adds."""

    def __init__(self, z: Tensor, rule: str) -> None:
        self._z, self._rule = z, rule

    def leaf(self, f: Formula) -> Any:
        return self._z if f == Z else f.value

    def power(self, x: Any, exponent: Any) -> Any:
        return x.apply("Pow", exponent) if isinstance(x, Tensor) else x**exponent

    def apply(self, f: Apply) -> Any:
        x = self.of(f.argument)
        if not isinstance(x, Tensor):
            return FUNCTIONS[f.function](x)
        if f.function not in _OPERATORS:
            raise self._error(f"the function {f.function!r}")
        if f.function == "erf" and x.dtype != FLOAT32:
            return _erf(x)
        return x.apply(_OPERATORS[f.function])

    def choose(self, condition: Any, above: Any, otherwise: Any) -> Any:
        if not isinstance(above, Tensor):
            above = condition._tensor(above)
        return condition.test("Greater", 0).where(above, otherwise)

    def sum_over(self, x: Any) -> Any:
        raise self._error("a sum over a layer")

    def largest(self, x: Any) -> Any:
        raise self._error("the largest value of a layer")

    def _error(self, what: str) -> ValueError:
        return ValueError(f"{self._rule!r} can't be exported: {what} has no operator here")


def _erf(x: Tensor) -> Tensor:
    """Return erf in float64, for which onnxruntime has no operator.

    With y = |x| and t = 1 / (1 + y/2), erfc(y) e^(y^2) / t is a smooth function of t, here a
    Chebyshev series through SciPy's values (Schonfelder, Math. Comp. 32, 1978), summed by Clenshaw.
    """
    least = 1 / (1 + _ERF_LIMIT / 2)
    points = np.cos(np.pi * (np.arange(_ERF_TERMS) + 0.5) / _ERF_TERMS)
    at = (1 + least) / 2 + (1 - least) / 2 * points
    series = dct(erfcx(2 / at - 2) / at) / _ERF_TERMS
    series[0] /= 2
    y = x.apply("Abs").apply("Min", _ERF_LIMIT)
    t = 1 / (1 + 0.5 * y)
    twice_s = (t - (1 + least) / 2) * (4 / (1 - least))  # s runs from -1 to 1
    p: Any = 0.0
    before: Any = 0.0
    for term in series[:0:-1].tolist():
        p, before = p * twice_s - before + term, p
    p = p * (0.5 * twice_s) - before + float(series[0])
    return x.apply("Sign") * (1 - t * p * (-(y * y)).apply("Exp"))
