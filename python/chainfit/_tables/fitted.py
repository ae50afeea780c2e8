"""What a fitted tabular model is asked: its nets' inputs for a table, their names, its file.

A table is read as the model's schema and encoding say; `base` learns these.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_array,
    check_is_fitted,
)

from .._common.bases import BaseEstimator
from .._common.public import public_class
from .._common.published import Published
from .._estimators.source import Source, naming, numbered
from .cells.frames import as_table, has_numbers_for_names, is_array
from .cells.schema import Schema, Tally
from .encoding import Encoding
from .ensemble import blocks_of_rows
from .parameter_types import TableParameters

Array = npt.NDArray[Any]


class FittedTabular(TableParameters, Published, BaseEstimator):
    """The part of a tabular estimator that reads tables as it has learned to."""

    schema_: Schema
    encoding_: Encoding
    nets_: tuple[Any, ...]
    temperature_: float
    n_iter_: int
    n_rows_: int
    n_features_in_: int
    feature_names_in_: npt.NDArray[np.object_]
    target_: Any
    dialect_: Any

    def _table(self, X: Any, *, reset: bool = False, least: int = 2) -> Any:
        """Return X as an Arrow table, its shape checked as scikit-learn does.

        With `reset` its names are learned. Otherwise an array's columns are those of `fit` in their
        order, and a table's are found by their names, in any order and among others.
        """
        if is_array(X):
            if isinstance(X, np.ma.MaskedArray):  # of which only the values would be looked at
                X = X.astype(np.float64 if X.dtype.kind == "f" else object)
                X = X.filled(np.nan if X.dtype.kind == "f" else None)
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
        if reset and not table.num_columns:
            raise ValueError(
                "Found a table with 0 columns while a minimum of 1 is required by "
                f"{type(self).__name__}."
            )
        if reset and table.num_rows < least:
            raise ValueError(
                f"Found a table with n_samples={table.num_rows} while a minimum of {least} is "
                f"required by {type(self).__name__}."
            )
        return table

    def encode(self, X: Any) -> Array:
        """Return the nets' inputs for the rows of a table.

        Parameters
        ----------
        X : table of shape (n_samples, n_columns)
            The rows. Columns are found by their names; those that `fit` was not given are ignored.

        Returns
        -------
        features : ndarray of shape (n_samples, n_features), float32 or float64
            The inputs, in the order of `encoding_.features`.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If a column that the model needs is missing or cannot be read.

        Examples
        --------
        >>> import numpy as np
        >>> from chainfit import TabularRegressor
        >>> table = {"size": [*range(40)], "sold": ["yes", "no"] * 20}
        >>> model = TabularRegressor("fast", random_state=0).fit(table, np.arange(40.0))
        >>> inputs = model.encode({"size": [3], "sold": ["no"]})
        >>> inputs.shape, inputs.dtype
        ((1, 10), dtype('float32'))
        """
        check_is_fitted(self)
        fitted = self._as_published()
        parsed = fitted.schema_.parse(fitted._table(X))
        return fitted.encoding_.write(parsed, fitted.nets_[0].coefs_[0].dtype)

    def _blocks(self, X: Any, tally: Tally | None = None) -> Iterator[Array]:
        """Yield the nets' inputs for the rows of X, block by block; `tally` is that of `parse`."""
        check_is_fitted(self)
        if isinstance(X, Source):
            yield from self._blocks_of_source(X)
            return
        parsed = self.schema_.parse(table := self._table(X), tally)
        dtype = self.nets_[0].coefs_[0].dtype
        for rows in blocks_of_rows(table.num_rows, self.encoding_.width):
            yield self.encoding_.write(parsed, dtype, rows)

    def _blocks_of_source(self, source: Source) -> Iterator[Array]:
        tally, number = Tally(), -1
        for number, (X, _, _) in numbered(source):
            with naming(number):
                yield from self._blocks(X, tally)
        if number < 0:
            raise ValueError("The source has no rows.")
        self.schema_.warn(tally)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the names of the nets' inputs.

        Parameters
        ----------
        input_features : None
            Ignored, present for scikit-learn's API.

        Returns
        -------
        names : ndarray of shape (n_features,), object
            The names, in the order of the columns that `encode` returns.

        Raises
        ------
        NotFittedError
            If the model was not fitted.

        Examples
        --------
        >>> import numpy as np
        >>> from chainfit import TabularRegressor
        >>> table = {"size": [*range(40)], "town": ["Bonn", "Rome"] * 20}
        >>> model = TabularRegressor("fast", n_bins=0, random_state=0).fit(table, np.arange(40.0))
        >>> model.get_feature_names_out()
        array(['size', 'town=Bonn', 'town=Rome'], dtype=object)
        """
        check_is_fitted(self)
        return self.encoding_.get_feature_names_out()

    def save(self, path: str | bytes | os.PathLike) -> None:
        """Write the fitted model to one safetensors file, to be read by ``chainfit.load``.

        Parameters
        ----------
        path : str, bytes or path-like
            The file. An existing one is replaced as a whole or, on failure, left as it was.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        TypeError
            If `path` is no path.
        OSError
            If the file can't be written.

        See Also
        --------
        chainfit.load : Read the model back.

        Examples
        --------
        >>> import os, tempfile
        >>> import chainfit
        >>> table = {"town": ["Bonn", "Rome", "Rome", "Bonn"] * 10}
        >>> model = chainfit.TabularClassifier("fast", random_state=0).fit(table, [0, 1, 1, 0] * 10)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "towns.safetensors")
        ...     model.save(path)
        ...     chainfit.load(path).predict({"town": ["Rome"]})
        array([1])
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
