"""What decides a fit to the bit, by name: parameters, data and first weights, as short texts.

Two fits with the same fingerprint come to the same bits; where they differ, `differences` says in
what. A parameter that changes no bit is in WITHOUT_EFFECT.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import CodeType
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .inputs import FitData, MadeRows, Streamed
from .state import State
from .steps import goes_by_max_iter

Array = npt.NDArray[Any]

#: Parameters that say how a fit is run and watched, and not what comes of it.
WITHOUT_EFFECT = (
    *("checkpoint", "checkpoint_interval", "n_threads", "n_jobs", "verbose", "callbacks"),
    "time_limit",
)

FIRST_WEIGHTS = "weights to begin with"

# Values hashed at a time.
_BLOCK = 1 << 20


def of_parameters(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the fingerprint of an estimator's parameters; a RandomState counts as it stands.

    `max_iter` is only part of it where it decides what an epoch does, and not merely how many there
    are.
    """
    left_out = set(WITHOUT_EFFECT)
    if not goes_by_max_iter(parameters):
        left_out.add("max_iter")
    return {name: _text(value) for name, value in parameters.items() if name not in left_out}


def of_data(data: FitData, state: State) -> dict[str, str]:
    """Return the fingerprint of checked data and of the weights that training starts from."""
    found = {
        "X": _digest(data.X),
        "y": _digest(data.Y),
        "sample_weight": _digest(data.sample_weight),
    }
    if isinstance(data.X, Streamed):
        found["windows"] = data.X.order
    if data.validation is not None:
        found["X_val"], found["y_val"] = _digest(data.validation.X), _digest(data.validation.Y)
        found["sample_weight_val"] = _digest(data.validation.sample_weight)
    found["dtype"] = str(data.dtype)
    found[FIRST_WEIGHTS] = _digest(*state.coefs, *state.intercepts)
    return found


def differences(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """Return what is different, in words; values only where they are short."""
    words = []
    for name in dict.fromkeys([*there, *here]):
        if name == "max_iter" and not (name in there and name in here):
            continue  # the schedules differ then
        old, new = there.get(name, "unknown"), here.get(name, "unknown")
        if old != new:
            shown = not (old + new).startswith(_DIGEST) and len(old) + len(new) <= 120
            words.append(f"{name} ({old} there, {new} here)" if shown else name)
    # they follow from the rest
    return [word for word in words if word != FIRST_WEIGHTS] or words


_DIGEST = "sha256 "


def _text(value: Any) -> str:
    if isinstance(value, np.random.RandomState):
        state: Any = value.get_state(legacy=True)
        return _digest(*map(np.asarray, state[1:]))
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if hasattr(value, "__code__"):
        return f"{value.__module__}.{value.__qualname__} {_of_function(value)}"
    return _as_in_every_process(value)


def _of_function(function: Any) -> str:
    """Return a hash of what a function does, as far as it holds it itself."""
    total = hashlib.sha256()

    def add(code: CodeType) -> None:
        total.update(code.co_code)
        total.update(repr(code.co_names).encode())
        for constant in code.co_consts:
            if isinstance(constant, CodeType):  # of functions within it
                add(constant)
            else:
                total.update(_as_in_every_process(constant).encode())

    add(function.__code__)
    for held in (function.__defaults__, function.__kwdefaults__):
        total.update(_as_in_every_process(held).encode())
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # of an empty one
            total.update(_as_in_every_process(cell.cell_contents).encode())
    return _DIGEST + total.hexdigest()


def _as_in_every_process(value: Any) -> str:
    """Return repr(value) without the address of an object, or the order of a set."""
    if isinstance(value, set | frozenset):
        return repr(sorted(map(repr, value)))
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _digest(*arrays: Any) -> str:
    """Return a hash of arrays, dense of any strides or CSR; None is one too."""
    total = hashlib.sha256()
    add_to_digest(total, *arrays)
    return _DIGEST + total.hexdigest()


def add_to_digest(total: Any, *arrays: Any) -> None:
    """Add arrays to a hash, dense of any strides or CSR; None is one too."""
    for array in arrays:
        for part in _parts(array):
            total.update(f"{part.dtype.str} {part.shape} ".encode())
            rows = max(1, _BLOCK * len(part) // max(1, part.size)) if part.ndim else 1
            blocks = range(0, len(part), rows) if part.ndim else [0]
            for start in blocks:
                block = part[start : start + rows] if part.ndim else part
                total.update(np.ascontiguousarray(block).reshape(-1).view(np.uint8).data)


def _parts(array: Any) -> Iterator[Any]:
    if array is None:
        return
    if isinstance(array, MadeRows):
        yield array
        return
    if isinstance(array, Streamed):
        yield np.frombuffer(array.digest.encode(), np.uint8)
        return
    if sp.issparse(array):
        yield np.asarray(array.shape)
        yield from (array.indptr.astype(np.int64), array.indices.astype(np.int64), array.data)
    else:
        yield np.asarray(array)
