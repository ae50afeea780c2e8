"""The symbols of one row of a chain: the factors of its paths, and its deltas, each with its rule.

A path is given by its units, one of each layer above the weight; letters in their place give the
chain in general. A notation with one factor for each neuron joins the step through a neuron's
activation with the step along the weight before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .flow import Backward
from .formula import Constant, Formula, Name, Partial, Product, Quantity, code
from .notation import Notation, Unit
from .outputs import group_of
from .symbols import Array, Symbols, largest_terms, quantity
from .trace import softmax_jacobian
from .writer import Writer

_UNICODE = Writer("unicode")


@dataclass(frozen=True)
class Factor:
    """One factor of a chain: the derivative with its number, and the rule that it is equal to."""

    partial: Partial
    rule: Formula

    @property
    def value(self) -> float:
        """The number."""
        return float(self.partial.value)

    def __str__(self) -> str:
        symbol, rule = map(_UNICODE.symbols, (self.partial, self.rule))
        return f"{symbol} = {rule} = {_UNICODE.number(self.value)}"

    def to_dict(self) -> dict[str, Any]:
        """Return symbol, rule and number."""
        symbol, rule = map(_UNICODE.symbols, (self.partial, self.rule))
        return {"symbol": symbol, "rule": rule, "value": self.value}


class ChainSymbols(Symbols):
    """The symbols of one row of the chain of a weight, which starts from layer `l`."""

    def __init__(self, backward: Backward, notation: Notation, row: int) -> None:
        super().__init__(backward.trace, notation, row)
        self.backward, self.address, self.l = backward, backward.address, backward.address.layer
        self.weight: Name = backward.address.name(notation)
        self.coupled, self.fused = backward.coupled, bool(backward.fused[row])

    def source(self) -> Formula:
        source = self.address.source
        return Constant(1) if source is None else self.a(self.l, source)

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
        """Return the factors from the row's loss to the weight, by a unit of each layer l+2..L."""
        a, z = self.notation.a, self.notation.z
        unit: dict[int, Unit] = dict(enumerate([self.address.target, *units], start=self.l + 1))
        k = unit[self.L]
        joined = self.coupled or self.fused  # the loss and the output's activation are one step
        if joined:
            found = [self._from_loss_to_sum(k)]
        else:
            found = [factor(self.J_row, a(self.L, k), self.loss_derivative(k))]
        for m in range(self.L, self.l, -1):
            j, below, rule = unit[m], self.weight, self.source()
            if m > self.l + 1:
                below, rule = a(m - 1, unit[m - 1]), self.w(m - 1, unit[m - 1], j)
            if m == self.L and joined:
                found.append(factor(z(m, j), below, rule))
            elif self.notation.per_neuron:
                found.append(factor(a(m, j), below, self.slope(m, j) * rule))
            else:
                found.append(factor(a(m, j), z(m, j), self.slope(m, j)))
                found.append(factor(z(m, j), below, rule))
        return found

    def folded(self) -> tuple[Factor, ...]:
        """Return the chain with everything above the weight's unit in one derivative."""
        factors = self.factors([0] * (self.L - self.l - 1))
        if self.l + 1 < self.L:
            own = factors[-1:] if self.notation.per_neuron else factors[-2:]
            factors = [self._sum_of_deltas(), *own]
        return (*self.share(), *factors)

    def _from_loss_to_sum(self, k: Unit) -> Factor:
        if self.net.canonical or isinstance(k, str):
            return factor(self.J_row, self.notation.z(self.L, k), self.canonical_derivative(k))
        value = float(self.backward.top[self.row, k])
        return Factor(Partial(self.J_row, self.notation.z(self.L, k), value), self.jacobian_sum(k))

    def _sum_of_deltas(self) -> Factor:
        """Return dJ_r/da of the weight's unit: all that leaves it, sum_k w_kj delta_k."""
        j, value = self.address.target, float(self.backward.da[self.l + 1][self.row, 0])
        partial = Partial(self.J_row, self.notation.a(self.l + 1, j), value)
        return Factor(partial, self.weighted_deltas(self.l + 1, j, at_most=4))

    # --- deltas, of the row's own loss

    def deltas(self, l: int) -> Array:
        return self.backward.delta[l][self.row]

    def delta(self, l: int, j: Unit) -> Quantity:
        at = 0 if l == self.l + 1 else j  # of the weight's own layer only its unit's is known
        return quantity(self.notation.delta(l, j), self.deltas(l), at)

    def delta_rule(self, m: int, j: int) -> Formula:
        if m == self.L and self.net.canonical:
            return self.canonical_derivative(j)
        if m == self.L and self.coupled:
            return self.jacobian_sum(j)
        above = self.loss_derivative(j) if m == self.L else self.weighted_deltas(m, j, at_most=3)
        return Product((above, self.slope(m, j)))

    def jacobian_sum(self, k: int) -> Formula:
        """Return dJ_r/dz_k of a softmax, sum_m dJ_r/da_m da_m/dz_k, the largest terms by name."""
        derivative = self.backward.end[self.row]
        column = softmax_jacobian(self.trace.a[self.L][self.row], self.net.groups)[:, k]
        z = self.notation.z(self.L, k)

        def term(m: int) -> Formula:
            a = self.notation.a(self.L, m)
            by_output = Partial(self.J_row, a, float(derivative[m]))
            return by_output * Partial(a, z, float(column[m]))

        group = group_of(self.net, k)
        terms = (derivative * column)[group.start : group.stop]
        return largest_terms(terms, lambda n: term(group[n]), at_most=4)


def factor(top: Name, bottom: Name, rule: Formula) -> Factor:
    return Factor(Partial(top, bottom, float(rule.value)), rule)
