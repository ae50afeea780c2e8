"""A model of tables as operators: the features of its columns, its nets, and their mean."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from .columns import features_of
from .graph import FLOAT64, INT64, Graph, Tensor
from .net import Moments, Output, labelled, moments, of_moments, probabilities


def outputs_of_table(model: Any, graph: Graph, dtype: np.dtype[Any]) -> list[Output]:
    """Declare an input for each column, and return what the model says; nets compute in `dtype`."""
    x = features_of(graph, model.schema_, model.encoding_).cast(dtype)
    if is_classifier(model):
        found = [probabilities(net, x) for net in model.nets_]
        total = reduce(add, [p.cast(FLOAT64) for p, _ in found])
        last = graph.constant(np.array([1], dtype=INT64))
        p = total / graph.apply("ReduceSum", total, last, keepdims=1)
        return labelled(model.classes_, p, found[0][1])
    return of_moments(_mixture(model, [moments(net, x) for net in model.nets_]))


def _mixture(model: Any, found: list[Moments]) -> Moments:
    """Return the moments over the nets, as `TabularRegressor` has them."""
    low, high = model.target_range_
    scale = model.target_scale_

    def mean_of(parts: list[Tensor]) -> Tensor:
        return reduce(add, parts) / len(parts)

    means = [net.mean.cast(FLOAT64) * scale + model.target_mean_ for net in found]
    means = [mean.apply("Clip", low, high) for mean in means]
    mean, variance = mean_of(means), None
    variances = [net.variance for net in found if net.variance is not None]
    if variances:
        inside = [one.cast(FLOAT64) * scale * scale for one in variances]
        apart = [(one - mean) * (one - mean) for one in means]
        variance = mean_of(inside) + mean_of(apart)
    return Moments(mean, variance, found[0].shape)
