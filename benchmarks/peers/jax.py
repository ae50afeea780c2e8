"""JAX as a contestant of the benchmark: a whole epoch in one compiled `lax.scan`."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt

from chainfit._bench.workloads import Workload, encode, initial_parameters, make_data

from .job import CallsByName, Job, NotInstalledError, Training
from .plain import trained_net

Array = npt.NDArray[Any]


def _jax() -> Any:
    try:
        return importlib.import_module("jax")
    except ImportError as error:
        raise NotInstalledError(str(error)) from None


def _forward(jax: Any, parameters: Any, X: Any, activation: str) -> Any:
    """Return z[L] (rows, n_L)."""
    f = {"relu": jax.nn.relu, "tanh": jax.numpy.tanh}[activation]
    *hidden, (W, b) = parameters
    for W_l, b_l in hidden:
        X = f(X @ W_l + b_l)
    return X @ W + b


def _loss(jax: Any, workload: Workload, parameters: Any, X: Any, Y: Any) -> Any:
    """J, from z[L]: the stable forms, which are also the fast ones."""
    z = _forward(jax, parameters, X, workload.activation)
    if workload.classes == 1:
        return 0.5 * ((z - Y) ** 2).sum() / len(Y)
    if workload.classes == 2:
        return (jax.nn.softplus(z) - Y * z).sum() / len(Y)
    return -(Y * jax.nn.log_softmax(z)).sum() / len(Y)


def _epoch(jax: Any, workload: Workload, X: Any, Y: Any, gather: str, unroll: int) -> Any:
    """Compile (state, order) -> (state, mean loss); `order` (steps, batch_size) holds rows."""
    tree, eta = jax.tree_util.tree_map, workload.eta
    value_and_grad = jax.value_and_grad(lambda p, *rows: _loss(jax, workload, p, *rows))

    def step(state: Any, rows: Any) -> Any:
        parameters, m, v, t = state
        X_batch, Y_batch = (X[rows], Y[rows]) if gather == "a batch" else rows
        J, g = value_and_grad(parameters, X_batch, Y_batch)
        if workload.solver == "sgd":
            return (tree(lambda p, g: p - eta * g, parameters, g), m, v, t), J
        t = t + 1
        m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        eta_t = eta * jax.numpy.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        move = tree(lambda p, m, v: p - eta_t * m / (jax.numpy.sqrt(v) + 1e-8), parameters, m, v)
        return (move, m, v, t), J

    def epoch(state: Any, order: Any) -> Any:
        if gather == "nothing":
            rows = (X[None], Y[None])
        elif gather == "an epoch":
            rows = (X[order], Y[order])
        else:
            rows = order
        state, losses = jax.lax.scan(step, state, rows, unroll=unroll)
        return state, losses.mean()

    return jax.jit(epoch, donate_argnums=0)


class _Training:
    def __init__(self, jax: Any, job: Job, gather: str, unroll: int) -> None:
        self.jax, self.workload = jax, job.workload
        X, y = make_data(self.workload)
        self.X, self.Y = jax.device_put(X), jax.device_put(encode(self.workload, y))
        self.epoch = _epoch(jax, self.workload, self.X, self.Y, gather, unroll)
        self.shape = (self.workload.steps, self.workload.batch_size)

    def train(self, epochs: int, shuffle: bool) -> None:
        jax, workload = self.jax, self.workload
        parameters = list(zip(*initial_parameters(workload), strict=True))
        state = jax.device_put((parameters, *[_zeros(parameters)] * 2, np.float32(0)))
        order = np.arange(workload.rows, dtype=np.int32)
        random = np.random.default_rng(0)
        for _ in range(epochs):
            if shuffle and not workload.is_full_batch:
                random.shuffle(order)
            state, _ = self.epoch(state, order.reshape(self.shape).copy())
        self.state = jax.block_until_ready(state)

    def parameters(self) -> tuple[list[Array], list[Array]]:
        W, b = zip(*self.state[0], strict=True)
        return [np.asarray(p) for p in W], [np.asarray(p) for p in b]


def _zeros(parameters: list[tuple[Array, ...]]) -> list[tuple[Array, ...]]:
    return [tuple(np.zeros_like(p) for p in pair) for pair in parameters]


def training(job: Job) -> dict[str, Training]:
    """Ways to train the job's workload."""
    jax = _jax()
    if job.workload.is_full_batch:
        return {"full batch": _Training(jax, job, "nothing", 1)}
    ways = {
        f"gathers {gather}": _Training(jax, job, gather, 1) for gather in ("an epoch", "a batch")
    }
    if job.workload.batch_size <= 32:
        ways["gathers an epoch, unrolled by 8"] = _Training(jax, job, "an epoch", 8)
    return dict(ways)


def calls(job: Job) -> CallsByName:
    """Ways to make the job's call."""
    call = job.call
    assert call is not None
    jax = _jax()
    X, W, b = trained_net(job)
    parameters = jax.device_put(list(zip(W, b, strict=True)))

    def forward(X: Any) -> Any:
        z = _forward(jax, parameters, X, "relu")
        return jax.nn.softmax(z) if call.link == "softmax" else z

    compiled = jax.jit(forward)
    return {"jit": lambda: np.asarray(compiled(X))}
