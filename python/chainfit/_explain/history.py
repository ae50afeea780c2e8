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
    """Keep the net as it was before the first epoch of `fit`, and after every one.

    A callback of scikit-learn for MLPClassifier and MLPRegressor. When the nets become more than
    `limit`, every second one is dropped and from then on only every second epoch is kept, so that
    a fit of any length ends with at most `limit` nets spread evenly over it; the last one is always
    there.

    Parameters
    ----------
    every : int, default=1
        Keep every so many epochs.
    limit : int, default=200
        Nets to keep at most, at least 3.

    Attributes
    ----------
    epochs : list of int
        The epoch after which each net was kept, 0 for the first weights. L-BFGS counts iterations.
    nets : list of Net
        The nets. They have the weights, not what the optimizer remembered.
    every : int
        As given, doubled each time that nets were dropped.

    Notes
    -----
    It holds the latest `fit` of the model that it is set on; `partial_fit` calls no callbacks. A
    search over parameters with processes of its own leaves it empty, for its fits are elsewhere.

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
        """The epoch of each net."""
        return [epoch for epoch, _ in self._all()]

    @property
    def nets(self) -> list[Net]:
        """The nets, in the order of their epochs."""
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
        self.every, self._kept, self._latest = self._given, [], None

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing: the nets are for afterwards."""

    def on_fit_task_begin(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        """Keep the weights that training begins with."""
        if fitted_estimator is not None and not self._kept:
            self._keep(fitted_estimator)

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        """Keep the weights of the epoch; the task of the whole fit is none."""
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
