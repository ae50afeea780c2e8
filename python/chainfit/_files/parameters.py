"""Values of estimator parameters as JSON, and back."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from .fields import MAX_COUNT, Fields, ModelFileError, Tensors, pack_number, shorten


def pack_parameter(name: str, value: Any, tensors: dict[str, np.ndarray]) -> Any:
    """JSON for the value of an estimator parameter; a RandomState's key goes to the tensors."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    if isinstance(value, dict):
        return {"dict": _pairs(name, value)}
    if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
        return {"list of dict": [_pairs(name, part) for part in value]}
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iu":
        return {"array": [int(n) for n in value]}
    if isinstance(value, (tuple, list)) and all(_is_count(n) for n in value):
        return {type(value).__name__: [int(n) for n in value]}
    if isinstance(value, (tuple, list)) and all(_is_number(n) for n in value):
        numbers = [int(n) if isinstance(n, np.integer) else n for n in value]
        packed = [n if isinstance(n, int) else pack_number(n) for n in numbers]
        return {f"{type(value).__name__} of number": packed}
    if isinstance(value, (tuple, list)) and all(isinstance(text, str) for text in value):
        return {f"{type(value).__name__} of str": list(value)}
    if isinstance(value, np.random.RandomState):
        state = value.get_state(legacy=False)
        if isinstance(state, dict) and state["bit_generator"] == "MT19937":
            tensors[f"{name}.key"] = state["state"]["key"]
            return {
                "RandomState": {
                    "pos": int(state["state"]["pos"]),
                    "has_gauss": int(state["has_gauss"]),
                    "gauss": pack_number(state["gauss"]),
                }
            }
        raise TypeError(
            f"cannot save {name}: a RandomState over {type(value._bit_generator).__name__}; "
            "use one over MT19937 (the default), an int or None"
        )
    raise TypeError(f"cannot save parameter {name}={shorten(value)}: {type(value).__name__}")


def _is_count(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and int(value) >= 1


def _is_number(value: Any) -> bool:
    number = isinstance(value, (int, np.integer, float, np.floating))
    return number and not isinstance(value, bool)


def _pairs(name: str, value: dict[Any, Any]) -> list[list[Any]]:
    """[key, number] for each entry; the keys may be class labels."""
    packed = [[pack_parameter(name, part, {}) for part in pair] for pair in value.items()]
    for pair, (key, number) in zip(packed, value.items(), strict=True):
        if not _is_pair(pair):
            raise TypeError(f"cannot save parameter {name}: an entry {shorten(key)}: {number!r}")
    return packed


def _is_pair(pair: Any) -> bool:
    if not isinstance(pair, list) or len(pair) != 2:
        return False
    key, number = pair
    return isinstance(key, (str, int, float)) and (
        isinstance(number, (int, float)) and not isinstance(number, bool)
    )


def _dict(pairs: Any, label: str) -> dict[Any, Any]:
    if not isinstance(pairs, list) or not all(map(_is_pair, pairs)):
        raise ModelFileError(f"{label}: must be pairs of a key and a number, got {shorten(pairs)}")
    return dict(pairs)


def unpack_parameter(name: str, value: Any, tensors: Tensors) -> Any:
    """Undo ``pack_parameter``."""
    if not isinstance(value, (dict, list)):
        return value
    label = f"settings: parameter {shorten(name)}"
    fields = Fields(value, label)
    result: Any
    if fields.has("RandomState"):
        state = fields.fields("RandomState")
        key = tensors.take(f"{name}.key", "uint32", (624,))
        if not key.any():
            raise ModelFileError(f"{label}: the RandomState's key is all zero, it would draw none")
        result = np.random.RandomState()
        legacy = ("MT19937", key, state.integer("pos", 0, 624), state.integer("has_gauss", 0, 1))
        result.set_state((*legacy, state.number("gauss")))
        state.done()
    elif fields.has("float"):
        result = float(fields.text("float", ("inf",)))
    elif fields.has("dict"):
        result = _dict(fields.take("dict"), label)
    elif fields.has("list of dict"):
        result = [_dict(pairs, label) for pairs in fields.items("list of dict")]
    elif fields.has("tuple of str"):
        result = tuple(fields.texts("tuple of str"))
    elif fields.has("list of str"):
        result = fields.texts("list of str")
    elif fields.has("tuple of number"):
        result = tuple(fields.numbers("tuple of number"))
    elif fields.has("list of number"):
        result = fields.numbers("list of number")
    elif fields.has("tuple"):
        result = tuple(fields.counts("tuple"))
    elif fields.has("list"):
        result = fields.counts("list")
    else:
        result = np.array(fields.counts("array"), dtype=np.int64)
    fields.done()
    return result


def check_parameters(cls: Any, parameters: dict[str, Any], where: str) -> None:
    """Refuse what the estimator itself would refuse in ``fit``, and a little more."""
    for name, default in cls().get_params(deep=False).items():
        value = parameters[name]
        # scikit-learn's checks take true for 1; only where it means a switch is it right.
        if isinstance(value, bool) and not isinstance(default, bool):
            raise ModelFileError(f"{where}: {name!r} must not be true or false, got {value}")
        if isinstance(value, int) and abs(value) > MAX_COUNT:
            raise ModelFileError(f"{where}: {name!r} does not fit 64 bits")
    try:
        cls(**parameters)._validate_params()
    except ValueError as error:
        raise ModelFileError(f"{where}: {str(error)[:300]}") from None
