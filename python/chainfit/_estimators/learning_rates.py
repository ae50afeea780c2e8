"""The learning-rate range test: where the loss falls, and where it starts to grow (Smith, 2017)."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse
from sklearn.base import clone, is_classifier
from sklearn.utils import _safe_indexing, check_random_state, compute_sample_weight, indexable

from .._common.axes import axes_for
from .._common.public import public
from .base import BaseMLP
from .endings import NotFiniteError
from .parameters import rows_of_batch
from .several import are_several
from .source import Source

Array = npt.NDArray[Any]

# Of the losses' moving average, which then hears of about 20 batches (Howard and Gugger).
_SMOOTHING = 0.95
# Training has diverged when the loss is so many times what it fell by, or its least, above that.
_DIVERGED = 4.0


@public
class LearningRateDisplay:
    """Losses of a learning-rate range test; made by `find_learning_rate`.

    Parameters
    ----------
    learning_rates : ndarray of shape (n_steps,)
        Learning rate of each step.
    losses : ndarray of shape (n_steps,)
        Loss of each step's batch, before the step.
    smoothed : ndarray of shape (n_steps,)
        Moving average of the losses.

    Attributes
    ----------
    learning_rates : ndarray of shape (n_steps,)
        Learning rate of each step, increasing by a constant factor until training diverges.
    losses : ndarray of shape (n_steps,)
        Loss of each step's batch, before the step.
    smoothed : ndarray of shape (n_steps,)
        Moving average of the losses.
    suggestion : float
        A tenth of the learning rate with the smallest moving average: a value for
        `learning_rate_init`. A schedule that starts from below, such as 'one_cycle', may take one
        that is several times larger.

    See Also
    --------
    find_learning_rate : Run the test.

    Examples
    --------
    >>> import numpy as np
    >>> import chainfit
    >>> rates, losses = np.array([0.001, 0.01, 0.1]), np.array([1.0, 0.5, 2.0])
    >>> chainfit.LearningRateDisplay(rates, losses, smoothed=losses).suggestion
    0.001
    """

    def __init__(self, learning_rates: Array, losses: Array, smoothed: Array) -> None:
        self.learning_rates, self.losses, self.smoothed = learning_rates, losses, smoothed
        self.suggestion = float(f"{learning_rates[np.argmin(smoothed)] / 10:.2g}")

    def __repr__(self) -> str:
        low, high = self.learning_rates[[0, -1]]
        return (
            f"LearningRateDisplay(suggestion={self.suggestion:g}, from {low:.2g} to {high:.2g} in "
            f"{len(self.learning_rates)} steps)"
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses against the learning rate, and the suggestion as a line.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes a figure.

        Returns
        -------
        display : LearningRateDisplay
            This object, with attributes `ax_` and `figure_`.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> import chainfit
        >>> rates, losses = np.array([0.001, 0.01, 0.1]), np.array([1.0, 0.5, 2.0])
        >>> display = chainfit.LearningRateDisplay(rates, losses, losses).plot()
        >>> display.ax_.get_xscale()
        'log'
        """
        ax = axes_for(ax)
        ax.plot(self.learning_rates, self.losses, color="C0", alpha=0.3, label="loss of a batch")
        ax.plot(self.learning_rates, self.smoothed, color="C0", label="moving average")
        label = f"suggestion: {self.suggestion:g}"
        ax.axvline(self.suggestion, color="C1", linestyle="--", label=label)
        ax.set(xscale="log", xlabel="learning_rate_init", ylabel="loss")
        finite = self.smoothed[np.isfinite(self.smoothed)]
        fall = finite[0] - finite.min() + 1e-12
        ax.set_ylim(finite.min() - 0.3 * fall, finite[0] + 0.3 * fall)
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self


def find_learning_rate(
    model: Any,
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    low: float = 1e-6,
    high: float = 10.0,
    n_steps: int = 200,
) -> LearningRateDisplay:
    """Find a learning rate by a range test: train a copy of the model while the rate increases.

    Each step takes another mini-batch, at a learning rate larger by a constant factor. At first the
    loss hardly changes, then it falls, and finally it grows, which ends the test (Smith, "Cyclical
    learning rates for training neural networks", 2017). A tenth of the learning rate with the
    smallest loss is a good one to start with.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        The model, which is left unchanged. All its parameters apply except for the learning rate
        and its schedule.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The inputs.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The targets.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows; None means 1 for each.

    low, high : float, default=1e-6 and 10
        Learning rates of the first and the last step.

    n_steps : int, default=200
        Maximum number of steps.

    Returns
    -------
    found : LearningRateDisplay
        The losses, a suggestion, and ``plot()``.

    Raises
    ------
    TypeError
        If `model` is not an MLPClassifier or MLPRegressor, or X is a source.
    ValueError
        With solver='lbfgs', and if data or numbers are not valid.

    Examples
    --------
    >>> import chainfit
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = chainfit.MLPClassifier((64,), random_state=0)
    >>> found = chainfit.find_learning_rate(model, X / 16, y)
    >>> 1e-4 < found.suggestion < 1e-1
    True
    """
    if not isinstance(model, BaseMLP):
        raise TypeError(f"model must be an MLPClassifier or MLPRegressor, got {type(model)}.")
    if isinstance(X, Source):
        raise TypeError(
            f"X must be an array or a sparse matrix, got a source ({type(X).__name__}). "
            "A few blocks of its rows are enough for this test."
        )
    if model.solver == "lbfgs":
        raise ValueError("'lbfgs' has no learning rate.")
    if not 0 < low < high < math.inf:
        raise ValueError(f"low and high must be finite, 0 < low < high, got {low} and {high}.")
    if not 2 <= n_steps <= 10**6:
        raise ValueError(f"n_steps must be from 2 to 1,000,000, got {n_steps}.")
    X, y, sample_weight = indexable(X, y, sample_weight)  # COO, for one, has no rows to take
    tested, classes, weight = _to_test(model, y, sample_weight)
    tested._validate_params()
    # all rows are checked, before a step on some
    clone(tested)._fit_data(X, y, weight, classes.get("classes"), True, True)
    count = X.shape[0] if hasattr(X, "shape") else len(X)
    # a batch of nothing but rows without weight has no loss
    batches = _batches(model, np.arange(count) if weight is None else np.flatnonzero(weight))
    rates = np.geomspace(low, high, n_steps)
    losses: list[float] = []
    smoothed: list[float] = []
    average = 0.0
    for rate in rates:
        batch = next(batches)
        part = [None if data is None else _safe_indexing(data, batch) for data in (X, y, weight)]
        tested.set_params(learning_rate_init=float(rate), batch_size=len(batch))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tested.partial_fit(*part, **classes)
        except NotFiniteError:
            if not losses:
                raise
            break
        losses.append(float(tested.loss_))
        average = _SMOOTHING * average + (1 - _SMOOTHING) * losses[-1]
        smoothed.append(average / (1 - _SMOOTHING ** len(losses)))
        least = min(smoothed)
        if not smoothed[-1] <= least + _DIVERGED * max(abs(least), smoothed[0] - least):
            break
    return LearningRateDisplay(rates[: len(losses)], np.array(losses), np.array(smoothed))


def _to_test(model: Any, y: Any, sample_weight: Any) -> tuple[Any, dict[str, Any], Any]:
    """Return a copy for single steps, what its first one needs to know, and the rows' weights."""
    tested = clone(model).set_params(
        early_stopping=False,
        learning_rate="constant",
        shuffle=False,
        verbose=False,
        warmup=0,
        average=None,
        callbacks=None,
        checkpoint=None,
    )
    if not is_classifier(model):
        return tested, {}, sample_weight
    if isinstance(model.class_weight, str):  # of all rows, which no single step knows
        tested.set_params(class_weight=None)
        by_class = compute_sample_weight(model.class_weight, y)
        sample_weight = by_class if sample_weight is None else by_class * sample_weight
    return tested, {"classes": _classes(y)}, sample_weight


def _classes(y: Any) -> Any:
    """Return the classes as the first `partial_fit` is told them."""
    if not issparse(y):
        y = np.asarray(y)
    if y.ndim < 2 or y.shape[1] == 1:
        return np.unique(y)
    return [*map(np.unique, y.T)] if are_several(y) else np.arange(y.shape[1])


def _batches(model: Any, rows: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.intp]]:
    """Yield mini-batches of these rows, epoch after epoch in another order."""
    generator = check_random_state(copy.deepcopy(model.random_state))
    size = min(rows_of_batch(model.solver, model.batch_size, len(rows)), len(rows))
    while True:
        order = generator.permutation(rows)
        for start in range(0, len(rows) - size + 1, size):
            yield order[start : start + size]
