"""A chain as aligned text: fractions drawn in three lines, equations in columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from .chain import Chain
from .chain_story import story
from .sections import Display, Math, Row, Section, Words
from .writer import Writer

INDENT = "  "


def chain_text(
    chain: Chain, writer: Writer, width: int, sections: Sequence[str] | None = None
) -> str:
    """Return all sections as text of at most `width` columns."""
    page = _Page(writer, width)
    for section in story(chain, sections, hide_numbers=writer.hide_numbers):
        page.section(section)
    text = "\n".join(line.rstrip() for line in page.lines).strip("\n")
    if writer.flavour == "ascii":  # names given by the user may be anything
        text = text.encode("ascii", "backslashreplace").decode()
    return text


class _Page:
    def __init__(self, writer: Writer, width: int) -> None:
        self.writer, self.width = writer, width
        self.lines: list[str] = []

    def section(self, section: Section) -> None:
        if section.title:
            self.lines += ["", section.title]
        for words in section.intro:
            self.paragraph(words, "" if section.key == "head" else INDENT)
        if section.key == "head":
            self.lines.append("")
        if section.display is not None:
            self.lines += self.display(section.display)
        if section.key == "paths":
            self.paths(section.rows)
        elif section.facts:
            self.facts(section.rows)
        else:
            self.equations(section.rows)
        for words in section.after:
            self.paragraph(words, INDENT)

    # -- texts

    def words(self, words: Words) -> str:
        return "".join(w if isinstance(w, str) else self.math(w) for w in words)

    def whole(self, words: Words) -> str:
        """Return words for a paragraph: formulas are not broken, but for trails of units."""
        to = self.writer.signs["to"]
        formulas = (w if isinstance(w, str) else self.math(w).replace(" ", "\xa0") for w in words)
        return "".join(formulas).replace(to.replace(" ", "\xa0"), to)

    def math(self, math: Math) -> str:
        writer = self.writer if math.digits is None else self.writer.with_digits(math.digits)
        return writer.numbers(math.formula) if math.in_numbers else writer.symbols(math.formula)

    def paragraph(self, words: Words, indent: str) -> None:
        self.lines += wrap(self.whole(words), self.width, indent, indent)

    def facts(self, rows: Sequence[Row]) -> None:
        """Write labels in one column and what they say in others, the last one wrapped."""
        table = [[self.words(row.left), *map(self.whole, row.sides)] for row in rows]
        widths = [max(map(len, column)) for column in zip(*_square(table), strict=True)]
        for row, cells in zip(rows, table, strict=True):
            start = INDENT + cells[0].ljust(widths[0] + 2)
            for cell, size in zip(cells[1:-1], widths[1:], strict=False):
                start += _signed(cell, self.writer).ljust(size + 3)
            last = cells[-1] if len(cells) == 2 else _signed(cells[-1], self.writer)
            self.lines += wrap(start + last, self.width, "", " " * len(start))
            if row.remark:
                indent = INDENT + " " * (widths[0] + 3)
                self.lines += wrap(self.words(row.remark), self.width, indent, indent)

    # -- equations

    def equations(self, rows: Sequence[Row]) -> None:
        """Write left = symbols = numbers = value in columns; what is too wide, below each other."""
        table = self.table(rows)
        left = max((len(cells[0]) for cells in table), default=0)
        in_columns = [[cells[0].ljust(left), *cells[1:]] for cells in table if cells[0]]
        while in_columns and sum(_widths(in_columns)) > self.width:
            in_columns.remove(max(in_columns, key=lambda cells: sum(map(len, cells))))
        widths = _widths(in_columns or [["", "", "", ""]])
        for cells in table:
            if not cells[0]:
                start = f"{INDENT}{' ' * left}   "
                self.lines += wrap(start + cells[3].strip(), self.width, "", start)
            elif [cells[0].ljust(left), *cells[1:]] in in_columns:
                self.lines.append(_line(cells, widths))
            else:
                self.stacked(cells, left)

    def table(self, rows: Sequence[Row]) -> list[list[str]]:
        """Return left, = symbols, = numbers, = value of each row; empty where it has none."""
        signs = [row.signs(self.writer) for row in rows]
        room = max((len(of_row[-1]) for of_row in signs), default=0)
        return [
            self.columns(row, [*of_row[:-1], of_row[-1].rjust(room)])
            for row, of_row in zip(rows, signs, strict=True)
        ]

    def columns(self, row: Row, signs: Sequence[str]) -> list[str]:
        sides = [self.words(side) for side in row.sides]
        if not row.left:
            return ["", "", "", sides[0]]
        sides[-1] = _signed(sides[-1], self.writer)
        sides = [f"{sign} {side}" for sign, side in zip(signs, sides, strict=True)]
        symbols = numbers = ""
        for side, text in zip(row.sides[:-1], sides[:-1], strict=True):
            if isinstance(side[0], Math) and side[0].in_numbers:
                numbers = text
            else:
                symbols = text
        return [self.words(row.left), symbols, numbers, sides[-1]]

    def stacked(self, cells: Sequence[str], left_width: int) -> None:
        """Write the sides of an equation below each other, aligned at the equals sign."""
        start = INDENT + cells[0].ljust(left_width)
        sides = [cell.split(maxsplit=1) for cell in cells[1:] if cell]
        one_line = " ".join([start, *(f"{sign} {side}" for sign, side in sides)])
        if len(one_line) <= self.width:
            self.lines.append(one_line)
            return
        for sign, side in sides:
            self.lines += self.break_formula(side, f"{start} {sign} ")
            start = " " * len(start)

    def break_formula(self, text: str, start: str) -> list[str]:
        """Break a long sum or product before its operators, inside brackets only if it must be."""
        room = self.width - len(start)
        if len(text) <= room:
            return [start + text]
        pieces = []
        for piece in self.pieces(text, False):
            pieces += [piece] if len(piece) <= room else self.pieces(piece, True)
        lines, line = [], start
        for piece in pieces:
            if len(line) + len(piece.rstrip()) > self.width and line.strip():
                lines.append(line)
                line = " " * len(start) + piece.lstrip()
            else:
                line += piece
        return [*lines, line]

    def pieces(self, text: str, inside: bool) -> list[str]:
        """Cut a formula before its operators, those in brackets only if `inside`."""
        signs = self.writer.signs
        operators = [" + ", f" {signs['minus']} ", signs["times"], signs["to"]]
        operators += [f" {signs['equals']} ", f" {signs['about']} "]
        if inside:
            operators += [" - ", " * ", " @ ", " if ", " else "]
        pieces, start, depth = [], 0, 0
        for n, letter in enumerate(text):
            depth += (letter in "([") - (letter in ")]")
            after_comma = inside and text[n - 1] == " " and text[n - 2 : n] == ", "
            cut = after_comma or any(text.startswith(op, n) for op in operators)
            if cut and n > start and (inside or depth == 0):
                pieces.append(text[start:n])
                start = n
        return [*pieces, text[start:]]

    def paths(self, rows: Sequence[Row]) -> None:
        """Write trail = product = value, or, where that is too wide, in lines below each other."""
        table = self.table(rows)
        remarks = [self.words(row.remark) for row in rows]
        remark_width = max(map(len, remarks), default=0)
        room = self.width - (remark_width + 3 if remark_width else 0)
        short = [[cells[0], "", "", cells[3]] for cells in table]
        if sum(_widths(table)) <= room:
            lines = [([cells], "") for cells in table]
        elif sum(_widths(short)) <= room:
            lines = [([cells], _side(row[2])) for cells, row in zip(short, table, strict=True)]
        else:
            lines = [([], _side(" ".join(filter(None, cells[2:])))) for cells in table]
        widths = _widths([cells for shown, _ in lines for cells in shown] or [["", "", "", ""]])
        for (shown, below), cells, remark in zip(lines, table, remarks, strict=True):
            if shown:
                self.lines.append(_line(shown[0], widths))
            else:
                self.lines += self.break_formula(cells[0], INDENT)
            if remark and shown:
                self.lines[-1] += f"   {remark}"
            if below:
                self.lines += self.break_formula(below, INDENT * 3)
            if remark and not shown:
                self.lines.append(f"{INDENT * 3}{remark}")

    # -- fractions

    def display(self, display: Display) -> list[str]:
        """Draw a derivative as a product of fractions, in several lines if it is too wide."""
        d = self.writer.signs["d"]
        bar = "-" if self.writer.flavour == "ascii" else "─"

        def fraction(partial: object) -> list[str]:
            names = (partial.top, partial.bottom)  # type: ignore[attr-defined]
            top, bottom = (d + self.writer.name(name) for name in names)
            size = max(len(top), len(bottom))
            return [top.center(size), bar * size, bottom.center(size)]

        dot = self.writer.signs["times"]
        blocks = [[" " * 3, " = ", " " * 3]]
        if display.letters:
            sign, below = self.writer.signs["sum"], ",".join(display.letters)
            size = max(len(sign), len(below)) + 1
            blocks.append([" " * size, sign.ljust(size), below.ljust(size)])
        for n, partial in enumerate(display.factors):
            if n:
                blocks.append([" " * len(dot), dot, " " * len(dot)])
            blocks.append(fraction(partial))
        start = fraction(display.left)
        lines, current = [], [INDENT + line for line in start]
        indent = " " * (len(current[0]) + 3)
        for block in blocks:
            if len(current[0]) + len(block[0]) > self.width:
                lines += [*current, ""]
                current = [indent[: -len(dot)] + " " * len(dot)] * 3
                if block[1] == dot:
                    current = [line[: -len(dot)] for line in current]
            current = [line + part for line, part in zip(current, block, strict=True)]
        return [*lines, *current]


def _widths(table: Sequence[Sequence[str]]) -> list[int]:
    """Return the widths of columns, with indent and gaps."""
    left, *sizes = (max(map(len, column)) for column in zip(*table, strict=True))
    return [len(INDENT) + left, *(size + 1 if size else 0 for size in sizes)]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    line = (INDENT + cells[0]).ljust(widths[0])
    for cell, size in zip(cells[1:], widths[1:], strict=True):
        line += f" {cell}".ljust(size) if cell and size else " " * size
    return line


def _side(text: str) -> str:
    """Return a side of an equation without the sign before it."""
    return "".join(text.split(maxsplit=1)[1:]).strip()


def _signed(text: str, writer: Writer) -> str:
    """Leave room for a sign before a number, so that numbers stand below each other."""
    return f" {text}" if text[:1].isdigit() else text


def _square(table: list[list[str]]) -> list[list[str]]:
    most = max(map(len, table), default=0)
    return [[*row, *[""] * (most - len(row))] for row in table]


def wrap(text: str, width: int, first: str, later: str) -> list[str]:
    """Wrap a paragraph; what is aligned inside of it stays."""
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\xa0", " ") for line in lines]
