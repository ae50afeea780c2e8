"""What TabularClassifier and TabularRegressor share: a table in, several nets, their mean out.

A fit learns a schema (what cells mean), an encoding (the nets' inputs), trains an ensemble and
publishes all of it at its end.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import (
    _check_sample_weight,
)

from .._common.bases import fit_context
from .._estimators.generator import generator_kept
from .._estimators.job import Given, given
from .._estimators.parameters import PROGRESS
from .._estimators.progress import EpochBar, check_can_show
from .._estimators.ranks import all_ended, by_all_ranks
from .._estimators.source import Source
from .._estimators.stream_job import check_source
from .._estimators.threads import resolve_n_threads
from .cells.hints import Hints
from .cells.schema import learn_and_read
from .encoded_rows import encoded_rows
from .encoding import Parsed, learn_encoding
from .ensemble import OnEpoch, Reports, Samples, held_out_rows, train_nets
from .fitted import FittedTabular
from .over_ranks import OverRanks, check_whole, common_draws
from .presets import decided
from .streaming import EncodedSource, first_pass

Array = npt.NDArray[Any]
OnStart = Callable[[Any, dict[str, Any]], object]


class BaseTabular(FittedTabular):
    """Base of the two estimators; not for direct use."""

    # set by `with_parameters`
    _net_class: ClassVar[Any]
    _net_parameters: ClassVar[tuple[str, ...]]
    _classes: ClassVar[bool]

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
        """Fit the model to a table X and targets y.

        Parameters
        ----------
        X : table of shape (n_samples, n_columns), or Source
            A data frame of pandas, polars or another library that narwhals knows, an Arrow table,
            a DuckDB relation, a dict of columns, or an array. Columns may hold numbers, dates,
            times, booleans and text, and have missing values. A `chainfit.data.Source` gives
            tables, targets and weights of more rows than fit memory; what cells mean and how
            columns are encoded is then learned from a sample of `buffer_rows` of them.

        y : array-like of shape (n_samples,), default=None
            The targets: class labels or real numbers. None with a source.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; None means 1 for each. Rows of weight 0 are left out.

        X_val : table of shape (n_val, n_columns), default=None
            Rows on which all nets are validated, instead of those that each net holds out.

        y_val : array-like of shape (n_val,), default=None
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
            If data or parameters are not valid. The estimator, and a RandomState given as
            `random_state`, then are as they were before the call.
        TypeError
            If X is not a table, or is sparse.

        Examples
        --------
        >>> from chainfit import TabularClassifier
        >>> table = {"age": [*range(20, 80)] * 2, "town": ["Bonn", "Rome", None] * 40}
        >>> labels = ["old" if age > 50 else "young" for age in table["age"]]
        >>> model = TabularClassifier("fast", random_state=0).fit(table, labels)
        >>> model.predict({"age": [25, 75], "town": ["Rome", None]})
        array(['young', 'old'], dtype='<U5')
        """
        return self._fit(X, y, sample_weight, given(X_val, y_val, sample_weight_val))

    @by_all_ranks
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
        check_whole()
        check_can_show(self.verbose)
        if self.checkpoint is not None:
            from .checkpoints import check_possible  # files are not for those who only fit

            check_possible(self.get_params(deep=False))
        draft = self._draft()
        model = draft.copy
        if isinstance(X, Source):
            check_source(y, sample_weight, incremental=False)
            samples, values = model._streamed(X, validation)
        else:
            samples, values = model._encoded(X, y, sample_weight, validation)
        with generator_kept(self.random_state):
            generator = common_draws(check_random_state(self.random_state))
            model._train(samples, values, generator, on_epoch, on_start)
            all_ended()
        draft.publish()
        return self

    def _encoded(
        self, X: Any, y: Any, sample_weight: Any, validation: Given | None
    ) -> tuple[Samples, dict[str, Any]]:
        """Learn from a table, and return its rows as the nets take them and what was decided."""
        table = self._table(X, reset=True)
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        target = self._checked_target(y)
        _check_lengths(table.num_rows, len(target))
        if sample_weight is not None:
            rows = np.empty((table.num_rows, 0))
            sample_weight = _check_sample_weight(sample_weight, rows, dtype=np.float64)
            counts = sample_weight != 0
            if not counts.all():
                table, target = table.filter(counts), target[counts]
                sample_weight = sample_weight[counts]
        self._learn_target(target)
        return self._samples(table, target, sample_weight, validation)

    def _samples(
        self, table: Any, target: Array, sample_weight: Array | None, validation: Given | None
    ) -> tuple[Samples, dict[str, Any]]:
        target = self._as_learned(target)
        values, parsed = self._learn(table, table.num_rows)
        dtype = _dtype(values)
        # it goes through all rows in each step
        at_once = values["solver"] == "lbfgs" or OverRanks(values["n_nets"]).shares_rows
        encoded = encoded_rows(self.encoding_, parsed, len(target), dtype, at_once=at_once)
        del parsed
        if validation is not None:
            validation = self._encoded_validation(validation, dtype)
        return Samples(encoded, target, sample_weight, validation), values

    def _streamed(self, source: Source, validation: Given | None) -> tuple[Samples, dict[str, Any]]:
        """Do the same with a source, whose rows the nets take block by block."""
        found = first_pass(self, source)
        self._learn_target(found.y if found.labels is None else found.labels)
        if found.whole:
            return self._samples(found.table, found.y, found.sample_weight, validation)
        if found.labels is None:
            self.target_range_ = found.range
        values, _ = self._learn(found.table, found.rows)
        if values["solver"] == "lbfgs":
            raise ValueError(
                f"solver='lbfgs' goes through all rows in each step, and the source has "
                f"{found.rows}: raise its buffer_rows, or choose another solver."
            )
        dtype = _dtype(values)
        digest = values["checkpoint"] is not None or OverRanks(values["n_nets"]).compares
        encoded = EncodedSource(self, source, dtype, digest=digest)
        if validation is not None:
            validation = self._encoded_validation(validation, dtype)
        return Samples(encoded, None, None, validation), values

    def _learn(self, table: Any, rows: int) -> tuple[dict[str, Any], Parsed]:
        """Learn schema and encoding, for so many rows; return what was decided and the cells."""
        hints = Hints(
            decimal=self.decimal,
            thousands=self.thousands,
            na=tuple(self.na_values),
            date_format=self.date_format,
            drop=tuple(self.drop),
        )
        self.schema_, parsed = learn_and_read(table, hints)
        columns = self.schema_.used
        if not columns:
            why = "; ".join(self.schema_.left_out)
            raise ValueError(f"no column is left to learn from ({why})")
        numbers = sum(column.kind not in ("boolean", "category") for column in columns)
        auto = decided(self.preset, rows, numbers, classes=self._classes, solver=self.solver)
        values = {
            name: auto[name] if name in auto and value == "auto" else value
            for name, value in self.get_params(deep=False).items()
        }
        self.encoding_ = learn_encoding(columns, parsed, values["n_bins"], values["max_levels"])
        return values, parsed

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
        over = OverRanks(count)
        over.check(values, *samples)
        if values["checkpoint"] is not None:
            from . import checkpoints

            checkpointers = checkpoints.opened(values, over)  # before anything is drawn
        steps = values["solver"] != "lbfgs"
        if steps and samples.validation is None:
            fraction = values["validation_fraction"]
            if samples.y is None:
                held_out = samples.X.held_out(fraction, count, generator)
            else:
                held_out = held_out_rows(samples.y, self._classes, fraction, count, generator)
        threads = resolve_n_threads(values["n_threads"])
        n_jobs = min(over.at_a_time, threads if values["n_jobs"] is None else values["n_jobs"])
        parameters = {
            **{name: values[name] for name in self._net_parameters},
            "early_stopping": held_out is not None or (steps and samples.validation is not None),
            "n_threads": max(1, threads // n_jobs),
            "verbose": False,
            "checkpoint": None,
        }
        if values["time_limit"] is not None:
            parameters["time_limit"] = values["time_limit"] / -(-over.turns // n_jobs)
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
            on_start(self, {**values, "n_rows": len(samples.X), "epochs": epochs})
        bar = None
        if self.verbose == PROGRESS and over.first:
            rows = len(samples.X) - (0 if held_out is None else len(held_out[0]))
            bar = EpochBar(len(over.mine) * int(values["max_iter"]), rows, epochs)
        with Reports(self.verbose if over.first else False, count, bar, on_epoch) as reports:
            follow = reports if reports.needed else None
            ensemble = train_nets(nets, samples, held_out, n_jobs, follow, checkpointers, over)
        for net in ensemble.nets:
            net.n_threads = self.n_threads
        self.nets_, self.temperature_ = ensemble.nets, ensemble.temperature
        self.n_iter_ = max(net.n_iter_ for net in ensemble.nets)
        self.n_rows_ = len(samples.X)
        self.target_ = self.dialect_ = None

    def _adapt(self, parameters: dict[str, Any]) -> None:
        """Change parameters of the nets by what is known of the target."""

    def _encoded_validation(self, validation: Given, dtype: Any) -> Given:
        X, y, sample_weight = validation
        try:
            if isinstance(X, Source):
                return EncodedSource(self, X, dtype, digest=True), None, None
            encoded = self.encoding_.write(self.schema_.parse(self._table(X)), dtype)
            target = self._as_learned(self._checked_target(y))
            _check_lengths(len(encoded), len(target))
        except (ValueError, TypeError) as error:
            raise type(error)(f"X_val, y_val or sample_weight_val: {error}") from error
        return encoded, target, sample_weight


def _dtype(values: dict[str, Any]) -> Any:
    return np.float64 if values["precision"] == "float64" else np.float32


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
