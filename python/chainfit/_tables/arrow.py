"""The libraries that tables travel in, imported when a table is first at hand.

So the estimators can be imported, made and shown without them; a fit says what is missing.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .._common.extras import missing

__all__ = ["csv", "flat", "nw", "pa", "parquet", "pc"]


class _Later(ModuleType):
    """A module that is imported when something of it is first asked for."""

    def __getattr__(self, name: str) -> Any:
        try:
            module = import_module(self.__name__)
        except ModuleNotFoundError:
            raise missing("tables need", self.__name__.partition(".")[0], "table") from None
        value = getattr(module, name)
        setattr(self, name, value)  # asked for once
        return value


if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv, parquet
else:
    nw, pa, pc = _Later("narwhals"), _Later("pyarrow"), _Later("pyarrow.compute")
    csv, parquet = _Later("pyarrow.csv"), _Later("pyarrow.parquet")


def flat(column: Any) -> Any:
    """One array with all cells of a chunked array."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
