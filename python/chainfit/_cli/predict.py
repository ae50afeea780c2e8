"""``chainfit predict``: a table's rows with the prediction as their last column, block by block."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from .._common.printable import printable
from .options import read_options


def load_table_model(path: str, table: str) -> Any:
    """Load a model, which must be one of tables, to be used on a table.

    Raises
    ------
    ValueError
        If the file holds no such model; the text says if the two arguments are swapped.
    """
    from .. import ModelFileError, load
    from .._files.model import is_model

    try:
        model = load(path)
    except ModelFileError:
        if not is_model(path) and is_model(table):
            raise ValueError(
                f"{printable(path)} holds no model, but {printable(table)} does: the model comes "
                "first, then the table"
            ) from None
        raise
    if not hasattr(model, "nets_"):
        raise ValueError(
            f"{printable(path)}: holds an {type(model).__name__} on plain arrays, not a model of "
            "tables; use it in Python: chainfit.load(path).predict(X)"
        )
    return model


def predict(args: argparse.Namespace) -> int:
    """Run ``chainfit predict``."""
    from .._tables.cells.schema import Tally
    from .._tables.files.output import TableWriter
    from .._tables.files.table_file import open_table
    from .say import warn

    model = load_table_model(args.model, args.file)
    if args.proba and not is_classifier(model):
        raise ValueError(
            f"{printable(args.model)}: a model of regression has no probabilities; leave "
            "--proba out"
        )
    for taken in (args.file, args.model):
        if args.out and os.path.exists(args.out) and os.path.exists(taken):
            if os.path.samefile(args.out, taken):
                raise ValueError(
                    f"--out {printable(args.out)} is an input of this command; choose another name"
                )
    if args.decimal is not None or args.thousands is not None:
        model.schema_ = _with_marks(model.schema_, args.decimal, args.thousands)
    with open_table(args.file, read_options(args), model.dialect_) as file:
        for note in file.notes:
            warn(f"note: {note}")
        tally = Tally()
        blocks = ((block, _predicted(model, block, args.proba, tally)) for block in file.blocks())
        first = next(blocks, None)  # before a file is begun: mostly it tells what is wrong
        with TableWriter(args.out, file, _names(model, args.proba)) as writer:
            for block, columns in chain([first] if first else [], blocks):
                writer.write(block, columns)
        model.schema_.warn(tally)
    return 0


def _with_marks(schema: Any, decimal: str | None, thousands: str | None) -> Any:
    """Return a schema whose numbers have other marks in text."""
    columns = []
    for column in schema.columns:
        if column.kind == "number":
            point = column.format.decimal if decimal is None else decimal
            mark = column.format.thousands if thousands is None else thousands
            mark = "" if mark == point and thousands is None else mark
            column = replace(column, format=replace(column.format, decimal=point, thousands=mark))
        columns.append(column)
    return replace(schema, columns=tuple(columns))


def _names(model: Any, proba: bool) -> list[str]:
    """Return the names of the columns that are added."""
    if proba:
        return [*(f"proba_{label}" for label in model.classes_), "prediction"]
    units = getattr(model, "quantile", None)
    if not is_classifier(model) and model.loss == "quantile" and isinstance(units, tuple | list):
        return [f"prediction_{level:g}" for level in units]
    return ["prediction"]


def _predicted(model: Any, block: Any, proba: bool, tally: Any) -> list[np.ndarray]:
    """Return the columns that are added to the rows of a block."""
    if not is_classifier(model):
        values = model._predict(block, tally)
        return [values] if values.ndim == 1 else list(values.T)
    probabilities = model._probabilities(block, tally)
    labels = model.classes_[probabilities.argmax(axis=1)]
    return [*probabilities.T, labels] if proba else [labels]
