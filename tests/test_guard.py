"""A fit that learned nothing says so, and no other does."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris, make_friedman1
from sklearn.exceptions import ConvergenceWarning

from chainfit import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor, data

_rng = np.random.RandomState(0)
X = _rng.randn(80, 4)
y = X[:, 0] - X[:, 1] ** 2
TARGETS = {
    "squared_error": y,
    "poisson": np.exp(y),
    "huber": y,
    "two": np.c_[y, X[:, 2]],
    "binary": y > 0,
    "multiclass": np.digitize(y, [-1.0, 0.5]),
    "multilabel": (np.c_[y, X[:, 2]] > 0).astype(int),
}


def net(target, **parameters):
    settings = {"hidden_layer_sizes": (6,), "random_state": 0, "max_iter": 300, **parameters}
    if target in ("squared_error", "poisson", "huber"):
        return MLPRegressor(target, **settings)
    return (MLPRegressor if target == "two" else MLPClassifier)(**settings)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_features_that_say_nothing(target, solver):
    constant = np.ones_like(X)
    model = net(target, solver=solver, learning_rate_init=0.05)
    with pytest.warns(ConvergenceWarning, match="The model learned nothing: its loss"):
        model.fit(constant, TARGETS[target])


@pytest.mark.parametrize(
    ("target", "parameters"),
    [
        *((target, {}) for target in ("binary", "multiclass", "multilabel", "huber")),
        *((target, {"label_smoothing": 0.2}) for target in ("binary", "multiclass")),
    ],
)
def test_the_constant_goes_by_weights_and_smoothed_targets(target, parameters):
    """L-BFGS comes to the least loss of a constant, and no further."""
    model = net(target, solver="lbfgs", alpha=0.0, tol=1e-9, **parameters)
    with pytest.warns(ConvergenceWarning, match="learned nothing") as told:
        model.fit(np.ones_like(X), TARGETS[target], _rng.rand(80) + 0.1)
    words = next(str(w.message) for w in told if "learned nothing" in str(w.message))
    loss, constant = (float(word.rstrip(",.")) for word in words.split() if word[0].isdigit())
    assert loss == pytest.approx(constant, rel=2e-5) == pytest.approx(model.loss_, rel=2e-5)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_function_as_loss_is_compared_with_itself(size, solver):
    def loss(y_true, raw):
        return size * ((raw - y_true) ** 2).sum(axis=1), 2 * size * (raw - y_true)

    settings = {"solver": solver, "learning_rate_init": 0.05, "alpha": 0.0, "n_iter_no_change": 3}
    model = MLPRegressor(loss, (6,), random_state=0, max_iter=300, tol=1e-4 * size, **settings)
    with pytest.warns(ConvergenceWarning, match="The model learned nothing: its loss"):
        model.fit(np.ones_like(X), y)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*learned nothing")
        warnings.filterwarnings("ignore", message=".*(Maximum iterations|lbfgs failed)")
        model.fit(X, y)


def test_dead_units():
    """All inputs are far below 0 for every relu, and stay there."""
    model = MLPRegressor(
        hidden_layer_sizes=(4,), solver="sgd", random_state=0, warm_start=True, max_iter=200
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.set_params(max_iter=1).fit(X, y)
        model.intercepts_[0][:] = -1e3
        model.set_params(max_iter=300)
    with pytest.warns(ConvergenceWarning, match="learned nothing"):
        model.fit(X, y)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_what_learned_says_nothing(target, solver):
    rate = 0.01 if target == "poisson" else 0.05
    model = net(target, solver=solver, learning_rate_init=rate, n_iter_no_change=3)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*learned nothing")
        warnings.filterwarnings("ignore", message=".*(Maximum iterations|lbfgs failed)")
        model.fit(X, TARGETS[target])


@pytest.mark.parametrize("y", [np.zeros(80), np.full(80, 3.5)])
def test_constant_targets_are_learned(y):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*learned nothing")
        MLPRegressor(
            hidden_layer_sizes=(3,), random_state=0, max_iter=1000, learning_rate_init=0.05
        ).fit(X, y)


@pytest.mark.parametrize("stops", [{"max_iter": 100}, {"tol": 1.0}, {"early_stopping": True}])
def test_an_average_that_lags(stops):
    """Of a fit that learned: its average is still that of the first steps."""
    model = net("binary", average="ema", learning_rate_init=0.05, **stops)
    with pytest.warns(ConvergenceWarning, match=r"[89].% of which are the weights after the first"):
        model.fit(X, TARGETS["binary"])
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*are an average")
        warnings.filterwarnings("ignore", message=".*Maximum iterations")
        model.set_params(average_decay=0.5).fit(X, TARGETS["binary"])
        model.set_params(average_decay=0.999, average=None).fit(X, TARGETS["binary"])


def test_an_average_goes_on_from_a_checkpoint(tmp_path):
    """The steps of all parts of a fit count, not those since it was taken up."""
    model = net("binary", average="ema", average_decay=0.95, tol=0.0, checkpoint=tmp_path / "a")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*are an average")
        warnings.filterwarnings("ignore", message=".*Maximum iterations")
        model.set_params(max_iter=100).fit(X, TARGETS["binary"])
        model.set_params(max_iter=102).fit(X, TARGETS["binary"])


def test_what_an_earlier_fit_learned_does_not_count():
    model = net("binary", warm_start=True, learning_rate_init=0.05, n_iter_no_change=3)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*learned nothing")
        model.fit(X, TARGETS["binary"])
    with pytest.warns(ConvergenceWarning, match="learned nothing"):
        model.fit(np.ones_like(X), TARGETS["binary"])


def test_negative_weights_have_no_constant_to_compare_with():
    """A loss with these may have no least value."""
    weight = np.where(np.arange(80) % 4, 1.0, -0.5)
    model = net("squared_error", tol=1.0, n_iter_no_change=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.fit(np.ones_like(X), y, weight).converged_


def test_data_that_are_not_scaled_but_do():
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*learned nothing")
        warnings.filterwarnings("ignore", message=".*Maximum iterations")
        MLPClassifier(random_state=0, early_stopping=True).fit(*load_iris(return_X_y=True))
        MLPRegressor(random_state=0).fit(*make_friedman1(random_state=0))


# --- rows that are not in memory -----------------------------------------------------------------


def fit_by_windows(X, target, weight=None, **settings):
    source = data.Arrays(X, TARGETS[target], weight, block_rows=10, buffer_rows=40)
    model = net(target, learning_rate_init=0.05, batch_size=20, **settings)
    return model.fit(source)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("target", TARGETS)
def test_a_source_whose_features_say_nothing(target, weighted):
    weight = _rng.uniform(0.5, 2, len(X)) if weighted else None
    with pytest.warns(ConvergenceWarning, match="The model learned nothing: its loss on a sample"):
        fit_by_windows(np.ones_like(X), target, weight)


@pytest.mark.parametrize("target", TARGETS)
def test_a_source_that_was_learned_from(target):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*learned nothing")
        warnings.filterwarnings("ignore", message=".*Maximum iterations")
        fit_by_windows(X, target, n_iter_no_change=3)


@pytest.mark.parametrize("settings", [{"early_stopping": True}, {"average": "ema"}])
def test_a_source_and_what_decides_the_weights(settings):
    with pytest.warns(ConvergenceWarning, match="The model learned nothing: its loss on a sample"):
        fit_by_windows(np.ones_like(X), "squared_error", **settings)


def test_a_source_with_weights_of_classes():
    with pytest.warns(ConvergenceWarning, match="The model learned nothing: its loss on a sample"):
        fit_by_windows(np.ones_like(X), "multiclass", class_weight="balanced")


# --- tables --------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["squared_error", "multiclass"])
def test_tables(target):
    cls = TabularRegressor if target == "squared_error" else TabularClassifier
    model = cls("fast", random_state=0, n_nets=2, max_iter=200, learning_rate_init=0.05)
    nothing = {"x": np.arange(80) % 2, "town": ["Bonn", "Rome"] * 40}
    y_alike = np.repeat(TARGETS[target][:40], 2)
    with pytest.warns(ConvergenceWarning, match="The model learned nothing: of net 1, its loss"):
        model.fit(nothing, y_alike)
    source = data.Arrays(pd.DataFrame(nothing), y_alike, block_rows=8, buffer_rows=20)
    with pytest.warns(ConvergenceWarning, match="learned nothing: of net 1, its loss on a sample"):
        model.set_params(batch_size=8).fit(source)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*learned nothing")
        warnings.filterwarnings("ignore", message=".*Maximum iterations")
        model.fit(X, TARGETS[target])
