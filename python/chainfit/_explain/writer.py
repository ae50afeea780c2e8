"""Writer: formulas as Unicode, ASCII or LaTeX, in symbols or in numbers."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

import numpy as np

from .formula import (
    SUBSCRIPT,
    SUPERSCRIPT,
    Apply,
    Case,
    Constant,
    Formula,
    Name,
    Negative,
    Partial,
    Power,
    Product,
    Quantity,
    Quotient,
    Rest,
    Special,
    Sum,
    SumOver,
    Trail,
    as_formula,
)
from .shown import calculate

SUM, PRODUCT, ATOM = 0, 1, 2  # how tightly the pieces of a written formula hold together

# as Unicode, ASCII and LaTeX
_SIGNS = {
    "times": (" · ", " * ", r" \cdot "),
    "minus": ("−", "-", "-"),
    "d": ("∂", "d", r"\partial "),
    "sum": ("Σ", "sum", r"\sum"),
    "to": (" → ", " -> ", r" \to "),
    "dots": ("…", "...", r"\dots"),
    "equals": ("=", "=", "="),
    "about": ("≈", "~=", r"\approx"),
}

_LATEX_FUNCTIONS = {"exp": r"\exp", "ln": r"\ln"}


class Writer:
    """Writes formulas in one flavour: 'unicode', 'ascii' or 'latex'.

    Numbers have 1 to 17 significant digits; 17: as many as tell one float64 from any other. Hidden,
    they are blanks; a rule's own constants stay.
    """

    def __init__(self, flavour: str, *, digits: int = 6, hide_numbers: bool = False) -> None:
        self.flavour = flavour
        self.digits = digits
        self.hide_numbers = hide_numbers
        self.is_latex = flavour == "latex"
        self._flavour_index = Name._fields.index(flavour)
        self.signs = {sign: way[self._flavour_index] for sign, way in _SIGNS.items()}

    def with_digits(self, digits: int) -> Writer:
        return Writer(self.flavour, digits=digits, hide_numbers=self.hide_numbers)

    def with_flavour(self, flavour: str) -> Writer:
        return Writer(flavour, digits=self.digits, hide_numbers=self.hide_numbers)

    def name(self, name: Name) -> str:
        return name[self._flavour_index]

    def number(self, x: float) -> str:
        """Write a number, or the blank that stands for it."""
        if self.hide_numbers:
            return r"\square" if self.is_latex else "____"
        return self.constant(x)

    def constant(self, x: float) -> str:
        """Write a number that is never hidden."""
        mantissa, _, exponent = self._rounded(x).partition("e")
        text = mantissa.replace("-", self.signs["minus"])
        if not exponent:
            return text
        return text + (rf" \cdot 10^{{{int(exponent)}}}" if self.is_latex else f"e{int(exponent)}")

    def _rounded(self, x: float) -> str:
        x = float(x) or 0.0  # no -0
        return repr(x).removesuffix(".0") if self.digits >= 17 else f"{x:.{self.digits}g}"

    def relation(self, formula: Formula, value: float) -> str:
        """Return the sign between a formula in numbers and its value, as both are written.

        "=" where the numbers as they are shown make the value as it is shown, to its last digit;
        "≈" where it can be seen that they were rounded.
        """
        made = calculate(formula, lambda x: Decimal(self._rounded(x)))
        made = Context(prec=self.digits, traps=[]).plus(made)
        is_equal = self.hide_numbers or made == Decimal(self._rounded(value))
        return self.signs["equals" if is_equal else "about"]

    def symbols(self, formula: Formula) -> str:
        return self._write(formula, False)[0]

    def numbers(self, formula: Formula) -> str:
        """Write the formula with the number of every symbol in its place."""
        return self._write(formula, True)[0]

    def terms(self, formula: Formula, in_numbers: bool = False) -> list[str]:
        """Write a sum term by term, each but the first behind its sign; all else is one term."""
        if not isinstance(formula, Sum):
            return [self._write(formula, in_numbers)[0]]
        terms, minus = [self._inside(formula.terms[0], in_numbers, SUM)], self.signs["minus"]
        for term in formula.terms[1:]:
            if isinstance(term, Negative):
                inside = self._inside(term.of, in_numbers, PRODUCT, first=False)
                terms.append(f"{minus} {inside}")
                continue
            part = self._inside(term, in_numbers, SUM)
            # a negative number is subtracted
            is_negative = part.startswith(minus)
            terms.append(f"{minus} {part[len(minus) :]}" if is_negative else f"+ {part}")
        return terms

    def pieces(self, formula: Formula, in_numbers: bool = False) -> list[str]:
        """Write a sum term by term, a product factor by factor: where a line may break."""
        if not isinstance(formula, Product):
            return self.terms(formula, in_numbers)
        first, *others = self._factors(formula, in_numbers)
        return [first, *(f"{self.signs['times'].lstrip()}{factor}" for factor in others)]

    def partial(self, top: Name, bottom: Name) -> str:
        d, upper, lower = self.signs["d"], self.name(top), self.name(bottom)
        if self.is_latex:
            return rf"\frac{{{d}{upper}}}{{{d}{lower}}}"
        return f"{d}{upper}/{d}{lower}"

    def _write(self, formula: Formula, in_numbers: bool) -> tuple[str, int]:
        """Return the text and how tightly it holds together."""
        method = getattr(self, f"_{type(formula).__name__}")
        text, tightness = method(formula, in_numbers)
        return text, tightness

    def _inside(self, formula: Formula, in_numbers: bool, at_least: int, first: bool = True) -> str:
        """Write a part; in brackets where it is too loose, or negative but not at the front."""
        text, tightness = self._write(formula, in_numbers)
        negative = text.startswith(self.signs["minus"])
        if tightness < at_least or (negative and not first):
            return self._brackets(text)
        return text

    def _brackets(self, text: str) -> str:
        # a group of its own, so that a minus in front of it is a sign and not a subtraction
        return rf"\left({{{text}}}\right)" if self.is_latex else f"({text})"

    def _leaf(self, formula: Any, in_numbers: bool) -> tuple[str, int]:
        if not in_numbers:
            return self.name(formula.name), ATOM
        return self._number(formula.value)

    def _number(self, value: Any) -> tuple[str, int]:
        if np.ndim(value):
            return self.vector(value), ATOM
        text = self.number(float(value))
        # 2 * 10^-3 is a product to its neighbours
        return text, PRODUCT if self.is_latex and "10^" in text else ATOM

    def vector(self, values: Any, shown: int = 6) -> str:
        words = [self.number(float(x)) for x in values[:shown]]
        more = len(values) - len(words)
        if more:
            words.append(self.more(more))
        text = ", ".join(words)
        return rf"\left[{text}\right]" if self.is_latex else f"[{text}]"

    def more(self, count: int) -> str:
        if self.is_latex:
            return rf"\dots\,\text{{{count:,} more}}"
        return f"{self.signs['dots']} {count:,} more"

    _Quantity = _Variable = _leaf

    def _Special(self, formula: Special, in_numbers: bool) -> tuple[str, int]:
        return self._write(formula.general, in_numbers)

    def _Constant(self, formula: Constant, in_numbers: bool) -> tuple[str, int]:
        return self.constant(formula.value), ATOM

    def _Partial(self, formula: Partial, in_numbers: bool) -> tuple[str, int]:
        if in_numbers:
            return self._number(formula.value)
        return self.partial(formula.top, formula.bottom), ATOM

    def _Negative(self, formula: Negative, in_numbers: bool) -> tuple[str, int]:
        inside = self._inside(formula.of, in_numbers, PRODUCT, first=False)
        return self.signs["minus"] + inside, PRODUCT

    def _Sum(self, formula: Sum, in_numbers: bool) -> tuple[str, int]:
        return " ".join(self.terms(formula, in_numbers)), SUM

    def _Product(self, formula: Product, in_numbers: bool) -> tuple[str, int]:
        return self.signs["times"].join(self._factors(formula, in_numbers)), PRODUCT

    def _factors(self, formula: Product, in_numbers: bool) -> list[str]:
        return [
            self._inside(factor, in_numbers, PRODUCT, first=n == 0)
            for n, factor in enumerate(formula.factors)
        ]

    def _Quotient(self, formula: Quotient, in_numbers: bool) -> tuple[str, int]:
        if self.is_latex:
            top, bottom = (self._write(f, in_numbers)[0] for f in (formula.top, formula.bottom))
            return rf"\frac{{{top}}}{{{bottom}}}", ATOM
        top = self._inside(formula.top, in_numbers, PRODUCT)
        return f"{top} / {self._inside(formula.bottom, in_numbers, ATOM, first=False)}", PRODUCT

    def _Power(self, formula: Power, in_numbers: bool) -> tuple[str, int]:
        base = self._inside(formula.base, in_numbers, ATOM, first=False)
        # what ends in an upper index or an exponent of its own
        if in_numbers:
            raised = "e" in base
        elif isinstance(formula.base, Quantity):
            raised = "^" in formula.base.name.ascii
        else:
            raised = isinstance(formula.base, Partial)
        if raised and not base.endswith(")"):
            base = self._brackets(base)
        power = as_formula(formula.exponent)
        is_symbol = isinstance(power, Quantity) and not in_numbers
        exponent = self.symbols(power) if is_symbol else str(power.value)  # all its digits
        if self.is_latex:
            return f"{base}^{{{exponent}}}", ATOM
        if self.flavour == "ascii":
            return f"{base}^{exponent}", ATOM
        return base + exponent.translate(SUPERSCRIPT), ATOM

    def _Apply(self, formula: Apply, in_numbers: bool) -> tuple[str, int]:
        inside = self._write(formula.argument, in_numbers)[0]
        if formula.function == "abs":
            return rf"\left|{inside}\right|" if self.is_latex else f"|{inside}|", ATOM
        if not self.is_latex:
            return f"{formula.function}({inside})", ATOM
        if formula.function == "sqrt":
            return rf"\sqrt{{{inside}}}", ATOM
        function = _LATEX_FUNCTIONS.get(formula.function, rf"\mathrm{{{formula.function}}}")
        return function + self._brackets(inside), ATOM

    def _Case(self, formula: Case, in_numbers: bool) -> tuple[str, int]:
        condition = self._write(formula.condition, in_numbers)[0]
        above, otherwise = (
            self._inside(as_formula(f), in_numbers, SUM) for f in (formula.above, formula.otherwise)
        )
        words = [above, "if", f"{condition} > 0", "else", otherwise]
        if self.is_latex:
            words[1::2] = [rf"\text{{ {word} }}" for word in words[1::2]]
        return self._brackets(("" if self.is_latex else " ").join(words)), ATOM

    def _SumOver(self, formula: SumOver, in_numbers: bool) -> tuple[str, int]:
        if in_numbers:
            return self._number(formula.value)
        body = self._inside(formula.body, in_numbers, PRODUCT)
        sign, index = self.signs["sum"], formula.index
        if index and self.is_latex:
            sign += f"_{{{index}}}"
        elif index:
            sign += f"_{index}" if self.flavour == "ascii" else index.translate(SUBSCRIPT)
        return f"{sign} {body}", PRODUCT

    def _Trail(self, formula: Trail, in_numbers: bool) -> tuple[str, int]:
        return self.signs["to"].join(map(self.name, formula.names)), ATOM

    def _Rest(self, formula: Rest, in_numbers: bool) -> tuple[str, int]:
        return self._number(formula.value) if in_numbers else (self.more(formula.count), ATOM)


def checked_writer(flavour: str, digits: int, hide: str | None = None) -> Writer:
    """Return a writer, or raise a ValueError on settings of the user that it can't have."""
    if hide not in (None, "numbers"):
        raise ValueError(f"hide must be None or 'numbers', got {hide!r}.")
    if not (isinstance(digits, int) and 1 <= digits <= 17):
        raise ValueError(f"digits must be an integer from 1 to 17, got {digits!r}.")
    return Writer(flavour, digits=digits, hide_numbers=hide == "numbers")
