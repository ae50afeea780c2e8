"""The first half of a trace's story: what J is, the forward pass, the loss."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

import math

import numpy as np

from . import rules
from .address import Address
from .formula import Formula, Name, Quantity, SumOver, code, indexed, total
from .render import Block, Equation, Section, Side, Table, label
from .teller import SHOWN, WRITTEN_OUT, Teller, count, left_out
from .writer import Writer


def overview(t: Teller) -> Section:
    net, digits, about = t.net, t.writer.digits, t.writer.signs["about"]
    hidden = f"hidden layer{'s' * (t.L > 2)} {net.activation}, " if t.L > 1 else ""
    address = Address(0, net.units[0] - 1, 0)
    legend = "".join(
        piece if isinstance(piece, str) else t.write(piece) for piece in t.notation.legend()
    )
    name, stored = t.write(address.name(t.notation)), address.stored
    where = "" if name == stored else f"\n{name} is stored in {stored}."
    return Section(
        "One training step",
        [
            f"{'-'.join(map(str, net.units))} net, {hidden}output {net.out_activation}, loss "
            f"{net.loss}; {count(t.rows, 'row')}.\n"
            f"Numbers are computed in float64 and shown in up to {digits} digits; {about} stands "
            "where the digits shown do not make the result exactly.",
            objective(t),
            f"Notation {t.notation.key}: {legend}.{where}",
        ],
    )


def objective(t: Teller) -> str:
    """Say what J is; in a batch also what the loss of a row is."""
    k = "" if t.net.units[-1] == 1 else "k"
    y, a = (
        t.general(name(k or 0))
        for name in (t.notation.target, lambda unit: t.notation.a(t.L, unit))
    )
    loss = rules.loss_formula(t.net.loss, k, y, a)
    if t.one:
        J = t.say(t.J, loss)
    else:
        mean = "mean" if t.trace.sample_weight is None else "weighted mean"
        J = f"{t.write(t.J)} = {mean} over the {t.rows:,} rows of "
        J += t.write(t.J_row)
    if t.net.alpha:
        J += f" + {t.write(penalty(t))}, alpha = {t.writer.constant(t.net.alpha)}"
    return J if t.one else f"{J}\n{t.say(t.J_row, loss)}"


def penalty(t: Teller) -> Formula:
    squares = SumOver("", t.general(indexed("w")) ** 2, math.nan)
    half = t.general(code("alpha")) / 2
    return half * squares if t.sum_w == 1 else half / t.sum_w * squares


def inputs(t: Teller) -> Block:
    names = [label(name) for name in t.net.feature_names]
    symbols = [t.write(t.notation.a(0, j)) for j in range(len(names))]
    if not t.one:
        return t.by_row(t.trace.X, symbols)
    shown = min(len(names), 2 * SHOWN)
    rows: list[tuple[str | float, ...]] = [
        (symbols[j], names[j], float(t.trace.X[0, j])) for j in range(shown)
    ]
    return Table(("input", "name", "value"), rows, left_out(shown, len(names), "inputs"))


def forward(t: Teller, l: int) -> Section:
    n, s = t.net.units[l], t.symbols
    name, notation = t.net.layer_activation(l), t.notation
    w = t.general(notation.weight(l - 1, "j", "i"))
    z_i, b_i = t.z(l, "i"), t.general(notation.bias(l - 1, "i"))
    terms = SumOver("j", w * t.a(l - 1, "j"), math.nan)
    if name == "softmax":
        f: Formula = rules.softmax(z_i, "k", t.z(l, "k"))
    else:
        f = rules.ACTIVATIONS[name](z_i)
    blocks: list[Block] = [f"Step 1, weighted sum and bias: {t.say(z_i, terms + b_i)}"]
    step_2 = f"Step 2, activation ({name}): {t.say(t.a(l, 'i'), f)}"
    if t.written_out(l - 1, l):
        for i in range(n):
            products = [s.w(l - 1, j, i) * s.a(l - 1, j) for j in range(t.net.units[l - 1])]
            z = s.z(l, i)
            blocks.append(t.equation(z, total([*products, s.b(l - 1, i)]), float(z.value)))
        blocks.append(step_2)
        for i in range(n):
            a, z = s.a(l, i), s.z(l, i)
            if name == "softmax":
                blocks.append(t.value_of(a, a.value))
            else:
                blocks.append(t.equation(a, rules.ACTIVATIONS[name](z), float(a.value)))
    elif t.one:
        z, a = t.trace.z[l][0], t.trace.a[l][0]
        blocks += [step_2, t.by_node(n, (z_i, z), (t.a(l, "i"), a))]
    else:
        blocks.append(t.by_row(t.trace.z[l], t.names(notation.z, l)))
        blocks.append(step_2)
        blocks.append(t.by_row(t.trace.a[l], t.names(notation.a, l)))
    return Section(f"Forward: {t.layer_title(l)}", blocks)


def loss(t: Teller) -> Section:
    trace, net, s, n = t.trace, t.net, t.symbols, t.net.units[-1]
    blocks: list[Block] = []
    rows: list[tuple[str | float, ...]]
    data = float(trace.share @ trace.loss_rows)
    if t.one:
        shown = range(min(n, 2 * SHOWN))
        rows = [
            (t.write(s.a(t.L, k)), label(net.output_names[k]), s.a(t.L, k).value,
             s.y(k).value) for k in shown
        ]  # fmt: skip
        note = left_out(len(rows), n, "outputs")
        blocks.append(Table(("output", "name", "value", "target"), rows, note))
        if n > WRITTEN_OUT:
            loss: Formula = Quantity(code("the loss of the outputs"), data)
        else:
            loss = rules.loss_of_outputs(net.loss, [(s.y(k), *output(t, k)) for k in range(n)])
        left = code("data term") if net.alpha else t.J
        blocks.append(t.equation(left, loss, data))
        term: Formula = Quantity(code("data term"), data)
    else:
        shown = range(min(t.rows, SHOWN))
        rows = [(str(r), float(trace.share[r]), float(trace.loss_rows[r])) for r in shown]
        note = left_out(len(rows), t.rows, "rows")
        symbol = t.write(t.J_row)
        blocks.append("The share of a row is what it counts for in J: its weight over their sum.")
        blocks.append(Table(("row", "share", symbol), rows, note))
        share = t.general(code("share"))
        term = SumOver("r", share * t.general(t.J_row), data)
    if net.alpha:
        squares = Quantity(code("L2 term"), trace.penalty)
        equals = t.writer.signs["equals"]
        sides = (t.write(penalty(t)), t.writer.number(trace.penalty))
        blocks.append(Equation("L2 term", tuple(Side(equals, (text,)) for text in sides)))
        blocks.append(t.equation(t.J, term + squares, trace.J))
    elif not t.one:
        blocks.append(t.equation(t.J, term, trace.J))
    return Section("Loss", blocks)


def output(t: Teller, k: int) -> tuple[Formula, Formula]:
    """Return a and 1 - a of an output with the numbers that its loss takes: a log loss clips a."""
    a = t.symbols.a(t.L, k)
    if t.net.loss.endswith("log_loss"):
        eps = np.finfo(np.float64).eps
        a = Quantity(a.name, float(np.clip(a.value, eps, 1 - eps)))
    rest = 1 - a
    if t.writer.number(a.value) == "1":  # 1 - 1 would not tell what is left
        rest = Quantity(
            Name(*(Writer(flavour).symbols(rest) for flavour in Name._fields)), rest.value
        )
    return a, rest
