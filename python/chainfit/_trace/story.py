"""A trace told as a story: forward in two steps a layer, loss, backward, gradient, update.

Its notation is that of `words`.
"""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._formulas.formula import Apply, Constant, Formula, Product, total
from .render import Block, Equation, Section, Table, label, number, quantity
from .words import LOSS_RULES, RULES, UPDATE_RULES, b_, h_, w_, z_

if TYPE_CHECKING:
    from .._net.net import Net
    from .._net.update import Update
    from .trace import Trace

Array = npt.NDArray[Any]

WRITTEN_OUT = 6  # nodes of a layer up to which a step on one row is written out, sum by sum
SHOWN = 8  # rows of a table
COLUMNS = 6
SHOWN_PARAMETERS = 42  # of a layer, in the table of updates; where there are more,
FIRST_WEIGHTS, FIRST_BIASES = 12, 6  # this many


def story(trace: Trace) -> list[Section]:
    """Return the whole step, section by section."""
    L = len(trace.net.coefs)
    sections = [_overview(trace), Section("Forward: the inputs", [_inputs(trace)])]
    sections += [_forward(trace, l) for l in range(1, L + 1)]
    sections.append(_loss(trace))
    sections += [_backward(trace, l) for l in range(L, 0, -1)]
    sections += [_gradient(trace, l) for l in range(L - 1, -1, -1)]
    return [*sections, *_update(trace)]


def layer_title(net: Net, l: int) -> str:
    """Name layer l as a reader counts."""
    kind = "the inputs" if l == 0 else "the output" if l == len(net.coefs) else "hidden"
    return f"layer {l + 1} ({kind}, {_count(net.units[l], 'node')})"


def _overview(trace: Trace) -> Section:
    net = trace.net
    sizes = "-".join(map(str, net.units))
    depth = len(net.coefs)
    hidden = f"hidden layer{'s' * (depth > 2)} {net.activation}, " if depth > 1 else ""
    stored = "coefs" if net.model is None else "coefs_"
    return Section(
        "One training step",
        [
            f"{sizes} net, {hidden}output {net.out_activation}, loss {net.loss}; "
            f"{_count(len(trace.X), 'row')}.\n"
            "Numbers are computed in float64 and shown in up to 6 digits; ~= stands where "
            "the digits shown do not make the result exactly.",
            f"{_j_formula(trace)}\nloss = {LOSS_RULES[net.loss][0]}",
            "Layer 1 is the input. w_ij^(l) leads from node j of layer l to node i of layer l+1 "
            f"and is stored in {stored}[l-1][j-1, i-1]. z^(l) are the sums that enter layer l+1, "
            "and h^(l+1) = f(z^(l)) is what leaves it.",
        ],
    )


def _j_formula(trace: Trace) -> str:
    rows = len(trace.X)
    if trace.sample_weight is not None:
        J = "J = sum_r weight_r loss_r / sum_r weight_r"
    else:
        J = "J = loss" if rows == 1 else f"J = mean of loss over the {rows} rows"
    if trace.net.alpha:
        J += f" + {_row_mean(trace)}alpha/2 (sum of all w^2),   alpha = "
        J += number(trace.net.alpha)
    return J


def _row_mean(trace: Trace) -> str:
    """Write the factor 1 / sum of the rows' weights; nothing where it is 1."""
    if trace.sample_weight is not None:
        return "1/(sum_r weight_r) "
    return "" if len(trace.X) == 1 else f"1/{len(trace.X)} "


def _written_out(trace: Trace, *layers: int) -> bool:
    return len(trace.X) == 1 and max(trace.net.units[l] for l in layers) <= WRITTEN_OUT


def _inputs(trace: Trace) -> Block:
    names = [label(name) for name in trace.net.feature_names]
    if len(trace.X) == 1:
        rows: list[tuple[str | float, ...]] = [
            (h_(j, 0), names[j], float(trace.X[0, j])) for j in range(min(len(names), 2 * SHOWN))
        ]
        return Table(("node", "name", "value"), rows, _left_out(len(rows), len(names), "nodes"))
    return _by_row(trace, trace.X, [h_(j, 0) for j in range(len(names))])


def _forward(trace: Trace, l: int) -> Section:
    net, n = trace.net, trace.net.units[l]
    name = net.layer_activation(l)
    steps = (
        f"Step 1: weighted sum and bias, z_i^({l}) = sum_j w_ij^({l}) h_j^({l}) + b_i^({l})",
        f"Step 2: activation ({name}), {RULES[name][0]}",
    )
    blocks: list[Block] = [steps[0]]
    if _written_out(trace, l - 1, l):
        W, b, h = net.coefs[l - 1], net.intercepts[l - 1], trace.a[l - 1][0]
        for i in range(n):
            terms = [f"{w_(j, i, l - 1)} {h_(j, l - 1)}" for j in range(len(h))]
            numbers = total([*_products(W[:, i], h), quantity(b[i])])
            symbols = (*terms, b_(i, l - 1))
            blocks.append(Equation(z_(i, l), symbols, numbers, trace.z[l][0, i]))
        blocks.append(steps[1])
        for i in range(n):
            z, a = trace.z[l][0, i], trace.a[l][0, i]
            middle = None if name == "softmax" else Apply(name, quantity(z), a)
            blocks.append(Equation(h_(i, l), (), middle, a))
    elif len(trace.X) == 1:
        blocks.append(steps[1])
        blocks.append(_by_node(n, (f"z^({l})", trace.z[l][0]), (f"h^({l + 1})", trace.a[l][0])))
    else:
        blocks.append(_by_row(trace, trace.z[l], [z_(i, l) for i in range(n)]))
        blocks.append(steps[1])
        blocks.append(_by_row(trace, trace.a[l], [h_(i, l) for i in range(n)]))
    return Section(f"Forward: {layer_title(net, l)}", blocks)


def _loss(trace: Trace) -> Section:
    net, L = trace.net, len(trace.net.coefs)
    h, Y, n = trace.a[L], trace.Y, trace.net.units[-1]
    blocks: list[Block] = []
    rows: list[tuple[str | float, ...]]
    if len(trace.X) == 1:
        mean = "loss"
        rows = [
            (h_(k, L), label(net.output_names[k]), float(h[0, k]), float(Y[0, k]))
            for k in range(min(n, 2 * SHOWN))
        ]
        left_out = _left_out(len(rows), n, "outputs")
        blocks.append(Table(("output", "name", "h", "y"), rows, left_out))
        terms = _loss_terms(net.loss, h[0], Y[0])
        numbers = total(terms) if len(terms) <= WRITTEN_OUT else None
        blocks.append(Equation("loss", (), numbers, trace.loss_rows[0]))
    else:
        mean = "sum of share * loss"
        shown = range(min(len(trace.X), SHOWN))
        rows = [(str(r), float(trace.share[r]), float(trace.loss_rows[r])) for r in shown]
        note = _left_out(len(rows), len(trace.X), "rows")
        blocks.append("The share of a row is what it counts for in J: its weight over their sum.")
        blocks.append(Table(("row", "share", "loss"), rows, note))
    mean_value = float(trace.share @ trace.loss_rows)
    if net.alpha:
        symbols = (mean, f"{_row_mean(trace)}alpha/2 (sum of all w^2)")
        parts = total([quantity(mean_value), quantity(trace.penalty)])
        blocks.append(Equation("J", symbols, parts, trace.J))
    else:
        blocks.append(Equation("J", (mean,), None, mean_value))
    return Section("Loss", blocks)


def _loss_terms(loss: str, h: Array, y: Array) -> list[Formula]:
    """Write what each output adds to the loss, leaving out what is nothing."""

    def minus_log(weight: float, of: Formula) -> Formula:
        return -Product((quantity(weight), Apply("ln", of, 0.0)))

    terms: list[Formula] = []
    if loss.endswith("log_loss"):  # which is clipped
        h = np.clip(h, np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    for h_k, y_k in zip(h, y, strict=True):
        a, t = quantity(h_k), quantity(y_k)
        if loss == "squared_error":
            terms.append(0.5 * (a - t) ** 2)
        elif loss == "poisson":
            terms += [a] if y_k == 0 else [t * Apply("ln", t / a, 0.0), -t, a]
            continue
        elif y_k != 0:
            terms.append(minus_log(y_k, a))
        if loss == "binary_log_loss" and y_k != 1:
            # 1 - h, or its number where h is shown as 1
            rest = quantity(1 - h_k) if number(h_k) == "1" else 1 - a
            terms.append(minus_log(1 - y_k, rest))
    return terms


def _products(a: Sequence[float] | Array, b: Sequence[float] | Array) -> list[Formula]:
    """Return the products of two lists of numbers."""
    return [quantity(x) * quantity(y) for x, y in zip(a, b, strict=True)]


def _backward(trace: Trace, l: int) -> Section:
    net, L, n = trace.net, len(trace.net.coefs), trace.net.units[l]
    name = net.layer_activation(l)
    last, softmax = l == L, name == "softmax"
    joined = softmax and net.canonical
    blocks: list[Block] = []
    if joined:
        blocks.append(
            f"Softmax and log loss in one: with dJ/dh_k = -y_k / h_k and {RULES['softmax'][1]}\n"
            "dJ/dz_i = sum_k dJ/dh_k dh_k/dz_i = h_i - y_i, as the y of a row add up to 1."
        )
    else:
        dh = (
            f"dJ/dh_k^({l + 1}) = {LOSS_RULES[net.loss][1]}"
            if last
            else f"dJ/dh_j^({l + 1}) = sum_i w_ij^({l + 1}) dJ/dz_i^({l + 1})"
        )
        dz = f"sum_k dJ/dh_k^({l + 1}) dh_k/dz_i" if softmax else f"dJ/dh_i^({l + 1}) f'(z_i^({l}))"
        blocks.append(f"{dh}\ndJ/dz_i^({l}) = {dz},   {RULES[name][1]}")
    if len(trace.X) > 1:
        blocks[-1] = f"{blocks[-1]}\nEach row's numbers hold its share."
    if _written_out(trace, l, min(l + 1, L)):
        if not joined:
            blocks += [_equation_dh(trace, l, i) for i in range(n)]
        blocks += [_equation_dz(trace, l, i) for i in range(n)]
    elif len(trace.X) == 1:
        columns = [] if joined else [(f"dJ/dh^({l + 1})", trace.da[l][0])]
        if not softmax:
            columns.append(("f'(z)", trace.df[l][0]))
        blocks.append(_by_node(n, *columns, (f"dJ/dz^({l})", trace.delta[l][0])))
    else:
        blocks.append(_by_row(trace, trace.delta[l], [f"dJ/d{z_(i, l)}" for i in range(n)]))
    if not softmax and not (last and net.canonical):  # whose delta is no product with f'(z)
        blocks += _blocked(trace.df[l], name)
    return Section(f"Backward: {layer_title(net, l)}", blocks)


def _equation_dh(trace: Trace, l: int, i: int) -> Equation:
    """Write dJ/da[l][i] of the one row."""
    net, L = trace.net, len(trace.net.coefs)
    left, value = f"dJ/d{h_(i, l)}", trace.da[l][0, i]
    if l == L:
        return Equation(left, (), _loss_slope(net.loss, trace.a[L][0, i], trace.Y[0, i]), value)
    W, delta = net.coefs[l], trace.delta[l + 1][0]
    symbols = tuple(f"{w_(i, k, l)} dJ/d{z_(k, l + 1)}" for k in range(len(delta)))
    return Equation(left, symbols, total(_products(W[i], delta)), value)


def _loss_slope(loss: str, h: float, y: float) -> Formula | None:
    """Write dloss/dh; None where it is a constant."""
    a, t = quantity(h), quantity(y)
    if loss == "squared_error":
        return a - t
    if loss == "binary_log_loss":
        if y in (0, 1):
            return Constant(1) / (1 - a) if y == 0 else Constant(-1) / a
        return (a - t) / (a * (1 - a))
    if y == 0:
        return None
    return -t / a if loss == "log_loss" else 1 - t / a


def _equation_dz(trace: Trace, l: int, i: int) -> Equation:
    """Write dJ/dz[l][i] of the one row."""
    left, value = f"dJ/d{z_(i, l)}", trace.delta[l][0, i]
    h = trace.a[l][0]
    # at an output rounded to 0 or 1 the factors are infinity and 0, their product h - y
    if trace.df[l] is not None and np.isfinite(trace.da[l][0, i]):
        product = quantity(trace.da[l][0, i]) * quantity(trace.df[l][0, i])
        return Equation(left, (f"dJ/d{h_(i, l)} f'({z_(i, l)})",), product, value)
    if trace.net.canonical:
        difference = quantity(h[i]) - quantity(trace.Y[0, i])
        return Equation(left, (f"{h_(i, l)} - y_{i + 1}",), difference, value)
    through = [h[k] * ((k == i) - h[i]) for k in range(len(h))]
    return Equation(left, (), total(_products(trace.da[l][0], through)), value)


def _blocked(df: Array, name: str) -> list[Block]:
    """Name the nodes whose derivative is 0 in every row."""
    nodes = np.flatnonzero((df == 0).all(axis=0))
    if not len(nodes):
        return []
    why = "relu at z <= 0" if name == "relu" else "saturated"
    listed = ", ".join(str(i + 1) for i in nodes[:SHOWN]) + ", ..." * (len(nodes) > SHOWN)
    which = f"Node {listed}" if len(nodes) == 1 else f"{len(nodes)} nodes ({listed})"
    rows = "" if len(df) == 1 else " in every row"
    through = "it" if len(nodes) == 1 else "them"
    return [f"{which}: f'(z) = 0 ({why}){rows}, nothing goes back through {through}."]


def _gradient(trace: Trace, l: int) -> Section:
    net, one = trace.net, len(trace.X) == 1
    n, m = net.units[l], net.units[l + 1]
    over = "" if one else "sum over rows of "
    l2 = f" + {_row_mean(trace)}alpha w_ij^({l + 1})" if net.alpha else ""
    blocks: list[Block] = [
        f"dJ/dw_ij^({l + 1}) = {over}dJ/dz_i^({l + 1}) h_j^({l + 1}){l2}\n"
        f"dJ/db_i^({l + 1}) = {over}dJ/dz_i^({l + 1})"
    ]
    dW, db = trace.dW[l], trace.db[l]
    if _written_out(trace, l, l + 1):
        decay = net.alpha / float(1 if trace.sample_weight is None else trace.sample_weight[0])
        h, delta, W = trace.a[l][0], trace.delta[l + 1][0], net.coefs[l]
        for i in range(m):
            for j in range(n):
                terms = [quantity(delta[i]) * quantity(h[j])]
                if net.alpha:
                    terms.append(quantity(decay) * quantity(W[j, i]))
                blocks.append(Equation(f"dJ/d{w_(j, i, l)}", (), total(terms), dW[j, i]))
            blocks.append(Equation(f"dJ/d{b_(i, l)}", (), None, db[i]))
    else:
        columns = [f"to node {i + 1}" for i in range(min(m, COLUMNS))]
        rows: list[tuple[str | float, ...]] = [
            (f"from node {j + 1}", *map(float, dW[j, :COLUMNS])) for j in range(min(n, SHOWN))
        ]
        rows.append(("bias", *map(float, db[:COLUMNS])))
        note = _left_out(min(n, SHOWN), n, "nodes from", min(m, COLUMNS), m, "nodes to")
        blocks.append(Table(("dJ/dw", *columns), rows, note))
    return Section(f"Gradient: the weights from layer {l + 1} to layer {l + 2}", blocks)


def _update(trace: Trace) -> list[Section]:
    update, net = trace.update, trace.net
    if update is None:
        if net.solver != "lbfgs":
            return []
        text = (
            "L-BFGS has no rule for a single weight: it makes a step of the gradients of all "
            "weights, over all training rows, now and in the steps before."
        )
        return [Section("Update", [text])]
    names = {"momentum": ("mu",), "nesterov": ("mu",), "adam": ("beta1", "beta2", "eps", "t")}
    constants = ["eta", *names.get(update.rule, ()), *(["eta_t"] if update.rule == "adam" else [])]
    values = ", ".join(f"{name} = {number(getattr(update, name))}" for name in constants)
    intro: list[Block] = [UPDATE_RULES[update.rule], values]
    if net.model is not None:
        intro.append(
            f"A copy of the model made this step, in {update.dtype}: these are the numbers of its "
            "next partial_fit on these rows as one mini-batch."
        )
    sections = [Section(f"Update: {update.rule}", intro)]
    for l in range(len(net.coefs)):
        title = f"Update: the weights from layer {l + 1} to layer {l + 2}"
        sections.append(Section(title, [_update_table(net, update, l)]))
    return sections


def _update_table(net: Net, update: Update, l: int) -> Table:
    n, m = net.units[l], net.units[l + 1]
    addresses: list[tuple[int | None, int]] = [(j, i) for i in range(m) for j in range(n)]
    biases = m
    if len(addresses) + m > SHOWN_PARAMETERS:
        addresses, biases = addresses[:FIRST_WEIGHTS], min(m, FIRST_BIASES)
    shown = len(addresses)
    addresses += [(None, i) for i in range(biases)]
    slots = [f"{slot}_{when}" for slot in update.slots for when in ("old", "new")]
    names = ["gradient", *slots, "old", "new"]
    rows: list[tuple[str | float, ...]] = []
    for j, i in addresses:
        numbers = update.of(l, j, i)
        rows.append((b_(i, l) if j is None else w_(j, i, l), *(numbers[name] for name in names)))
    note = _left_out(shown, n * m, "weights", biases, m, "biases")
    header = [name.replace("velocity", "v").replace("gradient", "dJ/dw") for name in names[:-2]]
    return Table(("", *header, "w_old", "w_new"), rows, note)


# --- tables, cut to what can be read -------------------------------------------------------------


def _by_node(n: int, *columns: tuple[str, Array]) -> Table:
    rows: list[tuple[str | float, ...]] = [
        (str(i + 1), *(float(values[i]) for _, values in columns)) for i in range(min(n, 2 * SHOWN))
    ]
    header = ("node", *(name for name, _ in columns))
    return Table(header, rows, _left_out(len(rows), n, "nodes"))


def _by_row(trace: Trace, values: Array, names: Sequence[str]) -> Table:
    rows: list[tuple[str | float, ...]] = [
        (str(r), *map(float, values[r, :COLUMNS])) for r in range(min(len(values), SHOWN))
    ]
    columns = names[:COLUMNS]
    note = _left_out(len(rows), len(values), "rows", len(columns), len(names), "nodes")
    return Table(("row", *columns), rows, note)


def _left_out(*counts: Any) -> str:
    """Say what a table shows of what there is: (shown, all, of what), ...; nothing if all."""
    parts = [
        f"{shown} of {total:,} {what}"
        for shown, total, what in zip(counts[::3], counts[1::3], counts[2::3], strict=True)
        if shown < total
    ]
    return f"Shown: {', '.join(parts)}." if parts else ""


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
