"""What a reader gets who calculates with numbers as they are shown, rounded: in exact decimals."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal, localcontext

from .formula import (
    Apply,
    Case,
    Formula,
    Negative,
    Power,
    Product,
    Quotient,
    Sum,
    as_formula,
)

#: So many digits that a result is rounded once, as it is compared. Infinities are results.
_EXACT = Context(prec=60, traps=[])

_FUNCTIONS: dict[str, Callable[[Decimal], Decimal]] = {
    "sqrt": Decimal.sqrt,
    "ln": Decimal.ln,
    "exp": Decimal.exp,
    "tanh": lambda z: 1 - 2 / ((2 * z).exp() + 1),
    "abs": abs,
    "erf": lambda z: _erf(z),
}


def _erf(z: Decimal) -> Decimal:
    """Return erf(z) by its series, of which enough digits are left where it is not 1 yet."""
    if not abs(z) < 7:
        return z / abs(z) if z.is_finite() else Decimal(1).copy_sign(z)
    term = total = z
    n = 0
    while term and abs(term) > abs(total) * Decimal("1e-40"):
        n += 1
        term *= -z * z / n
        total += term / (2 * n + 1)
    return total * 2 / _PI.sqrt()


_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def calculate(formula: Formula, shown: Callable[[float], Decimal]) -> Decimal:
    """Return the value of a formula whose numbers are rounded first.

    Parameters
    ----------
    formula : Formula
    shown : callable
        The number that a reader sees in the place of a float.

    Returns
    -------
    Decimal
        NaN where the formula has a function that is none of `_FUNCTIONS`.
    """

    def value(f: Formula) -> Decimal:
        match f:
            case Negative():
                return -value(f.of)
            case Sum():
                return sum(map(value, f.terms), Decimal(0))
            case Product():
                result = Decimal(1)
                for factor in f.factors:
                    result *= value(factor)
                return result
            case Quotient():
                return value(f.top) / value(f.bottom)
            case Power():
                return value(f.base) ** as_formula(f.exponent).value
            case Apply():
                function = _FUNCTIONS.get(f.function)
                return Decimal("NaN") if function is None else function(value(f.argument))
            case Case():
                return value(as_formula(f.above if value(f.condition) > 0 else f.otherwise))
            case _:
                return shown(float(f.value))

    with localcontext(_EXACT):
        return value(formula)
