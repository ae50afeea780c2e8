"""pyarrow, which tables travel in, and what to say where it is not installed."""

from __future__ import annotations

from typing import Any

try:
    import pyarrow as pa
    import pyarrow.compute as pc
except ImportError:
    raise ImportError(
        "tables need pyarrow, which is not installed: pip install 'chainfit[table]'"
    ) from None

__all__ = ["pa", "pc"]


def flat(column: Any) -> Any:
    """One array with all cells of a chunked array."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
