"""Symbols: the quantities of one row of a step with their names, and the rules that make them.

A unit may be a letter, which stands for all units of its layer: it has a name and no number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from . import rules
from .formula import (
    Array,
    Constant,
    Formula,
    Name,
    Partial,
    Quantity,
    Rest,
    SumOver,
    Variable,
    code,
    indexed,
    substitute,
    total,
)
from .notation import Notation, Unit
from .outputs import known, partners
from .trace import TraceNumbers


class Symbols:
    """The quantities of a row; `J_row` is its loss, which is J itself where it is the only one."""

    def __init__(self, trace: TraceNumbers, notation: Notation, row: int = 0) -> None:
        self.trace, self.net, self.notation, self.row = trace, trace.net, notation, row
        self.L = len(trace.net.coefs)
        self.batch = len(trace.X) > 1
        self.J = self.notation.loss
        self.J_row = self.notation.row_loss() if self.batch else self.J
        self.loss = rules.loss_of(trace.net)

    def a(self, l: int, j: Unit) -> Quantity:
        return quantity(self.notation.a(l, j), self.trace.a[l][self.row], j)

    def mask(self, l: int, j: Unit) -> Quantity | None:
        """Return what dropout multiplies a unit by, None where its layer drops none."""
        values = self.trace.mask(l)
        name = Name(*map("mask({})".format, self.notation.a(l, j)))
        name = name._replace(latex=rf"\text{{mask}}({self.notation.a(l, j).latex})")
        return None if values is None else quantity(name, values[self.row], j)

    def z(self, l: int, j: Unit) -> Quantity:
        return quantity(self.notation.z(l, j), self.trace.z[l][self.row], j)

    def y(self, j: Unit) -> Quantity:
        return quantity(self.notation.target(j), self.trace.Y[self.row], j)

    def w(self, l: int, i: Unit, j: Unit) -> Quantity:
        return quantity(self.notation.weight(l, i, j), self.net.coefs[l], i, j)

    def b(self, l: int, j: Unit) -> Quantity:
        return quantity(self.notation.bias(l, j), self.net.intercepts[l], j)

    def deltas(self, l: int) -> Array:
        return np.asarray(self.trace.delta[l][self.row])

    def delta(self, l: int, j: Unit) -> Quantity:
        return quantity(self.notation.delta(l, j), self.deltas(l), j)

    def dJ(self, name: Name, value: float = math.nan) -> Partial:
        return Partial(self.J, name, value)

    # --- rules, of what their names say

    def activation(self, l: int, j: Unit) -> Formula:
        f = rules.ACTIVATIONS[self.net.layer_activation(l)](self.z(l, j), self.z(l, "k"))
        f = self._of(l, j, f)
        mask = self.mask(l, j)
        return f if mask is None else mask * f

    def slope(self, l: int, j: Unit) -> Formula:
        """Return the rule of da/dz; of a unit that is dropped it is the mask, 0."""
        f, mask = rules.ACTIVATIONS[self.net.layer_activation(l)], self.mask(l, j)
        if mask is None:
            slope: Formula = f.derivative(self.z(l, j), self.a(l, j))
            return self._of(l, j, slope)
        if mask.value == 0:
            return mask
        return mask * f.derivative(self.z(l, j), self.a(l, j) / mask)

    def loss_derivative(self, k: Unit) -> Formula:
        slope = self.loss.derivative(self.y(k), self.a(self.L, k))
        return self._of(self.L, k, slope)

    def _of(self, l: int, k: Unit, rule: Formula) -> Formula:
        found: Formula = substitute(rule, self.others(l, k))
        return found

    def others(self, l: int, k: Unit) -> rules.Values:
        """Return what else the rules of an output are made of, in its numbers; of letters none."""
        if l < self.L or isinstance(k, str):
            return {}
        partner = partners(self.net)
        values: dict[Variable, Formula] = {
            v: Quantity(self._of_output(v, k), float(x[k])) for v, x in self._known.items()
        }
        if partner is not None:
            values[rules.PARTNER] = self.a(self.L, int(partner[k]))
        return values

    @cached_property
    def _known(self) -> dict[Variable, Array]:
        a = self.trace.a[self.L]
        found = known(self.net, self.trace.Y, a)
        return {v: np.broadcast_to(x, a.shape)[self.row] for v, x in found.items()}

    def _of_output(self, v: Variable, k: int) -> Name:
        if v == rules.LEVEL:
            return indexed("q", [k + self.notation.first])
        several = v == rules.GIVEN_SLOPE and self.net.units[-1] > 1
        return code(f"{v.name.unicode}[{k}]") if several else v.name

    def canonical_derivative(self, k: Unit) -> Formula:
        return self.a(self.L, k) - self.y(k)

    def softmax_derivative(self, m: Unit, k: Unit) -> Formula:
        same = None if isinstance(m, str) else m == k
        return rules.softmax_derivative(self.a(self.L, m), self.a(self.L, k), same)

    def weighted_sum(self, l: int, j: Unit) -> Formula:
        def term(i: Unit) -> Formula:
            return self.w(l - 1, i, j) * self.a(l - 1, i)

        each = map(term, range(self.net.units[l - 1]))
        return total(
            [*([SumOver("j", term("j"))] if isinstance(j, str) else each), self.b(l - 1, j)]
        )

    def weighted_deltas(self, l: int, j: Unit, at_most: int) -> Formula:
        """Return the rule of dJ/da, a sum over the layer above."""

        def term(k: Unit) -> Formula:
            return self.w(l, j, k) * self.delta(l + 1, k)

        if isinstance(j, str):
            return SumOver("k", term("k"))
        return largest_terms(self.net.coefs[l][j] * self.deltas(l + 1), term, at_most)

    @property
    def penalties(self) -> dict[str, rules.Penalty]:
        return rules.penalties_of(self.net)

    def penalty(self, key: str) -> Formula:
        """Return a penalty in J."""
        rule, strength = self.penalties[key], general(code(key))
        over = strength if rule.divisor == 1 else strength / rule.divisor
        body = substitute(rule.term, {rules.W: general(rules.W.name)})
        return self._per_weight(over) * SumOver("", body)

    def penalty_slope(self, key: str, weight: Quantity) -> Formula:
        """Return a penalty's term of dJ/dw."""
        strength = Quantity(code(key), getattr(self.net, key))
        return self._per_weight(strength) * self.penalties[key].of_weight(weight)

    def _per_weight(self, strength: Formula) -> Formula:
        sum_w = self.trace.sum_w
        return strength if sum_w == 1 else strength / Constant(sum_w)


def general(name: Name) -> Quantity:
    return Quantity(name, math.nan)


def quantity(name: Name, values: Any, *at: Unit) -> Quantity:
    """Return one of the values, by its units; of letters the name alone."""
    if any(isinstance(unit, str) for unit in at):
        return general(name)
    return Quantity(name, float(values[at]))


def largest_terms(values: Array, term: Callable[[int], Formula], at_most: int) -> Formula:
    """Return a sum in its terms; of more than `at_most` the largest, in order, and the rest."""
    n = len(values)
    if n <= at_most:
        return total([term(k) for k in range(n)])
    several = min(at_most - 1, max(1, np.count_nonzero(values)))
    kept = np.sort(np.argsort(-np.abs(values), kind="stable")[:several])
    rest = math.fsum(np.delete(values, kept))
    return total([*(term(int(k)) for k in kept), Rest(n - len(kept), rest)])
