"""A TableModel as settings and tensors, and back: its columns as JSON, its net as a nested kind."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from .._estimators.classifier import MLPClassifier
from .._estimators.model_file import kind_of as kind_of_net
from .._estimators.regressor import MLPRegressor
from .._files.fields import (
    MAX_COUNT,
    Fields,
    ModelFileError,
    Tensors,
    check_expansion,
    shorten,
)
from .._files.model import Kind, Packed
from .._files.parameters import check_parameters, pack_parameter, unpack_parameter
from .encoder import (
    BooleanColumn,
    CategoryColumn,
    Column,
    DroppedColumn,
    NumberColumn,
)
from .frame_target import TASKS

NETS = {cls.__name__: kind_of_net(cls) for cls in (MLPClassifier, MLPRegressor)}

#: Tensors of the net, and of the RandomState in the model's own parameters, by prefix.
NET, PARAMETERS = "net.", "parameters."

# The outputs of one target that are its mean and its variance.
MOMENTS = "mean_variance"

_COLUMN_KINDS = ("number", "date", "boolean", "category", "dropped")


def kind_of(cls: type) -> Kind:
    """Return TableModel as a kind of model files."""
    return Kind(cls, pack, unpack)


def pack(model: Any) -> Packed:
    """Take a fitted TableModel apart; see Kind."""
    net = NETS[type(model.fitted_net()).__name__]
    states: dict[str, np.ndarray] = {}
    parameters = {
        name: pack_parameter(name, value, states) for name, value in model.parameters.items()
    }
    net_settings, net_tensors = net.pack(model.net_)
    settings = {
        "task": model.task,
        "max_levels": model.max_levels,
        "parameters": parameters,
        "columns": [{**asdict(column), "kind": column.kind} for column in model.columns_],
        "target": {
            "name": model.target_name_,
            "mean": model.target_mean_,
            "scale": model.target_scale_,
        },
        "n_rows": model.n_rows_,
        "notes": list(model.notes_),
        "net": {"kind": net.name, "settings": net_settings},
    }
    tensors = {NET + name: array for name, array in net_tensors.items()}
    tensors.update({PARAMETERS + name: array for name, array in states.items()})
    return settings, tensors


def unpack(cls: type, fields: Fields, tensors: Tensors) -> Any:
    """Build a TableModel, everything checked; ModelFileError if it is not a sane one."""
    task = fields.text("task", TASKS)
    max_levels = fields.integer("max_levels", low=1, high=MAX_COUNT)
    states = tensors.under(PARAMETERS)
    parameters = _unpack_parameters(fields.take("parameters"), states)
    states.done()
    model: Any = cls(task, max_levels=max_levels, **parameters)
    model.columns_ = tuple(_unpack_column(column) for column in fields.items("columns"))
    names = [column.name for column in model.columns_]
    if len(set(names)) != len(names):
        raise ModelFileError("settings: columns: their names must differ")
    target = fields.fields("target")
    model.target_name_ = None if target.null("name") else target.text("name")
    model.target_mean_ = target.number("mean")
    model.target_scale_ = _positive(target, "scale")
    target.done()
    model.n_rows_ = fields.integer("n_rows", low=1)
    model.notes_ = fields.texts("notes")
    net = fields.fields("net")
    kind = NETS[net.text("kind", tuple(NETS))]
    weights = tensors.under(NET)
    model.net_ = kind.unpack(_renamed(net.fields("settings")), weights)
    net.done()
    _check_parameters(type(model.net_), parameters)
    if model.net_.n_outputs_ > 1 and model.net_.out_activation_ not in ("softmax", MOMENTS):
        raise ModelFileError("settings: net: must be of one target, not of several")
    model.task_ = "classification" if kind.name == "MLPClassifier" else "regression"
    if task not in ("auto", model.task_):
        raise ModelFileError(f"settings: task {task!r} disagrees with a net of {model.task_}")
    width = sum(column.width for column in model.columns_)
    if width != model.net_.n_features_in_ or model.net_.n_outputs_ != _outputs(model.net_):
        raise ModelFileError(
            f"settings: columns make {width} features, the net has {model.net_.n_features_in_} "
            f"inputs and {model.net_.n_outputs_} outputs"
        )
    # The name of each level's feature holds the column's.
    characters = sum(len(column.name) * column.width for column in model.columns_)
    check_expansion(characters, weights.nbytes, "settings: columns: the names of the features")
    return model


def _outputs(net: Any) -> int:
    """Count the outputs that a net on one target column has."""
    classes = len(getattr(net, "classes_", ()))
    return 2 if net.out_activation_ == MOMENTS else classes if classes > 2 else 1


def _renamed(fields: Fields) -> Fields:
    fields.where = "settings"
    return fields


def _positive(fields: Fields, key: str) -> float:
    value = fields.number(key)
    if value <= 0:
        raise ModelFileError(f"{fields.where}: {key!r} must be positive, got {value}")
    return value


def _unpack_parameters(values: object, states: Tensors) -> dict[str, Any]:
    label = "settings: parameters"
    if not isinstance(values, dict):
        raise ModelFileError(f"{label} must be a JSON object")
    if {"task", "max_levels", "self"} & set(values):
        raise ModelFileError(f"{label}: task and max_levels belong beside it")
    return {name: unpack_parameter(name, value, states) for name, value in values.items()}


def _check_parameters(cls: Any, parameters: dict[str, Any]) -> None:
    """Refuse parameters that the next ``fit`` would refuse."""
    defaults = cls().get_params(deep=False)
    unknown = sorted(set(parameters) - set(defaults))
    if unknown:
        raise ModelFileError(f"settings: parameters: {cls.__name__} has no {shorten(unknown)}")
    check_parameters(cls, {**defaults, **parameters}, "settings: parameters")


def _unpack_column(values: object) -> Column:
    fields = Fields(values, "settings: columns")
    kind = fields.text("kind", _COLUMN_KINDS)
    name = fields.text("name")
    fields.where = f"settings: column {shorten(name)}"
    column: Column
    if kind == "dropped":
        column = DroppedColumn(name, fields.text("reason"))
    elif kind == "boolean":
        column = BooleanColumn(name, fields.flag("fill"), fields.flag("indicator"))
    elif kind == "category":
        levels = tuple(fields.texts("levels"))
        if len(set(levels)) != len(levels):
            raise ModelFileError(f"{fields.where}: 'levels' must differ")
        column = CategoryColumn(name, levels, fields.flag("missing"), fields.flag("other"))
    else:
        fill, mean = fields.number("fill"), fields.number("mean")
        scale = _positive(fields, "scale")
        column = NumberColumn(name, kind, fill, mean, scale, fields.flag("indicator"))
    fields.done()
    return column
