"""The pieces of a chain: factors, paths, what blocks them, and the chain of one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .formula import Formula, Partial, Product
from .writer import Writer

_UNICODE = Writer("unicode")


@dataclass(frozen=True)
class Factor:
    """One factor of a chain.

    Attributes
    ----------
    partial : Partial
        The derivative with its number.
    rule : Formula
        What it is equal to, in symbols and numbers.
    """

    partial: Partial
    rule: Formula

    @property
    def value(self) -> float:
        """The number."""
        return float(self.partial.value)

    def __str__(self) -> str:
        w = _UNICODE
        return f"{w.symbols(self.partial)} = {w.symbols(self.rule)} = {w.number(self.value)}"

    def to_dict(self) -> dict[str, Any]:
        """Return symbol, rule and number."""
        return {
            "symbol": _UNICODE.symbols(self.partial),
            "rule": _UNICODE.symbols(self.rule),
            "value": self.value,
        }


@dataclass(frozen=True)
class BlockedUnit:
    """A unit that lets nothing, or next to nothing, through.

    Attributes
    ----------
    layer, unit : int
        Counted from 0.
    reason : {'off', 'saturated'}
        A relu at z <= 0; a logistic or tanh at less than a hundredth of its steepest slope.
    slope : float
        f'(z).
    """

    layer: int
    unit: int
    reason: str
    slope: float


Block = BlockedUnit  # its name in pickles of 0.1.0


@dataclass(frozen=True)
class Path:
    """One path from the weight to the loss of a row.

    Attributes
    ----------
    row : int
    nodes : tuple of (layer, unit)
        The units on it, one of each layer from the one that the weight enters up to the outputs;
        counted from 0.
    factors : tuple of Factor
        From the loss back to the weight. In a batch the first is the row's share in J. A softmax
        has no factor of its own: the first is then dJ/dz of the output, which takes all outputs
        together.
    product : float
        Of the factors.
    blocks : tuple of BlockedUnit
        Units on it that let nothing through.
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
    """The chain of one row.

    Attributes
    ----------
    row : int
    share : float
        w_r / sum(w), what the row counts for in J.
    term : float
        dJ_r/dw, the derivative of the row's own loss.
    factors : tuple of Factor
        The chain folded: all paths above the weight's unit in one derivative.
    n_paths, n_alive : int
        Number of paths, one for each choice of a unit of every layer above the weight's own unit,
        and number of those without a zero on them.
    paths : tuple of Path
        All of them, or the largest by absolute value; each product has the share in it.
    remainder : float
        share * term less the products of `paths`: what all other paths add up to.
    blocks : tuple of BlockedUnit
        Units above the weight that block.
    fused : bool
        Whether an output is so near its limit that the last two steps are finite as a product only.
    """

    row: int
    share: float
    term: float
    factors: tuple[Factor, ...]
    n_paths: int
    n_alive: int
    paths: tuple[Path, ...]
    remainder: float
    blocks: tuple[BlockedUnit, ...]
    fused: bool

    @property
    def complete(self) -> bool:
        """Whether `paths` are all there are."""
        return len(self.paths) == self.n_paths
