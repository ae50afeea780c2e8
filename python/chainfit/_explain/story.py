"""What the stories of a step and of a chain have in common: J, the net, and what is given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import document as d
from . import step_rules
from .formula import Constant, Quantity, code
from .next_step import AVERAGED
from .outputs import remark
from .step_rules import SHARE
from .symbols import Symbols

MAX_GIVEN = 60  # numbers of a net that are listed with an exercise


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
    for key in s.penalties:
        J = (*J, " + ", s.penalty(key))
    for key in s.penalties:
        J = (*J, f", {key} = ", Constant(getattr(s.net, key)))
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
    masks = [s.mask(l, i) for l in range(s.L) for i in range(units[l])]
    if any(masks):
        lines.append(("dropout", list(filter(None, masks))))
    for m in range(s.L):
        for j in range(units[m + 1]):
            label = "" if m or j else "weights"
            lines.append((label, [*(s.w(m, i, j) for i in range(units[m])), s.b(m, j)]))
    settings = step_rules.of_update(update, "constants", "memory")
    settings += [Quantity(code(key), getattr(s.net, key)) for key in s.penalties]
    if settings:
        lines.append(("training", settings))
    rows = tuple(d.Row.of(label, listed(q, ",  ", "\xa0=\xa0")) for label, q in lines)
    return d.Section.of("given", f"Given{of_row}", d.Equations(rows, "facts"))


def listed(quantities: Iterable[Quantity], between: str = ", ", equals: str = " = ") -> d.Words:
    """Return symbols with their numbers, which exercises show too."""
    return d.joined(between, ((q, equals, Constant(float(q.value))) for q in quantities))


def count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def left_out(*counts: tuple[int, int, str]) -> str:
    """Say what a table shows of what there is: (shown, all, of what); nothing if all."""
    parts = [f"{shown} of {total:,} {what}" for shown, total, what in counts if shown < total]
    return f"Shown: {', '.join(parts)}." if parts else ""


def between(s: Symbols, l: int) -> str:
    return f"the weights from {s.notation.layer(l)} to {s.notation.layer(l + 1)}"


def remarks(s: Symbols) -> list[d.Words]:
    """Say what is not as in predictions: units that are left out, weights before an average."""
    return [words for words in ((remark(s.net),), dropped(s), (averaged(s),)) if any(words)]


def dropped(s: Symbols) -> d.Words:
    """Say what dropout does, where it does."""
    if s.trace.dropout is None:
        return ()
    rates = d.joined(", ", (Constant(rate) for rate in s.trace.dropout.rates))
    mask = next(mask for l in range(s.L) if (mask := s.mask(l, "i")) is not None)
    return (
        *(
            "Dropout drops units of the inputs and hidden layers at random, at the rates ",
            *rates,
        ),
        *(": ", mask, " is 0 for a unit that this step drops, and 1 / (1 - rate) for one that "),
        "stays. Predictions drop none.",
    )


def averaged(s: Symbols) -> str:
    """Say whose weights they are, where the model's are an average."""
    update = s.trace.update
    if update is None or not update.constants.get(SHARE.key):
        return ""
    return AVERAGED
