"""Training by SciPy's L-BFGS-B over the loss and gradient of the whole training set."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.optimize
from sklearn.utils.optimize import _check_optimize_result

from .callbacks import Listener
from .endings import End, Why
from .inputs import FitData
from .optimizer import Trainer, cast, new_trainer
from .parameters import as_float
from .record import iteration
from .settings import FitSettings
from .state import State

Array = npt.NDArray[Any]
Parameters = tuple[list[Array], list[Array]]


def _pack(coefs: list[Array], intercepts: list[Array]) -> npt.NDArray[np.float64]:
    """All W, then all b, as one float64 vector, which is what SciPy works in."""
    return np.concatenate([a.ravel() for a in (*coefs, *intercepts)], dtype=np.float64)


def _unpack(theta: Array, units: list[int], dtype: np.dtype[Any]) -> Parameters:
    """Undo `_pack`."""
    sizes = [m * n for m, n in pairwise(units)] + units[1:]
    parts = np.split(theta.astype(dtype, copy=False), np.cumsum(sizes)[:-1])
    layers = len(units) - 1
    coefs = [part.reshape(shape) for part, shape in zip(parts, pairwise(units), strict=False)]
    return coefs, parts[layers:]


class _Stopped(Exception):
    """A listener ends the minimisation with the last iterate."""


class _Iterate(NamedTuple):
    """What SciPy accepted last: theta after n_iter iterations, and the loss there in its parts."""

    theta: Array
    n_iter: int
    data_loss: float
    penalty: float


def minimise(
    settings: FitSettings, data: FitData, state: State, listeners: Sequence[Listener]
) -> tuple[State, End]:
    """Minimise J from the weights of `state` on; see `train`.

    Interrupted by the user it returns the last iterate that SciPy accepted.

    With several outputs scikit-learn averages the squared error over them but sums its gradient,
    a pair that no line search can follow. Here J is the sum, which its gradient belongs to, and
    only `loss_` is the average that scikit-learn reports.
    """
    units = state.units
    hook = settings.loss_hook(data.Y, data.sample_weight)
    threads = settings.threads
    trainer: Trainer = new_trainer(
        "sgd",
        units,
        settings.activation,
        settings.core_loss,
        data.dtype,
        settings.loss_settings,
        settings.core_link,
        settings.blocks,
    )

    def evaluate(theta: Array) -> tuple[float, float, list[Array], list[Array]]:
        trainer.set_parameters(*_unpack(theta, units, data.dtype))
        return trainer.loss_and_gradient(
            data.X, data.Y, data.sample_weight, data.l2, threads, loss_hook=hook
        )

    theta = _pack(cast(state.coefs, data.dtype), cast(state.intercepts, data.dtype))
    last = _Iterate(theta.copy(), 0, math.nan, math.nan)
    evaluated = math.nan, math.nan  # data loss and penalty, where SciPy looked last

    def objective(theta: Array) -> tuple[float, Array]:
        nonlocal evaluated
        data_loss, penalty, coef_grads, intercept_grads = evaluate(theta)
        evaluated = data_loss, penalty
        return data_loss + penalty, _pack(coef_grads, intercept_grads)

    scale = settings.loss_scale(units[-1])
    given = settings.own.get("time_limit")
    limit = math.inf if given is None else as_float(given)
    begun = start = time.perf_counter()
    why: Why = "converged"

    def so_far() -> State:
        coefs, intercepts = _unpack(last.theta, units, data.dtype)
        return replace(
            state, coefs=coefs, intercepts=intercepts, n_iter=last.n_iter, optimizer=None
        )

    def begin() -> None:
        for listener in listeners:
            listener.begin("iteration", so_far)

    def accepted(theta: Array) -> None:
        nonlocal last, begun, why
        # A line search ends where it looked last. SciPy goes on in theta itself.
        last = _Iterate(theta.copy(), last.n_iter + 1, *evaluated)
        now = time.perf_counter()
        reported = last.data_loss * scale + last.penalty
        record = partial(iteration, last.n_iter, reported, now - begun)
        begun = now
        if any([listener.end(so_far, record) for listener in listeners]):
            raise _Stopped
        if time.perf_counter() - start >= limit:
            why = "time_limit"
            raise _Stopped
        if last.n_iter < settings.max_iter:
            begin()

    begin()
    error = None
    try:
        result = scipy.optimize.minimize(
            objective,
            theta,
            method="L-BFGS-B",
            jac=True,
            options={
                "maxfun": settings.max_fun,
                "maxiter": settings.max_iter,
                "gtol": settings.tol,
            },
            callback=accepted,
        )
        n_iter = _check_optimize_result("lbfgs", result, settings.max_iter)
        if last.n_iter > 0 and np.array_equal(result.x, last.theta):
            last = last._replace(n_iter=n_iter)
        else:
            last = _Iterate(result.x, n_iter, *evaluate(result.x)[:2])
    except _Stopped:
        why = "time_limit" if why == "time_limit" else "callback"
    except KeyboardInterrupt as interrupt:
        why, error = "interrupted", interrupt
    for listener in listeners:
        listener.finish(why)
    # Without the optimizer that there was: its slots belong to weights that are gone.
    after = so_far()
    after.loss = last.data_loss * scale + last.penalty
    # A line search ends with the best that it found, and says itself where it did not converge.
    return after, End(why, error, last.n_iter, best_kept=True)
