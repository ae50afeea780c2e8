"""The fitted state of MLPClassifier and MLPRegressor as settings and tensors, and back.

Stored are the parameters, the weights, the optimizer's state, the classes and the training
record. What follows from these (layer count, output count, label binarizer) is rebuilt.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from .._files.fields import (
    Fields,
    ModelFileError,
    Tensors,
    check_expansion,
    shorten,
)
from .._files.model import Kind, Packed
from .._files.parameters import check_parameters, pack_parameter, unpack_parameter
from .optimizer import Optimizer
from .outputs import units_per_target
from .parameters import check_activations, hidden_units
from .rules import OPTIMIZERS, SETTINGS, link_of
from .several import binarizers_for
from .state import State
from .state_file import (
    pack_layers,
    pack_steps,
    pack_training,
    unpack_layers,
    unpack_steps,
    unpack_training,
)

_SEVERAL = "multiclass-multioutput"
_TARGETS = ("binary", "multiclass", "multilabel-indicator", _SEVERAL)
_CLASS_DTYPES = (
    *("bool", "float32", "float64"),
    *("int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
)


def kind_of(cls: type) -> Kind:
    """Return MLPClassifier or MLPRegressor as a kind of model files."""
    return Kind(cls, pack, unpack)


def pack(model: Any) -> Packed:
    """Take a fitted estimator apart; see Kind.

    Raises
    ------
    sklearn.exceptions.NotFittedError
    TypeError
        If a parameter or a class label is of a type that a file cannot hold.
    """
    check_is_fitted(model)
    tensors: dict[str, np.ndarray] = {}
    parameters = {
        name: pack_parameter(name, value, tensors)
        for name, value in model.get_params(deep=False).items()
    }
    state = State.of(vars(model))
    pack_layers("", (state.coefs, state.intercepts), tensors)
    names = getattr(model, "feature_names_in_", None)
    settings = {
        "parameters": parameters,
        "units": [int(model.n_features_in_), *(int(b.size) for b in state.intercepts)],
        "dtype": str(state.coefs[0].dtype),
        "out_activation": model.out_activation_,
        **({"units_per_target": units} if (units := vars(model).get("_units_per_target")) else {}),
        "feature_names": None if names is None else [str(name) for name in names],
        "classes": _pack_classes(model, tensors) if hasattr(model, "classes_") else None,
        "training": pack_training(state, tensors),
        "optimizer": None if state.optimizer is None else _pack_optimizer(state.optimizer, tensors),
    }
    return settings, tensors


def _pack_optimizer(optimizer: Optimizer, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    content = optimizer.state()
    return {
        "name": content["name"],
        **pack_steps(content, tensors),
        "settings": {
            key: pack_parameter(key, value, tensors) for key, value in content["settings"].items()
        },
    }


def _pack_classes(model: Any, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    classes, binarizer = model.classes_, model._label_binarizer
    if isinstance(binarizer, list):
        columns = [_pack_labels(part, f"classes.{j}", tensors) for j, part in enumerate(classes)]
        return {"target": _SEVERAL, "columns": columns}
    settings = {"target": binarizer.y_type_, "sparse": bool(binarizer.sparse_input_)}
    return {**settings, **_pack_labels(classes, "classes", tensors)}


def _pack_labels(classes: np.ndarray, name: str, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    settings: dict[str, Any] = {"dtype": str(classes.dtype)}
    if classes.dtype.kind in "UO":
        labels = classes.tolist()
        if not all(isinstance(label, str) for label in labels):
            raise TypeError("cannot save classes_ of dtype object that are not all strings")
        # A NumPy string dtype is '<U7'; its byte order is the machine's and is not kept.
        settings["dtype"] = "object" if classes.dtype.kind == "O" else "str"
        settings["labels"] = labels
    elif settings["dtype"] in _CLASS_DTYPES:
        tensors[name] = classes
    else:
        raise TypeError(f"cannot save classes_ of dtype {classes.dtype}")
    return settings


def unpack(cls: type, fields: Fields, tensors: Tensors) -> Any:
    """Build an estimator of class ``cls``, everything checked.

    Raises
    ------
    ModelFileError
        If settings and tensors are not those of a sane fitted estimator.
    """
    model = cls(**_unpack_parameters(cls, fields.fields("parameters"), tensors))
    units = fields.counts("units")
    dtype = fields.text("dtype", ("float32", "float64"))
    _check_units(model, units, dtype)
    model.n_features_in_ = units[0]
    model.n_layers_ = len(units)
    model.n_outputs_ = units[-1]
    state = State(*unpack_layers("", units, dtype, tensors))
    if not fields.null("feature_names"):
        names = fields.texts("feature_names")
        if len(names) != units[0]:
            raise ModelFileError(
                f"settings: feature_names has {len(names)} names, units say {units[0]} features"
            )
        model.feature_names_in_ = np.array(names, dtype=object)
    if not fields.null("classes"):
        _unpack_classes(model, fields.fields("classes"), tensors)
    _unpack_out_activation(model, fields)
    unpack_training(state, fields.fields("training"), tensors)
    if not fields.null("optimizer"):
        content = _unpack_optimizer(fields.fields("optimizer"), model, state, tensors)
        state.optimizer = Optimizer.from_state(content, vars(model))
    state.into(vars(model))
    return model


def _unpack_parameters(cls: Any, fields: Fields, tensors: Tensors) -> dict[str, Any]:
    names = cls().get_params(deep=False)
    own = cls._own_parameters
    parameters = {
        name: unpack_parameter(name, fields.take(name), tensors)
        for name in names
        if fields.has(name) or name not in own
    }
    # a file may be older than a rule of the core and its parameters
    parameters = {**{name: own[name] for name in own if name in names}, **parameters}
    fields.done()
    check_parameters(cls, parameters, fields.where)
    return parameters


def _check_units(model: Any, units: list[int], dtype: str) -> None:
    """Refuse parameters that name another net than the weights are of."""
    sizes = model.hidden_layer_sizes
    hidden = [int(n) for n in hidden_units(sizes)]
    if len(units) < 2 or hidden != units[1:-1]:
        raise ModelFileError(
            f"settings: hidden_layer_sizes={shorten(sizes)} disagrees with layers of "
            f"{shorten(units)} units: they must be [features, *hidden_layer_sizes, outputs]"
        )
    try:
        check_activations(model.activation, len(hidden))
    except ValueError as error:
        raise ModelFileError(f"settings: {error}") from None
    precision = getattr(model, "precision", "auto")
    if precision not in ("auto", dtype):
        raise ModelFileError(f"settings: precision={precision!r} disagrees with weights of {dtype}")


def _unpack_classes(model: Any, fields: Fields, tensors: Tensors) -> None:
    """Restore ``classes_`` and the label binarizer that made the one-hot targets."""
    if not is_classifier(model):
        raise ModelFileError("settings: classes must be null for a regressor")
    target = fields.text("target", _TARGETS)
    if target == _SEVERAL:
        parts = [Fields(part, "settings: classes") for part in fields.items("columns")]
        columns = [_unpack_labels(part, f"classes.{j}", tensors) for j, part in enumerate(parts)]
        for part in (fields, *parts):
            part.done()
        if (
            len(columns) < 2
            or sum(map(len, columns)) != model.n_outputs_
            or not all(map(len, columns))
        ):
            raise ModelFileError(
                f"settings: classes of {len(columns)} columns disagree with {model.n_outputs_} "
                "outputs"
            )
        model._label_binarizer = binarizers_for(columns)
        model.classes_ = [binarizer.classes_ for binarizer in model._label_binarizer]
        return
    classes = _unpack_labels(fields, "classes", tensors)
    outputs = 1 if target == "binary" else len(classes)
    fits = len(classes) in (1, 2) if target == "binary" else len(classes) > 0
    if not fits or outputs != model.n_outputs_:
        raise ModelFileError(
            f"settings: {len(classes)} classes of a {target} target disagree with "
            f"{model.n_outputs_} outputs"
        )
    multilabel = target == "multilabel-indicator"
    if multilabel and not np.array_equal(classes, np.arange(outputs)):
        raise ModelFileError(f"settings: classes of a {target} target must be its columns' numbers")
    sparse = fields.flag("sparse")
    if sparse and not multilabel:
        raise ModelFileError(f"settings: classes: a {target} target must not be sparse")
    binarizer = LabelBinarizer()
    binarizer.y_type_ = target
    binarizer.sparse_input_ = sparse
    # as `fit` leaves it, also where partial_fit was given classes of another dtype
    binarizer.classes_ = np.arange(outputs) if multilabel else classes
    model.classes_ = classes
    model._label_binarizer = binarizer
    fields.done()


def _unpack_labels(fields: Fields, name: str, tensors: Tensors) -> np.ndarray:
    """Return the labels of one classification, sorted, each once."""
    dtype = fields.text("dtype", (*_CLASS_DTYPES, "str", "object"))
    if dtype in ("str", "object"):
        labels = fields.texts("labels")
        if not labels:
            raise ModelFileError("settings: classes: 'labels' must not be empty")
        classes = _text_classes(labels, dtype, tensors.nbytes)
        rising = all(a < b for a, b in pairwise(labels))
    else:
        classes = tensors.take(name, dtype, (None,))
        rising = bool((classes[:-1] < classes[1:]).all())
    if not rising:
        raise ModelFileError("settings: classes must be sorted, each once")
    return classes


def _text_classes(labels: list[str], dtype: str, tensor_bytes: int) -> np.ndarray:
    """Return the labels as an array of str or object, beside so many bytes of tensors."""
    if dtype == "object":
        return np.array(labels, dtype=object)
    # A NumPy string takes as many characters as the longest, each of 4 bytes.
    nbytes = 4 * len(labels) * max(map(len, labels))
    source = tensor_bytes + sum(map(len, labels))
    check_expansion(nbytes, source, "settings: classes: labels of dtype str, not object,")
    if any(label.endswith("\0") for label in labels):
        raise ModelFileError("settings: classes: labels of dtype str must not end in NUL")
    return np.array(labels)


def _unpack_out_activation(model: Any, fields: Fields) -> None:
    """Check the output's activation against the target's kind or the loss."""
    if hasattr(model, "classes_"):
        binarizer = model._label_binarizer
        multiclass = isinstance(binarizer, list) or binarizer.y_type_ == "multiclass"
        right = "softmax" if multiclass else "logistic"
    elif is_classifier(model):
        raise ModelFileError("settings: classes must not be null for a classifier")
    else:
        try:
            right = link_of(model.loss, model.out_activation)
        except ValueError as error:
            raise ModelFileError(f"settings: {error}") from None
        if units := fields.integer("units_per_target", 0) if fields.has("units_per_target") else 0:
            if units != units_per_target(model.loss, vars(model)) or model.n_outputs_ % units:
                raise ModelFileError(
                    f"settings: {model.n_outputs_} outputs, {units} for a target, disagree with "
                    f"loss={model.loss!r}"
                )
            model._units_per_target = units
    model.out_activation_ = fields.text("out_activation", (right,))


def _unpack_optimizer(fields: Fields, model: Any, state: State, tensors: Tensors) -> dict[str, Any]:
    name = fields.text("name", tuple(OPTIMIZERS))
    dtype = str(state.coefs[0].dtype)
    content = unpack_steps(fields, state.units, dtype, tensors, name)
    settings = _unpack_optimizer_settings(fields.fields("settings"), model)
    fields.done()
    slots, at = content["slots"], _SECOND_MOMENTS.get(name)
    second = slots[at] if slots and at is not None else ()
    if any((moment < 0).any() for moments in second for moment in moments):
        raise ModelFileError(
            f"tensors 'slots.{at}...': {name}'s second moments must not be negative"
        )
    return {"name": name, "settings": settings, **content}


# Slots that are means of squares, by optimizer.
_SECOND_MOMENTS = {"adam": 1, "adamw": 1, "rmsprop": 0}


def _unpack_optimizer_settings(fields: Fields, model: Any) -> dict[str, Any]:
    """Read the parameters that the optimizer was made with, which the estimator's may differ from.

    They have the names of the estimator's parameters, whose checks apply.
    """
    names = [name for name in SETTINGS if fields.has(name)]
    values = {name: unpack_parameter(name, fields.take(name), Tensors({})) for name in names}
    if fields.has("weight_decay"):
        fields.take("weight_decay")  # of files from before it was a keyword of all solvers
    fields.done()
    own = type(model)._own_parameters
    if {*SETTINGS} - {*own} - {*names}:
        raise ModelFileError(f"{fields.where}: must be {', '.join(SETTINGS)}; it has {names}")
    check_parameters(type(model), {**model.get_params(deep=False), **values}, fields.where)
    return values
