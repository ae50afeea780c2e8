"""Fitted estimators from scikit-learn's own MLPClassifier and MLPRegressor, whole."""

from __future__ import annotations

import copy
from typing import Any

from sklearn import neural_network as theirs

from .classifier import MLPClassifier
from .regressor import MLPRegressor
from .sklearn_convert import copy_fitted, plain_state

_PAIRS = ((MLPClassifier, theirs.MLPClassifier), (MLPRegressor, theirs.MLPRegressor))


def from_sklearn(mlp: Any) -> MLPClassifier | MLPRegressor:
    """Convert a scikit-learn MLP to a chainfit estimator, with all of its fitted state.

    Predictions agree to rounding. `partial_fit`, or `fit` with warm_start=True, continues as the
    original would: weights, optimizer with its velocities or moments and learning rate, loss curve,
    validation scores, classes and feature names are copied. Nothing is shared with the original: a
    RandomState given as `random_state` is copied in its present state.

    Parameters
    ----------
    mlp : sklearn.neural_network.MLPClassifier or sklearn.neural_network.MLPRegressor
        The model, fitted or not.

    Returns
    -------
    model : chainfit.MLPClassifier or chainfit.MLPRegressor
        The estimator; parameters that scikit-learn lacks, such as `n_threads`, have their defaults.

    Raises
    ------
    TypeError
        If `mlp` is of another class.

    See Also
    --------
    MLPClassifier.to_sklearn : The inverse conversion.

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
    copy_fitted(mlp, model)
    if hasattr(mlp, "_optimizer"):
        model._optimizer_state = plain_state(mlp._optimizer, len(mlp.coefs_))
    return model
