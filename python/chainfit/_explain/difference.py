"""The central difference of J by one weight, with what it may be off by.

With steps h and 2h it is off by c h^2 and 4 c h^2, so that |D(2h) - D(h)| is three times the first;
to it comes the rounding of J over h, bounded as in `bounds`.
"""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .bounds import FUNCTION, KINKED, U, error_of_activation
from .flow import Backward
from .trace import TraceNumbers, activate, loss_derivative

Array = npt.NDArray[Any]

#: A step that moves z by this part of its size balances h^2 against u/h.
_STEP = float(np.cbrt(np.finfo(np.float64).eps))
_SMALLEST = 1e-10


def central_difference(backward: Backward, weight: float) -> tuple[float | None, float, str]:
    """Return the central difference of J, its tolerance, and a note.

    The rows' losses are differenced one by one, each with a step that moves the weighted sum of its
    own unit by as much: smaller where the step would cross a kink of relu.
    """
    trace, (l, i, j) = backward.trace, backward.address
    source = backward.source
    moved = source != 0  # the other rows don't feel the weight
    if not moved.any():
        rows_value, rows_tolerance, note = 0.0, 0.0, "J does not depend on the weight in any row"
    else:
        z = np.abs(trace.z[l + 1][moved, j])
        move = _STEP * np.maximum(1.0, z)  # of z, h times the source
        move, on_kink = _off_kinks(trace, l, j, moved, move)
        if on_kink:
            return (
                None,
                0.0,
                f"{on_kink} rows lie on a kink of {trace.net.activation}: J has no derivative "
                "there, and training takes the left one",
            )
        h = move / np.abs(source[moved])
        share = backward.share[moved]
        losses, error = [], np.zeros(len(h))
        for step in (-2.0, -1.0, 1.0, 2.0):
            loss, e = _losses_from(trace, l, j, moved, step * move * np.sign(source[moved]))
            losses.append(loss)
            error = np.maximum(error, e)
        wide = (losses[3] - losses[0]) / (4 * h)
        narrow = (losses[2] - losses[1]) / (2 * h)
        rows_value = float(share @ narrow)
        # also the sum over the rows, and that z + move is rounded
        slack = (len(h) + 8) * U * np.abs(narrow) + 4 * U * np.maximum(1, z) / move * np.abs(narrow)
        rows_tolerance = float(share @ (np.abs(wide - narrow) + 2 * error / h + slack))
        note = f"steps {_range(h)} to either side"
    penalty = 0.0
    if i is not None and trace.net.alpha:
        h0 = _STEP * max(1.0, abs(weight))
        above, below = weight + h0, weight - h0
        scale = trace.net.alpha / 2 / trace.sum_w
        penalty = scale * (above * above - below * below) / (above - below)
        rows_tolerance += scale * 4 * U * above * above / h0
    return rows_value + penalty, rows_tolerance, note


def _range(h: Array) -> str:
    low, high = float(h.min()), float(h.max())
    return f"h = {low:.1e}" if high < 1.05 * low else f"h = {low:.1e} to {high:.1e}"


def _off_kinks(trace: TraceNumbers, l: int, j: int, rows: Array, move: Array) -> tuple[Array, int]:
    """Shrink the steps of rows that would cross a kink; return them and how many rows still do."""
    net = trace.net
    if not any(net.layer_activation(m) in KINKED for m in range(l + 1, len(net.coefs) + 1)):
        return move, 0
    move = move.copy()
    pending = np.arange(len(move))
    index = np.flatnonzero(rows)
    while pending.size:
        sides = [
            _signs(trace, l, j, index[pending], factor * move[pending]) for factor in (-2, 0, 2)
        ]
        crosses = ((sides[0] != sides[1]) | (sides[2] != sides[1])).any(axis=1)
        pending = pending[crosses]
        if not pending.size or move[pending].min() < _SMALLEST:
            break
        move[pending] /= 8
    return move, pending.size


def _above(trace: TraceNumbers, l: int, j: int, rows: Array, by: Array) -> list[Array]:
    """Return [z[l+1], ..., z[L]] of some rows with z[l+1][:, j] moved."""
    net, L = trace.net, len(trace.net.coefs)
    z = trace.z[l + 1][rows].copy()
    z[:, j] += by
    sums = [z]
    for m in range(l + 2, L + 1):
        z = activate(net.layer_activation(m - 1), z) @ net.coefs[m - 1] + net.intercepts[m - 1]
        sums.append(z)
    return sums


def _signs(trace: TraceNumbers, l: int, j: int, rows: Array, by: Array) -> Array:
    """Return which kinked units above the weight are on, (rows, units)."""
    net = trace.net
    sums = _above(trace, l, j, rows, by)
    kinked = [z > 0 for m, z in enumerate(sums, start=l + 1) if net.layer_activation(m) in KINKED]
    return np.concatenate(kinked, axis=1)


def _losses_from(
    trace: TraceNumbers, l: int, j: int, rows: Array, by: Array
) -> tuple[Array, Array]:
    """Return the losses of rows with z[l+1][:, j] moved, and what rounding does to them."""
    net, L = trace.net, len(trace.net.coefs)
    sums = _above(trace, l, j, rows, by)
    Y = trace.Y[rows]
    e_z = np.zeros_like(sums[0])
    e_z[:, j] = 2 * U * (np.abs(sums[0][:, j]) + np.abs(by))
    a = activate(net.layer_activation(l + 1), sums[0])
    for m in range(l + 2, L + 1):
        e_a = error_of_activation(net.layer_activation(m - 1), sums[m - l - 2], a, e_z)
        size = np.abs(net.coefs[m - 1])
        terms = np.abs(a) @ size + np.abs(net.intercepts[m - 1])
        e_z = e_a @ size + (len(size) + 2) * U * terms
        a = activate(net.layer_activation(m), sums[m - l - 1])
    z = sums[-1]
    n = z.shape[1] + FUNCTION
    if net.canonical:
        loss, size = _loss_of_sums(net.loss, z, a, Y)
        return loss, (np.abs(a - Y) * e_z).sum(axis=1) + n * U * size
    e_a = error_of_activation(net.out_activation, z, a, e_z)
    loss, size = _loss_of_outputs(net.loss, a, Y)
    return loss, (np.abs(loss_derivative(net.loss, Y, a)) * e_a).sum(axis=1) + n * U * size


def _loss_of_sums(loss: str, z: Array, a: Array, Y: Array) -> tuple[Array, Array]:
    """Return loss and sum of its terms' sizes, (rows,), from z[L] of the canonical link.

    Without the clipping of probabilities: training's gradient is that of the loss before it.
    """
    if loss == "squared_error":
        return _loss_of_outputs(loss, a, Y)
    if loss == "binary_log_loss":  # ln(1 + e^z) - y z
        soft = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
        return (soft - Y * z).sum(axis=1), (soft + np.abs(Y * z)).sum(axis=1)
    if loss == "log_loss":  # ln(sum e^z) - y z, both less the largest z
        z = z - z.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(z).sum(axis=1))
        return log_sum - (Y * z).sum(axis=1), 1 + log_sum + (np.abs(Y * z)).sum(axis=1)
    # Poisson, less what does not depend on z: e^z - y z
    return (a - Y * z).sum(axis=1), (a + np.abs(Y * z)).sum(axis=1)


def _loss_of_outputs(loss: str, a: Array, Y: Array) -> tuple[Array, Array]:
    """Return loss and sum of its terms' sizes, (rows,), from a[L]; unclipped as above."""
    if loss == "squared_error":
        terms = [np.square(a - Y) / 2]
    else:
        terms = [-Y * np.log(a, where=Y != 0, out=np.zeros_like(a))]
        if loss == "binary_log_loss":
            terms.append((Y - 1) * np.log1p(-a, where=Y != 1, out=np.zeros_like(a)))
        elif loss == "poisson":  # less what does not depend on a
            terms.append(a)
    return sum(terms).sum(axis=1), sum(map(np.abs, terms)).sum(axis=1)
