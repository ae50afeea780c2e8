"""``chainfit export``: a saved model as an ONNX file."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from .._common.printable import printable
from .say import complain, say

_DESCRIPTION = """\
Write a saved model as ONNX, to be run without Python and chainfit.

The inputs of a tabular model are its columns, which are listed with their types.
"""

_EXAMPLES = """\
examples:
  chainfit export diamonds.safetensors
  chainfit export titanic.safetensors served/titanic.onnx --dtype float32
"""


def add_export(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    parser = commands.add_parser(
        "export",
        help="write a model as ONNX",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="a model file")
    parser.add_argument(
        "out",
        nargs="?",
        metavar="FILE",
        help="file to write (default: MODEL's name with .onnx, in this folder)",
    )
    parser.add_argument(
        "--dtype",
        choices=("float32", "float64"),
        help="data type of the nets (default: that in which they were trained)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run ``chainfit export``."""
    from .. import load, to_onnx

    out = args.out or f"{Path(args.model).stem}.onnx"
    if os.path.exists(out) and os.path.exists(args.model) and os.path.samefile(out, args.model):
        raise ValueError(f"{printable(out)} is the model itself; choose another name")
    graph = to_onnx(load(args.model), out, dtype=args.dtype).graph
    for value in graph.input:
        say(f"input {value.name!r}{_words(value)}")
    for value in graph.output:
        say(f"output {value.name!r}{_words(value)}")
    complain(f"wrote {printable(out)}, {os.path.getsize(out) / 1e6:.1f} MB")
    return 0


def _words(value: Any) -> str:
    return f": {value.doc_string}" if value.doc_string else ""
