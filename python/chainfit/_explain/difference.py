"""The central difference of J by one weight, with what it may be off by.

With steps h and 2h it is off by c h^2 and 4 c h^2, so that |D(2h) - D(h)| is three times the first;
to it comes the rounding of J over h, bounded as in `bounds`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from . import rules
from .bounds import error_of_activation, error_of_sums
from .flow import Backward
from .formula import Formula, substitute
from .net import Net
from .rounding import U, bounded, conditions
from .trace import TraceNumbers, activate, loss_derivative, values

Array = npt.NDArray[Any]

#: A step that moves z by this part of its size balances h^2 against u/h.
_STEP = float(np.cbrt(np.finfo(np.float64).eps))
_SMALLEST = 1e-10


def central_difference(backward: Backward, weight: float) -> tuple[float | None, float, str]:
    """Return the central difference of J, its tolerance, and a note.

    The rows' losses are differenced one by one, each with a step that moves the weighted sum of its
    own unit by as much: smaller where the step would cross a kink of an activation.
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
            net = trace.net
            layers = [m for m in range(l + 1, len(net.coefs) + 1) if _kinks(net, m)]
            names = " or ".join(dict.fromkeys(map(net.layer_activation, layers)))
            why = "J has no derivative there, and training takes the left one"
            return None, 0.0, f"{on_kink} rows lie on a kink of {names}: {why}"
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
    if not any(_kinks(net, m) for m in range(l + 1, len(net.coefs) + 1)):
        return move, 0
    move = move.copy()
    pending = np.arange(len(move))
    index = np.flatnonzero(rows)
    while pending.size:
        sides = [
            _sides(trace, l, j, index[pending], factor * move[pending]) for factor in (-2, 0, 2)
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


def _sides(trace: TraceNumbers, l: int, j: int, rows: Array, by: Array) -> Array:
    """Return on which side of each kink the units above the weight are, (rows, kinks)."""
    sides = [np.empty((len(by), 0), dtype=bool)]
    for m, z in enumerate(_above(trace, l, j, rows, by), start=l + 1):
        for condition in _kinks(trace.net, m):
            sides.append(substitute(condition, {rules.Z: values(z)}).value > 0)
    return np.concatenate(sides, axis=1)


def _kinks(net: Net, m: int) -> list[Formula]:
    """Return what is 0 at the kinks of the activation of layer m."""
    return list(conditions(rules.ACTIVATIONS[net.layer_activation(m)].slope))


def _outputs(net: Net, m: int, z: Array, e_z: Array) -> tuple[Array, Array]:
    """Return what a layer gives, and what it may be off by."""
    name = net.layer_activation(m)
    return activate(name, z), error_of_activation(name, z, e_z)


def _losses_from(
    trace: TraceNumbers, l: int, j: int, rows: Array, by: Array
) -> tuple[Array, Array]:
    """Return the losses of rows with z[l+1][:, j] moved, and what rounding does to them.

    Without the clipping of probabilities: training's gradient is that of the loss before it.
    """
    net, L = trace.net, len(trace.net.coefs)
    sums = _above(trace, l, j, rows, by)
    e_z = np.zeros_like(sums[0])
    e_z[:, j] = 2 * U * (np.abs(sums[0][:, j]) + np.abs(by))
    a, e_a = _outputs(net, l + 1, sums[0], e_z)
    for m, z in enumerate(sums[1:], start=l + 2):
        e_z = error_of_sums(a, e_a, net.coefs[m - 1], net.intercepts[m - 1])
        a, e_a = _outputs(net, m, z, e_z)
    rule, Y, z = rules.loss_of(net), trace.Y[rows], sums[-1]
    if net.canonical and rule.of_sum is not None:
        loss, own = bounded(rule.of_sum, {rules.Y: Y, rules.Z: z, rules.Z_K: z})
        passed_on = np.abs(a - Y) * e_z
    else:
        loss, own = bounded(rule.scale * rule.term, {rules.Y: Y, rules.A: a})
        passed_on = np.abs(loss_derivative(net, Y, a)) * e_a
    error = passed_on + own + net.units[L] * U * np.abs(loss)
    return loss.sum(axis=1), error.sum(axis=1)
