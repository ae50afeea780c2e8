"""Symbols: the quantities of one row of a step, each with its name in a notation."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

import math
from typing import Any

from . import rules
from .formula import Formula, Name, Partial, Quantity
from .notation import Notation, Unit
from .trace import TraceNumbers


class Symbols:
    """The quantities of one row of a step.

    A unit may be a letter, which stands for all units of its layer: it has a name and no number.

    Attributes
    ----------
    J, J_row : Name
        J, and the loss of a row; the same where there is one row only.
    batch : bool
        Whether there are several rows.
    """

    def __init__(self, trace: TraceNumbers, notation: Notation, row: int = 0) -> None:
        self.trace, self.net, self.notation, self.row = trace, trace.net, notation, row
        self.L = len(trace.net.coefs)
        self.batch = len(trace.X) > 1
        self.J = notation.loss
        self.J_row = notation.row_loss() if self.batch else notation.loss

    def a(self, l: int, j: Unit) -> Quantity:
        """Return what unit j of layer l gives."""
        return quantity(self.notation.a(l, j), self.trace.a[l][self.row], j)

    def z(self, l: int, j: Unit) -> Quantity:
        """Return the weighted sum of unit j of layer l."""
        return quantity(self.notation.z(l, j), self.trace.z[l][self.row], j)

    def y(self, j: Unit) -> Quantity:
        """Return the target of output j."""
        return quantity(self.notation.target(j), self.trace.Y[self.row], j)

    def w(self, l: int, i: Unit, j: Unit) -> Quantity:
        """Return the weight from unit i of layer l to unit j of layer l+1."""
        return quantity(self.notation.weight(l, i, j), self.net.coefs[l], i, j)

    def b(self, l: int, j: Unit) -> Quantity:
        """Return the bias of unit j of layer l+1."""
        return quantity(self.notation.bias(l, j), self.net.intercepts[l], j)

    def dJ(self, name: Name, value: float = math.nan) -> Partial:
        """Return the derivative of J by something."""
        return Partial(self.J, name, value)

    def activation(self, l: int, j: Unit) -> Formula:
        """Return the rule of what unit j of layer l gives."""
        return rules.ACTIVATIONS[self.net.layer_activation(l)](self.z(l, j), self.z(l, "k"))

    def slope(self, l: int, j: Unit) -> Formula:
        """Return the rule of f'(z) of unit j of layer l."""
        f = rules.ACTIVATIONS[self.net.layer_activation(l)]
        return f.derivative(self.z(l, j), self.a(l, j))

    def loss_derivative(self, k: Unit) -> Formula:
        """Return the rule of dJ_r/da of output k."""
        return rules.loss_of(self.net).derivative(self.y(k), self.a(self.L, k))

    def canonical_derivative(self, k: Unit) -> Formula:
        """Return the rule of dJ_r/dz of output k where loss and activation are made for it."""
        return rules.canonical_derivative(self.y(k), self.a(self.L, k))

    def softmax_derivative(self, m: int, k: int) -> Formula:
        """Return the rule of da_m/dz_k of the outputs."""
        return rules.softmax_derivative(self.a(self.L, m), self.a(self.L, k), m == k)


def general(name: Name) -> Quantity:
    """Return a symbol without a number, for a rule in general."""
    return Quantity(name, math.nan)


def quantity(name: Name, values: Any, *at: Unit) -> Quantity:
    """Return one of the values, by its units; of letters the name alone."""
    if any(isinstance(unit, str) for unit in at):
        return general(name)
    return Quantity(name, float(values[at]))
