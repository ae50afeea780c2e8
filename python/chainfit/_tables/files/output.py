"""Tables written as they were read: the same cells, separator, quotes and header, and new columns.

Whole or not at all: ``_files/disk.py`` lends the file, which takes its name at the end.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np

from ..._common.printable import printable
from ..._files.disk import AnyPath, open_output
from ..arrow import pa, pc
from .table_file import TableFile


class TableWriter:
    """Writes the blocks of a table with added columns, as text; a context manager.

    Parameters
    ----------
    path : str, bytes, path-like or None
        None: stdout. A file is there when the context ends without an error.
    file : TableFile
        Where the blocks come from.
    added_names : sequence of str
        Made unlike the names that are there by a number: ``prediction_2``.

    Raises
    ------
    ValueError
        If the file to write is one of those that are read.
    """

    def __init__(self, path: AnyPath | None, file: TableFile, added_names: Sequence[str]) -> None:
        dialect = file.dialect
        self._dialect = dialect
        if path is not None and os.path.exists(path):
            for read in file.paths:
                if os.path.exists(read) and os.path.samefile(path, read):
                    raise ValueError(f"{printable(read)}: is read; choose another file to write")
        self._opened = _stdout() if path is None else open_output(path)
        if dialect.header:
            taken = set(file.columns)
            head = file.head or dialect.delimiter.join(map(self._cell, file.columns))
            for name in added_names:
                name = _unlike(name, taken)
                taken.add(name)
                head += dialect.delimiter + self._cell(name)
            self._head = head + dialect.newline
        else:
            self._head = ""

    def _cell(self, text: str) -> str:
        """Return a cell in quotes if it needs them."""
        dialect = self._dialect
        if not any(mark in text for mark in (dialect.delimiter, dialect.quote, "\r", "\n")):
            return text
        if dialect.escape != dialect.quote:
            text = text.replace(dialect.escape, dialect.escape * 2)
        text = text.replace(dialect.quote, dialect.escape + dialect.quote)
        return dialect.quote + text + dialect.quote

    def __enter__(self) -> Self:
        self._file = self._opened.__enter__()
        self._file.write(self._head.encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def write(self, block: Any, arrays: Sequence[np.ndarray]) -> None:
        """Write the rows of a block, the values of ``arrays`` at their ends.

        Parameters
        ----------
        block : pyarrow.Table
        arrays : sequence of ndarray of shape (rows,)
            In the order of the added names.
        """
        if not block.num_rows:
            return
        dialect = self._dialect
        columns = [_texts(column.combine_chunks()) for column in block.columns]
        columns += [pa.array(_words(array), pa.string()) for array in arrays]
        columns = [self._quoted(column) for column in columns]
        lines = pc.binary_join_element_wise(*columns, dialect.delimiter)
        lines = pc.binary_join_element_wise(lines, "", dialect.newline)
        for chunk in lines.chunks if isinstance(lines, pa.ChunkedArray) else [lines]:
            self._file.write(_contents(chunk))

    def _quoted(self, column: Any) -> Any:
        """Quote the cells of a column that need it."""
        dialect = self._dialect
        marks = "".join({dialect.delimiter, dialect.quote})
        special = "".join("\\" + mark for mark in marks) + "\r\n"
        needs = pc.match_substring_regex(column, f"[{special}]")
        if not pc.any(needs).as_py():
            return column
        inner = column
        if dialect.escape != dialect.quote:
            inner = pc.replace_substring(inner, dialect.escape, dialect.escape * 2)
        inner = pc.replace_substring(inner, dialect.quote, dialect.escape + dialect.quote)
        quoted = pc.binary_join_element_wise(dialect.quote, inner, dialect.quote, "")
        return pc.if_else(needs, quoted, column)


@contextlib.contextmanager
def _stdout() -> Iterator[Any]:
    """Lend stdout as a file of bytes, which go out at the end, or at the first error."""
    if hasattr(sys.stdout, "buffer"):
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        yield _Text()


class _Text:
    """A stdout that takes text alone, such as a notebook's."""

    def write(self, data: Any) -> None:
        sys.stdout.write(bytes(data).decode())


def _unlike(name: str, taken: set[str]) -> str:
    unique, count = name, 1
    while unique in taken:
        count += 1
        unique = f"{name}_{count}"
    return unique


def _contents(lines: Any) -> memoryview:
    """Return the characters of an array of strings, one after the other."""
    _, offsets, characters = lines.buffers()
    places = np.frombuffer(offsets, np.int32)[lines.offset : lines.offset + len(lines) + 1]
    return memoryview(characters)[int(places[0]) : int(places[-1])]


def _texts(column: Any) -> Any:
    """Return a column of any type as text: numbers as Python writes them, missing as nothing."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(column.dictionary_decode())
    if pa.types.is_floating(kind):
        values = column.to_numpy(zero_copy_only=False)
        texts = np.array(_words(values), dtype=object)
        texts[np.isnan(values)] = ""
        return pa.array(texts, pa.string())
    if pa.types.is_duration(kind):
        return _durations(column)
    try:
        text = column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        values = ["" if value is None else str(value) for value in column.to_pylist()]
        return pa.array(values, pa.string())
    if pa.types.is_boolean(kind):
        text = pc.if_else(column, "True", "False")
    elif pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        # no zeros at the end of a second's fraction, which the zone may follow
        text = pc.replace_substring_regex(text, r"(\.\d*?)0+(Z|[-+]\d+)?$", r"\1\2")
        text = pc.replace_substring_regex(text, r"\.(Z|[-+]\d+)?$", r"\1")
    return pc.fill_null(text, "")


def _durations(column: Any) -> Any:
    """Return durations as Python writes them, 1 day, 2:03:04.5, but without the comma."""
    size = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]
    ticks = column.cast(pa.int64()).to_pylist()
    return pa.array(["" if tick is None else _duration(tick, size) for tick in ticks], pa.string())


def _duration(ticks: int, a_second: int) -> str:
    seconds, rest = divmod(ticks, a_second)
    days, seconds = divmod(seconds, 86_400)
    text = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if rest:
        text += "." + f"{rest + a_second}"[1:].rstrip("0")
    return f"{days} {'day' if abs(days) == 1 else 'days'} {text}" if days else text


def _words(values: np.ndarray) -> list[str]:
    """Return each value as Python writes it: 0.1, 3, True, or a label as it is."""
    if values.dtype == np.float64:
        return list(map(repr, values.tolist()))
    if values.dtype.kind == "f":
        return list(map(str, values))
    return list(map(str, values.tolist()))
