"""TableModel of 0.1.0, which became TabularClassifier and TabularRegressor: what is left of it.

A pickle that holds one, or a file (see `model_file.py`), becomes one of these. It predicts what it
did: its net stays, and gets the same inputs for the same cells.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from .cells.target import Target
from .old_columns import MISSING, as_encoding, as_schema
from .tabular import TabularClassifier, TabularRegressor


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
