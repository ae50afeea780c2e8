"""How the package's pieces of HTML look in notebooks, and a trace's story as such a piece.

Notebooks have rules of their own for tables and paragraphs: cells aligned right, columns of equal
width, striped rows. `STYLE` says all that matters with !important, so that it looks alike in all
of them, and leaves colours to the page around.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from .render import Equation, Section, Table, in_words, table_cells
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


def boxed(body: str) -> str:
    """Return a piece of HTML with its style, to stand in a notebook or a page."""
    return f'<div class="chainfit">\n{STYLE}{body}\n</div>'


def to_html(sections: Iterable[Section], writer: Writer) -> str:
    """Write sections as one HTML element: no script, nothing from elsewhere."""
    parts = []
    for section in sections:
        parts.append(f"<h4>{escape(section.title)}</h4>")
        for block in section.blocks:
            if isinstance(block, Equation):
                parts.append(_equation(block))
            elif isinstance(block, Table):
                parts.append(_table(block, writer))
            else:
                parts.append(f"<p>{escape(block).replace(chr(10), '<br>')}</p>")
    return boxed("\n".join(parts))


def _equation(equation: Equation) -> str:
    """Write an equation that breaks before its signs, and only there."""
    pieces = [equation.left]
    for relation, (first, *others) in equation.sides:
        pieces += [f"{relation} {first}", *others]
    text = " ".join(escape(piece).replace(" ", "&nbsp;") for piece in pieces)
    return f'<p class="equation">{text}</p>'


def _table(table: Table, writer: Writer) -> str:
    words = in_words(table)

    def row(cells: Sequence[str], tag: str) -> str:
        texts = [
            f'<{tag} class="{"symbol" if left else "number"}">{escape(cell)}</{tag}>'
            for cell, left in zip(cells, words, strict=True)
        ]
        return f"<tr>{''.join(texts)}</tr>"

    header, *rows = table_cells(table, writer)
    lines = ['<div class="scroll"><table>', f"<thead>{row(header, 'th')}</thead>", "<tbody>"]
    lines += [row(cells, "td") for cells in rows]
    lines += ["</tbody>", "</table></div>"]
    if table.note:
        lines.append(f"<p><small>{escape(table.note)}</small></p>")
    return "\n".join(lines)
