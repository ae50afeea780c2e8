"""A chain as HTML: formulas in MathML, which browsers write themselves; no script, no network."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from functools import cache

from .chain import Chain
from .chain_latex import display_sides, math_latex
from .chain_story import story
from .html import boxed
from .mathml import breakable
from .sections import Math, Row, Section, Words
from .writer import Writer


def chain_html(chain: Chain, writer: Writer, sections: Sequence[str] | None = None) -> str:
    """Return all sections as a `div`; `writer` writes LaTeX, which becomes MathML."""
    convert = require_latex2mathml()

    @cache
    def mathml(latex: str) -> str:
        # what browsers have no letters for is written as text
        latex = re.sub(r"\\mathtt\{([^{}]*)\}", _as_text, latex)
        return breakable(convert(latex, display="block"))

    page = _Page(writer, mathml)
    told = story(chain, sections, hide_numbers=writer.hide_numbers)
    return boxed("\n".join(page.section(section) for section in told))


def preformatted(text: str) -> str:
    """Return the text form, for where latex2mathml is missing."""
    return f'<pre style="overflow-x:auto">{html.escape(text)}</pre>'


def require_latex2mathml() -> Callable[..., str]:
    """Import latex2mathml, or say how to get it."""
    try:
        from latex2mathml.converter import convert
    except ImportError:
        raise ImportError(
            "formulas in HTML need latex2mathml, which is not installed: "
            "pip install 'chainfit[explain]'"
        ) from None
    return convert


def _as_text(match: re.Match[str]) -> str:
    text = match[1].replace(r"\_", "_").replace(r"\delta", "δ")
    return rf"\texttt{{{text}}}"


class _Page:
    def __init__(self, writer: Writer, mathml: Callable[[str], str]) -> None:
        self.writer, self.mathml = writer, mathml

    def section(self, section: Section) -> str:
        parts = []
        if section.title:
            parts.append(f"<h4>{html.escape(section.title)}</h4>")
        parts += [f"<p>{self.words(words)}</p>" for words in section.intro]
        if section.display is not None:
            left, right = display_sides(section.display, self.writer)
            parts.append(f'<p class="display">{self.mathml(f"{left} = {right}")}</p>')
        if section.rows:
            rows = "\n".join(
                self.fact(row) if section.facts else self.equation(row) for row in section.rows
            )
            parts.append(f'<div class="scroll"><table class="stacked">\n{rows}\n</table></div>')
        parts += [f"<p>{self.words(words)}</p>" for words in section.after]
        return "\n".join(parts)

    def words(self, words: Words) -> str:
        return "".join(
            html.escape(word)
            if isinstance(word, str)
            else self.mathml(math_latex(word, self.writer))
            for word in words
        )

    def fact(self, row: Row) -> str:
        cells = [f'<td class="label">{self.words(row.left)}</td>']
        cells += [f'<td class="words">{self.words(side)}</td>' for side in row.sides]
        if row.remark:
            cells.append(f'<td class="words remark">{self.words(row.remark)}</td>')
        return f"<tr>{''.join(cells)}</tr>"

    def equation(self, row: Row) -> str:
        """Write left, symbols, numbers and value into cells of their own."""
        cells = [f"<td>{self.words(row.left)}</td>"]
        plain = self.writer.with_flavour("unicode")  # signs stand between formulas
        sides = [self.words(side) for side in row.sides]
        if not row.left:
            cells.append(f'<td colspan="3">{sides[0]}</td>')
        else:
            first = row.sides[0][0]
            in_numbers = len(sides) == 2 and isinstance(first, Math) and first.in_numbers
            blank = {1: ["", ""], 2: [""], 3: []}[len(sides)]
            signed = zip(row.signs(plain), sides, strict=True)
            sides = [f"{sign}&nbsp;{side}" for sign, side in signed]
            sides = [*blank, *sides] if in_numbers else [*sides[:-1], *blank, sides[-1]]
            cells += [f"<td>{side}</td>" for side in sides[:-1]]
            cells.append(f'<td class="value">{sides[-1]}</td>')
        if row.remark:
            cells.append(f'<td class="remark">{self.words(row.remark)}</td>')
        return f"<tr>{''.join(cells)}</tr>"
