"""The rows of a source in training: windows of shuffled rows, and blocks that are held out.

A `Stream` stands where X does in FitData; it has been surveyed, and gives each block as the core
takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .inputs import Streamed
from .optimizer import Trainer
from .source import Block, Source, naming
from .sparse import dense_copy
from .survey import Survey
from .windows import Feed, Window

Array = npt.NDArray[Any]


class Stream(Streamed):
    """Blocks of a source, each checked and encoded when it is read.

    Parameters
    ----------
    source : Source
    survey : Survey
        Of the same source.
    prepare : callable
        Turns a block into a Window.
    numbers : sequence of int, default=None
        The blocks that belong to it; None is all of them.
    weighted : bool, default=False
        Whether its windows have weights.
    """

    def __init__(
        self,
        source: Source,
        survey: Survey,
        prepare: Callable[[Block], Window],
        numbers: Sequence[int] | None = None,
        *,
        weighted: bool = False,
    ) -> None:
        self._source, self._prepare, self.survey = source, prepare, survey
        self.weighted, self.negative = weighted, survey.negative
        given = range(len(survey.counts)) if numbers is None else numbers
        self.numbers = [number for number in given if survey.counts[number]]
        self.shape = sum(survey.counts[number] for number in self.numbers), survey.width
        self.sparse, self.digest = survey.sparse, survey.digest
        self.in_any_order = source.n_blocks is not None
        order = "any" if self.in_any_order else "one"
        self.order = f"{survey.buffer_rows} rows, blocks in {order} order"

    def without(self, numbers: Sequence[int]) -> Stream:
        """Return all but those of the blocks that have these numbers."""
        out = {*numbers}
        return self.part([number for number in self.numbers if number not in out])

    def part(self, numbers: Sequence[int]) -> Stream:
        """Return those of the blocks that have these numbers."""
        given = self._source, self.survey, self._prepare, numbers
        return Stream(*given, weighted=self.weighted)

    def sample(self) -> Window:
        """Return an even sample of the rows of the source."""
        return self._prepare(self.survey.sample)

    def __iter__(self) -> Iterator[Any]:
        """Yield the X of each block, in the blocks' order."""
        return (window.X for window in self.blocks())

    def blocks(self, numbers: Sequence[int] | None = None) -> Iterator[Window]:
        """Yield the blocks, in the order of the numbers if given, as it must be for some sources.

        Raises
        ------
        ValueError
            If the source gives other rows than at first.
        """
        wanted = self.numbers if numbers is None else numbers
        blocks = iter(self._source.blocks(wanted if self.in_any_order else None))
        if self.in_any_order:
            given: Iterator[tuple[int, Block]] = zip(wanted, blocks, strict=False)
        else:
            mine = set(wanted)
            given = ((n, b) for n, b in enumerate(blocks) if self._is_mine(n, mine))
        read = 0
        for number, block in given:
            with naming(number):
                window = self._prepare(block)
                rows, expected = window.X.shape[0], self.survey.counts[number]
                if rows != expected:
                    raise ValueError(
                        f"it has {rows} rows, and had {expected} when it was read first. A source "
                        "must give the same rows each time."
                    )
            read += 1
            yield window
        if read < len(wanted):
            raise ValueError(
                f"The source ended after {read} blocks, and had {len(wanted)} when it was read "
                "first. A source must give the same rows each time."
            )
        if next(blocks, None) is not None:
            raise ValueError(
                f"The source has more blocks than the {len(wanted)} that it was asked for. A "
                "source with n_blocks must give those of the numbers that it is given."
            )

    def after(self, rows: int, numbers: Sequence[int]) -> tuple[Iterator[Window], int]:
        """Return the blocks of these numbers that are not all among the first so many rows.

        And how many rows of the first of them are.
        """
        first = 0
        while rows and rows >= self.survey.counts[numbers[first]]:
            rows -= self.survey.counts[numbers[first]]
            first += 1
        return self.blocks(numbers[first:]), rows

    def _is_mine(self, number: int, mine: set[int]) -> bool:
        if number >= len(self.survey.counts):
            raise ValueError(
                f"The source has more blocks than the {len(self.survey.counts)} that it had when "
                "it was read first. A source must give the same rows each time."
            )
        return number in mine

    def first(self, rows: int) -> Any:
        """Return X of its first rows, so many or all."""
        parts, count = [], 0
        for X in self:
            parts.append(X[: rows - count].copy())
            count += parts[-1].shape[0]
            if count == rows:
                break
        return self._joined(parts)

    def labels(self) -> tuple[Stream, Array]:
        """Return itself, and y of all rows as the source gives it, dense."""
        if self.in_any_order:
            given = self._source.blocks(self.numbers)
        else:
            mine = set(self.numbers)
            given = (block for n, block in enumerate(self._source.blocks()) if n in mine)
        return self, np.concatenate([dense_copy(y) for _, y, _ in given])

    def whole(self, *, with_X: bool) -> Window:
        """Return all rows, of which X is the stream itself if it is to stay where it is."""
        parts = [window.kept(with_X=with_X) for window in self.blocks()]
        X, Y, weight = zip(*parts, strict=True)
        return Window(
            self._joined(X) if with_X else self,
            np.concatenate(Y),
            None if weight[0] is None else np.concatenate(weight),
        )

    def _joined(self, parts: Sequence[Any]) -> Any:
        return sp.vstack(parts, format="csr") if self.sparse else np.concatenate(parts)


class Streaming(Feed):
    """Feeds the rows of a stream: blocks in random order, rows shuffled within each window.

    Parameters
    ----------
    stream : Stream
    generator : RandomState or None
        Gives a seed for each epoch; None leaves the rows as they come.
    trainer : _core.TrainerF32 or _core.TrainerF64
    batch_size : int
    together : Together, default=None
        The fit of all ranks, which says where a window may end.
    """

    def __init__(
        self,
        stream: Stream,
        generator: np.random.RandomState | None,
        trainer: Trainer,
        batch_size: int,
        together: Any = None,
    ) -> None:
        self._stream, self._generator = stream, generator
        self.rows, self.sparse = stream.shape[0], stream.sparse
        self._size = trainer.window_rows(stream.survey.buffer_rows, batch_size)
        self.together = together

    def skip(self, epochs: int) -> None:
        """Draw what so many epochs draw."""
        for _ in range(epochs):
            self._draws()

    def _draws(self) -> np.random.RandomState | None:
        if self._generator is None:
            return None
        # Of its own: windows are made ahead, and the user's generator must not run ahead of steps.
        return np.random.RandomState(self._generator.randint(2**32, dtype=np.int64))

    def _rows_after(self, done: int) -> int:
        """Return the number of rows of the window after so many."""
        if self.together is None:
            return min(self._size, self.rows - done)
        ends = self.together.ends
        last = ends.searchsorted(done + self._size, "right") - 1
        end = ends[last] if last >= 0 and ends[last] > done else ends[ends > done][0]
        return int(end) - done

    def epoch(self, done: int = 0) -> Iterator[Window]:
        """Yield the windows of the next epoch, those of the first `done` rows left out.

        Nor are their blocks read, where they can be read in any order.
        """
        draws, stream = self._draws(), self._stream
        numbers = stream.numbers
        if draws is not None and stream.in_any_order:
            numbers = [int(number) for number in draws.permutation(numbers)]
        blocks, end = _Rows(*stream.after(done, numbers)), 0
        while end < self.rows:
            start, rows = end, self._rows_after(end)
            end += rows
            places = np.arange(rows) if draws is None else draws.permutation(rows)
            if start < done:
                continue
            window = blocks.take(rows, places)
            if end == self.rows:
                blocks.end()
            yield window


class _Rows:
    """Takes rows from blocks, as many as wanted."""

    def __init__(self, blocks: Iterator[Window], used: int) -> None:
        self._blocks = blocks
        self._block: Window | None = None
        self._used = used  # of the rows of that block, or of the first one

    def _parts(self, rows: int) -> Iterator[Window]:
        while rows:
            if self._block is None:
                self._block = next(self._blocks)
            begin, count = self._used, self._block.X.shape[0]
            end = min(count, begin + rows)
            X, Y, weight = self._block
            yield Window(X[begin:end], Y[begin:end], None if weight is None else weight[begin:end])
            rows -= end - begin
            self._block, self._used = (None, 0) if end == count else (self._block, end)

    def take(self, rows: int, places: npt.NDArray[np.int64]) -> Window:
        """Return the next rows, each at its place."""
        X: Any = None
        done = 0
        for part in self._parts(rows):
            count = part.X.shape[0]
            if X is None:
                X = [] if sp.issparse(part.X) else np.empty((rows, part.X.shape[1]), part.X.dtype)
                Y = np.empty((rows, part.Y.shape[1]), part.Y.dtype)
                weight = None if part.sample_weight is None else np.empty(rows, part.Y.dtype)
            at = places[done : done + count]
            if isinstance(X, list):
                X.append(part.X.copy())
            else:
                X[at] = part.X
            Y[at] = part.Y
            if weight is not None:
                weight[at] = part.sample_weight
            done += count
        if isinstance(X, list):
            X = sp.vstack(X, format="csr")[np.argsort(places)]
        return Window(X, Y, weight)

    def end(self) -> None:
        """Raise an error where there are more rows."""
        if self._block is not None or next(self._blocks, None) is not None:
            raise AssertionError("an epoch has all rows of its blocks")
