"""The same derivative in three ways, side by side: the chain, the compiled core, a difference of J.

How far apart they may lie is no constant: `bounds` bounds it for the net and rows at hand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from .. import _core
from .._common.public import public
from .._estimators.optimizer import new_trainer
from .bounds import TINY, kernel_bound
from .difference import central_difference
from .flow import Backward
from .formula import Array
from .net import Net
from .rounding import U
from .trace import TraceNumbers

Way = tuple[str, float | None, float, str]  # what, its value, what it may be off by, a note


@public
class MismatchError(ArithmeticError):
    """Error raised if two ways of computing a derivative disagree by more than rounding explains.

    One of them is wrong: please report it.

    See Also
    --------
    explain : Raises it.

    Examples
    --------
    >>> import chainfit
    >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]])
    >>> try:
    ...     print(chainfit.explain(net, [2.0, 1.0], 1.0, "w_12^(1)").value)
    ... except chainfit.MismatchError as error:
    ...     print(error)
    -0.75
    """


@dataclass(frozen=True)
class Verification:
    """One derivative computed in several ways, with the tolerance of each.

    Attributes
    ----------
    chain : float
        The product of the chain, summed over all paths and rows, with penalties.
    stored, stored_tolerance : float
        The gradient of the trace, computed by NumPy, and its largest possible distance from
        `chain` due to rounding.
    kernel : float or None
        The gradient of the compiled core in float64; None if it trains no such net.
    kernel_tolerance : float
        Its largest possible distance from `chain`.
    kernel_note : str
        How it was computed, or why not.
    difference : float or None
        The central difference of J; None if there is none.
    difference_tolerance : float
        Its largest possible distance from `chain`.
    difference_note : str
        How it was computed, or why not.
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

    def rows(self) -> list[Way]:
        """Return the chain, a gradient and the difference as (name, value, tolerance, note)."""
        stored, kernel, difference = self._others()
        shown = stored if self.kernel is None else kernel
        return [("product of the chain", self.chain, 0.0, ""), shown, difference]

    def _others(self) -> list[Way]:
        name, tolerance = "central difference of J", self.difference_tolerance
        return [
            ("NumPy's gradient", self.stored, self.stored_tolerance, self.kernel_note),
            ("the kernel's gradient", self.kernel, self.kernel_tolerance, self.kernel_note),
            (name, self.difference, tolerance, self.difference_note),
        ]

    def check(self, symbol: str) -> None:
        """Raise a MismatchError if one of them is outside its tolerance."""
        for name, value, tolerance, _ in self._others():
            if value is not None and not abs(value - self.chain) <= tolerance:
                what = f"dJ/d{symbol}: the chain's product is {self.chain!r}, {name} is {value!r}"
                _refuse(what, tolerance, ", with the net and the rows")


def _refuse(what: str, tolerance: float, with_what: str) -> NoReturn:
    raise MismatchError(
        f"{what}; they may differ by {tolerance:.1e} at most. One of them is wrong: please report "
        f"it{with_what}."
    )


def verify(backward: Backward, value: float, penalty: float, weight: float) -> Verification:
    trace, (l, i, j) = backward.trace, backward.address
    stored = float(trace.db[l][j] if i is None else trace.dW[l][i, j])
    size = float(np.sum(backward.share * backward.absolute_terms)) + penalty
    rounded = _tolerance(backward, size)
    kernel, kernel_note = _kernel_gradient(trace, l, i, j)
    off = 0.0 if kernel is None else kernel_bound(trace, l, i, j)
    difference, error, note = central_difference(backward, weight)
    ways = (stored, rounded, kernel, rounded + off, kernel_note, difference, error + rounded, note)
    return Verification(value, *ways)


def check_paths(backward: Backward, row: int, products: Sequence[float]) -> None:
    """Raise a MismatchError if all paths of a row don't add up to what delta says."""
    paths, delta = math.fsum(products), float(backward.share[row] * backward.terms[row])
    tolerance = _tolerance(backward, float(backward.share[row] * backward.absolute_terms[row]))
    if not abs(paths - delta) <= tolerance:
        _refuse(f"row {row}: all paths add up to {paths!r}, delta gives {delta!r}", tolerance, "")


def _tolerance(backward: Backward, size: float) -> float:
    # either side is rounded that many times at most
    return 2 * backward.roundings() * U * size + TINY


# --- the kernel ----------------------------------------------------------------------------------


def _kernel_gradient(
    trace: TraceNumbers, l: int, i: int | None, j: int
) -> tuple[float | None, str]:
    """Return the compiled core's gradient, and how it was got or why not."""
    found = _core_net(trace.net)
    if found is None:
        return None, "the core trains no net with this loss and output activation"
    W, b, activation, out_activation = found
    loss, custom = trace.net.loss, trace.net.custom
    units = [*(len(w) for w in W), W[-1].shape[1]]
    known = _core.losses()[loss].parameters if custom is None else []
    own = {p.name: getattr(trace.net, p.name) for p in known}
    trainer = new_trainer(
        *("sgd", units, activation, loss, np.dtype(np.float64), own, out_activation),
        trace.net.groups,
    )
    trainer.set_parameters(W, b)
    X, Y, w = trace.X, trace.Y, trace.sample_weight
    if trace.dropout is not None:
        _, rates, seed, step, order = trace.dropout
        trainer.set_dropout(rates, seed)
        trainer.steps = step
        X, Y, w = X[order], Y[order], None if w is None else w[order]
    drops = trace.dropout is not None
    hook = None if custom is None else custom.on(Y, w)
    gradient = trainer.loss_and_gradient(
        X, Y, w, trace.net.alpha, 1, trace.net.l1, dropout=drops, loss_hook=hook
    )
    element = gradient[3][l][j] if i is None else gradient[2][l][i, j]
    note = "" if len(W) == len(trace.net.coefs) else "of the net with an identity layer on top"
    return float(element), note


def _core_net(net: Net) -> tuple[list[Array], list[Array], tuple[str, ...], str] | None:
    """Return (W, b, activations, out_activation) of a core's net with the same gradient, if any.

    Outputs with an activation of hidden units and a loss of identity outputs are hidden units of a
    net with one layer more, W = I and b = 0, whose outputs are the same numbers.
    """
    W, b = list(net.coefs), list(net.intercepts)
    known, loss = _core.activations(), _core.losses().get(net.loss)
    if loss is None and net.custom is None:
        return None
    link = _core.links().get(net.out_activation)
    hidden = tuple(net.layer_activation(l) for l in range(1, len(W)))
    if not known.keys() >= {*hidden}:
        return None
    if loss is None or loss.link == net.out_activation or (link is not None and link.unit_by_unit):
        return W, b, hidden, net.out_activation
    if loss.link != "identity" or net.out_activation not in known:
        return None
    n = net.units[-1]
    return [*W, np.eye(n)], [*b, np.zeros(n)], (*hidden, net.out_activation), loss.link
