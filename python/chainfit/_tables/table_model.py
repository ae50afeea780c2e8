"""TableModel of 0.1.0, which became TabularClassifier and TabularRegressor: what is left of it.

A pickle that holds one, or a file, becomes one of these. It predicts what it did: its net stays,
and gets the same inputs for the same cells.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from .._files.fields import MAX_COUNT, Fields, ModelFileError, Tensors, shorten
from .._files.model import Kind
from .._files.parameters import check_parameters, unpack_parameter
from .cells.target import Target
from .classifier import TabularClassifier
from .model_file import NETS, PARAMETERS, check_nets, pack
from .old_columns import MISSING, as_encoding, as_schema, read_column
from .regressor import TabularRegressor


class TableModel:
    """What a pickle names; it turns into an estimator when its state arrives."""

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Become a fitted estimator, or one with the parameters of a model that was not fitted."""
        if "net_" in state:
            model = self.estimator_of(state)
        else:
            cls = TabularRegressor if state["task"] == "regression" else TabularClassifier
            model = cls(**_known(cls, state["parameters"], state["max_levels"]))
        self.__class__ = type(model)
        self.__dict__ = vars(model)

    @staticmethod
    def estimator_of(old: Mapping[str, Any]) -> Any:
        """Return the estimator that a fitted TableModel with these attributes is today.

        Its parameters are those of the net, so that a new `fit` has its recipe: one net, no bins.
        """
        net = old["net_"]
        cls: Any = TabularClassifier if is_classifier(net) else TabularRegressor
        given = {**net.get_params(deep=False), **old["parameters"]}
        given["precision"] = str(net.coefs_[0].dtype)
        model = cls(**{**_known(cls, given, old["max_levels"]), "n_nets": 1, "n_bins": 0})
        columns = old["columns_"]
        model.schema_, model.encoding_ = as_schema(columns), as_encoding(columns)
        model.feature_names_in_ = np.array([column.name for column in columns], dtype=object)
        model.n_features_in_ = len(columns)
        model.nets_, model.temperature_ = (net,), 1.0
        model.n_iter_, model.n_rows_ = net.n_iter_, old["n_rows_"]
        model.dialect_ = model.target_ = None
        if is_classifier(net):
            model.classes_ = net.classes_
        else:
            model.target_mean_, model.target_scale_ = old["target_mean_"], old["target_scale_"]
            model.target_range_ = -sys.float_info.max, sys.float_info.max
        if old["target_name_"] is not None:
            task = "classification" if is_classifier(net) else "regression"
            classes = tuple(net.classes_.tolist()) if is_classifier(net) else ()
            missing = tuple(word for word in MISSING if word not in classes)
            notes = tuple(old["notes_"])
            model.target_ = Target(old["target_name_"], task, classes, missing=missing, notes=notes)
        return model


def _known(cls: Any, parameters: Mapping[str, Any], max_levels: int) -> dict[str, Any]:
    known = cls().get_params(deep=False)
    kept = {name: value for name, value in parameters.items() if name in known}
    return {**kept, "max_levels": max_levels}


def kind_of_old() -> Kind:
    """Return TableModel as a kind of model files, which are only read."""
    return Kind(TableModel, pack, unpack_old)


def unpack_old(cls: Any, fields: Fields, tensors: Tensors) -> Any:
    """Build an estimator of what a TableModel was, everything checked."""
    task = fields.text("task", ("auto", "classification", "regression"))
    old: dict[str, Any] = {
        "task": task,
        "max_levels": fields.integer("max_levels", low=1, high=MAX_COUNT),
    }
    states = tensors.under(PARAMETERS)
    values = fields.take("parameters")
    if not isinstance(values, dict) or {"task", "max_levels", "self"} & set(values):
        raise ModelFileError("settings: parameters must be a JSON object of the net's own")
    given = {name: unpack_parameter(name, value, states) for name, value in values.items()}
    states.done()
    columns = old["columns_"] = tuple(map(read_column, fields.items("columns")))
    if len({column.name for column in columns}) != len(columns):
        raise ModelFileError("settings: columns: their names must differ")
    target = fields.fields("target")
    old["target_name_"] = None if target.null("name") else target.text("name")
    old["target_mean_"] = target.number("mean")
    old["target_scale_"] = target.positive("scale")
    target.done()
    old["n_rows_"] = fields.integer("n_rows", low=1)
    old["notes_"] = fields.texts("notes")
    part = fields.fields("net")
    kind = NETS[part.text("kind", tuple(NETS))]
    settings = part.fields("settings")
    settings.where = "settings"
    net = old["net_"] = kind.unpack(settings, tensors.under("net."))
    part.done()
    defaults = type(net)().get_params(deep=False)
    if unknown := sorted(set(given) - set(defaults)):
        raise ModelFileError(f"settings: parameters: {kind.name} has no {shorten(unknown)}")
    check_parameters(type(net), {**defaults, **given}, "settings: parameters")
    old["parameters"] = given
    if task not in ("auto", "classification" if is_classifier(net) else "regression"):
        raise ModelFileError(f"settings: task {task!r} disagrees with a net {kind.name}")
    model = cls.estimator_of(old)
    check_nets(model.nets_, model.encoding_)
    return model
