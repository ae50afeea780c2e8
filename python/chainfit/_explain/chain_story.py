"""A chain put into sections, in an order that can be read: what all renderings write.

To add a section: a function from a `Told` to a `Section` or None, here or in `folded` or
`results`, and its place in `story`.
"""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .._common.printable import printable
from . import rules
from .chain import Chain
from .folded import blocked, folded, through_softmax
from .formula import (
    Constant,
    Name,
    Partial,
    Product,
    Quantity,
    SumOver,
    Trail,
    code,
    indexed,
)
from .parts import Block, Path
from .results import given_to_update, update, verified
from .sections import Display, Math, Row, Section, Told, Words, equal_to, named, number, sum_of
from .steps import path_steps

#: Most rows of a batch that are told one by one.
MOST_ROWS = 8
#: Nets with more numbers than this don't print what is given with an exercise.
MOST_GIVEN = 60


def story(
    chain: Chain, keys: Sequence[str] | None = None, *, hide_numbers: bool = False
) -> list[Section]:
    """Return the sections of a chain that apply to it, all or those of some keys.

    With hidden numbers those that would tell the answers are left out, and what is given is added.
    """
    told = Told(chain)
    sections: dict[str, Section | None] = {
        "head": head(told),
        "given": given(told) if hide_numbers else None,
        "chain": display(told),
        "factors": factors(told),
        "paths": paths(told, hide_numbers=hide_numbers),
        "softmax": through_softmax(told),
        "delta": folded(told),
        "blocked": None if hide_numbers else blocked(told),
        "rows": rows(told),
        "l2": l2(told),
        "update": update(told),
        "verified": None if hide_numbers else verified(told),
    }
    for key in keys or ():
        if key not in sections:
            known = ", ".join(map(repr, sections))
            raise ValueError(f"sections must be among {known}, got {key!r}.")
    return [
        section
        for key, section in sections.items()
        if section is not None and (keys is None or key in keys)
    ]


# --- what it is about ----------------------------------------------------------------------------


def head(told: Told) -> Section:
    """Say what J is, what is explained, and where it is stored."""
    chain, notation = told.chain, told.notation
    weight = Quantity(told.weight, chain.weight)
    value = Partial(told.J, told.weight, chain.value)
    n = told.row.n_paths
    along = "one path" if n == 1 else f"{n:,} paths"
    if told.batch:
        scope = f"   on {chain.n_rows:,} rows, along {along} in each"
    else:
        scope = f"   on one row, along {along}"
    facts = (
        Row(
            ("bias" if told.address.source is None else "weight",),
            ((Math(weight), " = ", Math(Constant(chain.weight)), _where(told)),),
        ),
        Row(("stored in",), ((told.address.stored,),)),
        Row(("net",), ((_net_words(told),),)),
        Row(("notation",), ((f"{notation.key}: ", *map(_named_or_text, notation.legend())),)),
    )
    return Section(
        "head",
        "",
        intro=(*_objective(told), (Math(value), " = ", number(chain.value), scope)),
        rows=facts,
        facts=True,
    )


def _named_or_text(piece: str | Name) -> str | Math:
    return piece if isinstance(piece, str) else named(piece)


def _objective(told: Told) -> list[Words]:
    """Say what J is; in a batch also what the loss of a row is."""
    net, k = told.net, told.letter(told.L, 0)
    index = k if isinstance(k, str) else ""
    y = Quantity(told.notation.target(k), 0.0)
    loss = rules.loss_formula(net.loss, index, y, Quantity(told.notation.a(told.L, k), 0.0))
    words: list[str | Math] = [named(told.J), " = "]
    if told.batch:
        mean = "mean" if told.trace.sample_weight is None else "weighted mean"
        words += [f"{mean} over {told.chain.n_rows:,} rows of ", named(told.J_row)]
    else:
        words.append(Math(loss))
    if net.alpha:
        squares = SumOver("", Quantity(indexed("w"), 0.0) ** 2, 0.0)
        scale = f" / {told.sum_w:.6g}" if told.sum_w != 1 else ""
        words += [" + ", Math(Constant(net.alpha)), "/2 ", Math(squares), scale]
    words.append(", the function whose gradient training applies ")
    with_l2 = "with the L2 term" if net.alpha else "no L2 term"
    loss_words = rules.LOSS_WORDS[net.loss]
    if not told.batch:
        return [(*words, f"({loss_words}; {with_l2})")]
    return [(*words, f"({with_l2})"), (named(told.J_row), " = ", Math(loss), f" ({loss_words})")]


def _where(told: Told) -> str:
    l, i, j = told.address
    to = told.notation.place(l + 1, j)
    if l + 1 == told.L:
        to += _called(told.net.output_names[j], "y", j)
    if i is None:
        return f", of {to}"
    place = told.notation.place(l, i)
    if l == 0:
        place += _called(told.net.feature_names[i], "x", i)
    return f", from {place} to {to}"


def _called(name: str, letter: str, number: int) -> str:
    """Return a name given by the user, in brackets."""
    return "" if name == f"{letter}_{number + 1}" else f" ({printable(name)})"


def _net_words(told: Told) -> str:
    net = told.net
    hidden = f"hidden layers {net.activation}, " if told.L > 1 else ""
    return f"{'-'.join(map(str, net.units))}, {hidden}outputs {net.out_activation}"


def given(told: Told) -> Section | None:
    """Return what an exercise starts from: inputs, targets, weights, biases, settings."""
    net, s = told.net, told.symbols
    if sum(w.size + w.shape[1] for w in net.coefs) + net.units[0] > MOST_GIVEN:
        return None
    lines = [
        [s.a(0, i) for i in range(net.units[0])],
        [s.y(k) for k in range(net.units[-1])],
    ]
    for l in range(told.L):
        for j in range(net.units[l + 1]):
            bias = Quantity(told.notation.bias(l, j), float(net.intercepts[l][j]))
            lines.append([*(s.w(l, i, j) for i in range(net.units[l])), bias])
    labels = ["inputs", "targets", "weights", *[""] * (len(lines) - 3)]
    settings = given_to_update(told)
    if net.alpha:
        settings.append(Quantity(code("alpha"), net.alpha))
    if settings:
        labels.append("training")
        lines.append(settings)
    found = []
    for label, quantities in zip(labels, lines, strict=True):
        words: list[str | Math] = []
        for q in quantities:
            words += [",  " if words else "", Math(q), "\xa0=\xa0", Math(Constant(q.value))]
        found.append(Row((label,), (tuple(words),)))
    return Section("given", f"Given{told.of_row}", rows=tuple(found), facts=True)


# --- the chain -----------------------------------------------------------------------------------


def display(told: Told) -> Section:
    """Write the chain in general: letters for the units that a path may choose."""
    units = [told.letter(m, m - told.l - 2) for m in range(told.l + 2, told.L + 1)]
    steps = path_steps(
        told.notation,
        told.address,
        units,
        told.L,
        loss=told.J_row,
        to_sum=told.softmax or told.row.fused,
    )
    letters = tuple(u for u in units if isinstance(u, str))
    partials = tuple(Partial(step.top, step.bottom, math.nan) for step in steps)
    after: list[Words] = []
    if letters:
        listed = letters[0]
        if len(letters) > 1:
            listed = f"{', '.join(letters[:-1])} and {letters[-1]}"
        after.append((f"Each choice of {listed} is one path from the weight to the loss.",))
    if told.softmax:
        k = units[-1] if units else told.address.target
        words: Words = (
            "A softmax moves all outputs at once: ",
            Math(Partial(told.J_row, told.notation.z(told.L, k), 0.0)),
            " takes them together, as one factor of a path.",
        )
        after.append(words)
    if told.batch:
        after.append((named(told.J), " is a mean: its derivative is the mean of the rows'."))
    return Section(
        "chain",
        "The chain",
        display=Display(Partial(told.J_row, told.weight, math.nan), letters, partials),
        after=tuple(after),
    )


def factors(told: Told) -> Section:
    """Write the factors of the only path, or of the largest one, with their local rules."""
    row = told.row
    if row.paths:
        path = max(row.paths, key=lambda path: abs(path.product))
        shown, value = path.factors, path.product
    else:  # none of so many is open
        path, shown, value = None, row.factors, row.share * row.term
    found = [Row((Math(f.partial),), equal_to(f.rule, f.value)) for f in shown]
    product = Product(tuple(factor.partial for factor in shown))
    found.append(Row(("product",), ((Math(product, True),), (number(value),))))
    intro: tuple[Words, ...] = ()
    if path is not None and row.n_paths > 1:
        intro = (("Along the largest path, ", Math(_trail(told, path)), ":"),)
    return Section("factors", f"Each factor{told.of_row}", intro=intro, rows=tuple(found))


def paths(told: Told, *, hide_numbers: bool) -> Section | None:
    """Write every path, or the largest ones and the rest, with product and sum."""
    row = told.row
    if row.n_paths == 1:
        return None
    found = []
    for path in row.paths:
        numbers = Product(tuple(factor.partial for factor in path.factors))
        sides = ((Math(numbers, True),), (number(path.product),))
        remark = () if hide_numbers else _reasons(told, path.blocks)
        found.append(Row((Math(_trail(told, path)),), sides, remark))
    if not row.complete:
        n = row.n_paths - len(row.paths)
        others = "1 other path" if n == 1 else f"{n:,} other paths"
        found.append(Row((others if row.paths else f"{n:,} paths",), ((number(row.remainder),),)))
    shown = [path.product for path in row.paths] + [row.remainder] * (not row.complete)
    value = number(row.share * row.term)
    found.append(Row(("sum",), ((value,),), made_of=sum_of(shown)))
    if row.complete:
        title = f"Every path: all {row.n_paths}"
    elif row.paths:
        which = "all open ones" if len(row.paths) == row.n_alive else "the largest"
        title = f"Every path: {len(row.paths)} of {row.n_paths:,}, {which}"
    else:
        title = f"Every path: none of {row.n_paths:,} is open"
    intro: Words = (
        "A path goes through one unit of each layer above the weight. Its factors stand in the "
        "order of the chain, from the loss to the weight.",
    )
    intros = (intro,) if row.paths else ()
    return Section("paths", title + told.of_row, intro=intros, rows=tuple(found))


def _trail(told: Told, path: Path) -> Trail:
    """Name the units of a path."""
    return Trail(tuple(told.notation.a(m, unit) for m, unit in path.nodes))


def _reasons(told: Told, blocks: Sequence[Block]) -> Words:
    words: list[str | Math] = []
    for block in blocks:
        words += [", " if words else "", named(told.notation.a(block.layer, block.unit))]
        words.append(f" {block.reason}")
    return tuple(words)


# --- the batch -----------------------------------------------------------------------------------


def rows(told: Told) -> Section | None:
    """Write the rows' terms and their mean."""
    if not told.batch:
        return None
    chain = told.chain
    each = chain.share * chain.terms
    kept = np.arange(chain.n_rows)
    if chain.n_rows > MOST_ROWS:
        kept = np.sort(np.argsort(-np.abs(each), kind="stable")[:MOST_ROWS])
    share = Partial(told.J, told.J_row, 0.0)
    term = Partial(told.J_row, told.weight, 0.0)
    found = []
    for r in map(int, kept):
        numbers = Product(
            (
                Partial(share.top, share.bottom, float(chain.share[r])),
                Partial(term.top, term.bottom, float(chain.terms[r])),
            )
        )
        found.append(Row((f"row {r}",), ((Math(numbers, True),), (number(float(each[r])),))))
    shown = [float(x) for x in each[kept]]
    if len(kept) < chain.n_rows:
        rest = math.fsum(np.delete(each, kept))
        shown.append(rest)
        found.append(Row((f"{chain.n_rows - len(kept):,} other rows",), ((number(rest),),)))
    found.append(Row(("sum",), ((number(math.fsum(each)),),), made_of=sum_of(shown)))
    title = "Every row" if len(kept) == chain.n_rows else f"The {MOST_ROWS} largest rows"
    intro: Words = (Math(Product((share, term))), " of each row; rows count from 0.")
    return Section("rows", title, intro=(intro,), rows=tuple(found))


def l2(told: Told) -> Section | None:
    """Write the L2 term and what it is added to."""
    chain, net = told.chain, told.net
    if not net.alpha:
        return None
    total = Partial(told.J, told.weight, chain.value)
    data = math.fsum(chain.share * chain.terms)
    if told.address.source is None:
        note = ("Biases have no L2 term.",)
        return Section("l2", "The L2 term", intro=(note,))
    weight = Quantity(told.weight, chain.weight)
    scale = Quantity(code("alpha"), net.alpha)
    rule = scale * weight if told.sum_w == 1 else scale / Constant(told.sum_w) * weight
    numbers = Quantity(code(""), data) + Quantity(code(""), chain.l2_term)
    found = (
        Row(("L2 term",), equal_to(rule, chain.l2_term)),
        Row((Math(total),), ((Math(numbers, True),), (number(chain.value),))),
    )
    return Section("l2", "The L2 term", rows=found)
