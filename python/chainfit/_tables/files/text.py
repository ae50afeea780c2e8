"""A table in a text, read by Arrow once its encoding, its dialect and its quotes are known.

Cells come as they are written. DuckDB's reader would lose an empty cell too many, refuse mixed ends
of lines and want packed files on the disk (docs/design.md).
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np

from ..._estimators.threads import default_limit
from ..._files import foreign
from ..arrow import csv, pa
from .charset import CHUNK, by_mark, guess, not_utf8
from .dialect import Dialect, ReadOptions
from .rows import BrokenRow, Row, ragged_row, rows_of
from .sniff import Layout, sniff
from .source import Source

#: Bytes from which the dialect is found out.
SNIFFED = 1 << 20

#: Bytes that Arrow reads at once, at least so many for each column, whose cost is by the block; a
#: row that is longer asks for more, up to the third number.
BLOCK_BYTES = 1 << 22
COLUMN_BYTES = 1 << 12
MOST_BYTES = 1 << 30

_JSON = re.compile(r'\s*(\{\s*"|\[\s*[\[{])')

#: What `foreign.describe` says of beginnings that a table may have.
_MAY_BE_TABLE = ("JSON", "text, such as a CSV table", "text in UTF-16")


class TextTable:
    """One text; see `files.TableFile`."""

    text = True
    groups: int | None = None  # it is read from its beginning

    def __init__(self, source: Source, options: ReadOptions, like: Dialect | None) -> None:
        self.source = source
        self.notes: list[str] = []
        source.encoding = self._encoding(options, like)
        layout = self._layout(options, like)
        encoding = "utf-8" if source.encoding == "utf-8-sig" else source.encoding
        self.dialect = replace(layout.dialect, encoding=encoding)
        self.head = layout.head
        self.notes += layout.notes
        self.columns = layout.names
        _check_names(source.name, layout.names)
        self.row_names = layout.names[:1] if layout.dialect.row_names else []
        self.names = layout.names[len(self.row_names) :]
        _check_quotes(source, layout)

    def _encoding(self, options: ReadOptions, like: Dialect | None) -> str:
        with self.source.open() as stream:
            head = stream.read(foreign.HEAD)
        name = self.source.name
        if not head:
            raise ValueError(f"{name}: the file is empty")
        if options.encoding is not None:
            return options.encoding
        if marked := by_mark(head):
            return marked
        what = foreign.describe(head)
        if what == "JSON" and not _JSON.match(head.decode("utf-8", "ignore")):
            what = "text, such as a CSV table"
        if what is not None and what not in _MAY_BE_TABLE[1:]:
            raise ValueError(f"{name}: is no table of text or Parquet: it is {what}")
        if b"\0" in head:
            raise ValueError(
                f"{name}: has null characters, so it is no text, or --encoding must say in which"
            )
        with self.source.open() as stream:
            strange = not_utf8(stream)
        if not strange:
            return "utf-8"
        if like is not None and like.kind == "csv" and not like.encoding.startswith("utf"):
            return like.encoding
        guessed = guess(strange)
        if guessed is None:
            raise ValueError(f"{name}: is not in UTF-8; --encoding must say in what")
        self.notes.append(f"not in UTF-8: read as {guessed}, a guess (--encoding says another)")
        return guessed

    def _layout(self, options: ReadOptions, like: Dialect | None) -> Layout:
        with self.source.utf8() as stream:
            raw = _read_up_to(stream, SNIFFED + 1)
        whole = len(raw) <= SNIFFED
        # Cut off within a character, perhaps.
        try:
            text = raw[:SNIFFED].decode("utf-8", errors="strict" if whole else "ignore")
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.source.name}: is no text in UTF-8: {error.reason}") from None
        try:
            layout = sniff(text, whole, options, like)
        except ValueError as error:
            raise ValueError(f"{self.source.name}: {error}") from None
        self._begin = len(text[: layout.begin].encode())
        return layout

    def close(self) -> None:
        """Let go of the file."""
        self.source.close()

    def schema(self) -> Any:
        """Return the names and types of the blocks."""
        return pa.schema([(name, pa.string()) for name in self.columns])

    def batches(self, group: int | None = None) -> Iterator[Any]:
        """Yield batches of whole rows, names of rows included."""
        done, block_bytes = 0, max(BLOCK_BYTES, COLUMN_BYTES * len(self.columns))
        while True:
            try:
                for batch in self._read(block_bytes, done):
                    done += batch.num_rows
                    yield batch
                return
            except pa.ArrowInvalid as error:
                if "straddling" not in str(error) or block_bytes >= MOST_BYTES:
                    raise self._explained(error) from None
                block_bytes *= 16  # a row is longer than a block

    def _read(self, block_bytes: int, done: int) -> Iterator[Any]:
        """Yield batches by Arrow's reader, from row ``done`` of the data on."""
        dialect = self.dialect
        doubled = dialect.escape == dialect.quote
        with self._data() as stream:
            try:
                reader = csv.open_csv(
                    stream,
                    csv.ReadOptions(
                        column_names=self.columns,
                        skip_rows_after_names=done,
                        block_size=block_bytes,
                        use_threads=default_limit() > 1,
                    ),
                    csv.ParseOptions(
                        delimiter=dialect.delimiter,
                        quote_char=dialect.quote,
                        double_quote=doubled,
                        escape_char=False if doubled else dialect.escape,
                        newlines_in_values=True,
                        ignore_empty_lines=len(self.columns) > 1,
                    ),
                    csv.ConvertOptions(
                        column_types=self.schema(),
                        strings_can_be_null=False,
                    ),
                )
            except pa.ArrowInvalid as error:
                if "Empty CSV file" in str(error):
                    return
                raise
            with reader:
                yield from reader

    @contextlib.contextmanager
    def _data(self) -> Iterator[Any]:
        """Open the rows after the header."""
        if path := self.source.plain:
            mark = 3 if self.source.encoding == "utf-8-sig" else 0
            with pa.OSFile(os.fsencode(path)) as file:
                file.seek(mark + self._begin)
                yield file
        else:
            with self.source.utf8() as stream:
                _read_up_to(stream, self._begin)
                yield stream

    def _explained(self, error: Exception) -> ValueError:
        """Return an error of Arrow's reader with the line that it is about."""
        name = self.source.name
        try:
            for row, first in _rows(self.source, self.dialect):
                if row.cells and len(row.cells) != len(self.columns) and row is not first:
                    return ValueError(f"{name}: {ragged_row(row, first)}")
        except BrokenRow as broken:
            return ValueError(f"{name}: {broken}")
        return ValueError(f"{name}: {error}")


def _read_up_to(stream: BinaryIO, size: int) -> bytes:
    parts = []
    while size and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _check_names(file: str, names: list[str]) -> None:
    """Refuse columns of the same name, which nothing could tell apart."""
    seen: dict[str, int] = {}
    for i, name in enumerate(names, start=1):
        if name in seen:
            what = f"are named {name!r}" if name else "have no name"
            raise ValueError(f"{file}: columns {seen[name]} and {i} {what}")
        seen[name] = i


def _rows(source: Source, dialect: Dialect) -> Iterator[tuple[Row, Row]]:
    """Yield each row from the header on, and beside it the first one."""
    with source.utf8() as stream:
        lines = io.TextIOWrapper(io.BufferedReader(_Raw(stream)), "utf-8", newline="")
        skipped = dialect.skip
        for _ in range(skipped):
            lines.readline()
        first = None
        for row in rows_of(lines, dialect, skipped + 1):
            first = first or row
            yield row, first


def _check_quotes(source: Source, layout: Layout) -> None:
    """Refuse cells whose quotes don't match; of these Arrow would make something.

    Where a quote opens a cell, a delimiter or an end of line stands before it, and after the one
    that closes it. That is checked on bytes, and only what fails is read row by row.
    """
    quote = layout.dialect.quote.encode()
    if layout.dialect.escape == layout.dialect.quote and len(quote) == 1:
        plain = {*layout.dialect.delimiter.encode(), *b"\r\n", *quote}
        if _neighbours(source, quote[0]) <= plain:
            return
    try:
        for _ in _rows(source, layout.dialect):
            pass
    except BrokenRow as error:
        raise ValueError(f"{source.name}: {error}") from None


def _neighbours(source: Source, quote: int) -> set[int]:
    """Return the bytes outside quoted parts that stand beside quotes (256: a part has no end)."""
    found = np.zeros(257, bool)
    inside, tail = 0, b"\n"
    with source.utf8() as stream:
        while True:
            chunk = stream.read(CHUNK)
            data = np.frombuffer(tail + (chunk or b"\n"), np.uint8)
            # Neither the first byte, which was seen, nor the last, whose neighbour isn't there.
            places = np.flatnonzero(data[1:-1] == quote) + 1
            found[data[places[inside::2] - 1]] = True
            found[data[places[1 - inside :: 2] + 1]] = True
            inside = (inside + len(places)) % 2
            if not chunk:
                break
            tail = data[-2:].tobytes()
    found[256] = bool(inside)
    return set(np.flatnonzero(found).tolist())


class _Raw(io.RawIOBase):
    """A stream as io.BufferedReader wants it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
