"""Tables in files, read as they are written: cells of text as text, Parquet typed, block by block.

``open_table`` tells what a file is; what the cells mean is the schema's matter. Another format is
one more reader with what ``_Reader`` lists.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from ..._common.extras import missing
from ..._files.disk import AnyPath, as_path
from ..arrow import pa
from .dialect import FOUND_OUT, Dialect, ReadOptions
from .parquet import ParquetTable
from .source import Source
from .text import TextTable

#: Rows of a block at most, and cells.
BLOCK_ROWS = 65_536
BLOCK_CELLS = 1 << 22

_PARQUET = (".parquet", ".pq")


class _Reader(Protocol):
    """One file of a table."""

    source: Source
    text: bool
    dialect: Dialect
    notes: list[str]
    head: str
    columns: list[str]
    names: list[str]
    groups: int | None  # that batches(group) gives, if any

    def schema(self) -> Any: ...
    def batches(self, group: int | None = None) -> Iterator[Any]: ...
    def close(self) -> None: ...


class TableFile:
    """A table in one file or in several, read as often as wanted; a context manager.

    Attributes
    ----------
    names : list of str
        Columns, without names of rows.
    columns : list of str
        All columns, as blocks have them; names of rows may be named "".
    text : bool
        Whether cells are text, exactly as written: a string column each, an empty cell is "".
    dialect : Dialect
    head : str
        The header of a text as it stands; "" if it has none.
    notes : list of str
        What was found out that a user should know.
    paths : list of str
        The files; "-" is stdin.
    """

    def __init__(self, parts: list[_Reader]) -> None:
        self._parts = parts
        self.paths = [part.source.path for part in parts]
        first = parts[0]
        self.names = first.names
        self.columns = first.columns
        self.text = first.text
        self.dialect = first.dialect
        self.head = first.head
        self.notes = list(dict.fromkeys(note for part in parts for note in part.notes))
        if len(parts) > 1:
            self.notes.insert(0, f"{len(parts)} files, read as one table")

    def blocks(self, rows: int = BLOCK_ROWS) -> Iterator[Any]:
        """Yield the table in blocks, each a pyarrow.Table with names of rows included.

        Parameters
        ----------
        rows : int
            Rows of a block at most.

        Raises
        ------
        ValueError
            If a row can't be read; the text names the file and the line.
        """
        rows = max(1, min(rows, BLOCK_CELLS // len(self.columns)))
        for part in self._parts:
            for batch in part.batches():
                for begin in range(0, batch.num_rows, rows):
                    yield pa.Table.from_batches([batch.slice(begin, rows)]).select(self.columns)

    @property
    def n_groups(self) -> int | None:
        """Number of the groups of rows that can be read in any order; None: there are none."""
        counts = [part.groups for part in self._parts]
        return None if None in counts else sum(counts)  # type: ignore[arg-type]

    def group(self, number: int) -> Any:
        """Return a group of rows, a pyarrow.Table with names of rows included."""
        for part in self._parts:
            assert part.groups is not None
            if number < part.groups:
                return pa.Table.from_batches(part.batches(number), part.schema())
            number -= part.groups
        raise IndexError("there is no such group of rows")

    def read(self) -> Any:
        """Return the whole table, a pyarrow.Table, without names of rows.

        Raises
        ------
        ValueError
            If a row can't be read; the text names the file and the line.
        """
        tables = [pa.Table.from_batches(part.batches(), part.schema()) for part in self._parts]
        table = pa.concat_tables(tables, promote_options="permissive")
        pa.default_memory_pool().release_unused()  # what the readers' blocks took
        names = set(self.names)
        unnamed = [name for name in self.columns if name not in names]
        return table.drop_columns(unnamed) if unnamed else table

    def close(self) -> None:
        """Let go of the files."""
        for part in self._parts:
            part.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_table(
    path: AnyPath, options: ReadOptions = FOUND_OUT, like: Dialect | None = None
) -> TableFile:
    """Open a table.

    Parameters
    ----------
    path : str, bytes or path-like
        CSV or another text of separated cells, also compressed (gz, bz2, xz, zst, a zip of one
        file) or in another encoding; Parquet; several of a kind by a pattern such as
        ``data/*.csv``, in the order of their names; ``-`` is stdin.
    options : ReadOptions
    like : Dialect, optional
        That of the training file, the default for what ``options`` leaves open.

    Returns
    -------
    TableFile

    Raises
    ------
    OSError
        If a file can't be opened.
    ValueError
        If it is no table, or its rows or names don't fit; the text names file and line.
    ImportError
        If a library for tables is not installed; the text says what to install.
    """
    for module in ("pyarrow", "duckdb", "charset_normalizer"):
        if find_spec(module) is None:
            raise missing("tables need", module, "table")
    parts: list[_Reader] = []
    try:
        for one in _expand(as_path(path)):
            part = _open(one, options, parts[0].dialect if parts else like)
            parts.append(part)
            _check_columns(part, parts[0])
        return TableFile(parts)
    except BaseException:
        for part in parts:
            part.close()
        raise


def _check_columns(part: _Reader, first: _Reader) -> None:
    """Refuse another file with other columns; they may stand in another order."""
    if part.columns == first.columns:
        return
    there, here = {*first.columns}, {*part.columns}
    if lacking := [name for name in first.columns if name not in here]:
        raise ValueError(f"{part.source.name}: lacks column {lacking[0]!r} of {first.source.name}")
    if more := [name for name in part.columns if name not in there]:
        raise ValueError(
            f"{part.source.name}: has a column {more[0]!r}, which {first.source.name} lacks"
        )
    part.notes.append("columns stand in another order in some files: taken by their names")


def _expand(path: str) -> list[str]:
    """Return the file of that name, or those that it is a pattern of."""
    if path == "-" or os.path.exists(path) or not glob.has_magic(path):
        return [path]
    return sorted(glob.glob(path, recursive=True)) or [path]


def _open(path: str, options: ReadOptions, like: Dialect | None) -> _Reader:
    source = Source(path)
    try:
        with source.open() as stream:
            parquet = stream.read(4) == b"PAR1"
        if parquet or Path(path).suffix.lower() in _PARQUET:
            return ParquetTable(source)
        return TextTable(source, options, like)
    except BaseException:
        source.close()
        raise
