"""Options of the command line that several commands share, and what their words mean.

Nothing heavy is imported here: ``net_options`` has the options that the estimators' tables make.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .._tables.files.dialect import ReadOptions


def number(
    kind: type[int] | type[float], low: float, high: float = math.inf, *, above: bool = False
) -> Callable[[str], Any]:
    """Make a converter for a number in [low, high], in (low, high] if ``above``."""

    def convert(text: str) -> Any:
        word = "a whole number" if kind is int else "a number"
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {word}") from None
        # The comparisons are false for NaN too.
        if not (low < value if above else low <= value) or not value <= high:
            bound = f"above {low}" if above else f"of at least {low}"
            upper = f" and at most {high}" if high < math.inf else ""
            raise argparse.ArgumentTypeError(f"must be {word} {bound}{upper}, got {text}")
        return value

    return convert


def _separator(text: str) -> str:
    text = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(text) != 1:
        raise argparse.ArgumentTypeError(f"must be one character or 'tab', got {text!r}")
    return text


def add_table_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how the cells of a file are found."""
    group = parser.add_argument_group("reading the table")
    group.add_argument(
        "--sep",
        type=_separator,
        metavar="CHAR",
        help="separator of a CSV file, or 'tab' (default: inferred)",
    )
    group.add_argument(
        "--encoding",
        metavar="NAME",
        help="encoding of a CSV file, such as latin-1 or utf-16 (default: inferred)",
    )
    group.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        help="whether the first line has the names of the columns; otherwise they are x0, x1 and "
        "so on (default: inferred)",
    )


def read_options(args: argparse.Namespace) -> ReadOptions:
    """Return what the user said about a file."""
    from .._tables.files.dialect import ReadOptions

    return ReadOptions(args.sep, args.encoding, args.header)


def add_mark_options(parser: argparse.ArgumentParser, default: str) -> Any:
    """Add the marks of numbers; return the group of options."""
    group = parser.add_argument_group("meaning of text cells")
    group.add_argument(
        "--decimal", choices=(".", ","), help=f"decimal mark of numbers (default: {default})"
    )
    group.add_argument(
        "--thousands",
        type=lambda text: "" if text == "none" else text,
        choices=("", ",", ".", " ", "'"),
        metavar="CHAR",
        help=f"thousands separator: , . ' or a space, or 'none' (default: {default})",
    )
    return group


def add_meaning_options(parser: argparse.ArgumentParser) -> None:
    """Add all that says what cells mean."""
    group = add_mark_options(parser, "inferred")
    group.add_argument(
        "--na",
        dest="na_values",
        action="append",
        metavar="WORD",
        help="a word that stands for a missing value, in the target too; may be given repeatedly",
    )
    group.add_argument(
        "--date-format",
        metavar="FORMAT",
        help="how dates are written, such as %%d/%%m/%%Y (default: inferred)",
    )
    group.add_argument(
        "--drop",
        action="append",
        metavar="COLUMN",
        help="a column to leave out; may be given repeatedly",
    )


#: Parameters of the estimators that `add_meaning_options` adds.
MEANING = ("decimal", "thousands", "na_values", "date_format", "drop")
