"""Ranks: the processes that fit one model together, and how they agree.

`chainfit.distributed` makes them of an MPI communicator. What a fit tells the others goes through
`Ranks.exchange`, so that an error of one rank reaches all of them in place of what they wait for.
"""

from __future__ import annotations

import functools
import os
import pickle
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Fit = TypeVar("Fit", bound=Callable[..., Any])


@dataclass(frozen=True)
class Plan:
    """How the ranks train.

    Attributes
    ----------
    shards : bool
        Whether each rank is given rows of its own; otherwise all are given the same rows.
    sync_every : int
        0: gradients are summed at each step. Otherwise weights are averaged after so many.
    outer_rate, outer_momentum : float
        Of the step that then follows.
    """

    shards: bool = True
    sync_every: int = 0
    outer_rate: float = 1.0
    outer_momentum: float = 0.0


class Ranks(ABC):
    """The processes, one of which is this one. All call the same methods in the same order.

    Attributes
    ----------
    rank, size : int
    plan : Plan
    in_step : bool
        Whether the others wait for sums, in which no error can be told.
    """

    def __init__(self, rank: int, size: int, plan: Plan) -> None:
        self.rank, self.size, self.plan = rank, size, plan
        self.in_step = False

    @abstractmethod
    def gather(self, content: bytes) -> list[bytes]:
        """Return what each rank gave."""

    @abstractmethod
    def sum(self, values: Array) -> None:
        """Replace values by their sums over the ranks."""

    @abstractmethod
    def begin_sum(self, values: Array) -> None:
        """Begin the same in the background."""

    @abstractmethod
    def poke(self) -> None:
        """Let sums in the background get on."""

    @abstractmethod
    def finish_sums(self) -> None:
        """Wait until all sums in the background have ended."""

    @abstractmethod
    def fail(self, error: BaseException) -> None:
        """Tell the others, whatever they wait for, that they wait in vain."""

    def exchange(self, what: str, value: Any = None) -> list[Any]:
        """Return the values of all ranks, by rank.

        Raises
        ------
        ValueError, RuntimeError
            The same on all ranks, if one of them had an error on its way here or exchanges
            something else.
        """
        return self._exchange((what, value))

    def _exchange(self, record: tuple[str | None, Any]) -> list[Any]:
        records = [pickle.loads(part) for part in self.gather(pickle.dumps(record))]
        errors = [(rank, value) for rank, (what, value) in enumerate(records) if what is None]
        if errors:
            rank, (kind, text) = errors[0]
            raise agreed(kind(f"Rank {rank} of {self.size}: {text}"))
        differing = {what for what, _ in records}
        if len(differing) > 1:
            raise agreed(
                RuntimeError(
                    f"The ranks do different things: {', '.join(sorted(map(str, differing)))}. "
                    "All must fit the same models with the same parameters, in the same order."
                )
            )
        return [value for _, value in records]

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let an error within reach the other ranks, all of which raise it then."""
        try:
            yield
        except BaseException as error:
            if getattr(error, "_agreed", False):
                raise
            if self.in_step or not isinstance(error, Exception):
                self.in_step = False
                self.fail(error)
                raise
            kind = next(k for k in (ValueError, TypeError, OSError, RuntimeError, Exception)
                        if isinstance(error, k))  # fmt: skip
            text = str(error) if kind is not Exception else f"{type(error).__name__}: {error}"
            self._exchange((None, (kind, text)))
            raise AssertionError("an error was told and not raised") from error

    def rows_of_all(self, values: Array) -> Array:
        """Return the rows (n, ...) of all ranks, in their order."""
        shape = values.shape[1:]
        parts = self.gather(np.ascontiguousarray(values).tobytes())
        return np.concatenate(
            [np.frombuffer(part, dtype=values.dtype).reshape(-1, *shape) for part in parts]
        )

    def any(self, answer: bool) -> bool:
        """Whether it is so on any rank."""
        count = np.array([float(answer)])
        self.sum(count)
        return bool(count[0] > 0)


def agreed(error: Exception) -> Exception:
    """Mark an error that all ranks raise."""
    error._agreed = True  # type: ignore[attr-defined]
    return error


_current: ContextVar[tuple[Ranks, tuple[int, int]] | None] = ContextVar("ranks", default=None)


def current_ranks() -> Ranks | None:
    """Return the ranks that a fit begun now is made by, None if it is made here alone."""
    held = _current.get()
    return None if held is None or held[1] != _here() else held[0]


def _here() -> tuple[int, int]:
    # threads may begin with the context of whoever starts them, as forked processes do
    return os.getpid(), threading.get_ident()


@contextmanager
def made_by(ranks: Ranks) -> Iterator[None]:
    """Let fits of this thread be made by these ranks."""
    token = _current.set((ranks, _here()))
    try:
        yield
    finally:
        _current.reset(token)


def by_all_ranks(fit: Fit) -> Fit:
    """Let an error in a fit, in the checks of its parameters too, reach the other ranks."""

    @functools.wraps(fit)
    def wrapped(*args: Any, **more: Any) -> Any:
        ranks = current_ranks()
        if ranks is None:
            return fit(*args, **more)
        with ranks.together():
            return fit(*args, **more)

    return wrapped  # type: ignore[return-value]


def all_ended() -> None:
    """Raise an error that another rank has had by here, before anything is published."""
    ranks = current_ranks()
    if ranks is not None:
        ranks.exchange("ended")
