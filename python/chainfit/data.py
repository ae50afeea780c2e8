"""Data larger than memory: sources, which give rows in blocks, as often as training reads them.

A source is the X of a `fit`, which needs no y then::

    model.fit(chainfit.data.Files("data/*.parquet", target="price"))

and of a `predict`; `predict_file` goes from files to a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._estimators.source import Arrays, Chunks, Source

if TYPE_CHECKING:
    from ._tables.predictions import predict_file
    from ._tables.sources import Batches, Files

__all__ = ["Arrays", "Batches", "Chunks", "Files", "Source", "predict_file"]


def __getattr__(name: str) -> Any:
    """Import what reads tables when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._tables import predictions, sources

    return getattr(predictions if name == "predict_file" else sources, name)
