"""The nets of a table over several ranks, all of which have the whole table.

Each net is trained by one rank, and all get it: the bits are those of one process. Where there are
more ranks than nets, each net is trained by all of them, which share its rows.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._estimators.fingerprint import add_to_digest
from .._estimators.inputs import FitData
from .._estimators.ranks import agreed, current_ranks
from .._estimators.source import Source
from .._estimators.state import State
from .._estimators.together import Together, common_parameters


def check_whole() -> None:
    """Raise a ValueError where each rank has rows of its own."""
    ranks = current_ranks()
    if ranks is not None and ranks.plan.shards:
        raise ValueError(
            "What the cells of a table mean is learned from all of its rows: give the whole table "
            "on all ranks, within communicator(shards=False)."
        )


def common_draws(generator: np.random.RandomState) -> np.random.RandomState:
    """Return a generator that draws what that of rank 0 does."""
    ranks = current_ranks()
    if ranks is None:
        return generator
    states = ranks.exchange("draws", generator.get_state(legacy=True))
    if ranks.rank != 0:
        generator = np.random.RandomState()
        generator.set_state(states[0])
    return generator


class OverRanks:
    """Which rank trains which net; without ranks, this process all of them.

    Parameters
    ----------
    count : int
        Number of nets.

    Attributes
    ----------
    first : bool
        Whether this is rank 0, the one that shows progress.
    compares : bool
        Whether there are others, whose table must be the same.
    shares_rows : bool
        Whether each net is trained by all ranks.
    mine : range
        The nets of this rank.
    turns : int
        How many nets the rank with the most has.
    at_a_time : int
        The most of them that may be trained side by side.
    """

    def __init__(self, count: int) -> None:
        self._ranks = ranks = current_ranks()
        self._size = 1 if ranks is None else ranks.size
        self.compares = ranks is not None
        self.shares_rows = count < self._size
        rank = 0 if ranks is None else ranks.rank
        self.first = rank == 0
        self.mine = range(count) if self.shares_rows else range(rank, count, self._size)
        self.turns = count if self.shares_rows else -(-count // self._size)
        self.at_a_time = 1 if self.shares_rows else self.turns

    def writer(self, net: int) -> int:
        """Return the rank that writes the checkpoint of a net."""
        return 0 if self.shares_rows else net % self._size

    def check(
        self, parameters: Mapping[str, Any], X: Any, y: Any, sample_weight: Any, validation: Any
    ) -> None:
        """Raise a ValueError on all ranks if they have other parameters or another table."""
        if self._ranks is None:
            return
        mine = common_parameters(parameters)
        mine |= _digests("", X, y, sample_weight)
        if validation is not None:
            mine |= _digests("_val", *validation)
        told = self._ranks.exchange("table", mine)
        for rank, theirs in enumerate(told):
            names = [name for name in told[0] if theirs.get(name) != told[0][name]]
            if names:
                raise agreed(ValueError(f"Rank {rank} has other {', '.join(names)} than rank 0."))

    def share(self, net: Any, data: FitData, state: State) -> State:
        """Let a net be trained by all ranks, if it is; return what it starts from."""
        if self._ranks is None or not self.shares_rows:
            return state
        data.together = Together(self._ranks)
        return data.together.begin(net.get_params(deep=False), vars(net), data, state)

    def collect(self, trained: dict[int, Any]) -> dict[int, Any]:
        """Return the nets of all ranks."""
        if self._ranks is None or self.shares_rows:
            return trained
        parts = self._ranks.exchange("nets", trained)
        return {number: net for part in parts for number, net in part.items()}


def _digests(suffix: str, X: Any, y: Any, sample_weight: Any) -> dict[str, str]:
    """Return hashes of rows, by the names of what `fit` takes."""
    if isinstance(X, Source):
        return {f"X{suffix}": X.known.digest}
    found = {}
    for name, values in (("X", X), ("y", y), ("sample_weight", sample_weight)):
        total = hashlib.sha256()
        if name == "y":  # labels too
            total.update(pickle.dumps(np.asarray(values).tolist()))
        else:
            add_to_digest(total, values)
        found[name + suffix] = total.hexdigest()
    return found
