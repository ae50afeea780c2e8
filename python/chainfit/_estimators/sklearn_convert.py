"""Fitted estimators to scikit-learn's own MLPClassifier and MLPRegressor, whole.

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
from sklearn.base import is_classifier
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from .parameters import PROGRESS, hidden_units
from .rules import CLASS_LOSSES, SETTINGS, SGD_FAMILY, optimizer_name
from .state import HISTORY

Array = npt.NDArray[Any]

_THEIRS = {
    "activation": ("identity", "logistic", "relu", "tanh"),
    "solver": ("lbfgs", "sgd", "adam"),
    "learning_rate": ("constant", "invscaling", "adaptive"),
    "loss": ("squared_error", "poisson"),
    "out_activation": (None,),
}

# What a fitted estimator holds beside its parameters, in both packages under the same name.
_FITTED = (
    *("coefs_", "intercepts_", "classes_", "n_features_in_", "feature_names_in_", "n_iter_", "t_"),
    *("n_layers_", "n_outputs_", "out_activation_", "_label_binarizer"),
    *HISTORY,
)

# Methods that metadata routing can be asked to pass weights or classes to.
_REQUESTING = ("fit", "partial_fit", "score")


def to_sklearn(estimator: Any) -> Any:
    """Make a scikit-learn MLP of a chainfit estimator; documented as its method."""
    if isinstance(getattr(estimator, "classes_", None), list):
        raise ValueError("scikit-learn's MLP has no targets of several columns of classes.")
    their = theirs.MLPClassifier if is_classifier(estimator) else theirs.MLPRegressor
    names = their().get_params(deep=False)
    for name, known in _THEIRS.items():
        value = getattr(estimator, name, None)
        if value not in known and value not in CLASS_LOSSES:
            raise ValueError(
                f"scikit-learn has no {name}={value!r}, only {', '.join(map(repr, known))}."
            )
    parameters = {name: copy.deepcopy(getattr(estimator, name)) for name in names}
    if isinstance(estimator.hidden_layer_sizes, str):
        parameters["hidden_layer_sizes"] = tuple(hidden_units(estimator.hidden_layer_sizes))
    if estimator.verbose == PROGRESS:
        parameters["verbose"] = True
    mlp = their(**parameters)
    copy_fitted(estimator, mlp)
    state = getattr(estimator, "_optimizer_state", None)
    if state is not None:
        if state["name"] not in ("adam", *SGD_FAMILY):  # which a later `solver` doesn't change
            raise ValueError(
                f"scikit-learn has no optimizer {state['name']!r}, by which this model was trained."
            )
        mlp._optimizer = _optimizer(state, [*mlp.coefs_, *mlp.intercepts_])
    if hasattr(mlp, "coefs_"):
        # where its early stopping under warm_start looks for the best weights so far
        mlp._best_coefs, mlp._best_intercepts = mlp.coefs_, mlp.intercepts_
    return mlp


def copy_fitted(source: Any, target: Any) -> None:
    """Copy the fitted attributes, and which metadata each method asks for."""
    held = {name: vars(source)[name] for name in _FITTED if name in vars(source)}
    # in one go: what two attributes share, classes_ and its binarizer for instance, stays shared
    vars(target).update(copy.deepcopy(held))
    if "_metadata_request" in vars(source):
        with sklearn.config_context(enable_metadata_routing=True):
            for method in _REQUESTING:
                wanted = getattr(source._metadata_request, method).requests
                known = getattr(target.get_metadata_routing(), method).requests
                wanted = {name: wanted[name] for name in wanted if name in known}
                getattr(target, f"set_{method}_request")(**wanted)


def plain_state(optimizer: Any, layers: int) -> dict[str, Any]:
    """Return the content of scikit-learn's optimizer as `Optimizer.state` does that of ours."""
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
