"""A document as HTML for notebooks and pages: no script, nothing from elsewhere.

Formulas are MathML where the writer writes LaTeX, and plain text otherwise, which needs no other
library. Notebooks have rules of their own for tables and paragraphs; `STYLE` says all that matters
with !important, so that it looks alike in all of them, and leaves colours to the page around.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from html import escape

from .._common.extras import missing
from . import document as d
from .formula import Formula, in_numbers
from .mathml import breakable
from .render_latex import display_sides
from .writer import Writer

STYLE = """\
<style>
.chainfit { container-type: inline-size; line-height: 1.5; max-width: 75em; }
.chainfit h4 { margin: 1.2em 0 0.3em; overflow-wrap: anywhere; }
.chainfit p { margin: 0.3em 0; text-align: left !important; overflow-wrap: anywhere; }
.chainfit .display, .chainfit .equation { padding-left: 2em; text-indent: -1.5em; }
.chainfit .scroll { overflow-x: auto; margin: 0.3em 0; }
.chainfit table { table-layout: auto !important; width: auto !important; margin: 0 !important;
  border: 0 !important; border-collapse: collapse !important; font-size: inherit !important; }
.chainfit tr { background: none !important; border: 0 !important; }
.chainfit :is(td, th) { text-align: left !important; vertical-align: baseline !important;
  white-space: normal !important; background: none !important; border: 0 !important;
  padding: 0.25em 0.4em !important; max-width: none !important; overflow-wrap: normal; }
.chainfit .number { text-align: right !important; white-space: nowrap !important;
  font-variant-numeric: tabular-nums; }
.chainfit .value, .chainfit .symbol, .chainfit .label { white-space: nowrap !important; }
.chainfit .words { overflow-wrap: anywhere; }
.chainfit .label, .chainfit .remark, .chainfit small { opacity: 0.7; }
.chainfit math { text-indent: 0; padding: 0.12em 0; }
.chainfit mtext[mathvariant="monospace"] { font-family: monospace; font-size: 0.9em; }
@container (max-width: 60em) {
  .chainfit .stacked :is(tbody, tr, td) { display: block !important; }
  .chainfit .stacked tr { padding-bottom: 0.5em; }
  .chainfit .stacked td:empty { display: none !important; }
  .chainfit .stacked td + td { padding-left: 1.6em !important; text-indent: -1.2em; }
  .chainfit .stacked td { overflow-x: auto; overflow-y: hidden; }
}
</style>
"""


def to_html(document: d.Document, writer: Writer) -> str:
    """Return the document as a `div` with its style."""
    page = _Page(writer, _converter() if writer.is_latex else None)
    parts = [page.heading(page.words(document.title))] if document.title else []
    parts += [page.section(section) for section in document.sections]
    body = "\n".join(parts)
    return f'<div class="chainfit">\n{STYLE}{body}\n</div>'


def preformatted(text: str) -> str:
    """Return the text form, for where latex2mathml is missing."""
    return f'<pre style="overflow-x:auto">{escape(text)}</pre>'


def _converter() -> Callable[[str], str]:
    """Return what makes MathML of LaTeX, or say how to get it."""
    try:
        from latex2mathml.converter import convert
    except ImportError:
        raise missing("formulas in HTML need", "latex2mathml", "explain") from None

    @cache
    def mathml(latex: str) -> str:
        # what browsers have no letters for is written as text
        latex = re.sub(r"\\mathtt\{([^{}]*)\}", _as_text, latex)
        return breakable(convert(latex, display="block"))

    return mathml


def _as_text(match: re.Match[str]) -> str:
    text = match[1].replace(r"\_", "_").replace(r"\delta", "δ")
    return rf"\texttt{{{text}}}"


class _Page:
    def __init__(self, writer: Writer, mathml: Callable[[str], str] | None) -> None:
        self.writer, self.mathml = writer, mathml
        # signs stand between formulas
        self.plain = writer.with_flavour("unicode") if writer.is_latex else writer

    def heading(self, text: str) -> str:
        return f"<h4>{text}</h4>"

    def section(self, section: d.Section) -> str:
        parts = [self.heading(escape(section.title))] if section.title else []
        return "\n".join([*parts, *map(self.block, section.blocks)])

    def block(self, block: d.Block) -> str:
        match block:
            case d.Paragraph():
                return "\n".join(f"<p>{self.words(words)}</p>" for words in block.lines)
            case d.Equations(layout="facts"):
                return _stacked([self.fact(row) for row in block.rows])
            case d.Equations(layout="lines"):
                return "\n".join(map(self.line, block.rows))
            case d.Equations():
                return _stacked([self.equation(row) for row in block.rows])
            case d.Display():
                formula = " = ".join(display_sides(block, self.writer))
                return f'<p class="display">{self.formula(formula)}</p>'
            case d.Table():
                return self.table(block)

    def words(self, words: d.Words) -> str:
        return "".join(
            escape(word) if isinstance(word, str) else self.formula(d.write_word(word, self.writer))
            for word in words
        )

    def formula(self, text: str) -> str:
        return escape(text) if self.mathml is None else self.mathml(text)

    def fact(self, row: d.Row) -> str:
        cells = [f'<td class="label">{self.words(row.left)}</td>']
        cells += [f'<td class="words">{self.words(side)}</td>' for side in row.sides]
        if row.remark:
            cells.append(f'<td class="words remark">{self.words(row.remark)}</td>')
        return f"<tr>{''.join(cells)}</tr>"

    def equation(self, row: d.Row) -> str:
        """Write left, symbols, numbers and value into cells of their own."""
        cells = [f"<td>{self.words(row.left)}</td>"]
        sides = [self.words(side) for side in row.sides]
        if not row.left:
            cells.append(f'<td colspan="3">{sides[0]}</td>')
        else:
            signed = zip(row.signs(self.plain), sides, strict=True)
            *others, value = row.in_columns([f"{sign}&nbsp;{side}" for sign, side in signed])
            cells += [f"<td>{side}</td>" for side in others]
            cells.append(f'<td class="value">{value}</td>')
        if row.remark:
            cells.append(f'<td class="remark">{self.words(row.remark)}</td>')
        return f"<tr>{''.join(cells)}</tr>"

    def line(self, row: d.Row) -> str:
        """Write an equation that breaks before its signs and operators, and only there."""
        pieces = [self.pieces(row.left)]
        for sign, side in zip(row.signs(self.plain), row.sides, strict=True):
            pieces.append(f"{sign}&nbsp;{self.pieces(side)}")
        return f'<p class="equation">{" ".join(pieces)}</p>'

    def pieces(self, words: d.Words) -> str:
        if self.mathml is not None:
            return self.words(words)
        return "".join(" ".join(map(_unbroken, self.broken(word))) for word in words)

    def broken(self, word: d.Word) -> list[str]:
        """Return a word in pieces between which a line may end."""
        if isinstance(word, d.Numbers):
            return self.writer.pieces(in_numbers(word.formula))
        if isinstance(word, Formula):
            return self.writer.pieces(word)
        return [d.write_word(word, self.writer)]

    def table(self, table: d.Table) -> str:
        kinds = ["symbol" if words else "number" for words in table.in_words]

        def row(cells: Sequence[str], tag: str) -> str:
            texts = zip(kinds, cells, strict=True)
            inside = (f'<{tag} class="{kind}">{text}</{tag}>' for kind, text in texts)
            return f"<tr>{''.join(inside)}</tr>"

        header, *rows = ([escape(cell) for cell in cells] for cells in table.cells(self.plain))
        lines = ['<div class="scroll"><table>', f"<thead>{row(header, 'th')}</thead>", "<tbody>"]
        lines += [row(cells, "td") for cells in rows]
        lines += ["</tbody>", "</table></div>"]
        if table.note:
            lines.append(f"<p><small>{escape(table.note)}</small></p>")
        return "\n".join(lines)


def _unbroken(text: str) -> str:
    return escape(text).replace(" ", "&nbsp;")


def _stacked(rows: Sequence[str]) -> str:
    """Return rows as a table whose cells stand below each other where there is little room."""
    lines = "\n".join(rows)
    return f'<div class="scroll"><table class="stacked">\n{lines}\n</table></div>'
