"""An even sample of rows that come in blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Rows = TypeVar("Rows")
Numbers = npt.NDArray[np.int64]


class EvenSample(Generic[Rows]):
    """So many rows, each row of all as likely as any other.

    Every row draws a number, whatever the blocks, and those with the smallest are kept.

    Parameters
    ----------
    size : int
        Number of rows.
    take : callable
        Returns those of some rows that have these numbers.
    join : callable
        Returns several blocks of rows as one.
    """

    def __init__(
        self,
        size: int,
        take: Callable[[Rows, Numbers], Rows],
        join: Callable[[Sequence[Rows]], Rows],
    ) -> None:
        self._size, self._take, self._join = size, take, join
        self._draws, self._below = np.random.RandomState(0), 1.0
        self._parts: list[tuple[npt.NDArray[np.float64], Rows]] = []
        self._count = 0

    def add(self, rows: Rows, count: int) -> None:
        """Add a block of so many rows."""
        drawn = self._draws.random_sample(count)
        chosen = np.flatnonzero(drawn < self._below)
        # taken even if all of them are: the block's arrays may be filled anew
        self._parts.append((drawn[chosen], self._take(rows, chosen)))
        self._count += len(chosen)
        if self._count > 2 * self._size:
            self._prune()

    def _prune(self) -> None:
        parts, blocks = zip(*self._parts, strict=True)
        drawn, rows = np.concatenate(parts), self._join(blocks)
        if len(drawn) > self._size:
            kept = np.sort(np.argsort(drawn, kind="stable")[: self._size])
            drawn, rows = drawn[kept], self._take(rows, kept)
            self._below = float(drawn.max())
        self._parts, self._count = [(drawn, rows)], len(drawn)

    def rows(self) -> Rows:
        """Return the rows, in the order in which they came."""
        self._prune()
        return self._parts[0][1]
