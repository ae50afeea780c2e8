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
        """Return the verified chain of a weight in a step, as `explain` does.

        Parameters
        ----------
        step : Trace
            The training step.
        address : Address
            The weight or bias.
        notation : Notation
            What things are called.
        max_paths : int
            Maximum number of paths listed for each row.

        Returns
        -------
        chain : Chain
            The chain.

        Raises
        ------
        ValueError
            If J has no derivative on the rows of the step.
        MismatchError
            If the chain, the compiled core and a central difference do not agree.

        Examples
        --------
        >>> import chainfit
        >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]])
        >>> chain = chainfit.explain(net, [2.0, 1.0], 1.0, "w_12^(1)")
        >>> chain.of_step(chain.trace, chain.address, chain.notation, max_paths=1).value
        -0.75
        """
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
        """Derivative dJ_r/dw of each row's own loss, shape (rows,)."""
        return self.backward.terms

    @property
    def share(self) -> Array:
        """Weight of each row in J, w_r / sum(w), shape (rows,)."""
        return self.backward.share

    @property
    def penalty_terms(self) -> dict[str, float]:
        """Terms that the penalties add to dJ/dw, by parameter: 'alpha', 'l1'."""
        return {key: (self.l2_term, self.l1_term)[key == "l1"] for key in self.trace.penalties}

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.terms)

    @property
    def symbol(self) -> str:
        """Name of the weight in the notation, as plain text, such as 'w_12^(1)'."""
        return self.address.name(self.notation).ascii

    @property
    def stored(self) -> str:
        """Place of the weight in a fitted model, such as 'coefs_[0][1, 0]'."""
        return self.address.stored

    @cached_property
    def shown_row(self) -> int:
        """Index of the row that is written in full, the one with the largest term."""
        return int(np.argmax(np.abs(self.share * self.terms)))

    def row(self, row: int) -> RowChain:
        """Return the chain of one row.

        Parameters
        ----------
        row : int
            Index of the row; negative ones count from the end.

        Returns
        -------
        chain : RowChain
            Its factors, paths and blocked units.

        Raises
        ------
        IndexError
            If there is no such row.

        Examples
        --------
        >>> import chainfit
        >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]])
        >>> chain = chainfit.explain(net, [[2.0, 1.0], [0.0, 1.0]], [1.0, 0.0], "w_12^(1)")
        >>> chain.row(-1).share, chain.row(-1).term
        (0.5, -0.75)
        """
        if not -self.n_rows <= row < self.n_rows:
            raise IndexError(f"row {row} is out of range: the batch has {self.n_rows} rows")
        row %= self.n_rows
        if row not in self._rows:
            self._rows[row] = row_chain(self.backward, self.notation, row, self.max_paths)
        return self._rows[row]

    def of(self, weight: str | Sequence[int]) -> Self:
        """Return the chain of another weight on the same rows.

        Parameters
        ----------
        weight : str or tuple of int
            Address of the weight or bias, as in `explain`.

        Returns
        -------
        chain : Chain
            Its chain, in the same notation.

        Raises
        ------
        ValueError
            If there is no such weight.

        Examples
        --------
        >>> import chainfit
        >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]])
        >>> chain = chainfit.explain(net, [2.0, 1.0], 1.0, "w_12^(1)")
        >>> chain.of("w_11^(1)").value, chain.of("b_1^(1)").value
        (-1.5, -0.75)
        """
        address = read_address(weight, self.trace.net.units, self.notation)
        return self.of_step(self.trace, address, self.notation, self.max_paths)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Paths of all rows: all of them, or the `max_paths` largest of each row.

        ``sum of their products + remainder + l2_term + l1_term = value``.
        """
        return tuple(path for row in range(self.n_rows) for path in self.row(row).paths)

    @property
    def remainder(self) -> float:
        """Sum of the paths that are not in `paths`."""
        return math.fsum(self.row(row).remainder for row in range(self.n_rows))

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Factors of the folded chain of `shown_row`, in a batch with its share."""
        return self.row(self.shown_row).factors

    @property
    def update(self) -> dict[str, Any] | None:
        """Numbers of the weight's update, see `Update.of`; None for 'lbfgs'."""
        return None if self.trace.update is None else self.trace.update.of(*self.address)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, texts, lists and dicts; indices start at 0.

        Returns
        -------
        chain : dict
            The weight, its derivative, J, the net, the terms of the penalties, the rows with their
            factors and paths, the update and the verification. For a model of tables, "table" says
            which of its nets that is, and the cells from which the weight's input is made: for each
            row the number that its cell is read as, or the level.

        See Also
        --------
        to_json : The same as JSON.

        Examples
        --------
        >>> import chainfit
        >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]])
        >>> chain = chainfit.explain(net, [2.0, 1.0], 1.0, "w_12^(1)").to_dict()
        >>> chain["stored"], chain["value"], chain["rows"][0]["n_paths"]
        ('coefs_[0][1, 0]', -0.75, 1)
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
        r"""Return `to_dict` as JSON.

        Characters without a glyph, in names given by the user, are escaped: ``\u001b``.

        Parameters
        ----------
        **settings : Any
            Arguments of `json.dumps`; by default ``ensure_ascii=False, allow_nan=False``.

        Returns
        -------
        text : str
            The JSON text.

        Raises
        ------
        ValueError
            If a number is not finite and allow_nan=False.

        Examples
        --------
        >>> import json
        >>> import chainfit
        >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]])
        >>> chain = chainfit.explain(net, [2.0, 1.0], 1.0, "w_12^(1)")
        >>> json.loads(chain.to_json(indent=1))["value"]
        -0.75
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
