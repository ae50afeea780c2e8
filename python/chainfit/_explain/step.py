"""trace: one training step with all of its numbers, as users see it.

`TraceNumbers` has the numbers, `story_step` makes a document of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._common.public import public
from .batch import read_batch, rounded
from .document import Document
from .net import as_net
from .next_step import dropout_of
from .notation import NOTATIONS, Notation, NotationName, get_notation
from .story_step import step_story
from .tables import cells_of
from .trace import Columns, TraceNumbers, tables, trace_numbers
from .update import update_of
from .writer import Writer
from .written import Written


@public
@dataclass(frozen=True, eq=False, repr=False)
class Trace(Written, TraceNumbers):
    """One training step: forward, loss, backward, gradient and update.

    Lists are indexed by layer. With rows r, their weights w_r (1 without `sample_weight`) and
    units i of layer l:

    Attributes
    ----------
    net : Net
        The net, before the step.
    X, Y : ndarray of shape (rows, n_0) and (rows, n_L), float64
        Inputs, and targets in the form of the outputs.
    sample_weight : ndarray of shape (rows,), float64, or None
        Weights of the rows.
    z, a : list of ndarray of shape (rows, n_l), float64
        Weighted sums with biases, and activations; ``z[0]`` is None and ``a[0]`` is X. With dropout
        the masks are applied to a.
    df : list of ndarray of shape (rows, n_l), float64
        Slopes f'(z[l]) times the mask of dropout; None for l = 0 and for a softmax, whose
        derivative is a matrix for each row.
    da, delta : list of ndarray of shape (rows, n_l), float64
        Derivatives dJ/da[l] and dJ/dz[l], including the row's share w_r / sum(w); None for l = 0.
        For softmax outputs da is the partial derivative, with the other outputs held constant.
    dW, db : list of ndarray, float64
        Derivatives dJ/dcoefs[l] and dJ/dintercepts[l], l = 0..L-1, including penalties.
    loss_rows : ndarray of shape (rows,), float64
        Loss of each row.
    penalty : float
        The penalties: alpha/2 * sum of all W^2 / sum(w), plus l1 * sum of all abs(W) / sum(w).
    J : float
        The objective: sum of w_r * loss_rows[r] / sum(w), plus `penalty`.
    dropout : Dropout or None
        Units dropped in this step: ``dropout.masks`` for layers 0..L-1 are arrays of shape (rows,
        n_l) or None, with 0 for a dropped unit and 1 / (1 - rate) for the others.
    update : Update or None
        The update that the solver makes; None for 'lbfgs'.
    notation : Notation
        Names of the symbols.
    cells : mapping of str to ndarray of shape (rows,), or None
        For a tabular model, the values that the cells of each column were read as.

    See Also
    --------
    trace : Trace a training step.

    Examples
    --------
    >>> import chainfit
    >>> trace = chainfit.trace(chainfit.Net([[[0.5], [-1.0]]], [[0.25]]), [2.0, 1.0], 1.0)
    >>> trace
    <Trace of Net(2-1, out_activation='identity', loss='squared_error'), rows=1, J=0.28125>
    >>> trace.delta[1], trace.update.new[0][0].ravel()
    (array([[-0.75]]), array([ 0.65 , -0.925]))
    """

    notation: Notation = NOTATIONS["tutorial"]

    def tables(self) -> dict[str, Columns]:
        """Return all numbers as tables, in the form that ``pandas.DataFrame`` takes.

        Indices of layers, units and rows start at 0, as in the arrays.

        Returns
        -------
        tables : dict of str to dict of str to ndarray
            The columns of each table:

            - ``forward``: row, layer, unit, z, a of every layer above the inputs;
            - ``loss``: row, share, loss;
            - ``backward``: row, layer, unit, da, df (NaN for softmax), delta;
            - ``parameters``: layer, i (-1 for a bias), j, gradient and, with an update, its slots,
              old and new, of ``coefs[layer][i, j]``.

        Examples
        --------
        >>> import chainfit
        >>> trace = chainfit.trace(chainfit.Net([[[0.5], [-1.0]]], [[0.25]]), [2.0, 1.0], 1.0)
        >>> parameters = trace.tables()["parameters"]
        >>> parameters["i"], parameters["gradient"]
        (array([ 0,  1, -1]), array([-1.5 , -0.75, -0.75]))
        """
        return tables(self)

    def _documents(self, writer: Writer) -> list[Document]:
        return [step_story(self, self.notation, writer)]

    def __repr__(self) -> str:
        return f"<Trace of {self.net!r}, rows={len(self.X)}, J={self.J:.6g}>"


def trace(
    model: Any,
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    notation: NotationName = "tutorial",
    net: int = 0,
) -> Trace:
    """Trace one training step of a net: all of its numbers, forward, backward and update.

    Nothing is trained: the model and its random generator are left unchanged.

    Parameters
    ----------
    model : Net or fitted model
        As in `explain`.
    X : array-like or sparse matrix of shape (rows, n_0), or (n_0,) for one row
        The rows of a mini-batch, as in `explain`.
    y : array-like of shape (rows,) or (rows, n_L)
        The targets, as in `explain`.
    sample_weight : array-like of shape (rows,), default=None
        Weights of the rows; None means 1 for each.
    notation : {'tutorial', 'outputs', 'matrix', 'sklearn'}, default='tutorial'
        Names of the symbols, as in `explain`.
    net : int, default=0
        Index of the net in ``nets_`` of a tabular model.

    Returns
    -------
    trace : Trace
        ``print(trace)`` tells the step in order, ``trace.tables()`` has its numbers as columns, and
        ``trace.z``, ``trace.delta``, ``trace.dW`` and so on are the arrays. They are float64,
        except for those of ``trace.update``, which have the dtype of the model.

    Raises
    ------
    TypeError
        If `model` is not a net that can be explained.
    NotFittedError
        If it is not fitted.
    ValueError
        If numbers are not finite; if shapes, labels or weights don't suit the net; if there is no
        such notation; or if class_weight is 'balanced', which depends on all rows of a fit.

    See Also
    --------
    explain : The chain of derivatives of one weight.

    Notes
    -----
    ``trace.update`` is the step that the model's next ``partial_fit(X, y)`` makes if `batch_size`
    is large enough for one mini-batch, early stopping aside. It is None for 'lbfgs', which has no
    rule for a single weight. All numbers are those of that step: dropout drops the same units,
    class_weight is applied, and with average='ema' the weights are those being trained. For the net
    that predicts, trace a copy with ``set_params(dropout=0, average=None)``.

    Examples
    --------
    >>> import chainfit
    >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]])
    >>> trace = chainfit.trace(net, [2.0, 1.0], 1.0)
    >>> trace.a[1], trace.J, trace.dW[0].ravel()
    (array([[0.25]]), 0.28125, array([-1.5 , -0.75]))
    """
    names = get_notation(notation)
    its_net = as_net(model, net)
    batch = read_batch(its_net, X, y, sample_weight)
    dropout = dropout_of(its_net.model, len(batch.X))
    numbers = trace_numbers(its_net, *rounded(its_net, batch), dropout)
    update = update_of(its_net, batch, numbers.dW, numbers.db)
    cells = None if its_net.member is None else cells_of(its_net.member, X)
    return Trace(**{**vars(numbers), "update": update, "cells": cells}, notation=names)
