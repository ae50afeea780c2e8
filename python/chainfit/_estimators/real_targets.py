"""How real targets become the net's, and its outputs predictions and standard deviations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from .._common.bases import RegressorMixin
from .job import Jobs
from .outputs import (
    deviations,
    predictions,
    quantile_score,
    repeated,
    score_of,
    units_per_target,
)
from .parameter_types import RegressorParameters
from .rules import link_of
from .scored import scored
from .scores import Score
from .targets import quick_real_targets, real_targets

Array = npt.NDArray[Any]


class RealTargets(RegressorParameters, RegressorMixin, Jobs):
    """The part of a regressor that knows its loss."""

    #: As `units_per_target` had it in `fit`.
    _units_per_target = 0

    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> Array: ...

    @overload
    def predict(self, X: Any, return_std: Literal[True]) -> tuple[Array, Array]: ...

    @overload
    def predict(self, X: Any, return_std: bool) -> Array | tuple[Array, Array]: ...

    def predict(self, X: Any, return_std: bool = False) -> Array | tuple[Array, Array]:
        """Predict with the fitted net.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or Source
            The inputs. A `chainfit.data.Source` is read block by block.

        return_std : bool, default=False
            Whether to return standard deviations too; requires loss='gaussian_nll'.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            The predictions. With several levels in `quantile` the array has a further axis for
            them, at the end: the outputs in sorted order, the k-th being the quantile of the k-th
            level.

        std : ndarray of the shape of y
            The standard deviations; only with return_std=True.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If X is not finite or has another number of features than in `fit`, or with
            return_std=True if the model was not fitted with loss='gaussian_nll'.

        Examples
        --------
        >>> import numpy as np
        >>> from chainfit import MLPRegressor
        >>> X = np.linspace(-1, 1, 400)[:, np.newaxis]
        >>> y = np.random.RandomState(0).normal(X[:, 0], 0.2)
        >>> model = MLPRegressor("gaussian_nll", (8,), solver="lbfgs", random_state=0).fit(X, y)
        >>> mean, std = model.predict(X, return_std=True)
        >>> round(float(std.mean()), 1)
        0.2
        >>> model = MLPRegressor("quantile", (8,), quantile=(0.1, 0.9), random_state=0)
        >>> model.set_params(max_iter=400).fit(X, y).predict(X).shape
        (400, 2)
        """
        fitted = self._as_published()
        if not return_std:  # here, for a call is felt with a single row
            return fitted._decode(fitted._forward(X))
        output = fitted._forward(X)
        if fitted.out_activation_ != "mean_variance":
            raise ValueError("return_std=True needs a model fitted with loss='gaussian_nll'.")
        return fitted._decode(output), deviations(output)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return R^2 of the predictions, see `sklearn.metrics.r2_score`.

        With loss='gaussian_nll' the predictions are the means. With several levels in `quantile`
        the score is D^2, one minus the ratio of the pinball loss to that of constant quantiles,
        averaged over the levels; see `sklearn.metrics.d2_pinball_score`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or Source
            The inputs. A `chainfit.data.Source` has targets and weights of its own, and is read
            block by block.

        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            The targets. None with a source.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; None means 1 for each.

        Returns
        -------
        score : float
            The score, at most 1.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If X or y is not valid, or `quantile` has other levels than in `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> from chainfit import MLPRegressor
        >>> X = np.linspace(-1, 1, 400)[:, np.newaxis]
        >>> y = np.random.RandomState(0).normal(X[:, 0], 0.2)
        >>> model = MLPRegressor("quantile", (8,), quantile=(0.1, 0.9), random_state=0)
        >>> round(model.set_params(max_iter=400).fit(X, y).score(X, y), 1)
        0.6
        """
        if y is None:
            known, y, sample_weight = scored(self._as_published(), X, sample_weight)
            return known.score(X, y, sample_weight)
        fitted = self._as_published()
        if levels := fitted._levels():
            predicted = fitted.predict(X)
            if len(levels) != fitted._units_per_target:
                raise ValueError(
                    f"quantile={levels!r} has {len(levels)} levels, but the model was fitted with "
                    f"{fitted._units_per_target or 1}."
                )
            return quantile_score(y, predicted, levels, sample_weight)
        return float(super().score(X, y, sample_weight))

    # -- targets and outputs

    def _encode(self, y: Array, classes: Any, incremental: bool, dtype: np.dtype[Any]) -> Array:
        return self._encode_known(y, dtype)

    def _encode_known(self, y: Array, dtype: np.dtype[Any]) -> Array:
        Y = repeated(real_targets(y, dtype, self._named_loss()), self._units())
        assert Y is not None
        return Y

    def _encode_plain(self, y: Any, classes: Any, rows: int, dtype: np.dtype[Any]) -> Array | None:
        Y = quick_real_targets(y, rows, dtype, self._named_loss())
        return repeated(Y, self._units_per_target) if self._units_per_target else Y

    def _levels(self) -> Sequence[float]:
        """Return the levels of several quantiles, none otherwise."""
        if self.loss == "quantile" and isinstance(self.quantile, tuple | list):
            return self.quantile
        return ()

    def _units(self) -> int:
        return units_per_target(self.loss, self.__dict__)

    def _learn_outputs(self) -> None:
        if self._units():
            self._units_per_target = self._units()

    def _decode(self, output: Array) -> Array:
        if self._units_per_target:
            return predictions(output, self.out_activation_, self._units_per_target)
        return output.ravel() if output.shape[1] == 1 else output

    def _named_loss(self) -> str:
        return "squared_error" if callable(self.loss) else self.loss

    def _core_loss(self) -> str:
        loss = self._named_loss()
        link = link_of(loss, self.out_activation)
        # absent only while the first fit sets the model up
        fitted_link = self.__dict__.get("out_activation_", link)
        if link != fitted_link:
            raise ValueError(
                f"loss={self.loss!r} goes with the output activation {link!r}, but the model was "
                f"fitted with {fitted_link!r}. Fit it anew with warm_start=False."
            )
        if "out_activation_" in self.__dict__ and self._units() != self._units_per_target:
            raise ValueError(
                f"loss={self.loss!r} has {self._units() or 1} outputs for a target, but the model "
                f"was fitted with {self._units_per_target or 1}. Fit it anew with warm_start=False."
            )
        return loss

    def _scorer(self, Y: Array, sample_weight: Array | None) -> Score:
        return score_of(Y, sample_weight, self.out_activation_, self._levels())
