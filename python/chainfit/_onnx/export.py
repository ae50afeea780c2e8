"""``to_onnx`` and what goes with it, as users call them: the work is done by `models`, `pipelines`.

Both need packages that chainfit doesn't, and are imported when they are called for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from .._files.disk import AnyPath, check_writable, write_atomically

if TYPE_CHECKING:
    import onnx


def to_onnx(
    model: Any, path: AnyPath | None = None, *, X: Any = None, dtype: npt.DTypeLike | None = None
) -> onnx.ModelProto:
    """Turn a fitted model into ONNX, to be run wherever there is a runtime for it.

    The graph computes what `predict` and `predict_proba` return, up to rounding, and is checked
    before it is returned or written. It needs opset 13 of 2020, and ai.onnx.ml 2 where tables have
    categories; what skl2onnx converts needs at most opset 17 of 2022 and ai.onnx.ml 3. Metadata has
    the names of features and the classes.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor or another estimator
        The fitted model. A pipeline, or another estimator of scikit-learn that ends in one of the
        first two, is converted by skl2onnx, which must be installed. Of a search its
        `best_estimator_` is taken.

    path : str, bytes or path-like, default=None
        The file to write, as a whole or not at all. None: none.

    X : data frame or {array-like, sparse matrix} of shape (n_samples, n_features), default=None
        Some rows, for what skl2onnx converts, otherwise not used: their types are those of the
        inputs, and each column of a data frame is an input. None: one input of numbers.

    dtype : {'float32', 'float64'} or dtype, default=None
        What nets compute in, and the type of inputs that hold decimals. None: what they were
        trained in. skl2onnx has operators for some transformers that runtimes know in float32 only.

    Returns
    -------
    onnx_model : onnx.ModelProto
        A net has one input, 'X' (rows, `n_features_in_`).

        A model of tables has an input (rows, 1) for each column that it uses, of the column's name:
        float64 for numbers, for booleans (1 and 0), for dates (days since 1970-01-01, UTC) and for
        times of day and durations (seconds), where NaN is a missing value; text for categories,
        where '' is. Features and means are in float64. `onnx_inputs` reads tables into these.

        A classifier has the outputs 'label' (rows,), of the type of `classes_`, and
        'probabilities' (rows, n_classes), without a ZipMap; a multilabel one both as (rows,
        n_labels); several classifications 'label_0', 'probabilities_0', 'label_1' and so on. A
        regressor has 'variable' (rows, n_targets), or (rows, n_quantiles) or (rows, n_targets,
        n_quantiles), and with loss='gaussian_nll' also 'std'. Where a column has such a name, the
        output's gets a number.

    Raises
    ------
    ImportError
        If onnx, or what a pipeline needs, skl2onnx, is not installed.
    NotFittedError
        If the model was not fitted.
    TypeError
        If the model, or the type of its classes, can't be exported. Nothing has been written then.
    ValueError
        If a part of it can't be exported, which the text names, or `dtype` is another.
    OSError
        If the file can't be written.

    See Also
    --------
    onnx_inputs : The inputs of an exported model of tables.
    register_skl2onnx : For ``skl2onnx.to_onnx`` with all its options.

    Examples
    --------
    >>> import chainfit
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = chainfit.MLPClassifier((8,), solver="lbfgs", random_state=0, tol=1e-2).fit(X, y)
    >>> graph = chainfit.to_onnx(model, dtype="float32").graph
    >>> [value.name for value in [*graph.input, *graph.output]]
    ['X', 'label', 'probabilities']
    """
    if path is not None:
        check_writable(path)
    from .models import model_of

    found = model_of(model, X, dtype)
    if path is not None:
        write_atomically(path, found.SerializeToString(deterministic=True))
    return found


def register_skl2onnx() -> None:
    """Let skl2onnx convert `MLPClassifier` and `MLPRegressor`, by themselves and in pipelines.

    After this call ``skl2onnx.to_onnx`` and ``convert_sklearn`` take them like scikit-learn's own,
    with the outputs that `to_onnx` describes; there is no ZipMap, whatever the option says. So does
    `TransformedTargetRegressor`, if the target was scaled by a scaler of scikit-learn or is a
    logarithm. `to_onnx` itself needs no such call.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    See Also
    --------
    to_onnx : The same without options, and for all models.

    Examples
    --------
    >>> import chainfit, skl2onnx
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> chainfit.register_skl2onnx()
    >>> X, y = load_iris(return_X_y=True)
    >>> net = chainfit.MLPClassifier((8,), solver="lbfgs", random_state=0, tol=1e-2)
    >>> model = make_pipeline(StandardScaler(), net).fit(X, y)
    >>> graph = skl2onnx.to_onnx(model, X[:1], target_opset=17).graph
    >>> [value.name for value in graph.output]
    ['label', 'probabilities']
    """
    from .pipelines import register

    register()
