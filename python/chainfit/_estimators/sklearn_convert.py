"""Fitted estimators to and from scikit-learn's own MLPClassifier and MLPRegressor, whole.

Both sides name parameters and fitted attributes alike. What differs is the optimizer: here a plain
state with its slots split in coefs and intercepts, there an object with one list for both.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import sklearn
from sklearn import neural_network as theirs
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from .classifier import MLPClassifier
from .optimizer import SETTINGS, optimizer_name
from .regressor import MLPRegressor
from .stochastic import HISTORY

Array = npt.NDArray[Any]

_PAIRS = ((MLPClassifier, theirs.MLPClassifier), (MLPRegressor, theirs.MLPRegressor))

_THEIR_ACTIVATIONS = ("identity", "logistic", "relu", "tanh")

# What a fitted estimator holds beside its parameters, in both packages under the same name.
_FITTED = (
    *("coefs_", "intercepts_", "classes_", "n_features_in_", "feature_names_in_", "n_iter_", "t_"),
    *("n_layers_", "n_outputs_", "out_activation_", "_label_binarizer"),
    *HISTORY,
)

# Methods that metadata routing can be asked to pass weights or classes to.
_REQUESTING = ("fit", "partial_fit", "score")


def from_sklearn(mlp: Any) -> MLPClassifier | MLPRegressor:
    """Make a chainfit estimator of a scikit-learn MLP, with all of its fitted state.

    Predictions agree to rounding, and `partial_fit`, or `fit` with warm_start, goes on as the
    original would: weights, optimizer with its velocities or moments and learning rate, loss curve,
    validation scores, classes and feature names come along. Nothing is shared with the original, so
    a RandomState given as `random_state` is copied as it stands.

    Parameters
    ----------
    mlp : sklearn.neural_network.MLPClassifier or sklearn.neural_network.MLPRegressor
        The model, fitted or not.

    Returns
    -------
    model : chainfit.MLPClassifier or chainfit.MLPRegressor
        With `n_threads` and `precision`, which scikit-learn doesn't have, at their defaults.

    Raises
    ------
    TypeError
        If `mlp` is of no such class.

    Examples
    --------
    >>> import chainfit
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = MLPClassifier(random_state=0, max_iter=1000).fit(X, y)
    >>> model = chainfit.from_sklearn(mlp)
    >>> bool((model.predict(X) == mlp.predict(X)).all())
    True
    """
    pairs = [pair for pair in _PAIRS if isinstance(mlp, pair[1])]
    if not pairs:
        raise TypeError(
            "from_sklearn takes an MLPClassifier or MLPRegressor of sklearn.neural_network, got "
            f"{type(mlp).__name__}."
        )
    ((ours, their),) = pairs
    # of a class derived from theirs, only what theirs has
    names = their().get_params(deep=False)
    model = ours(**{name: copy.deepcopy(getattr(mlp, name)) for name in names})
    _copy_fitted(mlp, model)
    if hasattr(mlp, "_optimizer"):
        model._optimizer_state = _state(mlp._optimizer, len(mlp.coefs_))
    return model


def to_sklearn(model: MLPClassifier | MLPRegressor) -> Any:
    """Make a scikit-learn MLP of a chainfit estimator; documented as its method."""
    (their,) = (their for ours, their in _PAIRS if isinstance(model, ours))
    names = their().get_params(deep=False)
    if model.activation not in _THEIR_ACTIVATIONS:
        raise ValueError(
            f"scikit-learn has no activation={model.activation!r}, only "
            f"{', '.join(map(repr, _THEIR_ACTIVATIONS))}."
        )
    mlp = their(**{name: copy.deepcopy(getattr(model, name)) for name in names})
    _copy_fitted(model, mlp)
    state = getattr(model, "_optimizer_state", None)
    if state is not None:
        mlp._optimizer = _optimizer(state, [*mlp.coefs_, *mlp.intercepts_])
    if hasattr(mlp, "coefs_"):
        # where its early stopping under warm_start looks for the best weights so far
        mlp._best_coefs, mlp._best_intercepts = mlp.coefs_, mlp.intercepts_
    return mlp


def _copy_fitted(source: Any, target: Any) -> None:
    held = {name: vars(source)[name] for name in _FITTED if name in vars(source)}
    # in one go: what two attributes share, classes_ and its binarizer for instance, stays shared
    vars(target).update(copy.deepcopy(held))
    if "_metadata_request" in vars(source):
        with sklearn.config_context(enable_metadata_routing=True):
            for method in _REQUESTING:
                wanted = getattr(source._metadata_request, method).requests
                getattr(target, f"set_{method}_request")(**wanted)


def _state(optimizer: Any, layers: int) -> dict[str, Any]:
    """Plain state of scikit-learn's optimizer."""
    if isinstance(optimizer, AdamOptimizer):
        name, eta, steps = "adam", optimizer.learning_rate_init, optimizer.t
        lists = [optimizer.ms, optimizer.vs]
        settings = {key: getattr(optimizer, key) for key in ("beta_1", "beta_2", "epsilon")}
    else:
        name = optimizer_name("sgd", optimizer.momentum, optimizer.nesterov)
        # plain SGD has velocities too, which it multiplies by 0
        eta, steps, lists = optimizer.learning_rate, 0, [optimizer.velocities]
        lists = lists if name != "sgd" else []
        settings = {
            "learning_rate": optimizer.lr_schedule,
            "momentum": optimizer.momentum,
            "power_t": optimizer.power_t,
        }
    slots = [copy.deepcopy((arrays[:layers], arrays[layers:])) for arrays in lists]
    settings["learning_rate_init"] = optimizer.learning_rate_init
    return {"name": name, "eta": eta, "steps": steps, "slots": slots, "settings": settings}


def _optimizer(state: dict[str, Any], parameters: list[Array]) -> Any:
    """scikit-learn's optimizer of our state, for its list of coefs_ and intercepts_."""
    settings = {key: state["settings"][key] for key in SETTINGS}
    lists = [[*coefs, *intercepts] for coefs, intercepts in copy.deepcopy(state["slots"])]
    eta_init = settings["learning_rate_init"]
    if state["name"] == "adam":
        beta_1, beta_2 = settings["beta_1"], settings["beta_2"]
        adam = AdamOptimizer(parameters, eta_init, beta_1, beta_2, settings["epsilon"])
        adam.t = state["steps"]
        if lists:
            adam.ms, adam.vs = lists
        if adam.t:
            # with its bias correction, as it left the last step
            adam.learning_rate = eta_init * np.sqrt(1 - beta_2**adam.t) / (1 - beta_1**adam.t)
        return adam
    sgd = SGDOptimizer(
        parameters,
        eta_init,
        settings["learning_rate"],
        settings["momentum"],
        state["name"] != "momentum",
        settings["power_t"],
    )
    sgd.learning_rate = state["eta"]
    if lists:
        (sgd.velocities,) = lists
    return sgd
