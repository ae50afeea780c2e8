"""A table larger than memory: an even sample of it to decide by, and a source of its other rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._estimators.source import Source
from .._tables.arrow import pa

#: Cells of a table that is read as a whole, where --buffer-rows does not say how many rows may be.
MOST_CELLS = 100_000_000


class Read(NamedTuple):
    """What was read of a file.

    Attributes
    ----------
    table : pyarrow.Table
        Its rows, or a sample of them; without names of rows.
    numbers : ndarray of shape (rows,)
        Which rows of the file they are.
    starts : list of int
        The number of the first row of each block, and that of all rows.
    """

    table: Any
    numbers: np.ndarray
    starts: list[int]

    @property
    def rows(self) -> int:
        """Number of the rows of the file."""
        return self.starts[-1]

    @property
    def whole(self) -> bool:
        """Whether all rows were read."""
        return len(self.numbers) == self.rows


def read(file: Any, buffer_rows: int | None) -> Read:
    """Read a file, an open TableFile, or a sample where it has more rows than `buffer_rows`."""
    from .._tables.streaming import Sample, together

    limit = buffer_rows or max(1, MOST_CELLS // len(file.columns))
    sample: Any = None
    kept: list[tuple[int, Any]] = []  # where each block begins
    starts = [0]
    for table in _blocks(file):
        kept.append((starts[-1], table.select(file.names)))
        starts.append(starts[-1] + table.num_rows)
        if sample is None and starts[-1] > limit:
            sample = Sample(limit)
        if sample is not None:
            for begin, one in kept:
                numbers = np.arange(begin, begin + one.num_rows)
                sample.add((one, numbers), one.num_rows)
            kept = []
    if sample is None:
        whole = together([one for _, one in kept]) if kept else file.read()
        return Read(whole, np.arange(starts[-1]), starts)
    rest, numbers = sample.rows()
    return Read(rest, numbers, starts)


def _blocks(file: Any, numbers: Sequence[int] | None = None) -> Iterator[Any]:
    if file.n_groups is None:
        yield from file.blocks()
    else:
        yield from map(file.group, range(file.n_groups) if numbers is None else numbers)


class Rest(Source):
    """The rows of a file whose target is known, without some.

    Parameters
    ----------
    file : TableFile
        Open as long as the source is in use.
    starts : list of int
        As in Read.
    target : Target
    without : ndarray of int
        Numbers of the rows that are left out, rising.
    buffer_rows : int or None
    """

    def __init__(
        self,
        file: Any,
        starts: list[int],
        target: Any,
        without: np.ndarray,
        buffer_rows: int | None,
    ) -> None:
        self._file, self._starts, self._target, self._without = file, starts, target, without
        self.n_blocks, self.buffer_rows = file.n_groups, buffer_rows

    def blocks(self, numbers: Sequence[int] | None = None) -> Iterator[Any]:
        """Give the blocks."""
        target = self._target
        wanted = range(len(self._starts) - 1) if numbers is None else numbers
        for number, table in zip(wanted, _blocks(self._file, numbers), strict=False):
            y = target.parse(table.column(target.name))
            taken = target.known(y)
            first, end = np.searchsorted(self._without, self._starts[number : number + 2])
            taken[self._without[first:end] - self._starts[number]] = False
            table = table.select(self._file.names).drop_columns([target.name])
            y = y[taken]
            labels = target.labels(y) if target.task == "classification" else y
            yield table.filter(pa.array(taken)), labels, None
