"""Epochs counted on a terminal: by tqdm where it is installed, in plain lines where it is not."""

from __future__ import annotations

import time
from typing import Any

from .._estimators.progress import open_bar
from .say import complain

#: Seconds between two plain lines.
BETWEEN = 5.0


class _Lines:
    """Says now and then how far it is; has as much of tqdm's interface as is used here."""

    def __init__(self, total: int, delay: float, done: int) -> None:
        self._total, self._n, self._text = total, done, ""
        self._next = time.monotonic() + max(delay, BETWEEN)

    def set_postfix_str(self, text: str, refresh: bool = True) -> None:
        self._text = f", {text}"

    def update(self, n: int = 1) -> None:
        self._n += n
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + BETWEEN
            complain(f"epoch {self._n:,} of {self._total:,}{self._text}")

    def close(self) -> None:
        """Leave the lines as they are."""


def bar(total: int, delay: float = 0.0, done: int = 0) -> Any:
    """Return what counts from `done` up to `total` on stderr, from `delay` seconds on.

    It has tqdm's methods ``update``, ``set_postfix_str`` and ``close``.
    """
    try:
        return open_bar(total, done=done, delay=delay, leave=False)
    except ImportError:  # the extra `cli`
        return _Lines(total, delay, done)
