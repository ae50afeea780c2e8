"""What a file is that is not what was asked for, by its first bytes.

People name a table, a compressed file or another library's model where a model of chainfit is
wanted, or a model where a table is. A further format is one more row of ``_TEXT`` or ``_BINARY``.
"""

from __future__ import annotations

import codecs

#: Bytes from which ``describe`` can tell.
HEAD = 512

#: Beginnings of text, in lower case and after spaces.
_TEXT = {
    "version https://git-lfs": "a Git LFS pointer in place of the file; run 'git lfs pull'",
    "<!doctype html": "an HTML page, perhaps of a failed download",
    "<html": "an HTML page, perhaps of a failed download",
    "<?xml": "an XML file",
    "%pdf": "a PDF document",
    "{": "JSON",
    "[": "JSON",
    "": "text, such as a CSV table",
}

_PICKLE = "a pickle or joblib file, which chainfit never loads"
_ZIP = "a zip archive (.npz, PyTorch, Keras, Excel)"

#: First bytes of what is no text.
_BINARY = {
    b"\x1f\x8b": "compressed by gzip; decompress it first",
    b"BZh": "compressed by bzip2; decompress it first",
    b"\xfd7zXZ\0": "compressed by xz; decompress it first",
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard; decompress it first",
    b"\x04\x22\x4d\x18": "compressed by LZ4; decompress it first",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it first",
    **dict.fromkeys((b"PK\x03\x04", b"PK\x05\x06"), _ZIP),
    **dict.fromkeys((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), _PICKLE),
    # joblib's own compression is zlib
    **dict.fromkeys((b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"), _PICKLE),
    b"\x93NUMPY": "a NumPy .npy file",
    b"\x89HDF": "an HDF5 file (.h5, Keras)",
    b"PAR1": "a table in Parquet",
    b"ARROW1": "a table in Arrow or Feather",
    b"SQLite format 3\0": "an SQLite database",
    b"GGUF": "a GGUF model, as of llama.cpp",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"\x7fELF": "a program or compiled library",
    **dict.fromkeys((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "text in UTF-16"),
}

# Bytes that text doesn't have.
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1b")


def describe(head: bytes) -> str | None:
    """Say what a file is, or None if that can't be told.

    Parameters
    ----------
    head : bytes
        The first HEAD bytes, or all if there are fewer.

    Returns
    -------
    str or None
        Words that go on from "it is".
    """
    if not head:
        return "empty"
    if head[8:10] == b'{"' and int.from_bytes(head[:8], "little") < 2**32:
        return "a safetensors file, such as a model of chainfit"
    if _CONTROL.isdisjoint(head) and _is_utf8(head):
        start = head.decode("utf-8-sig", errors="ignore").lstrip().lower()
        return next(words for first, words in _TEXT.items() if start.startswith(first))
    for magic, words in _BINARY.items():
        if head.startswith(magic):
            return words
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite model"
    if head[:1] == b"\x08" and head[2:3] in (b"\x12", b"\x1a", b"\x3a") and head[1] < 32:
        # a protobuf whose first field is a small version, and then a producer or a graph
        return "a protobuf, probably an ONNX or TensorFlow model"
    return None


def _is_utf8(head: bytes) -> bool:
    try:
        # The last character of a longer file may be cut in two.
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD)
    except UnicodeDecodeError:
        return False
    return True
