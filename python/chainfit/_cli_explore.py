"""``chainfit explore``: a page on which a model and the rows of a table can be explored."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from ._cli_options import add_table_options, number

_DESCRIPTION = """\
Write one HTML file that shows a model's net on the rows of a table.

Forward values, gradients, each training step, and for any weight its chain of derivatives and its
update, with numbers. The file loads nothing from elsewhere. FILE must have the target's column.
"""

_EXAMPLES = """\
examples:
  chainfit explore titanic.safetensors titanic.csv
  chainfit explore diamonds.safetensors new.csv --rows 20 --html diamonds.html
"""

NOTATIONS = ("tutorial", "outputs", "matrix", "sklearn")


def add_explore(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "explore",
        help="write a page that shows a net, its gradients and its chains of derivatives",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="file that `chainfit train` saved")
    parser.add_argument("file", metavar="FILE", help="the table: CSV or Parquet; - is stdin (CSV)")
    parser.add_argument(
        "--html",
        metavar="OUT",
        help="file to write (default: MODEL's name with .html, in this folder)",
    )
    parser.add_argument(
        "--rows",
        type=number(int, 1),
        default=200,
        metavar="N",
        help="rows of FILE to keep at most, the first ones (default: %(default)s)",
    )
    parser.add_argument(
        "--notation",
        choices=NOTATIONS,
        default="tutorial",
        help="how symbols are written at first (default: %(default)s)",
    )
    add_table_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run ``chainfit explore``."""
    from ._cli_predict import load_table_model
    from ._cli_tables import read_table
    from ._page import explore

    model = load_table_model(args.model)
    out = args.html or f"{Path(args.model).stem}.html"
    for taken in (args.model, args.file):
        if os.path.exists(out) and os.path.exists(taken) and os.path.samefile(out, taken):
            raise ValueError(f"--html {out} is an input of this command; choose another name")
    table = read_table(args.file, args.sep, args.decimal)
    if model.target_name_ is None:
        raise ValueError(f"{args.model}: was trained on a target without a name; use Python")
    if model.target_name_ not in table.frame.columns:
        raise ValueError(
            f"{args.file}: has no column {model.target_name_!r}, the target: a chain of "
            "derivatives begins at the loss"
        )
    if not len(table.frame):
        raise ValueError(f"{args.file}: has no rows")
    page = explore(
        model,
        table.frame,
        None,
        out,
        notation=args.notation,
        max_rows=args.rows,
        title=f"{Path(args.model).name}: {model.task_} of {model.target_name_}",
    )
    print(f"chainfit: wrote {out}, {len(page.html) / 1e6:.1f} MB", file=sys.stderr)
    return 0
