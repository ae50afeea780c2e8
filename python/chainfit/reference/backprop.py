"""The objective J and its gradient: forward, and back by the chain rule."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from collections.abc import Callable
from typing import Any

import numpy as np

from .activations import ACTIVATIONS, LINK_SLOPES, LINKS, layer_activation
from .arrays import ActivationNames, Array, Arrays, Masks, Weights
from .losses import LOSSES


def forward(
    X: Array,
    W: Arrays,
    b: Arrays,
    activation: ActivationNames,
    out_activation: str,
    masks: Masks = None,
) -> list[Array]:
    """Return the activations of all layers.

    Parameters
    ----------
    X : ndarray of shape (rows, n_0)
        The inputs.
    W : sequence of ndarray of shape (n_l, n_{l+1})
        The weights.
    b : sequence of ndarray of shape (n_{l+1},)
        The biases.
    activation : str or sequence of str
        Activation of all hidden layers, or of each; keys of `ACTIVATIONS`.
    out_activation : str
        Activation of the outputs; a key of `LINKS`.
    masks : sequence of (ndarray of shape (rows, n_l) or None), default=None
        Masks of dropout for layers 0..L-1, by which each a[l] is multiplied.

    Returns
    -------
    a : list of ndarray of shape (rows, n_l)
        The activations a[0], ..., a[L]; without a mask, a[0] is X itself.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import reference
    >>> X, W, b = np.array([[2.0, 1.0]]), [np.array([[0.5], [-1.0]])], [np.array([0.25])]
    >>> reference.forward(X, W, b, "relu", "identity")[1]
    array([[0.25]])
    """
    a = [_times(X, masks, 0)]
    for l in range(len(W)):
        last = l == len(W) - 1
        f = LINKS[out_activation] if last else ACTIVATIONS[layer_activation(activation, l + 1)].f
        z = a[l] @ W[l]
        z += b[l]
        a.append(f(z, out=z) if last else _times(f(z, out=z), masks, l + 1))
    return a


def _times(a: Array, masks: Masks, l: int) -> Array:
    factors = None if masks is None else masks[l]
    return a if factors is None else a * factors.astype(a.dtype)


def _sum_w(Y: Array, sample_weight: Weights) -> float:
    return len(Y) if sample_weight is None else float(sample_weight.sum())


def objective(
    Y: Array, a_L: Array, W: Arrays, *,
    loss: str, l2: float = 0.0, sample_weight: Weights = None, l1: float = 0.0, **parameters: Any
) -> float:  # fmt: skip
    """Return the objective J, given the outputs.

    J = (sum_r w_r loss_r + l2/2 sum of all W^2 + l1 sum of all abs(W)) / sum_r w_r; biases are not
    penalised.

    Parameters
    ----------
    Y : ndarray of shape (rows, n_L)
        The targets.
    a_L : ndarray of shape (rows, n_L)
        The outputs a[L].
    W : sequence of ndarray of shape (n_l, n_{l+1})
        The weights.
    loss : str
        A key of `LOSSES`.
    l2 : float, default=0.0
        Strength of the L2 penalty.
    sample_weight : ndarray of shape (rows,), default=None
        Weights w_r of the rows; None means 1 for each.
    l1 : float, default=0.0
        Strength of the L1 penalty.
    **parameters : Any
        Parameters of the loss, such as ``huber_delta``.

    Returns
    -------
    J : float
        The objective.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import reference
    >>> Y, a_L, W = np.array([[1.0]]), np.array([[0.25]]), [np.array([[0.5], [-1.0]])]
    >>> reference.objective(Y, a_L, W, loss="squared_error")  # (1 - 0.25)^2 / 2
    0.28125
    """
    rows = LOSSES[loss].rows(Y, a_L, **parameters)
    data = rows.sum() if sample_weight is None else sample_weight @ rows
    penalty = l2 / 2 * sum(float(np.vdot(weights, weights)) for weights in W)
    penalty += l1 * sum(float(np.abs(weights).sum()) for weights in W)
    return (float(data) + penalty) / _sum_w(Y, sample_weight)


def deltas(
    a: Arrays,
    Y: Array,
    W: Arrays,
    activation: ActivationNames,
    sample_weight: Weights = None,
    b: Arrays | None = None,
    loss: str | None = None,
    out_activation: str | None = None,
    masks: Masks = None,
    **parameters: Any,
) -> dict[int, Array]:
    """Return the derivatives dJ/dz[l] for l = L..1: the chain rule, last layer first.

    Parameters
    ----------
    a : sequence of ndarray of shape (rows, n_l)
        The activations, from `forward`.
    Y : ndarray of shape (rows, n_L)
        The targets.
    W : sequence of ndarray of shape (n_l, n_{l+1})
        The weights.
    activation : str or sequence of str
        Activation of all hidden layers, or of each.
    sample_weight : ndarray of shape (rows,), default=None
        Weights of the rows; None means 1 for each.
    b : sequence of ndarray of shape (n_{l+1},), default=None
        The biases; needed with `masks`, and by activations whose derivative is given z.
    loss : str, default=None
        The loss; needed if it and `out_activation` are not a canonical pair.
    out_activation : str, default=None
        Activation of the outputs; None means the loss's own.
    masks : sequence of (ndarray of shape (rows, n_l) or None), default=None
        Masks of dropout for layers 0..L-1.
    **parameters : Any
        Parameters of the loss.

    Returns
    -------
    delta : dict of int to ndarray of shape (rows, n_l)
        The derivatives by layer, {l: dJ/dz[l]}.

    Notes
    -----
    A loss is mostly paired with its canonical link [2]_, for which the derivative of link and
    loss together is simply ``dloss_r/dz[L] = a[L] - y``. For softmax and log loss, for instance,
    with da_k/dz_j = a_k (1{j=k} - a_j): sum_k (-y_k/a_k) da_k/dz_j = a_j sum_k y_k - y_j, and the
    y of a row sum to 1. So ``delta[L] = w_r/sum(w) (a[L] - Y)``. Of any other pair, whose link
    takes each unit by itself, it is ``w_r/sum(w) dloss_r/da[L] f'(z[L])``.

    A layer further down [1]_: z[l] acts on J only through a[l] = f(z[l]) and z[l+1] = a[l] @ W[l]
    + b[l]. Hence dJ/dz[l]_i = sum_j dJ/dz[l+1]_j dz[l+1]_j/da[l]_i f'(z[l]_i), or
    ``delta[l] = (delta[l+1] @ W[l].T) * f'(z[l])``. At the kink of relu and leaky_relu, z = 0, the
    slope of the left side is taken.

    References
    ----------
    .. [1] D. Rumelhart, G. Hinton, R. Williams, "Learning representations by back-propagating
       errors", Nature 323, 1986.
    .. [2] McCullagh and Nelder, "Generalized Linear Models", 2nd edition, 1989, section 2.2.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import reference
    >>> X, W, b = np.array([[2.0, 1.0]]), [np.array([[0.5], [-1.0]])], [np.array([0.25])]
    >>> a = reference.forward(X, W, b, "relu", "identity")
    >>> reference.deltas(a, np.array([[1.0]]), W, "relu")
    {1: array([[-0.75]])}
    """
    L = len(W)
    pair = LOSSES[loss] if loss else None
    if pair is None or (pair.canonical and out_activation in (None, pair.link)):
        last = a[L] - Y
    else:
        slope = LINK_SLOPES[out_activation or pair.link](a[L])
        last = pair.slope(Y, a[L], **parameters) * slope
    if sample_weight is None:
        last /= len(Y)
    else:
        last *= (sample_weight / _sum_w(Y, sample_weight))[:, None]
    delta = {L: last}
    for l in range(L - 1, 0, -1):
        delta[l] = delta[l + 1] @ W[l].T
        f = ACTIVATIONS[layer_activation(activation, l)]
        given = a[l]
        if f.given == "z" or masks is not None:  # a[l] is then no longer f(z)
            z = a[l - 1] @ W[l - 1] + b[l - 1]  # type: ignore[index]
            given = z if f.given == "z" else f.f(z)
        delta[l] = _times(delta[l] * f.df(given), masks, l)
    return delta


def gradient(
    X: Array, Y: Array, W: Arrays, b: Arrays, *,
    activation: ActivationNames, loss: str, l2: float = 0.0, sample_weight: Weights = None,
    l1: float = 0.0, out_activation: str | None = None, masks: Masks = None, **parameters: Any
) -> tuple[float, list[Array], list[Array]]:  # fmt: skip
    """Return the objective J and its gradient.

    Parameters
    ----------
    X : ndarray of shape (rows, n_0)
        The inputs.
    Y : ndarray of shape (rows, n_L)
        The targets.
    W : sequence of ndarray of shape (n_l, n_{l+1})
        The weights.
    b : sequence of ndarray of shape (n_{l+1},)
        The biases.
    activation : str or sequence of str
        Activation of all hidden layers, or of each.
    loss : str
        A key of `LOSSES`.
    l2 : float, default=0.0
        Strength of the L2 penalty.
    sample_weight : ndarray of shape (rows,), default=None
        Weights of the rows; None means 1 for each.
    l1 : float, default=0.0
        Strength of the L1 penalty.
    out_activation : str, default=None
        Activation of the outputs; None means the loss's own.
    masks : sequence of (ndarray of shape (rows, n_l) or None), default=None
        Masks of dropout for layers 0..L-1.
    **parameters : Any
        Parameters of the loss.

    Returns
    -------
    J : float
        The objective.
    dW : list of ndarray of shape (n_l, n_{l+1})
        Its derivatives with respect to the weights.
    db : list of ndarray of shape (n_{l+1},)
        Its derivatives with respect to the biases.

    Notes
    -----
    With dz[l+1]_j/dW[l]_ij = a[l]_i and dz[l+1]_j/db[l]_j = 1, summed over the rows,
    ``dW[l] = a[l].T @ delta[l+1] + l2/sum(w) W[l]`` and ``db[l] = column sums of delta[l+1]``. An
    L1 penalty adds l1/sum(w) times the sign of W[l], 0 at 0.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import reference
    >>> X, W, b = np.array([[2.0, 1.0]]), [np.array([[0.5], [-1.0]])], [np.array([0.25])]
    >>> settings = {"activation": "relu", "loss": "squared_error"}
    >>> reference.gradient(X, np.array([[1.0]]), W, b, **settings)
    (0.28125, [array([[-1.5 ],
           [-0.75]])], [array([-0.75])])
    """
    out_activation = out_activation or LOSSES[loss].link
    a = forward(X, W, b, activation, out_activation, masks)
    J = objective(Y, a[-1], W, loss=loss, l2=l2, sample_weight=sample_weight, l1=l1, **parameters)
    delta = deltas(a, Y, W, activation, sample_weight, b, loss, out_activation, masks, **parameters)
    dW = [a[l].T @ delta[l + 1] for l in range(len(W))]
    db = [delta[l + 1].sum(axis=0) for l in range(len(W))]
    if l2:
        for l in range(len(W)):
            dW[l] += l2 / _sum_w(Y, sample_weight) * W[l]
    if l1:
        for l in range(len(W)):
            dW[l] += l1 / _sum_w(Y, sample_weight) * np.sign(W[l])
    return J, dW, db


def finite_difference(J: Callable[[], float], parameter: Array, index: Any, h: float) -> float:
    """Return the central difference of a function of one parameter.

    With p = parameter[index] it is dJ/dp + h^2/6 d3J/dp3 + O(h^4), up to 1/h times the rounding
    error of J().

    Parameters
    ----------
    J : callable
        The function, of no arguments.
    parameter : ndarray
        The array with the parameter, which is changed in place, so that J() sees it, and restored.
    index : int or tuple of int
        Index of the parameter.
    h : float
        Half the distance of the two points.

    Returns
    -------
    slope : float
        The difference quotient.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import reference
    >>> p = np.array([3.0])
    >>> reference.finite_difference(lambda: p[0] ** 2, p, 0, h=0.5)
    np.float64(6.0)
    """
    p = parameter[index]
    above, below = p + h, p - h
    try:
        parameter[index] = above
        J_above = J()
        parameter[index] = below
        J_below = J()
    finally:
        parameter[index] = p
    return (J_above - J_below) / float(above - below)  # the distance as rounded, not 2h
