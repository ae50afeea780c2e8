"""Ranks that are threads of one process: what a fit by several ranks comes to, without MPI."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

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


class Alone:
    """One rank as the core asks for it: it has all rows of each batch, and its sums are done."""

    first, sync_every, outer_rate, outer_momentum = True, 0, 1.0, 0.0
    weighted = False

    def __init__(self, batches, batch_size, in_windows=False):
        self.batch_size, self.all_rows = batch_size, batches * batch_size
        self.in_windows = in_windows
        begin = batch_size * np.arange(batches)
        self.shares = np.stack([begin, begin + batch_size, 0 * begin], axis=1)

    def sum(self, values):
        pass

    def begin_sum(self, values):
        pass

    def poke(self):
        pass

    def finish_sums(self):
        pass


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


def data(rng, rows, kind):
    X = rng.normal(size=(rows, 5))
    score = X[:, 0] + X[:, 1] ** 2 + 0.1 * rng.normal(size=rows)
    if kind == "binary":
        y = (score > 0.7).astype(int)
    elif kind == "classes":
        y = np.digitize(score, [0.2, 1.5])
    elif kind == "two classifications":
        y = np.stack([score > 0.7, np.digitize(score, [0.2, 1.5])], axis=1).astype(int)
    elif kind == "two targets":
        y = np.stack([score, np.abs(score)], axis=1)
    else:
        y = np.abs(score) + 0.1
    return X, y


def fit(model, rows, given, **val):
    X, y, weight = given
    weight = None if weight is None else weight[rows]
    return model.fit(X[rows], y[rows], sample_weight=weight, **val)


def shards_of(sizes):
    ends = np.cumsum([0, *sizes])
    return [np.arange(a, b) for a, b in pairwise(ends)]


def raised(outcomes):
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return outcomes
