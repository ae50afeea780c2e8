"""Writer: formulas as Unicode, ASCII or LaTeX, in symbols or in numbers."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

import numpy as np

from . import formula as f
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
        self._flavour_index = f.Name._fields.index(flavour)
        self.signs = {sign: way[self._flavour_index] for sign, way in _SIGNS.items()}

    def with_digits(self, digits: int) -> Writer:
        return Writer(self.flavour, digits=digits, hide_numbers=self.hide_numbers)

    def with_flavour(self, flavour: str) -> Writer:
        return Writer(flavour, digits=self.digits, hide_numbers=self.hide_numbers)

    def name(self, name: f.Name) -> str:
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

    def relation(self, formula: f.Formula, value: float) -> str:
        """Return the sign between a formula in numbers and its value, as both are written.

        "=" where the numbers as they are shown make the value as it is shown, to its last digit;
        "≈" where it can be seen that they were rounded.
        """
        made = calculate(formula, lambda x: Decimal(self._rounded(x)))
        made = Context(prec=self.digits, traps=[]).plus(made)
        is_equal = self.hide_numbers or made == Decimal(self._rounded(value))
        return self.signs["equals" if is_equal else "about"]

    def symbols(self, formula: f.Formula) -> str:
        return self._write(formula)[0]

    def numbers(self, formula: f.Formula) -> str:
        """Write the formula with the number of every symbol in its place."""
        return self._write(f.in_numbers(formula))[0]

    def terms(self, formula: f.Formula) -> list[str]:
        """Write a sum term by term, each but the first behind its sign; all else is one term."""
        if not isinstance(formula, f.Sum):
            return [self.symbols(formula)]
        terms, minus = [self._inside(formula.terms[0], SUM)], self.signs["minus"]
        for term in formula.terms[1:]:
            if isinstance(term, f.Negative):
                terms.append(f"{minus} {self._inside(term.of, PRODUCT, first=False)}")
                continue
            part = self._inside(term, SUM)
            # a negative number is subtracted
            is_negative = part.startswith(minus)
            terms.append(f"{minus} {part[len(minus) :]}" if is_negative else f"+ {part}")
        return terms

    def pieces(self, formula: f.Formula) -> list[str]:
        """Write a sum term by term, a product factor by factor: where a line may break."""
        if not isinstance(formula, f.Product):
            return self.terms(formula)
        first, *others = self._factors(formula)
        return [first, *(f"{self.signs['times'].lstrip()}{factor}" for factor in others)]

    def _factors(self, formula: f.Product) -> list[str]:
        return [self._inside(part, PRODUCT, n == 0) for n, part in enumerate(formula.factors)]

    def _inside(self, formula: f.Formula, at_least: int, first: bool = True) -> str:
        """Write a part; in brackets where it is too loose, or negative but not at the front."""
        text, tightness = self._write(formula)
        negative = text.startswith(self.signs["minus"])
        return self._brackets(text) if tightness < at_least or (negative and not first) else text

    def _brackets(self, text: str) -> str:
        # a group of its own, so that a minus in front of it is a sign and not a subtraction
        return rf"\left({{{text}}}\right)" if self.is_latex else f"({text})"

    def _write(self, formula: f.Formula) -> tuple[str, int]:
        """Return the text and how tightly it holds together."""
        match formula:
            case f.Quantity(f.NAMELESS, value):
                text = self._vector(value) if np.ndim(value) else self.number(float(value))
                # 2 * 10^-3 is a product to its neighbours
                is_product = self.is_latex and "10^" in text and not np.ndim(value)
                return text, PRODUCT if is_product else ATOM
            case f.Quantity() | f.Variable():
                return self.name(formula.name), ATOM
            case f.Constant(value):
                return self.constant(value), ATOM
            case f.Partial(top, bottom):
                upper, lower = (self.signs["d"] + self.name(name) for name in (top, bottom))
                return (
                    rf"\frac{{{upper}}}{{{lower}}}" if self.is_latex else f"{upper}/{lower}",
                    ATOM,
                )
            case f.Trail(names):
                return self.signs["to"].join(map(self.name, names)), ATOM
            case f.Rest(count):
                return self._more(count), ATOM
            case f.Negative(of):
                return self.signs["minus"] + self._inside(of, PRODUCT, first=False), PRODUCT
            case f.Sum():
                return " ".join(self.terms(formula)), SUM
            case f.Product():
                return self.signs["times"].join(self._factors(formula)), PRODUCT
            case f.Quotient(top, bottom):
                if self.is_latex:
                    return rf"\frac{{{self.symbols(top)}}}{{{self.symbols(bottom)}}}", ATOM
                below = self._inside(bottom, ATOM, first=False)
                return f"{self._inside(top, PRODUCT)} / {below}", PRODUCT
            case f.Power():
                return self._power(formula), ATOM
            case f.Apply(function, argument):
                return self._function(function, self.symbols(argument)), ATOM
            case f.Case(condition, above, otherwise):
                cases = (self._inside(f.as_formula(x), SUM) for x in (above, otherwise))
                then, other, latex = *cases, self.is_latex
                words = [then, "if", f"{self.symbols(condition)} > 0", "else", other]
                words[1::2] = [rf"\text{{ {w} }}" if latex else f" {w} " for w in words[1::2]]
                return self._brackets("".join(words)), ATOM
            case f.SumOver(index, body):
                below = rf"_{{{index}}}" if self.is_latex else f"_{index}"
                if self.flavour == "unicode":
                    below = index.translate(f.SUBSCRIPT)
                return (
                    f"{self.signs['sum']}{below * bool(index)} {self._inside(body, PRODUCT)}",
                    PRODUCT,
                )
        assert isinstance(formula, f.Special)
        return self._write(formula.general)

    def _vector(self, values: Any, shown: int = 6) -> str:
        words = [self.number(float(x)) for x in values[:shown]]
        if len(values) > shown:
            words.append(self._more(len(values) - shown))
        text = ", ".join(words)
        return rf"\left[{text}\right]" if self.is_latex else f"[{text}]"

    def _more(self, count: int) -> str:
        if self.is_latex:
            return rf"\dots\,\text{{{count:,} more}}"
        return f"{self.signs['dots']} {count:,} more"

    def _power(self, formula: f.Power) -> str:
        base = self._inside(formula.base, ATOM, first=False)
        # what ends in an upper index, or an exponent of its own, or stands on two lines
        raised = isinstance(formula.base, f.Partial | f.Quotient)
        if isinstance(formula.base, f.Quantity):
            name = formula.base.name
            raised = "e" in base if name == f.NAMELESS else "^" in name.ascii
        if raised and not base.endswith(")"):
            base = self._brackets(base)
        power = f.as_formula(formula.exponent)
        is_symbol = isinstance(power, f.Quantity) and power.name != f.NAMELESS
        exponent = self.symbols(power) if is_symbol else str(power.value)  # all its digits
        if self.is_latex:
            return f"{base}^{{{exponent}}}"
        if self.flavour == "ascii":
            return f"{base}^{exponent}"
        return base + exponent.translate(f.SUPERSCRIPT)

    def _function(self, function: str, inside: str) -> str:
        if function == "abs":
            return rf"\left|{inside}\right|" if self.is_latex else f"|{inside}|"
        if not self.is_latex:
            return f"{function}({inside})"
        if function == "sqrt":
            return rf"\sqrt{{{inside}}}"
        name = _LATEX_FUNCTIONS.get(function, rf"\mathrm{{{function}}}")
        return name + self._brackets(inside)


def checked_writer(flavour: str, digits: int, hide: str | None = None) -> Writer:
    """Return a writer, or raise a ValueError on settings of the user that it can't have."""
    if hide not in (None, "numbers"):
        raise ValueError(f"hide must be None or 'numbers', got {hide!r}.")
    if not (isinstance(digits, int) and 1 <= digits <= 17):
        raise ValueError(f"digits must be an integer from 1 to 17, got {digits!r}.")
    return Writer(flavour, digits=digits, hide_numbers=hide == "numbers")
