"""How far two ways of computing the same numbers may lie apart, bounded for the net at hand.

A sum of n products is off by at most about n u times the sum of their absolute values, in whatever
order it is added. The core and NumPy add in different orders, so z, a and delta differ, and what
differs in one layer goes through the next: these bounds are followed from layer to layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from . import rules
from .rounding import Bounded, U, bounded
from .trace import TraceNumbers

Array = npt.NDArray[Any]

#: What underflow may cost: the core takes denormal numbers for 0, and a product of large and small
#: factors may pass through them.
TINY = 1e-250


def kernel_bound(trace: TraceNumbers, l: int, i: int | None, j: int) -> float:
    """Bound how far two evaluations of dJ/dw lie apart; e_x is what x may be off by."""
    net, L = trace.net, len(trace.net.coefs)
    W, a, share = net.coefs, trace.a, trace.share[:, np.newaxis]
    e_a: list[Any] = [np.zeros_like(a[0])]
    e_df: list[Any] = [None]
    for m in range(1, L + 1):
        e_z = error_of_sums(a[m - 1], e_a[m - 1], W[m - 1], net.intercepts[m - 1])
        name, z = net.layer_activation(m), trace.z[m]
        e_a.append(error_of_activation(name, z, e_z))
        e_df.append(_error_of_slope(name, Bounded(z, e_z), Bounded(a[m], e_a[m])))
    if net.canonical:
        e_delta = share * (e_a[L] + 2 * U * np.abs(a[L] - trace.Y))
    else:
        slope = rules.loss_of(net).slope
        end, e_end = bounded(slope, {rules.Y: trace.Y, rules.A: Bounded(a[L], e_a[L])})
        e_delta = share * (np.abs(trace.df[L]) * e_end + np.abs(end) * (e_df[L] + 4 * U))
    for m in range(L - 1, l, -1):
        units = slice(j, j + 1) if m == l + 1 else slice(None)
        size = np.abs(W[m][units]).T
        terms = np.abs(trace.delta[m + 1]) @ size
        e_da = e_delta @ size + (len(size) + 2) * U * terms
        e_delta = np.abs(trace.df[m][:, units]) * e_da + terms * (e_df[m][:, units] + 2 * U)
    column = slice(0, 1) if l + 1 < L else slice(j, j + 1)
    e = e_delta[:, column].sum()
    delta = np.abs(trace.delta[l + 1][:, j])
    if i is not None:
        e = np.abs(a[l][:, i]) @ e_delta[:, column][:, 0] + e_a[l][:, i] @ delta
        delta = delta * np.abs(a[l][:, i])
    # twice: both evaluations are off
    return float(2 * (e + (len(share) + 2) * U * delta.sum()))


def error_of_sums(a: Array, e_a: Array, W: Array, b: Array) -> Array:
    """Bound how far z = a W + b may be off."""
    size = np.abs(W)
    return e_a @ size + (len(W) + 2) * U * (np.abs(a) @ size + np.abs(b))


def error_of_activation(name: str, z: Array, e_z: Array) -> Array:
    """Bound how far a = f(z) may be off."""
    rule = rules.ACTIVATIONS[name]
    coupled = rule.slope is None
    sums = z if coupled else Bounded(z, e_z)
    a, error = bounded(rule.stable or rule.value, {rules.Z: sums, rules.Z_K: sums})
    if coupled:  # through its Jacobian: the tree has the same sums several times
        error = error + a * (e_z + (a * e_z).sum(axis=1, keepdims=True))
    return np.broadcast_to(error, z.shape)


def _error_of_slope(name: str, z: Bounded, a: Bounded) -> Array | None:
    """Bound how far f'(z) may be off: by a whole jump where z is within rounding of a kink."""
    slope = rules.ACTIVATIONS[name].slope
    if slope is None:
        return None
    return np.broadcast_to(bounded(slope, {rules.Z: z, rules.A: a}).error, z.value.shape)
