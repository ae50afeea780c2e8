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
    """Convert a fitted model to ONNX, to run it wherever there is a runtime.

    The graph computes what `predict` and `predict_proba` return, up to rounding, and is checked
    before it is returned or written. It needs opset 13 (2020), and ai.onnx.ml 2 if a table has
    categories; pipelines need at most opset 17 (2022) and ai.onnx.ml 3. The metadata contains the
    names of the features and the classes.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor or another estimator
        The fitted model. A pipeline, or another estimator of scikit-learn that ends in one of the
        first two, is converted by skl2onnx, which must be installed. For a search,
        `best_estimator_` is converted.

    path : str, bytes or path-like, default=None
        The file to write, as a whole or not at all. None means no file.

    X : data frame or {array-like, sparse matrix} of shape (n_samples, n_features), default=None
        Some rows, used only for models that skl2onnx converts. They determine the types of the
        inputs, and each column of a data frame becomes an input. None means a single numeric input.

    dtype : {'float32', 'float64'} or dtype, default=None
        Data type in which the nets compute, and of real-valued inputs. None means that in which
        they were trained. Runtimes support some of skl2onnx's operators in float32 only.

    Returns
    -------
    onnx_model : onnx.ModelProto
        A net has one input, 'X' (rows, `n_features_in_`).

        A model of tables has an input (rows, 1) for each column that it uses, of the column's name:
        float64 for numbers, for booleans (1 and 0), for dates (days since 1970-01-01, UTC) and for
        times of day (seconds), where NaN is a missing value; text for categories, where '' is. It
        computes features and means in float64. `onnx_inputs` reads tables into these.

        A classifier has the outputs 'label' (rows,), of the type of `classes_`, and
        'probabilities' (rows, n_classes), without a ZipMap; a multilabel one both as (rows,
        n_labels); several classifications 'label_0', 'probabilities_0', 'label_1' and so on. A
        regressor has 'variable' (rows, n_targets), or (rows, n_quantiles) or (rows, n_targets,
        n_quantiles), and with loss='gaussian_nll' also 'std'. If a column has the same name, a
        number is appended to that of the output.

    Raises
    ------
    ImportError
        If onnx, or for a pipeline skl2onnx, is not installed.
    NotFittedError
        If the model was not fitted.
    TypeError
        If the model, or the type of its classes, can't be exported. No file is written then.
    ValueError
        If a part of the model can't be exported (the message names it), or `dtype` is not valid.
    OSError
        If the file can't be written.

    See Also
    --------
    onnx_inputs : The inputs of an exported model of tables.
    register_skl2onnx : Use ``skl2onnx.to_onnx`` with all its options.

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

    After this call ``skl2onnx.to_onnx`` and ``convert_sklearn`` convert them like scikit-learn's
    own, with the outputs that `to_onnx` describes; there is no ZipMap, whatever the option says.
    They also convert a `TransformedTargetRegressor` if the target was scaled by one of
    scikit-learn's scalers or is a logarithm. `to_onnx` itself doesn't need this call.

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
