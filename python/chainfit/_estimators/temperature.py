"""The temperature of classifiers: how sure they are, set right on rows that they have not seen.

Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks" (2017). It divides the
outputs before the softmax or the logistic function, so it goes into the last W and b, and the net
stays one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from .. import _core

Array = npt.NDArray[Any]

#: What 1 / temperature is looked for in.
BOUNDS = (0.01, 20.0)


class Unseen(NamedTuple):
    """Rows that a net was not trained on."""

    below: Array  # (rows, n_{L-1}): the activations below the output layer
    Y: Array  # (rows, n_L): one-hot, or 0 and 1 of two classes
    sample_weight: Array | None  # (rows,)


def unseen_rows(net: Any, X: Array, Y: Array, sample_weight: Array | None) -> Unseen:
    """Return rows X (rows, n_0) as what a net makes of them below its outputs."""
    last = len(net.coefs_)
    below = X if last == 1 else net.activations(X, last - 1)
    return Unseen(below, Y, sample_weight)


def fit_temperature(nets: Sequence[Any], unseen: Sequence[Unseen], n_threads: int = 1) -> float:
    """Return the temperature at which nets have the least log loss on rows they have not seen.

    Parameters
    ----------
    nets : sequence of MLPClassifier
    unseen : sequence of Unseen
        Those of each net. One temperature for all of them is fitted on as many rows.
    n_threads : int, default=1

    Returns
    -------
    temperature : float
        1 where a weight is negative, which leaves no least loss.

    Notes
    -----
    The targets are as if one row more had been seen, evenly of all classes, so that a few rows that
    are all right don't make a net ever so sure. Platt (1999) adds a row for each class, which with
    many classes leaves a net too unsure: with 26 (letter) the log loss is 14 % higher. The losses
    are the core's own, in float64, so the bits are the same on every machine.
    """
    weights = [_weight(rows) for rows in unseen]
    if any(weight.min() < 0 for weight in weights):
        return 1.0
    count = sum(len(rows.Y) for rows in unseen)
    losses = [_loss_of(net, rows, count, n_threads) for net, rows in zip(nets, unseen, strict=True)]
    shares = [float(weight.sum()) for weight in weights]

    def mean_loss(inverse: float) -> float:
        return sum(share * loss(inverse) for share, loss in zip(shares, losses, strict=True))

    return 1.0 / float(minimize_scalar(mean_loss, bounds=BOUNDS, method="bounded").x)


def _weight(rows: Unseen) -> Array:
    return np.ones(len(rows.Y)) if rows.sample_weight is None else rows.sample_weight


def _loss_of(net: Any, rows: Unseen, count: int, n_threads: int) -> Callable[[float], float]:
    """Return a net's mean loss on its rows, of `count` in all, by 1 / temperature."""
    classes = max(2, rows.Y.shape[1])
    share = 1 / (count + 1)
    targets = rows.Y * (1 - share) + share / classes
    weight = None if rows.sample_weight is None else rows.sample_weight.astype(np.float64)
    below = np.ascontiguousarray(rows.below, dtype=np.float64)
    W, b = net.coefs_[-1].astype(np.float64), net.intercepts_[-1].astype(np.float64)
    link = net.out_activation_
    loss = "log_loss" if link == "softmax" else "binary_log_loss"

    def loss_at(inverse: float) -> float:
        output = _core.predict(below, [W * inverse], [b * inverse], "identity", link, n_threads)
        return _core.loss(output, targets, weight, loss)

    return loss_at


def fold_temperature(net: Any, temperature: float) -> None:
    """Divide a net's outputs before their activation: its last W and b."""
    W, b = net.coefs_[-1], net.intercepts_[-1]
    net.coefs_ = [*net.coefs_[:-1], (W / temperature).astype(W.dtype)]
    net.intercepts_ = [*net.intercepts_[:-1], (b / temperature).astype(b.dtype)]
    # of the weights before
    net.__dict__.pop("_optimizer", None)
