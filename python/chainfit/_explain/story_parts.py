"""What the stories of a step and of a chain have in common: J, its L2 term, the update's rule."""

from __future__ import annotations

from . import rules
from .document import Words, joined
from .formula import Constant, Formula, Quantity, SumOver, code, indexed
from .symbols import Symbols, general


def objective(s: Symbols) -> tuple[Words, Words]:
    """Return what J is, and in a batch what the loss of a row is, in words."""
    k = "" if s.net.units[-1] == 1 else s.notation.letter(0)
    loss = rules.loss_of(s.net).of_row(k, s.y(k or 0), s.a(s.L, k or 0))
    row: Words = ()
    J: Words = (s.J, " = ", loss)
    if s.batch:
        mean = "mean" if s.trace.sample_weight is None else "weighted mean"
        rows = f"{len(s.trace.X):,} rows"
        J, row = (s.J, f" = {mean} over the {rows} of ", s.J_row), (s.J_row, " = ", loss)
    if s.net.alpha:
        J = (*J, " + ", penalty(s), ", alpha = ", Constant(s.net.alpha))
    return J, row


def penalty(s: Symbols) -> Formula:
    """Return the L2 term of J."""
    squares = SumOver("", general(indexed("w")) ** 2)
    half = general(code("alpha")) / 2
    return half * squares if s.trace.sum_w == 1 else half / s.trace.sum_w * squares


def decay(s: Symbols, weight: Quantity) -> Formula:
    """Return the L2 term of dJ/dw."""
    alpha = Quantity(code("alpha"), s.net.alpha)
    return alpha * weight if s.trace.sum_w == 1 else alpha / Constant(s.trace.sum_w) * weight


NO_RULE = (
    "L-BFGS has no rule for a single weight: it makes its step of the gradients of all weights, "
    "now and before."
)


def values(quantities: list[Quantity], between: str = ", ", equals: str = " = ") -> Words:
    """Return symbols with their numbers, which exercises show too."""
    pairs = ((q, equals, Constant(float(q.value))) for q in quantities)
    return joined(between, pairs)


def count(n: int, what: str) -> str:
    """Return a number of things in words: '1 row', '1,000 rows'."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def net_words(s: Symbols) -> str:
    """Say which net this is."""
    hidden = [s.net.layer_activation(l) for l in range(1, s.L)]  # noqa: E741
    hidden = hidden[:1] if len(set(hidden)) == 1 else hidden
    words = f"hidden layers {', '.join(hidden)}, " if hidden else ""
    return f"{'-'.join(map(str, s.net.units))}, {words}outputs {s.net.out_activation}"
