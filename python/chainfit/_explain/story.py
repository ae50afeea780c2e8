"""What the stories of a step and of a chain have in common: J, the net, and what is given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import document as d
from . import rules
from .formula import Constant, Quantity, code
from .symbols import Symbols

MAX_GIVEN = 60  # numbers of a net that are listed with an exercise
NO_RULE = (
    "L-BFGS has no rule for a single weight: it makes its step of the gradients of all weights, "
    "now and before."
)


def objective(s: Symbols) -> tuple[d.Words, d.Words]:
    """Return what J is, and in a batch what the loss of a row is, in words."""
    k = "" if s.net.units[-1] == 1 else s.notation.letter(0)
    loss = s.loss.of_row(k, s.y(k or 0), s.a(s.L, k or 0))
    row: d.Words = ()
    J: d.Words = (s.J, " = ", loss)
    if s.batch:
        mean = "mean" if s.trace.sample_weight is None else "weighted mean"
        rows = f"{len(s.trace.X):,} rows"
        J, row = (s.J, f" = {mean} over the {rows} of ", s.J_row), (s.J_row, " = ", loss)
    if s.net.alpha:
        J = (*J, " + ", s.penalty(), ", alpha = ", Constant(s.net.alpha))
    return J, row


def net_words(s: Symbols) -> str:
    hidden = [s.net.layer_activation(l) for l in range(1, s.L)]
    hidden = hidden[:1] if len(set(hidden)) == 1 else hidden
    words = f"hidden layers {', '.join(hidden)}, " if hidden else ""
    return f"{'-'.join(map(str, s.net.units))}, {words}outputs {s.net.out_activation}"


def given(s: Symbols, update: dict[str, Any] | None, of_row: str = "") -> d.Section | None:
    """Return what an exercise starts from: inputs, targets, weights, biases, settings."""
    units = s.net.units
    if sum(w.size + w.shape[1] for w in s.net.coefs) + units[0] > MAX_GIVEN:
        return None
    lines = [
        ("inputs", [s.a(0, i) for i in range(units[0])]),
        ("targets", [s.y(k) for k in range(units[-1])]),
    ]
    for m in range(s.L):
        for j in range(units[m + 1]):
            label = "" if m or j else "weights"
            lines.append((label, [*(s.w(m, i, j) for i in range(units[m])), s.b(m, j)]))
    settings = rules.of_update(update, "constants", "memory")
    if s.net.alpha:
        settings.append(Quantity(code("alpha"), s.net.alpha))
    if settings:
        lines.append(("training", settings))
    rows = tuple(d.Row.of(label, listed(q, ",  ", "\xa0=\xa0")) for label, q in lines)
    return d.Section.of("given", f"Given{of_row}", d.Equations(rows, "facts"))


def listed(quantities: Iterable[Quantity], between: str = ", ", equals: str = " = ") -> d.Words:
    """Return symbols with their numbers, which exercises show too."""
    return d.joined(between, ((q, equals, Constant(float(q.value))) for q in quantities))


def count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
