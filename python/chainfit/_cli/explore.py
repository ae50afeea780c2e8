"""``chainfit explore``: a page on which a model and the rows of a table can be explored."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .._common.printable import printable
from .chain import add_inputs, read_inputs
from .options import number
from .say import complain, warn

_DESCRIPTION = """\
Write one HTML file that shows a model's net on the rows of a table.

It shows the forward values, the gradients, each training step, and the chain of derivatives and
the update of any weight, with numbers. The page loads no other files. FILE must contain the column
of the target.
"""

_EXAMPLES = """\
examples:
  chainfit explore titanic.safetensors titanic.csv
  chainfit explore diamonds.safetensors diamonds.csv --rows 20 --html diamonds.html
"""


def add_explore(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "explore",
        help="write a page that shows a net, its gradients and its chains of derivatives",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_inputs(parser)
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
        help="maximum number of rows of FILE, the first ones (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run ``chainfit explore``."""
    from .._explain.page.page import explore

    out = args.html or f"{Path(args.model).stem}.html"
    model, table = read_inputs(args, out)
    if not table.num_rows:
        raise ValueError(f"{printable(args.file)}: has no rows")
    known = model.target_.known(model.target_.parse(table.column(model.target_.name)))
    if not known.all():
        warn(f"note: rows without a target, left out: {(~known).sum():,}")
        table = table.filter(known)
        if not table.num_rows:
            raise ValueError(f"{printable(args.file)}: no row has a target that the model knows")
    page = explore(
        model,
        table,
        None,
        out,
        notation=args.notation,
        max_rows=args.rows,
        title=f"{Path(args.model).name}: {model.target_.task} of {model.target_.name}",
        net=args.net - 1,
    )
    complain(f"wrote {printable(out)}, {len(page.html) / 1e6:.1f} MB")
    return 0
