"""The quantities of one row of a trace, each with its symbol in a notation."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

from typing import TYPE_CHECKING

from . import rules
from .formula import Formula, Quantity
from .notation import Notation

if TYPE_CHECKING:
    from .trace import Trace


class Symbols:
    """The quantities of one row of a trace, named in a notation."""

    def __init__(self, trace: Trace, notation: Notation, row: int) -> None:
        self.trace, self.notation, self.row = trace, notation, row
        self.L = len(trace.net.coefs)

    def a(self, l: int, j: int) -> Quantity:
        """Return what unit j of layer l gives."""
        return Quantity(self.notation.a(l, j), float(self.trace.a[l][self.row, j]))

    def z(self, l: int, j: int) -> Quantity:
        """Return the weighted sum of unit j of layer l."""
        return Quantity(self.notation.z(l, j), float(self.trace.z[l][self.row, j]))

    def y(self, j: int) -> Quantity:
        """Return the target of output j."""
        return Quantity(self.notation.target(j), float(self.trace.Y[self.row, j]))

    def w(self, l: int, i: int, j: int) -> Quantity:
        """Return the weight from unit i of layer l to unit j of layer l+1."""
        return Quantity(self.notation.weight(l, i, j), float(self.trace.net.coefs[l][i, j]))

    def b(self, l: int, j: int) -> Quantity:
        """Return the bias of unit j of layer l+1."""
        return Quantity(self.notation.bias(l, j), float(self.trace.net.intercepts[l][j]))

    def slope(self, l: int, j: int) -> Formula:
        """Return the rule of f'(z) of unit j of layer l."""
        f = self.trace.net.layer_activation(l)
        return rules.SLOPES[f](self.z(l, j), self.a(l, j))

    def loss_derivative(self, k: int) -> Formula:
        """Return the rule of dJ_r/da of output k."""
        return rules.LOSS_DERIVATIVES[self.trace.net.loss](self.y(k), self.a(self.L, k))

    def softmax_derivative(self, m: int, k: int) -> Formula:
        """Return the rule of da_m/dz_k of the outputs."""
        return rules.softmax_derivative(self.a(self.L, m), self.a(self.L, k), m == k)
