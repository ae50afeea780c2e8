"""Names: a model's file to which none was given, any file as a shell takes it, a column."""

from __future__ import annotations

import difflib
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip", ".csv", ".tsv", ".txt", ".parquet", ".pq")
#: Columns that an error names, where the one that was asked for is not there.
MOST_SHOWN = 12

_GLOB = re.compile(r"[*?\[\]{}]+")


def model_name(table: str, target: str) -> str:
    """Return the name of a model's file: the table's, or the target's where that has no name.

    stdin and pipes have none; of a pattern such as ``sales_*.csv`` it is what all have in common.
    """
    path = Path(table)
    stem = ""
    nameless = table == "-" or table.startswith(("/dev/", "/proc/"))
    if not nameless and (path.is_file() or not path.exists()):
        stem = path.name
        while Path(stem).suffix.lower() in _SUFFIXES and Path(stem).stem != stem:
            stem = Path(stem).stem
        if not path.exists():
            stem = _GLOB.sub("", stem).strip("_-. ")
    stem = stem or re.sub(r"[^\w.+-]+", "_", target).strip("_-.") or "model"
    return f"{stem}.safetensors"


def as_typed(path: str) -> str:
    """Return the name of a file as it is typed in a shell, as an argument of a command."""
    if path.startswith("-") and path != "-":
        path = f"./{path}"
    if path.isprintable():
        return shlex.quote(path)
    plain = ("%c" if 32 <= b < 127 and b not in b"'\\" else "\\x%02x" for b in os.fsencode(path))
    return "$'" + "".join(p % b for p, b in zip(plain, os.fsencode(path), strict=True)) + "'"


def column_named(name: str, columns: Sequence[str]) -> str:
    """Return the column of that name, or the one that is but for white space around it.

    Raises
    ------
    ValueError
        If there is none; the text has those with the most similar names.
    """
    if name in columns:
        return name
    stripped = [column for column in columns if column.strip() == name.strip()]
    if len(stripped) == 1:
        return stripped[0]
    lower = {column.strip().lower(): column for column in columns}
    close = [lower[key] for key in difflib.get_close_matches(name.strip().lower(), lower)]
    what = "the most similar are" if close and len(columns) > MOST_SHOWN else "the table has"
    shown = close if what.startswith("the most") else columns[:MOST_SHOWN]
    more = len(columns) - len(shown) if shown is not close else 0
    listed = ", ".join(map(repr, shown)) + (f" and {more} more" if more else "")
    hint = " (--sep says what stands between cells)" if len(columns) == 1 else ""
    raise ValueError(f"there is no column {name!r}; {what} {listed}{hint}")
