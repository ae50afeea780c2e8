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

from .callbacks import Listener, Record
from .endings import End, Why
from .inputs import FitData
from .optimizer import cast, gradient_trainer
from .parameters import as_float
from .record import iteration, with_iterations
from .settings import FitSettings
from .state import State
from .validation import Validation

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
    """The minimisation ends with the last iterate, or the best one."""


class _Iterate(NamedTuple):
    """What SciPy accepted last: theta after n_iter iterations, and the loss there in its parts."""

    theta: Array
    n_iter: int
    data_loss: float
    penalty: float


class _Minimisation:
    """The loss as SciPy sees it, and what has come of its iterations so far.

    Attributes
    ----------
    last : _Iterate
    why : str
        Why it stopped, once `_Stopped` was raised.
    """

    def __init__(
        self, settings: FitSettings, data: FitData, state: State, listeners: Sequence[Listener]
    ) -> None:
        self.settings, self.data, self.state, self.listeners = settings, data, state, listeners
        self._units, self._dtype = state.units, data.dtype
        self._hook = settings.loss_hook(data.Y, data.sample_weight)
        self._threads = settings.threads
        self._scale = settings.loss_scale(self._units[-1])
        self._trainer = gradient_trainer(settings, self._units, data.dtype)
        theta = _pack(cast(state.coefs, data.dtype), cast(state.intercepts, data.dtype))
        self.last = _Iterate(theta, 0, math.nan, math.nan)
        self.why: Why = "converged"
        # where SciPy looked last: data loss, penalty, gradient
        self._evaluated: tuple[float, float, Array] = (math.nan, math.nan, theta)
        self._records: list[dict[str, float]] = []
        self._validation: Validation | None = None
        self._keeps_best = settings.early_stopping and data.validation is not None
        self._best: Parameters | None = None
        best_score = None if self._keeps_best else state.best_validation_score
        self._best_score = -math.inf if best_score is None else best_score
        self._no_improvement_count = 0
        if data.validation is not None:
            self._validation = Validation(settings, data, data.validation)
            self._validation.try_scorer(state)
        weight = data.sample_weight
        self._weight = float(data.X.shape[0] if weight is None else weight.sum(dtype=np.float64))
        given = settings.own.get("time_limit")
        self._limit = math.inf if given is None else as_float(given)
        self._begun = self._start = time.perf_counter()

    def objective(self, theta: Array) -> tuple[float, Array]:
        """Return loss and gradient."""
        self._trainer.set_parameters(*_unpack(theta, self._units, self._dtype))
        data, together = self.data, self.data.together
        l2 = data.l2 if together is None else together.penalty_here(data.l2)
        data_loss, penalty, coef_grads, intercept_grads = self._trainer.loss_and_gradient(
            data.X, data.Y, data.sample_weight, l2, self._threads, loss_hook=self._hook
        )
        gradient = _pack(coef_grads, intercept_grads)
        if together is not None:
            parts = np.concatenate([[data_loss, penalty], gradient])
            parts = together.mean(self._weight, parts)
            data_loss, penalty, gradient = float(parts[0]), float(parts[1]), parts[2:]
        self._evaluated = data_loss, penalty, gradient
        return data_loss + penalty, gradient

    def begin(self) -> None:
        """Begin an iteration."""
        for listener in self.listeners:
            listener.begin("iteration", self.so_far)

    def accepted(self, theta: Array) -> None:
        """End an iteration, with the weights that SciPy goes on from."""
        # A line search ends where it looked last. SciPy goes on in theta itself.
        data_loss, penalty, gradient = self._evaluated
        self.last = _Iterate(theta.copy(), self.last.n_iter + 1, data_loss, penalty)
        parts = {"gradient_norm": math.sqrt(np.add.reduce(gradient * gradient))}
        if self._validation is not None:
            parts["validation_score"], parts["validation_loss"] = self._validate(self._validation)
        now = time.perf_counter()
        parts["seconds"], self._begun = now - self._begun, now
        self._records.append(iteration(self.last.n_iter, self.loss(), parts))
        record: Record = partial(dict, self._records[-1])
        if self._any(any([listener.end(self.so_far, record) for listener in self.listeners])):
            self._stop("callback")
        if self._any(time.perf_counter() - self._start >= self._limit):
            self._stop("time_limit")
        if self._keeps_best and self._no_improvement_count > self.settings.n_iter_no_change:
            self._stop("converged")
        if self.last.n_iter < self.settings.max_iter:
            self.begin()

    def _any(self, answer: bool) -> bool:
        """Whether it is so here, or on any rank."""
        return answer if self.data.together is None else self.data.together.any(answer)

    def end_with(self, theta: Array, n_iter: int) -> None:
        """Take what SciPy returned, which an iteration has accepted, but for odd cases."""
        if self.last.n_iter > 0 and np.array_equal(theta, self.last.theta):
            self.last = self.last._replace(n_iter=n_iter)
        else:
            self.objective(theta)
            self.last = _Iterate(theta, n_iter, *self._evaluated[:2])

    def loss(self) -> float:
        """Return the loss of the last iterate as it is reported."""
        return self.last.data_loss * self._scale + self.last.penalty

    def so_far(self) -> State:
        """Return the state as if it ended here.

        Without the optimizer that there was: its slots belong to weights that are gone.
        """
        return self._state_with(self._best or self._last_weights())

    def _state_with(self, weights: Parameters) -> State:
        state, records, validation = self.state, self._records, self._validation
        after = replace(state, n_iter=self.last.n_iter, best=None, optimizer=None)
        after.coefs, after.intercepts = weights
        after.loss = self.loss()
        after.losses = _joined(state.losses or state.loss_curve, records, "loss")
        after.epochs = with_iterations(state.epochs, records)
        if validation is not None:
            scores, losses = state.validation_scores, state.validation_loss_curve
            after.validation_scores = _joined(scores, records, "validation_score")
            after.best_validation_score = self._best_score
            if validation.with_loss:
                after.validation_loss_curve = _joined(losses, records, "validation_loss")
        return after

    def _last_weights(self) -> Parameters:
        return _unpack(self.last.theta, self._units, self._dtype)

    def _validate(self, validation: Validation) -> tuple[float, float]:
        weights = self._last_weights()
        score, loss = validation(*weights, partial(self._state_with, weights))
        improved = not score < self._best_score + self.settings.tol
        self._no_improvement_count = 0 if improved else self._no_improvement_count + 1
        if score > self._best_score:
            self._best_score = score
            self._best = weights if self._keeps_best else None
        for listener in self.listeners:
            listener.score(score)
        return score, loss

    def _stop(self, why: Why) -> None:
        self.why = why
        raise _Stopped


def _joined(held: list[float] | None, records: list[dict[str, float]], name: str) -> list[float]:
    return [*(held or ()), *(record[name] for record in records)]


def minimise(
    settings: FitSettings, data: FitData, state: State, listeners: Sequence[Listener]
) -> tuple[State, End]:
    """Minimise J from the weights of `state` on; see `train`.

    Interrupted by the user it returns the last iterate that SciPy accepted. With early stopping and
    rows to validate on it is the one that scored best. As in scikit-learn no rows are held out.

    With several outputs scikit-learn averages the squared error over them but sums its gradient,
    a pair that no line search can follow. Here J is the sum, which its gradient belongs to, and
    only `loss_` is the average that scikit-learn reports.
    """
    fit = _Minimisation(settings, data, state, listeners)
    if data.together is not None:
        data.together.begin_sums()
    fit.begin()
    error, stop = None, None

    def accepted(theta: Array) -> None:
        nonlocal stop
        try:
            fit.accepted(theta)
        except StopIteration as raised:  # which SciPy would take for a word to itself
            stop = raised
            raise _Stopped from raised

    try:
        result = scipy.optimize.minimize(
            fit.objective,
            fit.last.theta.copy(),
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
        fit.end_with(result.x, n_iter)
    except _Stopped:
        if stop is not None:
            raise stop from None
    except KeyboardInterrupt as interrupt:
        fit.why, error = "interrupted", interrupt
    for listener in listeners:
        listener.finish(fit.why)
    # A line search ends with the best that it found, and says itself where it did not converge.
    return fit.so_far(), End(fit.why, error, fit.last.n_iter, best_kept=True)
