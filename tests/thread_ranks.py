"""Ranks that are threads of one process: what a fit by several ranks comes to, without MPI."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from chainfit._estimators.ranks import Plan, Ranks, agreed, made_by


class Meeting:
    """Where the threads meet."""

    def __init__(self, size):
        self.barrier = threading.Barrier(size, timeout=60)
        self.given, self.failure = [None] * size, None


class ThreadRanks(Ranks):
    def __init__(self, rank, size, plan, meeting):
        super().__init__(rank, size, plan)
        self._meeting, self._begun, self.sums = meeting, [], 0

    def _all(self, value):
        meeting = self._meeting
        try:
            meeting.given[self.rank] = value
            meeting.barrier.wait()
            found = list(meeting.given)
            meeting.barrier.wait()
        except threading.BrokenBarrierError:
            raise agreed(RuntimeError(f"A rank failed: {meeting.failure}")) from None
        return found

    def gather(self, content):
        return self._all(content)

    def sum(self, values):
        parts = self._all(values.copy())
        values[:] = np.add.reduce(parts, axis=0)

    def begin_sum(self, values):
        self._begun.append(values)
        self.sums += 1

    def poke(self):
        pass

    def finish_sums(self):
        begun, self._begun = self._begun, []
        for values in begun:
            self.sum(values)

    def fail(self, error):
        self._meeting.failure = f"{type(error).__name__}: {error}"
        self._meeting.barrier.abort()


def by_ranks(size, work, **plan):
    """Return what work(rank) returns, or raises, on each of so many ranks."""
    meeting = Meeting(size)

    def one(rank):
        try:
            with made_by(ThreadRanks(rank, size, Plan(**plan), meeting)):
                return work(rank)
        except Exception as error:
            return error

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(one, range(size)))


def interleaved(sizes, batch_size):
    """Return the rows of shards as batches take them: pairs (rank, row), by the definition."""
    places = [((2 * j + 1) / n, rank, j) for rank, n in enumerate(sizes) for j in range(n)]
    rows = [(rank, j) for _, rank, j in sorted(places)]
    batches = [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
    return [sorted(batch) for batch in batches]
