"""explain: how the derivative of J by one weight comes about, as users see it.

`ChainNumbers` has the numbers; `Chain` can also write itself: `story_chain` makes a document of it,
and a renderer writes that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from .._common.public import public
from .address import read_address
from .chain import ChainNumbers
from .document import Document
from .net import as_net
from .notation import NotationName, get_notation
from .step import trace
from .story_chain import chain_story
from .writer import Writer
from .written import Written


@public
@dataclass(frozen=True, eq=False, repr=False)
class Chain(Written, ChainNumbers):
    """The chain of derivatives from J to one weight; made by `explain`.

    ``print(chain)`` writes it as text; notebooks display it as formulas.

    Attributes
    ----------
    value : float
        The derivative dJ/dw: the sum of the rows' terms times their shares, plus the terms of the
        penalties.
    address : Address
        (layer, source, target) of ``coefs_[layer][source, target]``; source is None for a bias.
    weight : float
        Value of the weight.
    terms, share : ndarray of shape (rows,), float64
        The derivative dJ_r/dw of each row's own loss, and the weight of the row in J.
    l2_term, l1_term : float
        alpha / sum(w) * weight, and l1 / sum(w) times its sign; 0 for a bias.
    verification : Verification
        The same derivative by the compiled core and by a central difference.
    trace : Trace
        The training step that it is part of.
    max_paths : int
        Maximum number of paths listed for each row.

    See Also
    --------
    explain : Explain a weight.

    Examples
    --------
    >>> import chainfit
    >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]])
    >>> chain = chainfit.explain(net, [[2.0, 1.0], [0.0, 1.0]], [1.0, 0.0], "w_12^(1)")
    >>> chain
    Chain('w_12^(1)', value=-0.75, 2 rows)
    >>> chain.share @ chain.terms, chain.verification.kernel
    (np.float64(-0.75), -0.75)
    """

    def _documents(self, writer: Writer) -> list[Document]:
        return [chain_story(self, hide_numbers=writer.hide_numbers)]

    def _repr_latex_(self) -> str:
        return f"$$\n{self.to_latex()}\n$$"


def explain(
    model: Any,
    X: Any,
    y: Any,
    weight: str | Sequence[int],
    *,
    sample_weight: Any = None,
    notation: NotationName = "tutorial",
    max_paths: int = 10,
    net: int = 0,
) -> Chain:
    """Explain how the derivative of J with respect to one weight comes about.

    J is the objective whose gradient training applies: the weighted mean over the rows of the loss
    (squared error: half the sum over the outputs) plus the penalties of `alpha` and `l1`.

    Parameters
    ----------
    model : Net or fitted model
        A `Net`, an MLPClassifier or MLPRegressor of chainfit or scikit-learn, a Pipeline that ends
        in one, or a TabularClassifier or TabularRegressor, of which one net is explained.
    X : array-like or sparse matrix of shape (rows, n_0), or (n_0,) for one row
        One row or a mini-batch, in the form that the model takes; a table for a tabular model.
    y : array-like of shape (rows,) or (rows, n_L)
        The targets, as the model takes them, or one-hot, 0/1 or real numbers in the form of the
        net's outputs. None is allowed for a model made by ``chainfit train``, and means the
        target's column of the table.
    weight : str or tuple of int
        Address of a weight or bias, as "w_12^(2)" or "b_1^(2)" (in any notation), or counted from 0
        (layer, from, to), which is ``coefs_[layer][from, to]``, or (layer, to), which is
        ``intercepts_[layer][to]``.
    sample_weight : array-like of shape (rows,), default=None
        Weights of the rows; None means 1 for each.
    notation : {'tutorial', 'outputs', 'matrix', 'sklearn'}, default='tutorial'
        Names of the symbols: w_ij^(l), h, z, J; or O, W, L with one factor for each neuron; or
        a[l], W[l][j, i], delta[l]; or coefs_[l][j, i], activations, deltas.
    max_paths : int, default=10
        Maximum number of paths listed for each row; if there are more, the largest ones and the
        exact sum of the others. A path goes through one unit of each layer above the unit that the
        weight enters, so that the number of paths is the product of the sizes of these layers.
    net : int, default=0
        Index of the net in ``nets_`` of a tabular model.

    Returns
    -------
    chain : Chain
        The chain, verified in three ways; ``print`` it.

    Raises
    ------
    TypeError
        If `model` is none of these.
    NotFittedError
        If it is not fitted.
    ValueError
        If there is no such weight (the message lists those that exist), or if data or settings are
        not valid.
    MismatchError
        If the product of the chain, the gradient of the compiled core and a central difference do
        not agree.

    See Also
    --------
    trace : All numbers of a training step.
    explore : The net and its chains in an HTML page.

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
    if isinstance(max_paths, bool) or not isinstance(max_paths, Integral) or max_paths < 1:
        raise ValueError(f"max_paths must be an integer of at least 1, got {max_paths!r}.")
    its_net = as_net(model, net)
    address = read_address(weight, its_net.units, names)
    step = trace(its_net, X, y, sample_weight=sample_weight, notation=notation)
    return Chain.of_step(step, address, names, int(max_paths))
