"""What the benchmarks measure: nets with their data, batches and updates.

One list for ``chainfit bench`` and for the repository's benchmarks, so that figures of one name
are figures of one thing.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import reference
from .._estimators.rules import optimizer_name

Array = npt.NDArray[Any]


class Workload(NamedTuple):
    """A net and how it is trained; one class means regression, two are one logistic output."""

    name: str
    units: tuple[int, ...]  # n_0, hidden ..., n_L
    batch_size: int
    solver: str
    rows: int  # a multiple of batch_size: every step has the same work
    classes: int
    epochs: int  # in one fit of `chainfit bench`; the same for every contestant
    eta: float  # at which the loss falls from the first epoch on
    activation: str = "relu"

    @property
    def title(self) -> str:
        """One line for the table."""
        shape = "-".join(map(str, self.units))
        batch = "full batch" if self.is_full_batch else f"batch {self.batch_size}"
        activation = "" if self.activation == "relu" else f" {self.activation}"
        return f"{self.name}: {shape}{activation}, {batch}, {self.solver}"

    @property
    def is_full_batch(self) -> bool:
        """Whether one step is one epoch: then there is nothing to shuffle or gather."""
        return self.batch_size == self.rows

    @property
    def steps(self) -> int:
        """Steps of one epoch."""
        return -(-self.rows // self.batch_size)

    @property
    def flop(self) -> float:
        """FLOP of one step, its products alone: two per multiplication."""
        forward = sum(n_in * n_out for n_in, n_out in pairwise(self.units))
        backward = forward - self.units[0] * self.units[1]  # nobody needs the delta of the inputs
        return 2.0 * self.batch_size * (2 * forward + backward)

    @property
    def loss(self) -> str:
        """Its name in the core and in the reference."""
        return {1: "squared_error", 2: "binary_log_loss"}.get(self.classes, "log_loss")


WORKLOADS = (
    Workload("seed", (4, 3, 2, 1), 1, "sgd", 2_000, 2, 8, 0.01),
    Workload("tabular", (8, 64, 64, 1), 32, "adam", 6_400, 1, 20, 1e-3),
    Workload("mnist", (784, 128, 10), 128, "sgd", 6_400, 10, 20, 0.01),
    Workload("mnist_deep", (784, 512, 256, 10), 128, "adam", 2_560, 10, 20, 1e-4),
    Workload("wide", (1024, 2048, 2048, 10), 512, "sgd", 2_048, 10, 2, 0.01),
    Workload("row64", (20, 64, 64, 1), 1, "sgd", 2_000, 1, 8, 1e-3),
    Workload("simplechains", (4, 32, 16, 4), 10_000, "adam", 10_000, 1, 50, 1e-3, "tanh"),
)


def make_data(workload: Workload, dtype: Any = np.float32) -> tuple[Array, Array]:
    """X (rows, n_0) of dtype and y that depends on it: (rows,), or (rows, n_L) real numbers."""
    random_state = np.random.RandomState(0)
    X = random_state.standard_normal((workload.rows, workload.units[0])).astype(dtype)
    n_out = workload.units[-1] if workload.classes == 1 else 1
    signal = X @ random_state.standard_normal((workload.units[0], n_out)).astype(dtype)
    signal /= signal.std()  # so that one eta serves narrow inputs and wide ones
    if workload.classes == 1:
        return X, signal if n_out > 1 else signal.ravel()
    edges = np.quantile(signal, np.linspace(0, 1, workload.classes + 1)[1:-1])
    return X, np.digitize(signal.ravel(), edges)


def encode(workload: Workload, y: Array, dtype: Any = np.float32) -> Array:
    """Y (rows, n_L) of dtype: what the net's outputs are held against."""
    if workload.classes > 2:
        return np.eye(workload.classes, dtype=dtype)[y]
    return np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)


def initial_parameters(workload: Workload, dtype: Any = np.float32) -> tuple[list[Array], ...]:
    """W and b as the estimators draw them at ``random_state=0``: every contestant begins there."""
    random_state = np.random.RandomState(0)
    return reference.init_parameters(workload.units, workload.activation, random_state, dtype)


def estimator_settings(workload: Workload, epochs: int, *, shuffle: bool = True) -> dict[str, Any]:
    """Parameters that chainfit's and scikit-learn's estimators share: exactly `epochs` epochs."""
    return {
        "hidden_layer_sizes": workload.units[1:-1],
        "activation": workload.activation,
        "solver": workload.solver,
        "batch_size": workload.batch_size,
        "max_iter": epochs,
        "n_iter_no_change": epochs,
        "learning_rate_init": workload.eta,
        "momentum": 0.0,  # plain SGD, as the workloads are defined
        "alpha": 0.0,
        "shuffle": shuffle and not workload.is_full_batch,
        "random_state": 0,
    }


def fit_reference(
    workload: Workload, X: Array, Y: Array, epochs: int, *, shuffle: bool = True
) -> tuple[list[Array], list[Array]]:
    """Train the NumPy reference just as the estimators are trained; returns W and b."""
    random_state = np.random.RandomState(0)
    W, b = reference.init_parameters(workload.units, workload.activation, random_state, X.dtype)
    optimizer = optimizer_name(workload.solver, 0.0, True)
    reference.fit(
        X,
        Y,
        W,
        b,
        reference.init_state(W, b, optimizer, eta=workload.eta),
        epochs=epochs,
        random_state=random_state if shuffle and not workload.is_full_batch else None,
        batch_size=workload.batch_size,
        activation=workload.activation,
        loss=workload.loss,
    )
    return W, b
