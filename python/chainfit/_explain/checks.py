"""Checks of what a net is written down with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .formula import Array


def matrix(name: str, values: Any, ndim: int) -> Array:
    """Return finite numbers as a new, read-only float64 array of `ndim` dimensions."""
    try:
        a = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be an array of numbers, {ndim}-dimensional.") from None
    if a.ndim != ndim or 0 in a.shape:
        raise ValueError(f"{name} must be a {ndim}-dimensional array, got shape {a.shape}.")
    if not np.isfinite(a).all():
        raise ValueError(f"{name} must hold finite numbers.")
    a.setflags(write=False)
    return a


def check_shapes(W: Sequence[Array], b: Sequence[Array]) -> tuple[int, ...]:
    """Return (n_0, ..., n_L) of weights and biases that fit each other."""
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
    return (*(w.shape[0] for w in W), W[-1].shape[1])


def names(what: str, given: Iterable[str] | None, letter: str, n: int) -> tuple[str, ...]:
    """Return n names, by default the letter with an index from 1."""
    if given is None:
        return tuple(f"{letter}_{i + 1}" for i in range(n))
    names = tuple(str(name) for name in given)
    if len(names) != n:
        raise ValueError(f"{what} must hold {n} names, got {len(names)}.")
    return names
