"""A trace as tables: every number once, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .trace import TraceNumbers

Array = npt.NDArray[Any]
Columns = dict[str, Array]


def tables(trace: TraceNumbers) -> dict[str, Columns]:
    layers = range(1, len(trace.a))
    df = [np.full_like(trace.a[l], np.nan) if trace.df[l] is None else trace.df[l] for l in layers]
    where = _stack([_where(l, trace.a[l].shape) for l in layers])
    return {
        "forward": {**where, "z": _flat(trace.z[1:]), "a": _flat(trace.a[1:])},
        "loss": {"row": np.arange(len(trace.X)), "share": trace.share, "loss": trace.loss_rows},
        "backward": {
            **where,
            "da": _flat(trace.da[1:]),
            "df": _flat(df),
            "delta": _flat(trace.delta[1:]),
        },
        "parameters": _parameters(trace),
    }


def _where(l: int, shape: tuple[int, ...]) -> Columns:
    row, unit = np.indices(shape).reshape(2, -1)
    return {"row": row, "layer": np.full(row.shape, l), "unit": unit}


def _parameters(trace: TraceNumbers) -> Columns:
    parts = []
    for l, (W, b) in enumerate(zip(trace.net.coefs, trace.net.intercepts, strict=True)):
        i, j = np.indices(W.shape).reshape(2, -1)
        i, j = np.append(i, np.full(len(b), -1)), np.append(j, np.arange(len(b)))
        parts.append({"layer": np.full(i.shape, l), "i": i, "j": j})
    columns = {**_stack(parts), "gradient": _interleaved(trace.dW, trace.db)}
    if trace.update is not None:
        for name, (old, new) in trace.update.slots.items():
            columns |= {f"{name}_old": _interleaved(*old), f"{name}_new": _interleaved(*new)}
        columns["old"] = _interleaved(*trace.update.old)
        columns["new"] = _interleaved(*trace.update.new)
    return columns


def _interleaved(W: Sequence[Array], b: Sequence[Array]) -> Array:
    """Return the weights and then the biases of each layer in turn."""
    return _flat([p for pair in zip(W, b, strict=True) for p in pair])


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.ravel(a) for a in arrays])


def _stack(parts: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
