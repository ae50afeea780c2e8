"""Losses of a row given its targets and outputs, in plain NumPy.

To add one: its line in LOSSES, with its slope where its link is not the canonical one.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .arrays import Array


def _squared_error(Y: Array, a: Array) -> Array:
    return np.square(Y - a).sum(axis=1) / 2


def _clipped(a: Array) -> Array:
    # A probability rounded to 0 or 1 would cost infinity. Only the loss sees the clipped value.
    eps = np.finfo(a.dtype).eps
    return np.clip(a, eps, 1 - eps)


def _binary_log_loss(Y: Array, a: Array) -> Array:
    a = _clipped(a)
    return -(Y * np.log(a) + (1 - Y) * np.log(1 - a)).sum(axis=1)


def _log_loss(Y: Array, a: Array) -> Array:
    return -(Y * np.log(_clipped(a))).sum(axis=1)


def _poisson(Y: Array, a: Array) -> Array:
    with np.errstate(divide="ignore"):  # a = 0 where y > 0: infinite loss
        ratio = np.divide(Y, a, out=np.ones_like(a), where=Y != 0)  # y ln y -> 0 for y -> 0
    return (Y * np.log(ratio) - Y + a).sum(axis=1)


def _huber(Y: Array, a: Array, huber_delta: float = 1.35) -> Array:
    size = np.abs(Y - a)
    square_part = np.minimum(size, huber_delta)
    return (square_part * (size - square_part / 2)).sum(axis=1)


def _huber_slope(Y: Array, a: Array, huber_delta: float = 1.35) -> Array:
    return np.clip(a - Y, -huber_delta, huber_delta)


class Loss(NamedTuple):
    """A loss: the name of its `link`, the output activation, and `rows` (Y, a[L]) -> (rows,).

    `slope` (Y, a[L]) is dloss/dz[L], where the link isn't the loss's canonical one. Both may take
    parameters of the loss by name.
    """

    link: str
    rows: Callable[..., Array]
    slope: Callable[..., Array] | None = None


LOSSES = {
    "squared_error": Loss("identity", _squared_error),
    "binary_log_loss": Loss("logistic", _binary_log_loss),
    "log_loss": Loss("softmax", _log_loss),
    "poisson": Loss("exp", _poisson),
    "huber": Loss("identity", _huber, _huber_slope),
}
