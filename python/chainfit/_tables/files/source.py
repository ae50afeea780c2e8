"""The bytes of a table's file, from the beginning as often as wanted: unpacked, and as UTF-8.

A pipe is first copied to a temporary file without a name, which ends with the process. Another
compression is one more row of ``_PACKED``.
"""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import os
import shutil
import stat
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from ..._common.printable import printable
from ..arrow import pa
from .charset import CHUNK

#: What the streams of the standard library and of Arrow raise for damaged data.
_DAMAGE = (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


def _open_zst(file: BinaryIO) -> Any:
    return pa.CompressedInputStream(file, "zstd")


#: Suffix, first bytes, and what opens the stream.
_PACKED: tuple[tuple[str, bytes, Callable[[BinaryIO], Any]], ...] = (
    (".gz", b"\x1f\x8b\x08", lambda file: gzip.GzipFile(fileobj=file)),
    (".bz2", b"BZh", bz2.BZ2File),
    (".xz", b"\xfd7zXZ\0", lzma.LZMAFile),
    (".zst", b"\x28\xb5\x2f\xfd", _open_zst),
)

_ZIP = b"PK\x03\x04"


class Source:
    """The bytes of one file.

    Parameters
    ----------
    path : str
        ``-`` is stdin.

    Attributes
    ----------
    path : str
    name : str
        What messages call it.
    encoding : str
        Of the text; bytes come as UTF-8, whatever it is.
    """

    def __init__(self, path: str) -> None:
        self.name = "stdin" if path == "-" else printable(path)
        self.encoding = "utf-8"
        self.path = path
        self._spooled: BinaryIO | None = None
        if path == "-":
            if sys.stdin is None:
                raise ValueError("stdin: is closed")
            self._spooled = _spool(sys.stdin.buffer)
        else:
            with open(path, "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    self._spooled = _spool(file)
        try:
            with self._file() as file:
                head = file.read(8)
            self._unpack, self._suffix = _packing(path, head)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the copy of a pipe."""
        if self._spooled is not None:
            self._spooled.close()

    @property
    def plain(self) -> str | None:
        """The path, if the file has the very bytes that `utf8` gives, but for a mark of order."""
        simple = self._spooled is None and not self._suffix
        return self.path if simple and self.encoding in ("utf-8", "utf-8-sig") else None

    def _file(self) -> BinaryIO:
        if self._spooled is None:
            return open(self.path, "rb")
        return cast(BinaryIO, io.BufferedReader(_Spooled(self._spooled.fileno())))

    def seekable(self) -> Any:
        """Return a path or a stream to read anywhere in, of a file that is not packed."""
        if self._suffix:
            raise ValueError(f"{self.name}: Parquet within a {self._suffix} file; unpack it first")
        return self.path if self._spooled is None else self._file()

    @contextlib.contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the unpacked bytes.

        Raises
        ------
        ValueError
            If they are damaged.
        """
        with self._file() as file:
            try:
                with self._unpack(file) as stream:
                    yield cast(BinaryIO, _Undamaged(stream, self) if self._suffix else stream)
            except zipfile.BadZipFile as error:
                raise self.damaged(error) from None

    def damaged(self, error: BaseException) -> ValueError:
        """Return the error of compressed data that can't be read."""
        return ValueError(f"{self.name}: damaged {self._suffix} file: {error}")

    @contextlib.contextmanager
    def utf8(self) -> Iterator[BinaryIO]:
        """Open the text as UTF-8, after its mark of order.

        Raises
        ------
        ValueError
            If the bytes are damaged or no text in the source's encoding.
        """
        with self.open() as stream:
            yield cast(BinaryIO, _Recoded(stream, self))


def _spool(stream: BinaryIO) -> BinaryIO:
    copy = tempfile.TemporaryFile(prefix="chainfit-")
    try:
        shutil.copyfileobj(stream, copy, CHUNK)
        copy.flush()
    except BaseException:
        copy.close()
        raise
    return cast(BinaryIO, copy)


def _packing(path: str, head: bytes) -> tuple[Callable[[BinaryIO], Any], str]:
    """Return what opens a file's contents, and the suffix of its kind ("": nothing packed)."""
    if head.startswith(_ZIP):
        return lambda file: _open_zip(file, path), ".zip"
    for suffix, magic, unpack in _PACKED:
        if head.startswith(magic):
            return unpack, suffix
    suffix = Path(path).suffix.lower()
    if head and suffix in (".zip", *(suffix for suffix, _, _ in _PACKED)):
        raise ValueError(f"{printable(path)}: damaged {suffix} file: it does not begin as one")
    return contextlib.nullcontext, ""


@contextlib.contextmanager
def _open_zip(file: BinaryIO, path: str) -> Iterator[Any]:
    with zipfile.ZipFile(file) as archive:
        members = [
            member
            for member in archive.infolist()
            if not member.is_dir() and not member.filename.startswith("__MACOSX/")
        ]
        names = [member.filename for member in members]
        if "[Content_Types].xml" in names:
            raise ValueError(
                f"{printable(path)}: is an Office document, such as an Excel workbook; save the "
                "sheet as CSV"
            )
        if len(members) != 1:
            raise ValueError(
                f"{printable(path)}: is a zip archive of {len(members)} files; unpack it and "
                "choose one"
            )
        with archive.open(members[0]) as member:
            yield member


class _Spooled(io.RawIOBase):
    """Reads a file that has no name, at a place of its own: others and forks don't move it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        size = os.fstat(self._descriptor).st_size
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = os.pread(self._descriptor, len(buffer), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class _Reader:
    """The little that readers of a stream need; Arrow's is one of them."""

    closed = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """Leave it to whoever opened the stream."""


class _Undamaged(_Reader):
    """Says of damaged data whose it is."""

    def __init__(self, stream: Any, source: Source) -> None:
        self._stream = stream
        self._source = source

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self._stream.read(size))
        except _DAMAGE as error:
            raise self._source.damaged(error) from None


class _Recoded(_Reader):
    """Text of any encoding as UTF-8."""

    def __init__(self, stream: BinaryIO, source: Source) -> None:
        self._stream = stream
        self._source = source
        self._begun = False
        self._rest = b""
        name = source.encoding
        self._decoder = None
        if codecs.lookup(name).name not in ("utf-8", "utf-8-sig"):
            self._decoder = codecs.getincrementaldecoder(name)()

    def read(self, size: int = -1) -> bytes:
        while not self._rest:
            chunk = self._stream.read(CHUNK)
            self._rest = self._decoded(chunk)
            if not chunk:
                break
        if size < 0:
            out = self._rest
            self._rest = b""
            return out + b"".join(iter(lambda: self.read(CHUNK), b""))
        out, self._rest = self._rest[:size], self._rest[size:]
        return out

    def _decoded(self, chunk: bytes) -> bytes:
        if self._decoder is not None:
            try:
                chunk = self._decoder.decode(chunk, final=not chunk).encode()
            except UnicodeError as error:
                reason = getattr(error, "reason", error)
                raise ValueError(
                    f"{self._source.name}: is no text in {self._source.encoding}: {reason}"
                ) from None
        if not self._begun and chunk:
            self._begun = True
            chunk = chunk.removeprefix(codecs.BOM_UTF8)
        return chunk
