"""What the compiled core computes, as a multilayer perceptron in plain NumPy.

Notation, the same in every function; layers are l = 0..L, n_l is the number of units, r a row:

X, Y           (rows, n_0), (rows, n_L)   inputs; targets: one-hot, 0/1 or real
W[l], b[l]     (n_l, n_{l+1}), (n_{l+1},) weights and bias from layer l (rows) to l+1 (columns)
z[l], a[l]     (rows, n_l)                z[l] = a[l-1] @ W[l-1] + b[l-1], a[l] = f(z[l]), a[0] = X
sample_weight  (rows,)                    w_r >= 0; None means 1 for every row
J              scalar                     (sum_r w_r loss_r + l2/2 sum of all W^2) / sum_r w_r
delta[l]       (rows, n_l)                dJ/dz[l], l = 1..L
dW[l], db[l]   as W[l], b[l]              dJ/dW[l], dJ/db[l]

The arrays of a call have one dtype, float32 or float64, and are computed with in it. Names are the
keys of ACTIVATIONS, LOSSES and UPDATES; others are a KeyError. Weights of a batch that sum to zero
are a ZeroDivisionError.
"""

# ruff: noqa: E741 - l is the layer, here as in the formulas

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = Sequence[Array]
ActivationNames = str | Sequence[str]  # of all hidden layers, or of each
Weights = Array | None

# --- activations ---------------------------------------------------------------------------------


class Activation(NamedTuple):
    """An activation: `f` (z, out), which may write into out = z, and its derivative `df`.

    `df` is a function of a = f(z), or of z itself where `given` is "z".
    """

    f: Callable[..., Array]
    df: Callable[[Array], Any]
    given: str = "a"


def _logistic(z: Array, out: Array | None = None) -> Array:
    e = np.exp(-np.abs(z))  # in (0, 1]: neither branch of 1/(1+e^-z) = e^z/(1+e^z) can overflow
    return np.divide(np.where(z >= 0, 1, e), 1 + e, out=out)


def _softmax(z: Array, out: Array | None = None) -> Array:
    a = np.subtract(z, z.max(axis=1, keepdims=True), out=out)  # e^(z-c) / sum e^(z-c), any c
    np.exp(a, out=a)
    a /= a.sum(axis=1, keepdims=True)
    return a


def _exp(z: Array, out: Array | None = None) -> Array:
    with np.errstate(over="ignore"):  # inf is the answer, and the loss will show it
        return np.exp(z, out=out)


def _normal(z: Array) -> Array:
    # Phi(z) = erfc(-z / sqrt 2) / 2, without cancellation in the tail
    return np.vectorize(math.erfc, otypes=[float])(-z.astype(float) / math.sqrt(2)) / 2


def _gelu(z: Array, out: Array | None = None) -> Array:
    return (z * _normal(z)).astype(z.dtype)


def _gelu_slope(z: Array) -> Array:
    density = np.exp(-np.square(z.astype(float)) / 2) / math.sqrt(2 * math.pi)
    return (_normal(z) + z * density).astype(z.dtype)


def _silu(z: Array, out: Array | None = None) -> Array:
    return z * _logistic(z)


def _silu_slope(z: Array) -> Array:
    s = _logistic(z)
    return s + z * (s * (1 - s))


LEAK = 0.01

ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(lambda z, out=None: z, lambda a: 1),
    "logistic": Activation(_logistic, lambda a: a * (1 - a)),
    "tanh": Activation(np.tanh, lambda a: 1 - a * a),
    "relu": Activation(lambda z, out=None: np.maximum(z, 0, out=out), lambda a: a > 0),
    "leaky_relu": Activation(
        lambda z, out=None: np.maximum(z, LEAK * z, out=out),
        lambda a: np.where(a > 0, a.dtype.type(1), a.dtype.type(LEAK)),
    ),
    "gelu": Activation(_gelu, _gelu_slope, given="z"),
    "silu": Activation(_silu, _silu_slope, given="z"),
}

# Activations of the output layer. They need no derivative: see `deltas`.
LINKS: dict[str, Callable[..., Array]] = {
    "identity": ACTIVATIONS["identity"].f,
    "logistic": _logistic,
    "softmax": _softmax,
    "exp": _exp,
}

# --- losses: (Y, a[L]) -> loss of each row -------------------------------------------------------


def _squared_error(Y: Array, a: Array) -> Array:
    return np.square(Y - a).sum(axis=1) / 2


def _clipped(a: Array) -> Array:
    # A probability rounded to 0 or 1 would cost infinity. Only the loss sees the clipped value.
    eps = np.finfo(a.dtype).eps
    return np.clip(a, eps, 1 - eps)


def _binary_log_loss(Y: Array, a: Array) -> Array:
    a = _clipped(a)
    return -(Y * np.log(a) + (1 - Y) * np.log(1 - a)).sum(axis=1)


def _log_loss(Y: Array, a: Array) -> Array:
    return -(Y * np.log(_clipped(a))).sum(axis=1)


def _poisson(Y: Array, a: Array) -> Array:
    with np.errstate(divide="ignore"):  # a = 0 where y > 0: infinite loss
        ratio = np.divide(Y, a, out=np.ones_like(a), where=Y != 0)  # y ln y -> 0 for y -> 0
    return (Y * np.log(ratio) - Y + a).sum(axis=1)


def _huber(Y: Array, a: Array, huber_delta: float = 1.35) -> Array:
    size = np.abs(Y - a)
    square_part = np.minimum(size, huber_delta)
    return (square_part * (size - square_part / 2)).sum(axis=1)


def _huber_slope(Y: Array, a: Array, huber_delta: float = 1.35) -> Array:
    return np.clip(a - Y, -huber_delta, huber_delta)


class Loss(NamedTuple):
    """A loss: the name of its `link`, the output activation, and `rows` (Y, a[L]) -> (rows,).

    `slope` (Y, a[L]) is dloss/dz[L], where the link isn't the loss's canonical one. Both may take
    parameters of the loss by name.
    """

    link: str
    rows: Callable[..., Array]
    slope: Callable[..., Array] | None = None


LOSSES = {
    "squared_error": Loss("identity", _squared_error),
    "binary_log_loss": Loss("logistic", _binary_log_loss),
    "log_loss": Loss("softmax", _log_loss),
    "poisson": Loss("exp", _poisson),
    "huber": Loss("identity", _huber, _huber_slope),
}

# --- the function J and its gradient -------------------------------------------------------------


def layer_activation(activation: ActivationNames, l: int) -> str:
    """Return the name of the activation of the hidden layer l = 1..L-1."""
    return activation if isinstance(activation, str) else activation[l - 1]


def forward(
    X: Array, W: Arrays, b: Arrays, activation: ActivationNames, out_activation: str
) -> list[Array]:
    """Return ``[a[0], ..., a[L]]``; a[0] is X itself, `out_activation` is a key of `LINKS`."""
    a = [X]
    for l in range(len(W)):
        last = l == len(W) - 1
        f = LINKS[out_activation] if last else ACTIVATIONS[layer_activation(activation, l + 1)].f
        z = a[l] @ W[l]
        z += b[l]
        a.append(f(z, out=z))
    return a


def _sum_w(Y: Array, sample_weight: Weights) -> float:
    return len(Y) if sample_weight is None else float(sample_weight.sum())


def objective(
    Y: Array, a_L: Array, W: Arrays, *,
    loss: str, l2: float = 0.0, sample_weight: Weights = None, **parameters: float
) -> float:  # fmt: skip
    """Return J, given the outputs ``a_L = a[L]``; biases are not penalized.

    `parameters` are those of the loss, such as ``huber_delta``.
    """
    rows = LOSSES[loss].rows(Y, a_L, **parameters)
    data = rows.sum() if sample_weight is None else sample_weight @ rows
    penalty = l2 / 2 * sum(float(np.vdot(weights, weights)) for weights in W)
    return (float(data) + penalty) / _sum_w(Y, sample_weight)


def deltas(
    a: Arrays,
    Y: Array,
    W: Arrays,
    activation: ActivationNames,
    sample_weight: Weights = None,
    b: Arrays | None = None,
    loss: str | None = None,
    **parameters: float,
) -> dict[int, Array]:
    """Return ``{l: dJ/dz[l]}`` for l = L..1: the chain rule, last layer first.

    `b` is only needed where the derivative of an activation is given z, `loss` and its `parameters`
    where its link is not its canonical one.

    A loss is mostly paired with its canonical link [2]_, for which the derivative of link and
    loss together is simply ``dloss_r/dz[L] = a[L] - y``. For softmax and log loss, for instance,
    with da_k/dz_j = a_k (1{j=k} - a_j): sum_k (-y_k/a_k) da_k/dz_j = a_j sum_k y_k - y_j, and the
    y of a row sum to 1. So ``delta[L] = w_r/sum(w) (a[L] - Y)``.

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
    slope = LOSSES[loss].slope if loss else None
    last = slope(Y, a[L], **parameters) if slope else a[L] - Y
    if sample_weight is None:
        last /= len(Y)
    else:
        last *= (sample_weight / _sum_w(Y, sample_weight))[:, None]
    delta = {L: last}
    for l in range(L - 1, 0, -1):
        delta[l] = delta[l + 1] @ W[l].T
        f = ACTIVATIONS[layer_activation(activation, l)]
        given = a[l] if f.given == "a" else a[l - 1] @ W[l - 1] + b[l - 1]  # type: ignore[index]
        delta[l] *= f.df(given)
    return delta


def gradient(
    X: Array, Y: Array, W: Arrays, b: Arrays, *,
    activation: ActivationNames, loss: str, l2: float = 0.0, sample_weight: Weights = None,
    **parameters: float
) -> tuple[float, list[Array], list[Array]]:  # fmt: skip
    """Return ``(J, dW, db)``, all at the given W and b.

    With dz[l+1]_j/dW[l]_ij = a[l]_i and dz[l+1]_j/db[l]_j = 1, summed over the rows,
    ``dW[l] = a[l].T @ delta[l+1] + l2/sum(w) W[l]`` and ``db[l] = column sums of delta[l+1]``.
    """
    a = forward(X, W, b, activation, LOSSES[loss].link)
    J = objective(Y, a[-1], W, loss=loss, l2=l2, sample_weight=sample_weight, **parameters)
    delta = deltas(a, Y, W, activation, sample_weight, b, loss, **parameters)
    dW = [a[l].T @ delta[l + 1] for l in range(len(W))]
    db = [delta[l + 1].sum(axis=0) for l in range(len(W))]
    if l2:
        for l in range(len(W)):
            dW[l] += l2 / _sum_w(Y, sample_weight) * W[l]
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


# --- updates: p, a W[l] or b[l], moves in place by its gradient g; velocity, m, v are slots ------


@dataclass
class State:
    """An update rule at work: its name, what it remembers of earlier steps, its constants.

    `slots` is a list of pairs (arrays like W, arrays like b), `steps` counts the steps made.
    `eta` may be set between steps.
    """

    optimizer: str
    slots: list[tuple[list[Array], list[Array]]]
    eta: float
    mu: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.01
    steps: int = 0


def _sgd(p: Array, g: Array, s: State) -> None:
    """Apply p <- p - eta g."""
    p -= s.eta * g


def _momentum(p: Array, g: Array, s: State, velocity: Array) -> None:
    """Apply velocity <- mu velocity - eta g; p <- p + velocity.

    B. Polyak, 1964; D. Rumelhart, G. Hinton, R. Williams, 1986.
    """
    velocity *= s.mu
    velocity -= s.eta * g
    p += velocity


def _nesterov(p: Array, g: Array, s: State, velocity: Array) -> None:
    """Apply velocity <- mu velocity - eta g; p <- p + mu velocity - eta g, with the new velocity.

    I. Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013:
    v' = mu v - eta g(q + mu v), q' = q + v'. Kept here is p = q + mu v, the point at which g is
    taken: p' = q' + mu v' = (p - mu v) + v' + mu v' = p + mu v' - eta g (Y. Bengio et al.,
    "Advances in optimizing recurrent networks", 2013).
    """
    velocity *= s.mu
    velocity -= s.eta * g
    p += s.mu * velocity - s.eta * g


def _adam(p: Array, g: Array, s: State, m: Array, v: Array) -> None:
    """Apply p <- p - eta_t m / (sqrt(v) + eps), m and v being running means of g and g^2.

    D. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2015, in the form that ends
    section 2: both bias corrections are in eta_t = eta sqrt(1-beta2^t)/(1-beta1^t), t = 1, 2, ...
    """
    m *= s.beta1
    m += (1 - s.beta1) * g
    v *= s.beta2
    v += (1 - s.beta2) * (g * g)
    eta_t = s.eta * math.sqrt(1 - s.beta2**s.steps) / (1 - s.beta1**s.steps)
    p -= eta_t * m / (np.sqrt(v) + s.eps)


def _adamw(p: Array, g: Array, s: State, m: Array, v: Array) -> None:
    """Apply p <- p - eta weight_decay p to weights, which are (n_l, n_{l+1}), then Adam's step.

    I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", 2019. The decay is no part of
    J; biases, which are vectors, don't decay.
    """
    if p.ndim == 2:
        p -= s.eta * s.weight_decay * p
    _adam(p, g, s, m, v)


UPDATES: dict[str, tuple[int, Callable[..., None]]] = {  # name: (number of slots, update)
    "sgd": (0, _sgd),
    "momentum": (1, _momentum),
    "nesterov": (1, _nesterov),
    "adam": (2, _adam),
    "adamw": (2, _adamw),
}

# --- training ------------------------------------------------------------------------------------


def init_state(W: Arrays, b: Arrays, optimizer: str, *, eta: float, **constants: Any) -> State:
    """Return the state before the first step: all slots zero; `constants` as named in `State`."""
    n_slots = UPDATES[optimizer][0]
    slots = [([np.zeros_like(p) for p in W], [np.zeros_like(p) for p in b]) for _ in range(n_slots)]
    return State(optimizer, slots, eta, **constants)


def init_parameters(
    units: Sequence[int],
    activation: ActivationNames,
    random_state: np.random.RandomState,
    dtype: Any = float,
) -> tuple[list[Array], list[Array]]:
    """Return W, b uniform in +-sqrt(6 / (n_l + n_{l+1})), drawn as scikit-learn does.

    `units` is n_0..n_L. The bound is X. Glorot's and Y. Bengio's, 2010 (with 2 in place of 6 for
    logistic; the outputs as the layer below); float64 is drawn and then rounded, each layer's W
    before its b.
    """
    W, b = [], []
    for l, (n, m) in enumerate(pairwise(units), start=1):
        name = layer_activation(activation, min(l, max(len(units) - 2, 1)))
        bound = math.sqrt((2 if name == "logistic" else 6) / (n + m))
        W.append(random_state.uniform(-bound, bound, (n, m)).astype(dtype))
        b.append(random_state.uniform(-bound, bound, m).astype(dtype))
    return W, b


def step(X: Array, Y: Array, W: Arrays, b: Arrays, state: State, **settings: Any) -> float:
    """Move W, b and `state` in place by one step on the batch X, Y; return J before the step.

    `settings` are those of `gradient`: activation, loss, l2, sample_weight.
    """
    J, dW, db = gradient(X, Y, W, b, **settings)
    state.steps += 1
    slots = [[*slot_W, *slot_b] for slot_W, slot_b in state.slots]
    for p, g, *slots_of_p in zip([*W, *b], [*dW, *db], *slots, strict=True):
        UPDATES[state.optimizer][1](p, g, state, *slots_of_p)
    return J


def epoch(
    X: Array, Y: Array, W: Arrays, b: Arrays, state: State, order: Array | None = None, *,
    batch_size: int, sample_weight: Weights = None, **settings: Any
) -> float:  # fmt: skip
    """Make one step for every `batch_size` rows; the last batch may be short.

    `order` holds row numbers in their order of use, None means 0, 1, 2...; `settings` go to `step`.
    Returns the mean of the steps' J, each counted by its number of rows.
    """
    total = 0.0
    for start in range(0, len(X), batch_size):
        batch = slice(start, min(start + batch_size, len(X)))
        rows = batch if order is None else order[batch]
        w = None if sample_weight is None else sample_weight[rows]
        J = step(X[rows], Y[rows], W, b, state, sample_weight=w, **settings)
        total += J * (batch.stop - batch.start)
    return total / len(X)


def fit(
    X: Array, Y: Array, W: Arrays, b: Arrays, state: State, *,
    epochs: int, random_state: np.random.RandomState | None = None, **settings: Any
) -> list[float]:  # fmt: skip
    """Move W, b and `state` in place by whole epochs; return the loss curve, one mean J an epoch.

    Each epoch shuffles the order that the epoch before left, with scikit-learn's draws; rows keep
    their order if `random_state` is None. `settings` go to `epoch`.
    """
    order, curve = None, []
    for _ in range(epochs):
        if random_state is not None:
            shuffled = random_state.permutation(len(X))
            order = shuffled if order is None else order[shuffled]
        curve.append(epoch(X, Y, W, b, state, order, **settings))
    return curve
