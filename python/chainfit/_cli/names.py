"""Names of files: that of a model to which none was given, and any as a shell takes it."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip", ".csv", ".tsv", ".txt", ".parquet", ".pq")
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
