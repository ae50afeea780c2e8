"""The symbols of one row of a chain: the factors of its paths, and its deltas, each with its rule.

A path is given by its units, one of each layer above the weight; letters in their place give the
chain in general. A notation with one factor for each neuron joins the step through a neuron's
activation with the step along the weight before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .flow import Backward
from .formula import Constant, Formula, Name, Partial, Product, Quantity, Rest, code, total
from .notation import Notation, Unit
from .parts import Factor
from .symbols import Symbols
from .trace import softmax_jacobian

Array = npt.NDArray[Any]


class ChainSymbols(Symbols):
    """The symbols of one row of a chain.

    Attributes
    ----------
    weight : Name
    l : int
        The layer that the weight starts from.
    coupled : bool
        Whether the activation ties the outputs together, as a softmax does.
    fused : bool
        Whether an output is so near its limit that only the product of the loss's derivative and
        its slope is finite.
    """

    def __init__(self, backward: Backward, notation: Notation, row: int) -> None:
        super().__init__(backward.trace, notation, row)
        self.backward, self.address, self.l = backward, backward.address, backward.address.layer
        self.weight: Name = backward.address.name(notation)
        self.coupled = backward.coupled
        self.fused = bool(backward.fused[row])

    def source(self) -> Formula:
        """Return the rule of dz/dw."""
        source = self.address.source
        return Constant(1) if source is None else self.a(self.l, source)

    # -- factors

    def share(self) -> tuple[Factor, ...]:
        """Return the factor from J to the row's loss, where there are several rows."""
        if not self.batch:
            return ()
        share, weights = float(self.backward.share[self.row]), self.trace.sample_weight
        if weights is None:
            rule: Formula = Constant(1) / Constant(len(self.trace.X))
        else:
            w = Quantity(code("w_r"), float(weights[self.row]))
            rule = w / Quantity(code("sum(w)"), float(weights.sum()))
        return (Factor(Partial(self.J, self.J_row, share), rule),)

    def factors(self, units: Sequence[Unit]) -> list[Factor]:
        """Return the factors of a path, from the row's loss to the weight.

        Parameters
        ----------
        units : sequence
            Unit of each layer above the weight's own, l+2..L, as numbers or letters.
        """
        a, z = self.notation.a, self.notation.z
        unit: dict[int, Unit] = dict(enumerate([self.address.target, *units], start=self.l + 1))
        k = unit[self.L]
        joined = self.coupled or self.fused  # the loss and the output's activation are one step
        if joined:
            found = [self._from_loss_to_sum(k)]
        else:
            found = [_factor(self.J_row, a(self.L, k), self.loss_derivative(k))]
        for m in range(self.L, self.l, -1):
            j, below, rule = unit[m], self.weight, self.source()
            if m > self.l + 1:
                below, rule = a(m - 1, unit[m - 1]), self.w(m - 1, unit[m - 1], j)
            if m == self.L and joined:
                found.append(_factor(z(m, j), below, rule))
            elif self.notation.per_neuron:
                found.append(_factor(a(m, j), below, self.slope(m, j) * rule))
            else:
                found.append(_factor(a(m, j), z(m, j), self.slope(m, j)))
                found.append(_factor(z(m, j), below, rule))
        return found

    def folded(self) -> tuple[Factor, ...]:
        """Return the chain with everything above the weight's unit in one derivative."""
        factors = self.factors([0] * (self.L - self.l - 1))
        if self.l + 1 < self.L:
            own = factors[-1:] if self.notation.per_neuron else factors[-2:]
            factors = [self._sum_of_deltas(), *own]
        return (*self.share(), *factors)

    def _from_loss_to_sum(self, k: Unit) -> Factor:
        """Return dJ_r/dz of output k."""
        if self.net.canonical or isinstance(k, str):
            return _factor(self.J_row, self.notation.z(self.L, k), self.canonical_derivative(k))
        value = float(self.backward.top[self.row, k])
        return Factor(Partial(self.J_row, self.notation.z(self.L, k), value), self.jacobian_sum(k))

    def _sum_of_deltas(self) -> Factor:
        """Return dJ_r/da of the weight's unit: all that leaves it, sum_k w_kj delta_k."""
        j, value = self.address.target, float(self.backward.da[self.l + 1][self.row, 0])
        partial = Partial(self.J_row, self.notation.a(self.l + 1, j), value)
        return Factor(partial, self._weighted_deltas(self.l + 1, j, at_most=4))

    # -- deltas

    def deltas(self, m: int) -> Array:
        """Return dJ_r/dz of the units of layer m, of the weight's own layer only its unit's."""
        return self.backward.delta[m][self.row]

    def delta(self, m: int, j: int) -> Quantity:
        """Return dJ_r/dz of a unit at or above the weight's own."""
        value = float(self.deltas(m)[0 if m == self.l + 1 else j])
        return Quantity(self.notation.delta(m, j), value)

    def delta_rule(self, m: int, j: int) -> Formula:
        """Return the rule of delta of unit j of layer m."""
        if m == self.L and self.net.canonical:
            return self.canonical_derivative(j)
        if m == self.L and self.coupled:
            return self.jacobian_sum(j)
        above = self.loss_derivative(j) if m == self.L else self._weighted_deltas(m, j, at_most=3)
        return Product((above, self.slope(m, j)))

    def _weighted_deltas(self, m: int, j: int, at_most: int) -> Formula:
        """Return dJ_r/da of unit j of layer m, a sum over the layer above."""
        terms = self.net.coefs[m][j] * self.deltas(m + 1)
        return _largest_terms(terms, lambda k: self.w(m, j, k) * self.delta(m + 1, k), at_most)

    def jacobian_sum(self, k: int) -> Formula:
        """Return dJ_r/dz_k of a softmax, sum_m dJ_r/da_m da_m/dz_k, the largest terms by name."""
        derivative = self.backward.end[self.row]
        column = softmax_jacobian(self.trace.a[self.L][self.row])[:, k]
        z = self.notation.z(self.L, k)

        def term(m: int) -> Formula:
            a = self.notation.a(self.L, m)
            by_output = Partial(self.J_row, a, float(derivative[m]))
            return by_output * Partial(a, z, float(column[m]))

        return _largest_terms(derivative * column, term, at_most=4)


def _factor(top: Name, bottom: Name, rule: Formula) -> Factor:
    return Factor(Partial(top, bottom, float(rule.value)), rule)


def _largest_terms(values: Array, term: Callable[[int], Formula], at_most: int) -> Formula:
    """Return a sum in its terms; of more than `at_most` the largest, in order, and the rest."""
    n = len(values)
    if n <= at_most:
        return total([term(k) for k in range(n)])
    several = min(at_most - 1, max(1, np.count_nonzero(values)))
    kept = np.sort(np.argsort(-np.abs(values), kind="stable")[:several])
    rest = math.fsum(np.delete(values, kept))
    return total([*(term(int(k)) for k in kept), Rest(n - len(kept), rest)])
