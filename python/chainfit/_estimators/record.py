"""The record of training, an epoch or iteration each: `history_`, and what callbacks are given.

Of epochs the core fills it (`EpochRecord` in cpp/engine/fit.hpp names its parts), of iterations
`lbfgs`. It is kept in a flat array, to which an epoch is added in no time.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from .. import _core

FIELDS = _core.EPOCH_FIELDS


def joined(held: array[float] | None, run: _core.Run, *, in_place: bool) -> array[float]:
    """Return the record with the epochs of a run, the one that is held or another."""
    if held is None or not in_place:
        held = array("d", held or ())
    held.frombytes(run.epochs())
    return held


def last_epoch(run: _core.Run, loss: float) -> dict[str, float]:
    """Return the record of the epoch that just ended."""
    values = array("d", run.epochs(run.n_iter - 1))
    return {"epoch": run.n_iter, "loss": loss, **dict(zip(FIELDS, values, strict=True))}


def iteration(n_iter: int, loss: float, parts: Mapping[str, float]) -> dict[str, float]:
    """Return the record of an iteration of L-BFGS, with NaN for what is not among the parts."""
    nothing = dict.fromkeys(FIELDS, math.nan)
    return {"epoch": n_iter, "loss": loss, **nothing, **parts}


def with_iterations(
    held: array[float] | None, records: Iterable[Mapping[str, float]]
) -> array[float]:
    """Return the record with these iterations, another one than is held."""
    record = array("d", held or ())
    for one in records:
        record.extend(one[name] for name in FIELDS)
    return record


def packed(epochs: array[float]) -> npt.NDArray[np.float64]:
    """Return the record as files of any kind take it, skops's for instance."""
    return np.array(epochs)


def unpacked(epochs: Sequence[float]) -> array[float]:
    """Undo `packed`; pickles may be older than it."""
    return epochs if isinstance(epochs, array) else array("d", epochs)


def columns(epochs: Sequence[float]) -> dict[str, list[float]]:
    """Return the record as a list for each part."""
    return {name: list(epochs[i :: len(FIELDS)]) for i, name in enumerate(FIELDS)}


def history(losses: Sequence[float], epochs: Sequence[float] | None) -> dict[str, list[float]]:
    """Return the record with the losses; epochs before there was one have NaN."""
    unknown = [math.nan] * (len(losses) - len(epochs or ()) // len(FIELDS))
    parts = columns(epochs or ())
    return {"loss": list(losses), **{name: unknown + parts[name] for name in FIELDS}}
