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
    """Return the mask of dropout for one layer.

    Parameters
    ----------
    seed : int
        Seed of the generator.
    step : int
        Number of the step, from 0.
    layer : int
        The layer, from 0 for the inputs to L-1.
    rows : int
        Number of rows of the batch.
    units : int
        Number of units of the layer.
    rate : float
        Fraction of the units that are dropped, in [0, 1).

    Returns
    -------
    mask : ndarray of shape (rows, units)
        Factor of each unit in each row, 0 or 1 / (1 - rate).

    Examples
    --------
    >>> from chainfit import reference
    >>> reference.mask(seed=0, step=0, layer=1, rows=2, units=4, rate=0.5)
    array([[2., 2., 2., 0.],
           [0., 2., 2., 2.]])
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
    """Return the masks of dropout for all layers but the outputs.

    Parameters
    ----------
    seed : int
        Seed of the generator.
    step : int
        Number of the step, from 0.
    rates : sequence of float
        Fraction of the units that are dropped in each layer 0..L-1.
    rows : int
        Number of rows of the batch.
    units : sequence of int
        Number of units of each layer 0..L-1.

    Returns
    -------
    masks : list of (ndarray of shape (rows, n_l) or None)
        The mask of each layer, None where the rate is 0.

    Examples
    --------
    >>> from chainfit import reference
    >>> masks = reference.masks(seed=0, step=0, rates=[0.0, 0.5], rows=8, units=[3, 4])
    >>> masks[0] is None, masks[1].shape
    (True, (8, 4))
    """
    return [
        mask(seed, step, layer, rows, n, rate) if rate else None
        for layer, (rate, n) in enumerate(zip(rates, units, strict=True))
    ]
