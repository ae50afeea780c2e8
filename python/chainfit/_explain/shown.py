"""What a reader gets who calculates with numbers as they are shown, rounded: in exact decimals."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_FLOOR, Context, Decimal, localcontext
from typing import Any

from .formula import Apply, Arithmetic, Formula, Special, SumOver

#: So many digits that a result is rounded once, as it is compared. Infinities are results.
_EXACT = Context(prec=60, traps=[])
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


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


def _cos(z: Decimal) -> Decimal:
    """Return cos(z) by its series, within half a turn of 0."""
    if not z.is_finite():
        return Decimal("NaN")
    z -= 2 * _PI * (z / (2 * _PI)).to_integral_value()
    term = total = Decimal(1)
    for n in range(1, 60):
        term *= -z * z / (2 * n * (2 * n - 1))
        total += term
    return total


_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sqrt": Decimal.sqrt,
    "ln": Decimal.ln,
    "exp": Decimal.exp,
    "tanh": lambda z: 1 - 2 / ((2 * z).exp() + 1),
    "abs": abs,
    "sign": lambda z: z.compare(Decimal(0)),
    "cos": _cos,
    "floor": lambda z: z.to_integral_value(ROUND_FLOOR),
    "erf": _erf,
}


class _Decimals(Arithmetic):
    functions = _FUNCTIONS

    def __init__(self, shown: Callable[[float], Decimal]) -> None:
        self.shown = shown

    def of(self, f: Formula | float) -> Any:
        return self.leaf(f) if isinstance(f, Special | SumOver) else super().of(f)

    def leaf(self, f: Formula) -> Decimal:
        return self.shown(float(f.value))

    def power(self, x: Decimal, exponent: float) -> Decimal:
        return x ** Decimal(exponent)

    def apply(self, f: Apply) -> Decimal:
        known = f.function in self.functions
        return Decimal(super().apply(f)) if known else Decimal("NaN")

    def where(self, condition: Any, x: Decimal, y: Decimal) -> Decimal:
        return x if condition else y


def calculate(formula: Formula, shown: Callable[[float], Decimal]) -> Decimal:
    """Return a formula's value, of numbers as `shown` rounds them; NaN if a function is unknown."""
    with localcontext(_EXACT):
        return Decimal(_Decimals(shown).of(formula))
