"""The second half of a step's story: back from the loss, the gradient, and the update."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

import numpy as np

from . import rules
from .address import Address
from .document import Block, Cell, Paragraph, Row, Section, Table, Words, equal_to, equation, joined
from .formula import Apply, Formula, Partial, Quantity, SumOver, indexed, total
from .net import SOLVERS
from .step_symbols import COLUMNS, SHOWN, Array, StepSymbols, left_out, lines
from .story_parts import NO_RULE, count, decay, values
from .symbols import general

W = indexed("w")  # any weight
SHOWN_PARAMETERS = 42  # of a layer, in the table of updates; where there are more,
FIRST_WEIGHTS, FIRST_BIASES = 12, 6  # this many


def backward(s: StepSymbols, l: int) -> Section:
    """Write dJ/da and delta of a layer."""
    trace, n = s.trace, s.net.units[l]
    at_loss = l == s.L and s.net.canonical  # where delta is no product with f'(z)
    slopes = trace.df[l]
    at_once = at_loss and slopes is None
    blocks: list[Block] = [Paragraph.of(*_backward_rule(s, l, at_once))]
    if s.is_written_out(l, min(l + 1, s.L)):
        # at an output rounded to 0 or 1 the factors are infinity and 0, their product h - y
        finite = np.isfinite(trace.da[l][0])
        rows = [_da_of_unit(s, l, i) for i in range(n) if finite[i] and not at_once]
        blocks.append(lines([*rows, *(_delta_of_unit(s, l, i) for i in range(n))]))
    elif s.batch:
        blocks.append(s.by_row(trace.delta[l], s.notation.delta, l))
    else:
        columns: list[tuple[Formula, Array]] = [(s.delta(l, "i"), trace.delta[l][0])]
        if slopes is not None:
            columns.insert(0, (Apply("f'", s.z(l, "i")), slopes[0]))
        if not at_once:
            columns.insert(0, (s.dJ(s.notation.a(l, "i")), trace.da[l][0]))
        blocks.append(s.by_unit(n, *columns))
    if slopes is not None and not at_loss:
        blocks += _blocked(s, l)
    return Section.of("backward", f"Backward: {s.layer_title(l)}", *blocks)


def _backward_rule(s: StepSymbols, l: int, at_once: bool) -> list[Words]:
    """Write how dJ/da and delta of a layer come about, in general."""
    a, z, net = s.notation.a, s.notation.z, s.net
    delta_i, dJ_dz = s.delta(l, "i"), s.dJ(z(l, "i"))
    share = ("The share of a row is what it counts for in J.",)
    after: list[Words] = [share] if s.batch and l == s.L else []
    if at_once:
        difference = s.of_row(rules.canonical_derivative(s.y("i"), s.a(l, "i")))
        names = f"{net.out_activation} and {rules.loss_of(net).words}"
        why = f"({names} in one step: the targets of a row add up to 1)"
        return [equation(delta_i, dJ_dz, difference), (why,), *after]
    if l == s.L:
        found = [equation(s.dJ(a(l, "k")), s.of_row(s.loss_derivative("k")))]
    else:
        terms = SumOver("k", s.w(l, "i", "k") * s.delta(l + 1, "k"))
        found = [equation(s.dJ(a(l, "i")), terms)]
    if s.trace.df[l] is None:
        through = Partial(a(l, "k"), z(l, "i"))
        terms = SumOver("k", s.dJ(a(l, "k")) * through)
        found.append(equation(delta_i, dJ_dz, terms))
        found.append(equation(through, rules.softmax_derivative(s.a(l, "k"), s.a(l, "i"), None)))
    else:
        of_z = Apply("f'", s.z(l, "i"))
        found.append(equation(delta_i, dJ_dz, s.dJ(a(l, "i")) * of_z))
        found.append(equation(of_z, s.slope(l, "i")))
    return [*found, *after]


def _da_of_unit(s: StepSymbols, l: int, i: int) -> Row:
    """Write dJ/da[l][i] of the one row."""
    value = float(s.trace.da[l][0, i])
    if l == s.L:
        rule = s.loss_derivative(i)
    else:
        above = range(s.net.units[l + 1])
        rule = total([s.w(l, i, k) * s.delta(l + 1, k) for k in above])
    return equal_to(s.dJ(s.notation.a(l, i)), rule, value)


def _delta_of_unit(s: StepSymbols, l: int, i: int) -> Row:
    """Write delta[l][i] of the one row."""
    da, slopes = s.trace.da[l][0], s.trace.df[l]

    def dJ_da(k: int) -> Partial:
        return s.dJ(s.notation.a(l, k), float(da[k]))

    if s.net.canonical and l == s.L and (slopes is None or not np.isfinite(da[i])):
        rule = s.canonical_derivative(i)
    elif slopes is None:
        rule = total([dJ_da(k) * s.softmax_derivative(k, i) for k in range(len(da))])
    else:
        rule = dJ_da(i) * s.slope(l, i)
    delta = s.delta(l, i)
    return equal_to(delta, rule, delta.value)


def _blocked(s: StepSymbols, l: int) -> list[Block]:
    """Name the units whose derivative is 0 in every row."""
    units = np.flatnonzero((s.trace.df[l] == 0).all(axis=0))
    if not len(units):
        return []
    name = s.net.layer_activation(l)
    why = f"{name} at z <= 0" if rules.ACTIVATIONS[name].cuts else "saturated"
    which = joined(", ", [s.notation.a(l, int(i)) for i in units[:SHOWN]])
    if len(units) > 1:
        more = ", ..." * (len(units) > SHOWN)
        which = (f"{count(len(units), s.node)} (", *which, f"{more})")
    rows = " in every row" if s.batch else ""
    through = "it" if len(units) == 1 else "them"
    text = f": f'(z) = 0 ({why}){rows}, nothing goes back through {through}."
    return [Paragraph.of((*which, text))]


def gradient(s: StepSymbols, l: int) -> Section:
    """Write the derivatives by the weights and biases from a layer to the next."""
    n, m = s.net.units[l], s.net.units[l + 1]
    weight = s.notation.weight(l, "j", "i")
    dW, db = s.trace.dW[l], s.trace.db[l]

    def rule(delta: Formula, a: Formula | None = None, w: Quantity | None = None) -> Formula:
        body = delta if a is None else delta * a
        summed = SumOver("r", body) if s.batch else body
        return summed + decay(s, w) if s.net.alpha and w is not None else summed

    delta_i = s.delta(l + 1, "i")
    of_weight = equation(s.dJ(weight), rule(delta_i, s.a(l, "j"), general(weight)))
    of_bias = equation(s.dJ(s.notation.bias(l, "i")), rule(delta_i))
    intro = Paragraph.of(of_weight, of_bias)
    block: Block
    if s.is_written_out(l, l + 1):
        rows = []
        for i in range(m):
            delta = s.delta(l + 1, i)
            for j in range(n):
                w = s.w(l, j, i)
                value = float(dW[j, i])
                rows.append(equal_to(s.dJ(w.name), rule(delta, s.a(l, j), w), value))
            rows.append(equal_to(s.dJ(s.b(l, i).name), rule(delta), float(db[i])))
        block = lines(rows)
    else:
        block = _gradient_table(s, l)
    return Section.of("gradient", f"Gradient: {s.between(l)}", intro, block)


def _gradient_table(s: StepSymbols, l: int) -> Table:
    n, m = s.net.units[l], s.net.units[l + 1]
    dW, db = s.trace.dW[l], s.trace.db[l]
    to = [f"to {s.node} {s.number_of(i)}" for i in range(min(m, COLUMNS))]
    source = s.node if l or s.notation.layer(0) != "the inputs" else "input"
    rows: list[tuple[Cell, ...]] = [
        (f"from {source} {s.number_of(j)}", *map(float, dW[j, :COLUMNS]))
        for j in range(min(n, SHOWN))
    ]
    rows.append(("bias", *map(float, db[:COLUMNS])))
    note = left_out(min(n, SHOWN), n, f"{source}s from", min(m, COLUMNS), m, f"{s.node}s to")
    corner = s.dJ(s.notation.weight(l, "j", "i"))
    return Table((corner, *to), tuple(rows), note)


def update(s: StepSymbols) -> list[Section]:
    """Write the rule of the update, and the parameters before and after."""
    made, net = s.trace.update, s.net
    if made is None:
        if net.solver in SOLVERS:  # nobody asked for it
            return []
        return [Section.of("update", "Update", Paragraph.of(NO_RULE))]
    numbers = made.of(0, 0, 0)
    rule = [equation(line.name, line.rule) for line in rules.update_rule(numbers, s.J, W)]
    by_training = (
        f"A copy of the model made this step, in {made.dtype}: these are the numbers of its next "
        "partial_fit on these rows as one mini-batch."
    )
    first = Section.of(
        "update",
        f"Update: {rules.UPDATES[made.rule].words}",
        Paragraph.of(*rule),
        Paragraph.of(values(rules.constants_of_update(numbers))),
        Paragraph.of(by_training if net.model is not None else ""),
    )
    titles = [f"Update: {s.between(l)}" for l in range(s.L)]
    tables = [Section.of("update", title, _update_table(s, l)) for l, title in enumerate(titles)]
    return [first, *tables]


def _update_table(s: StepSymbols, l: int) -> Table:
    made = s.trace.update
    assert made is not None
    n, m = s.net.units[l], s.net.units[l + 1]
    addresses = [Address(l, j, i) for i in range(m) for j in range(n)]
    biases = m
    if len(addresses) + m > SHOWN_PARAMETERS:
        addresses, biases = addresses[:FIRST_WEIGHTS], min(m, FIRST_BIASES)
    shown = len(addresses)
    addresses += [Address(l, None, i) for i in range(biases)]
    slots = [f"{slot}_{when}" for slot in made.slots for when in ("old", "new")]
    rows = []
    for address in addresses:
        numbers = made.of(*address)
        keys = ("gradient", *slots, "old", "new")
        rows.append((address.name(s.notation), *(numbers[key] for key in keys)))
    note = left_out(shown, n * m, "weights", biases, m, "biases")
    header = [slot.replace("velocity", "v").replace("_", " ") for slot in slots]
    return Table(("", s.dJ(W), *header, "w old", "w new"), tuple(rows), note)
