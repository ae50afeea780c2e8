"""What MLPClassifier and MLPRegressor share: scikit-learn's face of training.

A fit checks and encodes what the user gave, trains, and assigns what came of it once, at the end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, validate_data

from .callbacks import Listener, SklearnCallbacks, Verbose
from .endings import check_end, warn_of_end, warn_of_infinite_loss
from .forward import FLOAT64, Forward
from .generator import generator_kept
from .inputs import FitData, check_numeric, core_form, is_plain_X
from .keywords import table_names
from .optimizer import Optimizer
from .parameters import CONSTRAINTS, check_activations, hidden_units, rows_of_batch
from .rules import CLASS_LOSSES, LOSS_SETTINGS
from .scores import Score
from .settings import FitSettings
from .sparse import SPARSE_FORMATS, check_sparse
from .state import State
from .training import train
from .weights import weights_and_penalty

Array = npt.NDArray[Any]


# What a running optimizer doesn't keep: parameters that may change between calls of `partial_fit`.
_GIVEN = (
    "solver", "activation", "batch_size", "shuffle", "random_state", "tol", "n_iter_no_change",
    "early_stopping", "n_threads",
)  # fmt: skip
_given = {
    loss: itemgetter(
        *(*_GIVEN, *own, *table_names("classifier" if loss in CLASS_LOSSES else "regressor"))
    )
    for loss, own in LOSS_SETTINGS.items()
}


class BaseMLP(CallbackSupportMixin, Forward, ABC):
    """Base of the two estimators; not for direct use."""

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS

    #: The defaults of parameters that `with_keywords` has appended.
    _own_parameters: ClassVar[dict[str, Any]] = {}
    _y_numeric: ClassVar[bool]

    # -- what the two estimators differ in

    @abstractmethod
    def _encode(self, y: Array, classes: Any, incremental: bool, dtype: np.dtype[Any]) -> Array:
        """Return checked y as Y (rows, n_L) of dtype; sets what the classifier knows of classes."""

    @abstractmethod
    def _encode_plain(self, y: Any, classes: Any, rows: int, dtype: np.dtype[Any]) -> Array | None:
        """Return y as Y (rows, n_L) if it plainly needs no further check, otherwise None."""

    @abstractmethod
    def _core_loss(self) -> str:
        """Name of the loss in the core."""

    @abstractmethod
    def _scorer(self, Y: Array, sample_weight: Array | None) -> Score:
        """Return the validation score against Y (rows, n_L), a function of the net's output."""

    # -- fit

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model to data X and targets y.

        To callbacks of `sklearn.callback`, given by `set_callbacks`, this is a task with one
        subtask an epoch ('lbfgs': an iteration). One that returns True at the end of a subtask
        stops the training there, without a warning.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs. Float32 and float64 arrays of any layout and CSR matrices are used in
            place, other types are converted to float64 (see `precision`), other sparse formats
            to CSR. A sparse X is never made dense, and gives the same model as its dense form.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets: class labels or an indicator matrix, which may be sparse (0 where a row
            does not have the label, one other value where it does), in classification; real
            numbers in regression.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; None is 1 for each. They may be negative, and of any size: what
            counts is a row's share of the sum over its batch.

        Returns
        -------
        self : object
            The fitted model.

        Raises
        ------
        ValueError
            If data or parameters are not valid, or if training ends in weights that are not
            finite. The estimator, and a RandomState given as `random_state`, then are as they were
            before the call.
        TypeError
            If X or real targets are dates or durations, or real targets text or sparse.
        """
        return self._fit(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def _fit_followed_by(self, listeners: Sequence[Listener], X: Any, y: Any) -> Self:
        """Fit as `fit` does; the listeners follow the training."""
        return self._fit(X, y, None, listeners)

    def _fit(self, X: Any, y: Any, sample_weight: Any, listeners: Sequence[Listener] = ()) -> Self:
        # Before anything may fail, as scikit-learn ends for callbacks what began for them.
        callbacks = SklearnCallbacks(self, int(self.max_iter), X, y, sample_weight)
        draft = self._draft()
        callbacks.fitted_by(draft.changes)
        model = draft.copy
        with generator_kept(self.random_state):
            settings, data, state = model._job(X, y, sample_weight)
            followers = [*model._own_listeners(), *listeners]
            followers += [callbacks] if callbacks.needed else []
            state, end = train(settings, data, state, followers)
            if end.error is not None and end.why == "failed":
                raise end.error
            warn_of_end(end, state, settings.max_iter)
            check_end(end, state, data.dtype)
        state.into(model.__dict__)
        draft.publish()
        callbacks.close()
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        """Train one epoch by the optimizer at hand, or by a new one."""
        while True:
            optimizer = self._live_optimizer()
            if optimizer is None:
                return self._first_epoch(X, y, sample_weight, classes)
            with optimizer.lock:
                if self._live_optimizer() is optimizer:  # else a fit came first
                    return self._next_epoch(optimizer, X, y, sample_weight, classes)

    def _next_epoch(
        self, optimizer: Optimizer, X: Any, y: Any, sample_weight: Any, classes: Any
    ) -> Self:
        """Train by the locked optimizer; the steps made count, whatever happens after them."""
        if optimizer.running:
            raise RuntimeError("partial_fit was called from within partial_fit of the same model.")
        # A fitted model learns nothing new in `_job`: it needs no copy, which would take a while.
        model = self._as_published() if "coefs_" in self.__dict__ else self._draft().copy
        after = None
        optimizer.running = True
        try:
            settings, data, state = model._job(X, y, sample_weight, classes, incremental=True)
            after, end = train(settings, data, state, model._own_listeners())
        finally:
            if after is not None and end.steps:
                attributes = self.__dict__.copy()
                after.into(attributes)
                self.__dict__ = attributes
            elif optimizer.steps != optimizer.known_steps:  # cut short on the way here
                self._publish(optimizer.weights())
            optimizer.running = False
        if end.error is not None:
            raise end.error
        warn_of_infinite_loss(end, after)
        check_end(end, after, data.dtype)
        return self

    def _first_epoch(self, X: Any, y: Any, sample_weight: Any, classes: Any) -> Self:
        """Train by a new optimizer; the steps made count if the user interrupts them."""
        draft = self._draft()
        model = draft.copy
        with generator_kept(self.random_state):
            settings, data, state = model._job(X, y, sample_weight, classes, incremental=True)
            state, end = train(settings, data, state, model._own_listeners())
            interrupted = end.why == "interrupted" and end.steps > 0
            if end.error is not None and not interrupted:
                raise end.error
            if not interrupted:
                warn_of_infinite_loss(end, state)
                check_end(end, state, data.dtype)
        state.into(model.__dict__)
        draft.publish()
        if end.error is not None:
            raise end.error
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def _first_partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> Self:
        # As in scikit-learn the parameters are checked at the first call only; the decorator that
        # does it costs as much as a small step.
        return self._partial_fit(X, y, sample_weight, classes)

    # -- what a call comes to; self is a draft, which learns of features and classes on the way

    def _own_listeners(self) -> list[Listener]:
        if not self.verbose or self.solver == "lbfgs":  # SciPy prints nothing
            return []
        settings = float(self.tol), self.n_iter_no_change, bool(self.early_stopping)
        return [Verbose(*settings)]

    def _job(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        classes: Any = None,
        *,
        incremental: bool = False,
    ) -> tuple[FitSettings, FitData, State]:
        """Check everything and return what `train` takes."""
        held = self.__dict__
        first_pass = "coefs_" not in held or not (self.warm_start or incremental)
        data, weight_dtype = self._fit_data(X, y, sample_weight, classes, incremental, first_pass)
        outputs = data.Y.shape[1]
        if first_pass:
            held.pop("out_activation_", None)
        settings = self._settings(data.dtype, incremental)
        if incremental and settings.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if first_pass:
            units = [data.X.shape[1], *hidden_units(self.hidden_layer_sizes), outputs]
            check_activations(settings.activation, len(units) - 2)
            generator = check_random_state(self.random_state)
            state = State.drawn(units, settings.activation, weight_dtype, generator)
            self.n_outputs_, self.n_layers_ = outputs, len(units)
            self.out_activation_ = settings.out_activation
            return settings, data, state
        state = State.of(held)
        if outputs != len(state.intercepts[-1]):
            raise ValueError(
                f"y has {outputs} outputs, but {type(self).__name__} was fitted with "
                f"{len(state.intercepts[-1])}."
            )
        check_activations(settings.activation, len(state.coefs) - 1)
        if not incremental:
            state.optimizer = None
        return settings, data, state

    def _settings(self, dtype: np.dtype[Any], incremental: bool) -> FitSettings:
        """Return the settings of this call.

        Those of `partial_fit` are kept beside its optimizer, as long as no parameter changes.
        """
        loss = self._core_loss()
        optimizer = self._live_optimizer() if incremental else None
        if optimizer is None:
            settings = FitSettings.of(vars(self), loss, incremental=incremental)
            settings.check_step_size(dtype)
            return settings
        given = _given[loss](self.__dict__)
        memo = optimizer.memo
        if memo is None or memo[0] != given or memo[1].loss != loss:
            # a list may have changed when it comes again
            given = tuple(tuple(g) if isinstance(g, list) else g for g in given)
            memo = optimizer.memo = given, FitSettings.of(vars(self), loss, incremental=True)
        found: FitSettings = memo[1]
        return found

    def _fit_data(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        classes: Any,
        incremental: bool,
        first_pass: bool,
    ) -> tuple[FitData, np.dtype[Any]]:
        """Check and encode what the user gave; also return the dtype of new weights."""
        auto = self.precision == "auto"
        # dtype to train in, where it doesn't follow X
        fixed = None if auto else np.dtype(self.precision)
        if auto and not first_pass:
            fixed = self._model_dtype()
        Y = None
        if incremental and fixed is not None and is_plain_X(X, fixed, self.__dict__):
            Y = self._encode_plain(y, classes, len(X), fixed)
        if Y is None:
            check_numeric(X)
            check_sparse(X)
            check_sparse(y, "y")
            X, y = validate_data(
                self,
                X,
                y,
                accept_sparse=SPARSE_FORMATS,
                multi_output=True,
                y_numeric=self._y_numeric,
                dtype=(np.float64, np.float32) if auto else fixed,
                reset=first_pass,
            )
            if y.ndim == 2 and y.shape[1] == 1:
                y = column_or_1d(y, warn=True)
        weight_dtype = dtype = X.dtype if fixed is None else fixed
        if auto and self.solver == "lbfgs":
            dtype = FLOAT64  # as scikit-learn: a line search needs more digits than float32 has
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        rows = X.shape[0]
        batch_rows = rows_of_batch(self.solver, self.batch_size, rows)
        sample_weight, l2 = weights_and_penalty(sample_weight, self.alpha, rows, batch_rows, dtype)
        if Y is None:
            Y = self._encode(y, classes, incremental, dtype)
            X = core_form(X, dtype)
        data = FitData(X, Y, sample_weight, dtype, l2, self._scorer, not self._y_numeric)
        return data, weight_dtype

    # -- what scikit-learn asks

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn's checks that a model is fitted once it has weights."""
        return hasattr(self, "coefs_")

    def _check_solver(self) -> bool:
        """Say whether `partial_fit` exists: an AttributeError where the solver has no steps."""
        if self.solver == "lbfgs":
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. "
                f"{self.solver} is not stochastic."
            )
        return True

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
