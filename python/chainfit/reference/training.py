"""Training: initial parameters, steps, epochs and whole fits."""

# ruff: noqa: E741 - l is the layer, here as in the formulas

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .activations import layer_activation
from .arrays import ActivationNames, Array, Arrays, Weights
from .backprop import gradient
from .updates import State, update


def init_parameters(
    units: Sequence[int],
    activation: ActivationNames,
    random_state: np.random.RandomState,
    dtype: Any = float,
) -> tuple[list[Array], list[Array]]:
    """Return initial weights and biases, drawn as scikit-learn does.

    They are uniform within +-sqrt(6 / (n_l + n_{l+1})), the bound of X. Glorot and Y. Bengio,
    "Understanding the difficulty of training deep feedforward neural networks", 2010, with 2
    instead of 6 for 'logistic'; outputs are treated as the layer below.

    Parameters
    ----------
    units : sequence of int
        Number of units of each layer, n_0, ..., n_L.
    activation : str or sequence of str
        Activation of all hidden layers, or of each.
    random_state : RandomState
        The generator; it draws float64, each layer's W before its b.
    dtype : dtype, default=float
        Data type of the arrays.

    Returns
    -------
    W : list of ndarray of shape (n_l, n_{l+1})
        The weights.
    b : list of ndarray of shape (n_{l+1},)
        The biases.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import reference
    >>> W, b = reference.init_parameters([4, 3, 1], "relu", np.random.RandomState(0))
    >>> [weights.shape for weights in W]
    [(4, 3), (3, 1)]
    """
    W, b = [], []
    for l, (n, m) in enumerate(pairwise(units), start=1):
        name = layer_activation(activation, min(l, max(len(units) - 2, 1)))
        bound = math.sqrt((2 if name == "logistic" else 6) / (n + m))
        W.append(random_state.uniform(-bound, bound, (n, m)).astype(dtype))
        b.append(random_state.uniform(-bound, bound, m).astype(dtype))
    return W, b


def step(
    X: Array, Y: Array, W: Arrays, b: Arrays, state: State, *,
    clip_norm: float | None = None, **settings: Any
) -> float:  # fmt: skip
    """Make one training step on a batch, in place.

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
    state : State
        The state of the update rule.
    clip_norm : float, default=None
        Maximum norm of the gradient: a larger one is multiplied by clip_norm / (norm + 1e-6), as in
        PyTorch.
    **settings : Any
        Arguments of `gradient`: activation, loss, l2, l1, sample_weight, masks.

    Returns
    -------
    J : float
        The objective before the step.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import reference
    >>> X, W, b = np.array([[2.0, 1.0]]), [np.array([[0.5], [-1.0]])], [np.array([0.25])]
    >>> state = reference.init_state(W, b, "sgd", eta=0.1)
    >>> settings = {"activation": "relu", "loss": "squared_error"}
    >>> reference.step(X, np.array([[1.0]]), W, b, state, **settings)
    0.28125
    >>> W[0].ravel()
    array([ 0.65 , -0.925])
    """
    J, dW, db = gradient(X, Y, W, b, **settings)
    norm = math.sqrt(sum(float(np.vdot(g, g)) for g in [*dW, *db]))
    if clip_norm is not None and clip_norm / (norm + 1e-6) < 1:
        dW, db = ([g * (clip_norm / (norm + 1e-6)) for g in part] for part in (dW, db))
    state.steps += 1
    slots = [[*slot_W, *slot_b] for slot_W, slot_b in state.slots]
    for p, g, *slots_of_p in zip([*W, *b], [*dW, *db], *slots, strict=True):
        update(p, g, state, *slots_of_p)
    return J


def average(mean: Arrays | None, parameters: Arrays, decay: float) -> list[Array]:
    """Return the exponential moving average of parameters after one more step.

    It is decay mean + (1 - decay) p, as in PyTorch's `swa_utils`; averages of weights are due to B.
    Polyak and A. Juditsky, "Acceleration of stochastic approximation by averaging", 1992.

    Parameters
    ----------
    mean : sequence of ndarray or None
        The average so far; None before the first step.
    parameters : sequence of ndarray
        The parameters after the step.
    decay : float
        Fraction of the average that is kept.

    Returns
    -------
    mean : list of ndarray
        The new average; after the first step the parameters themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import reference
    >>> reference.average([np.array([1.0])], [np.array([2.0])], decay=0.75)
    [array([1.25])]
    """
    if mean is None:
        return [p.copy() for p in parameters]
    return [m + (1 - decay) * (p - m) for m, p in zip(mean, parameters, strict=True)]


def epoch(
    X: Array, Y: Array, W: Arrays, b: Arrays, state: State, order: Array | None = None, *,
    batch_size: int, sample_weight: Weights = None, **settings: Any
) -> float:  # fmt: skip
    """Make one step for every mini-batch, in place.

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
    state : State
        The state of the update rule.
    order : ndarray of shape (rows,), default=None
        Row numbers in the order of their use; None means 0, 1, 2, ...
    batch_size : int
        Number of rows in a mini-batch; the last one may be smaller.
    sample_weight : ndarray of shape (rows,), default=None
        Weights of the rows; None means 1 for each.
    **settings : Any
        Arguments of `step`.

    Returns
    -------
    J : float
        The mean of the steps' objectives, weighted by their numbers of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import reference
    >>> X = np.array([[0.0], [1.0], [2.0]])
    >>> W, b = [np.array([[1.0]])], [np.array([0.0])]
    >>> state = reference.init_state(W, b, "sgd", eta=0.1)
    >>> settings = {"activation": "relu", "loss": "squared_error"}
    >>> reference.epoch(X, X, W, b, state, batch_size=2, **settings), state.steps
    (0.0, 2)
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
    """Train for a number of epochs, in place.

    Each epoch shuffles the order of the previous one, with scikit-learn's draws.

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
    state : State
        The state of the update rule.
    epochs : int
        Number of epochs.
    random_state : RandomState, default=None
        Generator of the shuffling; None means that rows keep their order.
    **settings : Any
        Arguments of `epoch`.

    Returns
    -------
    loss_curve : list of float
        The mean objective of each epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import reference
    >>> X = np.array([[0.0], [1.0], [2.0]])
    >>> W, b = [np.array([[0.5]])], [np.array([0.0])]
    >>> state = reference.init_state(W, b, "sgd", eta=0.1)
    >>> settings = {"activation": "relu", "loss": "squared_error", "batch_size": 3}
    >>> curve = reference.fit(X, X, W, b, state, epochs=20, **settings)
    >>> curve[-1] < curve[0] / 10
    True
    """
    order, curve = None, []
    for _ in range(epochs):
        if random_state is not None:
            shuffled = random_state.permutation(len(X))
            order = shuffled if order is None else order[shuffled]
        curve.append(epoch(X, Y, W, b, state, order, **settings))
    return curve
