"""Sections on what many paths of a chain share: the softmax, delta, and units that block."""

from __future__ import annotations

import numpy as np

from . import document as d
from . import rules
from .chain import ChainNumbers
from .chain_symbols import ChainSymbols
from .formula import Partial, Quantity, code
from .notation import Notation, Unit
from .outputs import group_of
from .rows import BlockedUnit, Path, RowChain

MAX_UNITS = 3  # of a layer whose deltas are written by their rules
MAX_BLOCKED = 6  # units that are named as blocked


class StorySymbols(ChainSymbols):
    def __init__(self, chain: ChainNumbers) -> None:
        super().__init__(chain.backward, chain.notation, chain.shown_row)
        self.chain = chain
        self.shown: RowChain = chain.row(chain.shown_row)

    @property
    def of_row(self) -> str:
        """What a title adds where one row of several is shown."""
        return f", row {self.row}" if self.batch else ""

    def letter(self, layer: int, n: int) -> Unit:
        """Return what runs over a layer: the n-th letter, or its only unit."""
        return 0 if self.net.units[layer] == 1 else self.notation.letter(n)

    def largest_path(self) -> Path | None:
        """Return the path of the largest product, None if none is known."""
        return max(self.shown.paths, key=lambda path: abs(path.product), default=None)


# --- softmax -------------------------------------------------------------------------------------


def through_softmax(s: StorySymbols) -> d.Section | None:
    """Write dJ/dz of one output as the sum over the softmax's Jacobian, and as p - y."""
    if not s.coupled or s.fused:
        return None
    k = _output_shown(s)
    z = s.notation.z(s.L, k)
    dJ_dz = Partial(s.J_row, z, float(s.backward.top[s.row, k]))
    found = [*_factors_of_outputs(s, k), d.equal_to(dJ_dz, s.jacobian_sum(k))]
    if s.net.canonical:
        found.append(d.equal_to(dJ_dz, s.canonical_derivative(k)))
    name = s.net.out_activation
    why = " moves all of them, so that its derivative is a sum over them."
    intro = d.Paragraph.of((f"A {name} ties the outputs together: ", z, why))
    return d.Section.of("softmax", f"Through the {name}{s.of_row}", intro, found)


def _factors_of_outputs(s: StorySymbols, k: int) -> list[d.Row]:
    """Write the two factors of the output that adds most to dJ/dz_k, with their rules."""
    derivative, group = s.backward.end[s.row], group_of(s.net, k)
    through = {m: s.softmax_derivative(m, k) for m in group}
    m = max(group, key=lambda m: abs(derivative[m] * through[m].value))
    a, z = s.notation.a(s.L, m), s.notation.z(s.L, k)
    return [
        d.equal_to(Partial(s.J_row, a, float(derivative[m])), s.loss_derivative(m)),
        d.equal_to(Partial(a, z, float(through[m].value)), through[m]),
    ]


def _output_shown(s: StorySymbols) -> int:
    """Return the output that is looked at: the weight's, or that of the largest path."""
    if s.l + 1 == s.L:
        return s.address.target
    best = s.largest_path()
    return int(np.argmax(np.abs(s.backward.top[s.row]))) if best is None else best.nodes[-1][1]


# --- delta ---------------------------------------------------------------------------------------


def folded(s: StorySymbols) -> d.Section:
    """Write the same derivative through delta, layer by layer from the loss."""
    if s.notation.in_vectors:
        found = _in_vectors(s, s.notation)
    else:
        found = [row for m in range(s.L, s.l, -1) for row in _deltas_of_layer(s, m)]
    delta = s.delta(s.l + 1, s.address.target)
    found.append(d.equal_to(Partial(s.J_row, s.weight, s.shown.term), delta * s.source()))
    dJ_dz = Partial(s.J_row, s.notation.z(s.l + 1, s.address.target))
    what = (
        " is what all weights into this unit have in common. Each delta is computed once, from "
        "those of the layer above."
    )
    intro = d.Paragraph.of((*d.equation(delta, dJ_dz), what))
    title = f"Folded into delta{s.of_row}"
    return d.Section.of("delta", title, intro, found, d.Paragraph.of(_cost(s)))


def _deltas_of_layer(s: StorySymbols, m: int) -> list[d.Row]:
    """Write delta of a layer: by its rule of few units, else of the largest and in numbers."""
    if m == s.l + 1:
        units, others = [s.address.target], list[int]()
    else:
        values = s.deltas(m)
        largest = [int(k) for k in np.argsort(-np.abs(values), kind="stable")]
        few = len(largest) <= MAX_UNITS
        units, others = (sorted(largest), []) if few else (largest[:1], largest[1:])
    found = [d.equal_to(s.delta(m, unit), s.delta_rule(m, unit)) for unit in units]
    if others:
        deltas = [s.delta(m, unit) for unit in others[:MAX_UNITS]]
        side = d.joined(", ", [(q, " = ", d.number(q.value)) for q in deltas])
        more = len(others) - MAX_UNITS
        found.append(d.Row.of((), (*side, f" and {more:,} smaller") if more > 0 else side))
    return found


def _in_vectors(s: StorySymbols, notation: Notation) -> list[d.Row]:
    """Write delta of whole layers, down to that of the weight's unit."""
    found = []
    for m in range(s.L, s.l, -1):
        own = m == s.l + 1
        j = s.address.target
        at = f"[{j}]" if own else ""
        f = s.net.layer_activation(m)
        a = f"{notation.vector('a', m).unicode}{at}"
        z = f"{notation.vector('z', m).unicode}{at}"
        if m < s.L:
            above = notation.vector("δ", m + 1).unicode
            W = f"{notation.vector('W', m).unicode}{at}"
            rule = f"({W} @ {above}) * {f}'({z})"
            if s.trace.mask(m) is not None:
                rule += f" * mask({a})"
        elif s.net.canonical:
            rule = f"{a} - y{at}"
        elif s.coupled:
            whole = notation.vector("a", m).unicode
            rule = f"(diag({whole}) - outer({whole}, {whole})){at} @ dJ/d{whole}"
        else:
            rule = f"dJ/d{a} * {f}'({z})"
        values = s.backward.delta[m][s.row]
        value = float(values[0]) if own else values
        name = notation.delta(m, j) if own else notation.vector("δ", m)
        found.append(d.Row.of(name, code(rule), d.Numbers(Quantity(name, value))))
    return found


def _cost(s: StorySymbols) -> str:
    """Say what folding saves: how many multiplications either way takes."""
    row, units = s.shown, s.net.units
    if row.n_paths == 1 or not row.paths:
        return ""
    n_factors = len(row.paths[0].factors)
    one_by_one = row.n_paths * (n_factors - 1)
    # delta of the outputs (a factor of the paths too where it is one); of each layer down to the
    # weight's; of the weight's unit; times dz/dw
    through = 0 if s.net.canonical or s.coupled else units[-1]
    for m in range(s.L - 1, s.l, -1):
        through += (1 if m == s.l + 1 else units[m]) * (units[m + 1] + 1)
    return (
        f"{row.n_paths:,} paths of {n_factors} factors take {one_by_one:,} multiplications for "
        f"this one weight, and {through + 1:,} through delta; the deltas serve all other weights "
        "too."
    )


# --- what blocks ---------------------------------------------------------------------------------


def blocked(s: StorySymbols) -> d.Section | None:
    """Name what lets nothing, or next to nothing, through."""
    row, source = s.shown, s.address.source
    found = []
    if source is not None and s.backward.source[s.row] == 0:
        why = "an input of 0: the weight has nothing to multiply"
        if s.l and rules.ACTIVATIONS[s.net.layer_activation(s.l)].cuts:
            why = f"its {s.net.layer_activation(s.l)} is off: the weight has nothing to multiply"
        mask = s.mask(s.l, source)
        if mask is not None and mask.value == 0:
            why = "this step drops it: the weight has nothing to multiply"
        found.append(d.Row.of((s.a(s.l, source), " = 0"), why))
    for block in row.blocks[:MAX_BLOCKED]:
        found.append(d.Row.of(s.notation.a(block.layer, block.unit), _reason(s, block)))
    if len(row.blocks) > MAX_BLOCKED:
        found.append(d.Row.of("...", f"and {len(row.blocks) - MAX_BLOCKED:,} more units"))
    if not found and row.n_alive == row.n_paths:
        return None
    after = d.Paragraph.of(_open_paths(row.n_paths, row.n_alive))
    return d.Section.of("blocked", f"What blocks{s.of_row}", d.Equations(found, "facts"), after)


def _reason(s: StorySymbols, block: BlockedUnit) -> d.Words:
    f = s.net.layer_activation(block.layer)
    z = s.z(block.layer, block.unit)
    if block.reason == "dropped":
        words: d.Words = ("this step drops it",)
    elif block.reason == "off":
        words = (f"{f} is off, because ", z, " = ", d.Numbers(z))
    else:
        words = (f"{f} is saturated at ", z, " = ", d.Numbers(z), ": its slope is ")
        words = (*words, d.number(block.slope))
    return (*words, "; all paths go through it") if block.layer == s.l + 1 else words


def _open_paths(n_paths: int, n_alive: int) -> str:
    if n_alive == n_paths:
        return "No path is cut off." if n_paths > 1 else "The path is not cut off."
    if n_alive == 0:
        return "No path is open: the derivative is 0."
    are = "is" if n_alive == 1 else "are"
    return f"{n_alive:,} of {n_paths:,} paths {are} open; a zero on the others cuts them off."
