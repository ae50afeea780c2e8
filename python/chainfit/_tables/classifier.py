"""The tabular classifier: its labels, and its probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import numpy.typing as npt
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_is_fitted

from .._common.bases import ClassifierMixin
from .._common.public import public
from .._estimators.classifier import MLPClassifier
from .base import BaseTabular, column_of_targets
from .cells.schema import Tally
from .ensemble import mean_probabilities
from .parameter_types import (
    Preset,
    TabularClassifierKeywords,
    TabularClassifierParameters,
)
from .parameters import with_parameters

Array = npt.NDArray[Any]


@public
@with_parameters(MLPClassifier)
class TabularClassifier(TabularClassifierParameters, ClassifierMixin, BaseTabular):
    """Classifier for tables of mixed columns: an ensemble of multilayer perceptrons.

    Columns may hold numbers, dates, times, booleans and categories, and have missing values. `fit`
    infers what the cells of each text column mean. The inputs of the nets are the numbers, both
    standardised and binned by quantiles, and a feature for each level of the categories. Each net
    keeps the weights of its best epoch on its own validation rows. Probabilities are
    averaged over the nets, after a softmax at the temperature that is best on these rows.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.

    nets_ : tuple of MLPClassifier
        The fitted nets; their last weights and biases include the temperature.

    temperature_ : float
        Divisor of the outputs before the softmax; 1 if no rows were held out.

    See Also
    --------
    TabularRegressor : Regressor for tables of mixed columns.
    MLPClassifier : A single net, on arrays of numbers.

    Notes
    -----
    The encoding of numbers is that of Gorishniy, Rubachev and Babenko, "On embeddings for numerical
    features in tabular deep learning" (2022), the temperature that of Guo, Pleiss, Sun and
    Weinberger, "On calibration of modern neural networks" (2017). The rows that the nets hold out
    are stratified folds. A number outside the range of the training rows is clipped to it.

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
        X : table of shape (n_samples, n_columns), or Source
            The rows. Columns are found by their names; those that `fit` was not given are ignored.
            A `chainfit.data.Source` is read block by block.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), float64
            Columns in the order of `classes_`; rows add up to 1.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If a column that the model needs is missing or cannot be read.

        Examples
        --------
        >>> from chainfit import TabularClassifier
        >>> table = {"town": ["Bonn", "Rome", "Rome", "Bonn"] * 10}
        >>> model = TabularClassifier("fast", random_state=0).fit(table, [0, 1, 1, 0] * 10)
        >>> model.predict_proba({"town": ["Rome"]}).argmax(axis=1)
        array([1])
        """
        check_is_fitted(self)
        return self._as_published()._probabilities(X)

    def _probabilities(self, X: Any, tally: Tally | None = None) -> Array:
        return np.concatenate([mean_probabilities(self.nets_, X) for X in self._blocks(X, tally)])

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X : table of shape (n_samples, n_columns), or Source
            The rows. Columns are found by their names; those that `fit` was not given are ignored.
            A `chainfit.data.Source` is read block by block.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            ``log(predict_proba(X))``.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If a column that the model needs is missing or cannot be read.

        Examples
        --------
        >>> import numpy as np
        >>> from chainfit import TabularClassifier
        >>> table = {"town": ["Bonn", "Rome", "Rome", "Bonn"] * 10}
        >>> model = TabularClassifier("fast", random_state=0).fit(table, [0, 1, 1, 0] * 10)
        >>> np.exp(model.predict_log_proba({"town": ["Rome"]})).sum().round(6)
        np.float64(1.0)
        """
        return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> Array:
        """Predict the class of each row.

        Parameters
        ----------
        X : table of shape (n_samples, n_columns), or Source
            The rows. Columns are found by their names; those that `fit` was not given are ignored.
            A `chainfit.data.Source` is read block by block.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The labels of the largest probability.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If a column that the model needs is missing or cannot be read.

        Examples
        --------
        >>> from chainfit import TabularClassifier
        >>> table = {"town": ["Bonn", "Rome", "Rome", "Bonn"] * 10}
        >>> model = TabularClassifier("fast", random_state=0).fit(table, [0, 1, 1, 0] * 10)
        >>> model.predict({"town": ["Rome", "Bonn"]})
        array([1, 0])
        """
        fitted = self._as_published()
        probabilities = fitted.predict_proba(X)
        labels: Array = fitted.classes_[probabilities.argmax(axis=1)]
        return labels
