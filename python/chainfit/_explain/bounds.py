"""How far two ways of computing the same numbers may lie apart, bounded for the net at hand.

u = 2^-53 is the largest relative error of one rounding. A sum of n products is off by at most about
n u times the sum of their absolute values, in whatever order it is added. The core and NumPy add in
different orders, so z, a and delta differ, and what differs in one layer goes through the next:
these bounds are followed from layer to layer to first order in u (running error analysis: N.
Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002, section 3.3).
"""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .trace import TraceNumbers

Array = npt.NDArray[Any]

U = 2.0**-53
#: An exp, logistic, tanh or log of NumPy or of the core is off by fewer u (tests/test_kernels.py
#: has the core's bounds; NumPy promises 4 ulp, that is 8 u).
FUNCTION = 8
#: What underflow may cost: the core takes denormal numbers for 0, and a product of large and small
#: factors may pass through them.
TINY = 1e-250

KINKED = ("relu", "leaky_relu")


def kernel_bound(trace: TraceNumbers, l: int, i: int | None, j: int) -> float:
    """Bound how far two evaluations of dJ/dw lie apart; e_x is what x may be off by."""
    net, L = trace.net, len(trace.net.coefs)
    W, b, a, share = net.coefs, net.intercepts, trace.a, trace.share[:, np.newaxis]
    e_a: list[Any] = [np.zeros_like(a[0])]
    e_df: list[Any] = [None]
    for m in range(1, L + 1):
        below, size = np.abs(a[m - 1]), np.abs(W[m - 1])
        terms = below @ size + np.abs(b[m - 1])
        e_z = e_a[m - 1] @ size + (len(size) + 2) * U * terms
        e_a.append(error_of_activation(net.layer_activation(m), trace.z[m], a[m], e_z))
        e_df.append(error_of_slope(net.layer_activation(m), trace.z[m], a[m], e_z, e_a[m]))
    if net.canonical:
        e_delta = share * (e_a[L] + 2 * U * np.abs(a[L] - trace.Y))
    else:  # squared error after an activation of hidden units
        residual = np.abs(a[L] - trace.Y)
        e_delta = share * (np.abs(trace.df[L]) * e_a[L] + residual * (e_df[L] + 4 * U))
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


def error_of_activation(name: str, z: Array, a: Array, e_z: Array) -> Array:
    own = FUNCTION * U * np.abs(a)
    if name == "identity":
        return e_z
    if name == "softmax":
        return a * (e_z + (a * e_z).sum(axis=1, keepdims=True)) + own + a.shape[1] * U * a
    if name in KINKED:
        return e_z * np.where(z > -e_z, 1.0, 0.01 if name == "leaky_relu" else 0.0)
    slope = {"logistic": a * (1 - a), "tanh": 1 - a * a, "exp": a}[name]
    # and the second derivative, at most 1 for the first two, where the slope is all but 0
    curved = np.abs(a) if name == "exp" else 1.0
    return slope * e_z + curved * e_z * e_z + own


def error_of_slope(name: str, z: Array, a: Array, e_z: Array, e_a: Array) -> Array:
    """Bound how far f'(z) may be off: by a whole jump where z is within rounding of a kink."""
    if name in KINKED:
        return np.where(np.abs(z) <= e_z, 1.0, 0.0)
    if name == "logistic":
        return np.abs(1 - 2 * a) * e_a + 3 * U * a
    if name == "tanh":
        return 2 * np.abs(a) * e_a + 3 * U
    return np.zeros_like(e_a)
