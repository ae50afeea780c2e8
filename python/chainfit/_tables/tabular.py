"""The tabular estimators: their parameters, their targets, and what they are asked."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_is_fitted

from .._common.public import public
from .._estimators.classifier import MLPClassifier
from .._estimators.regressor import MLPRegressor
from .._estimators.rules import LOSSES, OUTPUTS
from .base import BaseTabular, column_of_targets
from .ensemble import mean_probabilities
from .net_parameters import with_net_parameters
from .presets import PRESETS

Array = npt.NDArray[Any]

#: What the two have of their own, beside the parameters of their nets.
CONSTRAINTS: dict[str, Any] = {
    "preset": [StrOptions(set(PRESETS))],
    "n_nets": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
    "n_bins": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
    "max_levels": [Interval(Integral, 1, None, closed="left")],
    "n_jobs": [Interval(Integral, 1, None, closed="left"), None],
    "decimal": [StrOptions({".", ","}), None],
    "thousands": [str, None],
    "na_values": ["array-like"],
    "date_format": [str, None],
    "drop": ["array-like"],
}


@public
@with_net_parameters(MLPClassifier)
class TabularClassifier(ClassifierMixin, BaseTabular):
    """Classifier for tables of mixed columns.

    A placeholder docstring.

    Parameters
    ----------
    preset : {'fast', 'good', 'best'}, default='good'
        What the parameters are that are 'auto'.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS
    _classes = True
    classes_: Array

    def __init__(
        self,
        preset: str = "good",
        *,
        n_nets: int | str = "auto",
        n_bins: int | str = "auto",
        max_levels: int = 100,
        n_jobs: int | None = None,
        decimal: str | None = None,
        thousands: str | None = None,
        na_values: Sequence[str] = (),
        date_format: str | None = None,
        drop: Sequence[str] = (),
    ) -> None:
        self.preset = preset
        self.n_nets = n_nets
        self.n_bins = n_bins
        self.max_levels = max_levels
        self.n_jobs = n_jobs
        self.decimal = decimal
        self.thousands = thousands
        self.na_values = na_values
        self.date_format = date_format
        self.drop = drop

    def _learn_target(self, y: Any) -> Array:
        y = self._labels(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(
                f"Classifier can't train when only one class is present: {self.classes_[0]!r}."
            )
        return y

    def _known_target(self, y: Any) -> Array:
        return self._labels(y)

    def _labels(self, y: Any) -> Array:
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
        fitted = self._as_published()
        parts = [mean_probabilities(fitted.nets_, block) for block in fitted._blocks(X)]
        return np.concatenate(parts) if parts else np.empty((0, len(fitted.classes_)))

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
@with_net_parameters(MLPRegressor)
class TabularRegressor(RegressorMixin, BaseTabular):
    """Regressor for tables of mixed columns.

    A placeholder docstring.

    Parameters
    ----------
    preset : {'fast', 'good', 'best'}, default='good'
        What the parameters are that are 'auto'.

    Attributes
    ----------
    target_mean_ : float
        The nets learn (y - target_mean_) / target_scale_.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS
    _classes = False
    target_mean_: float
    target_scale_: float
    target_range_: tuple[float, float]

    def __init__(
        self,
        preset: str = "good",
        *,
        n_nets: int | str = "auto",
        n_bins: int | str = "auto",
        max_levels: int = 100,
        n_jobs: int | None = None,
        decimal: str | None = None,
        thousands: str | None = None,
        na_values: Sequence[str] = (),
        date_format: str | None = None,
        drop: Sequence[str] = (),
    ) -> None:
        self.preset = preset
        self.n_nets = n_nets
        self.n_bins = n_bins
        self.max_levels = max_levels
        self.n_jobs = n_jobs
        self.decimal = decimal
        self.thousands = thousands
        self.na_values = na_values
        self.date_format = date_format
        self.drop = drop

    def _adapt(self, parameters: dict[str, Any]) -> None:
        if self.scoring == "auto" and self.loss != "squared_error":
            parameters["scoring"] = "loss"

    def _learn_target(self, y: Any) -> Array:
        y = self._numbers(y)
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
        return self._standardised(y)

    def _known_target(self, y: Any) -> Array:
        return self._standardised(self._numbers(y))

    def _standardised(self, y: Array) -> Array:
        z: Array = (y * 0.5 - self.target_mean_ * 0.5) / (self.target_scale_ * 0.5)
        return z

    def _numbers(self, y: Any) -> Array:
        y = column_of_targets(y)
        if y.dtype.kind in "mM":
            raise TypeError("y must hold numbers, got dates or durations")
        if y.dtype.kind not in "fiub":
            y = y.astype(np.float64)
        assert_all_finite(y, input_name="y")
        return y.astype(np.float64)

    def predict(self, X: Any, return_std: bool = False) -> Any:
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
        fitted = self._as_published()
        check_is_fitted(fitted)
        parts = [fitted._predicted(block, return_std) for block in fitted._blocks(X)]
        if not parts:
            nothing = np.empty((0, *fitted.nets_[0].predict(fitted._no_row()).shape[1:]))
            return (nothing, nothing) if return_std else nothing
        if not return_std:
            return np.concatenate(parts)
        return tuple(map(np.concatenate, zip(*parts, strict=True)))

    def _no_row(self) -> Array:
        return np.zeros((1, self.encoding_.width), self.nets_[0].coefs_[0].dtype)

    def _predicted(self, X: Array, return_std: bool) -> Any:
        low, high = self.target_range_
        means, variances = [], []
        for net in self.nets_:
            output = net.predict(X, return_std=True) if return_std else (net.predict(X),)
            y = output[0].astype(np.float64) * self.target_scale_ + self.target_mean_
            means.append(np.clip(y, low, high))
            if return_std:
                variances.append((output[1].astype(np.float64) * self.target_scale_) ** 2)
        mean: Array = np.mean(means, axis=0)
        if not return_std:
            return mean
        spread = np.mean(variances, axis=0) + np.var(means, axis=0)
        return mean, np.sqrt(spread)
