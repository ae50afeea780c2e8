"""A table in Parquet: typed columns, one group of rows after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..._estimators.threads import default_limit
from ..._files import foreign
from ..arrow import pa, parquet
from .dialect import Dialect
from .source import Source

#: What pandas calls an index without a name.
_INDEX = re.compile(r"__index_level_\d+__")

#: Rows that are decoded at once.
_BATCH = 65_536


def _without_views(schema: Any) -> Any:
    """Return a schema with text as text for views of it, which few kernels of Arrow take."""
    plain = {"string_view": pa.string(), "binary_view": pa.binary()}
    return pa.schema(
        [(name, plain.get(str(t), t)) for name, t in zip(schema.names, schema.types, strict=True)]
    )


class ParquetTable:
    """One file in Parquet; see `files.TableFile`."""

    text = False
    head = ""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.notes: list[str] = []
        with source.open() as stream:
            begin = stream.read(foreign.HEAD)
        if not begin.startswith(b"PAR1"):
            what = foreign.describe(begin)
            it_is = f"; it is {what}" if what else ""
            raise ValueError(f"{source.name}: not a Parquet file{it_is}")
        self._metadata: Any = None  # of a large file it takes a while to read
        with self._file() as file:
            self._schema, self._metadata = file.schema_arrow.remove_metadata(), file.metadata
        self._views = any("_view" in str(kind) for kind in self._schema.types)
        if self._views:
            self._schema = _without_views(self._schema)
        #: Number of its groups of rows, which can be read in any order.
        self.groups: int | None = self._metadata.num_row_groups
        self.columns = list(self._schema.names)
        if not self.columns:
            raise ValueError(f"{source.name}: the table has no columns")
        twice = sorted(name for name in set(self.columns) if self.columns.count(name) > 1)
        if twice:
            raise ValueError(f"{source.name}: several columns are named {twice[0]!r}")
        self.names = [name for name in self.columns if not _INDEX.fullmatch(name)]
        if len(self.names) < len(self.columns):
            self.notes.append("the index without a name has names of rows, no feature")
        self.dialect = Dialect("parquet", row_names=len(self.names) < len(self.columns))

    def _file(self) -> Any:
        try:
            return parquet.ParquetFile(self.source.seekable(), metadata=self._metadata)
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{self.source.name}: not a Parquet file: {error}") from None

    def schema(self) -> Any:
        """Return the names and types of the blocks."""
        return self._schema

    def batches(self, group: int | None = None) -> Iterator[Any]:
        """Yield batches of whole rows, of one group if its number is given."""
        groups = None if group is None else [group]
        with self._file() as file:
            try:
                threads = default_limit() > 1
                for batch in file.iter_batches(_BATCH, row_groups=groups, use_threads=threads):
                    yield batch.cast(self._schema) if self._views else batch
            except (pa.ArrowException, OSError) as error:
                raise ValueError(f"{self.source.name}: damaged Parquet file: {error}") from None

    def close(self) -> None:
        """Let go of the file."""
        self.source.close()
