"""Pipelines that end in a net: skl2onnx converts them, and is told here how to convert a net.

How a target that was scaled is brought back is a case of `_inverse`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from .._estimators.base import BaseMLP
from .._estimators.classifier import MLPClassifier
from .._estimators.regressor import MLPRegressor
from .._estimators.warn import warn
from .facts import facts_of
from .graph import (
    BOOL,
    FLOAT32,
    FLOAT64,
    INT64,
    TEXT,
    Graph,
    Tensor,
    element_type,
)
from .net import Output, dtype_of, outputs_of, sums
from .proto import checker, helper, shape_inference

try:
    import skl2onnx
    from skl2onnx._parse import parse_sklearn
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from skl2onnx.common import data_types
except ImportError:
    raise ImportError(
        "pipelines are converted by skl2onnx, which is not installed: pip install skl2onnx"
    ) from None

_TYPES = {
    BOOL: data_types.BooleanTensorType,
    INT64: data_types.Int64TensorType,
    np.dtype(np.uint64): data_types.UInt64TensorType,
    FLOAT32: data_types.FloatTensorType,
    FLOAT64: data_types.DoubleTensorType,
    TEXT: data_types.StringTensorType,
}

#: Those of 2022: skl2onnx has scalers in float64 from opset 15, trees from ai.onnx.ml 3 on.
_OPSETS = {"": 17, "ai.onnx.ml": 3}

#: What skl2onnx and the check of its graph raise.
_ERRORS = (
    *(RuntimeError, NotImplementedError, NameError, AttributeError, KeyError),
    *(checker.ValidationError, shape_inference.InferenceError),
)

#: Makes an operator's outputs from its estimator and inputs; given its options.
Make = Callable[[Any, list[Tensor], Mapping[str, Any]], list[Output]]

#: What skl2onnx may ask of a classifier. Raw scores are what ensembles and calibration may want in
#: the place of probabilities; a ZipMap isn't made.
_OPTIONS = {"zipmap": [False, True, "columns"], "raw_scores": [False, True]}


def convert(model: Any, X: Any, dtype: np.dtype[Any] | None) -> Any:
    """Return a fitted estimator of scikit-learn as a checked ONNX model.

    Raises
    ------
    TypeError
        If skl2onnx can't convert a part of it; the text names the part.
    """
    register()
    _check_converters(model)
    types = _types_of(model, X, dtype)
    try:
        found = skl2onnx.convert_sklearn(
            model,
            type(model).__name__,
            types,
            target_opset=_OPSETS,
            options=_without_zipmap(model),
        )
        checker.check_model(found, full_check=True)
    except _ERRORS as error:
        first = str(error).strip().partition("\n")[0]
        hint = "" if X is not None else " (With X, a data frame's columns are inputs.)"
        if any(isinstance(kind, _TYPES[FLOAT64]) for _, kind in types):
            hint += " (It knows more transformers with dtype='float32'.)"
        raise TypeError(
            f"{type(model).__name__} can't be exported: skl2onnx: {first}{hint}"
        ) from error
    if _imputes_in_float64(found):
        warn("onnxruntime has SimpleImputer in float32 alone: give dtype='float32' to run it.")
    props = {prop.key: prop.value for prop in found.metadata_props}
    helper.set_model_props(found, {**props, **facts_of(model)})
    return found


def _imputes_in_float64(model: Any) -> bool:
    """Whether an imputer's input is float64, which is valid ONNX, and no runtime is known for."""
    graph = shape_inference.infer_shapes(model).graph
    kinds = {v.name: v.type.tensor_type.elem_type for v in (*graph.input, *graph.value_info)}
    imputed = [node.input[0] for node in graph.node if node.op_type == "Imputer"]
    return any(kinds.get(name) == element_type(FLOAT64) for name in imputed)


def _check_converters(model: Any) -> None:
    """Refuse what skl2onnx would make something else of."""
    for part in (model, *model.get_params().values()):
        # of isotonic regression it makes steps, where scikit-learn interpolates
        if isinstance(part, CalibratedClassifierCV) and part.method != "sigmoid":
            raise TypeError(
                f"CalibratedClassifierCV can't be exported: of method={part.method!r} skl2onnx "
                "gives other probabilities, or none; 'sigmoid' it knows."
            )
        if isinstance(part, TunedThresholdClassifierCV):
            raise TypeError(
                "TunedThresholdClassifierCV can't be exported: skl2onnx leaves its threshold out. "
                "Export its estimator_, and compare the probability with best_threshold_."
            )


def register() -> None:
    """Tell skl2onnx of the nets, and of scaled targets if it doesn't know these by itself."""
    for cls in (MLPClassifier, MLPRegressor):
        _register(cls, _outputs_of_net, _parse)
    if TransformedTargetRegressor not in sklearn_operator_name_map:
        _register(TransformedTargetRegressor, _inverse, _parse_scaled_target)


def _register(cls: type, make: Make, parse: Any) -> None:
    options = _OPTIONS if cls is MLPClassifier else None

    def shapes(operator: Any) -> None:
        graph = _graph_of(operator, make, {})
        for variable, value in zip(operator.outputs, graph.outputs, strict=True):
            variable.type = _TYPES[value.dtype]([None, *value.shape])

    def nodes(scope: Any, operator: Any, container: Any) -> None:
        chosen = container.get_options(operator.raw_operator, fail=False) if options else {}
        _copy(_graph_of(operator, make, chosen), scope, operator, container)

    skl2onnx.update_registered_converter(
        cls, f"Chainfit{cls.__name__}", shapes, nodes, parser=parse, options=options
    )


def _graph_of(operator: Any, make: Make, options: Mapping[str, Any]) -> Graph:
    graph = Graph()
    for output in make(operator.raw_operator, _inputs_of(graph, operator), options):
        graph.output(*output)
    return graph


def _inputs_of(graph: Graph, operator: Any) -> list[Tensor]:
    return [
        graph.input(variable.full_name, _dtype_of(variable), tuple(variable.type.shape[1:]))
        for variable in operator.inputs
    ]


def _dtype_of(variable: Any) -> np.dtype[Any]:
    kind = type(variable.type)
    # one that is not known is some integer, and cast
    return next((dtype for dtype, known in _TYPES.items() if known is kind), np.dtype(np.int32))


def _outputs_of_net(net: Any, inputs: list[Tensor], options: Mapping[str, Any]) -> list[Output]:
    net = net._as_published()
    kinds = {x.dtype for x in inputs if x.dtype in (FLOAT32, FLOAT64)}
    dtype = max(kinds, key=lambda kind: kind.itemsize) if kinds else dtype_of(net)
    x = inputs[0].graph.together([x.cast(dtype) for x in inputs])
    outputs = outputs_of(net, x)
    if not options.get("raw_scores"):
        return outputs
    label, p = outputs
    z = sums(net, x)
    return [label, p._replace(tensor=z if net.n_outputs_ > 1 else x.graph.together([-z, z]))]


def _inverse(model: Any, inputs: list[Tensor], options: Mapping[str, Any]) -> list[Output]:
    """Return the target that was scaled for the regressor, as it was before."""
    (y,) = inputs
    transformer = model.transformer_
    match transformer:
        case StandardScaler():
            mean = transformer.mean_ if transformer.with_mean else None
            y = _unscaled(y, transformer.scale_, mean)
        case RobustScaler():
            y = _unscaled(y, transformer.scale_, transformer.center_)
        case MaxAbsScaler():
            y = _unscaled(y, transformer.scale_, None)
        case MinMaxScaler():
            y = (y - transformer.min_) / transformer.scale_
        case FunctionTransformer(inverse_func=None):
            pass
        case FunctionTransformer(inverse_func=np.exp):
            y = y.apply("Exp")
        case FunctionTransformer(inverse_func=np.expm1):
            y = y.apply("Exp") - 1
        case _:
            raise NotImplementedError(f"the inverse of {transformer}")
    return [Output("variable", y, y.graph.inputs[0].shape)]


def _unscaled(y: Tensor, scale: Any, shift: Any) -> Tensor:
    y = y if scale is None else y * scale
    return y if shift is None else y + shift


def _parse(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    """Declare a net's operator and its outputs, whose types `shapes` corrects."""
    operator = scope.declare_local_operator(f"Chainfit{type(model).__name__}", model)
    operator.inputs = inputs
    inputs = _inputs_of(Graph(), operator)
    for output in _outputs_of_net(model, inputs, {}):
        kind = _TYPES[output.tensor.dtype]
        operator.outputs.append(scope.declare_local_variable(output.name, kind()))
    return operator.outputs


def _parse_scaled_target(scope: Any, model: Any, inputs: Any, custom_parsers: Any = None) -> Any:
    """Declare the regressor's operators and then the one that scales back its first output."""
    found = parse_sklearn(scope, model.regressor_, inputs, custom_parsers=custom_parsers)
    for variable in found:
        variable.init_status(is_leaf=False)  # it isn't what the model returns
    operator = scope.declare_local_operator("ChainfitTransformedTargetRegressor", model)
    operator.inputs = found[:1]
    kind = type(found[0].type)
    operator.outputs.append(scope.declare_local_variable("variable", kind()))
    return operator.outputs


def _copy(graph: Graph, scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes and constants of a graph under names that skl2onnx knows to be free."""
    names = {value.name: value.name for value in graph.inputs}
    for value, variable in zip(graph.outputs, operator.outputs, strict=True):
        names[value.name] = variable.full_name
    for name, array in graph.constants.items():
        names[name] = scope.get_unique_variable_name(name)
        values = [text.encode() for text in array.ravel()] if array.dtype == TEXT else array.ravel()
        container.add_initializer(names[name], element_type(array.dtype), array.shape, values)
    for node in graph.nodes:
        for name in node.outputs:
            if name not in names:
                names[name] = scope.get_unique_variable_name(name)
        container.add_node(
            node.operator,
            [names[name] for name in node.inputs],
            [names[name] for name in node.outputs],
            op_domain=node.domain,
            name=scope.get_unique_operator_name(node.operator),
            **node.attributes,
        )


def _types_of(model: Any, X: Any, dtype: np.dtype[Any] | None) -> list[tuple[str, Any]]:
    """Return the inputs: the columns of a frame X, or one of all features."""
    if hasattr(X, "to_pandas"):  # polars
        X = X.to_pandas()
    if hasattr(X, "columns"):
        names = [str(name) for name in X.columns]
        if len({*names}) < len(names):
            raise ValueError("The columns of X must have different names, those of the inputs.")
        kinds = [X[name].dtype for name in X.columns]
        return [(name, _type_of(kind, dtype, 1)) for name, kind in zip(names, kinds, strict=True)]
    if X is not None:
        X = X if sp.issparse(X) else np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"X must have rows and columns, got an array of shape {X.shape}.")
        return [("X", _type_of(X.dtype, dtype, X.shape[1]))]
    if not hasattr(model, "n_features_in_"):
        raise ValueError(f"X is needed, as this {type(model).__name__} knows no n_features_in_.")
    if dtype is None:
        net = _net_in(model)
        dtype = FLOAT32 if net is None else dtype_of(net)
    return [("X", _TYPES[dtype]([None, model.n_features_in_]))]


def _type_of(kind: Any, dtype: np.dtype[Any] | None, columns: int) -> Any:
    """Return the type of an input for values of a dtype of NumPy or pandas."""
    letter = getattr(kind, "kind", "O")
    if letter == "f":
        kind = FLOAT32 if kind == FLOAT32 else FLOAT64
        return _TYPES[kind if dtype is None else dtype]([None, columns])
    return _TYPES[{"i": INT64, "u": INT64, "b": BOOL}.get(letter, TEXT)]([None, columns])


def _net_in(model: Any) -> Any:
    """Return the net at the end of a model, None if there is none."""
    while not isinstance(model, BaseMLP):
        inner = [getattr(model, "regressor_", None), *dict(getattr(model, "steps", ())).values()]
        if inner[-1] is None:
            return None
        model = inner[-1]
    return model


def _without_zipmap(model: Any) -> dict[int, dict[str, bool]] | None:
    return {id(model): {"zipmap": False}} if is_classifier(model) else None
