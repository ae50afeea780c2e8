"""Parameters of the estimators, and the names that they take, as type checkers know them.

Made of the tables by tests/typing/parameter_types.py: change these, and run it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict

import numpy as np

Activation = Literal[
    "elu",
    "gelu",
    "identity",
    "leaky_relu",
    "logistic",
    "mish",
    "relu",
    "selu",
    "silu",
    "softplus",
    "tanh",
]

Solver = Literal[
    "adam",
    "adamw",
    "lbfgs",
    "rmsprop",
    "sgd",
]

Schedule = Literal[
    "adaptive",
    "constant",
    "cosine",
    "invscaling",
    "linear",
    "one_cycle",
    "step",
]

RealLoss = Literal[
    "absolute_error",
    "gamma",
    "gaussian_nll",
    "huber",
    "log_cosh",
    "poisson",
    "quantile",
    "squared_error",
]

OutActivation = Literal[
    "exp",
    "identity",
    "logistic",
    "softplus",
    "tanh",
]

Initializer = Literal[
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "orthogonal",
]


class NetParameters:
    """Parameters of both estimators."""

    hidden_layer_sizes: int | Sequence[int] | str
    activation: Activation | Sequence[Activation]
    solver: Solver
    alpha: float
    batch_size: Literal["auto"] | int
    learning_rate: Schedule | Callable[..., Any]
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: int | np.random.RandomState | None
    tol: float
    verbose: bool | int | Literal["progress"]
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    n_threads: int | None
    precision: Literal["auto", "float32", "float64"]
    rho: float
    init: Initializer
    checkpoint: str | os.PathLike[str] | None
    checkpoint_interval: int | str
    scoring: str | Callable[..., Any] | None
    time_limit: float | None
    callbacks: Sequence[Callable[[dict[str, Any]], Any]] | None
    warmup: float
    decay_steps: float
    decay_rate: float
    dropout: float | Sequence[float]
    l1: float
    weight_decay: float | None
    clip_norm: float | None
    average: Literal["ema"] | None
    average_decay: float


class ClassifierParameters(NetParameters):
    """Parameters of the classifier alone."""

    loss: Literal["log_loss"] | Callable[..., Any]
    label_smoothing: float
    class_weight: dict[Any, float] | list[dict[Any, float]] | Literal["balanced"] | None


class RegressorParameters(NetParameters):
    """Parameters of the regressor alone."""

    loss: RealLoss | Callable[..., Any]
    huber_delta: float
    quantile: float | Sequence[float]
    out_activation: OutActivation | None


class NetKeywords(TypedDict, total=False):
    """Keywords of the table of both estimators."""

    rho: float
    init: Initializer
    checkpoint: str | os.PathLike[str] | None
    checkpoint_interval: int | str
    scoring: str | Callable[..., Any] | None
    time_limit: float | None
    callbacks: Sequence[Callable[[dict[str, Any]], Any]] | None
    warmup: float
    decay_steps: float
    decay_rate: float
    dropout: float | Sequence[float]
    l1: float
    weight_decay: float | None
    clip_norm: float | None
    average: Literal["ema"] | None
    average_decay: float


class ClassifierKeywords(NetKeywords, total=False):
    """Keywords of the table of the classifier alone."""

    loss: Literal["log_loss"] | Callable[..., Any]
    label_smoothing: float
    class_weight: dict[Any, float] | list[dict[Any, float]] | Literal["balanced"] | None


class RegressorKeywords(NetKeywords, total=False):
    """Keywords of the table of the regressor alone."""

    huber_delta: float
    quantile: float | Sequence[float]
    out_activation: OutActivation | None
