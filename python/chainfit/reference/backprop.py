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
    """Return ``[a[0], ..., a[L]]``; a[0] is X itself, `out_activation` is a key of `LINKS`.

    `masks` are those of dropout, for layers 0..L-1: each a[l] is times its mask.
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
    """Return J, given the outputs ``a_L = a[L]``; biases are not penalized.

    `parameters` are those of the loss, such as ``huber_delta``.
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
    """Return ``{l: dJ/dz[l]}`` for l = L..1: the chain rule, last layer first.

    `b` is only needed where the derivative of an activation is given z, or with the `masks` of
    dropout; `loss`, `out_activation` and the loss's `parameters` where these two are no canonical
    pair.

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
    .. [2] P. McCullagh, J. Nelder, "Generalized Linear Models", 2nd edition, 1989, section 2.2.
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
    """Return ``(J, dW, db)``, all at the given W and b; `out_activation` None is the loss's own.

    With dz[l+1]_j/dW[l]_ij = a[l]_i and dz[l+1]_j/db[l]_j = 1, summed over the rows,
    ``dW[l] = a[l].T @ delta[l+1] + l2/sum(w) W[l]`` and ``db[l] = column sums of delta[l+1]``. An
    L1 penalty adds l1/sum(w) times the sign of W[l], 0 at 0.
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
    """Return the central difference of ``J()`` over the element ``p = parameter[index]``.

    It is dJ/dp + h^2/6 d3J/dp3 + O(h^4), off by up to 1/h times the rounding error of J(). The
    element is moved in place, so that J() sees it, and put back.
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
