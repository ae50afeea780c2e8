"""Scores on a source: its blocks are read once, for predictions and targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from .source import Block, Source, check_weighted
from .sparse import dense_copy

Model = TypeVar("Model")


def scored(model: Model, X: Any, sample_weight: Any) -> tuple[Model, Any, Any]:
    """Return a model that has predicted X, and the targets and weights that X has of its own.

    Raises
    ------
    ValueError
        If X is no source, or one without targets, or weights are given beside it.
    """
    if not isinstance(X, Source):
        raise ValueError(_no_targets(model))
    if sample_weight is not None:
        raise ValueError("y and sample_weight must be None with a source, which has its own.")
    kept = _Kept(X, _no_targets(model))
    given: Any = model
    predicted = given.predict(kept)
    known = given._sharing({**vars(model), "predict": lambda _: predicted})
    targets, weights = zip(*kept.seen, strict=True)
    weighted = weights[0] is not None
    for weight in weights:
        check_weighted(weight, weighted)
    return known, np.concatenate(targets), np.concatenate(weights) if weighted else None


def _no_targets(model: Any) -> str:
    name = type(model).__name__
    return f"This {name} estimator requires y to be passed, but the target y is None."


class _Kept(Source):
    """A source whose targets and weights are kept as its blocks go by."""

    def __init__(self, source: Source, complaint: str, seen: list[Any] | None = None) -> None:
        self._given, self._complaint = source, complaint
        self.n_blocks, self.seen = source.n_blocks, [] if seen is None else seen

    def blocks(self, numbers: Sequence[int] | None = None) -> Iterator[Block]:
        for X, y, weight in self._given.blocks(numbers):
            if y is None:
                raise ValueError(self._complaint)
            self.seen.append((dense_copy(y), None if weight is None else np.array(weight)))
            yield X, y, weight

    def as_numbers(self, names: Sequence[str] | None = None) -> Source:
        numbers = self._given.as_numbers(names)
        return self if numbers is self._given else _Kept(numbers, self._complaint, self.seen)
