"""A fitted net as operators: its layers, and what `predict` and `predict_proba` make of them.

What a further kind of target gives is a case of `outputs_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier

from ..reference import layer_activation
from .functions import activation, link, mean_and_variance
from .graph import BOOL, FLOAT32, FLOAT64, INT64, TEXT, Graph, Shape, Tensor

Array = npt.NDArray[Any]


class Output(NamedTuple):
    """What a graph returns: `tensor` is (rows, *shape); its words are for who reads the file."""

    name: str
    tensor: Tensor
    shape: Shape
    words: str = ""


class Moments(NamedTuple):
    """What a regressor predicts: `mean` (rows, *shape), and the variance if it has one."""

    mean: Tensor
    variance: Tensor | None
    shape: Shape


def dtype_of(net: Any) -> np.dtype[Any]:
    """Return the dtype that a net computes in for rows of its own dtype."""
    if net.precision != "auto":
        return np.dtype(net.precision)
    return FLOAT32 if net.coefs_[0].dtype == FLOAT32 else FLOAT64


def outputs_of(net: Any, x: Tensor) -> list[Output]:
    """Return what a net says of rows (rows, n_0), computed in their dtype."""
    if not is_classifier(net):
        return of_moments(moments(net, x))
    binarizer = net._label_binarizer
    if isinstance(binarizer, list):
        found = []
        for i, part in enumerate(_blocks(_layers(net, x), net)):
            found += labelled(net.classes_[i], part, len(net.classes_[i]), f"_{i}")
        return found
    if binarizer.y_type_.startswith("multilabel"):
        a = _layers(net, x)
        shape = (net.n_outputs_,)
        label = a.test("Greater", 0.5).cast(INT64)
        return [Output("label", label, shape), Output("probabilities", a, shape)]
    return labelled(net.classes_, *probabilities(net, x))


def probabilities(net: Any, x: Tensor) -> tuple[Tensor, int]:
    """Return what `predict_proba` does for one class a row, and the number of its columns."""
    a = _layers(net, x)
    if net.n_outputs_ > 1:
        return a, net.n_outputs_
    return x.graph.together([1 - a, a]), 2


def labelled(classes: Any, p: Tensor, columns: int, suffix: str = "") -> list[Output]:
    """Return labels and probabilities."""
    place = p.apply("ArgMax", dtype=INT64, axis=1, keepdims=0)
    if len(classes) == 1:  # whatever the probabilities
        place = place * 0
    known = p.graph.constant(as_constants(classes), "classes")
    label = p.graph.apply("Gather", known, place)
    return [
        Output(f"label{suffix}", label, (), "the class that is predicted"),
        Output(f"probabilities{suffix}", p, (columns,), "of each class, in the metadata's order"),
    ]


def moments(net: Any, x: Tensor) -> Moments:
    """Return what `predict` of a regressor does, (rows, 1) for a single target."""
    graph, units = x.graph, net._units_per_target
    if net.out_activation_ == "mean_variance":
        targets = net.n_outputs_ // 2
        return Moments(*mean_and_variance(sums(net, x), targets), (targets,))
    a = _layers(net, x)
    if not units:
        return Moments(a, None, (net.n_outputs_,))
    # levels lie in blocks: the first one of every target, then the second one of every target
    targets = net.n_outputs_ // units
    shape: Shape = (units,)
    if targets > 1:
        blocks = graph.constant(np.array([-1, units, targets], dtype=INT64))
        a = graph.apply("Transpose", graph.apply("Reshape", a, blocks), perm=(0, 2, 1))
        shape = (targets, units)
    if units > 1:
        count = graph.constant(np.array([units], dtype=INT64))
        a = graph.parts("TopK", a, count, count=2, axis=-1, largest=0, sorted=1)[0]
    return Moments(a, None, shape)


def of_moments(found: Moments) -> list[Output]:
    """Return predictions, and standard deviations where there are variances."""
    outputs = [Output("variable", found.mean, found.shape)]
    if found.variance is not None:
        outputs.append(Output("std", found.variance.apply("Sqrt"), found.shape))
    return outputs


def as_constants(classes: Any) -> Array:
    """Return class labels as ONNX has them: booleans, int64 or uint64, float32 or 64, text.

    Raises
    ------
    TypeError
        If they are something else.
    """
    labels = np.asarray(classes)
    if labels.dtype.kind == "U" or all(isinstance(label, str) for label in labels):
        return labels.astype(TEXT)
    kinds = {type(label) for label in labels.tolist()}
    if labels.dtype == TEXT and len(kinds) == 1:
        labels = np.array(labels.tolist())
    if labels.dtype.kind in "iu":
        fits = labels.max() <= np.iinfo(np.int64).max
        return labels.astype(INT64 if fits else np.uint64)
    if labels.dtype == BOOL or labels.dtype in (FLOAT32, FLOAT64):
        return labels
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise TypeError(
        f"classes_ of type {labels.dtype} ({names}) can't be exported: ONNX has labels that are "
        "text, integers, booleans or numbers of float32 and float64"
    )


def _blocks(a: Tensor, net: Any) -> Sequence[Tensor]:
    return a.graph.split(a, net._blocks())


def _layers(net: Any, x: Tensor) -> Tensor:
    """Return the outputs a[L] (rows, n_L)."""
    return link(sums(net, x), net.out_activation_, net._blocks())


def sums(net: Any, x: Tensor) -> Tensor:
    """Return the sums z[L] (rows, n_L) of the output layer."""
    graph: Graph = x.graph
    layers = zip(net.coefs_, net.intercepts_, strict=True)
    for l, (W, b) in enumerate(layers, 1):  # noqa: E741 - l is the layer
        weights = _constant(graph, W, f"W{l}", x.dtype)
        x = graph.apply("Gemm", x, weights, _constant(graph, b, f"b{l}", x.dtype))
        if l < len(net.coefs_):
            x = activation(x, layer_activation(net.activation, l))
    return x


def _constant(graph: Graph, values: Any, name: str, dtype: np.dtype[Any]) -> Tensor:
    with np.errstate(over="ignore"):
        found = np.asarray(values, dtype=dtype)
    if not np.isfinite(found).all():
        raise ValueError(f"{name} has values that {dtype} does not hold; use dtype='float64'")
    return graph.constant(found, name)
