"""A document as aligned text: equations in columns, fractions drawn in three lines."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from . import document as d
from .document import write_word
from .formula import Partial
from .writer import Writer

INDENT = "  "
NBSP = "\xa0"


def to_text(document: d.Document, writer: Writer, width: int) -> str:
    """Return the document as text of at most `width` columns."""
    page = _Page(writer, width, document.long)
    if document.title:
        page.heading(page.words(document.title), underlined=True)
    for section in document.sections:
        page.section(section)
    text = "\n".join(line.rstrip() for line in page.lines).strip("\n")
    if writer.flavour == "ascii":  # names given by the user may be anything
        text = text.encode("ascii", "backslashreplace").decode()
    return text


class _Page:
    def __init__(self, writer: Writer, width: int, long: bool) -> None:
        self.writer, self.width, self.long = writer, width, long
        self.lines: list[str] = []

    def heading(self, text: str, *, underlined: bool) -> None:
        self.lines += ["", text]
        if underlined:
            self.lines.append("-" * len(text))

    def section(self, section: d.Section) -> None:
        if section.title:
            self.heading(section.title, underlined=self.long)
        flush = self.long or not section.title
        for n, block in enumerate(section.blocks):
            if n and flush:
                self.lines.append("")
            self.block(block, "" if flush else INDENT)

    def block(self, block: d.Block, indent: str) -> None:
        match block:
            case d.Paragraph():
                for words in block.lines:
                    self.lines += wrap(self.whole(words), self.width, indent, indent)
            case d.Equations(layout="facts"):
                self.facts(block.rows)
            case d.Equations(layout="trails"):
                self.trails(block.rows)
            case d.Equations():
                self.equations(block.rows, in_columns=block.layout == "columns")
            case d.Display():
                self.display(block)
            case d.Table():
                self.table(block)

    # -- words

    def words(self, words: d.Words) -> str:
        return "".join(write_word(word, self.writer) for word in words)

    def whole(self, words: d.Words) -> str:
        """Return words for a paragraph: formulas are not broken, but for trails of units."""
        to = self.writer.signs["to"]
        parts = (w if isinstance(w, str) else self.words((w,)).replace(" ", NBSP) for w in words)
        return "".join(parts).replace(to.replace(" ", NBSP), to)

    def facts(self, rows: Sequence[d.Row]) -> None:
        """Write labels in one column and what they say in others, the last one wrapped."""
        table = [[self.words(row.left), *map(self.whole, row.sides)] for row in rows]
        sizes = [max(map(len, column)) for column in zip(*square(table), strict=True)]
        for row, cells in zip(rows, table, strict=True):
            start = INDENT + cells[0].ljust(sizes[0] + 2)
            for cell, size in zip(cells[1:-1], sizes[1:], strict=False):
                start += _signed(cell).ljust(size + 3)
            last = cells[-1] if len(cells) == 2 else _signed(cells[-1])
            self.lines += wrap(start + last, self.width, "", " " * len(start))
            if row.remark:
                indent = INDENT + " " * (sizes[0] + 3)
                self.lines += wrap(self.words(row.remark), self.width, indent, indent)

    # -- equations

    def equations(self, rows: Sequence[d.Row], *, in_columns: bool) -> None:
        """Write left = symbols = numbers = value in columns; what is too wide, below each other."""
        table = self.cells(rows)
        left = max((len(cells[0]) for cells in table), default=0) if in_columns else 0
        fitting = [cells for cells in table if cells[0]] if in_columns else []
        while fitting and sum(widths_of(fitting, left)) > self.width:
            fitting.remove(max(fitting, key=lambda cells: sum(map(len, cells[1:]))))
        widths = widths_of(fitting, left)
        for cells in table:
            if not cells[0]:
                start = f"{INDENT}{' ' * left}   "
                self.lines += wrap(start + cells[3].strip(), self.width, "", start)
            elif cells in fitting:
                self.lines.append(in_line(cells, widths))
            else:
                self.stacked(cells, left)

    def cells(self, rows: Sequence[d.Row]) -> list[list[str]]:
        """Return left, = symbols, = numbers, = value of each row; empty where it has none."""
        signs = [row.signs(self.writer) for row in rows]
        room = max((len(of_row[-1]) for of_row in signs), default=0)
        table = []
        for row, (*before, last) in zip(rows, signs, strict=True):
            sides = [self.words(side) for side in row.sides]
            if not row.left:
                table.append(["", "", "", sides[0]])
                continue
            sides[-1] = _signed(sides[-1])
            every = zip([*before, last.rjust(room)], sides, strict=True)
            columns = row.in_columns([f"{sign} {side}" for sign, side in every])
            table.append([self.words(row.left), *columns])
        return table

    def stacked(self, cells: Sequence[str], left_width: int) -> None:
        """Write an equation in one line, or its sides below each other, in line with its sign."""
        start = INDENT + cells[0].ljust(left_width)
        sides = [cell.split(maxsplit=1) for cell in cells[1:] if cell]
        one_line = " ".join([start, *(f"{sign} {side}" for sign, side in sides)])
        if len(one_line) <= self.width:
            self.lines.append(one_line)
            return
        for sign, side in sides:
            self.broken(side, f"{start} {sign} ")
            start = " " * len(start)

    def broken(self, text: str, start: str) -> None:
        self.lines += break_formula(text, start, self.width, self.writer.signs)

    def trails(self, rows: Sequence[d.Row]) -> None:
        """Write trail = product = value, or, where that is too wide, in lines below each other."""
        table = self.cells(rows)
        remarks = [self.words(row.remark) for row in rows]
        remark_width = max(map(len, remarks), default=0)
        room = self.width - (remark_width + 3 if remark_width else 0)
        short = [[cells[0], "", "", cells[3]] for cells in table]
        shown = next((each for each in (table, short) if sum(widths_of(each)) <= room), None)
        for n, (cells, remark) in enumerate(zip(table, remarks, strict=True)):
            below = "" if shown is table else _bare(cells[2])
            if shown:
                line = in_line(shown[n], widths_of(shown))
                self.lines.append(f"{line}   {remark}" if remark else line)
            else:
                self.broken(cells[0], INDENT)
                below = _bare(" ".join(filter(None, cells[2:])))
            if below:
                self.broken(below, INDENT * 3)
            if remark and not shown:
                self.lines.append(f"{INDENT * 3}{remark}")

    # -- fractions and tables

    def display(self, display: d.Display) -> None:
        """Draw a derivative as a product of fractions, in several lines if it is too wide."""
        times = self.writer.signs["times"]
        parts = [[" " * 3, " = ", " " * 3]]
        if display.letters:
            sign, below = self.writer.signs["sum"], ",".join(display.letters)
            size = max(len(sign), len(below)) + 1
            parts.append([" " * size, sign.ljust(size), below.ljust(size)])
        for n, partial in enumerate(display.factors):
            if n:
                parts.append([" " * len(times), times, " " * len(times)])
            parts.append(self.fraction(partial))
        current = [INDENT + line for line in self.fraction(display.left)]
        indent = " " * (len(current[0]) + 3)
        for part in parts:
            if len(current[0]) + len(part[0]) > self.width:
                self.lines += [*current, ""]
                current = [indent] * 3
                if part[1] == times:
                    current = [line[: -len(times)] for line in current]
            current = [line + piece for line, piece in zip(current, part, strict=True)]
        self.lines += current

    def fraction(self, partial: Partial) -> list[str]:
        """Return a derivative in three lines of equal length."""
        bar = "-" if self.writer.flavour == "ascii" else "─"
        d = self.writer.signs["d"]
        top, bottom = (d + self.writer.name(name) for name in (partial.top, partial.bottom))
        size = max(len(top), len(bottom))
        return [top.center(size), bar * size, bottom.center(size)]

    def table(self, table: d.Table) -> None:
        """Write a table with as many digits as fit; what is too wide still goes on below."""
        digits = self.writer.digits
        for fewer in range(digits, min(digits, 3) - 1, -1):
            cells = table.cells(self.writer.with_digits(fewer))
            widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
            if sum(widths) + 2 * len(widths) <= self.width:
                break
        aligns = [str.ljust if words else str.rjust for words in table.in_words]
        columns = list(range(1, len(widths)))
        first = True
        while columns:
            shown = [0, columns.pop(0)]
            while columns and sum(widths[k] + 2 for k in [*shown, columns[0]]) <= self.width:
                shown.append(columns.pop(0))
            self.lines += [] if first else [""]
            self.lines += [
                INDENT + "  ".join(aligns[k](line[k], widths[k]) for k in shown) for line in cells
            ]
            first = False
        if table.note:
            self.lines += textwrap.wrap(INDENT + table.note, self.width, subsequent_indent=INDENT)


def _bare(text: str) -> str:
    """Return a side of an equation without the sign before it."""
    return "".join(text.split(maxsplit=1)[1:]).strip()


def _signed(text: str) -> str:
    """Leave room for a sign before a number, so that numbers stand below each other."""
    return f" {text}" if text[:1].isdigit() else text


# --- lines, broken and aligned --------------------------------------------------------------------


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
    line = (INDENT + cells[0]).ljust(widths[0])
    for cell, size in zip(cells[1:], widths[1:], strict=True):
        line += f" {cell}".ljust(size) if cell and size else " " * size
    return line


def square(table: list[list[str]]) -> list[list[str]]:
    longest = max(map(len, table), default=0)
    return [[*row, *[""] * (longest - len(row))] for row in table]
