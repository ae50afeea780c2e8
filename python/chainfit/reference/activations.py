"""Activations of hidden layers, and links, those of the output layer, in plain NumPy.

To add one: its line in ACTIVATIONS or LINKS.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .arrays import ActivationNames, Array


class Activation(NamedTuple):
    """An activation: `f` (z, out), which may write into out = z, and its derivative `df`.

    `df` is a function of a = f(z), or of z itself where `given` is "z".
    """

    f: Callable[..., Array]
    df: Callable[[Array], Any]
    given: str = "a"


def _logistic(z: Array, out: Array | None = None) -> Array:
    e = np.exp(-np.abs(z))  # in (0, 1]: neither branch of 1/(1+e^-z) = e^z/(1+e^z) can overflow
    return np.divide(np.where(z >= 0, 1, e), 1 + e, out=out)


def _softmax(z: Array, out: Array | None = None) -> Array:
    a = np.subtract(z, z.max(axis=1, keepdims=True), out=out)  # e^(z-c) / sum e^(z-c), any c
    np.exp(a, out=a)
    a /= a.sum(axis=1, keepdims=True)
    return a


def _exp(z: Array, out: Array | None = None) -> Array:
    with np.errstate(over="ignore"):  # inf is the answer, and the loss will show it
        return np.exp(z, out=out)


def _normal(z: Array) -> Array:
    # Phi(z) = erfc(-z / sqrt 2) / 2, without cancellation in the tail
    return np.vectorize(math.erfc, otypes=[float])(-z.astype(float) / math.sqrt(2)) / 2


def _gelu(z: Array, out: Array | None = None) -> Array:
    return (z * _normal(z)).astype(z.dtype)


def _gelu_slope(z: Array) -> Array:
    density = np.exp(-np.square(z.astype(float)) / 2) / math.sqrt(2 * math.pi)
    return (_normal(z) + z * density).astype(z.dtype)


def _silu(z: Array, out: Array | None = None) -> Array:
    return z * _logistic(z)


def _silu_slope(z: Array) -> Array:
    s = _logistic(z)
    return s + z * (s * (1 - s))


LEAK = 0.01

# "Self-normalizing neural networks", 2017: these keep a mean of 0 and a variance of 1.
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848


def _expm1_below(z: Array) -> Array:
    return np.expm1(np.minimum(z, 0))


def _elu(z: Array, out: Array | None = None) -> Array:
    return np.where(z > 0, z, _expm1_below(z))


def _selu(z: Array, out: Array | None = None) -> Array:
    scale, below = z.dtype.type(SELU_SCALE), z.dtype.type(SELU_SCALE * SELU_ALPHA)
    return np.where(z > 0, scale * z, below * _expm1_below(z))


def _selu_slope(a: Array) -> Array:
    scale, below = a.dtype.type(SELU_SCALE), a.dtype.type(SELU_SCALE * SELU_ALPHA)
    return np.where(a > 0, scale, a + below)


def _softplus(z: Array, out: Array | None = None) -> Array:
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def _mish(z: Array, out: Array | None = None) -> Array:
    return z * np.tanh(_softplus(z))


def _mish_slope(z: Array) -> Array:
    t = np.tanh(_softplus(z))
    return t + z * (1 - t * t) * _logistic(z)


def _mean_variance(z: Array, out: Array | None = None) -> Array:
    half = z.shape[1] // 2
    return np.hstack([z[:, :half], np.maximum(_exp(z[:, half:]), np.finfo(z.dtype).tiny)])


def _mean_variance_slope(a: Array) -> Array:
    half = a.shape[1] // 2
    return np.hstack([np.ones_like(a[:, :half]), a[:, half:]])


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(lambda z, out=None: z, lambda a: 1),
    "logistic": Activation(_logistic, lambda a: a * (1 - a)),
    "tanh": Activation(np.tanh, lambda a: 1 - a * a),
    "relu": Activation(lambda z, out=None: np.maximum(z, 0, out=out), lambda a: a > 0),
    "leaky_relu": Activation(
        lambda z, out=None: np.maximum(z, LEAK * z, out=out),
        lambda a: np.where(a > 0, a.dtype.type(1), a.dtype.type(LEAK)),
    ),
    "gelu": Activation(_gelu, _gelu_slope, given="z"),
    "silu": Activation(_silu, _silu_slope, given="z"),
    "elu": Activation(_elu, lambda a: np.minimum(a, 0) + 1),
    "selu": Activation(_selu, _selu_slope),
    "softplus": Activation(_softplus, _logistic, given="z"),
    "mish": Activation(_mish, _mish_slope, given="z"),
}

# Activations of the output layer.
LINKS: dict[str, Callable[..., Array]] = {
    "identity": ACTIVATIONS["identity"].f,
    "logistic": _logistic,
    "softmax": _softmax,
    "exp": _exp,
    "tanh": np.tanh,
    "softplus": _softplus,
    "mean_variance": _mean_variance,
}

# Their derivatives given a = f(z), where a loss needs them (see `deltas`).
LINK_SLOPES: dict[str, Callable[[Array], Any]] = {
    "identity": lambda a: 1,
    "logistic": lambda a: a * (1 - a),
    "exp": lambda a: a,
    "tanh": lambda a: 1 - a * a,
    "softplus": lambda a: -np.expm1(-a),
    "mean_variance": _mean_variance_slope,
}


def layer_activation(activation: ActivationNames, l: int) -> str:  # noqa: E741
    """Return the name of the activation of a hidden layer.

    Parameters
    ----------
    activation : str or sequence of str
        One name for all hidden layers, or one for each.
    l : int
        The layer, from 1 to L-1.

    Returns
    -------
    name : str
        Its activation, a key of `ACTIVATIONS`.

    Examples
    --------
    >>> from chainfit import reference
    >>> reference.layer_activation(("relu", "tanh"), 2)
    'tanh'
    """
    return activation if isinstance(activation, str) else activation[l - 1]
