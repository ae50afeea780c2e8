"""The tabular regressor: its targets as nets learn them, and its predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import assert_all_finite, check_is_fitted

from .._common.bases import RegressorMixin
from .._common.public import public
from .._estimators.regressor import MLPRegressor
from .._estimators.rules import LOSSES, OUTPUTS
from .base import BaseTabular, column_of_targets
from .cells.schema import Tally
from .parameter_types import (
    Preset,
    TabularRegressorKeywords,
    TabularRegressorParameters,
)
from .parameters import with_parameters

Array = npt.NDArray[Any]


@public
@with_parameters(MLPRegressor)
class TabularRegressor(TabularRegressorParameters, RegressorMixin, BaseTabular):
    """Regressor for tables of mixed columns: an ensemble of multilayer perceptrons.

    Columns may hold numbers, dates, times, booleans and categories, and have missing values. `fit`
    infers what the cells of each text column mean. The inputs of the nets are the numbers, both
    standardised and binned by quantiles, and a feature for each level of the categories. Each net
    keeps the weights of its best epoch on its own validation rows. Predictions are
    averaged over the nets, after each is clipped to the range of the training targets.

    Attributes
    ----------
    nets_ : tuple of MLPRegressor
        The fitted nets, which predict ``(y - target_mean_) / target_scale_``.

    target_mean_, target_scale_ : float
        Mean and standard deviation of the training targets; 0 and their mean if outputs are
        positive, 0 and 1 if `out_activation` is bounded.

    target_range_ : tuple of float
        Smallest and largest target of the training rows.

    temperature_ : float
        Always 1: regression has no temperature.

    See Also
    --------
    TabularClassifier : Classifier for tables of mixed columns.
    MLPRegressor : A single net, on arrays of numbers.

    Notes
    -----
    The encoding of numbers is that of Gorishniy, Rubachev and Babenko, "On embeddings for numerical
    features in tabular deep learning" (2022). A number outside the range of the training rows is
    clipped to it.

    Examples
    --------
    >>> from chainfit import TabularRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import train_test_split
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = TabularRegressor(random_state=0).fit(X_train, y_train)
    >>> len(model.nets_), len(model.get_feature_names_out())
    (8, 79)
    >>> model.score(X_test, y_test) > 0.3
    True
    """

    _classes = False
    nets_: tuple[MLPRegressor, ...]
    target_mean_: float
    target_scale_: float
    target_range_: tuple[float, float]

    if TYPE_CHECKING:  # what `with_parameters` makes

        def __init__(
            self, preset: Preset = "good", **parameters: Unpack[TabularRegressorKeywords]
        ) -> None: ...

    def _adapt(self, parameters: dict[str, Any]) -> None:
        if self.scoring == "auto" and self.loss != "squared_error":
            parameters["scoring"] = "loss"

    def _learn_target(self, y: Array) -> None:
        size = float(np.abs(y).max(initial=0)) or 1.0
        mean, spread = float((y / size).mean()) * size, float((y / size).std()) * size
        rule, output = LOSSES[self.loss], OUTPUTS.get(str(self.out_activation))
        if output is not None and np.isfinite(output.highest):
            mean, spread = 0.0, 1.0  # the outputs' range is the target's
        elif rule.lowest_target == 0 or (output is not None and output.lowest == 0):
            # a deviance wants y >= 0, as these outputs are, and only its scale is free
            mean, spread = 0.0, abs(mean)
        self.target_mean_, self.target_scale_ = mean, spread or 1.0
        self.target_range_ = float(y.min()), float(y.max())

    def _as_learned(self, y: Array) -> Array:
        z: Array = (y * 0.5 - self.target_mean_ * 0.5) / (self.target_scale_ * 0.5)
        return z

    def _checked_target(self, y: Any) -> Array:
        y = column_of_targets(y)
        if y.dtype.kind in "mM":
            raise TypeError("y must hold numbers, got dates or durations")
        if y.dtype.kind not in "fiub":
            y = y.astype(np.float64)
        assert_all_finite(y, input_name="y")
        return y.astype(np.float64)

    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> Array: ...

    @overload
    def predict(self, X: Any, return_std: Literal[True]) -> tuple[Array, Array]: ...

    @overload
    def predict(self, X: Any, return_std: bool) -> Array | tuple[Array, Array]: ...

    def predict(self, X: Any, return_std: bool = False) -> Array | tuple[Array, Array]:
        """Predict the target of each row: the mean over the nets.

        Parameters
        ----------
        X : table of shape (n_samples, n_columns), or Source
            The rows. Columns are found by their names; those that `fit` was not given are ignored.
            A `chainfit.data.Source` is read block by block.

        return_std : bool, default=False
            Whether to return standard deviations too, with loss='gaussian_nll'.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_quantiles), float64
            The predictions, within the range of the training targets.

        std : ndarray of shape (n_samples,)
            The standard deviation of the mixture of the nets' normal distributions; only with
            return_std=True.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If a column that the model needs is missing or cannot be read, or if standard deviations
            are asked of a model without variances.

        Examples
        --------
        >>> import numpy as np
        >>> from chainfit import TabularRegressor
        >>> table = {"size": [*range(100)]}
        >>> model = TabularRegressor("fast", random_state=0).fit(table, 2.0 * np.arange(100))
        >>> abs(model.predict({"size": [50]})[0] - 100) < 10
        np.True_
        """
        check_is_fitted(self)
        fitted = self._as_published()
        if return_std and fitted.nets_[0].out_activation_ != "mean_variance":
            raise ValueError("return_std=True needs a model fitted with loss='gaussian_nll'.")
        return fitted._predict(X, return_std=return_std)

    def _predict(self, X: Any, tally: Tally | None = None, *, return_std: bool = False) -> Any:
        blocks = [self._moments(block, return_std) for block in self._blocks(X, tally)]
        mean = np.concatenate([block[0] for block in blocks])
        return (mean, np.concatenate([block[1] for block in blocks])) if return_std else mean

    def _moments(self, X: Array, with_std: bool) -> tuple[Array, Array]:
        """Return mean and standard deviation over the nets of encoded rows."""
        if not len(X):  # which nets don't take
            mean, std = self._moments(np.zeros((1, X.shape[1]), X.dtype), with_std)
            return mean[:0], std[:0]
        low, high = self.target_range_
        means: list[Array] = []
        variances: list[Array] = []
        for net in self.nets_:
            y, std = net.predict(X, return_std=True) if with_std else (net.predict(X), np.zeros(1))
            y = y.astype(np.float64) * self.target_scale_ + self.target_mean_
            means.append(np.clip(y, low, high))
            variances.append((std.astype(np.float64) * self.target_scale_) ** 2)
        mean = np.mean(means, axis=0)
        if not with_std:
            return mean, mean
        return mean, np.sqrt(np.mean(variances, axis=0) + np.var(means, axis=0))
