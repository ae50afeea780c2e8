"""A model without a fit: its weights drawn (`initialize`) or given (`from_weights`)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state

from . import several
from .forward import FLOAT32, FLOAT64
from .generator import generator_kept
from .job import Jobs
from .labels import binarizer_for
from .layers import layers
from .outputs import units_per_target
from .parameter_types import RegressorParameters
from .parameters import check_activations, hidden_units
from .state import State
from .steps import check_dropout

Array = npt.NDArray[Any]
Weights = tuple[list[Array], list[Array]]

# What an earlier fit knew of its data.
_OF_DATA = (
    *("classes_", "_label_binarizer", "out_activation_", "feature_names_in_", "_units_per_target"),
)


class Start(Jobs):
    """The part of an estimator that makes a model which has seen no row yet."""

    @abstractmethod
    def _set_targets(self, targets: Any, weights: Weights | None) -> int:
        """Take what there is to predict, as `initialize` documents it; return the net's outputs.

        None: what the weights were made for.
        """

    def _start(self, n_features: int, targets: Any, weights: Weights | None = None) -> Self:
        """Become a model with the given weights, or with new ones."""
        self._validate_params()
        if not isinstance(n_features, Integral) or isinstance(n_features, bool) or n_features < 1:
            raise ValueError(f"n_features must be an int >= 1, got {n_features!r}.")
        draft = self._draft()
        model = draft.copy
        for name in _OF_DATA:
            model.__dict__.pop(name, None)
        outputs = model._set_targets(targets, weights)
        units = [int(n_features), *hidden_units(self.hidden_layer_sizes), outputs]
        dtype = FLOAT32 if self.precision == "float32" else FLOAT64
        settings = model._settings(dtype, incremental=False)
        check_activations(settings.activation, len(units) - 2)
        check_dropout(settings.step.dropout, len(units) - 2)
        model.n_features_in_, model.n_outputs_, model.n_layers_ = units[0], units[-1], len(units)
        model.out_activation_ = settings.out_activation
        model._learn_outputs()
        with generator_kept(self.random_state):
            if weights is None:
                generator = check_random_state(self.random_state)
                init = settings.own["init"]
                state = State.drawn(units, settings.activation, dtype, generator, init)
            else:
                state = State(*weights)
            if state.units != units:
                raise ValueError(
                    f"The weights are those of layers of {state.units} units, but n_features, "
                    f"hidden_layer_sizes={self.hidden_layer_sizes!r} and the targets make {units}."
                )
            state.into(model.__dict__)
        draft.publish()
        return self

    @classmethod
    def _from_weights(
        cls,
        coefs: Sequence[Any],
        intercepts: Sequence[Any] | None,
        targets: Any,
        feature_names: Sequence[str] | None,
        parameters: dict[str, Any],
    ) -> Self:
        precision = parameters.get("precision", "auto")
        if precision == "auto":
            given = [getattr(a, "dtype", None) for a in (*coefs, *(intercepts or ()))]
            dtype = FLOAT32 if all(d == FLOAT32 for d in given) else FLOAT64
        else:
            dtype = FLOAT32 if precision == "float32" else FLOAT64
        W, b = layers(coefs, intercepts, dtype)
        sizes = tuple(len(v) for v in b[:-1])
        model = cls(**{"hidden_layer_sizes": sizes, **parameters})
        model._start(len(W[0]), targets, (W, b))
        if feature_names is not None:
            names = np.array([str(name) for name in feature_names], dtype=object)
            if len(names) != len(W[0]):
                raise ValueError(
                    f"feature_names must hold {len(W[0])} names, one for each row of coefs[0], "
                    f"got {len(names)}."
                )
            model.feature_names_in_ = names
        return model


class StartClassifier(Start):
    """How a classifier begins without a fit."""

    classes_: Array | Any
    _label_binarizer: LabelBinarizer | list[LabelBinarizer]

    def initialize(self, n_features: int, classes: Any, *, multilabel: bool = False) -> Self:
        """Draw the initial weights, as `fit` does before its first step, without training.

        The model can then predict, be explained and saved, and be trained by `partial_fit`, or by
        `fit` with warm_start=True.

        Parameters
        ----------
        n_features : int
            Number of features.

        classes : int, array-like of shape (n_classes,) or list of array-like
            The labels, or their number: then they are 0, 1, ... For several classifications, a list
            of the labels of each.

        multilabel : bool, default=False
            Whether a row may have several of the labels, which are then the columns of y.

        Returns
        -------
        self : object
            The model, in float64 unless `precision` says otherwise.

        Raises
        ------
        ValueError
            If a number or a parameter is not valid.

        Examples
        --------
        >>> from chainfit import MLPClassifier
        >>> model = MLPClassifier((8,), random_state=0).initialize(4, ["cat", "dog", "owl"])
        >>> [W.shape for W in model.coefs_]
        [(4, 8), (8, 3)]
        """
        return self._start(n_features, (classes, multilabel))

    @classmethod
    def from_weights(
        cls,
        coefs: Sequence[Any],
        intercepts: Sequence[Any] | None = None,
        *,
        classes: Any = None,
        multilabel: bool = False,
        feature_names: Sequence[str] | None = None,
        **parameters: Any,
    ) -> Self:
        """Make a fitted model from given weights.

        Parameters
        ----------
        coefs : sequence of array-like of shape (n_l, n_{l+1})
            The weights W[l] from layer l to layer l + 1. They are copied.

        intercepts : sequence of array-like of shape (n_{l+1},), default=None
            The biases b[l] of layer l + 1; None means zeros.

        classes : int, array-like of shape (n_classes,) or list of array-like, default=None
            As in `initialize`; None means one class per output of the net, and two if it has one.

        multilabel : bool, default=False
            As in `initialize`.

        feature_names : sequence of str, default=None
            Names of the features.

        **parameters : Any
            Parameters of the model; `hidden_layer_sizes` follows from the weights.

        Returns
        -------
        model : MLPClassifier
            The model, in float32 if all arrays are float32 and in float64 otherwise, unless
            `precision` is given.

        Raises
        ------
        ValueError
            If the arrays don't fit each other or the parameters, or are not finite.

        Examples
        --------
        >>> from chainfit import MLPClassifier
        >>> model = MLPClassifier.from_weights([[[1.0], [-1.0]]], [[0.5]], classes=["less", "more"])
        >>> model.predict([[3.0, 1.0], [1.0, 3.0]])
        array(['more', 'less'], dtype='<U4')
        """
        targets = None if classes is None else (classes, multilabel)
        if classes is None:
            outputs = np.shape(coefs[-1])[-1] if len(coefs) else 1
            targets = (outputs if multilabel else max(outputs, 2), multilabel)
        return cls._from_weights(coefs, intercepts, targets, feature_names, parameters)

    def _set_targets(self, targets: Any, weights: Weights | None) -> int:
        classes, multilabel = targets
        if isinstance(classes, Integral) and not isinstance(classes, bool):
            classes = np.arange(int(classes))
        if not multilabel and several.are_lists(classes):
            parts = [*map(_distinct, classes)] or [_distinct(classes)]  # which refuses none
            self._label_binarizer = several.binarizers_for(parts)
            self.classes_ = [binarizer.classes_ for binarizer in self._label_binarizer]
            return sum(several.sizes(self._label_binarizer))
        found = _distinct(classes)
        if multilabel and not np.array_equal(found, np.arange(found.size)):
            raise ValueError(
                "The classes of multilabel targets are the numbers of their columns: give how many."
            )
        # each class twice: of labels that come once scikit-learn warns that they look like numbers
        y = np.eye(found.size, dtype=int) if multilabel else np.repeat(found, 2)
        self._label_binarizer = binarizer_for(y)
        self.classes_ = self._label_binarizer.classes_
        return 1 if self._label_binarizer.y_type_ == "binary" else int(found.size)


def _distinct(classes: Any) -> Array:
    """Return the labels of a classification, sorted."""
    try:
        found: Array = np.unique(np.asarray(classes), return_counts=True)[0]
    except TypeError:
        raise ValueError(f"classes must be labels that can be sorted, got {classes!r}.") from None
    if found.size < 2 or found.size != np.size(classes):
        raise ValueError(f"classes must be two or more labels, each once, got {classes!r}.")
    return found


class StartRegressor(RegressorParameters, Start):
    """How a regressor begins without a fit."""

    def initialize(self, n_features: int, n_targets: int = 1) -> Self:
        """Draw the initial weights, as `fit` does before its first step, without training.

        The model can then predict, be explained and saved, and be trained by `partial_fit`, or by
        `fit` with warm_start=True.

        Parameters
        ----------
        n_features : int
            Number of features.

        n_targets : int, default=1
            Number of targets.

        Returns
        -------
        self : object
            The model, in float64 unless `precision` says otherwise.

        Raises
        ------
        ValueError
            If a number or a parameter is not valid.

        Examples
        --------
        >>> from chainfit import MLPRegressor
        >>> model = MLPRegressor(hidden_layer_sizes=(8,), random_state=0).initialize(4)
        >>> [W.shape for W in model.coefs_]
        [(4, 8), (8, 1)]
        """
        return self._start(n_features, n_targets)

    @classmethod
    def from_weights(
        cls,
        coefs: Sequence[Any],
        intercepts: Sequence[Any] | None = None,
        *,
        feature_names: Sequence[str] | None = None,
        **parameters: Any,
    ) -> Self:
        """Make a fitted model from given weights.

        Parameters
        ----------
        coefs : sequence of array-like of shape (n_l, n_{l+1})
            The weights W[l] from layer l to layer l + 1. They are copied.

        intercepts : sequence of array-like of shape (n_{l+1},), default=None
            The biases b[l] of layer l + 1; None means zeros.

        feature_names : sequence of str, default=None
            Names of the features.

        **parameters : Any
            Parameters of the model; `hidden_layer_sizes` follows from the weights.

        Returns
        -------
        model : MLPRegressor
            The model, in float32 if all arrays are float32 and in float64 otherwise, unless
            `precision` is given.

        Raises
        ------
        ValueError
            If the arrays don't fit each other or the parameters, or are not finite.

        Examples
        --------
        >>> from chainfit import MLPRegressor
        >>> model = MLPRegressor.from_weights([[[2.0], [-1.0]]], [[0.5]])
        >>> model.predict([[3.0, 1.0]])
        array([5.5])
        """
        return cls._from_weights(coefs, intercepts, None, feature_names, parameters)

    def _set_targets(self, targets: Any, weights: Weights | None) -> int:
        units = units_per_target(self.loss, self.__dict__) or 1
        if targets is None:
            assert weights is not None
            targets = max(1, len(weights[1][-1]) // units)
        if not isinstance(targets, Integral) or isinstance(targets, bool) or targets < 1:
            raise ValueError(f"n_targets must be an int >= 1, got {targets!r}.")
        return int(targets) * units
