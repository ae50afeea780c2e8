"""``chainfit explain``: the chain of derivatives of one weight, on rows of a table."""

from __future__ import annotations

import argparse
import html
import re
import sys
from pathlib import Path
from typing import Any, Literal, TextIO

from .._common.printable import printable
from .chain import add_inputs, read_inputs
from .options import number
from .say import complain

_DESCRIPTION = """\
Explain the derivative of the loss with respect to one weight.

Prints the chain in symbols and in numbers, every path from the weight to the loss, the same folded
into delta, the update, and a check against the compiled core and a central difference. FILE must
contain the column of the target.
"""

_EXAMPLES = """\
examples:
  chainfit explain titanic.safetensors titanic.csv --row 3 --weight 'w_12^(2)'
  chainfit explain titanic.safetensors titanic.csv --row 1-32 --weight 'b_1^(1)'
  chainfit explain titanic.safetensors titanic.csv --row 3 --weight 'coefs_[1][0, 4]' \\
      --notation sklearn --html chain.html

'w_12^(2)' leads from node 2 of layer 2 to node 1 of layer 3, where layer 1 is the input; a comma
keeps larger numbers apart: 'w_1,12^(2)'. If there is no such weight, the error lists
those that exist.
"""

_DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ font-family: system-ui, sans-serif; margin: clamp(0.75em, 3vw, 2em); }}
h1 {{ font-size: 1.4em; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def add_explain(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "explain",
        help="show the chain of derivatives of one weight",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_inputs(parser)
    parser.add_argument(
        "--weight", required=True, metavar="ADDRESS", help="the weight or bias, in any notation"
    )
    parser.add_argument(
        "--row",
        type=_rows,
        default=(1, 1),
        metavar="N",
        help="row of FILE, where 1 is the first below the header; N-M is a batch (default: 1)",
    )
    parser.add_argument(
        "--max-paths",
        type=number(int, 1),
        default=10,
        metavar="N",
        help="number of paths to show, the largest ones (default: %(default)s)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="LaTeX instead of text")
    form.add_argument("--json", action="store_true", help="JSON instead of text")
    form.add_argument("--html", metavar="OUT", help="write a page with formulas to this file")
    form.add_argument("--ascii", action="store_true", help="text without Unicode")
    parser.add_argument(
        "--exercise", action="store_true", help="blanks instead of numbers, to be filled in"
    )
    parser.set_defaults(run=run)


def _rows(text: str) -> tuple[int, int]:
    """Convert '3' to (3, 3) and '3-10' to (3, 10)."""
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a row N nor rows N-M, from 1 on")
    return first, last


def run(args: argparse.Namespace) -> int:
    """Run ``chainfit explain``."""
    from .._explain.explain import explain
    from .._files.disk import write_output

    model, table = read_inputs(args, args.html)
    first, last = args.row
    if last > table.num_rows:
        raise ValueError(f"--row {last}: {printable(args.file)} has {table.num_rows} rows")
    rows = table.slice(first - 1, last - first + 1)
    chain = explain(
        model,
        rows,
        None,
        args.weight,
        notation=args.notation,
        max_paths=args.max_paths,
        net=args.net - 1,
    )
    hide: Literal["numbers"] | None = "numbers" if args.exercise else None
    if args.html:
        title = html.escape(printable(f"{Path(args.model).name}: {args.weight}"))
        page = _DOCUMENT.format(title=title, body=chain.to_html(hide=hide))
        write_output(args.html, page.encode("utf-8"))
        complain(f"wrote {printable(args.html)}")
    elif args.latex:
        print(chain.to_latex(hide=hide))
    elif args.json:
        print(chain.to_json(indent=2, ensure_ascii=not writes_unicode(sys.stdout)))
    else:
        print(chain.text(ascii=args.ascii or not writes_unicode(sys.stdout), hide=hide))
    return 0


def writes_unicode(out: TextIO) -> bool:
    """Say whether a file takes the letters of formulas."""
    try:
        "∂δ⁽²⁾ₖ→".encode(out.encoding or "utf-8")  # None: a text in memory
    except UnicodeEncodeError:
        return False
    return True
