"""Lines on the terminal: at once, and with nothing in them that the terminal would obey."""

from __future__ import annotations

import re
import sys
from typing import TextIO

from .._common.printable import printable


def say(text: str, *, file: TextIO | None = None) -> None:
    """Write one line to stdout or `file`, at once, also into a pipe or a log."""
    print(printable(text), file=file, flush=True)


def complain(text: object) -> None:
    """Write one line of the program's own to stderr."""
    say(f"chainfit: {one_line(text)}", file=sys.stderr)


def one_line(message: object) -> str:
    """Return a message, which may have several lines, in one."""
    return " ".join(word for word in re.split("[ \n]", str(message)) if word)
