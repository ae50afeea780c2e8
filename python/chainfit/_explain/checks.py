"""Checks of what a net is written down with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


def one_of(name: str, value: Any, allowed: Sequence[str]) -> None:
    """Raise unless the value is one of those allowed."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}.")


def real_number(
    name: str,
    value: Any,
    low: float,
    high: float = np.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """Return a finite number that lies between the bounds."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number, got {value!r}.") from None
    inside = (low < number if open_low else low <= number) and (
        number < high if open_high else number <= high
    )
    if not (inside and np.isfinite(number)):
        start, end = "(" if open_low else "[", ")" if open_high or high == np.inf else "]"
        raise ValueError(f"{name} must be in {start}{low:g}, {high:g}{end}, got {value!r}.")
    return number


def names(what: str, given: Iterable[str] | None, letter: str, n: int) -> tuple[str, ...]:
    """Return n names, by default the letter with an index from 1."""
    if given is None:
        return tuple(f"{letter}_{i + 1}" for i in range(n))
    names = tuple(str(name) for name in given)
    if len(names) != n:
        raise ValueError(f"{what} must hold {n} names, got {len(names)}.")
    return names
