"""Training by SciPy's L-BFGS-B over the loss and gradient of the whole training set."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.optimize
from sklearn.utils.optimize import _check_optimize_result

from .optimizer import SETTINGS, Trainer, cast, new_trainer
from .threads import resolve_n_threads

if TYPE_CHECKING:
    from .base import BaseMLP
    from .callbacks import FitTasks, State
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
    """A callback ends the minimisation with theta after n_iter iterations."""

    def __init__(self, theta: Array, n_iter: int) -> None:
        super().__init__()
        self.theta, self.n_iter = theta, n_iter


def fit_lbfgs(
    model: BaseMLP, data: FitData, units: list[int], tasks: FitTasks | None = None
) -> bool:
    """Minimise J from the model's weights on; sets the weights, n_iter_ and loss_.

    units = [n_0, ..., n_L]; `tasks` is for callbacks, if there are any. Returns whether the weights
    are finite numbers.

    With several outputs scikit-learn averages the squared error over them but sums its gradient,
    a pair that no line search can follow. Here J is the sum, which its gradient belongs to, and
    only `loss_` is the average that scikit-learn reports.
    """
    loss = model._core_loss()
    threads = resolve_n_threads(model.n_threads)
    settings = {key: getattr(model, key) for key in SETTINGS}
    trainer: Trainer = new_trainer("sgd", units, model.activation, loss, data.dtype, settings)

    def evaluate(theta: Array) -> tuple[float, float, list[Array], list[Array]]:
        trainer.set_parameters(*_unpack(theta, units, data.dtype))
        return trainer.loss_and_gradient(data.X, data.Y, data.sample_weight, data.l2, threads)

    def objective(theta: Array) -> tuple[float, Array]:
        data_loss, penalty, coef_grads, intercept_grads = evaluate(theta)
        return data_loss + penalty, _pack(coef_grads, intercept_grads)

    theta = _pack(cast(model.coefs_, data.dtype), cast(model.intercepts_, data.dtype))
    n_iter = 0

    def state(theta: Array) -> State:
        names = ("coefs_", "intercepts_", "n_iter_")
        held = (*_unpack(theta, units, data.dtype), n_iter)
        return lambda: dict(zip(names, held, strict=True))

    def next_task(theta: Array) -> None:
        nonlocal n_iter
        assert tasks is not None
        theta = theta.copy()  # SciPy goes on in place
        n_iter += 1
        if tasks.end(state(theta)):
            raise _Stopped(theta, n_iter)
        if n_iter < model.max_iter:
            tasks.begin("iteration", state(theta))

    if tasks is not None:
        tasks.begin("iteration", state(theta))
    try:
        result = scipy.optimize.minimize(
            objective,
            theta,
            method="L-BFGS-B",
            jac=True,
            options={"maxfun": model.max_fun, "maxiter": model.max_iter, "gtol": float(model.tol)},
            callback=None if tasks is None else next_task,
        )
        theta, loss_value = result.x, float(result.fun)
        model.n_iter_ = _check_optimize_result("lbfgs", result, model.max_iter)
    except _Stopped as stopped:
        theta, model.n_iter_ = stopped.theta, stopped.n_iter
        loss_value = sum(evaluate(theta)[:2])
    if tasks is not None:
        tasks.close()
    model.coefs_, model.intercepts_ = _unpack(theta, units, data.dtype)
    model.loss_ = loss_value
    if loss == "squared_error" and units[-1] > 1:
        data_loss, penalty, _, _ = evaluate(theta)
        model.loss_ = data_loss / units[-1] + penalty
    model.__dict__.pop("_optimizer", None)  # its slots belong to weights that are gone
    return bool(np.isfinite(theta).all())
