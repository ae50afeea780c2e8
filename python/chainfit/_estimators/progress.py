"""A live bar of epochs, for verbose='progress': tqdm's, on stderr or in a notebook.

tqdm is the extra `cli`, and imported when it is asked for.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .._common.extras import missing
from .callbacks import Listener, Record, Snapshot
from .endings import Why
from .parameters import PROGRESS


def open_bar(
    total: int, *, done: int = 0, unit: str = "epochs", delay: float = 0.0, leave: bool = True
) -> Any:
    """Return tqdm's bar from `done` up to `total`, which shows after `delay` seconds.

    Raises
    ------
    ImportError
        If tqdm is not installed.
    """
    return _tqdm()(
        total=total, initial=done, unit=f" {unit}", delay=delay, leave=leave, file=sys.stderr,
        dynamic_ncols=True, disable=sys.stderr is None,  # as in programs without a console
    )  # fmt: skip


def _tqdm() -> Any:
    from tqdm.auto import tqdm

    return tqdm


def check_can_show(verbose: Any) -> None:
    """Raise an ImportError where a bar is asked for and tqdm is not installed."""
    if verbose == PROGRESS:
        try:
            _tqdm()
        except ImportError:
            raise missing("verbose='progress' needs", "tqdm", "cli") from None


class EpochBar:
    """Counts epochs of one net or several, which may be trained in threads of their own.

    Parameters
    ----------
    total, done : int
        Epochs that there will be at most, and those of an earlier run.
    rows : int
        Rows of an epoch.
    unit : str
        What is counted.
    """

    def __init__(self, total: int, rows: int, done: int = 0, unit: str = "epochs") -> None:
        self._rows, self._lock = rows, threading.Lock()
        self._bar = open_bar(total, done=done, unit=unit)
        self._done, self._begun = done, time.perf_counter()

    def add(self, loss: float, score: float) -> None:
        """Count an epoch; a score of NaN is none."""
        with self._lock:
            bar, seconds = self._bar, time.perf_counter() - self._begun
            rate = self._rows * (bar.n + 1 - self._done) / max(seconds, 1e-9)
            scored = "" if math.isnan(score) else f"score={score:.4g}, "
            text = f"loss={loss:.4g}, {scored}{bar.format_sizeof(rate)} rows/s"
            bar.set_postfix_str(text, refresh=False)
            bar.update()

    def close(self, *, whole: bool) -> None:
        """Leave the bar as it is, full if training came to its own end (`whole`)."""
        if whole:
            self._bar.total = self._bar.n
        self._bar.close()


class ProgressBar(Listener):
    """Shows the epochs of a fit; its block of `with` also ends the bar of one that fails.

    Parameters
    ----------
    max_iter : int
    """

    def __init__(self, max_iter: int) -> None:
        self._max_iter, self._rows, self._done = max_iter, 0, 0
        self._bar: EpochBar | None = None

    def expect(self, rows: int, done: int) -> None:
        """Take the rows of an epoch and the epochs of an earlier run, before training begins."""
        self._rows, self._done = rows, done

    def train_on(self, rows: npt.NDArray[np.int64]) -> None:
        """Take the rows that are left of those."""
        self._rows = len(rows)

    def begin(self, unit: str, state: Snapshot) -> None:
        """Show the bar."""
        if self._bar is None:
            self._bar = EpochBar(self._max_iter, self._rows, self._done, f"{unit}s")

    def end(self, state: Snapshot, record: Record) -> bool:
        """Count the epoch."""
        if self._bar is not None:
            now = record()
            self._bar.add(now["loss"], now["validation_score"])
        return False

    def finish(self, why: Why) -> None:
        """Leave the bar as it is."""
        self._close(whole=why not in ("interrupted", "diverged"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._close(whole=False)

    def _close(self, *, whole: bool) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.close(whole=whole)
