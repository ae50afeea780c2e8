"""The encoding of a text: its mark of order, UTF-8 if all of it is, otherwise a guess."""

from __future__ import annotations

import codecs
from typing import BinaryIO

import numpy as np

#: UTF-32 before UTF-16, whose mark it begins with.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

#: Bytes of lines that are not ASCII, as many as a guess needs.
SAMPLE = 32_768

#: What tables are written in that are not in Unicode. Rarer ones only add to wrong guesses.
_LIKELY = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r"),
    *("cp932", "gb18030", "big5", "euc_jp", "cp949"),
]

#: Signs of cp1252 below 0xA0 that texts have: the euro, dots, quotes, dashes, bullet, trademark.
_PUNCTUATION = frozenset(b"\x80\x85\x91\x92\x93\x94\x95\x96\x97\x99")

CHUNK = 1 << 20


def by_mark(head: bytes) -> str | None:
    """Return the encoding that the first bytes of a file tell, if they do."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def not_utf8(stream: BinaryIO) -> bytes:
    """Read to the end; return lines that are not ASCII if the whole is no UTF-8, else nothing."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    sample = bytearray()
    valid, rest = True, b""
    while chunk := stream.read(CHUNK):
        if valid:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                valid = False
        if len(sample) < SAMPLE and not chunk.isascii():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in [*lines, rest[:SAMPLE]]:
                if not line.isascii():
                    sample += line + b"\n"
        else:
            rest = b""
        if not valid and len(sample) >= SAMPLE:
            break
    if valid:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            valid = False
    return b"" if valid else bytes(sample)


def guess(sample: bytes) -> str | None:
    """Guess the encoding of lines that are not ASCII and no UTF-8.

    Letters with accents among plain ones are taken for Western European, which
    charset-normalizer can't tell from its neighbours by a few short words; it sees the others.
    """
    if _western(sample):
        return "cp1252"
    import charset_normalizer

    best = charset_normalizer.from_bytes(sample[:SAMPLE], cp_isolation=_LIKELY).best()
    if best is None:
        return "cp1252" if _decodes(sample, "cp1252") else None
    # Where the same text comes out, the most common of them.
    same = [best.encoding, *best.could_be_from_charset]
    return next((name for name in _LIKELY if name in same), best.encoding)


def _western(sample: bytes) -> bool:
    """Whether signs beyond ASCII stand alone, as accents do, and are such of cp1252."""
    values = np.frombuffer(sample, np.uint8)
    high = values >= 0x80
    if not high.any() or not _decodes(sample, "cp1252"):
        return False
    runs = np.count_nonzero(high[1:] & ~high[:-1]) + bool(high[0])
    strange = sum(byte < 0xA0 and byte not in _PUNCTUATION for byte in values[high].tolist())
    return bool(high.sum() < 1.5 * runs and strange < 0.1 * high.sum())


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
