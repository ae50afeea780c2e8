"""Rows that come to training window by window, for X is not there as a whole as the core takes it.

A `Feed` gives the windows of an epoch, each ready for the core; `Ahead` has a thread make the next
one while the kernels train on this one. Another kind of X that is not there is another Feed.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from .inputs import FitData
from .optimizer import Trainer

Array = npt.NDArray[Any]

# Bytes of a window of rows that are made when their turn comes: much more than a cache, so that a
# window is many steps, and little beside everything else.
_WINDOW = 1 << 24


class Window(NamedTuple):
    """Rows in their order, as the core takes them."""

    X: Any  # (rows, n_0)
    Y: Array  # (rows, n_L)
    sample_weight: Array | None  # (rows,)

    def kept(self, *, with_X: bool) -> Window:
        """Return these rows in arrays of their own, for those of a source may be filled anew."""
        weight = None if self.sample_weight is None else self.sample_weight.copy()
        return Window(self.X.copy() if with_X else None, self.Y.copy(), weight)


class Feed(ABC):
    """The rows of a training, as often as it has epochs."""

    rows: int
    sparse: bool
    together: Any = None  # the fit of all ranks that it is a part of

    @abstractmethod
    def epoch(self, done: int = 0) -> Iterator[Window]:
        """Yield the windows of the next epoch: whole batches, the last one whatever is left.

        Those of the first `done` rows, which have been trained on, are left out.
        """


class Picked(Feed):
    """Feeds rows of an X that makes any of them when asked, in the order of rows all in memory.

    Parameters
    ----------
    data : FitData
    order : ndarray of shape (rows,), or None
        The rows to train on; None is all of them.
    generator : RandomState or None
        Shuffles the order before each epoch, as the core does.
    trainer : _core.TrainerF32 or _core.TrainerF64
    batch_size : int
    """

    sparse = False

    def __init__(
        self,
        data: FitData,
        order: npt.NDArray[np.int64] | None,
        generator: np.random.RandomState | None,
        trainer: Trainer,
        batch_size: int,
    ) -> None:
        self._data, self._generator = data, generator
        rows, width = data.X.shape
        self._order = np.arange(rows, dtype=np.int64) if order is None else np.array(order)
        self._size = trainer.window_rows(_WINDOW // (width * data.dtype.itemsize), batch_size)
        self.rows = len(self._order)

    def epoch(self, done: int = 0) -> Iterator[Window]:
        """Yield the windows of the next epoch, from row `done` on."""
        data, order = self._data, self._order
        if self._generator is not None:
            self._generator.shuffle(order)
        for start in range(done, self.rows, self._size):
            rows = order[start : start + self._size]
            weight = None if data.sample_weight is None else data.sample_weight[rows]
            yield Window(data.X[rows], data.Y[rows], weight)


class Ahead:
    """Asks a feed for its windows, the next one in a thread while this one is in use.

    A context manager: at its end the thread is done. What the feed raises, the call raises that
    would have returned the window.

    Parameters
    ----------
    feed : Feed

    Attributes
    ----------
    window : Window or None
        That in use.
    waited : float
        Seconds that were spent waiting for windows.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chainfit-window")
        self._process = os.getpid()
        self._windows: Iterator[Window] = iter(())
        self._next: Future[Window | None] | None = None
        self.window: Window | None = None
        self.waited = 0.0

    def __call__(self, done: int) -> Window:
        """Return the window after so many rows of an epoch, as the core asks for it."""
        if os.getpid() != self._process:
            raise RuntimeError(
                "A process forked within a fit can't go on with it where rows come in windows: "
                "the thread that makes them is the parent's."
            )
        if done == 0 or self._next is None:  # a fit may go on in the middle of an epoch
            self._windows = self._feed.epoch(done)
            self._make_next()
        assert self._next is not None
        self.window = None  # for there may be room for two only
        begin = perf_counter()
        self.window = self._next.result()
        self.waited += perf_counter() - begin
        if self.window is None:
            raise ValueError(f"An epoch ended after {done} rows, expected {self._feed.rows}.")
        self._make_next()
        return self.window

    def _make_next(self) -> None:
        self._next = self._thread.submit(next, self._windows, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if os.getpid() == self._process:
            self._thread.shutdown(cancel_futures=True)
        self._next = self.window = None
