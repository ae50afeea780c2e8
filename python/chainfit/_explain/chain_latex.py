"""A chain as LaTeX: an aligned environment, one line for each equation."""

from __future__ import annotations

from collections.abc import Sequence

from .chain import Chain
from .chain_story import story
from .formula import (
    Constant,
    Formula,
    Partial,
    Product,
    Quantity,
    Rest,
    Trail,
    code,
    total,
)
from .sections import Display, Math, Section, Words
from .writer import Writer

#: Sections of equations; the others are texts.
_EQUATIONS = ("factors", "paths", "softmax", "delta", "rows", "l2", "update")

_SPECIAL = str.maketrans(
    {c: rf"\{c}" for c in "#$%&_{}"}
    | {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
)


def chain_latex(chain: Chain, writer: Writer, sections: Sequence[str] | None = None) -> str:
    """Return the chain as an ``aligned`` environment, in symbols, in numbers, and its pieces."""
    lines = []
    for section in story(chain, sections, hide_numbers=writer.hide_numbers):
        if section.display is not None:
            lines += _headline(chain, section.display, writer)
        elif section.key in _EQUATIONS and section.rows:
            lines.append(rf"&\textbf{{{escape(section.title)}}}")
            lines += _equations(section, writer)
    body = " \\\\\n".join(lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _headline(chain: Chain, display: Display, writer: Writer) -> list[str]:
    """Write the derivative in symbols, then in numbers, and its value."""
    left, right = display_sides(display, writer)
    lines = [f"{left} &= {right}"]
    value = writer.numbers(Quantity(code(""), chain.value))
    if chain.n_rows > 1:
        name = chain.address.name(chain.notation)
        left = f"{writer.symbols(Partial(chain.notation.loss, name, 0.0))} "
    else:
        left = ""
    first, *others = (writer.numbers(term) for term in terms_in_numbers(chain))
    lines.append(f"{left}&= {first}")
    for term in others:
        sign = "" if term.startswith("-") else "+ "
        lines.append(rf"&\quad {sign}{term}")
    sign = writer.relation(total(terms_in_numbers(chain)), chain.value)
    return [*lines, f"&{sign} {value}"]


def display_sides(display: Display, writer: Writer) -> tuple[str, str]:
    """Return left and right side of the chain in general, as LaTeX."""
    sums = rf"\sum_{{{','.join(display.letters)}}} " if display.letters else ""
    return writer.symbols(display.left), sums + writer.symbols(Product(display.factors))


def terms_in_numbers(chain: Chain) -> list[Formula]:
    """Return what adds up to dJ/dw: paths of the one row, or rows of a batch; and the L2 term."""
    terms: list[Formula] = []
    if chain.n_rows > 1:
        most = 8
        pairs = list(zip(map(float, chain.share), map(float, chain.terms), strict=True))
        for share, term in pairs[:most]:
            terms.append(Product((_number(share), _number(term))))
        if len(pairs) > most:
            rest = sum(share * term for share, term in pairs[most:])
            terms.append(Rest(len(pairs) - most, rest))
    else:
        row = chain.row(0)
        for path in row.paths:
            terms.append(Product(tuple(factor.partial for factor in path.factors)))
        if not row.complete:
            terms.append(Rest(row.n_paths - len(row.paths), row.remainder))
    if chain.l2_term:
        terms.append(_number(chain.l2_term))
    return terms or [Constant(0)]


def _number(value: float) -> Formula:
    return Quantity(code(""), value)


def _equations(section: Section, writer: Writer) -> list[str]:
    lines = []
    for row in section.rows:
        left = words_latex(row.left, writer)
        first, *signs = row.signs(writer)
        # a trail of units is no quantity: it is not equal to its product
        what = row.left[0] if row.left else ""
        is_trail = isinstance(what, Math) and isinstance(what.formula, Trail)
        line = f"{left} :&\\quad " if is_trail else f"{left} &{first} " if left else " &\\quad "
        line += words_latex(row.sides[0], writer)
        for sign, side in zip(signs, row.sides[1:], strict=True):
            line += f" {sign} {words_latex(side, writer)}"
        lines.append(line)
    return lines


def words_latex(words: Words, writer: Writer) -> str:
    """Return words as LaTeX in math mode."""
    return "".join(
        rf"\text{{{escape(word)}}}" if isinstance(word, str) else math_latex(word, writer)
        for word in words
        if word
    )


def math_latex(math: Math, writer: Writer) -> str:
    """Return a formula as LaTeX."""
    writer = writer if math.digits is None else writer.with_digits(math.digits)
    return writer.numbers(math.formula) if math.in_numbers else writer.symbols(math.formula)


def escape(text: str) -> str:
    """Return a text that LaTeX reads as it stands."""
    return text.translate(_SPECIAL)
