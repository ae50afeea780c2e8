"""Makes the chain of one row: its paths, the folded form, and the units that block."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .address import Address
from .flow import Backward
from .formula import (
    Constant,
    Formula,
    Name,
    Partial,
    Product,
    Quantity,
    Rest,
    code,
    total,
)
from .notation import Notation, Unit
from .parts import BlockedUnit, Factor, Path, RowChain
from .paths import Nodes, count_alive, largest
from .rules import ACTIVATIONS, SATURATED
from .steps import PathSymbols, Step, path_steps
from .trace import TraceNumbers, softmax_jacobian
from .verify import check_paths

Array = npt.NDArray[Any]


def row_chain(backward: Backward, notation: Notation, row: int, max_paths: int) -> RowChain:
    """Return the chain of one row; see `Chain.row`."""
    address, trace = backward.address, backward.trace
    flow = backward.flow(row)
    share, term = float(backward.share[row]), float(backward.terms[row])
    symbols = PathSymbols(trace, notation, row)
    blocks = blocks_above(trace, address, row)
    blocked = {(block.layer, block.unit): block for block in blocks}
    builder = _Builder(backward, symbols)
    paths = tuple(builder.path(nodes, blocked) for nodes in largest(flow, max_paths))
    n_alive = count_alive(flow) if backward.source[row] != 0 else 0
    if len(paths) == flow.n_paths:
        paths = tuple(sorted(paths, key=lambda path: path.nodes))
    if len(paths) in (flow.n_paths, n_alive):  # all, or all that are not 0
        check_paths(backward, row, [path.product for path in paths])
        remainder = 0.0
    else:
        remainder = math.fsum([share * term, *(-path.product for path in paths)])
    return RowChain(
        row=row,
        share=share,
        term=term,
        factors=builder.folded(),
        n_paths=flow.n_paths,
        n_alive=n_alive,
        paths=paths,
        remainder=remainder,
        blocks=blocks,
        fused=bool(backward.fused[row]),
    )


class _Builder:
    """Makes the paths and the folded chain of one row."""

    def __init__(self, backward: Backward, symbols: PathSymbols) -> None:
        self.backward, self.symbols = backward, symbols
        self.address, self.trace = backward.address, backward.trace
        self.notation = symbols.notation
        self.fused = bool(backward.fused[symbols.row])
        self.known: dict[tuple[Any, ...], Factor] = {}
        self.L = symbols.L
        self.batch = len(backward.share) > 1
        self.loss = self.notation.row_loss() if self.batch else self.notation.loss

    def share(self) -> tuple[Factor, ...]:
        """Return the step from J to the row's loss, where there are several rows."""
        if not self.batch:
            return ()
        share = float(self.backward.share[self.symbols.row])
        weights = self.trace.sample_weight
        if weights is None:
            rule: Formula = Constant(1) / Constant(len(self.backward.share))
        else:
            w = Quantity(code("w_r"), float(weights[self.symbols.row]))
            rule = w / Quantity(code("sum(w)"), float(weights.sum()))
        return (Factor(Partial(self.notation.loss, self.loss, share), rule),)

    def factor(self, step: Step) -> Factor:
        """Return the factor of a step; paths share many."""
        key = (step.kind, step.layer, step.at)
        if key not in self.known:
            if step.kind == "loss_z" and not self.trace.net.canonical:
                k = int(step.at[0])
                rule = jacobian_sum(self.backward, self.symbols, self.loss, k)
                value = float(self.backward.top[self.symbols.row, k])
            else:
                rule = self.symbols.rule(step, self.address)
                value = float(rule.value)
            self.known[key] = Factor(Partial(step.top, step.bottom, value), rule)
        return self.known[key]

    def steps(self, units: Sequence[Unit]) -> list[Step]:
        """Return the steps of the path through these units."""
        return path_steps(
            self.notation,
            self.address,
            units,
            self.L,
            loss=self.loss,
            to_sum=self.backward.coupled or self.fused,
        )

    def path(self, nodes: Nodes, blocked: dict[tuple[int, int], BlockedUnit]) -> Path:
        """Return the path through these units of the layers above the weight's own."""
        factors = (*self.share(), *(self.factor(step) for step in self.steps(nodes)))
        places = list(enumerate((self.address.target, *nodes), start=self.address.layer + 1))
        blocks = tuple(blocked[place] for place in places if place in blocked)
        product = math.prod(factor.value for factor in factors)
        return Path(self.symbols.row, tuple(places), factors, product, blocks)

    def folded(self) -> tuple[Factor, ...]:
        """Return the chain with everything above the weight's unit in one derivative."""
        steps = self.steps([0] * (self.L - self.address.layer - 1))
        if self.address.layer + 1 == self.L:
            return (*self.share(), *(self.factor(step) for step in steps))
        own = steps[-1:] if self.notation.per_neuron else steps[-2:]
        return (*self.share(), self.sum_of_deltas(), *(self.factor(step) for step in own))

    def sum_of_deltas(self) -> Factor:
        """Return dJ/da of the weight's unit: all that leaves it, sum_k w_kj delta_k."""
        l, j, row = self.address.layer, self.address.target, self.symbols.row
        delta = self.backward.delta[l + 2][row]

        def term(k: int) -> Formula:
            d = Quantity(self.notation.delta(l + 2, k), float(delta[k]))
            return Product((self.symbols.w(l + 1, j, k), d))

        value = float(self.backward.da[l + 1][row, 0])
        partial = Partial(self.loss, self.notation.a(l + 1, j), value)
        return Factor(partial, largest_terms(self.trace.net.coefs[l + 1][j] * delta, term))


def jacobian_sum(backward: Backward, symbols: PathSymbols, loss: Name, k: int) -> Formula:
    """Return dJ_r/dz_k of a softmax, sum_m dJ_r/da_m da_m/dz_k, the largest terms one by one."""
    row, L = symbols.row, symbols.L
    derivative = backward.end[row]
    column = softmax_jacobian(backward.trace.a[L][row])[:, k]

    def term(m: int) -> Formula:
        a, z = symbols.notation.a(L, m), symbols.notation.z(L, k)
        through = Partial(a, z, float(column[m]))
        return Product((Partial(loss, a, float(derivative[m])), through))

    return largest_terms(derivative * column, term)


def largest_terms(values: Array, term: Callable[[int], Formula], at_most: int = 4) -> Formula:
    """Return a sum in its terms; of more than `at_most` the largest, in order, and the rest."""
    n = len(values)
    if n <= at_most:
        return total([term(k) for k in range(n)])
    several = min(at_most - 1, max(1, np.count_nonzero(values)))
    kept = np.sort(np.argsort(-np.abs(values), kind="stable")[:several])
    rest = math.fsum(np.delete(values, kept))
    return total([*(term(int(k)) for k in kept), Rest(n - len(kept), rest)])


def blocks_above(trace: TraceNumbers, address: Address, row: int) -> tuple[BlockedUnit, ...]:
    """Return the units above a weight that let next to nothing of a row through."""
    net, L = trace.net, len(trace.net.coefs)
    found = []
    for m in range(address.layer + 1, L + 1):
        f = ACTIVATIONS[net.layer_activation(m)]
        if f.steepest is None or (m == L and net.canonical):
            continue  # it has no flat end, or the loss makes up for it
        slopes = trace.df[m][row]
        units = [address.target] if m == address.layer + 1 else range(len(slopes))
        for unit in units:
            slope = float(slopes[unit])
            if slope == 0 and f.cuts:
                found.append(BlockedUnit(m, unit, "off", slope))
            elif abs(slope) < SATURATED * f.steepest:
                found.append(BlockedUnit(m, unit, "saturated", slope))
    return tuple(found)
