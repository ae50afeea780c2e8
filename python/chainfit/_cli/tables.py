"""Tables of the command line: CSV and Parquet in, CSV out."""

from __future__ import annotations

import csv
import io
import lzma
import sys
import zlib
from importlib import import_module
from pathlib import Path
from typing import Any

from .._common.printable import printable
from .._files import foreign
from .._files.disk import write_output
from .._tables.readers import require_pandas

SEPARATORS = (",", ";", "\t")

#: Lines and characters of a CSV file's beginning from which its separator is found out.
SNIFFED_LINES = 20
SNIFFED_CHARACTERS = 65_536

_UNPACK = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}


class Table:
    """A table that was read.

    Attributes
    ----------
    frame : pandas.DataFrame
        Typed columns.
    text : pandas.DataFrame
        The same cells as they stood in a CSV file, as text; ``frame`` itself for Parquet.
    """

    def __init__(self, frame: Any, text: Any) -> None:
        self.frame = frame
        self.text = text


def read_table(path: str, sep: str | None, decimal: str, *, keep_text: bool = False) -> Table:
    """Read a CSV or Parquet file, or CSV from stdin (``-``).

    Parameters
    ----------
    path : str
    sep : str or None
        Separator of CSV; None: found out.
    decimal : {'.', ','}
    keep_text : bool, default=False
        Whether to keep CSV cells as text too.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If the file is no table; the text names the file.
    ImportError
        If pandas, or pyarrow for Parquet, is not installed; the text says what to install.
    """
    pandas = require_pandas()
    if path != "-" and Path(path).suffix.lower() in (".parquet", ".pq"):
        frame = _read_parquet(pandas, path)
        return Table(frame, frame)
    raw = sys.stdin.buffer.read() if path == "-" else _read_bytes(path)
    name = "stdin" if path == "-" else path
    try:
        head = raw[: 4 * SNIFFED_CHARACTERS].decode("utf-8-sig", errors="ignore")
        settings = {
            "sep": sep or sniff(head[:SNIFFED_CHARACTERS]),
            "encoding": "utf-8-sig",
            # Without it pandas takes the first column of an overlong row for row names.
            "index_col": False,
        }
        frame = pandas.read_csv(io.BytesIO(raw), decimal=decimal, low_memory=False, **settings)
        text = frame
        if keep_text:
            text = pandas.read_csv(io.BytesIO(raw), dtype=str, keep_default_na=False, **settings)
    except UnicodeDecodeError as error:
        what = foreign.describe(raw[: foreign.HEAD])
        reason = error.reason if what is None else f"it is {what}"
        raise ValueError(f"{printable(name)}: not a CSV file in UTF-8: {reason}") from None
    except pandas.errors.EmptyDataError:
        raise ValueError(f"{printable(name)}: the file is empty") from None
    except (pandas.errors.ParserError, csv.Error) as error:
        raise ValueError(f"{printable(name)}: not a CSV table: {error}") from None
    return Table(frame, text)


def _read_bytes(path: str) -> bytes:
    """Bytes of a file, unpacked if its name says that it is compressed."""
    suffix = Path(path).suffix.lower()
    if suffix not in _UNPACK:
        return Path(path).read_bytes()
    module = import_module(_UNPACK[suffix])
    raw = Path(path).read_bytes()
    try:
        unpacked: bytes = module.decompress(raw)
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{printable(path)}: damaged {suffix} file: {error}") from None
    return unpacked


def _read_parquet(pandas: Any, path: str) -> Any:
    with open(path, "rb"):
        pass  # a missing file gets the ordinary error
    try:
        import_module("pyarrow")
    except ImportError:
        raise ImportError(
            "Parquet files need pyarrow, which is not installed: pip install pyarrow"
        ) from None
    try:
        frame = pandas.read_parquet(path, engine="pyarrow")
    except (ValueError, OSError) as error:
        raise ValueError(f"{printable(path)}: not a Parquet file: {error}") from None
    return frame


def sniff(head: str) -> str:
    """Separator of a CSV text: the one that cuts every line into the same number of fields.

    Where several do, the one that cuts into most; where none does, a comma.
    """
    lines = head.splitlines(keepends=True)[: SNIFFED_LINES + 1]
    if len(lines) > 1 and not lines[-1].endswith(("\n", "\r")):
        # Cut off in the middle, or just without an end: a line less does no harm.
        lines.pop()
    best, most = ",", 1
    for sep in SEPARATORS:
        try:
            counts = {len(row) for row in csv.reader(lines[:SNIFFED_LINES], delimiter=sep) if row}
        except csv.Error:
            continue
        if len(counts) == 1 and (count := counts.pop()) > most:
            best, most = sep, count
    return best


def write_table(frame: Any, path: str | None) -> None:
    """Write a frame as CSV to a file, whole or not at all, or to stdout (None)."""
    if path is None:
        frame.to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        write_output(path, frame.to_csv(index=False, lineterminator="\n").encode())
