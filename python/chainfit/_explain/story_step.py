"""A training step as a document: forward in two steps a layer, loss, backward, gradient, update.

What is written is made of the same symbols and rules as the chain of a single weight. To add a
section: a function here or in `story_backward`, and its place in `step_story`.
"""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

import numpy as np

from . import rules
from .address import Address
from .document import (
    Block,
    Cell,
    Document,
    Paragraph,
    Row,
    Section,
    Table,
    equal_to,
    equation,
    label,
    number,
)
from .formula import Formula, Name, Quantity, SumOver, code, total
from .notation import Notation
from .step_symbols import SHOWN, WRITTEN_OUT, StepSymbols, left_out, lines
from .story_backward import backward, gradient, update
from .story_parts import count, net_words, objective, penalty
from .symbols import general
from .trace import TraceNumbers
from .writer import Writer

ABOUT = Name("≈", "~=", r"\approx")


def overview(s: StepSymbols) -> Section:
    """Say what net this is, what J is, and how to read the symbols."""
    net = s.net
    address = Address(0, net.units[0] - 1, 0)
    name, stored = address.name(s.notation), address.stored
    reading = (f"Notation {s.notation.key}: ", *s.notation.legend(), ".")
    where = () if name.ascii == stored else (name, f" is stored in {stored}.")
    rows = count(len(s.trace.X), "row")
    rounding = (
        f"Numbers are computed in float64 and shown in up to {s.digits} digits; ",
        *(ABOUT, " stands where the digits shown do not make the result exactly."),
    )
    return Section.of(
        "overview",
        "One training step",
        Paragraph.of(f"The net: {net_words(s)}, loss {net.loss}; {rows}.", rounding),
        Paragraph.of(*objective(s)),
        Paragraph.of(reading, where),
    )


def inputs(s: StepSymbols) -> Section:
    """List the inputs."""
    if s.batch:
        table = s.by_row(s.trace.X, s.notation.a, 0)
    else:
        names = s.net.feature_names
        rows = tuple(
            (s.a(0, j), label(names[j]), float(s.trace.X[0, j]))
            for j in range(min(len(names), 2 * SHOWN))
        )
        note = left_out(len(rows), len(names), "inputs")
        table = Table(("input", "name", "value"), rows, note)
    return Section.of("inputs", "Forward: the inputs", table)


def forward(s: StepSymbols, l: int) -> Section:
    """Write the sums of a layer, and what its activation makes of them."""
    n = s.net.units[l]
    f, z_i, a_i = s.net.layer_activation(l), s.z(l, "i"), s.a(l, "i")
    terms = SumOver("j", s.w(l - 1, "j", "i") * s.a(l - 1, "j"))
    step_1 = equation(z_i, terms + s.b(l - 1, "i"))
    step_2 = equation(a_i, s.activation(l, "i"))
    first = Paragraph.of(("Step 1, weighted sum and bias: ", *step_1))
    second = Paragraph.of((f"Step 2, activation ({f}): ", *step_2))
    blocks: tuple[Block, ...]
    if s.is_written_out(l - 1, l):
        sums = [equal_to(s.z(l, i), _sum_of_unit(s, l, i), s.z(l, i).value) for i in range(n)]
        outputs = [_output_of_unit(s, l, i) for i in range(n)]
        blocks = (first, lines(sums), second, lines(outputs))
    elif s.batch:
        z = s.by_row(s.trace.z[l], s.notation.z, l)
        blocks = (first, z, second, s.by_row(s.trace.a[l], s.notation.a, l))
    else:
        table = s.by_unit(n, (z_i, s.trace.z[l][0]), (a_i, s.trace.a[l][0]))
        blocks = (first, second, table)
    return Section.of("forward", f"Forward: {s.layer_title(l)}", *blocks)


def _sum_of_unit(s: StepSymbols, l: int, i: int) -> Formula:
    products = [s.w(l - 1, j, i) * s.a(l - 1, j) for j in range(s.net.units[l - 1])]
    return total([*products, s.b(l - 1, i)])


def _output_of_unit(s: StepSymbols, l: int, i: int) -> Row:
    a = s.a(l, i)
    if s.trace.df[l] is None:  # of all sums of the layer
        return Row.of(a, number(a.value))
    return equal_to(a, s.activation(l, i), a.value)


def loss(s: StepSymbols) -> Section:
    """Write the loss, the L2 term and J."""
    data = float(s.trace.share @ s.trace.loss_rows)
    blocks, rows = _loss_of_batch(s) if s.batch else _loss_of_row(s, data)
    if s.batch:
        term: Formula = SumOver("r", general(code("share")) * general(s.J_row), data)
    else:
        term = Quantity(code("data term"), data)
    J = general(s.J)
    if s.net.alpha:
        rows.append(Row.of("L2 term", penalty(s), number(s.trace.penalty)))
        l2 = Quantity(code("L2 term"), s.trace.penalty)
        rows.append(equal_to(J, term + l2, s.trace.J))
    elif s.batch:
        rows.append(equal_to(J, term, s.trace.J))
    return Section.of("loss", "Loss", *blocks, lines(rows))


def _loss_of_row(s: StepSymbols, data: float) -> tuple[list[Block], list[Row]]:
    n = s.net.units[-1]
    outputs = tuple(
        (s.a(s.L, k), label(s.net.output_names[k]), s.a(s.L, k).value, s.y(k).value)
        for k in range(min(n, 2 * SHOWN))
    )
    note = left_out(len(outputs), n, "outputs")
    if n > WRITTEN_OUT:
        rule: Formula = Quantity(code("the loss of the outputs"), data)
    else:
        rule = rules.loss_of(s.net).of_outputs([(s.y(k), *_output(s, k)) for k in range(n)])
    left = "data term" if s.net.alpha else general(s.J)
    table = Table(("output", "name", "value", "target"), outputs, note)
    return [table], [equal_to(left, rule, data)]


def _output(s: StepSymbols, k: int) -> tuple[Formula, Formula]:
    """Return a and 1 - a of an output with the numbers that its loss takes: a log loss clips a."""
    a = s.a(s.L, k)
    if rules.loss_of(s.net).of_sum is not None:
        eps = np.finfo(np.float64).eps
        a = Quantity(a.name, float(np.clip(a.value, eps, 1 - eps)))
    rest = 1 - a
    if Writer("ascii", digits=s.digits).number(a.value) == "1":  # 1 - 1 would hide what is left
        name = Name(*(Writer(flavour).symbols(rest) for flavour in Name._fields))
        return a, Quantity(name, rest.value)
    return a, rest


def _loss_of_batch(s: StepSymbols) -> tuple[list[Block], list[Row]]:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (str(r), float(s.trace.share[r]), float(s.trace.loss_rows[r]))
        for r in range(min(len(s.trace.X), SHOWN))
    )
    note = left_out(len(rows), len(s.trace.X), "rows")
    words = "The share of a row is what it counts for in J: its weight over their sum."
    return [Paragraph.of(words), Table(("row", "share", s.J_row), rows, note)], []


def step_story(trace: TraceNumbers, notation: Notation, digits: int) -> Document:
    """Return the whole step, section by section."""
    s = StepSymbols(trace, notation, digits)
    sections = [
        overview(s),
        inputs(s),
        *(forward(s, l) for l in range(1, s.L + 1)),
        loss(s),
        *(backward(s, l) for l in range(s.L, 0, -1)),
        *(gradient(s, l) for l in range(s.L - 1, -1, -1)),
        *update(s),
    ]
    return Document(tuple(sections), long=True)
