"""What MLPClassifier and MLPRegressor share: parameters, checks, fit and the forward pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from .. import _core
from .callbacks import FitTasks
from .draft import Draft, as_published, generator_kept, optimizer_of
from .inputs import FitData, check_numeric, core_form, is_plain_X
from .lbfgs import fit_lbfgs
from .limits import check_step_size
from .optimizer import Optimizer, cast
from .parameters import CONSTRAINTS, LINKS
from .portable import Portable
from .scores import Score
from .sparse import SPARSE_FORMATS, check_sparse
from .stochastic import HISTORY, TRAINED, fit_stochastic
from .threads import thread_limit
from .weights import weights_and_penalty

if TYPE_CHECKING:
    from ..row_predictor import RowPredictor

Array = npt.NDArray[Any]
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


class BaseMLP(CallbackSupportMixin, Portable, ABC):
    """Base of the two estimators; not for direct use."""

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS

    _y_numeric: ClassVar[bool]

    # -- what the two estimators differ in

    @abstractmethod
    def _encode(self, y: Array, classes: Any, incremental: bool, dtype: np.dtype[Any]) -> Array:
        """Return checked y as Y (rows, n_L) of dtype; sets what the classifier knows of classes."""

    @abstractmethod
    def _encode_plain(self, y: Any, classes: Any, rows: int, dtype: np.dtype[Any]) -> Array | None:
        """Return y as Y (rows, n_L) if it plainly needs no further check, otherwise None."""

    @abstractmethod
    def _decode(self, output: Array) -> Array:
        """Turn the net's output (rows, n_L) into what `predict` returns."""

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
        # Before anything may fail, as scikit-learn ends for callbacks what began for them.
        tasks = FitTasks(self, X, y, sample_weight)
        draft = Draft(self)
        tasks.train(draft)
        with generator_kept(self.random_state):
            draft.copy._train(X, y, sample_weight, tasks=tasks if tasks.watched else None)
        draft.publish()
        tasks.finish()
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        """Train one epoch by the optimizer at hand, or by a new one."""
        while True:
            optimizer = optimizer_of(self)
            if optimizer is None:
                return self._first_epoch(X, y, sample_weight, classes)
            with optimizer.lock:
                if optimizer_of(self) is optimizer:  # else a fit came first
                    return self._next_epoch(optimizer, X, y, sample_weight, classes)

    def _next_epoch(
        self, optimizer: Optimizer, X: Any, y: Any, sample_weight: Any, classes: Any
    ) -> Self:
        """Train by the locked optimizer; the steps made count, whatever happens after them."""
        if optimizer.running:
            raise RuntimeError("partial_fit was called from within partial_fit of the same model.")
        draft = Draft(self)
        coefs = draft.copy.coefs_
        optimizer.running = True
        try:
            draft.copy._train(X, y, sample_weight, classes=classes, incremental=True)
        finally:
            if draft.copy.coefs_ is not coefs:  # a step was made
                draft.publish_only(TRAINED)
            optimizer.running = False
        return self

    def _first_epoch(self, X: Any, y: Any, sample_weight: Any, classes: Any) -> Self:
        """Train by a new optimizer; the steps made count if the user interrupts them."""
        draft, interrupted = Draft(self), None
        with generator_kept(self.random_state):
            try:
                draft.copy._train(X, y, sample_weight, classes=classes, incremental=True)
            except KeyboardInterrupt as interrupt:
                if "_optimizer" not in draft.copy.__dict__:  # before the first step
                    raise
                interrupted = interrupt
        draft.publish()
        if interrupted is not None:
            raise interrupted
        return self

    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        classes: Any = None,
        incremental: bool = False,
        tasks: FitTasks | None = None,
    ) -> None:
        """Check everything and train; self is a draft."""
        first_pass = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        data = self._check_fit_inputs(X, y, sample_weight, classes, incremental, first_pass)
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        random_state = None
        if first_pass:
            random_state = check_random_state(self.random_state)
            units = [data.X.shape[1], *self._hidden_units(), data.Y.shape[1]]
            self._initialize(units, data.weight_dtype, random_state)
        else:
            units = self._units()
            if data.Y.shape[1] != units[-1]:
                raise ValueError(
                    f"y has {data.Y.shape[1]} outputs, but {type(self).__name__} was fitted "
                    f"with {units[-1]}."
                )
        if self.solver == "lbfgs":
            fit_lbfgs(self, data, units, tasks)
        else:
            fit_stochastic(
                self, data, units, random_state, first_pass=first_pass, incremental=incremental,
                tasks=tasks,
            )  # fmt: skip

    @_fit_context(prefer_skip_nested_validation=True)
    def _first_partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None
    ) -> Self:
        # As in scikit-learn the parameters are checked at the first call only; the decorator that
        # does it costs as much as a small step.
        return self._partial_fit(X, y, sample_weight, classes)

    def _hidden_units(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        hidden = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if hidden and min(hidden) <= 0:
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        return hidden

    def _units(self) -> list[int]:
        """[n_0, ..., n_L] of the weights at hand, which may be the user's own."""
        return [*map(len, self.coefs_), self.coefs_[-1].shape[1]]

    def _model_dtype(self) -> np.dtype[Any]:
        """Dtype of the weights at hand, float64 where it is none of the core's."""
        return FLOAT32 if self.coefs_[0].dtype == FLOAT32 else FLOAT64

    def _check_fit_inputs(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        classes: Any,
        incremental: bool,
        first_pass: bool,
    ) -> FitData:
        auto = self.precision == "auto"
        # dtype to train in, where it doesn't follow X
        fixed = None if auto else np.dtype(self.precision)
        if auto and not first_pass:
            fixed = self._model_dtype()
        Y = None
        if incremental and fixed is not None and is_plain_X(self, X, fixed):
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
        sample_weight, l2 = weights_and_penalty(self, sample_weight, X.shape[0], dtype)
        if not (incremental and "_optimizer" in self.__dict__):
            check_step_size(self, dtype)
        if Y is None:
            Y = self._encode(y, classes, incremental, dtype)
            X = core_form(X, dtype)
        return FitData(X, Y, sample_weight, dtype, weight_dtype, l2)

    def _initialize(
        self, units: list[int], dtype: np.dtype[Any], random_state: np.random.RandomState
    ) -> None:
        """Draw W and b layer by layer, uniform in +-sqrt(6 / (n_l + n_{l+1})) (Glorot, Bengio)."""
        for name in (*HISTORY, "out_activation_"):
            self.__dict__.pop(name, None)
        self.n_iter_ = 0
        self.t_ = 0
        self.n_outputs_ = units[-1]
        self.n_layers_ = len(units)
        self.out_activation_ = LINKS[self._core_loss()]
        factor = 2.0 if self.activation == "logistic" else 6.0
        self.coefs_: list[Array] = []
        self.intercepts_: list[Array] = []
        for fan_in, fan_out in pairwise(units):
            bound = np.sqrt(factor / (fan_in + fan_out))
            W = random_state.uniform(-bound, bound, (fan_in, fan_out))
            b = random_state.uniform(-bound, bound, fan_out)
            self.coefs_.append(W.astype(dtype, copy=False))
            self.intercepts_.append(b.astype(dtype, copy=False))

    # -- forward pass

    def _forward(self, X: Any) -> Array:
        """Return the output layer's activation (rows, n_L) for X as the user gave it."""
        if "coefs_" not in self.__dict__:
            check_is_fitted(self)
        dtype = self._model_dtype() if self.precision == "auto" else np.dtype(self.precision)
        if not is_plain_X(self, X, dtype):
            check_numeric(X)
            check_sparse(X)
            X = validate_data(
                self,
                X,
                accept_sparse=SPARSE_FORMATS,
                dtype="numeric" if self.precision == "auto" else dtype,
                reset=False,
            )
            if self.precision == "auto":
                # as NumPy would type X @ W: float64 rows are not cut to float32 weights
                dtype = FLOAT32 if np.result_type(X.dtype, dtype) == FLOAT32 else FLOAT64
            X = core_form(X, dtype)
        return self._output(X, self.coefs_, self.intercepts_)

    def _output(self, X: Any, coefs: list[Array], intercepts: list[Array]) -> Array:
        """Return a[L] (rows, n_L) for X (rows, n_0), computed in X's dtype."""
        return _core.predict(
            X,
            cast(coefs, X.dtype),
            cast(intercepts, X.dtype),
            self.activation,
            self.out_activation_,
            thread_limit(self.n_threads),
        )

    def predict(self, X: Any) -> Array:
        """Predict with the fitted net.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Class labels or real values, in the form of the targets seen in `fit`.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If X is not finite or has another number of features than in `fit`.
        """
        fitted = as_published(self)
        return fitted._decode(fitted._forward(X))

    def row_predictor(self) -> RowPredictor:
        """Return a callable that predicts one row at a time, without checks and allocations.

        Returns
        -------
        predictor : chainfit.row_predictor.RowPredictor
            Write a row into ``predictor.input`` and call it, or give it the row; it returns
            ``predictor.output``, the output layer of the net: of a classifier probabilities, of
            ``classes_[1]`` alone where there are two. The weights are copied: further training
            does not show. From Cython it can be called without the GIL.

        Raises
        ------
        NotFittedError
            If the model was not fitted.

        Examples
        --------
        >>> from sklearn.datasets import make_regression
        >>> from chainfit import MLPRegressor
        >>> X, y = make_regression(n_features=8, random_state=0)
        >>> model = MLPRegressor(random_state=0, early_stopping=True).fit(X, y / y.std())
        >>> predictor = model.row_predictor()
        >>> bool(predictor(X[0])[0] == model.predict(X[:1])[0])
        True
        """
        from ..row_predictor import RowPredictor

        check_is_fitted(self)
        fitted = as_published(self)
        dtype = fitted._model_dtype()
        return RowPredictor(
            cast(fitted.coefs_, dtype),
            cast(fitted.intercepts_, dtype),
            fitted.activation,
            fitted.out_activation_,
        )

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
