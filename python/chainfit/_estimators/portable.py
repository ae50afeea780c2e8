"""How a fitted estimator leaves the process: pickles, model files, scikit-learn's own classes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar, Self

from .._common.bases import BaseEstimator
from .._common.public import public_class
from .._common.published import Published
from .optimizer import Optimizer
from .record import packed, unpacked


class Portable(Published, BaseEstimator):
    """The part of an estimator that turns its live optimizer into plain content and back.

    The optimizer holds a C++ object, which stays in the process.
    """

    _own_parameters: ClassVar[dict[str, Any]]

    def _live_optimizer(self) -> Optimizer | None:
        """Return the optimizer that goes with the weights published last."""
        optimizer: Optimizer | None = self.__dict__.get("_optimizer")
        return optimizer

    @contextmanager
    def _at_rest(self) -> Iterator[Self]:
        """Yield a copy of the model whose weights and optimizer belong together.

        Other threads wait for a running `partial_fit` to end. A signal handler inside of it gets
        the weights of the last whole step.
        """
        while True:
            optimizer = self._live_optimizer()
            with nullcontext() if optimizer is None else optimizer.lock:
                copy = self._sharing(self.__dict__.copy())
                if copy._live_optimizer() is not optimizer:
                    continue  # a fit came first
                if optimizer is not None and optimizer.running:
                    copy.__dict__.update(optimizer.weights())
                yield copy
                return

    @property
    def _optimizer_state(self) -> dict[str, Any]:
        """The optimizer as plain content; no such attribute where there is no optimizer."""
        optimizer = self._live_optimizer()
        if optimizer is None:
            raise AttributeError(
                f"'{type(self).__name__}' object has no attribute '_optimizer_state'"
            )
        with optimizer.lock:
            return optimizer.state()

    @_optimizer_state.setter
    def _optimizer_state(self, state: Mapping[str, Any] | None) -> None:
        self.__dict__.pop("_optimizer", None)
        if state is not None:
            self._optimizer = Optimizer.from_state(state, vars(self))

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes to pickle: plain content in place of the live optimizer."""
        with self._at_rest() as model:
            state: dict[str, Any] = dict(super(Portable, model).__getstate__())
            if state.pop("_optimizer", None) is not None:
                state["_optimizer_state"] = model._optimizer_state
            if "_epochs" in state:
                state["_epochs"] = packed(state["_epochs"])
            return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the attributes of a pickle; the optimizer is built when training goes on."""
        # a pickle may be older than a rule of the core and its parameters
        state = {**type(self)._own_parameters, **state}
        optimizer = state.pop("_optimizer_state", None)
        if "_epochs" in state:
            state["_epochs"] = unpacked(state["_epochs"])
        super().__setstate__(state)
        if optimizer is not None:
            self._optimizer_state = optimizer

    def save(self, path: str | bytes | os.PathLike) -> None:
        """Write the fitted model to one safetensors file, to be read by ``chainfit.load``.

        Parameters
        ----------
        path : str, bytes or path-like
            The file. An existing one is replaced as a whole or, on failure, left as it was; the new
            file has its owner, group and mode.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        TypeError
            If `path` is no path, or if a parameter or a class label is of a type that a file cannot
            hold.
        OSError
            If the file can't be written.

        See Also
        --------
        chainfit.load : Read the model back.

        Examples
        --------
        >>> import os, tempfile
        >>> import chainfit
        >>> model = chainfit.MLPRegressor.from_weights([[[2.0], [-1.0]]], [[1.0]])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.safetensors")
        ...     model.save(path)
        ...     chainfit.load(path).predict([[3.0, 1.0]])
        array([6.])
        """
        from .._files.model import save
        from .model_file import kind_of

        with self._at_rest() as model:
            save(kind_of(public_class(model)), model, path)

    def to_sklearn(self) -> Any:
        """Make a scikit-learn MLP of this estimator, with all of its fitted state.

        Predictions agree to rounding. `partial_fit`, or `fit` with warm_start=True, continues as
        this model would, unless it uses parameters that scikit-learn lacks, such as `dropout` or
        `class_weight`, which are dropped. Nothing is shared with this model: a RandomState given as
        `random_state` is copied in its present state.

        Returns
        -------
        mlp : sklearn.neural_network.MLPClassifier or sklearn.neural_network.MLPRegressor
            The model, with the parameters that scikit-learn has.

        Raises
        ------
        ValueError
            If activation, solver, schedule, loss or output activation is one that scikit-learn
            doesn't have, or if the targets were several columns of classes.

        See Also
        --------
        chainfit.from_sklearn : The inverse conversion.

        Examples
        --------
        >>> from chainfit import MLPRegressor
        >>> model = MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", random_state=0)
        >>> mlp = model.fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 4.0]).to_sklearn()
        >>> type(mlp)
        <class 'sklearn.neural_network._multilayer_perceptron.MLPRegressor'>
        """
        from .sklearn_convert import to_sklearn

        with self._at_rest() as model:
            return to_sklearn(model)
