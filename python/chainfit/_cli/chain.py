"""What ``chainfit explain`` and ``explore`` share: a saved model, and rows with targets."""

from __future__ import annotations

import argparse
import os
from typing import Any

from .._common.printable import printable
from .options import add_table_options, number, read_options

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
        help="names of the symbols (default: %(default)s)",
    )
    parser.add_argument(
        "--net",
        type=number(int, 1),
        default=1,
        metavar="N",
        help="number of the model's net, from 1 (default: %(default)s)",
    )
    add_table_options(parser)


def read_inputs(args: argparse.Namespace, out: str | None) -> tuple[Any, Any]:
    """Return the model and the table, which has its target's column.

    Raises
    ------
    ValueError
        If the file to write, `out`, is one of them, or there is no such net or no target.
    """
    from .._tables.files.table_file import open_table
    from .predict import load_table_model

    for taken in (args.model, args.file):
        if out and os.path.exists(out) and os.path.exists(taken) and os.path.samefile(out, taken):
            raise ValueError(
                f"--html {printable(out)} is an input of this command; choose another name"
            )
    model = load_table_model(args.model, args.file)
    if args.net > len(model.nets_):
        raise ValueError(f"--net {args.net}: {printable(args.model)} has {len(model.nets_)} nets")
    if model.target_ is None:
        raise ValueError(
            f"{printable(args.model)}: was trained on a target without a name; use Python"
        )
    with open_table(args.file, read_options(args), model.dialect_) as file:
        table = file.read()
    if model.target_.name not in table.column_names:
        raise ValueError(
            f"{printable(args.file)}: has no column {model.target_.name!r}, the target: a chain of "
            "derivatives begins at the loss"
        )
    return model, table
