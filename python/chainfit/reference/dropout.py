"""Dropout's masks: the core's counter-based generator in NumPy.

N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014, in
the form in which what stays counts 1 / (1 - rate) times. The hashes are G. Steele's SplitMix64 and
C. Wellons's lowbias32.
"""

from collections.abc import Sequence

import numpy as np

from .arrays import Array

_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio
_WORD, _LONG = 2**32 - 1, 2**64 - 1


def _mixed(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _LONG
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _LONG
    return z ^ (z >> 31)


def _hash(x: Array, between: Array | int = 0) -> Array:
    x = x ^ (x >> 16)
    x = x * 0x7FEB352D & _WORD
    x = x ^ between
    x = x ^ (x >> 15)
    x = x * 0x846CA68B & _WORD
    return x ^ (x >> 16)


def mask(seed: int, step: int, layer: int, rows: int, units: int, rate: float) -> Array:
    """Return what each unit of each row is multiplied by, 0 or 1 / (1 - rate): (rows, units).

    Parameters
    ----------
    seed : int
    step : int
        Number of the step, from 0.
    layer : int
        l = 0..L-1, 0 being the inputs.
    rows, units : int
        Of the batch, and of the layer.
    rate : float
        The share of units that are dropped, in [0, 1).
    """
    key = _mixed(seed + _GOLDEN * (step + 1) & _LONG)
    key = _mixed(key + _GOLDEN * (layer + 1) & _LONG)
    golden = _GOLDEN >> 32
    r = np.arange(rows, dtype=np.uint64)[:, None] * golden
    begin, between = (_hash((key >> shift & _WORD) + r & _WORD) for shift in (0, 32))
    bits = _hash(begin + np.arange(units, dtype=np.uint64) * golden & _WORD, between)
    return np.where(bits < int(min(rate * 2**32, _WORD)), 0.0, 1 / (1 - rate))


def masks(
    seed: int, step: int, rates: Sequence[float], rows: int, units: Sequence[int]
) -> list[Array | None]:
    """Return the masks of layers 0..L-1, None of those whose rate is 0."""
    return [
        mask(seed, step, layer, rows, n, rate) if rate else None
        for layer, (rate, n) in enumerate(zip(rates, units, strict=True))
    ]
