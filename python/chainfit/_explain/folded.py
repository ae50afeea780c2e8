"""Sections on what many paths share: the softmax, delta, and units that block."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

import numpy as np

from .formula import Formula, Partial, Product, Quantity, code
from .notation import Notation
from .parts import Block
from .rows import jacobian_sum, largest_terms
from .sections import Math, Row, Section, Told, Words, equal_to, named, number

#: Most units of a layer whose deltas are told by their rules.
MOST_UNITS = 3
#: Most units that are named as blocked.
MOST_BLOCKED = 6


# --- softmax -------------------------------------------------------------------------------------


def through_softmax(told: Told) -> Section | None:
    """Write dJ/dz of one output as the sum over the softmax's Jacobian, and as p - y."""
    if not told.softmax or told.row.fused:
        return None
    k = _softmax_unit(told)
    z = told.notation.z(told.L, k)
    value = float(told.chain.backward.top[told.row.row, k])
    jacobian = Partial(told.J_row, z, value)
    found = [*_factors_of_outputs(told, k)]
    found.append(Row((Math(jacobian),), equal_to(_jacobian_sum(told, k), value)))
    if told.net.canonical:
        a, y = told.symbols.a(told.L, k), told.symbols.y(k)
        found.append(Row((Math(jacobian),), equal_to(a - y, value)))
    intro: Words = (
        "A softmax ties the outputs together: ",
        named(z),
        " moves all of them, so that its derivative is a sum over them.",
    )
    return Section(
        "softmax", f"Through the softmax{told.of_row}", intro=(intro,), rows=tuple(found)
    )


def _factors_of_outputs(told: Told, k: int) -> list[Row]:
    """Write the two factors of the output that adds most to dJ/dz_k, with their rules."""
    derivative = told.chain.backward.end[told.row.row]
    rules = [told.symbols.softmax_derivative(m, k) for m in range(len(derivative))]
    m = int(np.argmax([abs(d * rule.value) for d, rule in zip(derivative, rules, strict=True)]))
    a, z = told.notation.a(told.L, m), told.notation.z(told.L, k)
    by_output = Partial(told.J_row, a, float(derivative[m]))
    by_sum = Partial(a, z, float(rules[m].value))
    return [
        Row((Math(by_output),), equal_to(told.symbols.loss_derivative(m), by_output.value)),
        Row((Math(by_sum),), equal_to(rules[m], by_sum.value)),
    ]


def _softmax_unit(told: Told) -> int:
    """Return the output that is looked at: the weight's, or that of the largest path."""
    if told.l + 1 == told.L:
        return told.address.target
    if told.row.paths:
        best = max(told.row.paths, key=lambda path: abs(path.product))
        return best.nodes[-1][1]
    return int(np.argmax(np.abs(told.chain.backward.top[told.row.row])))


def _jacobian_sum(told: Told, k: int) -> Formula:
    return jacobian_sum(told.chain.backward, told.symbols, told.J_row, k)


# --- delta ---------------------------------------------------------------------------------------


def folded(told: Told) -> Section:
    """Write the same derivative through delta, layer by layer from the loss."""
    if told.notation.in_vectors:
        found = _in_vectors(told, told.notation)
    else:
        found = [row for m in range(told.L, told.l, -1) for row in _deltas_of_layer(told, m)]
    j = told.address.target
    delta = Quantity(told.notation.delta(told.l + 1, j), float(_delta(told, told.l + 1, j)))
    left = Partial(told.J_row, told.weight, told.row.term)
    rule = delta * told.symbols.source(told.address)
    found.append(Row((Math(left),), equal_to(rule, told.row.term)))
    intro: Words = (
        named(told.notation.delta(told.l + 1, j)),
        " = ",
        Math(Partial(told.J_row, told.notation.z(told.l + 1, j), 0.0)),
        " is what all weights into this unit have in common. Each delta is made once, of those of "
        "the layer above.",
    )
    return Section(
        "delta",
        f"Folded into delta{told.of_row}",
        intro=(intro,),
        rows=tuple(found),
        after=_cost(told),
    )


def _delta(told: Told, m: int, j: int) -> float:
    """Return dJ_r/dz of a unit at or above the weight's own."""
    column = 0 if m == told.l + 1 else j
    return float(told.chain.backward.delta[m][told.row.row, column])


def _deltas_of_layer(told: Told, m: int) -> list[Row]:
    """Write delta of a layer: by its rule of few units, else of the largest and in numbers."""
    if m == told.l + 1:
        units, others = [told.address.target], list[int]()
    else:
        values = told.chain.backward.delta[m][told.row.row]
        largest = [int(k) for k in np.argsort(-np.abs(values), kind="stable")]
        few = len(largest) <= MOST_UNITS
        units, others = (sorted(largest), []) if few else (largest[:1], largest[1:])
    found = []
    for unit in units:
        left = named(told.notation.delta(m, unit))
        found.append(Row((left,), equal_to(_delta_rule(told, m, unit), _delta(told, m, unit))))
    if others:
        side: list[str | Math] = []
        for unit in others[:MOST_UNITS]:
            side += [", " if side else "", named(told.notation.delta(m, unit)), " = "]
            side.append(number(_delta(told, m, unit)))
        more = len(others) - MOST_UNITS
        if more > 0:
            side.append(f" and {more:,} smaller")
        found.append(Row((), (tuple(side),)))
    return found


def _delta_rule(told: Told, m: int, j: int) -> Formula:
    """Return the rule of delta of unit j of layer m."""
    s = told.symbols
    if m == told.L and told.net.canonical:
        return s.a(m, j) - s.y(j)
    if m == told.L and told.softmax:
        return _jacobian_sum(told, j)
    if m == told.L:
        return Product((s.loss_derivative(j), s.slope(m, j)))
    above = told.chain.backward.delta[m + 1][told.row.row]

    def term(k: int) -> Formula:
        delta = Quantity(told.notation.delta(m + 1, k), float(above[k]))
        return Product((s.w(m, j, k), delta))

    sum_above = largest_terms(told.net.coefs[m][j] * above, term, most=3)
    return Product((sum_above, s.slope(m, j)))


def _in_vectors(told: Told, notation: Notation) -> list[Row]:
    """Write delta of whole layers, down to that of the weight's unit."""
    net, r, l, L = told.net, told.row.row, told.l, told.L
    found = []
    for m in range(L, l, -1):
        own = m == l + 1
        j = told.address.target
        at = f"[{j}]" if own else ""
        values = told.chain.backward.delta[m][r]
        a = f"{notation.vector('a', m).unicode}{at}"
        z = f"{notation.vector('z', m).unicode}{at}"
        if m == L:
            y = f"y{at}"
            if net.canonical:
                rule = f"{a} - {y}"
            elif told.softmax:
                whole = notation.vector("a", m).unicode
                rule = f"(diag({whole}) - outer({whole}, {whole})){at} @ dJ/d{whole}"
            else:
                rule = f"dJ/d{a} * {net.out_activation}'({z})"
        else:
            above = notation.vector("δ", m + 1).unicode
            W = f"{notation.vector('W', m).unicode}{at}"
            rule = f"({W} @ {above}) * {net.activation}'({z})"
        value = float(values[0]) if own else values
        name = notation.delta(m, j) if own else notation.vector("δ", m)
        sides: list[Words] = [(named(code(rule)),), (Math(Quantity(name, value), True),)]
        found.append(Row((named(name),), tuple(sides)))
    return found


def _cost(told: Told) -> tuple[Words, ...]:
    """Say what folding saves: how many multiplications either way takes."""
    if told.row.n_paths == 1 or not told.row.paths:
        return ()
    n_factors = len(told.row.paths[0].factors)
    units = told.net.units
    one_by_one = told.row.n_paths * (n_factors - 1)
    # delta of the outputs (a factor of the paths too where it is one); of each layer down to the
    # weight's; of the weight's unit; times dz/dw
    through = 0 if told.net.canonical or told.softmax else units[-1]
    for m in range(told.L - 1, told.l, -1):
        n = 1 if m == told.l + 1 else units[m]
        through += n * (units[m + 1] + 1)
    text = (
        f"{told.row.n_paths:,} paths of {n_factors} factors are {one_by_one:,} multiplications for "
        f"this one weight, through delta {through + 1:,}; and the deltas serve all other weights."
    )
    return ((text,),)


# --- what blocks ---------------------------------------------------------------------------------


def blocked(told: Told) -> Section | None:
    """Name what lets nothing, or next to nothing, through."""
    row, address = told.row, told.address
    found = []
    source = told.chain.backward.source[row.row]
    if address.source is not None and source == 0:
        name = told.notation.a(told.l, address.source)
        why = "an input of 0: the weight has nothing to multiply"
        if told.l and told.net.activation == "relu":
            why = "its relu is off: the weight has nothing to multiply"
        found.append(Row((Math(Quantity(name, 0.0)), " = 0"), ((why,),)))
    for block in row.blocks[:MOST_BLOCKED]:
        found.append(
            Row((named(told.notation.a(block.layer, block.unit)),), (_reason(told, block),))
        )
    if len(row.blocks) > MOST_BLOCKED:
        found.append(Row(("...",), ((f"and {len(row.blocks) - MOST_BLOCKED:,} more units",),)))
    if not found and row.n_alive == row.n_paths:
        return None
    after: Words = (_open_paths(row.n_paths, row.n_alive),)
    title = f"What blocks{told.of_row}"
    return Section("blocked", title, rows=tuple(found), after=(after,), facts=True)


def _reason(told: Told, block: Block) -> Words:
    m, unit = block.layer, block.unit
    activation = told.net.layer_activation(m)
    z = told.symbols.z(m, unit)
    if block.reason == "off":
        words: Words = (f"{activation} is off, for ", Math(z), " = ", Math(z, True))
    else:
        words = (
            f"{activation} is saturated at ",
            Math(z),
            " = ",
            Math(z, True),
            ": its slope is ",
            number(block.slope),
        )
    if m == told.l + 1:
        return (*words, "; all paths go through it")
    return words


def _open_paths(n_paths: int, n_alive: int) -> str:
    if n_alive == n_paths:
        return "No path is cut off." if n_paths > 1 else "The path is not cut off."
    if n_alive == 0:
        return "No path is open: the derivative is 0."
    are = "is" if n_alive == 1 else "are"
    return f"{n_alive:,} of {n_paths:,} paths {are} open; a zero on the others cuts them off."
