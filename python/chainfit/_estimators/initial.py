"""How weights are drawn before training: the values of `init`.

To add one, add a function to INITIALIZERS: of a RandomState, the layer's fan-in and fan-out and the
activation, it returns W (fan_in, fan_out) and b (fan_out,) in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core

Array = npt.NDArray[Any]
Generator = np.random.RandomState
Draw = Callable[[Generator, int, int, str], tuple[Array, Array]]

# Columns that are made orthogonal to those before them in one product.
_BLOCK = 32


def _glorot_uniform(
    generator: Generator, fan_in: int, fan_out: int, activation: str
) -> tuple[Array, Array]:
    """Draw uniformly in +-sqrt(6 / (fan_in + fan_out)), as scikit-learn does (Glorot, Bengio)."""
    factor = 2.0 if activation == "logistic" else 6.0
    bound = np.sqrt(factor / (fan_in + fan_out))
    W = generator.uniform(-bound, bound, (fan_in, fan_out))
    return W, generator.uniform(-bound, bound, fan_out)


def _glorot_normal(
    generator: Generator, fan_in: int, fan_out: int, activation: str
) -> tuple[Array, Array]:
    """Draw normal weights with a variance of 2 / (fan_in + fan_out) (Glorot, Bengio)."""
    scale = np.sqrt(2.0 / (fan_in + fan_out))
    return generator.normal(0.0, scale, (fan_in, fan_out)), np.zeros(fan_out)


def _he_uniform(
    generator: Generator, fan_in: int, fan_out: int, activation: str
) -> tuple[Array, Array]:
    """Draw uniformly in +-sqrt(6 / fan_in) (He et al.)."""
    bound = np.sqrt(6.0 / fan_in)
    return generator.uniform(-bound, bound, (fan_in, fan_out)), np.zeros(fan_out)


def _he_normal(
    generator: Generator, fan_in: int, fan_out: int, activation: str
) -> tuple[Array, Array]:
    """Draw normal weights with a variance of 2 / fan_in (He et al.)."""
    return generator.normal(0.0, np.sqrt(2.0 / fan_in), (fan_in, fan_out)), np.zeros(fan_out)


def _orthogonal(
    generator: Generator, fan_in: int, fan_out: int, activation: str
) -> tuple[Array, Array]:
    """Draw a normal matrix = QR, R with a positive diagonal, and take Q (Saxe et al.).

    Its columns are orthonormal, or the rows where there are fewer of these.
    """
    normal = generator.normal(size=(fan_out, fan_in))  # (to, from), as PyTorch draws it
    Q = _orthonormal(normal) if fan_out >= fan_in else _orthonormal(normal.T).T
    return np.ascontiguousarray(Q.T), np.zeros(fan_out)


def _orthonormal(A: Array) -> Array:
    """Return Q of A = QR for A (m, n), m >= n, of full rank.

    Gram and Schmidt's way, twice over, for once is not enough in floating point. LAPACK's bits
    depend on the processor and the number of threads, those of the core's products don't.
    """
    Q = np.empty(A.shape)
    for start in range(0, A.shape[1], _BLOCK):
        block = np.ascontiguousarray(A[:, start : start + _BLOCK])
        for _ in range(2):
            if start:
                before = np.ascontiguousarray(Q[:, :start])
                block = block - _product(before, _product(before.T, block))
            for j in range(block.shape[1]):
                column = block[:, j : j + 1]
                if j:
                    left = np.ascontiguousarray(block[:, :j])
                    column = column - _product(left, _product(left.T, column))
                block[:, j : j + 1] = column / np.sqrt(_product(column.T, column))
        Q[:, start : start + _BLOCK] = block
    return Q


def _product(A: Array, B: Array) -> Array:
    """Return A @ B with the same bits on every machine."""
    zeros = np.zeros(B.shape[1])
    return _core.predict(A, [np.ascontiguousarray(B)], [zeros], "identity", "identity", 1)


#: The values of `init`, the default first.
INITIALIZERS: dict[str, Draw] = {
    "glorot_uniform": _glorot_uniform,
    "glorot_normal": _glorot_normal,
    "he_uniform": _he_uniform,
    "he_normal": _he_normal,
    "orthogonal": _orthogonal,
}
