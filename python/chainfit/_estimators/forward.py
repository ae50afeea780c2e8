"""A fitted net applied to rows: the checks of X, and the forward pass."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import _num_samples, check_is_fitted, validate_data

from .. import _core
from .inputs import check_numeric, core_form, is_plain_X
from .optimizer import cast
from .parameter_types import NetParameters
from .portable import Portable
from .source import Source, naming, numbered
from .sparse import SPARSE_FORMATS, check_sparse
from .threads import thread_limit

if TYPE_CHECKING:
    from ..row_predictor import RowPredictor

Array = npt.NDArray[Any]
FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


class Forward(NetParameters, Portable):
    """The part of an estimator that needs its weights only."""

    coefs_: list[Array]
    intercepts_: list[Array]
    n_features_in_: int
    feature_names_in_: npt.NDArray[np.object_]
    n_layers_: int
    n_outputs_: int
    out_activation_: str

    @abstractmethod
    def _decode(self, output: Array) -> Array:
        """Turn the net's output (rows, n_L) into what `predict` returns."""

    def _model_dtype(self) -> np.dtype[Any]:
        """Dtype of the weights at hand, float64 where it is none of the core's."""
        return FLOAT32 if self.coefs_[0].dtype == FLOAT32 else FLOAT64

    def _forward(self, X: Any) -> Array:
        """Return the output layer's activation (rows, n_L) for X as the user gave it."""
        if "coefs_" not in self.__dict__:
            check_is_fitted(self)
        dtype = self._model_dtype() if self.precision == "auto" else np.dtype(self.precision)
        if not is_plain_X(X, dtype, self.__dict__):  # here, for a call is felt with a single row
            if isinstance(X, Source):
                return self._forward_blocks(X)
            X = self._checked_rows(X)
        return self._output(X, self.coefs_, self.intercepts_)

    def _forward_blocks(self, source: Source) -> Array:
        """Return the same for the rows of a source, block by block."""
        numbers = source.as_numbers(self.__dict__.get("feature_names_in_"))
        model = self if numbers is source else self._without_names()
        outputs = []
        for number, (X, _, _) in numbered(numbers):
            with naming(number):
                if _num_samples(X):
                    X = model._checked_rows(X)
                    outputs.append(model._output(X, self.coefs_, self.intercepts_))
        if not outputs:
            raise ValueError("The source has no rows.")
        return np.concatenate(outputs)

    def _without_names(self) -> Self:
        """Return a model that knows no names of features, for arrays that were taken by them."""
        attributes = {k: v for k, v in vars(self).items() if k != "feature_names_in_"}
        return self._sharing(attributes)

    def _checked_rows(self, X: Any) -> Any:
        """Return X as the user gave it in the core's form; its dtype is that to compute in."""
        dtype = self._model_dtype() if self.precision == "auto" else np.dtype(self.precision)
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
        return core_form(X, dtype)

    def _output(self, X: Any, coefs: list[Array], intercepts: list[Array]) -> Array:
        """Return a[L] (rows, n_L) for X (rows, n_0), computed in X's dtype."""
        dtype, link, threads = X.dtype, self.out_activation_, thread_limit(self.n_threads)
        W, b = cast(coefs, dtype), cast(intercepts, dtype)
        if link == "softmax" and (blocks := self._blocks()):
            return _core.predict(X, W, b, self.activation, link, threads, blocks)
        return _core.predict(X, W, b, self.activation, link, threads)

    def _blocks(self) -> tuple[int, ...]:
        """Return the numbers of outputs that have a softmax each, () if it is one."""
        return ()

    def predict(self, X: Any) -> Array:
        """Predict with the fitted net.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or Source
            The inputs. A `chainfit.data.Source` is read block by block.

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

        Examples
        --------
        >>> from chainfit import MLPClassifier
        >>> model = MLPClassifier((4,), solver="lbfgs", random_state=1, max_iter=50)
        >>> model = model.fit([[0.0], [1.0], [2.0], [3.0]], ["a", "a", "b", "b"])
        >>> model.predict([[0.5], [2.5]])
        array(['a', 'b'], dtype='<U1')
        """
        fitted = self._as_published()
        return fitted._decode(fitted._forward(X))

    def row_predictor(self) -> RowPredictor:
        """Return a callable that predicts one row at a time, without validation and allocations.

        Returns
        -------
        predictor : chainfit.row_predictor.RowPredictor
            A callable: write a row into ``predictor.input`` and call it, or pass the row. It
            returns ``predictor.output``, the activations of the output layer: for a classifier the
            probabilities, with two classes that of ``classes_[1]`` alone. The weights are copied,
            so that further training has no effect on it. Cython code can call it without the GIL.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If the targets were several columns of classes.

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
        fitted = self._as_published()
        if fitted._blocks():
            raise ValueError("row_predictor has one softmax, not one for each column of y.")
        dtype = fitted._model_dtype()
        return RowPredictor(
            cast(fitted.coefs_, dtype),
            cast(fitted.intercepts_, dtype),
            fitted.activation,
            fitted.out_activation_,
        )
