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

#: A terminal with fewer characters than this gives a line to each text.
NARROW = 60


def say(text: str, *, file: TextIO | None = None) -> None:
    """Write one line to stdout or `file`, at once, also into a pipe or a log."""
    print(printable(text), file=file, flush=True)


def say_wrapped(text: str, lines: int | None = None) -> None:
    """Write a text, on as many lines as the terminal's width asks for, all but the first indented.

    Where it takes more than `lines`, its end is left out. Nothing to be copied from the terminal
    should be written with it.
    """
    for line in _wrapped(text, lines):
        print(line, flush=True)


def _wrapped(text: str, lines: int | None = None) -> list[str]:
    return textwrap.wrap(
        printable(text),
        terminal_width(),
        subsequent_indent="  ",
        max_lines=lines,
        placeholder=" ...",
    )


def a_few_lines() -> int:
    """Return the number of lines for what is worth more than one, where a screen has 24."""
    return 2 if terminal_width() >= NARROW else 1


def say_listed(head: str, words: Iterable[object], tail: str = "", lines: int = 1) -> None:
    """Write `head`, of the words as many as fit the lines, the others counted, and `tail`."""
    for line in listed(head, words, terminal_width(), tail, lines):
        print(line, flush=True)


def terminal_width() -> int:
    """Characters of a line: the terminal's, or those of the environment variable COLUMNS."""
    return max(shutil.get_terminal_size((WIDTH, 24)).columns, 20)


def listed(
    head: str, words: Iterable[object], width: int, tail: str = "", lines: int = 1
) -> list[str]:
    """Return `head`, the words, separated by commas, and `tail` in so many lines of that width.

    >>> listed("letters: ", "abcdefgh", 30)
    ['letters: a, b, c, d and 4 more']
    """
    rest = [printable(word) for word in words]
    best = None
    for n in [len(rest), *range(1, len(rest))]:
        left = len(rest) - n
        pieces = [f"{word}," for word in rest[:n]]
        pieces[-1:] = [piece[:-1] for piece in pieces[-1:]]
        more = [f"and {left:,} more"] if left else []
        found = _folded([*pieces, *more], printable(head), tail, width)
        if len(found) > lines or cells_of(found[-1]) > width:
            if n < len(rest):
                break
            continue
        best = found
        if not left:
            break
    if best is not None:
        return best
    # not even the first word fits: a part of it
    ending = f" and {len(rest) - 1:,} more{tail}" if len(rest) > 1 else tail
    return [cut(printable(head) + "".join(rest[:1]), width - cells_of(ending)) + ending]


def _folded(pieces: list[str], head: str, tail: str, width: int) -> list[str]:
    """Put pieces one after the other, in a new line where one does not fit."""
    out = [head]
    for i, piece in enumerate(pieces):
        piece += tail if i == len(pieces) - 1 else ""
        longer = f"{out[-1]}{' ' if i else ''}{piece}"
        if i and cells_of(longer) > width:
            out.append(f"  {piece}")
        else:
            out[-1] = longer
    return out


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


def warn(text: object) -> None:
    """Write a warning or a note to stderr: in one line, but on a terminal in lines that fit it."""
    lines = [printable(f"chainfit: {one_line(text)}")]
    if sys.stderr.isatty():
        lines = _wrapped(lines[0])
    for line in lines:
        print(line, file=sys.stderr, flush=True)


def one_line(message: object) -> str:
    """Return a message, which may have several lines, in one."""
    return " ".join(word for word in re.split("[ \n]", str(message)) if word)
