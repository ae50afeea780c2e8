"""The record of training, an epoch each: `history_`, and what the user's callbacks are given.

The core fills it (`EpochRecord` in cpp/engine/fit.hpp names its parts); here it is kept in a flat
array, to which an epoch is added in no time.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

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


def iteration(n_iter: int, loss: float, seconds: float) -> dict[str, float]:
    """Return the record of an iteration of L-BFGS."""
    nothing = dict.fromkeys(FIELDS, math.nan)
    return {"epoch": n_iter, "loss": loss, **nothing, "seconds": seconds}


def columns(epochs: Sequence[float]) -> dict[str, list[float]]:
    """Return the record as a list for each part."""
    return {name: list(epochs[i :: len(FIELDS)]) for i, name in enumerate(FIELDS)}


def history(loss_curve: Sequence[float], epochs: Sequence[float] | None) -> dict[str, list[float]]:
    """Return the record with the losses; epochs before there was one have NaN."""
    unknown = [math.nan] * (len(loss_curve) - len(epochs or ()) // len(FIELDS))
    parts = columns(epochs or ())
    return {"loss": list(loss_curve), **{name: unknown + parts[name] for name in FIELDS}}
