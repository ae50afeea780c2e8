"""What an exported model of tables is fed with: the cells of a table as its inputs have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from .._tables.base import BaseTabular
from .._tables.cells.columns import CategoryColumn
from .._tables.cells.levels import MISSING, UNSEEN, cells_of
from .._tables.encoding import Parsed

Array = npt.NDArray[Any]


def onnx_inputs(model: Any, X: Any) -> dict[str, Array]:
    """Return the rows of a table as the inputs of an exported tabular model.

    An ONNX graph accepts numbers and levels. It can't parse dates, times, booleans, decimal commas
    and words for missing values as `predict` does; this function does that. If the columns are
    typed, only dates, times and missing values need it, see `to_onnx`.

    Parameters
    ----------
    model : TabularClassifier or TabularRegressor
        The fitted model that was exported.

    X : table of shape (n_samples, n_columns)
        As for `predict`.

    Returns
    -------
    dict of str to ndarray of shape (n_samples, 1)
        For each column that the model uses, an array of float64, or of strings as objects, for
        ``onnxruntime.InferenceSession.run``.

    Raises
    ------
    NotFittedError
        If the model was not fitted.
    TypeError
        If the model is not a tabular model; the input of the others is X itself.
    ValueError
        If a column is missing, or none of its cells can be read.

    See Also
    --------
    to_onnx : Export the model.

    Examples
    --------
    >>> import pandas as pd
    >>> import chainfit
    >>> days, towns = ["1.2.2024", "29.2.2024", None], ["Bonn", "Köln", ""]
    >>> X = pd.DataFrame({"day": days * 20, "town": towns * 20})
    >>> model = chainfit.TabularClassifier("fast", random_state=0).fit(X, ["a", "b", "b"] * 20)
    >>> inputs = chainfit.onnx_inputs(model, X[:3])
    >>> inputs["day"].ravel()
    array([19754., 19782.,    nan])
    >>> inputs["town"].ravel()
    array(['Bonn', 'Köln', ''], dtype=object)
    """
    if not isinstance(model, BaseTabular):
        raise TypeError(
            f"onnx_inputs needs a model of tables, got {type(model).__name__}; the input of an "
            "exported net is X itself, in the dtype of the graph"
        )
    check_is_fitted(model)
    fitted = model._as_published()
    table = fitted._table(X)
    parsed = fitted.schema_.parse(table)
    inputs = {
        column.name: _texts(column, table.column(column.name), parsed)
        if isinstance(column, CategoryColumn)
        else parsed[column.name]
        for column in fitted.schema_.used
    }
    return {name: values[:, np.newaxis] for name, values in inputs.items()}


def _texts(column: CategoryColumn, cells: Any, parsed: Parsed) -> Array:
    """Return levels as they were written in training, '' where missing; others as they are."""
    codes = parsed[column.name]
    levels = np.array([*column.levels, ""], dtype=object)  # the last, -1, is MISSING
    texts: Array = levels[np.where(codes == UNSEEN, MISSING, codes)]
    unseen = np.flatnonzero(codes == UNSEEN)
    if len(unseen):
        found = cells_of(cells.take(unseen))[0]
        texts[unseen] = found.by_row(np.array(found.values.to_pylist(), dtype=object))
    return texts
