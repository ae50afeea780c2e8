"""``chainfit predict``: a table's rows with the prediction as their last column, block by block."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from typing import Any

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
    from .._tables.files.table_file import open_table
    from .._tables.predictions import write_predictions
    from .say import warn

    model = load_table_model(args.model, args.file)
    if args.proba and not is_classifier(model):
        raise ValueError(
            f"{printable(args.model)}: a model of regression has no probabilities; leave "
            "--proba out"
        )
    out = None if args.out == "-" else args.out
    for taken in (args.file, args.model):
        if out and os.path.exists(out) and os.path.exists(taken) and os.path.samefile(out, taken):
            raise ValueError(
                f"--out {printable(out)} is an input of this command; choose another name"
            )
    if args.decimal is not None or args.thousands is not None:
        model.schema_ = _with_marks(model.schema_, args.decimal, args.thousands)
    with open_table(args.file, read_options(args), model.dialect_) as file:
        for note in file.notes:
            warn(f"note: {note}")
        write_predictions(model, file, out, proba=args.proba)
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
