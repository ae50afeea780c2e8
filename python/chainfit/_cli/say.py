"""Lines on the terminal: at once, no wider than it, and with nothing that it would obey."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import TextIO
from unicodedata import east_asian_width

from .._common.printable import printable

#: Characters of a line where there is no terminal that says how wide it is.
WIDTH = 100


def say(text: str, *, file: TextIO | None = None) -> None:
    """Write one line to stdout or `file`, at once, also into a pipe or a log."""
    print(printable(text), file=file, flush=True)


def say_wrapped(text: str) -> None:
    """Write a text, on as many lines as the terminal's width asks for, all but the first indented.

    Nothing to be copied from the terminal should be written with it.
    """
    for line in textwrap.wrap(printable(text), terminal_width(), subsequent_indent="  "):
        print(line, flush=True)


def say_listed(head: str, words: Iterable[object]) -> None:
    """Write one line: `head`, and of the words as many as fit it, the others counted."""
    say(listed(head, words, terminal_width()))


def terminal_width() -> int:
    """Characters of a line: the terminal's, or those of the environment variable COLUMNS."""
    return max(shutil.get_terminal_size((WIDTH, 24)).columns, 20)


def listed(head: str, words: Iterable[object], width: int) -> str:
    """Return `head` and the words, separated by commas, in at most `width` characters.

    >>> listed("letters: ", "abcdefgh", 30)
    'letters: a, b, c, d and 4 more'
    """
    rest = [printable(word) for word in words]
    line = printable(head)
    for i, word in enumerate(rest):
        longer = f"{line}{', ' if i else ''}{word}"
        left = len(rest) - i - 1
        if cells_of(longer) + (len(f" and {left:,} more") if left else 0) > width:
            break
        line = longer
    else:
        return line
    if i == 0:  # not even the first: a part of it
        ending = f" and {len(rest) - 1:,} more" if len(rest) > 1 else ""
        return cut(line + rest[0], width - len(ending)) + ending
    return f"{line} and {len(rest) - i:,} more"


def counted(n: int, what: str) -> str:
    """Return '1 row', '1,234 rows'."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def cut(text: str, width: int) -> str:
    """Return a text, its end replaced by dots where it is wider than `width`."""
    if cells_of(text) <= width:
        return text
    text = text[: max(width - 3, 0)]
    while cells_of(text) > max(width - 3, 0):
        text = text[:-1]
    return text + "..."


def cells_of(text: str) -> int:
    """Count the cells that a text takes on a terminal; letters of East Asia take two."""
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def complain(text: object) -> None:
    """Write one line of the program's own to stderr."""
    say(f"chainfit: {one_line(text)}", file=sys.stderr)


def one_line(message: object) -> str:
    """Return a message, which may have several lines, in one."""
    return " ".join(word for word in re.split("[ \n]", str(message)) if word)
