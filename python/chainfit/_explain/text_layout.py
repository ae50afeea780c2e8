"""How lines of text are broken and aligned; what `render_text` lays out equations with."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

INDENT = "  "


def wrap(text: str, width: int, first: str, later: str) -> list[str]:
    """Wrap a paragraph; what is aligned inside of it, and no-break spaces, stay."""
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\xa0", " ") for line in lines]


def break_formula(text: str, start: str, width: int, signs: Mapping[str, str]) -> list[str]:
    """Break a formula before its operators: of sums, then of products, then inside brackets."""
    room = width - len(start)
    sums = [
        " + ",
        f" {signs['minus']} ",
        f" {signs['equals']} ",
        f" {signs['about']} ",
        signs["to"],
    ]
    products = [*sums, signs["times"]]
    pieces = [text]
    for operators, inside in ((sums, False), (products, False), (_EVERY + products, True)):
        pieces = [
            short
            for piece in pieces
            for short in ([piece] if len(piece) <= room else _pieces(piece, operators, inside))
        ]
    lines, line = [], start
    for piece in pieces:
        if len(line) + len(piece.rstrip()) > width and line.strip():
            lines.append(line)
            line = " " * len(start) + piece.lstrip()
        else:
            line += piece
    return [*lines, line]


_EVERY = [" - ", " * ", " @ ", " if ", " else "]  # of code, too


def _pieces(text: str, operators: Sequence[str], inside: bool) -> list[str]:
    """Cut a formula before its operators, those in brackets only if `inside`."""
    pieces, start, depth = [], 0, 0
    for n, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        after_comma = inside and text[n - 1] == " " and text[n - 2 : n] == ", "
        cut = after_comma or any(text.startswith(operator, n) for operator in operators)
        if cut and n > start and (inside or depth == 0):
            pieces.append(text[start:n])
            start = n
    return [*pieces, text[start:]]


def widths_of(table: Sequence[Sequence[str]], left: int = 0) -> list[int]:
    """Return the widths of columns, with indent and gaps; the first has at least `left`."""
    first, *others = (max(map(len, column)) for column in zip(*table or [[""] * 4], strict=True))
    return [len(INDENT) + max(first, left), *(size + 1 if size else 0 for size in others)]


def in_line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return a row of a table with aligned columns."""
    line = (INDENT + cells[0]).ljust(widths[0])
    for cell, size in zip(cells[1:], widths[1:], strict=True):
        line += f" {cell}".ljust(size) if cell and size else " " * size
    return line


def square(table: list[list[str]]) -> list[list[str]]:
    """Return a table whose rows are all as long as the longest."""
    longest = max(map(len, table), default=0)
    return [[*row, *[""] * (longest - len(row))] for row in table]
