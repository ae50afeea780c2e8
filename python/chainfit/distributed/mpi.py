"""Ranks by mpi4py. No call blocks for ever: all wait in one loop, which hears of failures.

A rank that fails tells the others by a message beside the sums in which they wait. The sums can't
be completed any more, and MPI could not be finalized: the job is aborted when Python ends.
"""

from __future__ import annotations

import atexit
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from mpi4py import MPI

from .._estimators.ranks import Plan, Ranks, agreed

Array = npt.NDArray[Any]

_FAILED = 1  # the tag of the message
# A waiting rank first spins, then lets others have its CPU, then sleeps: seconds.
_SPINS_FOR, _YIELDS_FOR, _SLEEPS_FOR = 20e-6, 2e-3, 50e-6
# How long the others have to hear of a failure and tell of it, before they are ended: seconds.
_GRACE = 1.0
# Between two looks at the messages.
_LOOKS_EVERY = 5e-3

# What was given up. MPI may still write to its memory, which these hold.
_unfinished: list[Any] = []


class MPIRanks(Ranks):
    """The processes of a communicator.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm or None
    plan : Plan
    timeout : float
        Seconds.
    """

    def __init__(self, comm: Any, plan: Plan, timeout: float) -> None:
        comm = MPI.COMM_WORLD if comm is None else comm
        if not isinstance(comm, MPI.Intracomm):
            raise TypeError(f"comm must be an mpi4py.MPI.Intracomm, got {type(comm).__name__}.")
        if comm == MPI.COMM_NULL:
            raise ValueError("comm must have this process in it, got MPI.COMM_NULL.")
        super().__init__(comm.rank, comm.size, plan)
        self._given, self._timeout = comm, timeout
        self._requests: list[Any] = []
        self._sent: list[Any] = []
        self._broken: str | None = None
        self._messages: Any = None

    @contextmanager
    def open(self) -> Iterator[None]:
        """Use communicators of our own, so that no message meets one of the user's."""
        self._sums, request = self._given.Idup()
        self._wait([request])
        self._messages, request = self._given.Idup()
        self._wait([request])
        try:
            yield
        except BaseException as error:
            if self._broken is None and not getattr(error, "_agreed", False):
                self.fail(error)
            raise
        finally:
            if self._broken is None:
                self._sums.Free()
                self._messages.Free()

    # -- what Ranks asks for

    def gather(self, content: bytes) -> list[bytes]:
        """Return what each rank gave."""
        size = np.array([len(content)], dtype=np.int64)
        sizes = np.empty(self.size, dtype=np.int64)
        self._wait([self._sums.Iallgather(size, sizes)])
        ends = np.cumsum(sizes)
        # in blocks, for counts are ints of 32 bits in older MPIs
        everything = np.empty(int(ends[-1]), dtype=np.uint8)
        given = np.frombuffer(content, dtype=np.uint8)
        if ends[-1] < 2**31:
            place = [everything, (sizes, ends - sizes), MPI.BYTE]
            self._wait([self._sums.Iallgatherv([given, MPI.BYTE], place)])
        else:
            for rank, (end, count) in enumerate(zip(ends, sizes, strict=True)):
                part = everything[end - count : end]
                if rank == self.rank:
                    part[:] = given
                for at in range(0, int(count), 2**30):
                    self._wait([self._sums.Ibcast([part[at : at + 2**30], MPI.BYTE], rank)])
        return [everything[end - n : end].tobytes() for end, n in zip(ends, sizes, strict=True)]

    def sum(self, values: Array) -> None:
        """Replace values by their sums over the ranks."""
        found = values.copy()  # the caller's memory ends with the call, even where a sum does not
        self._wait([self._sums.Iallreduce(MPI.IN_PLACE, found)])
        values[:] = found

    def begin_sum(self, values: Array) -> None:
        """Begin the same in the background."""
        self._check()
        self._requests.append(self._sums.Iallreduce(MPI.IN_PLACE, values))

    def poke(self) -> None:
        """Let sums in the background get on."""
        MPI.Request.Testall(self._requests)

    def finish_sums(self) -> None:
        """Wait until all sums in the background have ended."""
        self._wait(self._requests)
        self._requests = []

    def fail(self, error: BaseException) -> None:
        """Tell the others, whatever they wait for, that they wait in vain."""
        if self._broken is not None:
            return
        text = f"{type(error).__name__}: {error}"
        self._break(f"rank {self.rank} failed: {text}")
        for rank in range(self.size):
            if rank != self.rank:
                self._sent.append(self._messages.isend(text[:2000], dest=rank, tag=_FAILED))
        MPI.Request.Testall(self._sent)

    def processes_here(self) -> int:
        """Return how many of the ranks share the CPUs of this one."""
        cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        here = repr((platform.node(), cpus)).encode()
        return self.gather(here).count(here)

    # -- waiting

    def _wait(self, requests: list[Any]) -> None:
        self._check()
        try:
            self._wait_for(requests)
        except BaseException as error:
            _unfinished.extend(requests)
            if isinstance(error, MPI.Exception):
                self.fail(error)
                raise agreed(RuntimeError(f"MPI failed: {error}")) from error
            raise

    def _wait_for(self, requests: list[Any]) -> None:
        start = looked = time.monotonic()
        while not MPI.Request.Testall(requests):
            now = time.monotonic()
            waited = now - start
            if now - looked > _LOOKS_EVERY:
                looked = now
                self._look(waited)
            if waited > _YIELDS_FOR:
                time.sleep(_SLEEPS_FOR)
            elif waited > _SPINS_FOR:
                time.sleep(0)

    def _look(self, waited: float) -> None:
        """Raise an error if another rank failed, or nobody comes."""
        status, messages = MPI.Status(), self._messages
        if messages is not None and messages.Iprobe(MPI.ANY_SOURCE, _FAILED, status):
            rank = status.Get_source()
            text = messages.recv(source=rank, tag=_FAILED)
            self._break(f"rank {rank} failed: {text}")
            raise agreed(RuntimeError(f"Rank {rank} of {self.size} failed: {text}"))
        if waited > self._timeout:
            self._break("a rank did not answer in time")
            raise agreed(
                RuntimeError(
                    f"Rank {self.rank} of {self.size} has waited {waited:.0f} s for the others. "
                    "One of them has ended or does something else, or `timeout` is too short."
                )
            )

    def _check(self) -> None:
        if self._broken is not None:
            raise agreed(RuntimeError(f"The ranks can't go on together: {self._broken}."))

    def _break(self, why: str) -> None:
        self._broken = why
        atexit.register(_abort)


def _abort() -> None:
    """End all processes, for they wait for what will not come, and MPI can't be finalized."""
    sys.stdout.flush()
    sys.stderr.flush()
    time.sleep(_GRACE)
    if not MPI.Is_finalized():
        MPI.COMM_WORLD.Abort(1)
    os._exit(1)
