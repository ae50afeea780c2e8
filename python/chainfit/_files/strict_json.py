"""Strict JSON, bounded before it is parsed.

Python's objects are many times larger than the text they come from, and the parser recurses: a few
megabytes of brackets could take gigabytes, or the stack. Text is scanned for both first.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .fields import ModelFileError, shorten

#: The hidden_layer_sizes of a model of tables lie deepest, at 8.
MAX_DEPTH = 16

#: Bytes of text for a key, and for an object or list. A tensor's entry in the header takes at least
#: 15 and 20, a column of a table 14 and 29; the few others are within the allowance.
KEY_BYTES, CONTAINER_BYTES = 12, 16
ALLOWANCE = 1000


def parse_json(text: bytes, where: str) -> Any:
    """Parse strict JSON: no duplicate keys, no NaN or Infinity, no more nesting than models have.

    Parameters
    ----------
    text : bytes
        In UTF-8.
    where : str
        What messages call it.

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

    _check_structure(text, where)
    try:
        decoded = text.decode("utf-8", errors="surrogatepass")
    except UnicodeDecodeError:
        raise ModelFileError(f"{where} is not UTF-8") from None
    try:
        return json.loads(decoded, object_pairs_hook=unique, parse_constant=refuse)
    except ModelFileError:
        raise
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{where} is not valid JSON: {str(error)[:80]}") from None


def _check_structure(text: bytes, where: str) -> None:
    """Refuse text whose objects would take far more memory than any model's, or the stack."""
    structure = _outside_strings(text)
    keys = structure.count(b":")
    containers = structure.count(b"{") + structure.count(b"[")
    most_keys = ALLOWANCE + len(text) // KEY_BYTES
    most_containers = ALLOWANCE + len(text) // CONTAINER_BYTES
    if keys > most_keys or containers > most_containers:
        raise ModelFileError(
            f"{where}: its {len(text)} bytes of JSON have {keys} keys and {containers} objects and "
            f"lists; a model's have at most {most_keys} and {most_containers}"
        )
    brackets = np.frombuffer(
        structure.translate(None, bytes(set(range(256)) - set(b"{}[]"))), np.uint8
    )
    opening = (brackets == ord("{")) | (brackets == ord("["))
    depth = np.where(opening, 1, -1).cumsum().max(initial=0)
    if depth > MAX_DEPTH:
        raise ModelFileError(
            f"{where}: its JSON is nested too deeply: {depth} levels, a model's has at most "
            f"{MAX_DEPTH}"
        )


def _outside_strings(text: bytes) -> bytes:
    """Return the text without what stands inside strings."""
    # Without escaped backslashes and then escaped quotes, every other quote begins a string.
    plain = np.frombuffer(text.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
    inside = np.logical_xor.accumulate(plain == ord('"'))
    return plain[~inside].tobytes()
