"""Backward: from the loss back to one weight, for all rows at once, in numbers.

dJ_r/da and dJ_r/dz of every unit above the weight, J_r being the loss of row r without its share in
J. They are summed here once more, apart from the trace, so that the two can be compared.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from .address import Address
from .formula import Array
from .outputs import by_group
from .paths import Flow
from .trace import TraceNumbers, loss_derivative, through_activation

#: Beyond this dJ/da is not kept apart from da/dz, which is as small as this is large: their product
#: with other numbers would underflow on its way.
STEEP = 1e50


class Backward:
    """The derivatives of each row's loss by what is above a weight, of layer l to unit j of l+1.

    `end` is dJ_r/da[L], `top` dJ_r/dz[L], (rows, n_L); `da` and `delta` are those of each layer
    from l+1 up, (rows, n_m), of layer l+1 for unit j alone; `source` is dz/dw, (rows,), `terms`
    dJ_r/dw. In `fused` rows dJ_r/da[L] is infinite or all but that; of the canonical pair of loss
    and output activation dJ_r/dz[L] = a[L] - y is known all the same. Outputs that a softmax ties
    together are `coupled`.
    """

    def __init__(self, trace: TraceNumbers, address: Address) -> None:
        net = trace.net
        self.trace = trace
        self.address = address
        self.share = trace.share
        L, l, j = len(net.coefs), address.layer, address.target
        self.coupled = trace.df[L] is None
        a = trace.a[L]
        self.end = loss_derivative(net, trace.Y, a)
        steep = np.logical_not(np.abs(self.end) < STEEP)
        self.fused: Array = np.asarray(steep.any(axis=1) & net.canonical)
        self.finite = np.where(self.fused[:, np.newaxis], 0.0, self.end)
        top = through_activation(net, a, trace.df[L], self.finite)
        top[self.fused] = (a - trace.Y)[self.fused]
        self.top: Array = top
        self.da, self.delta = self._down(top, absolute=False)
        if l + 1 == L:
            self.da[L] = self.end[:, j : j + 1]
        self.source = np.ones(len(a)) if address.source is None else trace.a[l][:, address.source]
        self.terms = self.source * self.delta[l + 1][:, 0]

    def __reduce__(self) -> tuple[Any, ...]:
        return Backward, (self.trace, self.address)  # all else follows from these

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(Backward(state["trace"], state["address"]).__dict__)  # of 0.1.0

    def _down(self, top: Array, *, absolute: bool) -> tuple[dict[int, Array], dict[int, Array]]:
        """Carry dJ_r/dz[L] down to the weight's unit."""
        net, l, j = self.trace.net, self.address.layer, self.address.target
        L = len(net.coefs)
        size = np.abs if absolute else np.asarray
        da: dict[int, Array] = {}
        delta: dict[int, Array] = {L: top}
        for m in range(L - 1, l, -1):
            units = slice(j, j + 1) if m == l + 1 else slice(None)
            da[m] = delta[m + 1] @ size(net.coefs[m][units]).T
            delta[m] = da[m] * size(self.trace.df[m][:, units])
        if l + 1 == L:
            delta[L] = top[:, j : j + 1]
        return da, delta

    @cached_property
    def absolute_terms(self) -> Array:
        """The sum of the absolute values of all paths of each row, shape (rows,).

        It is what roundings are relative to: a sum of terms t, each off by a few u |t|, is off by
        that many u times the sum of |t|, however much of them cancels (N. Higham, "Accuracy and
        Stability of Numerical Algorithms", 2nd edition, 2002, section 3.1).
        """
        a = self.trace.a[-1]
        if self.coupled:
            # sum over m of |dJ/da_m| a_m |1{m=k} - a_k|
            each = np.abs(self.finite) * a
            sums = by_group(
                self.trace.net, lambda x: x.sum(axis=1, keepdims=True) + np.zeros_like(x), each
            )
            top = a * (sums - each) + each * (1 - a)
        else:
            top = np.abs(self.finite * self.trace.df[-1])
        top[self.fused] = np.abs(a - self.trace.Y)[self.fused]
        _, delta = self._down(top, absolute=True)
        return np.abs(self.source) * delta[self.address.layer + 1][:, 0]

    def roundings(self) -> int:
        """Return the maximum number of roundings of a term: sums, and a few products a layer."""
        units = self.trace.net.units[self.address.layer + 1 :]
        return sum(n + 8 for n in units) + len(self.share) + 8

    def flow(self, row: int) -> Flow:
        """Return the graph of paths of one row.

        A path takes one unit of each layer above the weight. It ends with dJ_r/da of its output,
        or, where the output has no slope of its own, with dJ_r/dz: after a softmax, through which
        every z moves every output, and in a fused row.
        """
        trace, l = self.trace, self.address.layer
        L = len(trace.net.coefs)
        slopes = [trace.df[m][row] for m in range(l + 1, L)]
        edges = list(trace.net.coefs[l + 1 :])
        if self.coupled or self.fused[row]:
            ones = np.ones(trace.net.units[L])
            return Flow(self.address.target, [*slopes, ones], edges, self.top[row])
        return Flow(self.address.target, [*slopes, trace.df[L][row]], edges, self.end[row])
