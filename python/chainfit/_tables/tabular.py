"""The tabular estimators: their parameters, their targets, and what they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

import numpy as np
import numpy.typing as npt
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_is_fitted

from .._common.bases import ClassifierMixin, RegressorMixin
from .._common.public import public
from .._estimators.classifier import MLPClassifier
from .._estimators.regressor import MLPRegressor
from .._estimators.rules import LOSSES, OUTPUTS
from .base import BaseTabular, column_of_targets
from .cells.schema import Tally
from .ensemble import mean_probabilities
from .parameter_types import (
    Preset,
    TabularClassifierKeywords,
    TabularClassifierParameters,
    TabularRegressorKeywords,
    TabularRegressorParameters,
)
from .parameters import with_parameters

Array = npt.NDArray[Any]


@public
@with_parameters(MLPClassifier)
class TabularClassifier(TabularClassifierParameters, ClassifierMixin, BaseTabular):
    """Classifier for tables of mixed columns: several multilayer perceptrons and what they need.

    Columns may hold numbers, dates, times, booleans and categories, and have missing values. What
    the cells of a column of text mean is found out once, in `fit`. Each net then sees every number
    standardised and by its place among quantiles, and every category as a feature for each level;
    it keeps the weights of its best epoch on rows of its own. Probabilities are those of a softmax
    at the temperature at which the nets do best on these rows, averaged over the nets.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.

    schema_ : Schema
        What the cells of each column mean, and which columns are left out.

    encoding_ : Encoding
        How columns become the nets' inputs, whose names are in `encoding_.features`.

    nets_ : tuple of MLPClassifier
        The fitted nets. The temperature is part of their last weights and biases.

    temperature_ : float
        What the outputs were divided by before the softmax; 1 where no rows were held out.

    n_iter_ : int
        The most epochs of a net.

    n_rows_ : int
        Number of training rows, without those of weight 0.

    n_features_in_ : int
        Number of columns seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had names.

    target_, dialect_ : object or None
        What the command line read: how the target is written, and what the file is.

    See Also
    --------
    TabularRegressor : The same for real targets.
    MLPClassifier : One net, on arrays of numbers.

    Notes
    -----
    The encoding of numbers is that of Gorishniy, Rubachev and Babenko, "On embeddings for numerical
    features in tabular deep learning" (2022), the temperature that of Guo, Pleiss, Sun and
    Weinberger, "On calibration of modern neural networks" (2017). The rows that the nets hold out
    are stratified folds. A number beyond the range of the training rows counts as the nearest one
    in it.

    Columns are found by their names, in any order; those that `fit` was not given are ignored.

    Examples
    --------
    >>> import pandas as pd
    >>> from chainfit import TabularClassifier
    >>> from sklearn.model_selection import train_test_split
    >>> X = pd.DataFrame({"age": [*range(20, 80)] * 5, "town": ["Bonn", "Köln", None] * 100})
    >>> y = (X["age"] > 50) | (X["town"] == "Bonn")
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = TabularClassifier(random_state=0).fit(X_train, y_train)
    >>> model.score(X_test, y_test)
    1.0
    >>> model.predict_proba(X_test).shape
    (75, 2)
    >>> model.get_feature_names_out()[-3:]
    array(['town=Bonn', 'town=Köln', 'town is missing'], dtype=object)
    """

    _classes = True
    classes_: Array
    nets_: tuple[MLPClassifier, ...]

    if TYPE_CHECKING:  # what `with_parameters` makes

        def __init__(
            self, preset: Preset = "good", **parameters: Unpack[TabularClassifierKeywords]
        ) -> None: ...

    def _learn_target(self, y: Array) -> None:
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(
                f"Classifier can't train when only one class is present: {self.classes_[0]!r}."
            )

    def _checked_target(self, y: Any) -> Array:
        y = column_of_targets(y)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        return y

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class: the mean over the nets.

        Parameters
        ----------
        X : table of shape (n_samples, n_columns)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), float64
            Columns in the order of `classes_`; rows add up to 1.
        """
        check_is_fitted(self)
        return self._as_published()._probabilities(X)

    def _probabilities(self, X: Any, tally: Tally | None = None) -> Array:
        return np.concatenate([mean_probabilities(self.nets_, X) for X in self._blocks(X, tally)])

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X : table of shape (n_samples, n_columns)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            ``log(predict_proba(X))``.
        """
        return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> Array:
        """Predict the class of each row.

        Parameters
        ----------
        X : table of shape (n_samples, n_columns)

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        fitted = self._as_published()
        probabilities = fitted.predict_proba(X)
        labels: Array = fitted.classes_[probabilities.argmax(axis=1)]
        return labels


@public
@with_parameters(MLPRegressor)
class TabularRegressor(TabularRegressorParameters, RegressorMixin, BaseTabular):
    """Regressor for tables of mixed columns: several multilayer perceptrons and what they need.

    Columns may hold numbers, dates, times, booleans and categories, and have missing values. What
    the cells of a column of text mean is found out once, in `fit`. Each net then sees every number
    standardised and by its place among quantiles, and every category as a feature for each level;
    it keeps the weights of its best epoch on rows of its own. Predictions are averaged over the
    nets, each held within the range of the training targets.

    Attributes
    ----------
    schema_ : Schema
        What the cells of each column mean, and which columns are left out.

    encoding_ : Encoding
        How columns become the nets' inputs, whose names are in `encoding_.features`.

    nets_ : tuple of MLPRegressor
        The fitted nets, of (y - target_mean_) / target_scale_.

    target_mean_, target_scale_ : float
        Mean and standard deviation of the training targets; 0 and the mean where outputs are above
        0, 0 and 1 where `out_activation` has a range.

    target_range_ : tuple of float
        The least and the largest target of the training rows.

    temperature_ : float
        1, as there is none in regression.

    n_iter_ : int
        The most epochs of a net.

    n_rows_ : int
        Number of training rows, without those of weight 0.

    n_features_in_ : int
        Number of columns seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had names.

    target_, dialect_ : object or None
        What the command line read: how the target is written, and what the file is.

    See Also
    --------
    TabularClassifier : The same for class labels.
    MLPRegressor : One net, on arrays of numbers.

    Notes
    -----
    The encoding of numbers is that of Gorishniy, Rubachev and Babenko, "On embeddings for numerical
    features in tabular deep learning" (2022). A number beyond the range of the training rows counts
    as the nearest one in it.

    Columns are found by their names, in any order; those that `fit` was not given are ignored.

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
        X : table of shape (n_samples, n_columns)

        return_std : bool, default=False
            Whether to return standard deviations too, with loss='gaussian_nll'.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_quantiles), float64
            Within the range of the training targets.

        std : ndarray of shape (n_samples,)
            Only with return_std=True: of the mixture of the nets' normal distributions.
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
