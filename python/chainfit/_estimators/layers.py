"""Weights that the user writes down: whether they are numbers, and fit each other as layers."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def matrix(name: str, values: Any, ndim: int, dtype: Any = np.float64) -> Array:
    """Return finite numbers as a new array of `ndim` dimensions in C order."""
    try:
        with np.errstate(over="ignore"):
            a = np.array(values, dtype=dtype, order="C")
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be an array of numbers, {ndim}-dimensional.") from None
    if a.ndim != ndim or 0 in a.shape:
        raise ValueError(f"{name} must be a {ndim}-dimensional array, got shape {a.shape}.")
    if not np.isfinite(a).all():
        raise ValueError(f"{name} must hold finite numbers.")
    return a


def layers(
    coefs: Sequence[Any], intercepts: Sequence[Any] | None, dtype: Any = np.float64
) -> tuple[list[Array], list[Array]]:
    """Return copies of W (n_l, n_{l+1}) and b (n_{l+1},) that fit each other; b None is zeros.

    Raises
    ------
    ValueError
        If they are no numbers, or are no layers one after the other.
    """
    W = [matrix(f"coefs[{l}]", w, 2, dtype) for l, w in enumerate(coefs)]
    if not W:
        raise ValueError("coefs must hold at least one array of weights, got none.")
    if intercepts is None:
        intercepts = [np.zeros(w.shape[1]) for w in W]
    b = [matrix(f"intercepts[{l}]", v, 1, dtype) for l, v in enumerate(intercepts)]
    if len(b) != len(W):
        raise ValueError(f"intercepts must hold {len(W)} arrays, as coefs does, got {len(b)}.")
    for l in range(len(W)):
        if l and W[l].shape[0] != W[l - 1].shape[1]:
            raise ValueError(
                f"coefs[{l}] has {W[l].shape[0]} rows, but coefs[{l - 1}] has {W[l - 1].shape[1]} "
                "columns: both are the number of units of the layer between them."
            )
        if len(b[l]) != W[l].shape[1]:
            raise ValueError(
                f"intercepts[{l}] must have {W[l].shape[1]} numbers, one for each column of "
                f"coefs[{l}], got {len(b[l])}."
            )
    return W, b
