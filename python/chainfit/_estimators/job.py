"""What a call of `fit` or `partial_fit` comes to: settings, data and a state, all checked.

Rows are encoded here too: how, the two estimators say.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from operator import itemgetter
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, _check_y, validate_data

from .callbacks import Snapshot
from .forward import FLOAT64, Forward
from .inputs import FitData, MadeRows, Rows, check_numeric, core_form, is_plain_X
from .keywords import table_names
from .parameters import check_activations, hidden_units, rows_of_batch
from .rules import LEARNING_RATE, LOSS_SETTINGS, REAL_LOSSES
from .scores import Score, by_scorer
from .settings import FitSettings
from .source import Source
from .sparse import SPARSE_FORMATS, check_sparse
from .state import State
from .steps import check_dropout
from .stream_job import check_source, stream_data, survey_of, validation_rows
from .weights import weights_and_penalties, weights_in_range

Array = npt.NDArray[Any]
Given = tuple[Any, Any, Any]  # X_val, y_val, sample_weight_val

# What a running optimizer doesn't keep: parameters that may change between calls of `partial_fit`.
_GIVEN = (
    "solver", "activation", "batch_size", "shuffle", "random_state", "tol", "n_iter_no_change",
    "early_stopping", "n_threads", "loss", *LEARNING_RATE, "max_iter",
)  # fmt: skip
# Of regressors, whose loss is named.
_OF_LOSSES = {name for loss in REAL_LOSSES for name in LOSS_SETTINGS[loss]}
_given = {
    False: itemgetter(*(*_GIVEN, *table_names("classifier"))),
    True: itemgetter(*(*_GIVEN, *_OF_LOSSES, *table_names("regressor"))),
}


def given(X_val: Any, y_val: Any, sample_weight_val: Any) -> Given | None:
    """Return what was given to validate on, or None.

    Raises
    ------
    ValueError
        If a part of it is missing.
    """
    if X_val is None and y_val is None and sample_weight_val is None:
        return None
    if isinstance(X_val, Source):
        if y_val is not None or sample_weight_val is not None:
            raise ValueError("With a source as X_val, y_val and sample_weight_val must be None.")
        return X_val, None, None
    if y_val is None:
        what = "X_val" if X_val is not None else "sample_weight_val"
        raise ValueError(f"{what} is provided, but y_val was not provided.")
    if X_val is None:
        raise ValueError("y_val is provided, but X_val was not provided.")
    return X_val, y_val, sample_weight_val


class Jobs(Forward):
    """The part of an estimator that checks what it is given. A draft, it learns by it."""

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

    @abstractmethod
    def _encode_known(self, y: Array, dtype: np.dtype[Any]) -> Array:
        """Return checked y as Y (rows, n_L) of dtype; the classes are known."""

    def _learn_outputs(self) -> None:
        """Keep what `predict` needs to know of the loss."""

    def _row_weight(self, sample_weight: Array | None, Y: Array, incremental: bool) -> Array | None:
        """Return what the rows of Y weigh, None if all the same."""
        return sample_weight

    def _job(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        classes: Any = None,
        validation: Given | None = None,
        incremental: bool = False,
    ) -> tuple[FitSettings, FitData, State]:
        """Check everything and return what `train` takes."""
        held = self.__dict__
        first_pass = "coefs_" not in held or not (self.warm_start or incremental)
        data, weight_dtype = self._fit_data(X, y, sample_weight, classes, incremental, first_pass)
        if validation is not None:
            data.validation = self._validation_rows(validation, data)
        outputs = data.Y.shape[1]
        if first_pass:
            for name in ("out_activation_", "_units_per_target"):
                held.pop(name, None)
        settings = self._settings(data.dtype, incremental)
        if incremental and settings.early_stopping and data.validation is None:
            raise ValueError(
                "partial_fit does not support early_stopping=True without X_val and y_val"
            )
        if first_pass:
            units = [data.X.shape[1], *hidden_units(self.hidden_layer_sizes), outputs]
            check_activations(settings.activation, len(units) - 2)
            check_dropout(settings.step.dropout, len(units) - 2)
            generator = check_random_state(self.random_state)
            init = settings.own["init"]
            state = State.drawn(units, settings.activation, weight_dtype, generator, init)
            self.n_outputs_, self.n_layers_ = outputs, len(units)
            self.out_activation_ = settings.out_activation
            self._learn_outputs()
            return settings, data, state
        state = State.of(held)
        if outputs != len(state.intercepts[-1]):
            raise ValueError(
                f"y has {outputs} outputs, but {type(self).__name__} was fitted with "
                f"{len(state.intercepts[-1])}."
            )
        check_activations(settings.activation, len(state.coefs) - 1)
        if settings.step.dropout != 0:
            check_dropout(settings.step.dropout, len(state.coefs) - 1)
        if not incremental:
            state.optimizer = None
        return settings, data, state

    def _settings(self, dtype: np.dtype[Any], incremental: bool) -> FitSettings:
        """Return the settings of this call.

        Those of `partial_fit` are kept beside its optimizer, as long as no parameter changes.
        """
        optimizer = self._live_optimizer() if incremental else None
        if optimizer is None:
            return self._new_settings(dtype, incremental)
        given = _given[self._y_numeric](self.__dict__)
        memo = optimizer.memo
        if memo is None or memo[0] != given:
            # a list may have changed when it comes again
            given = tuple(tuple(g) if isinstance(g, list) else g for g in given)
            memo = optimizer.memo = given, self._new_settings(dtype, True)
        found: FitSettings = memo[1]
        return found

    def _new_settings(self, dtype: np.dtype[Any], incremental: bool) -> FitSettings:
        loss, blocks = self._core_loss(), self._blocks()
        settings = FitSettings.of(vars(self), loss, incremental=incremental, blocks=blocks)
        settings.check_step_size(dtype)
        return settings

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
        wanted = (np.float64, np.float32) if auto else fixed
        source = Y = None
        if type(X) is not np.ndarray and isinstance(X, Source):  # the first is quicker
            source = X.as_numbers(None if first_pass else self.__dict__.get("feature_names_in_"))
        if source is not None:
            check_source(y, sample_weight, incremental=incremental)
            survey = survey_of(self, source, wanted, reset=first_pass)
            if survey.whole is None:
                weight_dtype = survey.dtype if fixed is None else fixed
                data = stream_data(self, source, survey, weight_dtype)
                self._learn_names(source)
                return data, weight_dtype
            X, y, sample_weight = survey.whole
            self._learn_names(source)
        as_given = X, y
        if incremental and fixed is not None and is_plain_X(X, fixed, self.__dict__):
            Y = self._encode_plain(y, classes, len(X), fixed)
        if Y is None and source is None:
            X, y = self._checked_pair(X, y, wanted, first_pass)
        weight_dtype = dtype = X.dtype if fixed is None else fixed
        if auto and self.solver == "lbfgs":
            dtype = FLOAT64  # as scikit-learn: a line search needs more digits than float32 has
        if sample_weight is not None and source is None:
            sample_weight = _check_sample_weight(sample_weight, X)
        if Y is None:
            Y = self._encode(y, classes, incremental, dtype)
            X = core_form(X, dtype)
        sample_weight = self._row_weight(sample_weight, Y, incremental)
        rows = X.shape[0]
        batch_rows = rows_of_batch(self.solver, self.batch_size, rows)
        sample_weight, l2, l1 = weights_and_penalties(
            sample_weight, (self.alpha, self.l1), rows, batch_rows, dtype
        )
        classes = not self._y_numeric
        data = FitData(X, Y, sample_weight, dtype, l2, self._score_on, classes, None, as_given, l1)
        return data, weight_dtype

    def _checked_pair(self, X: Any, y: Any, dtype: Any, reset: bool) -> tuple[Any, Any]:
        """Return X and y as scikit-learn's checks leave them."""
        if isinstance(X, MadeRows):
            y = _check_y(y, multi_output=True, y_numeric=self._y_numeric, estimator=self)
            check_consistent_length(X, y)
            self.n_features_in_ = X.shape[1]
        else:
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
                dtype=dtype,
                reset=reset,
            )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y

    def _learn_names(self, source: Source) -> None:
        if source.feature_names is not None:
            self.feature_names_in_ = np.array(source.feature_names, dtype=object)

    # -- what training is validated on

    def _validation_rows(self, validation: Given, data: FitData) -> Rows:
        """Check and encode what the user gave to validate on."""
        X, y, sample_weight = validation
        try:
            if isinstance(X, Source):
                names = self.__dict__.get("feature_names_in_")
                return validation_rows(self, X.as_numbers(names), data.dtype)
            checked, labels = self._checked_pair(X, y, data.dtype, reset=False)
            if sample_weight is not None:
                sample_weight = _check_sample_weight(sample_weight, checked)
                sample_weight, _ = weights_in_range(sample_weight, data.dtype)
            Y = self._encode_known(labels, data.dtype)
            if Y.shape[1] != data.Y.shape[1]:
                raise ValueError(f"y has {Y.shape[1]} outputs, expected {data.Y.shape[1]}")
        except (ValueError, TypeError) as error:
            raise type(error)(f"X_val, y_val or sample_weight_val: {error}") from error
        return Rows(core_form(checked, data.dtype), Y, sample_weight, lambda: (X, y))

    def _score_on(self, rows: Rows) -> Callable[[Array, Snapshot], float]:
        """Return the validation score on these rows, of the net's output and the state it is of."""
        if self.scoring is None or self.scoring == "loss":
            score = self._scorer(rows.Y, rows.sample_weight)
            return lambda output, state: score(output)
        return by_scorer(self.scoring, rows, self._with_state)

    def _with_state(self, state: Snapshot) -> Self:
        """Return a model as this one will be if training ends with that state."""
        attributes = {**self.__dict__, **state().attributes()}
        attributes.pop("_optimizer", None)  # of an earlier fit
        return self._sharing(attributes)
