"""What MLPClassifier and MLPRegressor share: scikit-learn's face of training.

A fit checks and encodes what the user gave, trains, and assigns what came of it once, at the end.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sklearn.utils._param_validation import validate_parameter_constraints

from .._common.bases import CallbackSupportMixin, fit_context
from .._common.published import publishing
from .callbacks import Functions, Listener, Verbose
from .endings import check_end, warn_of_end, warn_of_infinite_loss
from .generator import generator_kept
from .guard import warn_if_average_lags, warn_if_nothing_learned
from .inside import Inside
from .job import Given, given
from .optimizer import Optimizer
from .parameters import CONSTRAINTS, PROGRESS
from .progress import ProgressBar, check_can_show
from .ranks import all_ended, by_all_ranks, current_ranks
from .record import history
from .sklearn_callbacks import SklearnCallbacks
from .start import Start
from .together import Together
from .training import train

if TYPE_CHECKING:
    from .checkpoint import Checkpointer


def check_has_steps(model: Any) -> bool:
    """Say whether `partial_fit` exists: an AttributeError where the solver has no steps."""
    if model.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{model.solver} is not stochastic."
        )
    return True


class BaseMLP(CallbackSupportMixin, Start, Inside, ABC):
    """Base of the two estimators; not for direct use."""

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS
    #: The defaults of all parameters.
    _defaults: ClassVar[dict[str, Any]] = {}

    loss_: float
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float]
    best_validation_score_: float | None
    n_iter_: int
    t_: int

    def _validate_params(self) -> None:
        """Check the parameters that aren't as they were by default.

        scikit-learn's method checks all of them, which takes a sixth of a small fit.
        """
        defaults, given = self._defaults, self.get_params(deep=False)
        for name in defaults.keys() & given.keys():
            if given[name] is defaults[name]:
                del given[name]
        caller = type(self).__name__
        validate_parameter_constraints(self._parameter_constraints, given, caller_name=caller)

    # -- fit

    @by_all_ranks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Fit the model to data X and targets y.

        To callbacks of `sklearn.callback`, registered with `set_callbacks`, this is a task with one
        subtask per epoch (per iteration with 'lbfgs'). A callback that returns True at the end of a
        subtask stops the training there, without a warning.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or Source
            The inputs. Float32 and float64 arrays of any layout and CSR matrices are used in
            place, other types are converted to float64 (see `precision`), other sparse formats
            to CSR. A sparse X is never made dense, and gives the same model as its dense form. A
            `chainfit.data.Source` gives inputs, targets and weights, more of them than fit memory.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets: class labels, several columns of them (more than two values in all), or
            an indicator matrix, which may be sparse (0 where a row does not have the label, one
            other value where it does), in classification; real numbers in regression. None with a
            source.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; None means 1 for each. They may be negative, and of any size: only
            a row's share of the sum over its batch matters.

        X_val : {array-like, sparse matrix} of shape (n_val, n_features), or Source, default=None
            Inputs to validate on after each epoch. `validation_scores_` and
            `validation_loss_curve_` are computed on these rows; with `early_stopping` they decide
            when to stop, and no row of X is held out ('lbfgs' holds out none, as in scikit-learn,
            and stops early on these rows only). A Pipeline transforms them as it does X with
            ``Pipeline(..., transform_input=["X_val"])``.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            The targets of X_val.

        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of the rows of X_val; None means 1 for each.

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

        See Also
        --------
        partial_fit : Train one epoch at a time.
        initialize : Draw the weights without training.

        Examples
        --------
        >>> from chainfit import MLPClassifier
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.preprocessing import StandardScaler
        >>> X, y = load_iris(return_X_y=True)
        >>> X = StandardScaler().fit_transform(X)
        >>> model = MLPClassifier((16,), solver="lbfgs", random_state=0).fit(X[::2], y[::2])
        >>> model.score(X[1::2], y[1::2]) > 0.9
        True

        With the other rows to validate on after each epoch:

        >>> model = MLPClassifier(early_stopping=True, learning_rate_init=0.01, batch_size=15)
        >>> _ = model.set_params(random_state=0).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        >>> max(model.validation_scores_) == model.score(X[1::2], y[1::2]) > 0.9
        True
        """
        return self._fit(X, y, sample_weight, validation=given(X_val, y_val, sample_weight_val))

    @by_all_ranks
    @fit_context(prefer_skip_nested_validation=True)
    def _fit_followed_by(self, listeners: Sequence[Listener], X: Any, y: Any) -> Self:
        """Fit as `fit` does; the listeners follow the training."""
        return self._fit(X, y, None, listeners)

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        listeners: Sequence[Listener] = (),
        validation: Given | None = None,
    ) -> Self:
        # Before anything may fail, as scikit-learn ends for callbacks what began for them.
        callbacks = SklearnCallbacks(self, int(self.max_iter), X, y, sample_weight)
        check_can_show(self.verbose)
        draft = self._draft()
        callbacks.fitted_by(draft.changes)
        model = draft.copy
        bar = ProgressBar(int(self.max_iter)) if self._verbose_here() == PROGRESS else None
        with generator_kept(self.random_state), bar or nullcontext():
            ranks = current_ranks()
            checkpointer = model._checkpointer()
            settings, data, state = model._job(X, y, sample_weight, validation=validation)
            if ranks is not None:
                data.together = Together(ranks)
                known = model.__dict__
                state = data.together.begin(self.get_params(deep=False), known, data, state)
            if checkpointer is not None:
                state = checkpointer.resume(settings, data, state)
            followers = [*model._own_listeners(), *listeners]
            if bar is not None:
                bar.expect(data.X.shape[0], state.n_iter if state.resumed else 0)
                followers.append(bar)
            followers += [callbacks] if callbacks.needed else []
            followers += [] if checkpointer is None else [checkpointer]
            state, end = train(settings, data, state, followers)
            if data.together is not None:
                data.together.end(end.error, state)
            if end.error is not None and end.why == "failed":
                raise end.error
            warn_of_end(end, state, settings)
            if end.why in ("converged", "eta_too_small"):
                warn_if_nothing_learned(state, settings, data)
            warn_if_average_lags(state, settings)
            check_end(end, state, data.dtype)
            all_ended()
        state.into(model.__dict__)
        draft.publish()
        callbacks.close()
        return self

    def _partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        classes: Any = None,
        validation: Given | None = None,
    ) -> Self:
        """Train one epoch by the optimizer at hand, or by a new one."""
        ranks = current_ranks()
        if ranks is not None:
            with ranks.together():
                raise RuntimeError("partial_fit can't be called within a communicator.")
        while True:
            optimizer = self._live_optimizer()
            if optimizer is None:
                return self._first_epoch(X, y, sample_weight, classes, validation)
            with optimizer.lock:
                if self._live_optimizer() is optimizer:  # else a fit came first
                    return self._next_epoch(optimizer, X, y, sample_weight, classes, validation)

    def _next_epoch(
        self,
        optimizer: Optimizer,
        X: Any,
        y: Any,
        sample_weight: Any,
        classes: Any,
        validation: Given | None,
    ) -> Self:
        """Train by the locked optimizer; the steps made count, whatever happens after them.

        Those that lead to weights beyond all numbers don't: the model stays as it was, and only the
        optimizer, which holds such numbers too, starts anew.
        """
        if optimizer.running:
            raise RuntimeError("partial_fit was called from within partial_fit of the same model.")
        # A fitted model learns nothing new in `_job`: it needs no copy, which would take a while.
        model = self._as_published() if "coefs_" in self.__dict__ else self._draft().copy
        after = None
        optimizer.running = True
        try:
            settings, data, state = model._job(X, y, sample_weight, classes, validation, True)
            trained, end = train(settings, data, state, model._own_listeners())
            if end.leads_on:
                after = trained
            else:
                optimizer.restart()
        finally:
            with publishing:
                if self._live_optimizer() is not optimizer:
                    pass  # a fit has replaced the model that this call has trained
                elif after is not None and end.steps:
                    attributes = self.__dict__.copy()
                    after.into(attributes)
                    self.__dict__ = attributes
                elif optimizer.steps != optimizer.known_steps:  # cut short on the way here
                    self._publish(optimizer.weights())
            optimizer.running = False
        if end.error is not None:
            raise end.error
        warn_of_infinite_loss(end, trained)
        check_end(end, trained, data.dtype)
        return self

    def _first_epoch(
        self, X: Any, y: Any, sample_weight: Any, classes: Any, validation: Given | None
    ) -> Self:
        """Train by a new optimizer; the steps made count if the user interrupts them."""
        draft = self._draft()
        model = draft.copy
        with generator_kept(self.random_state):
            settings, data, state = model._job(X, y, sample_weight, classes, validation, True)
            state, end = train(settings, data, state, model._own_listeners())
            interrupted = end.why == "interrupted" and end.steps > 0 and end.leads_on
            if end.error is not None and not interrupted:
                raise end.error
            if not interrupted:
                warn_of_infinite_loss(end, state)
                check_end(end, state, data.dtype)
        state.into(model.__dict__)
        with publishing:
            is_first = self._live_optimizer() is None
            if is_first:
                draft.publish()
        if end.error is not None:
            raise end.error
        if is_first:
            return self
        # another thread's call was first: this one goes on from it
        return self._partial_fit(X, y, sample_weight, classes, validation)

    @fit_context(prefer_skip_nested_validation=True)
    def _first_partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        classes: Any = None,
        validation: Given | None = None,
    ) -> Self:
        # As in scikit-learn the parameters are checked at the first call only; the decorator that
        # does it costs as much as a small step.
        return self._partial_fit(X, y, sample_weight, classes, validation)

    def _checkpointer(self) -> Checkpointer | None:
        if self.checkpoint is None:
            return None
        from .checkpoint import Checkpointer  # files are not for those who only fit

        return Checkpointer(self.get_params(deep=False))

    def _verbose_here(self) -> Any:
        """Return `verbose`, False where another rank is the one that prints."""
        ranks = current_ranks()
        return self.verbose if ranks is None or ranks.rank == 0 else False

    def _own_listeners(self) -> list[Listener]:
        listeners: list[Listener] = []
        verbose = self._verbose_here()
        if verbose and verbose != PROGRESS and self.solver != "lbfgs":  # SciPy prints nothing
            settings = float(self.tol), self.n_iter_no_change, bool(self.early_stopping)
            listeners.append(Verbose(*settings))
        if self.callbacks:
            listeners.append(Functions([*self.callbacks]))
        return listeners

    # -- what is known of a fit

    @property
    def converged_(self) -> bool:
        """Whether more than `n_iter_no_change` epochs in a row did not improve by `tol`."""
        count = self.__dict__.get("_no_improvement_count")
        if count is None:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute 'converged_'")
        return bool(count > self.n_iter_no_change)

    @property
    def history_(self) -> dict[str, list[float]]:
        """Record of each epoch or iteration, as lists by name: losses, scores, seconds."""
        with self._at_rest() as model:  # what a running partial_fit extends
            held = model.__dict__
            losses = held.get("_losses", held.get("loss_curve_"))
            if losses is None:
                raise AttributeError(f"'{type(self).__name__}' object has no attribute 'history_'")
            return history(losses, held.get("_epochs"))

    # -- what scikit-learn asks

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn's checks that a model is fitted once it has weights."""
        return hasattr(self, "coefs_")

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
