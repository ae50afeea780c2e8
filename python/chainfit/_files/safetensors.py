"""Strict reading of safetensors files, and their bytes.

A file is an 8-byte little-endian header length, a JSON header, and the tensors' bytes. The reader
here is stricter than the safetensors library: every byte of the file must belong to exactly one
tensor, keys are unique, nothing unknown is passed over, and no more is read than the file holds.
"""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from . import foreign
from .fields import ModelFileError, shorten
from .strict_json import parse_json

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
_CODES = {np.dtype(dtype): code for code, dtype in _DTYPES.items()}


def read(file: BinaryIO) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Read a whole safetensors file.

    Parameters
    ----------
    file : binary file
        At its beginning, and seekable.

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
    header, start, size = _read_header(file)
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


def _read_header(file: BinaryIO) -> tuple[dict[str, Any], int, int]:
    """Parse the header; returns it, the offset of the tensors' bytes and the file's size."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    head = file.read(foreign.HEAD)
    length = int.from_bytes(head[:8], "little")
    if length > MAX_HEADER or head[8:9] != b"{":
        what = foreign.describe(head)
        if what is not None:
            raise ModelFileError(
                f"not a safetensors file: it is {what}; a model is what `save` or "
                "`chainfit train` wrote"
            )
    if len(head) < 8:
        raise ModelFileError(f"not a safetensors file: it has only {len(head)} bytes")
    if length > min(size - 8, MAX_HEADER):
        raise ModelFileError(
            "truncated or not a safetensors file: its first 8 bytes announce a header of "
            f"{length} bytes, {size - 8} bytes follow"
        )
    file.seek(8)
    text = file.read(length)
    if not text.startswith(b"{"):
        raise ModelFileError("not a safetensors file: its header does not begin with '{'")
    return parse_json(text, "header"), 8 + length, size


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
    """Bytes of a safetensors file; ModelFileError if ``read`` would refuse its header.

    The safetensors library isn't asked for them, because it waits for the GIL in Rust: a daemon
    thread that saves when Python (before 3.14) ends would abort the process.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    parts = []
    position = 0
    # Wide elements first: so each tensor is aligned.
    for name, array in sorted(tensors.items(), key=lambda t: (-t[1].dtype.itemsize, t[0])):
        little = array.dtype.newbyteorder("<")
        parts.append(np.ascontiguousarray(array, little).tobytes())
        header[name] = {
            "dtype": _CODES[little],
            "shape": list(array.shape),
            "data_offsets": [position, position + array.nbytes],
        }
        position += array.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = b"".join([len(text).to_bytes(8, "little"), text, *parts])
    _read_header(io.BytesIO(data))
    return data
