"""Typed, checked reading of what a model file holds: settings (JSON) and tensors.

Every getter takes an entry out and checks it; ``done`` refuses what nobody asked for. So a file
with a missing, extra, ill-typed or ill-sized entry can't become a model.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from .._common.public import public

#: Parameters and sizes are kept in 64-bit integers by the training core.
MAX_COUNT = 2**63 - 1

#: Counters go on from what the file says; no training gets from here to the end of 64 bits.
MAX_COUNTER = 2**53

#: Bytes of memory for a byte of the file, where something is made larger than it is stored.
EXPANSION = 16

_NON_FINITE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


@public
class ModelFileError(ValueError):
    """Error raised if a file is not a valid model file, or a model cannot be written as one.

    The message names the file, what is wrong with it, and what is expected.

    See Also
    --------
    load : Raises it.

    Examples
    --------
    >>> import os, tempfile
    >>> import chainfit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "notes.txt")
    ...     with open(path, "w") as file:
    ...         _ = file.write("no model")
    ...     try:
    ...         chainfit.load(path)
    ...     except chainfit.ModelFileError:
    ...         print("not a model file")
    not a model file
    """


def pack_number(value: float) -> float | str:
    """JSON for a float: a number if finite, else ``'inf'``, ``'-inf'`` or ``'nan'``."""
    value = float(value)
    return value if math.isfinite(value) else str(value)


def check_expansion(nbytes: int, source: int, what: str) -> None:
    """Refuse what would take far more memory than the part of the file that it is made from.

    Raises
    ------
    ModelFileError
        If ``nbytes`` are more than EXPANSION for each of the ``source`` bytes, and more than
        16 MB.
    """
    if nbytes > max(EXPANSION * source, 2**24):
        raise ModelFileError(
            f"{what} would take {nbytes} bytes of memory, from {source} bytes of the file"
        )


def shorten(value: object, limit: int = 60) -> str:
    """``repr`` cut to ``limit`` characters: a message stays one line whatever a file holds."""
    if isinstance(value, int) and abs(value) > 10**40:
        return "an integer of more than 40 digits"
    if isinstance(value, (list, tuple)) and len(value) > limit:
        # No need to spell out a million entries for the first few.
        value = [*value[:limit], ...]
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


class Fields:
    """The entries of one JSON object of the settings.

    Parameters
    ----------
    values : object
        Parsed JSON; anything but an object is refused.
    where : str
        How messages call this object, for example ``'settings'``.
    """

    def __init__(self, values: object, where: str = "settings") -> None:
        if not isinstance(values, dict):
            raise ModelFileError(f"{where} must be a JSON object, got {shorten(values)}")
        self.where = where
        self._values: dict[str, Any] = dict(values)

    def _wrong(self, key: str, expected: str, value: object) -> ModelFileError:
        return ModelFileError(f"{self.where}: {key!r} must be {expected}, got {shorten(value)}")

    def has(self, key: str) -> bool:
        """Whether ``key`` is there and not yet taken."""
        return key in self._values

    def take(self, key: str) -> Any:
        """Take an entry of any type; a missing one is refused."""
        if key not in self._values:
            raise ModelFileError(f"{self.where}: {key!r} is missing")
        return self._values.pop(key)

    def null(self, key: str) -> bool:
        """Take ``key`` if it is null and say whether it was."""
        if self._values.get(key, key) is None:
            del self._values[key]
            return True
        return False

    def fields(self, key: str) -> Fields:
        """Take a JSON object."""
        return Fields(self.take(key), f"{self.where}: {key}")

    def flag(self, key: str) -> bool:
        """Take true or false."""
        value = self.take(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def text(self, key: str, choices: Collection[str] | None = None) -> str:
        """Take a string, one of ``choices`` if given."""
        value = self.take(key)
        if not isinstance(value, str):
            raise self._wrong(key, "a string", value)
        if choices is not None and value not in choices:
            raise self._wrong(key, "one of " + ", ".join(map(repr, choices)), value)
        return value

    def integer(self, key: str, low: int = 0, high: int = MAX_COUNTER) -> int:
        """Take an integer in [low, high]."""
        value = self.take(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._wrong(key, f"an integer from {low} to {high}", value)
        return value

    def number(self, key: str, *, finite: bool = True) -> float:
        """Take a float; with ``finite=False`` also 'inf', '-inf' and 'nan' written as strings."""
        value = self.take(key)
        if not finite and isinstance(value, str) and value in _NON_FINITE:
            return _NON_FINITE[value]
        number = math.nan
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
        if not math.isfinite(number):
            raise self._wrong(key, "a finite number" if finite else "a number", value)
        return number

    def positive(self, key: str) -> float:
        """Take a float above 0."""
        value = self.number(key)
        if value <= 0:
            raise self._wrong(key, "positive", value)
        return value

    def items(self, key: str) -> list[Any]:
        """Take a list."""
        value = self.take(key)
        if not isinstance(value, list):
            raise self._wrong(key, "a list", value)
        return value

    def texts(self, key: str) -> list[str]:
        """Take a list of strings."""
        values = self.items(key)
        for value in values:
            if not isinstance(value, str):
                raise self._wrong(key, "a list of strings", values)
        return values

    def numbers(self, key: str) -> list[float]:
        """Take a list of numbers, integers of 64 bits or floats as `number` takes them."""
        values = self.items(key)
        found: list[float] = []
        for value in values:
            if isinstance(value, str) and value in _NON_FINITE:
                value = _NON_FINITE[value]
            whole = isinstance(value, int) and abs(value) <= MAX_COUNT
            if isinstance(value, bool) or not (whole or isinstance(value, float)):
                raise self._wrong(key, "a list of numbers", values)
            found.append(value)
        return found

    def counts(self, key: str, low: int = 1) -> list[int]:
        """Take a list of integers of at least ``low`` that fit 64 bits."""
        values = self.items(key)
        for value in values:
            whole = isinstance(value, int) and not isinstance(value, bool)
            if not whole or not low <= value <= MAX_COUNT:
                raise self._wrong(key, f"a list of integers from {low} to {MAX_COUNT}", values)
        return values

    def done(self) -> None:
        """Refuse entries that nobody took."""
        if self._values:
            names = ", ".join(shorten(key) for key in sorted(self._values)[:5])
            raise ModelFileError(f"{self.where}: unknown entries {names}")


class Tensors:
    """The tensors of a file, or those whose names begin with ``prefix``.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        All tensors of the file.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = dict(arrays)
        #: Bytes of all of them, also when they are taken.
        self.nbytes = sum(array.nbytes for array in self._arrays.values())

    def names(self) -> list[str]:
        """Names not taken yet."""
        return list(self._arrays)

    def has(self, name: str) -> bool:
        """Whether ``name`` is there and not yet taken."""
        return name in self._arrays

    def under(self, prefix: str) -> Tensors:
        """Take all tensors named ``prefix...``, the prefix cut off."""
        names = [name for name in self._arrays if name.startswith(prefix)]
        return Tensors({name[len(prefix) :]: self._arrays.pop(name) for name in names})

    def take(
        self,
        name: str,
        dtype: str | None,
        shape: tuple[int | None, ...],
        *,
        finite: bool = True,
    ) -> np.ndarray:
        """Take one tensor, its dtype and shape (None: any size) and finiteness checked.

        Returns
        -------
        ndarray
            Writeable, in C order, not shared with any other tensor.
        """
        if name not in self._arrays:
            raise ModelFileError(f"tensor {name!r} is missing")
        array = self._arrays.pop(name)
        if dtype is not None and array.dtype != np.dtype(dtype):
            raise ModelFileError(f"tensor {name!r} must be {dtype}, got {array.dtype}")
        fits = len(shape) == array.ndim and all(
            want is None or want == got for want, got in zip(shape, array.shape, strict=True)
        )
        if not fits:
            want = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
            raise ModelFileError(
                f"tensor {name!r} must have shape {want} to agree with the settings, "
                f"got {array.shape}"
            )
        if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelFileError(f"tensor {name!r} holds NaN or infinity; all must be finite")
        return array

    def done(self) -> None:
        """Refuse tensors that nobody took."""
        if self._arrays:
            names = ", ".join(shorten(name) for name in sorted(self._arrays)[:5])
            raise ModelFileError(f"unknown tensors {names}")
