"""Finds out how a text writes its table: separator, quotes, lines above the header, row names.

DuckDB's sniffer proposes separator and quotes; a proposal counts if all rows then have equally many
cells and the header is one, and the common separators are tried too. Evidence that is not plain is
an error with the line, never a guess.
"""

from __future__ import annotations

import contextlib
import re
import signal
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from .dialect import FOUND_OUT, Dialect, ReadOptions, spoken
from .rows import BrokenRow, Row, lines_of, ragged_row, rows_of

#: Separators that are tried, the more common first; a space only where no other one fits.
DELIMITERS = (",", ";", "\t", "|")

#: Rows that a separator must fit, and lines above the header at most.
SNIFFED_ROWS = 1000
MOST_ABOVE = 20

#: Characters of a text that DuckDB sees.
DUCKDB_SAMPLE = 1 << 18

#: Rows that a common separator cuts into as many cells each are cut right, whatever DuckDB, which
#: takes its time with so many columns, would say.
WIDE = 100

_SEP_LINE = re.compile(r"sep=(.)(?:\r\n|\n|\r)", re.IGNORECASE)
_NUMBER = re.compile(r"\s*[-+]?(\d+|\d*[.,]\d+|\d+[.,]\d*)([eE][-+]?\d+)?\s*%?\s*")
_DECIMAL = re.compile(r"\s*[-+]?\d+,\d+\s*")


@dataclass(frozen=True)
class Layout:
    """What was found out about a text.

    Attributes
    ----------
    dialect : Dialect
    names : list of str
        One for each column, that of row names included ("").
    head : str
        The header as it stands, without its end of line; "" if there is none.
    begin : int
        Characters before the first row of data.
    notes : list of str
    """

    dialect: Dialect
    names: list[str]
    head: str
    begin: int
    notes: list[str]


@dataclass(frozen=True)
class _Reading:
    """The rows of a text by one dialect, and how well they fit.

    ``rank`` is 3 for a header and rows of one width, 2 with lines above, 1 with R's row names,
    0 if a row does not fit: ``ragged`` says which.
    """

    dialect: Dialect
    rows: list[Row]
    width: int
    rank: int
    ragged: str = ""


def sniff(
    text: str, whole: bool, options: ReadOptions = FOUND_OUT, like: Dialect | None = None
) -> Layout:
    """Find out the dialect of a text.

    Parameters
    ----------
    text : str
        Its beginning.
    whole : bool
        Whether that is all of it.
    options : ReadOptions
    like : Dialect, optional
        The most likely one.

    Raises
    ------
    ValueError
        If no dialect fits: the text names the line that does not.
    """
    above, shift = 0, 0
    notes: list[str] = []
    said = options.sep
    if match := _SEP_LINE.match(text):
        above, shift = 1, match.end() - 1
        said = said or match[1]
        text = "\n" + text[match.end() :]
    reading = _choose(text, whole, said, like)
    rows, dialect = reading.rows, reading.dialect
    if reading.rank == 1 and options.header is False:
        reading = replace(reading, rank=0, ragged=ragged_row(rows[1], rows[0]))
    if reading.rank == 0:
        raise ValueError(reading.ragged)
    header = options.header
    if header is None and like is not None and like.kind == "csv":
        header = like.header or _plain_header(rows)
    if header is None:
        header = reading.rank == 1 or _has_header(rows)
        if not header:
            notes.append(
                f"no header: the first line has values, so columns are x0 to x{reading.width - 1} "
                "(--header if it is one)"
            )
    names, head, at = [f"x{i}" for i in range(reading.width)], "", rows[0].begin
    row_names = False
    if header:
        head, at = text[rows[0].begin : rows[0].end].rstrip("\r\n"), rows[0].end
        names = _with_places([""] * (reading.rank == 1) + rows[0].cells, rows)
        row_names = reading.width > 1 and names[0] == ""
    lines = rows[0].line - 1 - above
    if lines and (like is None or like.skip != rows[0].line - 1):
        notes.append(f"left out above the table: {_lines(lines)}")
    if row_names:
        notes.append("the first column has no name: names of rows, no feature")
    if like is not None and like.kind == "csv" and said is None and reading.width > 1:
        if dialect.delimiter != like.delimiter:
            notes.append(
                f"cells are separated by {spoken(dialect.delimiter)}, not by "
                f"{spoken(like.delimiter)} as in the table of the training"
            )
    dialect = replace(
        dialect,
        header=header,
        skip=rows[0].line - 1,
        row_names=row_names,
        newline="\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n",
    )
    return Layout(dialect, names, head, shift + at, notes)


def _with_places(names: list[str], rows: list[Row]) -> list[str]:
    """Call columns without a name and without cells, as spreadsheets have, by their places."""
    found = names[:1]
    for i, name in enumerate(names[1:], start=1):
        if not name and not any(row.cells[i] for row in rows if i < len(row.cells)):
            name = f"column {i + 1}"
        found.append(name)
    return found


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _choose(text: str, whole: bool, said: str | None, like: Dialect | None) -> _Reading:
    """Return the reading that fits best; the likely one where it fits, the most columns else."""
    known = Dialect() if like is None or like.kind != "csv" else like
    likely = _read(text, whole, known)
    expected = like is not None and likely.rank == 3 and said in (None, known.delimiter)
    if expected and likely.width > 1:
        return likely
    common = [_read_by(text, whole, known, (mark, '"', '"')) for mark in said or DELIMITERS]
    wide = any(reading.rank == 3 and reading.width >= WIDE for reading in common)
    found = [] if wide else _by_duckdb(text, whole, said, known)
    found += common
    fitting = [reading for reading in found if reading.rank and (reading.width > 1 or said)]
    if expected:
        # One column by the likely dialect, unless the text is plainly in another.
        return max([likely, *fitting], key=lambda r: (r.rank, r.width))
    if not fitting:
        # Spaces, as R writes them; a text in one column may have one in every row too.
        spaced = _read_by(text, whole, known, (" ", '"', '"'))
        fitting = [spaced] if spaced.rank and spaced.width > 1 and _has_numbers(spaced) else []
    if fitting:
        rank = max(reading.rank for reading in fitting)
        fitting = [reading for reading in fitting if reading.rank == rank]
        # Decimal commas cut rows into even more cells, if no header tells.
        fitting = [reading for reading in fitting if _has_decimal_commas(reading)] or fitting
        return max(fitting, key=lambda reading: reading.width)
    # One column, or rows that don't fit: the separator that the first rows have most of.
    found = found if said else [likely, *found]
    return max(found, key=lambda r: max((len(row.cells) for row in r.rows[:5]), default=0))


def _by_duckdb(text: str, whole: bool, said: str | None, known: Dialect) -> list[_Reading]:
    """Return the readings that DuckDB proposes."""
    found = []
    for lines in ("skip = 0, header = true, ", ""):
        with _interrupts_wait():
            marks = _sniffed(text, said, lines)
        if marks:
            found.append(_read_by(text, whole, known, marks))
            if found[-1].rank == 3 and found[-1].width > 1:
                break
    return found


def _read_by(text: str, whole: bool, known: Dialect, marks: tuple[str, str, str]) -> _Reading:
    delimiter, quote, escape = marks
    return _read(text, whole, replace(known, delimiter=delimiter, quote=quote, escape=escape))


def _sniffed(text: str, said: str | None, lines: str) -> tuple[str, str, str] | None:
    """Return what DuckDB takes for delimiter, quote and escape, if it finds any.

    Asked to read every line it is seldom wrong, but a title above the table makes it fail.
    """
    import duckdb

    text = text[:DUCKDB_SAMPLE]
    text = text[: 1 + max(text.rfind("\n"), text.rfind("\r"))] or text
    options = "all_varchar = true"
    if said is not None:
        options += ", delim = '{}'".format(said.replace("'", "''"))
    with (
        tempfile.NamedTemporaryFile("wb", prefix="chainfit-", suffix=".csv") as file,
        duckdb.connect(":memory:", config={"threads": 1}) as connection,
    ):
        file.write(text.encode())
        file.flush()
        path = file.name.replace("'", "''")
        query = f"FROM sniff_csv('{path}', {lines}{options})"
        try:
            marks = connection.execute(f"SELECT Delimiter, Quote, Escape {query}").fetchall()[0]
        except duckdb.Error:
            return None
    delimiter, quote, escape = (mark if len(mark) == 1 else "" for mark in marks)
    return (delimiter, quote or '"', escape or quote or '"') if delimiter else None


@contextlib.contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Let a Ctrl-C wait: in DuckDB's import it aborts the process, in a query it is swallowed."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupts: list[Any] = []
    signal.signal(signal.SIGINT, lambda *what: interrupts.append(what))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts:
        before(*interrupts[0])


def _has_numbers(reading: _Reading) -> bool:
    """Whether all rows but the header have numbers, as the words of a text have not."""
    body = reading.rows[1:]
    return bool(body) and all(any(map(_NUMBER.fullmatch, row.cells)) for row in body)


def _has_decimal_commas(reading: _Reading) -> bool:
    """Whether rows are cut by another mark, and have commas in numbers alone."""
    if reading.dialect.delimiter == "," or reading.width < 2 or len(reading.rows) < 2:
        return False
    with_commas = [[cell for cell in row.cells if "," in cell] for row in reading.rows[1:]]
    return all(cells and all(map(_DECIMAL.fullmatch, cells)) for cells in with_commas)


def _read(text: str, whole: bool, dialect: Dialect) -> _Reading:
    rows: list[Row] = []
    lines = _Counted(lines_of(text))
    try:
        for row in rows_of(lines, dialect):
            rows.append(row)
            if len(rows) > SNIFFED_ROWS:
                break
    except BrokenRow as error:
        # At the end of a part it may be just cut off.
        if whole or lines.characters < len(text):
            return _Reading(dialect, rows, 0, 0, str(error))
    if rows and not whole and rows[-1].end == len(text):
        rows.pop()  # perhaps cut off
    return _fit(dialect, rows)


class _Counted:
    """An iterator over lines that counts their characters."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.characters = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.characters += len(line)
            yield line


def _fit(dialect: Dialect, rows: list[Row]) -> _Reading:
    """Find the first row of the table, and say how well the rows fit."""
    table = [row for row in rows if row.cells]
    if not table:
        return _Reading(dialect, [], 0, 0, "the table is empty")
    counts = [len(row.cells) for row in table]
    width = counts[-1]
    k = 1 + max((i for i, count in enumerate(counts) if count != width), default=-1)
    if k == 0:
        if width == 1:  # a blank line is an empty cell
            return _Reading(dialect, rows[rows.index(table[0]) :], 1, 3)
        # Lines above may have as many cells, all but one empty, as spreadsheets write them.
        while width > 2 and k < min(MOST_ABOVE, len(table) - 2) and table[k].filled <= 1:
            k += 1
        if not all(map(_is_name, table[k].cells)):
            k = 0
        return _Reading(dialect, table[k:], width, 2 if k else 3)
    if k <= MOST_ABOVE and _above(table, k):
        return _Reading(dialect, table[k:], width, 2)
    if k == 1 and counts[0] == width - 1 and _named(table[1:], width):
        return _Reading(dialect, table, width, 1)
    bad = next(i for i, count in enumerate(counts) if count != counts[0])
    ragged = ragged_row(table[bad], table[0])
    return _Reading(dialect, table, counts[0], 0, ragged)


def _named(body: list[Row], width: int) -> bool:
    """Whether the first cells are names of rows, as R writes them; 1, 2, 3 beside one column."""
    names = [row.cells[0] for row in body]
    if width == 2 and names != [str(i) for i in range(1, len(body) + 1)]:
        return False
    # Where nothing but the last cell is empty, lines just end with a delimiter.
    return len(set(names)) == len(names) and any(row.cells[-1] for row in body)


def _above(table: list[Row], k: int) -> bool:
    """Whether what stands before row ``k`` is no table, and that row is a header."""
    header = table[k].cells
    if len(table) < k + 2 or not all(map(_is_name, header)):
        return False
    blank_between = table[k].line > table[k - 1].line + 1
    return all(
        len(row.cells) < len(header)
        and (row.filled <= 1 or blank_between or row.cells[0].startswith("#"))
        for row in table[:k]
    )


def _is_name(cell: str) -> bool:
    return bool(cell.strip()) and not _NUMBER.fullmatch(cell)


def _has_header(rows: list[Row]) -> bool:
    """Whether the first row has names.

    Numbers there that don't count up (5.1, or 5 twice) are values; so are cells that all stand
    again below.
    """
    first = rows[0].cells
    body = [row.cells for row in rows[1:] if row.cells and row.cells != first]
    numbers = [int(cell) if cell.isdecimal() else -1 for cell in first if _NUMBER.fullmatch(cell)]
    words = [i for i, cell in enumerate(first) if _is_name(cell)]
    if numbers and (numbers[0] < 0 or any(a >= b for a, b in pairwise(numbers))):
        return False
    if not words:
        return len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1
    return not all(any(row[i] == first[i] for row in body) for i in words)


def _plain_header(rows: list[Row]) -> bool:
    """Whether a word stands above nothing but numbers."""
    body = [row.cells for row in rows[1:] if row.cells]
    return bool(body) and any(
        _is_name(name) and all(_NUMBER.fullmatch(row[i]) for row in body)
        for i, name in enumerate(rows[0].cells)
    )
