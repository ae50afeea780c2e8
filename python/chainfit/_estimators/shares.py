"""Whose rows are in which batch: shards of any sizes make batches of the size asked for."""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

# Batches whose shares of all ranks are held at a time.
_AT_ONCE = 1024


def shares_of_shards(sizes: list[int], rank: int, batch_size: int) -> Ints:
    """Return the share of a rank in each batch of an epoch over shards of these sizes.

    Batches have `batch_size` rows in all, the last one what is left. Each rank takes its own rows
    in their order: row j of n lies at (2 j + 1) / (2 n) of the epoch, and batches take the rows of
    all ranks by these places: the method of Webster and Sainte-Lague, which is fair to within a
    row or so.

    Returns
    -------
    shares : ndarray of shape (batches, 3)
        The first row, the one after the last, and how many rows lower ranks have in the batch.
    """
    ends = boundaries(sum(sizes), batch_size)
    shares = np.zeros((len(ends) - 1, 3), dtype=np.int64)
    for at in range(0, len(shares), _AT_ONCE):
        counts = counts_at(sizes, ends[at : at + _AT_ONCE + 1])
        part = shares[at : at + _AT_ONCE]
        part[:, 0], part[:, 1] = counts[:-1, rank], counts[1:, rank]
        part[:, 2] = np.diff(counts[:, :rank].sum(axis=1))
    return shares


def shares_of_all(rows: int, rank: int, size: int, batch_size: int) -> Ints:
    """Return the share of a rank in each batch of rows that all ranks have, as above."""
    ends = boundaries(rows, batch_size)
    begin, count = ends[:-1], np.diff(ends)
    first, end = count * rank // size, count * (rank + 1) // size
    return np.ascontiguousarray(np.stack([begin + first, begin + end, first], axis=1))


def boundaries(rows: int, batch_size: int) -> Ints:
    """Return 0 and the numbers of rows after each batch."""
    return np.append(np.arange(0, rows, batch_size), rows).astype(np.int64)


def counts_at(sizes: list[int], ends: Ints) -> Ints:
    """Return how many of the first rows, of all shards by their places, are of each shard."""
    n = np.array(sizes, dtype=np.int64)
    ranks = np.arange(len(n))
    if (n == n[0]).all():  # the places are equal, and rows come by turns
        return (ends[:, np.newaxis] + len(n) - 1 - ranks) // len(n)
    counts = np.floor(ends[:, np.newaxis] * (n / n.sum()) + 0.5).astype(np.int64)
    for at, end in enumerate(ends):
        _correct(counts[at], n, int(end - counts[at].sum()))
    return counts


def _correct(count: Ints, n: Ints, missing: int) -> None:
    """Add the next rows by their places, or take the last ones away: there are few."""
    ranks = range(len(n))
    if missing > 0:
        heap = [((2 * count[r] + 1) / n[r], r) for r in ranks if count[r] < n[r]]
    elif missing < 0:
        heap = [(-(2 * count[r] - 1) / n[r], -r) for r in ranks if count[r]]
    else:
        return
    heapq.heapify(heap)
    step = 1 if missing > 0 else -1
    for _ in range(abs(missing)):
        _, r = heapq.heappop(heap)
        r = abs(r)
        count[r] += step
        if step > 0 and count[r] < n[r]:
            heapq.heappush(heap, ((2 * count[r] + 1) / n[r], r))
        elif step < 0 and count[r]:
            heapq.heappush(heap, (-(2 * count[r] - 1) / n[r], -r))
