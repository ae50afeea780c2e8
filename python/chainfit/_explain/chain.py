"""The numbers of the chain from J to one weight: its rows, their paths, and the verification."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, is_dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from . import rules
from .address import Address, read_address
from .cell_facts import facts_of
from .chain_symbols import Factor
from .flow import Backward
from .formula import Array, plain
from .notation import Notation
from .outputs import sums_of
from .rows import Path, RowChain, row_chain
from .trace import TraceNumbers
from .verify import Verification, verify


@dataclass(frozen=True, eq=False, repr=False)
class ChainNumbers:
    """What `explain.Chain` holds and describes, but for how it is written."""

    value: float
    address: Address
    weight: float
    l2_term: float
    backward: Backward = field(repr=False)
    verification: Verification
    trace: Any  # a Trace
    notation: Notation
    max_paths: int
    l1_term: float = 0.0
    _rows: dict[int, RowChain] = field(default_factory=dict)

    @classmethod
    def of_step(
        cls, step: TraceNumbers, address: Address, notation: Notation, max_paths: int
    ) -> Self:
        """Return the verified chain of a weight in a step."""
        _check_loss(step)
        net, backward = step.net, Backward(step, address)
        l, i, j = address
        weight = float(net.intercepts[l][j] if i is None else net.coefs[l][i, j])
        found = {
            key: 0.0
            if i is None
            else getattr(net, key) / step.sum_w * float(penalty.of_weight(plain(weight)).value)
            for key, penalty in rules.penalties_of(net).items()
        }
        value = math.fsum(backward.share * backward.terms) + sum(found.values())
        verification = verify(backward, value, sum(map(abs, found.values())), weight)
        verification.check(address.name(notation).ascii)
        l2_term, l1_term = (found.get(key, 0.0) for key in rules.PENALTIES)
        numbers = (value, address, weight, l2_term, backward, verification)
        return cls(*numbers, step, notation, max_paths, l1_term)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_rows": {}}  # which are made again where they are asked for

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "_rows": {}})  # those of 0.1.0 had other formulas

    @property
    def terms(self) -> Array:
        """dJ_r/dw of each row's own loss, shape (rows,)."""
        return self.backward.terms

    @property
    def share(self) -> Array:
        """What each row counts for in J, shape (rows,)."""
        return self.backward.share

    @property
    def penalty_terms(self) -> dict[str, float]:
        """The terms of dJ/dw that penalties add, by the strength's name."""
        return {key: (self.l2_term, self.l1_term)[key == "l1"] for key in self.trace.penalties}

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.terms)

    @property
    def symbol(self) -> str:
        """The weight's name in the notation, as plain text: an address."""
        return self.address.name(self.notation).ascii

    @property
    def stored(self) -> str:
        """Where the weight is kept in a fitted model: coefs_[layer][from, to]."""
        return self.address.stored

    @cached_property
    def shown_row(self) -> int:
        """The row that is written in full: that of the largest term."""
        return int(np.argmax(np.abs(self.share * self.terms)))

    def row(self, row: int) -> RowChain:
        """Return the chain of one row as a `RowChain`; negative numbers count from the end."""
        if not -self.n_rows <= row < self.n_rows:
            raise IndexError(f"row {row} is out of range: the batch has {self.n_rows} rows")
        row %= self.n_rows
        if row not in self._rows:
            self._rows[row] = row_chain(self.backward, self.notation, row, self.max_paths)
        return self._rows[row]

    def of(self, weight: str | Sequence[int]) -> Self:
        """Return the chain of another weight, by its address as in `explain`, on the same rows."""
        address = read_address(weight, self.trace.net.units, self.notation)
        return self.of_step(self.trace, address, self.notation, self.max_paths)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The paths of all rows: all of them, or the `max_paths` largest of each row.

        ``sum of their products + remainder + l2_term + l1_term = value``.
        """
        return tuple(path for row in range(self.n_rows) for path in self.row(row).paths)

    @property
    def remainder(self) -> float:
        """What the paths that are not in `paths` add up to."""
        return math.fsum(self.row(row).remainder for row in range(self.n_rows))

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The folded chain of the one row, or of `shown_row` in a batch (share included)."""
        return self.row(self.shown_row).factors

    @property
    def update(self) -> dict[str, Any] | None:
        """The numbers of the weight's update, see `Update.of`; None for 'lbfgs'."""
        return None if self.trace.update is None else self.trace.update.of(*self.address)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, texts, lists and dicts; all counts from 0.

        Of a model of tables "table" says which of its nets that is, and the cells that the weight's
        input is made of: of each row the number that its cell is read as, or the level.
        """
        net = self.trace.net
        layer, source, _ = self.address
        table = {}
        if net.member is not None:
            table["table"] = facts_of(net.member, self.trace.cells, None if layer else source)
        return {
            "weight": self.symbol,
            "notation": self.notation.key,
            "stored": self.stored,
            **dict(zip(("layer", "from", "to"), self.address, strict=True)),
            "weight_value": self.weight,
            "value": self.value,
            "J": self.trace.J,
            **table,
            "net": {name: as_plain(getattr(net, name)) for name in _OF_NET},
            "l2_term": self.l2_term,
            "l1_term": self.l1_term,
            "remainder": self.remainder,
            "rows": [as_plain(self.row(row)) for row in range(self.n_rows)],
            "update": as_plain(self.update),
            "verification": as_plain(self.verification),
        }

    def to_json(self, **settings: Any) -> str:
        r"""Return `to_dict` as JSON; `settings` go to `json.dumps`.

        What has no sign of its own, in names given by the user, is escaped: ``\u001b``.
        """
        settings = {"ensure_ascii": False, "allow_nan": False, **settings}
        return "".join(
            c if c.isprintable() or c in "\n\t" else json.dumps(c)[1:-1]  # those of the indent
            for c in json.dumps(self.to_dict(), **settings)
        )

    def __repr__(self) -> str:
        rows = "1 row" if self.n_rows == 1 else f"{self.n_rows} rows"
        return f"Chain({self.symbol!r}, value={self.value!r}, {rows})"


# The attributes of a net that `to_dict` has.
_OF_NET = (
    *("units", "activation", "out_activation", "loss", "alpha", "l1"),
    *("feature_names", "output_names"),
)
_RENAMED = {"n_alive": "n_open_paths", **{f"stored{x}": f"numpy{x}" for x in ("", "_tolerance")}}
_LEFT_OUT = {RowChain: ("fused",), Path: ("row",)}


def as_plain(x: Any) -> Any:
    """Return numbers as Python's, tuples as lists, and the pieces of a chain as dicts."""
    if isinstance(x, Factor):
        return x.to_dict()
    if is_dataclass(x):
        left_out = _LEFT_OUT.get(type(x), ())
        x = {_RENAMED.get(k, k): part for k, part in vars(x).items() if k not in left_out}
    if isinstance(x, dict):
        return {key: as_plain(part) for key, part in x.items()}
    if isinstance(x, tuple):
        return [as_plain(part) for part in x]
    return x.item() if hasattr(x, "item") else x


def _check_loss(step: TraceNumbers) -> None:
    """Refuse an infinite loss, and targets with which p - y would not be the derivative.

    Through the softmax it is p sum(y) - y: the targets of a row must add up to 1 in float64.
    """
    net = step.net
    if not np.isfinite(step.J):
        raise ValueError("J is not finite on these rows: it has no derivative there.")
    if not (net.canonical and step.df[-1] is None):
        return
    sums = sums_of(net, step.Y)
    if (np.abs(sums - 1) > np.finfo(float).eps * step.Y.shape[1]).any():
        raise ValueError(
            f"rows of y must add up to 1 to the last digit: with loss={net.loss!r} and a "
            f"{net.out_activation} the derivative p - y needs it. Divide them by "
            "y.sum(axis=1, keepdims=True)."
        )
