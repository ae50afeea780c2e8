"""How labels become the net's targets, and its outputs labels, probabilities and scores."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target
from sklearn.utils.validation import check_array

from .._common.bases import ClassifierMixin
from . import several
from .class_weights import check_incremental, times_class_weight
from .job import Jobs
from .labels import (
    binarizer_for,
    check_indicators,
    check_labels,
    codes,
    found_labels,
    labels,
    plain_labels,
    quick_targets,
    smoothed,
    targets,
)
from .parameter_types import ClassifierParameters
from .scored import scored
from .scores import Score, accuracy

Array = npt.NDArray[Any]


class ClassTargets(ClassifierParameters, ClassifierMixin, Jobs):
    """The part of a classifier that knows its classes.

    `_label_binarizer` is a LabelBinarizer, or a list of one for each of several classifications.
    """

    classes_: Array | Any  # of several classifications a list of arrays
    _label_binarizer: Any

    def predict_proba(self, X: Any) -> Array | Any:
        """Return the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or Source
            The inputs. A `chainfit.data.Source` is read block by block.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`. Rows add up to 1, except for multilabel targets. For
            several classifications, a list of such arrays.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If X is not finite or has another number of features than in `fit`.

        Examples
        --------
        >>> from chainfit import MLPClassifier
        >>> model = MLPClassifier.from_weights([[[1.0, -1.0, 0.0]]], classes=["hi", "lo", "mid"])
        >>> model.predict_proba([[0.0], [2.0]]).round(2)
        array([[0.33, 0.33, 0.33],
               [0.87, 0.02, 0.12]])
        """
        fitted = self._as_published()
        output = fitted._forward(X)
        if isinstance(fitted.classes_, list):
            return several.split(fitted._label_binarizer, output)
        if output.shape[1] > 1:
            return output
        pair = np.empty((len(output), 2), dtype=output.dtype)
        np.subtract(1, output[:, 0], out=pair[:, 0])
        pair[:, 1] = output[:, 0]
        return pair

    def predict_log_proba(self, X: Any) -> Array | Any:
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or Source
            The inputs. A `chainfit.data.Source` is read block by block.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            ``log(predict_proba(X))``. For several classifications, a list of such arrays.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If X is not finite or has another number of features than in `fit`.

        Examples
        --------
        >>> from chainfit import MLPClassifier
        >>> model = MLPClassifier.from_weights([[[1.0, -1.0, 0.0]]])
        >>> model.predict_log_proba([[2.0]]).round(2)
        array([[-0.14, -4.14, -2.14]])
        """
        probabilities = self.predict_proba(X)
        if isinstance(probabilities, list):
            return [np.log(part) for part in probabilities]
        return np.log(probabilities, out=probabilities)

    def decision_function(self, X: Any) -> Array | Any:
        """Return the raw scores z of the output layer, before its activation.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or Source
            The inputs. A `chainfit.data.Source` is read block by block.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one score per row: `predict` returns ``classes_[1]`` where it is
            positive. Otherwise one score per class: `predict` returns the class of the largest or,
            for multilabel targets, every label whose score is positive. For several
            classifications, a list of such arrays. Probabilities may round to equal values where
            scores differ.

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
        >>> model.decision_function([[0.0], [3.0]]) > 0
        array([False,  True])
        """
        raw = self._sharing({**self.__dict__, "out_activation_": "identity"})
        raw.__dict__.pop("_forward", None)  # which may know outputs after the activation
        scores = raw._forward(X)
        if isinstance(raw.classes_, list):
            return several.split(raw._label_binarizer, scores)
        return scores.ravel() if scores.shape[1] == 1 else scores

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the accuracy: the fraction of rows whose labels are all predicted correctly.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or Source
            The inputs. A `chainfit.data.Source` has targets and weights of its own, and is read
            block by block.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The labels. None with a source.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; None means 1 for each.

        Returns
        -------
        score : float
            A number in [0, 1].

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If X or y is not valid.

        Examples
        --------
        >>> from chainfit import MLPClassifier
        >>> model = MLPClassifier.from_weights([[[1.0]]], classes=["below", "above"])
        >>> model.score([[-1.0], [1.0], [2.0], [3.0]], ["above", "below", "below", "above"])
        0.75
        """
        if y is None:
            known, y, sample_weight = scored(self._as_published(), X, sample_weight)
            return known.score(X, y, sample_weight)
        fitted = self._as_published()
        if not isinstance(getattr(fitted, "classes_", None), list):
            return float(super().score(X, y, sample_weight))
        predicted = fitted.predict(X)
        y = check_array(y, dtype=None, ensure_2d=False, input_name="y")
        if y.shape != predicted.shape:
            raise ValueError(f"y must have shape {predicted.shape}, got {y.shape}.")
        right = (y == predicted).all(axis=1)
        return float(accuracy_score(right, np.ones_like(right), sample_weight=sample_weight))

    # -- labels and outputs

    def _encode(self, y: Array, classes: Any, incremental: bool, dtype: np.dtype[Any]) -> Array:
        goes_on = hasattr(self, "classes_") and (self.warm_start or incremental)
        if goes_on:
            are_several = isinstance(self._label_binarizer, list)
        else:
            are_several = several.are_several(y, classes if incremental else None)
        if are_several:
            return self._smoothed(self._encode_several(y, classes, incremental, dtype))
        check_indicators(y)
        if incremental and not self._same_classes(classes):
            if _check_partial_fit_first_call(self, classes):
                multilabel = type_of_target(y).startswith("multilabel")
                self._label_binarizer = binarizer_for(y if multilabel else np.asarray(classes))
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = binarizer_for(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            check_labels(found_labels(y), self.classes_, all_of_them=self.warm_start)
        return self._smoothed(targets(self._label_binarizer, y, dtype))

    def _encode_several(
        self, y: Array, classes: Any, incremental: bool, dtype: np.dtype[Any]
    ) -> Array:
        if hasattr(self, "classes_") and (self.warm_start or incremental):
            if incremental:
                several.check_same_classes(classes, self._label_binarizer)
            all_of_them = bool(self.warm_start)
            return several.targets(self._label_binarizer, y, dtype, all_of_them=all_of_them)
        if incremental:
            several.check_classes(classes, y.shape[1])
        self._label_binarizer = several.binarizers_for([*(classes if incremental else y.T)])
        self.classes_ = [binarizer.classes_ for binarizer in self._label_binarizer]
        return several.targets(self._label_binarizer, y, dtype)

    def _encode_known(self, y: Array, dtype: np.dtype[Any]) -> Array:
        if isinstance(self._label_binarizer, list):
            return self._smoothed(several.targets(self._label_binarizer, y, dtype))
        multilabel = self._label_binarizer.y_type_.startswith("multilabel")
        if (y.ndim == 2) != multilabel:
            wanted = "an indicator matrix" if multilabel else "labels of shape (n_samples,)"
            raise ValueError(f"y must be {wanted}, as it was in fit; its shape is {y.shape}.")
        check_indicators(y)
        check_labels(found_labels(y), self.classes_, all_of_them=False)
        return self._smoothed(targets(self._label_binarizer, y, dtype))

    def _row_weight(self, sample_weight: Array | None, Y: Array, incremental: bool) -> Array | None:
        if self.class_weight is None:
            return sample_weight
        if incremental:
            check_incremental(self.class_weight)
        if isinstance(self._label_binarizer, list):
            found = several.labels(self._label_binarizer, Y)
            every = several.every_label(self._label_binarizer)
            return times_class_weight(sample_weight, self.class_weight, found, every)
        found = codes(self._label_binarizer, Y)
        if found.ndim == 1:
            found, every = self.classes_[found.astype(np.intp)], self.classes_
        else:
            found, every = found.astype(np.intp), np.tile([[0], [1]], found.shape[1])
        return times_class_weight(sample_weight, self.class_weight, found, every)

    def _encode_plain(self, y: Any, classes: Any, rows: int, dtype: np.dtype[Any]) -> Array | None:
        binarizer = self.__dict__.get("_label_binarizer")
        if (
            binarizer is None
            or isinstance(binarizer, list)
            or self.warm_start
            or not plain_labels(y, rows)
            or not self._same_classes(classes)
        ):
            return None
        Y = quick_targets(binarizer, y, dtype)
        return Y if Y is None else self._smoothed(Y)

    def _smoothed(self, Y: Array) -> Array:
        if not self.label_smoothing:
            return Y
        return smoothed(Y, float(self.label_smoothing), self._label_binarizer, self._blocks())

    def _same_classes(self, classes: Any) -> bool:
        """Whether `classes` plainly says nothing new; a no is for scikit-learn to judge."""
        return hasattr(self, "classes_") and (
            classes is None or np.array_equal(self.classes_, classes)
        )

    def _decode(self, output: Array) -> Array:
        if isinstance(self._label_binarizer, list):
            return several.labels(self._label_binarizer, output)
        return labels(self._label_binarizer, output)

    def _blocks(self) -> tuple[int, ...]:
        binarizer = self._label_binarizer
        return several.sizes(binarizer) if isinstance(binarizer, list) else ()

    def _core_loss(self) -> str:
        if isinstance(self._label_binarizer, list):
            return "log_loss"
        return "log_loss" if self._label_binarizer.y_type_ == "multiclass" else "binary_log_loss"

    def _scorer(self, Y: Array, sample_weight: Array | None) -> Score:
        decode = several.codes if isinstance(self._label_binarizer, list) else codes
        return accuracy(partial(decode, self._label_binarizer), Y, sample_weight)
