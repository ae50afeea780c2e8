"""What the compiled core computes, as a multilayer perceptron in plain NumPy.

Notation, the same in every function; layers are l = 0..L, n_l is the number of units, r a row::

  X, Y          (rows, n_0), (rows, n_L)   inputs; targets: one-hot, 0/1 or real
  W[l], b[l]    (n_l, n_{l+1}), (n_{l+1},) weights and bias from layer l (rows) to l+1 (columns)
  z[l], a[l]    (rows, n_l)                z[l] = a[l-1] @ W[l-1] + b[l-1], a[l] = f(z[l]), a[0] = X
  sample_weight (rows,)                    w_r >= 0; None means 1 for every row
  J             scalar                     (sum_r w_r loss_r + l2/2 sum of all W^2) / sum_r w_r
  delta[l]      (rows, n_l)                dJ/dz[l], l = 1..L
  dW[l], db[l]  as W[l], b[l]              dJ/dW[l], dJ/db[l]

The arrays of a call have one dtype, float32 or float64, and are computed with in it. Names are the
keys of ACTIVATIONS, LOSSES and UPDATES; others are a KeyError. Weights of a batch that sum to zero
are a ZeroDivisionError.
"""

from .activations import (
    ACTIVATIONS,
    LEAK,
    LINK_SLOPES,
    LINKS,
    SELU_ALPHA,
    SELU_SCALE,
    Activation,
    layer_activation,
)
from .arrays import ActivationNames, Array, Arrays, Weights
from .backprop import deltas, finite_difference, forward, gradient, objective
from .dropout import mask, masks
from .losses import LOSSES, Loss
from .schedules import SCHEDULES, learning_rate
from .training import average, epoch, fit, init_parameters, step
from .updates import UPDATES, State, init_state, update

__all__ = [
    "ACTIVATIONS",
    "LEAK",
    "LINKS",
    "LINK_SLOPES",
    "LOSSES",
    "SCHEDULES",
    "SELU_ALPHA",
    "SELU_SCALE",
    "UPDATES",
    "Activation",
    "ActivationNames",
    "Array",
    "Arrays",
    "Loss",
    "State",
    "Weights",
    "average",
    "deltas",
    "epoch",
    "finite_difference",
    "fit",
    "forward",
    "gradient",
    "init_parameters",
    "init_state",
    "layer_activation",
    "learning_rate",
    "mask",
    "masks",
    "objective",
    "step",
    "update",
]
