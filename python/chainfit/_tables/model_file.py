"""Files of TabularClassifier and TabularRegressor.

What cells mean and how they become inputs are JSON, each net is a kind of its own, its tensors
under ``nets.0.``, ``nets.1.`` and so on. Everything is checked on the way in.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from .._estimators.classifier import MLPClassifier
from .._estimators.model_file import kind_of as kind_of_net
from .._estimators.regressor import MLPRegressor
from .._files.fields import Fields, ModelFileError, Tensors, check_expansion, shorten
from .._files.model import Kind, Packed
from .._files.parameters import check_parameters, pack_parameter, unpack_parameter
from .cells.schema import Schema
from .cells.target import Target
from .encoding import Encoding
from .encoding_json import pack_encoding, unpack_encoding
from .files.dialect import Dialect

NETS = {cls.__name__: kind_of_net(cls) for cls in (MLPClassifier, MLPRegressor)}

#: Tensors of a RandomState among the model's own parameters, and of its nets.
PARAMETERS, NET = "parameters.", "nets."

#: More nets than this would be no ensemble but a mistake.
_MOST_NETS = 10_000


def kind_of(cls: type) -> Kind:
    """Return one of the estimators as a kind of model files."""
    return Kind(cls, pack, unpack)


def pack(model: Any) -> Packed:
    """Take a fitted model apart; see Kind."""
    check_is_fitted(model)
    states: dict[str, np.ndarray] = {}
    parameters = {
        name: pack_parameter(name, value, states)
        for name, value in model.get_params(deep=False).items()
    }
    tensors = {PARAMETERS + name: array for name, array in states.items()}
    nets = []
    for i, net in enumerate(model.nets_):
        settings, arrays = NETS[type(net).__name__].pack(net)
        nets.append(settings)
        tensors.update({f"{NET}{i}.{name}": array for name, array in arrays.items()})
    names = getattr(model, "feature_names_in_", None)
    settings = {
        "parameters": parameters,
        "n_features": int(model.n_features_in_),
        "feature_names": None if names is None else [str(name) for name in names],
        "schema": model.schema_.to_json(),
        "encoding": pack_encoding(model.encoding_),
        "target": None if model.target_ is None else model.target_.to_json(),
        "dialect": None if model.dialect_ is None else model.dialect_.to_json(),
        "n_rows": model.n_rows_,
        "nets": nets,
    }
    if is_classifier(model):
        settings["temperature"] = float(model.temperature_)
    else:
        settings["scaled"] = {
            "mean": float(model.target_mean_),
            "scale": float(model.target_scale_),
            "range": [float(bound) for bound in model.target_range_],
        }
    return settings, tensors


def unpack(cls: Any, fields: Fields, tensors: Tensors) -> Any:
    """Build a model, everything checked; ModelFileError if it is not a sane one."""
    states = tensors.under(PARAMETERS)
    model = cls(**_unpack_parameters(cls, fields.fields("parameters"), states))
    states.done()
    model.n_features_in_ = fields.integer("n_features", low=1)
    if not fields.null("feature_names"):
        names = fields.texts("feature_names")
        if len(names) != model.n_features_in_ or len(set(names)) != len(names):
            raise ModelFileError(
                f"settings: 'feature_names' must be {model.n_features_in_} that differ"
            )
        model.feature_names_in_ = np.array(names, dtype=object)
    model.schema_ = Schema.from_json(fields.take("schema"))
    if len(model.schema_.columns) != model.n_features_in_:
        raise ModelFileError(
            f"settings: 'schema' has {len(model.schema_.columns)} columns, "
            f"'n_features' is {model.n_features_in_}"
        )
    model.encoding_ = unpack_encoding(fields.items("encoding"), model.schema_)
    model.target_ = model.dialect_ = None
    if not fields.null("target"):
        model.target_ = Target.from_json(fields.take("target"))
    if not fields.null("dialect"):
        model.dialect_ = Dialect.from_json(fields.take("dialect"))
    model.n_rows_ = fields.integer("n_rows", low=1)
    kind = NETS[model._net_class.__name__]
    model.nets_ = _unpack_nets(kind, fields.items("nets"), tensors)
    model.n_iter_ = max(net.n_iter_ for net in model.nets_)
    model.temperature_ = 1.0
    if is_classifier(model):
        model.temperature_ = fields.positive("temperature")
        model.classes_ = model.nets_[0].classes_
    else:
        scaled = fields.fields("scaled")
        model.target_mean_, model.target_scale_ = scaled.number("mean"), scaled.positive("scale")
        model.target_range_ = _unpack_range(scaled)
        scaled.done()
    check_nets(model.nets_, model.encoding_)
    _check_target(model)
    return model


def _unpack_parameters(cls: Any, fields: Fields, states: Tensors) -> dict[str, Any]:
    # a file may be older than a parameter
    parameters = {
        name: unpack_parameter(name, fields.take(name), states) if fields.has(name) else default
        for name, default in cls().get_params(deep=False).items()
    }
    fields.done()
    check_parameters(cls, parameters, fields.where)
    for name in ("na_values", "drop"):
        if not all(isinstance(text, str) for text in parameters[name]):
            raise ModelFileError(f"{fields.where}: {name!r} must hold strings")
    return parameters


def _unpack_range(fields: Fields) -> tuple[float, float]:
    values = fields.numbers("range")
    low, high = (*map(float, values), math.nan, math.nan)[:2]
    if len(values) != 2 or not -math.inf < low <= high < math.inf:
        raise ModelFileError(f"{fields.where}: 'range' must be two finite numbers that rise")
    return low, high


def _unpack_nets(kind: Kind, items: list[Any], tensors: Tensors) -> tuple[Any, ...]:
    if not 1 <= len(items) <= _MOST_NETS:
        raise ModelFileError(f"settings: there are {len(items)} nets, must be 1 to {_MOST_NETS}")
    parts = [tensors.under(f"{NET}{i}.") for i in range(len(items))]
    each = [Fields(item, f"settings: nets: {i}") for i, item in enumerate(items)]
    return tuple(kind.unpack(*pair) for pair in zip(each, parts, strict=True))


def check_nets(nets: tuple[Any, ...], encoding: Encoding) -> None:
    """Refuse nets that don't go together, that have other inputs, or several targets."""
    first = nets[0]
    for net in nets:
        if net.n_features_in_ != encoding.width or net.n_outputs_ != _outputs(net):
            raise ModelFileError(
                f"settings: columns make {encoding.width} features, a net has "
                f"{net.n_features_in_} inputs and {net.n_outputs_} outputs"
            )
        same = net.n_outputs_ == first.n_outputs_ and net.out_activation_ == first.out_activation_
        classes = np.array_equal(getattr(net, "classes_", 0), getattr(first, "classes_", 0))
        if not same or not classes or net.coefs_[0].dtype != first.coefs_[0].dtype:
            raise ModelFileError("settings: nets must agree in outputs, classes and dtype")
    # The name of each feature holds the column's.
    characters = sum(len(column.name) * column.width for column in encoding.columns)
    nbytes = sum(array.nbytes for net in nets for array in net.coefs_)
    check_expansion(characters, nbytes, "settings: columns: the names of the features")


def _outputs(net: Any) -> int | None:
    """Return how many outputs a net on one target column has; None for another kind of target."""
    if not is_classifier(net):
        return vars(net).get("_units_per_target") or 1
    binarizer = net._label_binarizer
    if isinstance(binarizer, list) or binarizer.y_type_ not in ("binary", "multiclass"):
        return None
    return len(net.classes_) if len(net.classes_) > 2 else 1


def _check_target(model: Any) -> None:
    """Refuse a target of another task, or of other classes than the nets'."""
    task = "classification" if is_classifier(model) else "regression"
    target = model.target_
    if target is None:
        return
    if target.task != task:
        raise ModelFileError(f"settings: a target of {target.task} disagrees with {task}")
    if is_classifier(model) and target.classes_array().tolist() != model.classes_.tolist():
        raise ModelFileError(
            f"settings: target: classes {shorten(list(target.classes))} are not those of the nets"
        )
