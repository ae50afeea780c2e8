"""explain: how the derivative of J by one weight comes about, path by path, in numbers.

`rows` makes the chain of each row, `check` verifies, `story` puts it all into
sections, and `text`, `latex`, `html` write these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .address import Address, read_address
from .flow import Backward
from .net import as_net
from .notation import Notation, get_notation
from .parts import Factor, Path, RowChain
from .rows import row_chain
from .trace import Trace, trace
from .verify import Verification, verify
from .writer import checked_width, checked_writer

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Chain:
    """The chain of derivatives from J to one weight; made by `explain`.

    ``print(chain)`` tells it; in a notebook it shows itself as formulas.

    Attributes
    ----------
    value : float
        dJ/dw: the rows' terms by their shares, added up, and the L2 term.
    address : Address
        (layer, source, target) of ``coefs_[layer][source, target]``; source None is a bias.
    weight : float
        The weight itself.
    terms, share : ndarray of shape (rows,), float64
        dJ_r/dw of each row's own loss, and what the row counts for in J.
    l2_term : float
        alpha / sum(w) * weight; 0 for a bias.
    verification : Verification
        The same derivative by the compiled core and by a central difference.
    trace : Trace
        The training step that it is part of.
    max_paths : int
    """

    value: float
    address: Address
    weight: float
    l2_term: float
    backward: Backward = field(repr=False)
    verification: Verification
    trace: Trace
    notation: Notation
    max_paths: int
    _rows: dict[int, RowChain] = field(default_factory=dict)

    # -- what it holds

    @property
    def terms(self) -> Array:
        """dJ_r/dw of each row's own loss, shape (rows,)."""
        return self.backward.terms

    @property
    def share(self) -> Array:
        """What each row counts for in J, shape (rows,)."""
        return self.backward.share

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
        """The row that renderings tell in full: that of the largest term."""
        return int(np.argmax(np.abs(self.share * self.terms)))

    def row(self, row: int) -> RowChain:
        """Return the chain of one row.

        Parameters
        ----------
        row : int
            From 0; negative ones count from the end.

        Returns
        -------
        RowChain

        Raises
        ------
        IndexError
            If there is no such row.
        """
        if not -self.n_rows <= row < self.n_rows:
            raise IndexError(f"row {row} is out of range: the batch has {self.n_rows} rows")
        row %= self.n_rows
        if row not in self._rows:
            self._rows[row] = row_chain(self.backward, self.notation, row, self.max_paths)
        return self._rows[row]

    def of(self, weight: str | Sequence[int]) -> Chain:
        """Return the chain of another weight on the same rows.

        Parameters
        ----------
        weight : str or tuple of int
            Its address, as in `explain`.

        Returns
        -------
        Chain
        """
        address = read_address(weight, self.trace.net.units, self.notation)
        return _chain_of(self.trace, address, self.notation, self.max_paths)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The paths of all rows: all of them, or the `max_paths` largest of each row.

        ``sum of their products + remainder + l2_term = value``.
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

    def __repr__(self) -> str:
        rows = "1 row" if self.n_rows == 1 else f"{self.n_rows} rows"
        return f"Chain({self.symbol!r}, value={self.value!r}, {rows})"

    # -- writing

    def text(
        self,
        *,
        ascii: bool = False,
        hide: str | None = None,
        digits: int = 6,
        width: int = 100,
        sections: Sequence[str] | None = None,
    ) -> str:
        """Write the chain as aligned text.

        Parameters
        ----------
        ascii : bool, default=False
            Whether to do without Unicode: w_12^(2) and d instead of ∂.
        hide : {'numbers'}, default=None
            'numbers' leaves blanks to fill in, and tells what is given.
        digits : int, default=6
            Significant digits, 1 to 17.
        width : int, default=100
            Columns of a line, at least 80.
        sections : sequence of str, default=None
            Only these: 'head', 'chain', 'factors', 'paths', 'softmax', 'delta', 'blocked', 'rows',
            'l2', 'update', 'verified'; None is all. Those that don't apply are left out.

        Returns
        -------
        str
        """
        from .chain_text import chain_text

        writer = checked_writer("ascii" if ascii else "unicode", digits, hide)
        return chain_text(self, writer, checked_width(width), sections)

    def __str__(self) -> str:
        return self.text()

    def to_latex(
        self,
        *,
        hide: str | None = None,
        digits: int = 6,
        sections: Sequence[str] | None = None,
    ) -> str:
        r"""Write the chain as LaTeX: an ``aligned`` environment to stand between ``\[`` and ``\]``.

        Parameters
        ----------
        hide : {'numbers'}, default=None
        digits : int, default=6
            Significant digits; with 17 the numbers are those of float64.
        sections : sequence of str, default=None
            Only these, as in `text`; those without formulas have no LaTeX.

        Returns
        -------
        str
        """
        from .chain_latex import chain_latex

        return chain_latex(self, checked_writer("latex", digits, hide), sections)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.to_latex()}\n$$"

    def to_html(
        self,
        *,
        hide: str | None = None,
        digits: int = 6,
        sections: Sequence[str] | None = None,
    ) -> str:
        """Write the chain as a piece of HTML with MathML; no script, nothing from elsewhere.

        Parameters
        ----------
        hide : {'numbers'}, default=None
        digits : int, default=6
        sections : sequence of str, default=None
            As in `text`.

        Returns
        -------
        str

        Raises
        ------
        ImportError
            If latex2mathml is not installed.
        """
        from .chain_html import chain_html

        return chain_html(self, checked_writer("latex", digits, hide), sections)

    def _repr_html_(self) -> str:
        try:
            return self.to_html()
        except ImportError:
            from .chain_html import preformatted

            return preformatted(self.text())

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, texts, lists and dicts, fit for JSON."""
        from .chain_dict import chain_dict

        return chain_dict(self)

    def to_json(self, **settings: Any) -> str:
        r"""Return `to_dict` as JSON; `settings` go to `json.dumps`.

        What has no sign of its own, in names given by the user, is escaped: ``\u001b``.
        """
        from .chain_dict import chain_json

        return chain_json(self, settings)


def explain(
    model: Any,
    X: Any,
    y: Any,
    weight: str | Sequence[int],
    *,
    sample_weight: Any = None,
    notation: str = "tutorial",
    max_paths: int = 10,
) -> Chain:
    """Explain how the derivative of J by one weight comes about.

    J is the function whose gradient training applies: the rows' weighted mean of the loss (squared
    error: half the sum over the outputs) plus the L2 term.

    Parameters
    ----------
    model : Net or fitted model
        A `Net`; an MLPClassifier or MLPRegressor of chainfit or scikit-learn; a Pipeline that ends
        in one; a TableModel.
    X : array-like or sparse matrix of shape (rows, n_0), or (n_0,) for one row
        One row or a mini-batch, as the model takes it.
    y : array-like of shape (rows,) or (rows, n_L)
        The targets: the model's own, or one-hot, 0/1 or reals as the net's outputs are.
    weight : str or tuple of int
        Address of a weight or bias, as "w_12^(2)" or "b_1^(2)" (in any notation), or counted from 0
        (layer, from, to), which is ``coefs_[layer][from, to]``, or (layer, to), which is
        ``intercepts_[layer][to]``.
    sample_weight : array-like of shape (rows,), default=None
        Weights of the rows; None is 1 for each.
    notation : {'tutorial', 'outputs', 'matrix', 'sklearn'}, default='tutorial'
        What things are called: w_ij^(l), h, z, J; or O, W, L with one factor for each neuron; or
        a[l], W[l][j, i], delta[l]; or coefs_[l][j, i], activations, deltas.
    max_paths : int, default=10
        Paths told one by one, of each row; where there are more, the largest ones and the exact sum
        of the rest. A path goes through one unit of each layer above the weight, so that their
        number is the product of the sizes of the layers above the unit that the weight enters,
        whatever the activations are.

    Returns
    -------
    chain : Chain

    Raises
    ------
    TypeError, NotFittedError
        If `model` is none of these, or not fitted.
    ValueError
        If there is no such weight (the text lists what exists), or data or settings are not valid.
    MismatchError
        If the chain's product, the compiled core's gradient and a central difference don't agree.

    Examples
    --------
    >>> import chainfit
    >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]], out_activation="logistic")
    >>> chain = chainfit.explain(net, [2.0, 1.0], 1, "w_12^(1)")
    >>> round(chain.value, 6)  # (h - y) x_2
    -0.437823
    >>> print(chain.factors[-1])
    ∂z₁⁽¹⁾/∂w₁₂⁽¹⁾ = h₂⁽¹⁾ = 1
    """
    names = get_notation(notation)
    if isinstance(max_paths, bool) or not isinstance(max_paths, int) or max_paths < 1:
        raise ValueError(f"max_paths must be an integer of at least 1, got {max_paths!r}.")
    net = as_net(model)
    address = read_address(weight, net.units, names)
    step = trace(net, X, y, sample_weight=sample_weight, notation=notation)
    _check_loss(step)
    return _chain_of(step, address, names, max_paths)


def _chain_of(step: Trace, address: Address, notation: Notation, max_paths: int) -> Chain:
    """Return the verified chain of a weight in a step."""
    net = step.net
    backward = Backward(step, address)
    if address.source is None:
        weight, l2_term = float(net.intercepts[address.layer][address.target]), 0.0
    else:
        weight = float(net.coefs[address.layer][address.source, address.target])
        l2_term = net.alpha / backward.sum_w * weight if net.alpha else 0.0
    value = math.fsum(backward.share * backward.terms) + l2_term
    verification = verify(backward, value, l2_term, weight)
    verification.check(address.name(notation).ascii)
    return Chain(
        value=value,
        address=address,
        weight=weight,
        l2_term=l2_term,
        backward=backward,
        verification=verification,
        trace=step,
        notation=notation,
        max_paths=max_paths,
    )


def _check_loss(trace: Trace) -> None:
    """Refuse an infinite loss, and targets with which p - y would not be the derivative.

    Through the softmax it is p sum(y) - y: the targets of a row must add up to 1 in float64.
    """
    if not np.isfinite(trace.J):
        raise ValueError("J is not finite on these rows: it has no derivative there.")
    if trace.net.out_activation != "softmax" or trace.net.loss != "log_loss":
        return
    sums = trace.Y.sum(axis=1)
    if (np.abs(sums - 1) > np.finfo(float).eps * trace.Y.shape[1]).any():
        raise ValueError(
            "rows of y must add up to 1 to the last digit: with loss='log_loss' and a softmax the "
            "derivative p - y needs it. Divide them by y.sum(axis=1, keepdims=True)."
        )
