"""Rows of a text as Python's csv module reads them, with their lines: for evidence and errors."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .dialect import Dialect

#: Characters of a cell at most.
MOST_IN_A_CELL = 1 << 30


@dataclass(frozen=True)
class Row:
    """Cells, the line where they begin, and the characters where they begin and end."""

    line: int
    begin: int
    end: int
    cells: list[str]

    @property
    def filled(self) -> int:
        """Cells with something in them."""
        return sum(map(bool, self.cells))


class BrokenRow(ValueError):
    """A quoted cell that does not end, or goes on after its closing quote."""

    def __init__(self, line: int) -> None:
        super().__init__(
            f"line {line}: a quoted cell does not end, or has text after its closing quote "
            "(a quote within a cell is doubled)"
        )


def rows_of(lines: Iterable[str], dialect: Dialect, first_line: int = 1) -> Iterator[Row]:
    """Yield the rows of a text, blank lines too (without cells).

    Raises
    ------
    BrokenRow
        If the quotes of a row don't match.
    """
    at, number = 0, first_line - 1
    begin, line = 0, first_line

    def counted() -> Iterator[str]:
        nonlocal at, number
        for text in lines:
            at += len(text)
            number += 1
            yield text

    # Its limit is the whole process's, so it is only ever raised.
    csv.field_size_limit(max(csv.field_size_limit(), MOST_IN_A_CELL))
    doubled = dialect.escape == dialect.quote
    reader = csv.reader(
        counted(),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        doublequote=doubled,
        escapechar=None if doubled else dialect.escape,
        strict=True,
    )
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise BrokenRow(line) from None
        yield Row(line, begin, at, cells)
        begin, line = at, number + 1


def lines_of(text: str) -> Iterator[str]:
    """Yield lines with their ends, by all three of these and by nothing else."""
    return (match[0] for match in re.finditer(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$", text))


def ragged_row(row: Row, first: Row) -> str:
    """Return the error of a row with another number of cells than the first."""
    count = len(row.cells)
    these = "1 cell" if count == 1 else f"{count} cells"
    return f"line {row.line} has {these}, line {first.line} has {len(first.cells)}"
