"""Trace: one training step of a net with all of its numbers, in float64."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import reference
from .batch import read_batch, rounded
from .html import to_html
from .net import Net, as_net
from .notation import NOTATIONS, Notation, get_notation
from .render import to_text
from .step_story import story
from .tables import tables
from .update import Update, update_of
from .writer import checked_width, checked_writer

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
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
        ``a[0]`` is X.
    df : list of ndarray of shape (rows, n_l), float64
        f'(z[l]); None for l = 0 and for a softmax, whose derivative is a matrix for each row.
    da, delta : list of ndarray of shape (rows, n_l), float64
        dJ/da[l] and dJ/dz[l], each with the row's share w_r / sum(w) in it; None for l = 0. At
        outputs with a softmax da is as if the others stood still.
    dW, db : list of ndarray, float64
        dJ/dcoefs[l] and dJ/dintercepts[l], l = 0..L-1, the L2 term included.
    loss_rows : ndarray of shape (rows,), float64
        Loss of each row.
    penalty : float
        The L2 term of J, alpha/2 * sum of all W^2 / sum(w).
    J : float
        sum of w_r * loss_rows[r] / sum(w), plus `penalty`: what the step makes smaller.
    update : Update or None
        What the solver makes of it; None for 'lbfgs'.
    notation : Notation
        What things are called where the step is told.
    """

    net: Net
    X: Array
    Y: Array
    sample_weight: Array | None
    z: list[Any]
    a: list[Array]
    df: list[Any]
    da: list[Any]
    delta: list[Any]
    dW: list[Array]
    db: list[Array]
    loss_rows: Array
    penalty: float
    J: float
    update: Update | None = None
    notation: Notation = NOTATIONS["tutorial"]

    @property
    def share(self) -> Array:
        """What each row counts for in J, w_r / sum(w); shape (rows,), float64."""
        return shares(len(self.X), self.sample_weight)

    def tables(self) -> dict[str, dict[str, Array]]:
        """Return all numbers as tables: a dict of columns each, as pandas.DataFrame takes it.

        Returns
        -------
        tables : dict
            Layers, units and rows count from 0, as in the arrays.

            - ``forward``: row, layer, unit, z, a of every layer above the inputs;
            - ``loss``: row, share, loss;
            - ``backward``: row, layer, unit, da, df (NaN for softmax), delta;
            - ``parameters``: layer, i (-1 for a bias), j, gradient and, with an update, its slots,
              old and new: of ``coefs[layer][i, j]``.
        """
        return tables(self)

    def text(self, *, ascii: bool = False, digits: int = 6, width: int = 100) -> str:
        """Tell the step as aligned text.

        Parameters
        ----------
        ascii : bool, default=False
            Whether to do without Unicode: w_12^(2) and d instead of ∂.
        digits : int, default=6
            Significant digits, 1 to 17; a table that is too wide for its line has fewer.
        width : int, default=100
            Columns of a line, at least 80.

        Returns
        -------
        str
        """
        writer = checked_writer("ascii" if ascii else "unicode", digits)
        return to_text(story(self, writer), writer, checked_width(width))

    def __str__(self) -> str:
        return self.text()

    def to_html(self, *, digits: int = 6) -> str:
        """Tell the step as a piece of HTML; no script, nothing from elsewhere.

        Parameters
        ----------
        digits : int, default=6

        Returns
        -------
        str
        """
        writer = checked_writer("unicode", digits)
        return to_html(story(self, writer), writer)

    def __repr__(self) -> str:
        return f"<Trace of {self.net!r}, rows={len(self.X)}, J={self.J:.6g}>"

    def _repr_html_(self) -> str:
        return self.to_html()


def shares(rows: int, sample_weight: Array | None) -> Array:
    """Return w_r / sum(w), shape (rows,)."""
    if sample_weight is None:
        return np.full(rows, 1 / rows)
    return sample_weight / sample_weight.sum()


def trace_numbers(net: Net, X: Array, Y: Array, sample_weight: Array | None = None) -> Trace:
    """Return the trace of a checked batch (see `as_batch`), without an update."""
    W, b, L = net.coefs, net.intercepts, len(net.coefs)
    z: list[Any] = [None]
    a = [X]
    for l in range(L):
        z.append(a[l] @ W[l] + b[l])
        a.append(activate(net.layer_activation(l + 1), z[l + 1]))
    df = [None, *(derivative(net.layer_activation(l), a[l]) for l in range(1, L + 1))]

    share = shares(len(X), sample_weight)[:, np.newaxis]
    da: list[Any] = [None] * (L + 1)
    delta: list[Any] = [None] * (L + 1)
    da[L] = loss_derivative(net.loss, Y, a[L]) * share
    if net.canonical:
        # both derivatives in one: no division by an output that was rounded to 0
        delta[L] = (a[L] - Y) * share
    elif not np.isfinite(da[L]).all():
        r, k = np.argwhere(~np.isfinite(da[L]))[0]
        raise ValueError(
            f"loss={net.loss!r} has no derivative at output {k} of row {r}, {a[L][r, k]:g}: its "
            "weighted sum is so far out that the activation was rounded."
        )
    elif net.out_activation == "softmax":
        delta[L] = through_softmax(a[L], da[L])
    else:
        delta[L] = da[L] * df[L]
    for l in range(L - 1, 0, -1):
        da[l] = delta[l + 1] @ W[l].T
        delta[l] = da[l] * df[l]

    l2 = net.alpha / (len(X) if sample_weight is None else float(sample_weight.sum()))
    dW = [a[l].T @ delta[l + 1] for l in range(L)]
    if l2:
        dW = [dW[l] + l2 * W[l] for l in range(L)]
    loss_rows = reference.LOSSES[net.loss].rows(Y, a[L])
    penalty = l2 / 2 * sum(float(np.square(w).sum()) for w in W) if l2 else 0.0
    return Trace(
        net=net,
        X=X,
        Y=Y,
        sample_weight=sample_weight,
        z=z,
        a=a,
        df=df,
        da=da,
        delta=delta,
        dW=dW,
        db=[delta[l + 1].sum(axis=0) for l in range(L)],
        loss_rows=loss_rows,
        penalty=penalty,
        J=float(share[:, 0] @ loss_rows) + penalty,
    )


# --- the local rules -----------------------------------------------------------------------------


def activate(name: str, z: Array) -> Array:
    """Return f(z), shape (rows, n_l); `name` is one of OUT_ACTIVATIONS."""
    f = reference.LINKS.get(name) or reference.ACTIVATIONS[name][0]
    return f(z)


def derivative(name: str, a: Array) -> Array | None:
    """Return f'(z) for a = f(z), shape (rows, n_l); None for softmax."""
    if name == "softmax":
        return None
    slope = a if name == "exp" else reference.ACTIVATIONS[name][1](a)
    return np.broadcast_to(np.asarray(slope, dtype=np.float64), a.shape)


def softmax_jacobian(a: Array) -> Array:
    """Return da_k/dz_j = a_k (1{j=k} - a_j) for the outputs a (n_L,) of one row; [k, j]."""
    return np.diag(a) - np.outer(a, a)


def through_softmax(a: Array, da: Array) -> Array:
    """Return dJ/dz_j = sum_k dJ/da_k da_k/dz_j for each row; shapes (rows, n_L).

    That is a_j (da_j - sum_k da_k a_k). Of an output near 1 its own term would cancel in it: the
    largest one has a_j (da_j (1 - a_j) - sum over the others).
    """
    terms = da * a
    delta = a * (da - terms.sum(axis=1, keepdims=True))
    largest = np.arange(len(a)), a.argmax(axis=1)
    terms[largest] = 0.0
    delta[largest] = a[largest] * (da[largest] * (1 - a[largest]) - terms.sum(axis=1))
    return delta


def loss_derivative(loss: str, Y: Array, a: Array) -> Array:
    """Return dloss_r/da[L], shape (rows, n_L): infinite where an output was rounded to its end."""
    if loss == "squared_error":
        return a - Y
    with np.errstate(divide="ignore", invalid="ignore"):
        if loss == "log_loss":
            return np.where(Y == 0, 0.0, -Y / a)
        if loss == "poisson":  # 1 - y/a, without the cancellation
            return np.where(Y == 0, 1.0, (a - Y) / a)
        # binary_log_loss: -y/a + (1-y)/(1-a), one of the two where y is 0 or 1
        mixed = (a - Y) / (a * (1 - a))
        return np.where(Y == 0, 1 / (1 - a), np.where(Y == 1, -1 / a, mixed))


def trace(
    model: Any, X: Any, y: Any, *, sample_weight: Any = None, notation: str = "tutorial"
) -> Trace:
    """Trace one training step of a net: all of its numbers, forward, backward and update.

    Nothing is trained: the model and its random generator stay as they are.

    Parameters
    ----------
    model : Net or fitted model
        A `Net`; an MLPClassifier or MLPRegressor of chainfit or scikit-learn; a Pipeline that ends
        in one; a TableModel.
    X : array-like or sparse matrix of shape (rows, n_0), or (n_0,) for one row
        The rows of one mini-batch, as the model takes them (a data frame for a TableModel).
    y : array-like of shape (rows,) or (rows, n_L)
        Their targets: the model's own, or one-hot, 0/1 or reals as the net's outputs are. None is
        the target's column of a TableModel's data frame.
    sample_weight : array-like of shape (rows,), default=None
        Weights of the rows; None is 1 for each.
    notation : {'tutorial', 'outputs', 'matrix', 'sklearn'}, default='tutorial'
        What things are called where the step is told, as in `explain`.

    Returns
    -------
    trace : Trace
        ``print(trace)`` tells the step as a story; ``trace.tables()`` has it as columns;
        ``trace.z``, ``trace.delta``, ``trace.dW`` and so on are the arrays. All are float64 but
        those of ``trace.update``, which are the model's.

    Raises
    ------
    TypeError
        If `model` is none of these.
    NotFittedError
        If it is not fitted.
    ValueError
        If numbers are not finite, shapes, labels or weights don't suit the net, or there is no
        such notation.

    Notes
    -----
    ``trace.update`` is the step that the model's next ``partial_fit(X, y)`` makes if its
    batch_size lets all rows be one mini-batch; early stopping is left aside. It is None for
    'lbfgs', which has no rule for a single weight.

    Examples
    --------
    >>> import chainfit
    >>> net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]])
    >>> trace = chainfit.trace(net, [2.0, 1.0], 1.0)
    >>> trace.a[1], trace.J, trace.dW[0].ravel()
    (array([[0.25]]), 0.28125, array([-1.5 , -0.75]))
    """
    names = get_notation(notation)
    net = as_net(model)
    batch = read_batch(net, X, y, sample_weight)
    numbers = trace_numbers(net, *rounded(net, batch))
    update = update_of(net, batch, numbers.dW, numbers.db)
    return replace(numbers, update=update, notation=names)
