"""Predictions for tables in files: the rows as they were read, and the predictions beside them.

Block by block, in bounded memory; `chainfit predict` is this too.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy.typing as npt
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from .._common.printable import printable
from .._files.disk import AnyPath
from .cells.schema import Tally
from .files.dialect import FOUND_OUT, ReadOptions
from .files.output import TableWriter
from .files.table_file import TableFile, open_table
from .sources import check_columns, numbers_of

Array = npt.NDArray[Any]

# Suffixes of what is read, and not written.
_NOT_TEXT = (".parquet", ".pq", ".gz", ".bz2", ".xz", ".zst", ".zip")


def predict_file(
    model: Any,
    path: AnyPath,
    out: AnyPath,
    *,
    proba: bool = False,
    options: ReadOptions | None = None,
) -> None:
    """Predict the rows of a table in files, and write them with their predictions to a file.

    Memory holds a block of rows at a time. ``chainfit predict`` does the same.

    Parameters
    ----------
    model : TabularClassifier, TabularRegressor, MLPClassifier or MLPRegressor
        A fitted model. Columns are found by their names; where an MLP was fitted without names of
        features, all columns are features, in their order.

    path : str or path-like
        The table: Parquet, CSV or other delimited text, or a pattern of several files such as
        ``data/*.parquet``.

    out : str or path-like
        The file to write, as text, such as CSV: the columns of the table as they were, and
        ``prediction``. It is written as a whole or, on failure, not at all.

    proba : bool, default=False
        Whether to write the probability of each class too, as ``proba_`` and its label.

    options : ReadOptions, default=None
        How to read text; None infers it.

    Raises
    ------
    NotFittedError
        If the model was not fitted.
    OSError
        If a file can't be read or written.
    ValueError
        If a column that the model needs is missing or cannot be read, if `out` is one of the files
        that are read or is named like a file of Parquet or a packed one, or if probabilities are
        asked of a model that has none.

    See Also
    --------
    Files : The source of a table in files, which `predict` and `predict_proba` take as X.

    Examples
    --------
    >>> import pandas as pd
    >>> from chainfit import TabularRegressor, data
    >>> table = pd.DataFrame({"x": range(100), "town": ["Bonn", "Rome"] * 50})
    >>> model = TabularRegressor(random_state=0).fit(table, 3.0 * table["x"])
    >>> table.to_parquet("towns.parquet")
    >>> data.predict_file(model, "towns.parquet", "prices.csv")
    >>> pd.read_csv("prices.csv").columns.tolist()
    ['x', 'town', 'prediction']
    """
    check_is_fitted(model)
    if not hasattr(model, "nets_") and not hasattr(model, "coefs_"):
        raise TypeError(f"model must be one of chainfit's, got {type(model).__name__}.")
    like = getattr(model, "dialect_", None)
    with open_table(path, FOUND_OUT if options is None else options, like) as file:
        write_predictions(model, file, os.fspath(out), proba=proba)


def write_predictions(model: Any, file: TableFile, out: AnyPath | None, *, proba: bool) -> None:
    """Predict the rows of an open table and write them; `out` None is stdout."""
    if out is not None and (suffix := Path(os.fsdecode(out)).suffix.lower()) in _NOT_TEXT:
        raise ValueError(
            f"{printable(os.fsdecode(out))}: predictions are written as text, which no {suffix} "
            "file is; choose a name such as predictions.csv"
        )
    if proba and not is_classifier(model):
        raise ValueError("A model of regression has no probabilities.")
    if proba and isinstance(model.classes_, list):
        raise ValueError("Probabilities are written of one classification, not of several.")
    of_tables, tally = hasattr(model, "schema_"), Tally()
    by_net = partial(_by_net, file.names)
    predict = partial(_by_nets_of_tables, tally=tally) if of_tables else by_net
    blocks = ((block, predict(model, block, proba)) for block in file.blocks())
    first = next(blocks, None)  # before a file is begun: mostly it tells what is wrong
    names = _names(model, proba, 1 if first is None else len(first[1]))
    with TableWriter(out, file, names) as writer:
        for block, columns in chain([first] if first else [], blocks):
            writer.write(block, columns)
    if of_tables:
        model.schema_.warn(tally)


def _names(model: Any, proba: bool, count: int) -> list[str]:
    """Return the names of the columns that are added, so many."""
    probabilities = [f"proba_{label}" for label in model.classes_] if proba else []
    count -= len(probabilities)
    levels = () if is_classifier(model) or model.loss != "quantile" else model.quantile
    if isinstance(levels, tuple | list) and len(levels) == count:
        return [f"prediction_{level:g}" for level in levels]
    if count > 1:
        return [*probabilities, *(f"prediction_{number}" for number in range(count))]
    return [*probabilities, "prediction"]


def _by_nets_of_tables(model: Any, block: Any, proba: bool, tally: Tally) -> list[Array]:
    """Return the columns that a tabular model adds to the rows of a block."""
    if not is_classifier(model):
        values = model._predict(block, tally)
        return [values] if values.ndim == 1 else list(values.T)
    probabilities = model._probabilities(block, tally)
    labels = model.classes_[probabilities.argmax(axis=1)]
    return [*probabilities.T, labels] if proba else [labels]


def _by_net(names: Sequence[str], net: Any, block: Any, proba: bool) -> list[Array]:
    """Return the columns that a net on numbers adds; `names` are those of its features, or all."""
    names = [*getattr(net, "feature_names_in_", names)]
    check_columns(block.column_names, names)
    X, net = numbers_of(block.select(names)), net._without_names()
    values = net.predict(X).reshape(len(X), -1)
    return [*(net.predict_proba(X).T if proba else ()), *values.T]
