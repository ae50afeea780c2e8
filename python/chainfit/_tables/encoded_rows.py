"""The nets' inputs for the rows of a table, encoded when asked for: many times its size."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._estimators.inputs import MadeRows
from .encoding import Encoding, Parsed

Array = npt.NDArray[Any]

# Bytes that inputs may take: larger ones are encoded anew in each epoch, with the same bits, which
# takes a small part of what training on them takes.
AT_ONCE = 1 << 27


class EncodedRows(MadeRows):
    """The inputs for all rows of a parsed table, of which it holds the columns alone.

    Parameters
    ----------
    encoding : Encoding
    parsed : mapping of str to ndarray of shape (rows,)
    rows : int
    dtype : dtype
    """

    def __init__(self, encoding: Encoding, parsed: Parsed, rows: int, dtype: Any) -> None:
        self._encoding = encoding
        self._parsed = {column.name: parsed[column.name] for column in encoding.columns}
        self.shape, self.dtype = (rows, encoding.width), np.dtype(dtype)

    def __getitem__(self, rows: Any) -> Array:
        """Return the inputs for these rows."""
        return self._encoding.write(self._parsed, self.dtype, rows)


def encoded_rows(
    encoding: Encoding, parsed: Parsed, rows: int, dtype: Any, *, at_once: bool
) -> Array | EncodedRows:
    """Return the inputs for all rows: as an array if need be, or if they are not large."""
    made = EncodedRows(encoding, parsed, rows, dtype)
    return made[:] if at_once or made.size * made.dtype.itemsize <= AT_ONCE else made
