"""Training by SciPy's L-BFGS-B over the loss and gradient of the whole training set."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.optimize
from sklearn.utils.optimize import _check_optimize_result

from ._optimizer import SETTINGS, Trainer, cast, new_trainer
from ._threads import resolve_n_threads

if TYPE_CHECKING:
    from ._base import BaseMLP, FitData

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


def fit_lbfgs(model: BaseMLP, data: FitData) -> bool:
    """Minimise J from the model's weights on; sets the weights, n_iter_ and loss_.

    Returns whether the weights are finite numbers.

    With several outputs scikit-learn averages the squared error over them but sums its gradient,
    a pair that no line search can follow. Here J is the sum, which its gradient belongs to, and
    only `loss_` is the average that scikit-learn reports.
    """
    units = model._units()
    loss = model._core_loss()
    threads = resolve_n_threads(model.n_threads)
    settings = {key: getattr(model, key) for key in SETTINGS}
    trainer: Trainer = new_trainer("sgd", units, model.activation, loss, data.dtype, settings)

    def evaluate(theta: Array) -> tuple[float, float, list[Array], list[Array]]:
        trainer.set_parameters(*_unpack(theta, units, data.dtype))
        return trainer.loss_and_gradient(
            data.X, data.Y, data.sample_weight, float(model.alpha), threads
        )

    def objective(theta: Array) -> tuple[float, Array]:
        data_loss, penalty, coef_grads, intercept_grads = evaluate(theta)
        return data_loss + penalty, _pack(coef_grads, intercept_grads)

    result = scipy.optimize.minimize(
        objective,
        _pack(cast(model.coefs_, data.dtype), cast(model.intercepts_, data.dtype)),
        method="L-BFGS-B",
        jac=True,
        options={"maxfun": model.max_fun, "maxiter": model.max_iter, "gtol": model.tol},
    )
    model.n_iter_ = _check_optimize_result("lbfgs", result, model.max_iter)
    model.coefs_, model.intercepts_ = _unpack(result.x, units, data.dtype)
    model.loss_ = float(result.fun)
    if loss == "squared_error" and units[-1] > 1:
        data_loss, penalty, _, _ = evaluate(result.x)
        model.loss_ = data_loss / units[-1] + penalty
    model.__dict__.pop("_optimizer", None)  # its slots belong to weights that are gone
    return bool(np.isfinite(result.x).all())
