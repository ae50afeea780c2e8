"""A training step as a document: forward in two steps a layer, loss, backward, gradient, update.

It is made of the same symbols and rules as the chain of a weight. To add a section: a function
here, and its place in `step_story`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import document as d
from . import rules
from .address import Address
from .formula import Apply, Formula, Name, Partial, Quantity, SumOver, code, plain, total
from .notation import Notation, Unit
from .story import between, count, given, left_out, net_words, objective, remarks
from .story_table import which_net
from .story_update import update_of_step
from .symbols import Array, Symbols, general
from .trace import TraceNumbers
from .writer import Writer

SECTIONS = ("overview", "given", "inputs", "forward", "loss", "backward", "gradient", "update")
WRITTEN_OUT = 6  # units of a layer up to which a step on one row is written out, sum by sum
SHOWN = 8  # rows of a table
COLUMNS = 6

ABOUT = Name("≈", "~=", r"\approx")


def step_story(trace: TraceNumbers, notation: Notation, writer: Writer) -> d.Document:
    s = Symbols(trace, notation)
    numbers = trace.update.of(0, 0, 0) if trace.update else None
    sections = [
        overview(s, writer.digits),
        given(s, numbers) if writer.hide_numbers and not s.batch else None,
        inputs(s),
        *(forward(s, l) for l in range(1, s.L + 1)),
        loss(s, writer.digits),
        *(backward(s, l) for l in range(s.L, 0, -1)),
        *(gradient(s, l) for l in range(s.L - 1, -1, -1)),
        *update_of_step(s),
    ]
    return d.Document(tuple(filter(None, sections)), SECTIONS, long=True)


# --- quantities of a layer -----------------------------------------------------------------------


class Quantities(NamedTuple):
    """A quantity of each unit of a layer: its symbol and rule, of a number or a letter."""

    symbol: Callable[[Unit], Quantity | Partial | Apply]
    rule: Callable[[Any], Formula]
    values: Array  # (rows, units)

    def written(self, units: Iterable[int]) -> list[d.Row]:
        return [d.equal_to(self.symbol(i), self.rule(i)) for i in units]


def is_written_out(s: Symbols, *layers: int) -> bool:
    return not s.batch and max(s.net.units[l] for l in layers) <= WRITTEN_OUT


def table_of(s: Symbols, *columns: Quantities) -> d.Table:
    """Return a table of the units of a layer, or, in a batch, of its rows and the last quantity."""
    unit, values = s.notation.node, columns[-1].values
    (rows, n), name = values.shape, columns[-1].symbol
    cells: list[tuple[d.Cell, ...]]
    if s.batch:
        shown, all_shown = min(rows, SHOWN), min(n, COLUMNS)
        cells = [(str(r), *map(float, values[r, :COLUMNS])) for r in range(shown)]
        note = left_out((shown, rows, "rows"), (all_shown, n, f"{unit}s"))
        return d.Table(("row", *map(_name, map(name, range(all_shown)))), tuple(cells), note)
    shown = min(n, 2 * SHOWN)
    cells = [(number_of(s, i), *(float(c.values[0, i]) for c in columns)) for i in range(shown)]
    header = (unit, *(c.symbol("i") for c in columns))
    return d.Table(header, tuple(cells), left_out((shown, n, f"{unit}s")))


def _name(symbol: Any) -> Name:
    return symbol.name if isinstance(symbol, Quantity) else symbol


def number_of(s: Symbols, unit: int) -> str:
    """Return a unit's number as the notation counts."""
    return str(unit + s.notation.first)


def layer_title(s: Symbols, l: int) -> str:
    kind = "the output" if l == s.L else "hidden"
    return f"{s.notation.layer(l)} ({kind}, {count(s.net.units[l], s.notation.node)})"


# --- forward -------------------------------------------------------------------------------------


def overview(s: Symbols, digits: int) -> d.Section:
    """Say what net this is, what J is, and how to read the symbols."""
    net = s.net
    address = Address(0, net.units[0] - 1, 0)
    name, stored = address.name(s.notation), address.stored
    reading = (f"Notation {s.notation.key}: ", *s.notation.legend(), ".")
    where = () if name.ascii == stored else (name, f" is stored in {stored}.")
    rows = count(len(s.trace.X), "row")
    rounding = (
        f"Numbers are computed in float64 and shown in up to {digits} digits; ",
        *(ABOUT, " means that the digits shown do not give the result exactly."),
    )
    return d.Section.of(
        "overview",
        "One training step",
        d.Paragraph.of(f"The net: {net_words(s)}, loss {net.loss}; {rows}.", rounding),
        d.Paragraph.of(*objective(s)),
        d.Paragraph.of(reading, where),
        d.Paragraph.of(*remarks(s), *which_net(s)),
    )


def inputs(s: Symbols) -> d.Section:
    names, X = s.net.feature_names, s.trace.X
    if s.batch:
        table = table_of(s, Quantities(lambda j: s.a(0, j), plain, s.trace.a[0]))
    else:
        shown = range(min(len(names), 2 * SHOWN))
        mask = s.trace.mask(0)
        columns = [X[0]] if mask is None else [X[0], mask[0], s.trace.a[0][0]]
        rows: tuple[tuple[d.Cell, ...], ...] = tuple(
            (s.a(0, j), d.label(names[j]), *(float(column[j]) for column in columns)) for j in shown
        )
        note = left_out((len(rows), len(names), "inputs"))
        header = ("input", "name", "value", "mask", "product")[: 2 + len(columns)]
        table = d.Table(header, rows, note)
    return d.Section.of("inputs", "Forward: the inputs", table)


def forward(s: Symbols, l: int) -> d.Section:
    """Write the sums of a layer, and what its activation makes of them."""
    units, f = range(s.net.units[l]), s.net.layer_activation(l)
    z = Quantities(lambda i: s.z(l, i), lambda i: s.weighted_sum(l, i), s.trace.z[l])
    a = Quantities(lambda i: s.a(l, i), lambda i: s.activation(l, i), s.trace.a[l])
    steps = (("Step 1, weighted sum and bias: ", z), (f"Step 2, activation ({f}): ", a))
    first, second = (
        d.Paragraph.of((words, *d.equation(x.symbol("i"), x.rule("i")))) for words, x in steps
    )
    blocks: Sequence[d.Block]
    if is_written_out(s, l - 1, l):
        outputs = a.written(units)
        if s.trace.df[l] is None:  # of all sums of the layer
            outputs = [d.Row.of(s.a(l, i), d.number(s.a(l, i).value)) for i in units]
        blocks = (first, d.lines(z.written(units)), second, d.lines(outputs))
    elif s.batch:
        blocks = (first, table_of(s, z), second, table_of(s, a))
    else:
        blocks = (first, second, table_of(s, z, a))
    return d.Section.of("forward", f"Forward: {layer_title(s, l)}", *blocks)


# --- loss ----------------------------------------------------------------------------------------


def loss(s: Symbols, digits: int) -> d.Section:
    """Write the loss, the penalties and J."""
    trace, net, J = s.trace, s.net, general(s.J)
    data = float(trace.share @ trace.loss_rows)
    rows: list[d.Row] = []
    cells: list[tuple[d.Cell, ...]]
    if s.batch:
        term: Formula = SumOver("r", general(code("share")) * general(s.J_row), data)
        words = "The share of a row is its weight divided by the sum of all weights."
        shown = range(min(len(trace.X), SHOWN))
        cells = [(str(r), float(trace.share[r]), float(trace.loss_rows[r])) for r in shown]
        note = left_out((len(cells), len(trace.X), "rows"))
        table = d.Table(("row", "share", s.J_row), tuple(cells), note)
    else:
        n = net.units[-1]
        term, words = Quantity(code("data term"), data), ""
        if n > WRITTEN_OUT:
            rule: Formula = Quantity(code("the loss of the outputs"), data)
        else:
            outputs = [(s.y(k), *_output(s, k, digits), s.others(s.L, k)) for k in range(n)]
            rule = s.loss.of_outputs(outputs)
        rows.append(d.equal_to("data term" if s.penalties else J, rule, data))
        cells = [
            (s.a(s.L, k), d.label(net.output_names[k]), s.a(s.L, k).value, s.y(k).value)
            for k in range(min(n, 2 * SHOWN))
        ]
        note = left_out((len(cells), n, "outputs"))
        table = d.Table(("output", "name", "value", "target"), tuple(cells), note)
    terms = [term]
    for key, value in trace.penalties.items():
        what = s.penalties[key].words
        rows.append(d.Row.of(what, s.penalty(key), d.number(value)))
        terms.append(Quantity(code(what), value))
    if s.penalties or s.batch:
        rows.append(d.equal_to(J, total(terms), trace.J))
    return d.Section.of("loss", "Loss", d.Paragraph.of(words), table, d.lines(rows))


def _output(s: Symbols, k: int, digits: int) -> tuple[Formula, Formula]:
    """Return a and 1 - a of an output with the numbers that its loss takes: a log loss clips a."""
    a = s.a(s.L, k)
    if s.loss.of_sum is not None:
        eps = np.finfo(np.float64).eps
        a = Quantity(a.name, float(np.clip(a.value, eps, 1 - eps)))
    rest = 1 - a
    if Writer("ascii", digits=digits).number(a.value) == "1":  # 1 - 1 would hide what is left
        name = Name(*(Writer(flavour).symbols(rest) for flavour in Name._fields))
        return a, Quantity(name, rest.value)
    return a, rest


# --- backward ------------------------------------------------------------------------------------


def backward(s: Symbols, l: int) -> d.Section:
    """Write dJ/da and delta of a layer."""
    trace, n, name = s.trace, s.net.units[l], s.notation.a
    at_loss = l == s.L and s.net.canonical  # where delta is no product with f'(z)
    slopes = trace.df[l]
    at_once = at_loss and slopes is None

    def dJ_da(i: Unit) -> Partial:
        return s.dJ(name(l, i), float(trace.da[l][0, i]) if isinstance(i, int) else np.nan)

    def delta_rule(i: int) -> Formula:
        if at_loss and not (slopes is not None and np.isfinite(trace.da[l][0, i])):
            return s.canonical_derivative(i)
        if slopes is None:
            return total([dJ_da(k) * s.softmax_derivative(k, i) for k in range(n)])
        return dJ_da(i) * s.slope(l, i)

    da = Quantities(
        dJ_da,
        s.loss_derivative if l == s.L else lambda i: s.weighted_deltas(l, i, WRITTEN_OUT),
        trace.da[l],
    )
    delta = Quantities(lambda i: s.delta(l, i), delta_rule, trace.delta[l])

    def da_dz(i: Unit) -> Apply | Partial:
        z = s.z(l, i)
        return Apply("f'", z) if s.trace.mask(l) is None else Partial(name(l, i), z.name)

    slope = Quantities(da_dz, lambda i: s.slope(l, i), slopes)
    if is_written_out(s, l, min(l + 1, s.L)):
        # at an output rounded to 0 or 1 the factors are infinity and 0, their product h - y
        finite = np.isfinite(trace.da[l][0]) & (not at_once)
        block: d.Block = d.lines(
            [*da.written(np.flatnonzero(finite).tolist()), *delta.written(range(n))]
        )
    else:
        first = [] if at_once else [da] if slopes is None else [da, slope]
        block = table_of(s, *first, delta)
    blocks: list[d.Block] = [d.Paragraph.of(*_backward_rule(s, l, da, slope, at_once)), block]
    if slopes is not None and not at_loss:
        blocks += _blocked(s, l)
    return d.Section.of("backward", f"Backward: {layer_title(s, l)}", *blocks)


def _backward_rule(
    s: Symbols, l: int, da: Quantities, slope: Quantities, at_once: bool
) -> list[d.Words]:
    """Write how dJ/da and delta of a layer come about, in general."""
    a, z = s.notation.a, s.notation.z
    share = general(code("share"))
    delta_i, dJ_dz = s.delta(l, "i"), s.dJ(z(l, "i"))
    found: list[d.Words] = []
    k: Unit = "k" if l == s.L else "i"
    rule = s.canonical_derivative("i") if at_once else da.rule(k)
    if s.batch and l == s.L:
        rule = share * rule
    if at_once:
        names = f"{s.net.out_activation} and {s.loss.words}"
        found.append(d.equation(delta_i, dJ_dz, rule))
        found.append((f"({names} in one step: the targets of a row add up to 1)",))
    else:
        found.append(d.equation(da.symbol(k), rule))
        if s.trace.df[l] is None:
            through = Partial(a(l, "k"), z(l, "i"))
            terms = SumOver("k", da.symbol("k") * through)
            found.append(d.equation(delta_i, dJ_dz, terms))
            found.append(d.equation(through, s.softmax_derivative("k", "i")))
        else:
            found.append(d.equation(delta_i, dJ_dz, da.symbol("i") * slope.symbol("i")))
            found.append(d.equation(slope.symbol("i"), slope.rule("i")))
    if s.batch and l == s.L:
        found.append(("The share of a row is its weight divided by the sum of all weights.",))
    return found


def _blocked(s: Symbols, l: int) -> list[d.Block]:
    """Name the units whose derivative is 0 in every row."""
    mask, name = s.trace.mask(l), s.net.layer_activation(l)
    is_off, kept = (s.trace.df[l] == 0).all(axis=0), np.ones(s.net.units[l], dtype=bool)
    if mask is not None:
        kept = (mask != 0).any(axis=0)
    why = f"f'(z) = 0 ({name} at z <= 0" if rules.ACTIVATIONS[name].cuts else "f'(z) = 0 (saturated"
    found = [(np.flatnonzero(is_off & kept), f"{why})"), (np.flatnonzero(~kept), "dropped")]
    return [_blocked_units(s, l, units, words) for units, words in found if len(units)]


def _blocked_units(s: Symbols, l: int, units: Array, why: str) -> d.Block:
    which = d.joined(", ", [s.notation.a(l, int(i)) for i in units[:SHOWN]])
    if len(units) > 1:
        more = ", ..." * (len(units) > SHOWN)
        which = (f"{count(len(units), s.notation.node)} (", *which, f"{more})")
    rows = " in every row" if s.batch else ""
    through = "it" if len(units) == 1 else "them"
    return d.Paragraph.of((*which, f": {why}{rows}, nothing goes back through {through}."))


# --- gradient ------------------------------------------------------------------------------------


def gradient(s: Symbols, l: int) -> d.Section:
    n, m = s.net.units[l], s.net.units[l + 1]
    dW, db = s.trace.dW[l], s.trace.db[l]

    def of_weight(j: Unit, i: Unit) -> Formula:
        rule = _over_rows(s, s.delta(l + 1, i) * s.a(l, j))
        return total([rule, *(s.penalty_slope(key, s.w(l, j, i)) for key in s.penalties)])

    def of_bias(i: Unit) -> Formula:
        return _over_rows(s, s.delta(l + 1, i))

    weight, bias = s.notation.weight, s.notation.bias
    intro = d.Paragraph.of(
        d.equation(s.dJ(weight(l, "j", "i")), of_weight("j", "i")),
        d.equation(s.dJ(bias(l, "i")), of_bias("i")),
    )
    block: d.Block = _gradient_table(s, l)
    if is_written_out(s, l, l + 1):
        rows = []
        for i in range(m):
            for j in range(n):
                rows.append(d.equal_to(s.dJ(weight(l, j, i), float(dW[j, i])), of_weight(j, i)))
            rows.append(d.equal_to(s.dJ(bias(l, i), float(db[i])), of_bias(i)))
        block = d.lines(rows)
    return d.Section.of("gradient", f"Gradient: {between(s, l)}", intro, block)


def _over_rows(s: Symbols, rule: Formula) -> Formula:
    return SumOver("r", rule) if s.batch else rule


def _gradient_table(s: Symbols, l: int) -> d.Table:
    n, m, node = s.net.units[l], s.net.units[l + 1], s.notation.node
    dW, db = s.trace.dW[l], s.trace.db[l]
    rows_shown, columns = min(n, SHOWN), min(m, COLUMNS)
    source = node if l or s.notation.layer(0) != "the inputs" else "input"
    rows: list[tuple[d.Cell, ...]] = [
        (f"from {source} {number_of(s, j)}", *map(float, dW[j, :columns]))
        for j in range(rows_shown)
    ]
    rows.append(("bias", *map(float, db[:columns])))
    note = left_out((rows_shown, n, f"{source}s from"), (columns, m, f"{node}s to"))
    to = (f"to {node} {number_of(s, i)}" for i in range(columns))
    return d.Table((s.dJ(s.notation.weight(l, "j", "i")), *to), tuple(rows), note)
