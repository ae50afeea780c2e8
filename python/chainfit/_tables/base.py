"""What TabularClassifier and TabularRegressor share: a table in, several nets, their mean out.

A fit learns a schema (what cells mean), an encoding (the nets' inputs), trains an ensemble and
publishes all of it at its end.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
    check_array,
    check_is_fitted,
)

from .._common.public import public_class
from .._common.published import Published
from .._estimators.generator import generator_kept
from .._estimators.job import Given, given
from .._estimators.threads import resolve_n_threads
from .cells.frames import as_table, has_numbers_for_names, is_array
from .cells.hints import Hints
from .cells.schema import Schema, Tally, learn_and_read
from .encoding import Encoding, learn_encoding
from .ensemble import OnEpoch, Reports, Samples, blocks_of_rows, held_out_rows, train_nets
from .presets import decided

Array = npt.NDArray[Any]
OnStart = Callable[[Any, dict[str, Any]], object]


class BaseTabular(Published, BaseEstimator):
    """Base of the two estimators; not for direct use."""

    # set by `with_parameters`
    _net_class: ClassVar[Any]
    _net_parameters: ClassVar[tuple[str, ...]]
    _classes: ClassVar[bool]
    preset: str
    decimal: str | None
    thousands: str | None
    na_values: Sequence[str]
    date_format: str | None
    drop: Sequence[str]
    solver: str
    checkpoint: str | os.PathLike | None
    random_state: Any
    n_threads: int | None
    verbose: bool | int

    schema_: Schema
    encoding_: Encoding
    nets_: tuple[Any, ...]

    # -- what the two differ in

    @abstractmethod
    def _checked_target(self, y: Any) -> Array:
        """Return y as an array (rows,), or refuse it."""

    @abstractmethod
    def _learn_target(self, y: Array) -> None:
        """Set what is known of the target."""

    def _as_learned(self, y: Array) -> Array:
        """Return y (rows,) as the nets learn it."""
        return y

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Fit the model to a table X and targets y.

        Parameters
        ----------
        X : table of shape (n_samples, n_columns)
            A data frame of pandas, polars or another library that narwhals knows, an Arrow table,
            a DuckDB relation, a dict of columns, or an array. Columns may hold numbers, dates,
            times, booleans and text, and have missing values.

        y : array-like of shape (n_samples,)
            The targets: class labels, or real numbers.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; None is 1 for each. A row of weight 0 is left out.

        X_val : table of shape (n_val, n_columns), default=None
            Rows to validate all nets on, in place of those that each holds out.

        y_val : array-like of shape (n_val,), default=None
            Their targets.

        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights; None is 1 for each.

        Returns
        -------
        self : object
            The fitted model.

        Raises
        ------
        ValueError
            If data or parameters are not valid. The estimator, and a RandomState given as
            `random_state`, then are as they were before the call.
        TypeError
            If X is no table, or sparse.
        """
        return self._fit(X, y, sample_weight, given(X_val, y_val, sample_weight_val))

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        validation: Given | None = None,
        on_epoch: OnEpoch | None = None,
        on_start: OnStart | None = None,
    ) -> Self:
        """Fit; `on_start` is given the model without nets and its decided parameters.

        Beside these, `n_rows` and `epochs`, how many of all nets are done as checkpoints have it.
        """
        if self.checkpoint is not None:
            from .checkpoints import check_possible  # files are not for those who only fit

            check_possible(self.get_params(deep=False))
        draft = self._draft()
        model = draft.copy
        table = model._table(X, reset=True)
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        target = model._checked_target(y)
        _check_lengths(table.num_rows, len(target))
        if sample_weight is not None:
            rows = np.empty((table.num_rows, 0))
            sample_weight = _check_sample_weight(sample_weight, rows, dtype=np.float64)
            counts = sample_weight != 0
            if not counts.all():
                table, target = table.filter(counts), target[counts]
                sample_weight = sample_weight[counts]
        model._learn_target(target)
        target = model._as_learned(target)
        hints = Hints(
            decimal=self.decimal,
            thousands=self.thousands,
            na=tuple(self.na_values),
            date_format=self.date_format,
            drop=tuple(self.drop),
        )
        model.schema_, parsed = learn_and_read(table, hints)
        columns = model.schema_.used
        if not columns:
            why = "; ".join(model.schema_.left_out)
            raise ValueError(f"no column is left to learn from ({why})")
        numbers = sum(column.kind not in ("boolean", "category") for column in columns)
        auto = decided(
            self.preset, table.num_rows, numbers, classes=self._classes, solver=self.solver
        )
        values = {
            name: auto[name] if name in auto and value == "auto" else value
            for name, value in self.get_params(deep=False).items()
        }
        model.encoding_ = learn_encoding(columns, parsed, values["n_bins"], values["max_levels"])
        dtype = np.float64 if values["precision"] == "float64" else np.float32
        encoded = model.encoding_.write(parsed, dtype)
        del parsed
        if validation is not None:
            validation = model._encoded_validation(validation, dtype)
        samples = Samples(encoded, target, sample_weight, validation)
        with generator_kept(self.random_state):
            generator = check_random_state(self.random_state)
            model._train(samples, values, generator, on_epoch, on_start)
        draft.publish()
        return self

    def _train(
        self,
        samples: Samples,
        values: dict[str, Any],
        generator: np.random.RandomState,
        on_epoch: OnEpoch | None,
        on_start: OnStart | None,
    ) -> None:
        count = values["n_nets"]
        held_out = checkpointers = None
        if values["checkpoint"] is not None:
            from . import checkpoints

            checkpointers = checkpoints.opened(values)  # before anything is drawn
        steps = values["solver"] != "lbfgs"
        if steps and samples.validation is None:
            fraction = values["validation_fraction"]
            held_out = held_out_rows(samples.y, self._classes, fraction, count, generator)
        threads = resolve_n_threads(values["n_threads"])
        n_jobs = min(count, threads if values["n_jobs"] is None else values["n_jobs"])
        parameters = {
            **{name: values[name] for name in self._net_parameters},
            "early_stopping": held_out is not None or (steps and samples.validation is not None),
            "n_threads": max(1, threads // n_jobs),
            "verbose": False,
            "checkpoint": None,
        }
        if values["time_limit"] is not None:
            parameters["time_limit"] = values["time_limit"] / -(-count // n_jobs)
        self._adapt(parameters)
        seeds = generator.randint(2**31 - 1, size=count)
        nets = [self._net_class(**{**parameters, "random_state": int(seed)}) for seed in seeds]
        for net in nets:
            net._validate_params()
        epochs = 0
        if checkpointers is not None:
            checkpoints.compare(checkpointers, nets[0], samples)
            epochs = sum(checkpointer.epochs for checkpointer in checkpointers)
        if on_start is not None:
            on_start(self, {**values, "n_rows": len(samples.y), "epochs": epochs})
        reports = Reports(self.verbose, count, on_epoch)
        follow = reports if reports.needed else None
        ensemble = train_nets(nets, samples, held_out, n_jobs, follow, checkpointers)
        for net in ensemble.nets:
            net.n_threads = self.n_threads
        self.nets_, self.temperature_ = ensemble.nets, ensemble.temperature
        self.n_iter_ = max(net.n_iter_ for net in ensemble.nets)
        self.n_rows_ = len(samples.y)
        self.target_ = self.dialect_ = None

    def _adapt(self, parameters: dict[str, Any]) -> None:
        """Change parameters of the nets by what is known of the target."""

    def _encoded_validation(self, validation: Given, dtype: Any) -> Given:
        X, y, sample_weight = validation
        try:
            encoded = self.encoding_.write(self.schema_.parse(self._table(X)), dtype)
            target = self._as_learned(self._checked_target(y))
            _check_lengths(len(encoded), len(target))
        except (ValueError, TypeError) as error:
            raise type(error)(f"X_val, y_val or sample_weight_val: {error}") from error
        return encoded, target, sample_weight

    # -- what is asked of a fitted model

    def _table(self, X: Any, *, reset: bool = False) -> Any:
        """Return X as an Arrow table, its shape checked as scikit-learn does.

        With `reset` its names are learned. Otherwise an array's columns are those of `fit` in their
        order, and a table's are found by their names, in any order and among others.
        """
        if is_array(X):
            X = check_array(X, dtype=None, ensure_all_finite=False, estimator=self, input_name="X")
            _check_feature_names(self, X, reset=reset)
            _check_n_features(self, X, reset=reset)
            table = as_table(X, None if reset else getattr(self, "feature_names_in_", None))
        else:
            numbered = has_numbers_for_names(X)
            if numbered:
                X = X.set_axis([f"x{i}" for i in range(X.shape[1])], axis=1)
            table = as_table(X)
            if reset:
                self.__dict__.pop("feature_names_in_", None)
                if not numbered:
                    self.feature_names_in_ = np.array(table.column_names, dtype=object)
                self.n_features_in_ = table.num_columns
        if reset and table.num_rows < 2:
            raise ValueError(
                f"Found a table with n_samples={table.num_rows} while a minimum of 2 is required "
                f"by {type(self).__name__}."
            )
        return table

    def encode(self, X: Any) -> Array:
        """Return the nets' inputs for the rows of a table.

        Parameters
        ----------
        X : table of shape (n_samples, n_columns)
            Columns are found by their names; those that `fit` was not given are ignored.

        Returns
        -------
        features : ndarray of shape (n_samples, n_features), float32 or float64
            In the order of `encoding_.features`.
        """
        check_is_fitted(self)
        fitted = self._as_published()
        parsed = fitted.schema_.parse(fitted._table(X))
        return fitted.encoding_.write(parsed, fitted.nets_[0].coefs_[0].dtype)

    def _blocks(self, X: Any, tally: Tally | None = None) -> Iterator[Array]:
        """Yield the nets' inputs for the rows of X, block by block; `tally` is that of `parse`."""
        check_is_fitted(self)
        parsed = self.schema_.parse(table := self._table(X), tally)
        dtype = self.nets_[0].coefs_[0].dtype
        for rows in blocks_of_rows(table.num_rows, self.encoding_.width):
            yield self.encoding_.write(parsed, dtype, rows)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the nets' inputs.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self)
        return self.encoding_.get_feature_names_out()

    def save(self, path: str | bytes | os.PathLike) -> None:
        """Write the fitted model to one safetensors file, to be read by ``chainfit.load``.

        Parameters
        ----------
        path : str, bytes or path-like
            The file; one that exists is replaced as a whole or, on failure, left as it was.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        OSError
            If the file can't be written.
        """
        from .._files.model import save
        from .model_file import kind_of

        save(kind_of(public_class(self)), self._as_published(), path)

    def __sklearn_is_fitted__(self) -> bool:
        """Tell scikit-learn's checks that a model is fitted once it has nets."""
        return hasattr(self, "nets_")

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def column_of_targets(y: Any) -> Array:
    """Return y as an array of shape (rows,), missing values refused as scikit-learn does."""
    if isinstance(y, str):
        raise TypeError(
            f"y must hold the targets, got the text {y!r}: for a column of X give X without it "
            "and the column itself"
        )
    values: Array = column_or_1d(y if isinstance(y, np.ndarray) else np.asarray(y), warn=True)
    if values.dtype.kind == "O" and any(map(_is_missing, values)):
        raise ValueError("Input y contains NaN or another missing value.")
    return values


def _is_missing(value: Any) -> bool:
    # of pandas, which need not be there
    of_pandas = type(value).__name__ in ("NAType", "NaTType")
    return value is None or of_pandas or bool(value != value)


def _check_lengths(rows: int, targets: int) -> None:
    if rows != targets:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: [{rows}, {targets}]"
        )
