"""Training by SciPy's L-BFGS-B over the loss and gradient of the whole training set."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.optimize
from sklearn.utils.optimize import _check_optimize_result

from .convergence import check_finite
from .optimizer import SETTINGS, Trainer, cast, new_trainer
from .threads import thread_limit
from .warn import warn

if TYPE_CHECKING:
    from .base import BaseMLP
    from .callbacks import FitTasks
    from .inputs import FitData

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
    """A callback ends the minimisation with the last iterate."""


class _Iterate(NamedTuple):
    """What SciPy accepted last: theta after n_iter iterations, and the loss there in its parts."""

    theta: Array
    n_iter: int
    data_loss: float
    penalty: float


def fit_lbfgs(
    model: BaseMLP, data: FitData, units: list[int], tasks: FitTasks | None = None
) -> None:
    """Minimise J from the model's weights on; sets the weights, n_iter_ and loss_.

    Interrupted by the user it warns and keeps the last iterate that SciPy accepted.

    units = [n_0, ..., n_L]; `tasks` is for callbacks, if there are any. Weights that are no
    finite numbers in the end are a ValueError.

    With several outputs scikit-learn averages the squared error over them but sums its gradient,
    a pair that no line search can follow. Here J is the sum, which its gradient belongs to, and
    only `loss_` is the average that scikit-learn reports.
    """
    loss = model._core_loss()
    threads = thread_limit(model.n_threads)
    settings = {key: getattr(model, key) for key in SETTINGS}
    trainer: Trainer = new_trainer("sgd", units, model.activation, loss, data.dtype, settings)

    def evaluate(theta: Array) -> tuple[float, float, list[Array], list[Array]]:
        trainer.set_parameters(*_unpack(theta, units, data.dtype))
        return trainer.loss_and_gradient(data.X, data.Y, data.sample_weight, data.l2, threads)

    theta = _pack(cast(model.coefs_, data.dtype), cast(model.intercepts_, data.dtype))
    last = _Iterate(theta.copy(), 0, math.nan, math.nan)
    evaluated = math.nan, math.nan  # data loss and penalty, where SciPy looked last

    def objective(theta: Array) -> tuple[float, Array]:
        nonlocal evaluated
        data_loss, penalty, coef_grads, intercept_grads = evaluate(theta)
        evaluated = data_loss, penalty
        return data_loss + penalty, _pack(coef_grads, intercept_grads)

    def state() -> dict[str, Any]:
        coefs, intercepts = _unpack(last.theta, units, data.dtype)
        return {"coefs_": coefs, "intercepts_": intercepts, "n_iter_": last.n_iter}

    def accepted(theta: Array) -> None:
        nonlocal last
        # A line search ends where it looked last. SciPy goes on in theta itself.
        last = _Iterate(theta.copy(), last.n_iter + 1, *evaluated)
        if tasks is None:
            return
        if tasks.end(state):
            raise _Stopped
        if last.n_iter < model.max_iter:
            tasks.begin("iteration", state)

    if tasks is not None:
        tasks.begin("iteration", state)
    try:
        result = scipy.optimize.minimize(
            objective,
            theta,
            method="L-BFGS-B",
            jac=True,
            options={"maxfun": model.max_fun, "maxiter": model.max_iter, "gtol": float(model.tol)},
            callback=accepted,
        )
        n_iter = _check_optimize_result("lbfgs", result, model.max_iter)
        if last.n_iter > 0 and np.array_equal(result.x, last.theta):
            last = last._replace(n_iter=n_iter)
        else:
            last = _Iterate(result.x, n_iter, *evaluate(result.x)[:2])
    except _Stopped:
        pass
    except KeyboardInterrupt:
        warn("Training interrupted by user.")
    if tasks is not None:
        tasks.close()
    model.coefs_, model.intercepts_ = _unpack(last.theta, units, data.dtype)
    model.n_iter_ = last.n_iter
    outputs = units[-1] if loss == "squared_error" else 1
    model.loss_ = last.data_loss / outputs + last.penalty
    model.__dict__.pop("_optimizer", None)  # its slots belong to weights that are gone
    check_finite(model)
