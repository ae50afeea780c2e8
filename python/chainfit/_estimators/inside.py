"""What is inside a fitted net: activations, gradients, which features an output follows.

Everything is computed by the core's own products and activations, so the bits are those of
`predict` and of training on every machine.
"""

# ruff: noqa: E741 - l is the layer, here as in the formulas

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from .. import _core
from .job import Jobs
from .optimizer import cast, gradient_trainer
from .rules import ACTIVATIONS
from .summary import Summary, summary_of
from .threads import thread_limit

Array = npt.NDArray[Any]


class Gradients(NamedTuple):
    """Derivatives of the loss J with respect to all weights and biases.

    Attributes
    ----------
    coefs : list of ndarray of shape (n_l, n_{l+1})
        dJ / dW[l], as `coefs_`.
    intercepts : list of ndarray of shape (n_{l+1},)
        dJ / db[l], as `intercepts_`.
    """

    coefs: list[Array]
    intercepts: list[Array]


class Inside(Jobs):
    """The part of an estimator that looks inside the fitted net."""

    def activations(self, X: Any, layer: int) -> Array:
        """Return the activations of a layer.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        layer : int
            The layer l of a[l]: 1 is the first hidden layer, ``n_layers_ - 1`` the outputs.

        Returns
        -------
        a : ndarray of shape (n_samples, n_l)
            The activations a[l], a row for each sample.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If there is no such layer, or X is not valid.

        Examples
        --------
        >>> from chainfit import MLPRegressor
        >>> model = MLPRegressor(hidden_layer_sizes=(3, 2), random_state=0).initialize(4)
        >>> model.activations([[1.0, 0.0, -1.0, 2.0]], layer=2).shape
        (1, 2)
        """
        fitted = self._fitted()
        last = len(fitted.coefs_)
        if not isinstance(layer, Integral) or isinstance(layer, bool) or not 1 <= layer <= last:
            raise ValueError(
                f"layer must be an int from 1, the first hidden layer, to {last}, the outputs; got "
                f"{layer!r}."
            )
        X = fitted._checked_rows(X)
        if layer == last:
            return fitted._output(X, fitted.coefs_, fitted.intercepts_)
        z = fitted._inputs_of(X, int(layer))
        return _core.activate(fitted._activation_of(int(layer)), z)

    def gradients(self, X: Any, y: Any, sample_weight: Any = None) -> Gradients:
        """Return the gradient of the loss on these rows, as one training step would apply it.

        The loss J is the weighted mean over the rows plus the penalties of `alpha` and `l1`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets, as `partial_fit` takes them.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; None means 1 for each.

        Returns
        -------
        gradients : Gradients
            The tuple (coefs, intercepts), each a list of arrays shaped as `coefs_` and
            `intercepts_`.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If the data are not valid.

        Examples
        --------
        >>> from chainfit import MLPRegressor
        >>> model = MLPRegressor.from_weights([[[2.0]]], [[1.0]], alpha=0)
        >>> model.gradients([[3.0]], [5.0])  # (2 * 3 + 1 - 5) times 3, and times 1
        Gradients(coefs=[array([[6.]])], intercepts=[array([2.])])
        """
        return self._loss_and_gradients(X, y, sample_weight)[1]

    def input_gradient(self, X: Any, output: int = 0, *, raw: bool = False) -> Array:
        """Return the gradient of an output with respect to the inputs, row by row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        output : int, default=0
            Index of the output. For a classifier with more than two classes, the index of the class
            in `classes_`; with two there is one output, the probability of ``classes_[1]``.

        raw : bool, default=False
            Whether to take the output before its activation, z[L] instead of a[L]. The
            probabilities of a classifier that is nearly certain hardly depend on the inputs.

        Returns
        -------
        gradient : ndarray of shape (n_samples, n_features)
            The derivatives d a[L][output] / d X.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If there is no such output, or X is not valid.

        Examples
        --------
        >>> from chainfit import MLPRegressor
        >>> model = MLPRegressor.from_weights([[[2.0], [-1.0]]], [[1.0]])
        >>> model.input_gradient([[3.0, 5.0]])
        array([[ 2., -1.]])
        """
        fitted = self._fitted()
        fitted._check_output(output)
        return fitted._slope(fitted._checked_rows(X), int(output), raw)

    def integrated_gradients(
        self,
        X: Any,
        output: int = 0,
        *,
        baseline: Any = None,
        raw: bool = False,
        n_steps: int = 50,
    ) -> Array:
        """Attribute an output to the features: the gradient, integrated from a baseline to X.

        For each row the attributions add up to the output at the row minus that at the baseline
        (Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", 2017).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The inputs.

        output : int, default=0
            Index of the output, as in `input_gradient`.

        baseline : array-like of shape (n_features,) or (n_samples, n_features), default=None
            Start of the path, an input that carries no information. None means 0 for each feature,
            which is the mean of standardised features.

        raw : bool, default=False
            Whether to take the output before its activation, as in `input_gradient`.

        n_steps : int, default=50
            Number of points of the Gauss-Legendre quadrature on each row's path.

        Returns
        -------
        attributions : ndarray of shape (n_samples, n_features)
            What each feature contributes to the output.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If there is no such output, or X or the baseline is not valid.

        Examples
        --------
        >>> from chainfit import MLPRegressor
        >>> model = MLPRegressor.from_weights([[[2.0], [-1.0]]], [[1.0]])
        >>> model.integrated_gradients([[3.0, 5.0]]).round(6)
        array([[ 6., -5.]])
        """
        fitted = self._fitted()
        fitted._check_output(output)
        if not isinstance(n_steps, Integral) or isinstance(n_steps, bool) or n_steps < 1:
            raise ValueError(f"n_steps must be an int >= 1, got {n_steps!r}.")
        rows = fitted._checked_rows(X)
        if not isinstance(rows, np.ndarray):
            rows = rows.toarray()
        start = np.zeros_like(rows) if baseline is None else np.asarray(baseline, dtype=rows.dtype)
        if start.shape not in (rows.shape, rows.shape[1:]) or not np.isfinite(start).all():
            raise ValueError(
                f"baseline must hold finite numbers in the shape {rows.shape[1:]} of a row or "
                f"{rows.shape} of X, got shape {start.shape}."
            )
        way = rows - start
        points, weights = np.polynomial.legendre.leggauss(int(n_steps))
        total = np.zeros_like(rows)
        for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
            at = (start + rows.dtype.type(point) * way).astype(rows.dtype, copy=False)
            total += rows.dtype.type(weight) * fitted._slope(at, int(output), raw)
        return way * total

    def summary(self) -> Summary:
        """Return a table of the layers with their parameters, arithmetic and memory.

        Returns
        -------
        summary : Summary
            It prints as text and displays as a table in notebooks; ``summary.layers`` holds the
            numbers.

        Raises
        ------
        NotFittedError
            If the model was not fitted.

        Examples
        --------
        >>> from chainfit import MLPClassifier
        >>> MLPClassifier((8,), random_state=0).initialize(4, 3).summary()
        layer  units  activation  parameters  FLOP per row
            0      4                       0             0
            1      8  relu                40            64
            2      3  softmax             27            48
        67 parameters in float64, 536 bytes; the optimizer 'adam' needs 1.07 kB more.
        A row takes 112 FLOP in predict and about 272 in training.
        """
        return summary_of(self._fitted())

    # -- the pieces, on a fitted model and checked X (rows, n_0)

    def _fitted(self) -> Any:
        check_is_fitted(self)
        return self._as_published()

    def _check_output(self, output: Any) -> None:
        if self._blocks():
            raise ValueError(
                "Gradients by the inputs are those of one classification, not several."
            )
        outputs = len(self.intercepts_[-1])
        whole = isinstance(output, Integral) and not isinstance(output, bool)
        if not whole or not 0 <= output < outputs:
            raise ValueError(
                f"output must be an int from 0 to {outputs - 1}, the number of one of the net's "
                f"{outputs} outputs; got {output!r}."
            )

    def _loss_and_gradients(
        self, X: Any, y: Any, sample_weight: Any = None
    ) -> tuple[float, Gradients]:
        """Return J on these rows, penalty included, and its gradient."""
        # a warm start wants every class in y, rows to look at need not have them
        model = self._sharing({**self._fitted().__dict__, "warm_start": False})
        # class_weight="balanced" goes by these rows, which are all that there are
        model.__dict__["_row_weight"] = lambda weight, Y, _: type(self)._row_weight(
            model, weight, Y, False
        )
        data, _ = model._fit_data(X, y, sample_weight, None, True, False)
        settings = model._settings(data.dtype, incremental=False)
        units = [*map(len, model.coefs_), len(model.intercepts_[-1])]
        trainer = gradient_trainer(settings, units, data.dtype)
        trainer.set_parameters(cast(model.coefs_, data.dtype), cast(model.intercepts_, data.dtype))
        data_loss, penalty, coefs, intercepts = trainer.loss_and_gradient(
            data.X,
            data.Y,
            data.sample_weight,
            data.l2,
            settings.threads,
            data.l1,
            loss_hook=settings.loss_hook(data.Y, data.sample_weight),
        )
        return data_loss + penalty, Gradients(coefs, intercepts)

    def _activation_of(self, l: int) -> str:
        """Return the activation of hidden layer l = 1..L-1."""
        return self.activation if isinstance(self.activation, str) else self.activation[l - 1]

    def _inputs_of(self, X: Any, l: int) -> Array:
        """Return z[l] (rows, n_l)."""
        activation = self.activation
        return _core.predict(
            X,
            cast(self.coefs_[:l], X.dtype),
            cast(self.intercepts_[:l], X.dtype),
            activation if isinstance(activation, str) else activation[: l - 1],
            "identity",
            thread_limit(self.n_threads),
        )

    def _slope(self, X: Any, output: int, raw: bool) -> Array:
        """Return d a[L][output] / d X, or of z[L]."""
        threads = thread_limit(self.n_threads)

        def product(A: Any, W: Array, b: Array) -> Array:
            return _core.predict(A, [W], [b], "identity", "identity", threads)

        W, b = cast(self.coefs_, X.dtype), cast(self.intercepts_, X.dtype)
        L = len(W)
        slopes: list[Array] = []  # f'(z[l]) of the hidden layers
        a = X
        for l in range(1, L):
            z, name = product(a, W[l - 1], b[l - 1]), self._activation_of(l)
            slopes.append(_core.activate(name, z, True))
            a = _core.activate(name, z)
        link = self.out_activation_
        delta = np.zeros((X.shape[0], len(b[-1])), X.dtype)
        if raw or (link == "mean_variance" and output < delta.shape[1] // 2):
            delta[:, output] = 1
        elif link in ACTIVATIONS:
            delta[:, output] = _core.activate(link, product(a, W[-1], b[-1]), True)[:, output]
        else:
            y = _core.predict(a, W[-1:], b[-1:], "identity", link, threads)
            delta[:, output] = y[:, output]  # of exp that is all
            if link == "softmax":
                delta -= y[:, output, np.newaxis] * y
        for l in range(L, 0, -1):
            back = np.ascontiguousarray(W[l - 1].T)
            delta = product(delta, back, np.zeros(back.shape[1], X.dtype))
            if l > 1:
                delta *= slopes[l - 2]
        return delta
