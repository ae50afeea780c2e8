"""The chain of one row: its paths, the folded form, and the units that block."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .address import Address
from .chain_symbols import ChainSymbols, Factor
from .flow import Backward
from .formula import Product
from .notation import Notation
from .paths import Nodes, count_alive, largest
from .rules import ACTIVATIONS, SATURATED
from .trace import TraceNumbers
from .verify import check_paths


@dataclass(frozen=True)
class BlockedUnit:
    """Unit through which little or no gradient flows.

    Attributes
    ----------
    layer, unit : int
        Indices of the layer and of the unit, from 0.
    reason : str
        'dropped' by dropout, 'off' for a relu at z <= 0, or 'saturated' for a logistic or tanh
        whose slope is less than a hundredth of the steepest.
    slope : float
        The derivative da/dz.
    """

    layer: int
    unit: int
    reason: str
    slope: float


Block = BlockedUnit  # its name in pickles of 0.1.0


@dataclass(frozen=True)
class Path:
    """Path from the weight to the loss of one row.

    Attributes
    ----------
    row : int
        Index of the row.
    nodes : tuple of (int, int)
        (layer, unit) of the units on the path, from the one that the weight enters to an output.
    factors : tuple of Factor
        The derivatives from the loss back to the weight. In a batch the first is the row's share in
        J. A softmax has no factor of its own: the first is then dJ/dz of the output, through all
        outputs.
    product : float
        Their product.
    blocks : tuple of BlockedUnit
        The units on the path through which no gradient flows.
    """

    row: int
    nodes: tuple[tuple[int, int], ...]
    factors: tuple[Factor, ...]
    product: float
    blocks: tuple[BlockedUnit, ...]

    @property
    def formula(self) -> Product:
        """The product of the factors."""
        return Product(tuple(factor.partial for factor in self.factors))


@dataclass(frozen=True)
class RowChain:
    """Chain of one row.

    Attributes
    ----------
    row : int
        Index of the row.
    share : float
        Its weight in J, w_r / sum(w).
    term : float
        The derivative dJ_r/dw of the row's own loss.
    n_paths, n_alive : int
        Number of all paths, and of those without a zero.
    factors : tuple of Factor
        The folded chain, in which all paths above the weight's unit are one derivative.
    paths : tuple of Path
        All paths, or the largest ones; their products and `remainder` add up to share * term.
    remainder : float
        Sum of the paths that are not in `paths`.
    blocks : tuple of BlockedUnit
        Units above the weight through which little or no gradient flows.
    fused : bool
        Whether an output is so near its limit that the last two derivatives are finite only as a
        product.
    """

    row: int
    share: float
    term: float
    n_paths: int
    n_alive: int
    factors: tuple[Factor, ...]
    paths: tuple[Path, ...]
    remainder: float
    blocks: tuple[BlockedUnit, ...]
    fused: bool

    @property
    def complete(self) -> bool:
        """Whether `paths` are all paths."""
        return len(self.paths) == self.n_paths


def row_chain(backward: Backward, notation: Notation, row: int, max_paths: int) -> RowChain:
    flow = backward.flow(row)
    share, term = float(backward.share[row]), float(backward.terms[row])
    symbols = ChainSymbols(backward, notation, row)
    blocks = _blocks_above(backward.trace, backward.address, row)
    blocked = {(block.layer, block.unit): block for block in blocks}
    paths = tuple(_path(symbols, nodes, blocked) for nodes in largest(flow, max_paths))
    n_alive = count_alive(flow) if backward.source[row] != 0 else 0
    if len(paths) == flow.n_paths:
        paths = tuple(sorted(paths, key=lambda path: path.nodes))
    if len(paths) in (flow.n_paths, n_alive):  # all, or all that are not 0
        check_paths(backward, row, [path.product for path in paths])
        remainder = 0.0
    else:
        remainder = math.fsum([share * term, *(-path.product for path in paths)])
    n_paths, folded, fused = flow.n_paths, symbols.folded(), symbols.fused
    return RowChain(row, share, term, n_paths, n_alive, folded, paths, remainder, blocks, fused)


def _path(symbols: ChainSymbols, nodes: Nodes, blocked: dict[tuple[int, int], BlockedUnit]) -> Path:
    factors = (*symbols.share(), *symbols.factors(nodes))
    places = list(enumerate((symbols.address.target, *nodes), start=symbols.l + 1))
    blocks = tuple(blocked[place] for place in places if place in blocked)
    product = math.prod(factor.value for factor in factors)
    return Path(symbols.row, tuple(places), factors, product, blocks)


def _blocks_above(trace: TraceNumbers, address: Address, row: int) -> tuple[BlockedUnit, ...]:
    """Return the units above a weight that let nothing, or next to nothing, of a row through."""
    net, L = trace.net, len(trace.net.coefs)
    found = []
    for m in range(address.layer + 1, L + 1):
        f, mask = ACTIVATIONS[net.layer_activation(m)], trace.mask(m)
        units = [address.target] if m == address.layer + 1 else range(net.units[m])
        for unit in units:
            share = 1.0 if mask is None else mask[row, unit]
            if share == 0:
                found.append(BlockedUnit(m, unit, "dropped", 0.0))
            if share == 0 or f.steepest is None or (m == L and net.canonical):
                continue  # it has no flat end, or the loss makes up for it
            slope = float(trace.df[m][row, unit])
            if slope == 0 and f.cuts:
                found.append(BlockedUnit(m, unit, "off", slope))
            elif abs(slope) < SATURATED * f.steepest * share:
                found.append(BlockedUnit(m, unit, "saturated", slope))
    return tuple(found)
