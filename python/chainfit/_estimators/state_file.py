"""A State's weights and record of training as settings and tensors, and back.

Model files hold them, and checkpoints. A further list of the record is one more word here.
"""

from __future__ import annotations

import array
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from .._files.fields import Fields, ModelFileError, Tensors, pack_number, shorten
from .optimizer import cast
from .record import FIELDS, columns
from .rules import OPTIMIZERS
from .state import State

Layers = list[np.ndarray]

# Parts of the record of training that are a number or null; steps leave all, null or not.
_SCORES = ("loss", "best_loss", "best_validation_score")
_CURVES = ("loss_curve", "validation_scores")
# Those which not every training leaves.
_OWN_CURVES = ("validation_loss_curve", "losses")
# Of an epoch that was left in its middle, beside its rows.
_SO_FAR = ("loss", "norms", "seconds")


def pack_layers(prefix: str, layers: tuple[Layers, Layers], tensors: dict[str, Any]) -> None:
    """Put all W and b among the tensors, under names with this prefix."""
    for word, arrays in zip(("coefs", "intercepts"), layers, strict=True):
        for i, values in enumerate(arrays):
            tensors[f"{prefix}{word}.{i}"] = np.asarray(values)


def pack_steps(content: Mapping[str, Any], tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return what an optimizer's `state()` says of its steps; arrays go to the tensors."""
    for s, slot in enumerate(content["slots"]):
        pack_layers(f"slots.{s}.", slot, tensors)
    packed: dict[str, Any] = {
        "eta": float(content["eta"]),
        "steps": int(content["steps"]),
        "slots": len(content["slots"]),
    }
    packed |= {key: int(content[key]) for key in ("batches", "seed") if key in content}
    for key in ("raw", "outer"):
        if key in content:
            pack_layers(f"{key}.", content[key], tensors)
            packed[key] = True
    return packed


def unpack_steps(
    fields: Fields, units: list[int], dtype: str, tensors: Tensors, name: str | None = None
) -> dict[str, Any]:
    """Undo ``pack_steps``; `name` is the optimizer's, if it is known."""
    eta = fields.number("eta")
    if eta < 0:
        raise ModelFileError(f"settings: optimizer: 'eta' must not be negative, got {eta}")
    steps, n_slots = fields.integer("steps"), fields.integer("slots")
    # An optimizer that made no step yet may have none.
    right = 2 if name is None else OPTIMIZERS[name].slots
    if n_slots > right or (name and n_slots != right and (n_slots or steps)):
        raise ModelFileError(
            f"settings: optimizer: {name!r} has {right} slots, got {shorten(n_slots)}"
        )
    content: dict[str, Any] = {
        "eta": eta,
        "steps": steps,
        "slots": [unpack_layers(f"slots.{s}.", units, dtype, tensors) for s in range(n_slots)],
    }
    for key, low in (("batches", 1), ("seed", 0)):
        if fields.has(key):
            content[key] = fields.integer(key, low)
    for key in ("raw", "outer"):
        if fields.has(key) and fields.flag(key):
            content[key] = unpack_layers(f"{key}.", units, dtype, tensors)
    return content


def pack_training(state: State, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the record as JSON types; what is long goes to the tensors."""
    record: dict[str, Any] = {"n_iter": int(state.n_iter), "t": int(state.t)}
    steps = state.loss_curve is not None
    for key in _SCORES:
        value = getattr(state, key)
        if value is not None:
            record[key] = pack_number(value)
        elif steps:
            record[key] = None
    if steps:
        record["no_improvement_count"] = int(state.no_improvement_count)
    for key in (*_CURVES, *_OWN_CURVES):
        curve = getattr(state, key)
        if curve is not None:
            record[key] = len(curve)
            tensors[key] = np.array(curve, dtype=np.float64)
        elif steps and key in _CURVES:
            record[key] = None
    if state.so_far is not None:
        rows, *sums = state.so_far
        packed = map(pack_number, sums)
        record["so_far"] = {"rows": int(rows), **dict(zip(_SO_FAR, packed, strict=True))}
    if state.epochs is not None:
        record["epochs"] = len(state.epochs) // len(FIELDS)
        for name, values in columns(state.epochs).items():
            tensors[f"epochs.{name}"] = np.array(values, dtype=np.float64)
    if state.best is not None:
        record["best"] = True
        coefs, intercepts = (cast(arrays, state.coefs[0].dtype) for arrays in state.best)
        pack_layers("best.", (coefs, intercepts), tensors)
    return record


def unpack_layers(
    prefix: str, units: list[int], dtype: str, tensors: Tensors
) -> tuple[Layers, Layers]:
    """Take W and b of a net of these units."""
    shapes = list(pairwise(units))
    return (
        [tensors.take(f"{prefix}coefs.{i}", dtype, shape) for i, shape in enumerate(shapes)],
        [tensors.take(f"{prefix}intercepts.{i}", dtype, (n,)) for i, (_, n) in enumerate(shapes)],
    )


def unpack_training(state: State, fields: Fields, tensors: Tensors) -> None:
    """Put the record in a state that has its weights."""
    state.n_iter = fields.integer("n_iter")
    state.t = fields.integer("t")
    for key in _SCORES:
        if fields.has(key):
            value = None if fields.null(key) else fields.number(key, finite=False)
            setattr(state, key, value)
    if fields.has("no_improvement_count"):
        state.no_improvement_count = fields.integer("no_improvement_count")
    for key in (*_CURVES, *_OWN_CURVES):
        if fields.has(key):
            curve = None
            if not fields.null(key):
                length = fields.integer(key)
                # History only: an overflowing loss or score does no harm to the model.
                curve = tensors.take(key, "float64", (length,), finite=False).tolist()
            setattr(state, key, curve)
    if fields.has("so_far"):
        part = fields.fields("so_far")
        sums = [part.number(key, finite=False) for key in _SO_FAR]
        state.so_far = part.integer("rows", low=1), sums[0], sums[1], sums[2]
        part.done()
    if fields.has("epochs"):
        length = fields.integer("epochs")
        names = [f"epochs.{name}" for name in FIELDS]
        parts = [tensors.take(name, "float64", (length,), finite=False) for name in names]
        state.epochs = array.array("d", np.stack(parts, axis=1).ravel())
    if fields.has("best") and fields.flag("best"):
        state.best = unpack_layers("best.", state.units, str(state.coefs[0].dtype), tensors)
    fields.done()
