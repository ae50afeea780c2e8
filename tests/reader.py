"""A reader with a pencil: calculates in decimals with the numbers of a text as they stand there."""

import re
from decimal import Context, Decimal, localcontext

_EXACT = Context(prec=60, traps=[])
_FUNCTIONS = {
    "D": Decimal,
    "sqrt": Decimal.sqrt,
    "ln": Decimal.ln,
    "exp": Decimal.exp,
    "tanh": lambda z: 1 - 2 / ((2 * z).exp() + 1),
    "max": max,
}
NUMBER = r"\d+\.?\d*(?:e-?\d+)?"
_PLAIN = str.maketrans({"·": "*", "−": "-", "²": "^2", "¹": "^1", "\xa0": " "})
_WORDS = r"\b(?:if|else|inf|" + "|".join(_FUNCTIONS) + r")\b"


def is_numeric(text):
    """Say whether a side of an equation has numbers alone, no symbols."""
    text = text.translate(_PLAIN)
    rest = re.sub(_WORDS, "", re.sub(NUMBER, "", text))
    return bool(re.search(r"\d|inf", text)) and not re.search(r"[^\W\d]|[^\s()*/+\-^<>,.]", rest)


def calculate(text):
    """Return what a side makes, a Decimal."""
    text = re.sub(rf"(?<![\w.^]){NUMBER}", r"D('\g<0>')", text.translate(_PLAIN))
    text = text.replace("^", "**").replace("inf", "D('inf')")
    with localcontext(_EXACT):
        return Decimal(eval(text, {"__builtins__": {}}, _FUNCTIONS))


def check(numbers, sign, value):
    """Assert that an equals sign stands where the numbers make the value to its last digit."""
    made, shown = calculate(numbers), calculate(value)
    if not shown.is_finite():
        assert (made == shown) == (sign == "="), f"{numbers} {sign} {value}"
        return
    last = Decimal((0, (1,), Decimal(re.sub(r"[−-]", "", value.strip())).as_tuple().exponent))
    agree = made.is_finite() and abs(made - shown) <= last / 2
    assert agree or sign != "=", f"{numbers} {sign} {value}, it is {made}"
    # and no ≈ where the value is exact
    assert sign == "=" or made != shown, f"{numbers} {sign} {value}"


def check_line(text):
    """Check one line `left = symbols = numbers = value`; return how many results it has."""
    sides = re.split(r"\s+(=|~=|≈)\s+", text.strip())
    if len(sides) < 5:
        return 0
    numbers, sign, value = sides[-3:]
    value = re.split(r"\s{3,}", value)[0]  # a remark
    if not (is_numeric(numbers) and is_numeric(value)):
        return 0
    check(numbers, sign, value)
    assert all(s == "=" for s in sides[1:-3:2])
    return 1
