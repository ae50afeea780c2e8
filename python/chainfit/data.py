"""Data larger than memory: sources, which give rows in blocks, as often as training reads them.

A source is the X of a `fit`, which needs no y then::

    model.fit(chainfit.data.Files("data/*.parquet", target="price"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._estimators.source import Arrays, Chunks, Source

if TYPE_CHECKING:
    from ._tables.sources import Batches, Files

__all__ = ["Arrays", "Batches", "Chunks", "Files", "Source"]


def __getattr__(name: str) -> Any:
    """Import what needs pyarrow when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._tables import sources

    return getattr(sources, name)
