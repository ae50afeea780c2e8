"""The numbers of one training step, in float64: forward, loss, backward, gradient.

Activations are the oracle's (`reference`), derivatives those of the trees in `rules`.
`step.trace` is the way in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import reference
from . import rules
from .formula import Array, Formula, Variable, plain, substitute
from .net import Net
from .next_step import Dropout
from .outputs import by_group, constants, known
from .update import Update

Columns = dict[str, Array]


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
    dropout: Dropout | None = None
    cells: Mapping[str, Array] | None = None  # of a model of tables

    def mask(self, l: int) -> Array | None:
        """Return the factors by which dropout multiplies a layer.

        Parameters
        ----------
        l : int
            The layer, from 0 for the inputs.

        Returns
        -------
        mask : ndarray of shape (rows, n_l) or None
            The factors of a[l], 0 or 1 / (1 - rate); None if no unit is dropped in this layer.

        Examples
        --------
        >>> import chainfit
        >>> trace = chainfit.trace(chainfit.Net([[[0.5], [-1.0]]]), [2.0, 1.0], 1.0)
        >>> trace.mask(0) is None
        True
        """
        masks = [] if self.dropout is None else self.dropout.masks
        return masks[l] if l < len(masks) else None

    @property
    def share(self) -> Array:
        """Weight of each row in J, w_r / sum(w), shape (rows,), float64."""
        return weights_of(self.X, self.sample_weight) / self.sum_w

    @property
    def sum_w(self) -> float:
        """Sum of the weights of the rows."""
        return float(weights_of(self.X, self.sample_weight).sum())

    @property
    def penalties(self) -> dict[str, float]:
        """Terms of `penalty`, by parameter: 'alpha', 'l1'."""
        return penalties(self.net, self.sum_w)


def weights_of(X: Array, sample_weight: Array | None) -> Array:
    """Return the weight of each row, 1 where none are given."""
    return np.ones(len(X)) if sample_weight is None else sample_weight


def trace_numbers(
    net: Net,
    X: Array,
    Y: Array,
    sample_weight: Array | None = None,
    dropout: Dropout | None = None,
) -> TraceNumbers:
    """Return the numbers of a checked batch (see `as_batch`), without an update."""
    W, b, L = net.coefs, net.intercepts, len(net.coefs)
    masks = [None] * L if dropout is None else dropout.masks
    z: list[Any] = [None]
    df: list[Any] = [None]
    a = [times(X, masks[0])]
    for l in range(1, L + 1):
        mask = masks[l] if l < L else None
        z.append(a[l - 1] @ W[l - 1] + b[l - 1])
        f = activate(net, l, z[l])
        a.append(times(f, mask))
        df.append(times(slopes(net, l, z[l], f), mask))

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
        delta[L] = through_activation(net, a[L], df[L], da[L])
    for l in range(L - 1, 0, -1):
        da[l] = delta[l + 1] @ W[l].T
        delta[l] = da[l] * df[l]

    sum_w = float(w.sum())
    dW = [a[l].T @ delta[l + 1] for l in range(L)]
    for key, rule in rules.penalties_of(net).items():
        strength = getattr(net, key) / sum_w
        dW = [dW[l] + strength * rule.of_weight(plain(W[l])).value for l in range(L)]
    loss_rows = losses_of(net, Y, a[L])
    penalty = sum(penalties(net, sum_w).values())
    J = float(share[:, 0] @ loss_rows) + penalty
    db = [delta[l + 1].sum(axis=0) for l in range(L)]
    sums = (z, a, df, da, delta, dW, db)
    return TraceNumbers(net, X, Y, sample_weight, *sums, loss_rows, penalty, J, None, dropout)


def times(x: Any, mask: Array | None) -> Any:
    """Return x, of a layer's units, times the layer's mask."""
    return x if mask is None else x * mask


def penalties(net: Net, sum_w: float) -> dict[str, float]:
    """Return the penalties in J, by the strength's name."""
    return {
        key: getattr(net, key)
        / rule.divisor
        / sum_w
        * sum(float(np.sum(substitute(rule.term, {rules.W: plain(W)}).value)) for W in net.coefs)
        for key, rule in rules.penalties_of(net).items()
    }


# --- the local rules, on arrays ------------------------------------------------------------------


def activate(net: Net, l: int, z: Array) -> Array:
    """Return f(z) of layer l, shape (rows, n_l)."""
    name = net.layer_activation(l)
    f = reference.LINKS.get(name) or reference.ACTIVATIONS[name].f
    return by_group(net, f, z) if l == len(net.coefs) else f(z)


def slopes(net: Net, l: int, z: Array, a: Array) -> Array | None:
    """Return f'(z) for a = f(z), shape (rows, n_l); None where it is a matrix for each row."""
    rule = rules.ACTIVATIONS[net.layer_activation(l)]
    if rule.slope is None:
        return None
    others = constants(net) if l == len(net.coefs) else {}
    slope = _value(rule.slope, {rules.Z: z, rules.A: a, **others})
    return np.broadcast_to(np.asarray(slope, dtype=np.float64), a.shape)


def losses_of(net: Net, Y: Array, a: Array) -> Array:
    """Return the loss of each row, (rows,)."""
    if net.custom is not None:
        return np.asarray(net.custom(Y, a)[0], dtype=np.float64)
    own = {p.key: getattr(net, p.key) for p in rules.LOSSES[net.loss].parameters}
    own |= {v.key: numbers for v, numbers in constants(net).items() if v.key in own}
    return reference.LOSSES[net.loss].rows(Y, a, **own)


def loss_derivative(net: Net, Y: Array, a: Array) -> Array:
    """Return dloss_r/da[L], shape (rows, n_L): infinite where an output was rounded to its end."""
    slope = rules.loss_of(net).slope
    return np.asarray(_value(slope, {rules.Y: Y, rules.A: a, **known(net, Y, a)}))


def _value(tree: Formula, numbers: Mapping[Variable, Array]) -> Any:
    return substitute(tree, {v: plain(x) for v, x in numbers.items()}).value


def softmax_jacobian(a: Array, groups: Sequence[int] = ()) -> Array:
    """Return da_k/dz_j = a_k (1{j=k} - a_j) for the outputs a (n_L,) of one row; [k, j]."""
    number = np.repeat(np.arange(len(groups)), groups) if groups else np.zeros(len(a))
    return np.diag(a) - np.outer(a, a) * (number == number[:, np.newaxis])


def through_activation(net: Net, a: Array, df: Array | None, da: Array) -> Array:
    """Return dJ/dz of dJ/da, shapes (rows, n_L); df is None for a softmax.

    Through it dJ/dz_j = sum_k dJ/da_k da_k/dz_j = a_j (da_j - sum_k da_k a_k). Of an output near 1
    its own term would cancel in it: the largest has a_j (da_j (1 - a_j) - sum over the others).
    """
    return by_group(net, _through_softmax, a, da) if df is None else da * df


def _through_softmax(a: Array, da: Array) -> Array:
    terms = da * a
    delta = a * (da - terms.sum(axis=1, keepdims=True))
    largest = np.arange(len(a)), a.argmax(axis=1)
    terms[largest] = 0.0
    delta[largest] = a[largest] * (da[largest] * (1 - a[largest]) - terms.sum(axis=1))
    return delta


# --- as columns ----------------------------------------------------------------------------------


def tables(trace: TraceNumbers) -> dict[str, Columns]:
    layers = range(1, len(trace.a))
    df = [np.full_like(trace.a[l], np.nan) if trace.df[l] is None else trace.df[l] for l in layers]
    where = _stack([_where(l, trace.a[l].shape) for l in layers])
    return {
        "forward": {**where, "z": _flat(trace.z[1:]), "a": _flat(trace.a[1:])},
        "loss": {"row": np.arange(len(trace.X)), "share": trace.share, "loss": trace.loss_rows},
        "backward": {
            **where,
            "da": _flat(trace.da[1:]),
            "df": _flat(df),
            "delta": _flat(trace.delta[1:]),
        },
        "parameters": _parameters(trace),
    }


def _where(l: int, shape: tuple[int, ...]) -> Columns:
    row, unit = np.indices(shape).reshape(2, -1)
    return {"row": row, "layer": np.full(row.shape, l), "unit": unit}


def _parameters(trace: TraceNumbers) -> Columns:
    parts = []
    for l, (W, b) in enumerate(zip(trace.net.coefs, trace.net.intercepts, strict=True)):
        i, j = np.indices(W.shape).reshape(2, -1)
        i, j = np.append(i, np.full(len(b), -1)), np.append(j, np.arange(len(b)))
        parts.append({"layer": np.full(i.shape, l), "i": i, "j": j})
    columns = {**_stack(parts), "gradient": _interleaved(trace.dW, trace.db)}
    if trace.update is not None:
        for name, (old, new) in trace.update.slots.items():
            columns |= {f"{name}_old": _interleaved(*old), f"{name}_new": _interleaved(*new)}
        columns["old"] = _interleaved(*trace.update.old)
        columns["new"] = _interleaved(*trace.update.new)
    return columns


def _interleaved(W: Sequence[Array], b: Sequence[Array]) -> Array:
    """Return the weights and then the biases of each layer in turn."""
    return _flat([p for pair in zip(W, b, strict=True) for p in pair])


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.ravel(a) for a in arrays])


def _stack(parts: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
