"""The second half of a trace's story: back from the loss, and the gradients of the weights."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

import math

import numpy as np

from . import rules
from .formula import Apply, Formula, Partial, Quantity, SumOver, code, total
from .render import Block, Equation, Section, Table
from .teller import COLUMNS, SHOWN, Array, Teller, count, left_out


def backward(t: Teller, l: int) -> Section:
    net, n, trace = t.net, t.net.units[l], t.trace
    name = net.layer_activation(l)
    softmax = name == "softmax"
    joined = softmax and net.canonical
    blocks: list[Block] = [backward_rule(t, l, joined)]
    if not t.one and l == t.L:
        blocks[-1] = f"{blocks[-1]}\nThe share of a row is what it counts for in J."
    if t.written_out(l, min(l + 1, t.L)):
        # at an output rounded to 0 or 1 the factors are infinity and 0, their product h - y
        if not joined:
            finite = np.flatnonzero(np.isfinite(trace.da[l][0]))
            blocks += [equation_da(t, l, int(i)) for i in finite]
        blocks += [equation_delta(t, l, i) for i in range(n)]
    elif t.one:
        columns: list[tuple[Formula, Array]] = []
        if not joined:
            columns.append((t.dJ(t.notation.a(l, "i")), trace.da[l][0]))
        if not softmax:
            columns.append((Apply("f'", t.z(l, "i"), math.nan), trace.df[l][0]))
        columns.append((t.general(t.notation.delta(l, "i")), trace.delta[l][0]))
        blocks.append(t.by_node(n, *columns))
    else:
        blocks.append(t.by_row(trace.delta[l], t.names(t.notation.delta, l)))
    if not softmax and not (l == t.L and net.canonical):  # whose delta is no product with f'(z)
        blocks += blocked(t, l, name)
    return Section(f"Backward: {t.layer_title(l)}", blocks)


def backward_rule(t: Teller, l: int, joined: bool) -> str:
    """Write how dJ/da and delta of a layer come about, in general."""
    notation, net = t.notation, t.net
    a, z = notation.a, notation.z
    y, a_k = t.general(notation.target("k")), t.a(l, "k")
    delta_i, dJ_dz = t.general(notation.delta(l, "i")), t.dJ(z(l, "i"))
    times, minus = t.writer.signs["times"], t.writer.signs["minus"]
    if joined:
        difference = t.of_row(t.a(l, "i") - t.general(notation.target("i")))
        return (
            f"{t.say(delta_i, dJ_dz, difference)}\n"
            "(softmax and log loss in one step: the targets of a row add up to 1)"
        )
    if l == t.L:
        lines = [t.say(t.dJ(a(l, "k")), t.of_row(rules.LOSS_DERIVATIVES[net.loss](y, a_k)))]
    else:
        w, delta = notation.weight(l, "i", "k"), notation.delta(l + 1, "k")
        terms = SumOver("k", t.general(w) * t.general(delta), math.nan)
        lines = [t.say(t.dJ(a(l, "i")), terms)]
    if net.layer_activation(l) == "softmax":
        through = Partial(a(l, "k"), z(l, "i"), math.nan)
        terms = SumOver("k", t.dJ(a(l, "k")) * through, math.nan)
        lines.append(t.say(delta_i, dJ_dz, terms))
        rule = f"(1{{i=k}} {minus} {t.write(a(l, 'i'))})"
        lines.append(f"{t.write(through)} = {t.write(a_k)}{times}{rule}")
    else:
        z_i, slope = t.z(l, "i"), rules.SLOPES[net.layer_activation(l)]
        of_z = Apply("f'", z_i, math.nan)
        lines.append(t.say(delta_i, dJ_dz, t.dJ(a(l, "i")) * of_z))
        lines.append(t.say(of_z, slope(z_i, t.a(l, "i"))))
    return "\n".join(lines)


def equation_da(t: Teller, l: int, i: int) -> Equation:
    """Write dJ/da[l][i] of the one row."""
    value = float(t.trace.da[l][0, i])
    if l == t.L:
        rule = t.symbols.loss_derivative(i)
    else:
        above = range(t.net.units[l + 1])
        rule = total([t.symbols.w(l, i, k) * t.delta(l + 1, k) for k in above])
    return t.equation(t.dJ(t.notation.a(l, i)), rule, value)


def equation_delta(t: Teller, l: int, i: int) -> Equation:
    """Write delta[l][i] of the one row."""
    s, da = t.symbols, t.trace.da[l][0]

    def dJ_da(k: int) -> Partial:
        return t.dJ(t.notation.a(l, k), float(da[k]))

    softmax = t.net.layer_activation(l) == "softmax"
    if t.net.canonical and l == t.L and (softmax or not np.isfinite(da[i])):
        rule = rules.canonical_derivative(s.y(i), s.a(l, i))
    elif softmax:
        rule = total([dJ_da(k) * s.softmax_derivative(k, i) for k in range(len(da))])
    else:
        rule = dJ_da(i) * s.slope(l, i)
    delta = t.delta(l, i)
    return t.equation(delta, rule, float(delta.value))


def blocked(t: Teller, l: int, activation: str) -> list[Block]:
    """Name the units whose derivative is 0 in every row."""
    df = t.trace.df[l]
    units = np.flatnonzero((df == 0).all(axis=0))
    if not len(units):
        return []
    why = "relu at z <= 0" if activation == "relu" else "saturated"
    listed = ", ".join(t.write(t.notation.a(l, int(i))) for i in units[:SHOWN])
    listed += ", ..." * (len(units) > SHOWN)
    which = listed if len(units) == 1 else f"{count(len(units), t.node)} ({listed})"
    rows = "" if t.one else " in every row"
    through = "it" if len(units) == 1 else "them"
    return [f"{which}: f'(z) = 0 ({why}){rows}, nothing goes back through {through}."]


def gradient(t: Teller, l: int) -> Section:
    net, trace, notation, s = t.net, t.trace, t.notation, t.symbols
    n, m = net.units[l], net.units[l + 1]
    weight, bias = notation.weight(l, "j", "i"), notation.bias(l, "i")
    decay = Quantity(code("alpha"), net.alpha)
    scale = decay if t.sum_w == 1 else decay / t.sum_w

    def rule(delta: Formula, a: Formula | None, w: Formula | None) -> Formula:
        body = delta if a is None else delta * a
        summed = body if t.one else SumOver("r", body, math.nan)
        return summed + scale * w if net.alpha and w is not None else summed

    delta_i = t.general(notation.delta(l + 1, "i"))
    of_weight = rule(delta_i, t.a(l, "j"), t.general(weight))
    blocks: list[Block] = [
        f"{t.say(t.dJ(weight), of_weight)}\n{t.say(t.dJ(bias), rule(delta_i, None, None))}"
    ]
    dW, db = trace.dW[l], trace.db[l]
    if t.written_out(l, l + 1):
        for i in range(m):
            delta = t.delta(l + 1, i)
            for j in range(n):
                w = s.w(l, j, i)
                blocks.append(t.equation(t.dJ(w.name), rule(delta, s.a(l, j), w), float(dW[j, i])))
            b = t.dJ(notation.bias(l, i))
            blocks.append(t.equation(b, rule(delta, None, None), float(db[i])))
    else:
        to = [f"to {t.node} {t.number_of(i)}" for i in range(min(m, COLUMNS))]
        source = t.node if l or notation.layer(0) != "the inputs" else "input"
        rows: list[tuple[str | float, ...]] = [
            (f"from {source} {t.number_of(j)}", *map(float, dW[j, :COLUMNS]))
            for j in range(min(n, SHOWN))
        ]
        rows.append(("bias", *map(float, db[:COLUMNS])))
        note = left_out(min(n, SHOWN), n, f"{source}s from", min(m, COLUMNS), m, f"{t.node}s to")
        blocks.append(Table((t.write(t.dJ(weight)), *to), rows, note))
    return Section(f"Gradient: {t.between(l)}", blocks)
