"""What ``chainfit explain`` and ``explore`` share: a saved model, and rows with targets."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from .._common.printable import printable
from .options import add_table_options

if TYPE_CHECKING:
    from .._tables.table import TableModel
    from .tables import Table

# those of _notation.NOTATIONS, which `chainfit --help` need not load
NOTATIONS = ("tutorial", "outputs", "matrix", "sklearn")


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add the model and the table, and how the table is to be read."""
    parser.add_argument("model", metavar="MODEL", help="file that `chainfit train` saved")
    parser.add_argument("file", metavar="FILE", help="the table: CSV or Parquet; - is stdin (CSV)")
    parser.add_argument(
        "--notation",
        choices=NOTATIONS,
        default="tutorial",
        help="how symbols are written (default: %(default)s)",
    )
    add_table_options(parser)


def read_inputs(args: argparse.Namespace, out: str | None) -> tuple[TableModel, Table]:
    """Return the model and the table, which has its target's column.

    Raises
    ------
    ValueError
        If the file to write, `out`, is one of them, or there is no target.
    """
    from .predict import load_table_model
    from .tables import read_table

    for taken in (args.model, args.file):
        if out and os.path.exists(out) and os.path.exists(taken) and os.path.samefile(out, taken):
            raise ValueError(
                f"--html {printable(out)} is an input of this command; choose another name"
            )
    model = load_table_model(args.model, args.file)
    if model.target_name_ is None:
        raise ValueError(
            f"{printable(args.model)}: was trained on a target without a name; use Python"
        )
    table = read_table(args.file, args.sep, args.decimal)
    if model.target_name_ not in table.frame.columns:
        raise ValueError(
            f"{printable(args.file)}: has no column {model.target_name_!r}, the target: a chain of "
            "derivatives begins at the loss"
        )
    return model, table
