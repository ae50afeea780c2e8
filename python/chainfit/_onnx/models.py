"""A fitted model of any kind as a checked ONNX model.

A further kind of model is a case of `model_of`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._estimators.base import BaseMLP
from .facts import facts_of
from .graph import FLOAT32, FLOAT64, Graph
from .net import dtype_of, outputs_of
from .tables import outputs_of_table


def model_of(model: Any, X: Any, dtype: Any) -> Any:
    """Return a model as `to_onnx` does; `dtype` is checked here."""
    kind = dtype if dtype is None else _checked_dtype(dtype)
    while hasattr(model, "best_estimator_"):  # a search
        model = model.best_estimator_
    if not isinstance(model, BaseEstimator):
        raise TypeError(f"to_onnx needs a fitted estimator, got {type(model).__name__}")
    check_is_fitted(model)
    if hasattr(model, "cv_results_"):
        raise TypeError(
            f"this {type(model).__name__} has no best_estimator_ to export: it was made with "
            "refit=False"
        )
    if isinstance(model, BaseMLP):
        return _of_net(model._as_published(), kind)
    if hasattr(model, "nets_"):
        return _of_table(model._as_published(), kind)
    from .pipelines import convert  # skl2onnx is not for those who only have a net

    return convert(model, X, kind)


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    with suppress(TypeError):
        found = np.dtype(dtype)
        if found in (FLOAT32, FLOAT64):
            return found
    raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}.")


def _of_net(net: Any, dtype: np.dtype[Any] | None) -> Any:
    graph = Graph()
    x = graph.input("X", dtype_of(net) if dtype is None else dtype, (net.n_features_in_,))
    for output in outputs_of(net, x):
        graph.output(*output)
    sizes = "-".join(str(len(b)) for b in net.intercepts_)
    words = f"{type(net).__name__} {net.n_features_in_}-{sizes}"
    return graph.model(type(net).__name__, words, facts_of(net))


def _of_table(model: Any, dtype: np.dtype[Any] | None) -> Any:
    graph = Graph()
    kind = dtype_of(model.nets_[0]) if dtype is None else dtype
    for output in outputs_of_table(model, graph, kind):
        graph.output(*output)
    words = f"{type(model).__name__} of {len(model.nets_)} nets on {len(graph.inputs)} columns"
    kinds = {column.name: column.kind for column in model.schema_.used}
    return graph.model(type(model).__name__, words, facts_of(model, columns=kinds))
