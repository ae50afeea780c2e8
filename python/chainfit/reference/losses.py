"""Losses of a row given its targets and outputs, in plain NumPy.

To add one: its line in LOSSES.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

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


def _sign(Y: Array, a: Array) -> Array:
    return np.sign(a - Y)


def _absolute_error(Y: Array, a: Array) -> Array:
    return np.abs(Y - a).sum(axis=1)


def _quantile(Y: Array, a: Array, quantile: Any = 0.5) -> Array:
    residual = Y - a
    return np.maximum(quantile * residual, (quantile - 1) * residual).sum(axis=1)


def _quantile_slope(Y: Array, a: Array, quantile: Any = 0.5) -> Array:
    return np.where(a < Y, -quantile, np.where(a > Y, 1 - quantile, a - Y))


def _log_cosh(Y: Array, a: Array) -> Array:
    size = np.abs(Y - a)
    near = np.log1p(2 * np.sinh(np.minimum(size, 1) / 2) ** 2)  # cosh r = 1 + 2 sinh^2(r/2)
    far = size + np.log1p(np.exp(-2 * size)) - math.log(2)
    return np.where(size < 1, near, far).sum(axis=1)


def _gamma(Y: Array, a: Array) -> Array:
    with np.errstate(divide="ignore"):
        ratio = Y / a
        return np.where(np.isinf(ratio), np.inf, ratio - np.log(ratio) - 1).sum(axis=1)


def _gaussian_nll(Y: Array, a: Array) -> Array:
    half = a.shape[1] // 2
    mean, variance = a[:, :half], a[:, half:]
    return (np.log(variance) + np.square(Y[:, :half] - mean) / variance).sum(axis=1) / 2


def _gaussian_nll_slope(Y: Array, a: Array) -> Array:
    half = a.shape[1] // 2
    variance, ratio = a[:, half:], (a[:, :half] - Y[:, :half]) / a[:, half:]
    return np.hstack([ratio, (1 / variance - ratio * ratio) / 2])


class Loss(NamedTuple):
    """A loss: the name of its `link`, its own output activation, and two functions.

    `rows` (Y, a[L]) -> (rows,) is the loss of each row, `slope` (Y, a[L]) is dloss/da[L]. Both may
    take parameters of the loss by name. Where the link is the loss's canonical one, `canonical`,
    dloss/dz[L] is a[L] - Y.
    """

    link: str
    rows: Callable[..., Array]
    slope: Callable[..., Array]
    canonical: bool = False


LOSSES = {
    "squared_error": Loss("identity", _squared_error, lambda Y, a: a - Y, canonical=True),
    "binary_log_loss": Loss(
        "logistic", _binary_log_loss, lambda Y, a: (a - Y) / (a * (1 - a)), canonical=True
    ),
    "log_loss": Loss("softmax", _log_loss, lambda Y, a: -Y / a, canonical=True),
    "poisson": Loss("exp", _poisson, lambda Y, a: 1 - Y / a, canonical=True),
    "huber": Loss("identity", _huber, _huber_slope),
    "absolute_error": Loss("identity", _absolute_error, _sign),
    "quantile": Loss("identity", _quantile, _quantile_slope),
    "log_cosh": Loss("identity", _log_cosh, lambda Y, a: np.tanh(a - Y)),
    "gamma": Loss("exp", _gamma, lambda Y, a: (1 - Y / a) / a),
    "gaussian_nll": Loss("mean_variance", _gaussian_nll, _gaussian_nll_slope),
}
