"""Strict reading and atomic writing of safetensors files.

A file is an 8-byte little-endian header length, a JSON header, and the tensors' bytes. The reader
here is stricter than the safetensors library: every byte of the file must belong to exactly one
tensor, keys are unique, nothing unknown is passed over, and no more is read than the file holds.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .fields import ModelFileError, shorten

#: The safetensors library's own limit on the header.
MAX_HEADER = 100_000_000

#: No dimension or offset of a real file comes near it; beyond it NumPy's own sizes may overflow.
MAX_SIZE = 2**48

_DTYPES = {
    "BOOL": "?",
    "I8": "<i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "U8": "<u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}

# What people name a model by mistake, told by its first bytes.
_FOREIGN = {
    b"\x80": "this looks like a pickle or joblib file, which chainfit never loads",
    b"PK": "this looks like a zip archive (.npz, PyTorch or Keras), not a safetensors file",
    b"\x93NUMPY": "this is a NumPy .npy file",
    b"\x89HDF": "this is an HDF5 file",
    b"PAR1": "this is a Parquet file, a table rather than a model",
}


def parse_json(text: str, where: str) -> Any:
    """Parse strict JSON: no duplicate keys, no NaN or Infinity.

    Raises
    ------
    ModelFileError
        With ``where`` and the reason in its text.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in pairs:
            if key in values:
                raise ModelFileError(f"{where}: key {shorten(key)} appears twice")
            values[key] = value
        return values

    def refuse(constant: str) -> None:
        raise ModelFileError(f"{where}: {constant} is no JSON number")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except ModelFileError:
        raise
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{where} is not valid JSON: {str(error)[:80]}") from None


def read(file: BinaryIO) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Read a whole safetensors file.

    Parameters
    ----------
    file : binary file
        At its beginning, with a file descriptor.

    Returns
    -------
    metadata : dict of str to str
    tensors : dict of str to ndarray
        Fresh, writeable arrays in C order and native byte order.

    Raises
    ------
    ModelFileError
        If the bytes are not exactly one safetensors file.
    """
    size = os.fstat(file.fileno()).st_size
    header, start = _read_header(file, size)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ModelFileError("header: '__metadata__' must map strings to strings")
    entries = sorted((_entry(name, value) for name, value in header.items()), key=lambda e: e[3:])
    position = 0
    for name, _, _, begin, end in entries:
        if begin != position:
            what = "overlaps another tensor" if begin < position else "leaves a gap before it"
            raise ModelFileError(f"header: tensor {shorten(name)} {what}")
        position = end
    if start + position != size:
        what = "truncated" if start + position > size else "followed by extra bytes"
        raise ModelFileError(
            f"the file is {what}: its header describes {start + position} bytes, it has {size}"
        )
    tensors = {}
    for name, dtype, shape, _, _ in entries:
        array = np.empty(shape, dtype)
        if array.nbytes and file.readinto(array.data.cast("B")) != array.nbytes:  # type: ignore[attr-defined]
            raise ModelFileError("the file became shorter while it was read")
        if array.dtype.kind == "b" and (array.view(np.uint8) > 1).any():
            raise ModelFileError(f"tensor {shorten(name)} holds bytes that are no booleans")
        tensors[name] = array if sys.byteorder == "little" else array.astype(dtype.newbyteorder())
    return metadata, tensors


def _read_header(file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """Parse the header; returns it and the offset of the tensors' bytes."""
    head = file.read(8)
    for first, hint in _FOREIGN.items():
        # A true header never has its length beginning so: its text begins at byte 8 with '{'.
        if head.startswith(first) and file.peek(1)[:1] != b"{":  # type: ignore[attr-defined]
            raise ModelFileError(f"not a safetensors file: {hint}")
    if len(head) < 8:
        raise ModelFileError(f"not a safetensors file: it has only {len(head)} bytes")
    length = int.from_bytes(head, "little")
    if length > min(size - 8, MAX_HEADER):
        raise ModelFileError(
            "truncated or not a safetensors file: its first 8 bytes announce a header of "
            f"{length} bytes, {size - 8} bytes follow"
        )
    raw = file.read(length)
    if not raw.startswith(b"{"):
        raise ModelFileError("not a safetensors file: its header does not begin with '{'")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ModelFileError("not a safetensors file: its header is not UTF-8") from None
    return parse_json(text, "header"), 8 + length


def _entry(name: str, value: object) -> tuple[str, np.dtype, tuple[int, ...], int, int]:
    """Check one tensor's description: (name, dtype, shape, begin, end)."""
    label = f"header: tensor {shorten(name)}"
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise ModelFileError(f"{label} must have exactly 'dtype', 'shape' and 'data_offsets'")
    code, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(code, str) or code not in _DTYPES:
        raise ModelFileError(f"{label} has dtype {shorten(code)}, must be one of {list(_DTYPES)}")
    if not _sizes(shape) or len(shape) > 2:
        raise ModelFileError(f"{label} has shape {shorten(shape)}, must be at most two sizes")
    if not _sizes(offsets) or len(offsets) != 2:
        raise ModelFileError(f"{label} has data_offsets {shorten(offsets)}, must be [begin, end]")
    dtype = np.dtype(_DTYPES[code])
    # Python integers: no overflow whatever the file says.
    nbytes = math.prod(shape) * dtype.itemsize
    if offsets[1] - offsets[0] != nbytes:
        raise ModelFileError(
            f"{label} of shape {shorten(shape)} and dtype {code} needs {shorten(nbytes)} bytes, "
            f"its data_offsets {shorten(offsets)} differ from that"
        )
    return name, dtype, tuple(shape), offsets[0], offsets[1]


def _sizes(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(n, int) and not isinstance(n, bool) and 0 <= n < MAX_SIZE for n in value
    )


def encode(metadata: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> bytes:
    """Bytes of a safetensors file."""
    from safetensors.numpy import save

    return save(
        {name: np.ascontiguousarray(array) for name, array in tensors.items()}, dict(metadata)
    )


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace the file at ``path``: after a crash at any moment it is the old or the new one.

    The bytes go to a temporary file in the same folder, to the disk, and then take the name. A
    symbolic link stays, the file that it names is replaced.

    Raises
    ------
    OSError
        From the file system; the old file is untouched and the temporary one removed.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        kind = IsADirectoryError if target.is_dir() else OSError
        raise kind(f"cannot save to {str(path)!r}: it exists and is not an ordinary file")
    temporary = target.with_name(f".chainfit-{secrets.token_hex(8)}.tmp")
    # Mode 0o666 less the umask, as open() gives a new file.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    # The rename itself must reach the disk too; not every system or file system can sync a folder.
    with contextlib.suppress(OSError):
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
