"""Data larger than memory: sources, which give rows in blocks, as often as training reads them.

A source is the X of a `fit`, which needs no y then::

    model.fit(chainfit.data.Arrays(np.load("X.npy", mmap_mode="r"), y))
"""

from __future__ import annotations

from ._estimators.source import Arrays, Chunks, Source

__all__ = ["Arrays", "Chunks", "Source"]
