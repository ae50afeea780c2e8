"""Update rules: p, a W[l] or b[l], moves in place by its gradient g; velocity, m, v are slots.

To add one: its line in UPDATES, its constants in State.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays import Array, Arrays


@dataclass
class State:
    """State of an update rule: its name, its slots and its constants.

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
    rho: float = 0.99
    weight_decay: float | None = None  # None: 0.01 of adamw, otherwise 0
    steps: int = 0

    @property
    def decay(self) -> float:
        """Times eta, the share of each weight that goes beside the gradient's step."""
        if self.weight_decay is None:
            return 0.01 if self.optimizer == "adamw" else 0.0
        return self.weight_decay


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


def _rmsprop(p: Array, g: Array, s: State, v: Array) -> None:
    """Apply p <- p - eta g / (sqrt(v) + eps), v being a running mean of g^2.

    T. Tieleman, G. Hinton, 2012; with eps where PyTorch has it.
    """
    v *= s.rho
    v += (1 - s.rho) * (g * g)
    p -= s.eta * g / (np.sqrt(v) + s.eps)


UPDATES: dict[str, tuple[int, Callable[..., None]]] = {  # name: (number of slots, update)
    "sgd": (0, _sgd),
    "momentum": (1, _momentum),
    "nesterov": (1, _nesterov),
    "adam": (2, _adam),
    "adamw": (2, _adam),  # which has a decay of its own
    "rmsprop": (1, _rmsprop),
}


def update(p: Array, g: Array, s: State, *slots: Array) -> None:
    """Update a parameter in place: the decay p <- p - eta decay p, then the rule of `s`.

    The decay is not part of J (I. Loshchilov, F. Hutter, "Decoupled weight decay regularization",
    2019). Biases, which have one axis, don't decay.

    Parameters
    ----------
    p : ndarray
        The weights or biases of a layer.
    g : ndarray
        Their gradient.
    s : State
        The rule, its constants and the number of steps, this one included.
    *slots : ndarray
        State of the rule for p, updated in place.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import reference
    >>> p = np.array([1.0, 2.0])
    >>> reference.update(p, np.array([1.0, -1.0]), reference.State("sgd", [], eta=0.5))
    >>> p
    array([0.5, 2.5])
    """
    if s.decay and p.ndim == 2:
        p -= s.eta * s.decay * p
    UPDATES[s.optimizer][1](p, g, s, *slots)


def init_state(W: Arrays, b: Arrays, optimizer: str, *, eta: float, **constants: Any) -> State:
    """Return the state of an update rule before the first step.

    Parameters
    ----------
    W : sequence of ndarray of shape (n_l, n_{l+1})
        The weights.
    b : sequence of ndarray of shape (n_{l+1},)
        The biases.
    optimizer : str
        A key of `UPDATES`.
    eta : float
        The learning rate.
    **constants : Any
        Other constants of the rule, as named in `State`.

    Returns
    -------
    state : State
        The state, with all slots zero.

    Examples
    --------
    >>> import numpy as np
    >>> from chainfit import reference
    >>> W, b = [np.ones((2, 1))], [np.ones(1)]
    >>> state = reference.init_state(W, b, "adam", eta=0.001)
    >>> len(state.slots), state.steps
    (2, 0)
    """
    n_slots = UPDATES[optimizer][0]
    slots = [([np.zeros_like(p) for p in W], [np.zeros_like(p) for p in b]) for _ in range(n_slots)]
    return State(optimizer, slots, eta, **constants)
