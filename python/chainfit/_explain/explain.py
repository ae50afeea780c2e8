"""explain: how the derivative of J by one weight comes about, as users see it.

`ChainNumbers` has the numbers; `Chain` can also write itself: `story_chain` makes a document of it,
and a renderer writes that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._common.public import public
from .address import read_address
from .chain import ChainNumbers
from .chain_dict import chain_dict, chain_json
from .document import Document
from .net import as_net
from .notation import get_notation
from .render_html import to_html
from .render_latex import to_latex
from .render_text import to_text
from .step import trace
from .story_chain import chain_story
from .writer import Writer, checked_width, checked_writer
from .written import Written


@public
@dataclass(frozen=True, eq=False, repr=False)
class Chain(Written, ChainNumbers):
    """The chain of derivatives from J to one weight; made by `explain`.

    ``print(chain)`` writes it; in a notebook it shows itself as formulas.

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
            'numbers' leaves blanks to fill in, and lists what is given.
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
        writer = checked_writer("ascii" if ascii else "unicode", digits, hide)
        return to_text(self._story(writer, sections), writer, checked_width(width))

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
        writer = checked_writer("latex", digits, hide)
        return to_latex(self._story(writer, sections), writer)

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
        writer = checked_writer("latex", digits, hide)
        return to_html(self._story(writer, sections), writer)

    def _story(self, writer: Writer, sections: Sequence[str] | None) -> Document:
        return chain_story(self, sections, hide_numbers=writer.hide_numbers)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, texts, lists and dicts, fit for JSON."""
        return chain_dict(self)

    def to_json(self, **settings: Any) -> str:
        r"""Return `to_dict` as JSON; `settings` go to `json.dumps`.

        What has no sign of its own, in names given by the user, is escaped: ``\u001b``.
        """
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
        Paths written one by one, of each row; where there are more, the largest ones and the exact
        sum of the rest. A path goes through one unit of each layer above the weight, so that their
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
    return Chain.of_step(step, address, names, max_paths)
