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


def step(
    X: Array, Y: Array, W: Arrays, b: Arrays, state: State, *,
    clip_norm: float | None = None, **settings: Any
) -> float:  # fmt: skip
    """Move W, b and `state` in place by one step on the batch X, Y; return J before the step.

    `settings` are those of `gradient`: activation, loss, l2, l1, sample_weight, masks. A gradient
    whose norm is above `clip_norm` is multiplied by clip_norm / (norm + 1e-6), as PyTorch does.
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
    """Return the exponential moving average of parameters, given the one before; None: the first.

    B. Polyak, A. Juditsky, 1992, as PyTorch's `swa_utils` has it: decay mean + (1 - decay) p.
    """
    if mean is None:
        return [p.copy() for p in parameters]
    return [m + (1 - decay) * (p - m) for m, p in zip(mean, parameters, strict=True)]


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
