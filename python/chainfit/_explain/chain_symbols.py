"""The symbols of the row of a chain that is shown in full: what the chain's story is made of."""

from __future__ import annotations

import numpy as np

from .chain import ChainNumbers
from .formula import Formula, Product, Quantity
from .notation import Unit
from .parts import Path, RowChain
from .rows import jacobian_sum, largest_terms
from .steps import PathSymbols


class ChainSymbols(PathSymbols):
    """The symbols of one row of a chain, and the rules of its deltas.

    Attributes
    ----------
    shown : RowChain
        The row that is shown in full.
    weight : Name
    l : int
        The layer that the weight starts from.
    coupled : bool
        Whether the activation ties the outputs together, as a softmax does.
    """

    def __init__(self, chain: ChainNumbers) -> None:
        self.shown: RowChain = chain.row(chain.shown_row)
        super().__init__(chain.trace, chain.notation, self.shown.row)
        self.chain, self.backward, self.address = chain, chain.backward, chain.address
        self.l = chain.address.layer
        self.weight = chain.address.name(chain.notation)
        self.coupled = chain.trace.df[self.L] is None

    @property
    def of_row(self) -> str:
        """What a title adds where one row of several is shown."""
        return f", row {self.row}" if self.batch else ""

    def letter(self, layer: int, n: int) -> Unit:
        """Return what runs over a layer: the n-th letter, or its only unit."""
        return 0 if self.net.units[layer] == 1 else self.notation.letter(n)

    def largest_path(self) -> Path | None:
        """Return the path of the largest product, None if none is known."""
        return max(self.shown.paths, key=lambda path: abs(path.product), default=None)

    def deltas(self, m: int) -> list[float]:
        """Return dJ_r/dz of the units of layer m, of the weight's own layer only its unit's."""
        return [float(value) for value in self.backward.delta[m][self.row]]

    def delta(self, m: int, j: int) -> Quantity:
        """Return dJ_r/dz of a unit at or above the weight's own."""
        value = self.deltas(m)[0 if m == self.l + 1 else j]
        return Quantity(self.notation.delta(m, j), value)

    def delta_rule(self, m: int, j: int) -> Formula:
        """Return the rule of delta of unit j of layer m."""
        if m == self.L and self.net.canonical:
            return self.canonical_derivative(j)
        if m == self.L and self.coupled:
            return self.jacobian_sum(j)
        if m == self.L:
            return Product((self.loss_derivative(j), self.slope(m, j)))
        terms = self.net.coefs[m][j] * np.asarray(self.deltas(m + 1))
        above = largest_terms(terms, lambda k: self.w(m, j, k) * self.delta(m + 1, k), at_most=3)
        return Product((above, self.slope(m, j)))

    def jacobian_sum(self, k: int) -> Formula:
        """Return dJ_r/dz_k of the outputs as the sum over the activation's Jacobian."""
        return jacobian_sum(self.backward, self, self.J_row, k)
