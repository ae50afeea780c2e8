"""Parameters of the tabular estimators, as type checkers know them.

Made of the tables by tests/typing/parameter_types.py: change these, and run it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict

import numpy as np

from .._estimators.parameter_types import (
    Activation,
    Initializer,
    OutActivation,
    RealLoss,
    Schedule,
    Solver,
)

Preset = Literal[
    "best",
    "fast",
    "good",
]


class TableParameters:
    """Parameters of both estimators."""

    activation: Activation | Sequence[Activation]
    alpha: float | Literal["auto"]
    average: Literal["ema"] | Literal["auto"] | None
    average_decay: float | Literal["auto"]
    batch_size: int | Literal["auto"]
    beta_1: float
    beta_2: float | Literal["auto"]
    checkpoint: str | os.PathLike[str] | None
    checkpoint_interval: int | str
    clip_norm: float | None
    date_format: str | None
    decay_rate: float
    decay_steps: float
    decimal: Literal[",", "."] | None
    drop: Sequence[str]
    dropout: float | Sequence[float]
    epsilon: float
    hidden_layer_sizes: int | Sequence[int] | str | Literal["auto"]
    init: Initializer
    l1: float
    learning_rate: Schedule | Callable[..., Any] | Literal["auto"]
    learning_rate_init: float | Literal["auto"]
    max_fun: int
    max_iter: int | Literal["auto"]
    max_levels: int
    momentum: float
    n_bins: int | Literal["auto"]
    n_iter_no_change: float | Literal["auto"]
    n_jobs: int | None
    n_nets: int | Literal["auto"]
    n_threads: int | None
    na_values: Sequence[str]
    nesterovs_momentum: bool
    power_t: float
    precision: Literal["float32", "float64"]
    preset: Preset
    random_state: int | np.random.RandomState | None
    rho: float
    scoring: str | Callable[..., Any] | Literal["auto"] | None
    solver: Solver
    thousands: str | None
    time_limit: float | None
    tol: float
    validation_fraction: float
    verbose: bool | int | Literal["progress"]
    warmup: float
    weight_decay: float | None


class TabularClassifierParameters(TableParameters):
    """Parameters of the classifier alone."""

    class_weight: dict[Any, float] | list[dict[Any, float]] | Literal["balanced"] | None
    label_smoothing: float | Literal["auto"]


class TabularRegressorParameters(TableParameters):
    """Parameters of the regressor alone."""

    huber_delta: float
    loss: RealLoss
    out_activation: OutActivation | None
    quantile: float | Sequence[float]


class TableKeywords(TypedDict, total=False):
    """Parameters of both estimators."""

    activation: Activation | Sequence[Activation]
    alpha: float | Literal["auto"]
    average: Literal["ema"] | Literal["auto"] | None
    average_decay: float | Literal["auto"]
    batch_size: int | Literal["auto"]
    beta_1: float
    beta_2: float | Literal["auto"]
    checkpoint: str | os.PathLike[str] | None
    checkpoint_interval: int | str
    clip_norm: float | None
    date_format: str | None
    decay_rate: float
    decay_steps: float
    decimal: Literal[",", "."] | None
    drop: Sequence[str]
    dropout: float | Sequence[float]
    epsilon: float
    hidden_layer_sizes: int | Sequence[int] | str | Literal["auto"]
    init: Initializer
    l1: float
    learning_rate: Schedule | Callable[..., Any] | Literal["auto"]
    learning_rate_init: float | Literal["auto"]
    max_fun: int
    max_iter: int | Literal["auto"]
    max_levels: int
    momentum: float
    n_bins: int | Literal["auto"]
    n_iter_no_change: float | Literal["auto"]
    n_jobs: int | None
    n_nets: int | Literal["auto"]
    n_threads: int | None
    na_values: Sequence[str]
    nesterovs_momentum: bool
    power_t: float
    precision: Literal["float32", "float64"]
    random_state: int | np.random.RandomState | None
    rho: float
    scoring: str | Callable[..., Any] | Literal["auto"] | None
    solver: Solver
    thousands: str | None
    time_limit: float | None
    tol: float
    validation_fraction: float
    verbose: bool | int | Literal["progress"]
    warmup: float
    weight_decay: float | None


class TabularClassifierKeywords(TableKeywords, total=False):
    """Parameters of the classifier alone."""

    class_weight: dict[Any, float] | list[dict[Any, float]] | Literal["balanced"] | None
    label_smoothing: float | Literal["auto"]


class TabularRegressorKeywords(TableKeywords, total=False):
    """Parameters of the regressor alone."""

    huber_delta: float
    loss: RealLoss
    out_activation: OutActivation | None
    quantile: float | Sequence[float]
