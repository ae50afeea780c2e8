"""A document as aligned text: equations in columns, fractions drawn in three lines."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from .document import (
    Block,
    Display,
    Document,
    Equations,
    Facts,
    Paragraph,
    Row,
    Section,
    Table,
    Words,
    write_word,
)
from .formula import Partial
from .text_layout import INDENT, break_formula, in_line, square, widths_of, wrap
from .writer import Writer

NBSP = "\xa0"


def to_text(document: Document, writer: Writer, width: int) -> str:
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

    def section(self, section: Section) -> None:
        if section.title:
            self.heading(section.title, underlined=self.long)
        flush = self.long or not section.title
        for n, block in enumerate(section.blocks):
            if n and flush:
                self.lines.append("")
            self.block(block, "" if flush else INDENT)

    def block(self, block: Block, indent: str) -> None:
        match block:
            case Paragraph():
                for words in block.lines:
                    self.lines += wrap(self.whole(words), self.width, indent, indent)
            case Facts():
                self.facts(block.rows)
            case Equations(layout="trails"):
                self.trails(block.rows)
            case Equations():
                self.equations(block.rows, in_columns=block.layout == "columns")
            case Display():
                self.display(block)
            case Table():
                self.table(block)

    # -- words

    def words(self, words: Words) -> str:
        return "".join(write_word(word, self.writer) for word in words)

    def whole(self, words: Words) -> str:
        """Return words for a paragraph: formulas are not broken, but for trails of units."""
        to = self.writer.signs["to"]
        parts = (w if isinstance(w, str) else self.words((w,)).replace(" ", NBSP) for w in words)
        return "".join(parts).replace(to.replace(" ", NBSP), to)

    def facts(self, rows: Sequence[Row]) -> None:
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

    def equations(self, rows: Sequence[Row], *, in_columns: bool) -> None:
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

    def cells(self, rows: Sequence[Row]) -> list[list[str]]:
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
            self.lines += self.broken(side, f"{start} {sign} ")
            start = " " * len(start)

    def broken(self, text: str, start: str) -> list[str]:
        return break_formula(text, start, self.width, self.writer.signs)

    def trails(self, rows: Sequence[Row]) -> None:
        """Write trail = product = value, or, where that is too wide, in lines below each other."""
        table = self.cells(rows)
        remarks = [self.words(row.remark) for row in rows]
        remark_width = max(map(len, remarks), default=0)
        room = self.width - (remark_width + 3 if remark_width else 0)
        short = [[cells[0], "", "", cells[3]] for cells in table]
        if sum(widths_of(table)) <= room:
            lines = [([cells], "") for cells in table]
        elif sum(widths_of(short)) <= room:
            lines = [([cells], _bare(row[2])) for cells, row in zip(short, table, strict=True)]
        else:
            lines = [([], _bare(" ".join(filter(None, cells[2:])))) for cells in table]
        widths = widths_of([cells for shown, _ in lines for cells in shown])
        for (shown, below), cells, remark in zip(lines, table, remarks, strict=True):
            if shown:
                line = in_line(shown[0], widths)
                self.lines.append(f"{line}   {remark}" if remark else line)
            else:
                self.lines += self.broken(cells[0], INDENT)
            if below:
                self.lines += self.broken(below, INDENT * 3)
            if remark and not shown:
                self.lines.append(f"{INDENT * 3}{remark}")

    # -- fractions and tables

    def display(self, display: Display) -> None:
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

    def table(self, table: Table) -> None:
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
