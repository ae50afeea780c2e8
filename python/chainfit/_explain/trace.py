"""The numbers of one training step, in float64: forward, loss, backward, gradient.

Activations are the oracle's (`reference`), derivatives those of the trees in `rules`.
`explain.trace` is the way in, `tables` has the same numbers as columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import reference
from . import rules
from .formula import Name, Quantity
from .net import Net
from .update import Update

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class TraceNumbers:
    """What `explain.Trace` holds and describes, but for how it is written."""

    net: Net
    X: Array
    Y: Array
    sample_weight: Array | None
    z: list[Any]
    a: list[Array]
    df: list[Any]
    da: list[Any]
    delta: list[Any]
    dW: list[Array]
    db: list[Array]
    loss_rows: Array
    penalty: float
    J: float
    update: Update | None = None

    @property
    def share(self) -> Array:
        """What each row counts for in J, w_r / sum(w); shape (rows,), float64."""
        return weights_of(self.X, self.sample_weight) / self.sum_w

    @property
    def sum_w(self) -> float:
        return float(weights_of(self.X, self.sample_weight).sum())


def weights_of(X: Array, sample_weight: Array | None) -> Array:
    """Return the weight of each row, 1 where none are given."""
    return np.ones(len(X)) if sample_weight is None else sample_weight


def trace_numbers(net: Net, X: Array, Y: Array, sample_weight: Array | None = None) -> TraceNumbers:
    """Return the numbers of a checked batch (see `as_batch`), without an update."""
    W, b, L = net.coefs, net.intercepts, len(net.coefs)
    z: list[Any] = [None]
    a = [X]
    for l in range(L):
        z.append(a[l] @ W[l] + b[l])
        a.append(activate(net.layer_activation(l + 1), z[l + 1]))
    df = [None, *(slopes(net.layer_activation(l), z[l], a[l]) for l in range(1, L + 1))]

    w = weights_of(X, sample_weight)
    share = (w / w.sum())[:, np.newaxis]
    da: list[Any] = [None] * (L + 1)
    delta: list[Any] = [None] * (L + 1)
    da[L] = loss_derivative(net, Y, a[L]) * share
    if net.canonical:
        # both derivatives in one: no division by an output that was rounded to 0
        delta[L] = (a[L] - Y) * share
    elif not np.isfinite(da[L]).all():
        r, k = np.argwhere(~np.isfinite(da[L]))[0]
        raise ValueError(
            f"loss={net.loss!r} has no derivative at output {k} of row {r}, {a[L][r, k]:g}: its "
            "weighted sum is so far out that the activation was rounded."
        )
    else:
        delta[L] = through_activation(a[L], df[L], da[L])
    for l in range(L - 1, 0, -1):
        da[l] = delta[l + 1] @ W[l].T
        delta[l] = da[l] * df[l]

    l2 = net.alpha / float(w.sum())
    dW = [a[l].T @ delta[l + 1] for l in range(L)]
    if l2:
        dW = [dW[l] + l2 * W[l] for l in range(L)]
    own = {p.key: getattr(net, p.key) for p in rules.LOSSES[net.loss].parameters}
    loss_rows = reference.LOSSES[net.loss].rows(Y, a[L], **own)
    penalty = l2 / 2 * sum(float(np.square(w).sum()) for w in W) if l2 else 0.0
    J = float(share[:, 0] @ loss_rows) + penalty
    db = [delta[l + 1].sum(axis=0) for l in range(L)]
    sums = (z, a, df, da, delta, dW, db)
    return TraceNumbers(net, X, Y, sample_weight, *sums, loss_rows, penalty, J)


# --- the local rules, on arrays ------------------------------------------------------------------


def values(x: Array) -> Quantity:
    """Return numbers as a formula, for rules to be evaluated on; it has no name."""
    return Quantity(_NAMELESS, x)


_NAMELESS = Name("", "", "")


def activate(name: str, z: Array) -> Array:
    """Return f(z), shape (rows, n_l); `name` is one of OUT_ACTIVATIONS."""
    f = reference.LINKS.get(name) or reference.ACTIVATIONS[name].f
    return f(z)


def slopes(name: str, z: Array, a: Array) -> Array | None:
    """Return f'(z) for a = f(z), shape (rows, n_l); None where it is a matrix for each row."""
    rule = rules.ACTIVATIONS[name]
    if rule.slope is None:
        return None
    slope = rule.derivative(values(z), values(a)).value
    return np.broadcast_to(np.asarray(slope, dtype=np.float64), a.shape)


def loss_derivative(net: Net, Y: Array, a: Array) -> Array:
    """Return dloss_r/da[L], shape (rows, n_L): infinite where an output was rounded to its end."""
    return np.asarray(rules.loss_of(net).derivative(values(Y), values(a)).value)


def through_activation(a: Array, df: Array | None, da: Array) -> Array:
    """Return dJ/dz of dJ/da, shapes (rows, n_L); `df` is None for a softmax."""
    return through_softmax(a, da) if df is None else da * df


def softmax_jacobian(a: Array) -> Array:
    """Return da_k/dz_j = a_k (1{j=k} - a_j) for the outputs a (n_L,) of one row; [k, j]."""
    return np.diag(a) - np.outer(a, a)


def through_softmax(a: Array, da: Array) -> Array:
    """Return dJ/dz_j = sum_k dJ/da_k da_k/dz_j = a_j (da_j - sum_k da_k a_k) of each row.

    Of an output near 1 its own term would cancel in it: the largest one has
    a_j (da_j (1 - a_j) - sum over the others).
    """
    terms = da * a
    delta = a * (da - terms.sum(axis=1, keepdims=True))
    largest = np.arange(len(a)), a.argmax(axis=1)
    terms[largest] = 0.0
    delta[largest] = a[largest] * (da[largest] * (1 - a[largest]) - terms.sum(axis=1))
    return delta
