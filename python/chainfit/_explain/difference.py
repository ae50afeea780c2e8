"""The central difference of J by one weight, with what it may be off by.

With steps h and 2h it is off by c h^2 and 4 c h^2, so that |D(2h) - D(h)| is three times the first;
to it comes the rounding of J over h, bounded as in `bounds`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from . import rules
from .bounds import forward
from .flow import Backward
from .formula import Array, Formula, plain, substitute, variables_of
from .net import Net
from .outputs import by_group, known
from .rounding import Bounded, U, bounded, conditions
from .trace import TraceNumbers, loss_derivative

#: A step that moves z by this part of its size balances h^2 against u/h.
_STEP = float(np.cbrt(np.finfo(np.float64).eps))
_SMALLEST = 1e-10
#: Roundings of numbers of the size of loss and outputs that a user's loss may have.
_INSIDE = 64


def central_difference(backward: Backward, weight: float) -> tuple[float | None, float, str]:
    """Return the central difference of J, its tolerance, and a note.

    The rows' losses are differenced one by one, each with a step that moves the weighted sum of its
    own unit by as much: smaller where the step would cross a kink of an activation or the loss.
    """
    trace, (l, i, j) = backward.trace, backward.address
    net, moved = trace.net, np.flatnonzero(backward.source)  # the other rows don't feel the weight
    source, share = backward.source[moved], backward.share[moved]
    value = tolerance = 0.0
    note = "J does not depend on the weight in any row"
    if moved.size:
        z = np.maximum(1.0, np.abs(trace.z[l + 1][moved, j]))
        move, on_kink = _off_kinks(trace, l, j, moved, _STEP * z)  # of z, h times the source
        if on_kink:
            layers = [m for m in range(l + 1, len(net.coefs) + 1) if _kinks(net, m)]
            found = [*map(net.layer_activation, layers), *[net.loss] * rules.loss_of(net).jumps]
            names = " or ".join(dict.fromkeys(found))
            why = "J has no derivative there, and training takes the left one"
            if not layers:
                why = "J has no derivative there, and training takes 0"
            return None, 0.0, f"{on_kink} rows lie on a kink of {names}: {why}"
        h = move / np.abs(source)
        steps = [step * move * np.sign(source) for step in (-2.0, -1.0, 1.0, 2.0)]
        losses = [_losses_from(trace, l, j, moved, by) for by in steps]
        error = np.max([loss.error for loss in losses], axis=0)
        wide = (losses[3].value - losses[0].value) / (4 * h)
        narrow = (losses[2].value - losses[1].value) / (2 * h)
        # also the sum over the rows, and that z + move is rounded
        slack = (len(h) + 8) * U * np.abs(narrow) + 4 * U * z / move * np.abs(narrow)
        value = float(share @ narrow)
        if net.custom is not None:  # whose kinks are not known: as far as its slopes differ
            ends = [_moved(trace, l, j, moved, by)[-1][1].value for by in (steps[0], steps[-1])]
            low, high = (loss_derivative(net, trace.Y[moved], a) for a in ends)
            slack = slack + (np.abs(high - low) * np.abs(ends[1] - ends[0])).sum(axis=1) / h
        tolerance = float(share @ (np.abs(wide - narrow) + 2 * error / h + slack))
        note = f"steps {_range(h)} to either side"
    for key, rule in rules.penalties_of(net).items() if i is not None else ():
        h0 = _STEP * max(1.0, abs(weight))
        if weight:  # off the kink of |w|
            h0 = min(h0, abs(weight) / 2)
        above, below = (
            float(substitute(rule.term, {rules.W: plain(w)}).value)
            for w in (weight + h0, weight - h0)
        )
        scale = getattr(net, key) / rule.divisor / trace.sum_w
        value += scale * (above - below) / (weight + h0 - (weight - h0))
        tolerance += scale * 4 * U * max(above, below) / h0
    return value, tolerance, note


def _range(h: Array) -> str:
    low, high = float(h.min()), float(h.max())
    return f"h = {low:.1e}" if high < 1.05 * low else f"h = {low:.1e} to {high:.1e}"


def _off_kinks(trace: TraceNumbers, l: int, j: int, rows: Array, move: Array) -> tuple[Array, int]:
    """Shrink the steps of rows that would cross a kink; return them and how many rows still do."""
    layers = range(l + 1, len(trace.net.coefs) + 1)
    if not (rules.loss_of(trace.net).jumps or any(_kinks(trace.net, m) for m in layers)):
        return move, 0
    pending = np.arange(len(move))
    while pending.size:
        low, middle, high = (
            _sides(trace, l, j, rows[pending], factor * move[pending]) for factor in (-2, 0, 2)
        )
        pending = pending[((low != middle) | (high != middle)).any(axis=1)]
        if not pending.size or move[pending].min() < _SMALLEST:
            break
        move[pending] /= 8
    return move, pending.size


def _moved(
    trace: TraceNumbers, l: int, j: int, rows: Array, by: Array
) -> list[tuple[Bounded, Bounded]]:
    """Return z and a of rows, layers l+1..L, with z[l+1][:, j] moved."""
    z = trace.z[l + 1][rows]
    z[:, j] += by
    error = np.zeros_like(z)
    error[:, j] = 2 * U * (np.abs(z[:, j]) + np.abs(by))
    return list(forward(trace, l + 1, Bounded(z, error), rows))


def _sides(trace: TraceNumbers, l: int, j: int, rows: Array, by: Array) -> Array:
    """Return on which side of each kink units above the weight and loss are, (rows, kinks)."""
    sides = [np.empty((len(by), 0), dtype=bool)]
    moved, loss = _moved(trace, l, j, rows, by), rules.loss_of(trace.net)
    for m, (z, _) in enumerate(moved, start=l + 1):
        for condition in _kinks(trace.net, m):
            sides.append(substitute(condition, {rules.Z: plain(z.value)}).value > 0)
    values = {rules.Y: plain(trace.Y[rows]), rules.A: plain(moved[-1][1].value)}
    for condition in conditions(loss.slope) if loss.jumps else ():
        sides.append(substitute(condition, values).value > 0)
    return np.concatenate(sides, axis=1)


def _kinks(net: Net, m: int) -> list[Formula]:
    found = conditions(rules.ACTIVATIONS[net.layer_activation(m)].slope)
    return [condition for condition in found if rules.Z in variables_of(condition)]


def _losses_from(trace: TraceNumbers, l: int, j: int, rows: Array, by: Array) -> Bounded:
    """Return the losses of rows with z[l+1][:, j] moved, and what rounding does to them.

    Without the clipping of probabilities: training's gradient is that of the loss before it.
    """
    net, Y = trace.net, trace.Y[rows]
    z, a = _moved(trace, l, j, rows, by)[-1]
    rule = rules.loss_of(net)
    if net.canonical and rule.of_sum is not None:
        loss, own = (
            by_group(net, partial(_of_sum, rule.of_sum, part), Y, z.value) for part in (0, 1)
        )
        passed_on = np.abs(a.value - Y) * z.error
    else:
        others = known(net, Y, a.value)
        loss, own = bounded(rule.scale * rule.term, {rules.Y: Y, rules.A: a.value, **others})
        if net.custom is not None:  # what it computes on its way is not known
            own = _INSIDE * U * (np.abs(loss) + np.abs(a.value) + np.abs(Y) + 1)
        passed_on = np.abs(loss_derivative(net, Y, a.value)) * a.error
    error = passed_on + own + net.units[-1] * U * np.abs(loss)
    return Bounded(loss.sum(axis=1), error.sum(axis=1))


def _of_sum(tree: Formula, part: int, Y: Array, z: Array) -> Array:
    """Return the losses before clipping of the outputs of one softmax, or their errors."""
    found: Any = tuple(bounded(tree, {rules.Y: Y, rules.Z: z, rules.Z_K: z}))[part]
    return np.broadcast_to(found, z.shape)
