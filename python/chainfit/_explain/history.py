"""History: a scikit-learn callback that keeps the nets of a fit, epoch by epoch."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from numbers import Integral
from typing import Any

from .._common.public import public
from .net import Net, as_net

# What a fit in progress has, and a model of an epoch that is over has not.
_OF_THE_FIT = (
    "_skl_callbacks",
    "_skl_callbacks_to_teardown",
    "_callback_fit_ctx",
    "_parent_callback_ctx",
)


@public
class History:
    """Callback that keeps the net before the first epoch of `fit` and after each epoch.

    It is a callback in scikit-learn's sense, for MLPClassifier and MLPRegressor. If there are more
    than `limit` nets, every second one is dropped, and from then on only every second epoch is
    kept. So a fit of any length ends with at most `limit` nets, spread evenly over it, and the last
    one is always among them.

    Parameters
    ----------
    every : int, default=1
        Number of epochs from one net kept to the next.
    limit : int, default=200
        Maximum number of nets, at least 3.

    Attributes
    ----------
    epochs : list of int
        The epoch after which each net was kept, 0 for the initial weights; iterations of L-BFGS.
    nets : list of Net
        The nets. They hold the weights, but not the state of the optimizer.
    every : int
        The parameter, doubled each time that nets were dropped.

    Raises
    ------
    ValueError
        If `every` or `limit` is not an integer of that size.

    See Also
    --------
    explore : The nets of a history in an HTML page.

    Notes
    -----
    It holds the last `fit` of the model on which it is set; `partial_fit` calls no callbacks. It
    stays empty in a parameter search that uses processes, as the fits happen in these.

    Examples
    --------
    >>> import numpy as np, chainfit
    >>> history = chainfit.History()
    >>> model = chainfit.MLPRegressor(hidden_layer_sizes=(3,), max_iter=5, tol=0.0, random_state=0)
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     _ = model.set_callbacks(history).fit(np.eye(4), np.arange(4.0))
    >>> history.epochs
    [0, 1, 2, 3, 4, 5]
    """

    def __init__(self, every: int = 1, limit: int = 200) -> None:
        for name, value, low in (("every", every, 1), ("limit", limit, 3)):
            if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
                raise ValueError(f"{name} must be an integer of at least {low}, got {value!r}.")
        self.every = int(every)
        self.limit = int(limit)
        self._given = self.every
        self._kept: list[tuple[int, Net]] = []
        self._latest: tuple[int, Net] | None = None

    @property
    def epochs(self) -> list[int]:
        """Epoch after which each net was kept."""
        return [epoch for epoch, _ in self._all()]

    @property
    def nets(self) -> list[Net]:
        """Nets, in the order of their epochs."""
        return [net for _, net in self._all()]

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[Net]:
        return iter(self.nets)

    def __repr__(self) -> str:
        epochs = self.epochs
        held = f"{len(epochs)} nets, epochs {epochs[0]} to {epochs[-1]}" if epochs else "no nets"
        return f"<History: {held}>"

    def _all(self) -> list[tuple[int, Net]]:
        if self._latest is None or (self._kept and self._kept[-1][0] == self._latest[0]):
            return self._kept
        return [*self._kept, self._latest]

    # --- the hooks, as scikit-learn names them and their arguments -------------------------------

    def setup(self, estimator: Any, context: Any) -> None:
        """Forget earlier fits; scikit-learn calls it before a fit.

        Parameters
        ----------
        estimator : estimator
            The model.
        context : CallbackContext
            The task.
        """
        self.every, self._kept, self._latest = self._given, [], None

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing, as the nets are for later; scikit-learn calls it after a fit.

        Parameters
        ----------
        estimator : estimator
            The model.
        context : CallbackContext
            The task.
        """

    def on_fit_task_begin(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        """Keep the initial weights; scikit-learn calls it before each epoch.

        Parameters
        ----------
        estimator : estimator
            The model being fitted.
        context : CallbackContext
            The task.
        fitted_estimator : estimator, default=None
            A copy with the present weights.
        """
        if fitted_estimator is not None and not self._kept:
            self._keep(fitted_estimator)

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        """Keep the weights of an epoch; scikit-learn calls it after each.

        Parameters
        ----------
        estimator : estimator
            The model being fitted.
        context : CallbackContext
            The task: an epoch, or the whole fit, which is ignored.
        fitted_estimator : estimator, default=None
            A copy with the weights of the epoch.
        """
        if fitted_estimator is not None and context.task_name != "fit":
            self._keep(fitted_estimator)

    def _keep(self, model: Any) -> None:
        model = copy.copy(model)
        for name in _OF_THE_FIT:
            vars(model).pop(name, None)
        epoch = int(model.n_iter_)
        self._latest = (epoch, as_net(model))
        if epoch % self.every:
            return
        self._kept.append(self._latest)
        if len(self._kept) >= self.limit:  # room for the latest one beside them
            self.every *= 2
            self._kept = [(n, net) for n, net in self._kept if n % self.every == 0]
