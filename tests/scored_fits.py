"""Fits with rows to validate on, and their scores by scikit-learn's metrics."""

import numpy as np
import pytest
import sklearn
from sklearn.metrics import accuracy_score, log_loss, r2_score

from chainfit import MLPClassifier, MLPRegressor

_rng = np.random.RandomState(0)
X, X_val = _rng.randn(120, 5), _rng.randn(41, 5)
WEIGHT = _rng.rand(41) + 0.1


def signal(inputs):
    return inputs[:, 0] - inputs[:, 1] * inputs[:, 2]


TARGETS = {
    "real": signal,
    "two real": lambda inputs: np.c_[signal(inputs), inputs[:, 3]],
    "binary": lambda inputs: np.where(signal(inputs) > 0, "yes", "no"),
    "multiclass": lambda inputs: np.digitize(signal(inputs), [-1.0, 0.5]),
    "multilabel": lambda inputs: (np.c_[signal(inputs), inputs[:, 3]] > 0).astype(int),
}
each_target = pytest.mark.parametrize("target", TARGETS)


def case(target, **parameters):
    kind = MLPRegressor if "real" in target else MLPClassifier
    settings = {"hidden_layer_sizes": (8,), "random_state": 0, "learning_rate_init": 0.02}
    model = kind(**{**settings, "max_iter": 12, **parameters})
    y, y_val = TARGETS[target](X), TARGETS[target](X_val)
    return model, y, {"X_val": X_val, "y_val": y_val}


def scored(model, weight=None):
    """Return scikit-learn's score and loss of the model on the validation rows."""
    y_val = next(make for make in TARGETS.values() if _suits(model, make(X_val)))(X_val)
    output, predicted = model._forward(X_val), model.predict(X_val)
    if isinstance(model, MLPRegressor):
        loss = np.average(
            ((output - y_val.reshape(len(y_val), -1)) ** 2).mean(axis=1), weights=weight
        )
        return r2_score(y_val, predicted, sample_weight=weight), loss / 2
    if y_val.ndim > 1:
        columns = zip(y_val.T, output.T, strict=True)
        loss = sum(log_loss(y, p, sample_weight=weight) for y, p in columns)
    else:
        loss = log_loss(y_val, model.predict_proba(X_val), sample_weight=weight)
    return accuracy_score(y_val, predicted, sample_weight=weight), loss


def _suits(model, y):
    if isinstance(model, MLPRegressor):
        return y.dtype.kind == "f" and y[0].size == model.n_outputs_
    kind = model._label_binarizer.y_type_
    return y.dtype.kind != "f" and sklearn.utils.multiclass.type_of_target(y) == kind
