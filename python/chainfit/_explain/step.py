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
    X, Y : ndarray of shape (rows, n_0) and (rows, n_L), float64
    sample_weight : ndarray of shape (rows,), float64, or None
    z, a : list of ndarray of shape (rows, n_l), float64
        Weighted sums with bias, and what the activation makes of them; ``z[0]`` is None and
        ``a[0]`` is X. Where dropout leaves units out, a is after its masks.
    df : list of ndarray of shape (rows, n_l), float64
        f'(z[l]) times dropout's mask; None for l = 0 and for a softmax, whose derivative is a
        matrix for each row.
    da, delta : list of ndarray of shape (rows, n_l), float64
        dJ/da[l] and dJ/dz[l], each with the row's share w_r / sum(w) in it; None for l = 0. At
        outputs with a softmax da is as if the others stood still.
    dW, db : list of ndarray, float64
        dJ/dcoefs[l] and dJ/dintercepts[l], l = 0..L-1, penalties included.
    loss_rows : ndarray of shape (rows,), float64
        Loss of each row.
    penalty : float
        alpha/2 * sum of all W^2 / sum(w), and l1 * sum of all abs(W) / sum(w).
    J : float
        sum of w_r * loss_rows[r] / sum(w), plus `penalty`: what the step makes smaller.
    dropout : Dropout or None
        What the step leaves out: ``dropout.masks`` for layers 0..L-1, arrays of shape (rows, n_l)
        or None; 0 of a unit that is dropped, 1 / (1 - rate) of one that stays.
    update : Update or None
        What the solver makes of it; None for 'lbfgs'.
    notation : Notation
        What things are called where the step is written.
    cells : mapping of str to ndarray of shape (rows,), or None
        Of a model of tables what the cells of each column were read as.
    """

    notation: Notation = NOTATIONS["tutorial"]

    def tables(self) -> dict[str, Columns]:
        """Return all numbers as tables: a dict of columns each, as pandas.DataFrame takes it.

        Layers, units and rows count from 0, as in the arrays.

        - ``forward``: row, layer, unit, z, a of every layer above the inputs;
        - ``loss``: row, share, loss;
        - ``backward``: row, layer, unit, da, df (NaN for softmax), delta;
        - ``parameters``: layer, i (-1 for a bias), j, gradient and, with an update, its slots,
          old and new: of ``coefs[layer][i, j]``.
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

    Nothing is trained: the model and its random generator stay as they are.

    Parameters
    ----------
    model, X, y, sample_weight, notation, net
        As in `explain`: a `Net` or a fitted model, and the rows of one mini-batch.

    Returns
    -------
    trace : Trace
        ``print(trace)`` writes the step as a story; ``trace.tables()`` has it as columns;
        ``trace.z``, ``trace.delta``, ``trace.dW`` and so on are the arrays. All are float64 but
        those of ``trace.update``, which are the model's.

    Raises
    ------
    TypeError, NotFittedError
        If `model` is no net that can be explained, or not fitted.
    ValueError
        If numbers are not finite, shapes, labels or weights don't suit the net, there is no such
        notation, or class_weight is 'balanced', which depends on all rows of a fit.

    Notes
    -----
    ``trace.update`` is the step that the model's next ``partial_fit(X, y)`` makes if its
    batch_size lets all rows be one mini-batch; early stopping is left aside. It is None for
    'lbfgs', which has no rule for a single weight. All numbers are of that step: dropout leaves out
    the units that it will leave out, class_weight counts, and with average='ema' the weights are
    those that training goes on with. ``model.set_params(dropout=0, average=None)``, on a copy,
    shows the net that predicts.

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
