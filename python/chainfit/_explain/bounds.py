"""How far two ways of computing the same numbers may lie apart, bounded for the net at hand.

A sum of n products is off by at most about n u times the sum of their absolute values, in whatever
order it is added. The core and NumPy add in different orders, so z, a and delta differ, and what
differs in one layer goes through the next: these bounds are followed from layer to layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from . import rules
from .formula import Array, Formula, Variable
from .net import Net
from .outputs import by_group, constants, known, partners
from .rounding import Bounded, U, bounded
from .trace import TraceNumbers, activate

#: What underflow may cost: the core takes denormal numbers for 0, and a product of large and small
#: factors may pass through them.
TINY = 1e-250


def forward(
    trace: TraceNumbers, l: int, z: Bounded, rows: Any = slice(None)
) -> Iterator[tuple[Bounded, Bounded]]:
    """Yield z and f(z) of each layer, from the sums of layer l up, of some of the rows."""
    net = trace.net
    for m in range(l, len(net.coefs) + 1):
        f = _activated(net, m, z)
        yield z, f
        if m < len(net.coefs):
            mask = trace.mask(m)
            a = f if mask is None else masked(f, mask[rows])
            z = _sums(a, net.coefs[m], net.intercepts[m])


def masked(a: Bounded, mask: Array | None) -> Bounded:
    return a if mask is None else a * Bounded(mask, 0.0)


def kernel_bound(trace: TraceNumbers, l: int, i: int | None, j: int) -> float:
    """Bound how far two evaluations of dJ/dw lie apart."""
    net, L = trace.net, len(trace.net.coefs)
    W, share = net.coefs, trace.share[:, np.newaxis]
    a, df = [Bounded(trace.a[0], np.zeros_like(trace.X))], [np.zeros(0)]
    for m, (z, f) in enumerate(forward(trace, 1, _sums(a[0], W[0], net.intercepts[0])), start=1):
        slope = rules.ACTIVATIONS[net.layer_activation(m)].slope
        # a whole jump where z is within rounding of a kink
        others = constants(net) if m == L else {}
        off = Bounded(0.0, 0.0)
        if slope is not None:
            off = bounded(slope, {rules.Z: z, rules.A: f, **others})
        a.append(masked(f, trace.mask(m)))
        df.append(np.broadcast_to(masked(off, trace.mask(m)).error, f.value.shape))
    if net.canonical:
        delta = share * (a[L].error + 2 * U * np.abs(a[L].value - trace.Y))
    else:
        numbers = {**known(net, trace.Y, a[L].value), **with_partners(net, a[L])}
        slope = rules.loss_of(net).slope
        end, off = bounded(slope, {rules.Y: trace.Y, rules.A: a[L], **numbers})
        delta = share * (np.abs(trace.df[L]) * off + np.abs(end) * (df[L] + 4 * U))
    for m in range(L - 1, l, -1):
        units = slice(j, j + 1) if m == l + 1 else slice(None)
        size = np.abs(W[m][units]).T
        terms = np.abs(trace.delta[m + 1]) @ size
        da = delta @ size + (len(size) + 2) * U * terms
        delta = np.abs(trace.df[m][:, units]) * da + terms * (df[m][:, units] + 2 * U)
    off = delta[:, 0 if l + 1 < L else j]
    size = np.abs(trace.delta[l + 1][:, j])
    source = Bounded(1.0, 0.0) if i is None else Bounded(np.abs(a[l].value[:, i]), a[l].error[:, i])
    error = (source.value * off + source.error * size).sum()
    # twice: both evaluations are off
    return float(2 * (error + (len(share) + 2) * U * (source.value * size).sum()))


def _sums(a: Bounded, W: Array, b: Array) -> Bounded:
    size = np.abs(W)
    roundings = (len(W) + 2) * U * (np.abs(a.value) @ size + np.abs(b))
    return Bounded(a.value @ W + b, a.error @ size + roundings)


def with_partners(net: Net, a: Bounded) -> dict[Variable, Bounded]:
    """Return the partner's numbers of each output, where there is one, with their errors."""
    other = partners(net)
    if other is None:
        return {}
    return {
        rules.PARTNER: Bounded(a.value[:, other], np.broadcast_to(a.error, a.value.shape)[:, other])
    }


def _activated(net: Net, m: int, z: Bounded) -> Bounded:
    rule = rules.ACTIVATIONS[net.layer_activation(m)]
    tree = rule.stable or rule.value
    if rule.slope is None:
        error = by_group(net, partial(_softmax_error, tree), z.value, z.error)
    else:
        others = constants(net) if m == len(net.coefs) else {}
        error = bounded(tree, {rules.Z: z, **others}).error
    return Bounded(activate(net, m, z.value), np.broadcast_to(error, z.value.shape))


def _softmax_error(tree: Formula, z: Array, error: Array) -> Array:
    # through its Jacobian: the tree has the same sums several times
    a, own = bounded(tree, {rules.Z: z, rules.Z_K: z})
    found: Array = own + a * (error + (a * error).sum(axis=1, keepdims=True))
    return found
