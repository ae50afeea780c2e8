"""The same derivative in three ways, side by side: the chain, the compiled core, a difference of J.

How far apart they may lie is no constant: it is bounded for the net and rows at hand. u = 2^-53 is
the largest relative error of one rounding.

- A sum of n products is off by at most about n u times the sum of their absolute values, in
  whatever order it is added. The core and NumPy add in different orders, so z, a and delta differ,
  and what differs in one layer goes through the next. `_kernel_bound` follows these bounds from
  layer to layer to first order in u (running error analysis: N. Higham, "Accuracy and Stability of
  Numerical Algorithms", 2nd edition, 2002, section 3.3).
- A central difference with steps h and 2h is off by c h^2 and 4 c h^2: |D(2h) - D(h)| is three
  times the first. To it comes the rounding of J over h, bounded in the same way.
"""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _core
from ._chain_flow import Backward
from ._net import Net
from ._optimizer import new_trainer
from ._trace import Trace, activate, loss_derivative

Array = npt.NDArray[Any]

U = 2.0**-53
#: An exp, logistic, tanh or log of NumPy or of the core is off by fewer u (tests/test_kernels.py
#: has the core's bounds; NumPy promises 4 ulp, that is 8 u).
FUNCTION = 8
#: The core takes denormal numbers for 0.
TINY = float(np.finfo(np.float64).tiny)

_KINKED = ("relu", "leaky_relu")
_TRAINER = {"momentum": 0.0, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}


class MismatchError(ArithmeticError):
    """A derivative that two ways of computing it don't agree on; one of them is wrong."""


@dataclass(frozen=True)
class Verification:
    """One derivative in several ways, and how far from the chain each may be.

    Attributes
    ----------
    chain : float
        The chain's product, all paths and rows added up, with the L2 term.
    stored : float
        The gradient of the trace, in NumPy: ``trace.dW`` or ``trace.db``.
    stored_tolerance : float
    kernel : float or None
        The gradient of the compiled core in float64; None where it trains no such net.
    kernel_tolerance : float
    kernel_note : str
        How the core was made to compute it, or why it can't.
    difference : float or None
        The central difference of J; None where there is none.
    difference_tolerance : float
    difference_note : str
        The step of the difference, or why there is none.
    """

    chain: float
    stored: float
    stored_tolerance: float
    kernel: float | None
    kernel_tolerance: float
    kernel_note: str
    difference: float | None
    difference_tolerance: float
    difference_note: str

    def rows(self) -> list[tuple[str, float | None, float, str]]:
        """Return (what, value, tolerance, note) of the three, the chain itself first."""
        kernel = ("the kernel's gradient", self.kernel, self.kernel_tolerance, self.kernel_note)
        if self.kernel is None:
            kernel = ("NumPy's gradient", self.stored, self.stored_tolerance, self.kernel_note)
        return [
            ("product of the chain", self.chain, 0.0, ""),
            kernel,
            (
                "central difference of J",
                self.difference,
                self.difference_tolerance,
                self.difference_note,
            ),
        ]

    def check(self, symbol: str) -> None:
        """Raise a MismatchError if one of them is farther from the chain than it may be."""
        others = {
            "NumPy's gradient": (self.stored, self.stored_tolerance),
            "the kernel's gradient": (self.kernel, self.kernel_tolerance),
            "the central difference": (self.difference, self.difference_tolerance),
        }
        for name, (value, tolerance) in others.items():
            if value is not None and not abs(value - self.chain) <= tolerance:
                raise MismatchError(
                    f"dJ/d{symbol}: the chain's product is {self.chain!r}, {name} is {value!r}; "
                    f"they may differ by {tolerance:.1e} at most. One of them is wrong: please "
                    "report it, with the net and the rows."
                )


def verify(backward: Backward, value: float, l2_term: float, weight: float) -> Verification:
    """Compute the derivative in the other ways; see `Verification`."""
    trace, (l, i, j) = backward.trace, backward.address
    stored = float(trace.db[l][j] if i is None else trace.dW[l][i, j])
    size = float(np.sum(backward.share * backward.absolute_terms)) + abs(l2_term)
    # both sides are rounded so often at most
    stored_tolerance = 2 * backward.roundings() * U * size + TINY
    kernel, kernel_note = _kernel_gradient(trace, l, i, j)
    kernel_tolerance = stored_tolerance
    if kernel is not None:
        kernel_tolerance += _kernel_bound(trace, l, i, j)
    difference, difference_tolerance, difference_note = _difference(backward, weight)
    return Verification(
        chain=value,
        stored=stored,
        stored_tolerance=stored_tolerance,
        kernel=kernel,
        kernel_tolerance=kernel_tolerance,
        kernel_note=kernel_note,
        difference=difference,
        difference_tolerance=difference_tolerance + stored_tolerance,
        difference_note=difference_note,
    )


def check_paths(backward: Backward, row: int, products: Sequence[float]) -> None:
    """Raise a MismatchError if all paths of a row don't add up to what delta says."""
    paths, delta = math.fsum(products), float(backward.share[row] * backward.terms[row])
    size = float(backward.share[row] * backward.absolute_terms[row])
    tolerance = 2 * backward.roundings() * U * size + TINY
    if not abs(paths - delta) <= tolerance:
        raise MismatchError(
            f"row {row}: all paths add up to {paths!r}, delta gives {delta!r}; they may differ by "
            f"{tolerance:.1e} at most. One of them is wrong: please report it."
        )


# --- the kernel ----------------------------------------------------------------------------------


def _kernel_gradient(trace: Trace, l: int, i: int | None, j: int) -> tuple[float | None, str]:
    """Return the compiled core's gradient, and how it was got or why not."""
    found = _core_net(trace.net)
    if found is None:
        return None, "the core trains no net with this loss and output activation"
    W, b, activation, loss = found
    units = [*(len(w) for w in W), W[-1].shape[1]]
    trainer = new_trainer("sgd", units, activation, loss, np.dtype(np.float64), _TRAINER)
    trainer.set_parameters(W, b)
    gradient = trainer.loss_and_gradient(trace.X, trace.Y, trace.sample_weight, trace.net.alpha, 1)
    element = gradient[3][l][j] if i is None else gradient[2][l][i, j]
    note = "" if len(W) == len(trace.net.coefs) else "of the net with an identity layer on top"
    return float(element), note


def _core_net(net: Net) -> tuple[list[Array], list[Array], str, str] | None:
    """Return (W, b, activation, loss) of a net of the core with the same gradient, if there is one.

    Squared error of outputs with the activation of hidden units: these are hidden units of a net
    with one layer more, W = I and b = 0, whose outputs are the same numbers.
    """
    W, b = list(net.coefs), list(net.intercepts)
    known = _core.activations()
    if (net.loss, net.out_activation) in _core.losses():
        return (W, b, net.activation, net.loss) if net.activation in known else None
    same = len(W) == 1 or net.out_activation == net.activation
    if net.loss != "squared_error" or not same or net.out_activation not in known:
        return None
    n = net.units[-1]
    return [*W, np.eye(n)], [*b, np.zeros(n)], net.out_activation, "squared_error"


def _kernel_bound(trace: Trace, l: int, i: int | None, j: int) -> float:
    """Bound how far two evaluations of dJ/dw lie apart; e_x is what x may be off by."""
    net, L = trace.net, len(trace.net.coefs)
    W, b, a, share = net.coefs, net.intercepts, trace.a, trace.share[:, np.newaxis]
    e_a: list[Any] = [np.zeros_like(a[0])]
    e_df: list[Any] = [None]
    for m in range(1, L + 1):
        below, size = np.abs(a[m - 1]), np.abs(W[m - 1])
        terms = below @ size + np.abs(b[m - 1])
        e_z = e_a[m - 1] @ size + (len(size) + 2) * U * terms
        e_a.append(_error_of_activation(net.layer_activation(m), trace.z[m], a[m], e_z))
        e_df.append(_error_of_slope(net.layer_activation(m), trace.z[m], a[m], e_z, e_a[m]))
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


def _error_of_activation(name: str, z: Array, a: Array, e_z: Array) -> Array:
    own = FUNCTION * U * np.abs(a)
    if name == "identity":
        return e_z
    if name == "softmax":
        return a * (e_z + (a * e_z).sum(axis=1, keepdims=True)) + own + a.shape[1] * U * a
    if name in _KINKED:
        return e_z * np.where(z > -e_z, 1.0, 0.01 if name == "leaky_relu" else 0.0)
    slope = {"logistic": a * (1 - a), "tanh": 1 - a * a, "exp": a}[name]
    # and the second derivative, at most 1 for the first two, where the slope is all but 0
    curved = np.abs(a) if name == "exp" else 1.0
    return slope * e_z + curved * e_z * e_z + own


def _error_of_slope(name: str, z: Array, a: Array, e_z: Array, e_a: Array) -> Array:
    """Bound how far f'(z) may be off: by a whole jump where z is within rounding of a kink."""
    if name in _KINKED:
        return np.where(np.abs(z) <= e_z, 1.0, 0.0)
    if name == "logistic":
        return np.abs(1 - 2 * a) * e_a + 3 * U * a
    if name == "tanh":
        return 2 * np.abs(a) * e_a + 3 * U
    return np.zeros_like(e_a)


# --- the central difference ----------------------------------------------------------------------

#: A step that moves z by this part of its size balances h^2 against u/h.
_STEP = float(np.cbrt(np.finfo(np.float64).eps))
_SMALLEST = 1e-10


def _difference(backward: Backward, weight: float) -> tuple[float | None, float, str]:
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
        scale = trace.net.alpha / 2 / backward.sum_w
        penalty = scale * (above * above - below * below) / (above - below)
        rows_tolerance += scale * 4 * U * above * above / h0
    return rows_value + penalty, rows_tolerance, note


def _range(h: Array) -> str:
    low, high = float(h.min()), float(h.max())
    return f"h = {low:.1e}" if high < 1.05 * low else f"h = {low:.1e} to {high:.1e}"


def _off_kinks(trace: Trace, l: int, j: int, rows: Array, move: Array) -> tuple[Array, int]:
    """Shrink the steps of rows that would cross a kink; return them and how many rows still do."""
    net = trace.net
    if not any(net.layer_activation(m) in _KINKED for m in range(l + 1, len(net.coefs) + 1)):
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


def _above(trace: Trace, l: int, j: int, rows: Array, by: Array) -> list[Array]:
    """Return [z[l+1], ..., z[L]] of some rows with z[l+1][:, j] moved."""
    net, L = trace.net, len(trace.net.coefs)
    z = trace.z[l + 1][rows].copy()
    z[:, j] += by
    sums = [z]
    for m in range(l + 2, L + 1):
        z = activate(net.layer_activation(m - 1), z) @ net.coefs[m - 1] + net.intercepts[m - 1]
        sums.append(z)
    return sums


def _signs(trace: Trace, l: int, j: int, rows: Array, by: Array) -> Array:
    """Return which kinked units above the weight are on, (rows, units)."""
    net = trace.net
    sums = _above(trace, l, j, rows, by)
    kinked = [z > 0 for m, z in enumerate(sums, start=l + 1) if net.layer_activation(m) in _KINKED]
    return np.concatenate(kinked, axis=1)


def _losses_from(trace: Trace, l: int, j: int, rows: Array, by: Array) -> tuple[Array, Array]:
    """Return the losses of rows with z[l+1][:, j] moved, and what rounding does to them."""
    net, L = trace.net, len(trace.net.coefs)
    sums = _above(trace, l, j, rows, by)
    Y = trace.Y[rows]
    e_z = np.zeros_like(sums[0])
    e_z[:, j] = 2 * U * (np.abs(sums[0][:, j]) + np.abs(by))
    a = activate(net.layer_activation(l + 1), sums[0])
    for m in range(l + 2, L + 1):
        e_a = _error_of_activation(net.layer_activation(m - 1), sums[m - l - 2], a, e_z)
        size = np.abs(net.coefs[m - 1])
        terms = np.abs(a) @ size + np.abs(net.intercepts[m - 1])
        e_z = e_a @ size + (len(size) + 2) * U * terms
        a = activate(net.layer_activation(m), sums[m - l - 1])
    z = sums[-1]
    n = z.shape[1] + FUNCTION
    if net.canonical:
        loss, size = _loss_of_sums(net.loss, z, a, Y)
        return loss, (np.abs(a - Y) * e_z).sum(axis=1) + n * U * size
    e_a = _error_of_activation(net.out_activation, z, a, e_z)
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
        terms = np.square(a - Y) / 2
    elif loss == "poisson":
        return (a - Y * np.log(a)).sum(axis=1), (a + np.abs(Y * np.log(a))).sum(axis=1)
    else:
        log_a = np.log(a, where=Y != 0, out=np.zeros_like(a))
        terms = -Y * log_a
        if loss == "binary_log_loss":
            terms = terms - (1 - Y) * np.log1p(-a, where=Y != 1, out=np.zeros_like(a))
    return terms.sum(axis=1), np.abs(terms).sum(axis=1)
