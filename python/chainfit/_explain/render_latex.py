"""A document as LaTeX: an aligned environment, one line for each equation; texts are left out."""

from __future__ import annotations

from . import document as d
from .formula import Product, plain, total
from .writer import Writer

_SPECIAL = str.maketrans(
    {c: rf"\{c}" for c in "#$%&_{}"}
    | {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
)


def to_latex(document: d.Document, writer: Writer) -> str:
    lines = [line for section in document.sections for line in _section(section, writer)]
    body = " \\\\\n".join(lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def display_sides(display: d.Display, writer: Writer) -> tuple[str, str]:
    """Return left and right side of the chain in general."""
    sums = rf"\sum_{{{','.join(display.letters)}}} " if display.letters else ""
    return writer.symbols(display.left), sums + writer.symbols(Product(display.factors))


def escape(text: str) -> str:
    return text.translate(_SPECIAL)


def _section(section: d.Section, writer: Writer) -> list[str]:
    lines = []
    for block in section.blocks:
        if isinstance(block, d.Display):
            return _display(block, writer)
        if isinstance(block, d.Equations) and block.layout != "facts":
            lines += [_equation(row, writer) for row in block.rows]
        elif isinstance(block, d.Table):
            lines.append(_table(block, writer))
    return [rf"&\textbf{{{escape(section.title)}}}", *lines] if lines else []


def _display(display: d.Display, writer: Writer) -> list[str]:
    """Write the derivative in symbols, then in numbers, and its value."""
    left, right = display_sides(display, writer)
    lines = [f"{left} &= {right}"]
    left = "" if display.whole is None else f"{writer.symbols(display.whole)} "
    first, *others = map(writer.numbers, display.terms)
    lines.append(f"{left}&= {first}")
    for term in others:
        sign = "" if term.startswith("-") else "+ "
        lines.append(rf"&\quad {sign}{term}")
    sign = writer.relation(total(display.terms), display.value)
    return [*lines, f"&{sign} {writer.numbers(plain(display.value))}"]


def _equation(row: d.Row, writer: Writer) -> str:
    left = _words(row.left, writer)
    first, *signs = row.signs(writer)
    line = f"{left} :&\\quad " if row.is_trail else f"{left} &{first} " if left else " &\\quad "
    line += _words(row.sides[0], writer)
    for sign, side in zip(signs, row.sides[1:], strict=True):
        line += f" {sign} {_words(side, writer)}"
    return line


def _table(table: d.Table, writer: Writer) -> str:
    columns = "".join("l" if words else "r" for words in table.in_words)
    header, *rows = (
        " & ".join(_word(cell, writer) for cell in cells) for cells in (table.header, *table.rows)
    )
    body = " \\\\\n".join(rows)
    return f"&\\begin{{array}}{{{columns}}}\n{header} \\\\ \\hline\n{body}\n\\end{{array}}"


def _words(words: d.Words, writer: Writer) -> str:
    return "".join(_word(word, writer) for word in words if word)


def _word(word: d.Cell, writer: Writer) -> str:
    text = d.write_word(word, writer)
    return rf"\text{{{escape(text)}}}" if isinstance(word, str) else text
