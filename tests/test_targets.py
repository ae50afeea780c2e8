"""Real targets, features and losses that no training can use: refused, or warned of."""

import datetime
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import neural_network as theirs
from sklearn.exceptions import ConvergenceWarning

from chainfit import MLPClassifier, MLPRegressor

ROWS = 60
_rng = np.random.RandomState(0)
X = _rng.randn(ROWS, 3)
y = X[:, 0] - X[:, 1]
days = np.arange(ROWS).astype("datetime64[D]")
seconds = np.arange(ROWS).astype("timedelta64[s]")

each_solver = pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam"])


def fit(model, X, y):
    return model.fit(X, y)


def first_partial_fit(model, X, y):
    return model.partial_fit(X, y)


def later_partial_fit(model, X, y):
    return model.partial_fit(X, np.ones(len(X))).partial_fit(X, y)


each_way = pytest.mark.parametrize("way", [fit, first_partial_fit, later_partial_fit])


# -- targets

NOT_NUMBERS = {
    "dates": days,
    "durations": seconds,
    "text": y.astype(str),
    "words": np.array(["a", "b"] * 30),
    "bytes": y.astype("S"),
    "list of dates": list(days),
    "series of dates": pd.Series(days),
    "two columns of dates": np.c_[days, days],
    "objects, dates": days.astype(object),
    "void": np.zeros(ROWS, "V4"),
}


@each_way
@pytest.mark.parametrize("kind", NOT_NUMBERS)
def test_targets_must_be_numbers(way, kind):
    with pytest.raises(TypeError):  # a ufunc says so there
        theirs.MLPRegressor(max_iter=2).fit(X, NOT_NUMBERS[kind])
    with pytest.raises(TypeError, match=r"y must hold numbers|float\(\)"):
        way(MLPRegressor(), X, NOT_NUMBERS[kind])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "target",
    [
        y > 0,
        y.astype(object),
        y.astype(str).astype(object),
        y.astype(np.float16),
        y.astype(np.longdouble),
        np.arange(ROWS, dtype=np.uint8),
        pd.Series(y > 0).astype("category"),
        pd.Series(range(ROWS), dtype="Int64"),
    ],
    ids=lambda target: f"{type(target).__name__} {target.dtype}",
)
def test_numbers_of_any_type_train_as_in_scikit_learn(target):
    ours, other = (
        kind(hidden_layer_sizes=(4,), max_iter=5, random_state=0).fit(X, target)
        for kind in (MLPRegressor, theirs.MLPRegressor)
    )
    # float16 there trains with its own rounding in the loss
    tolerance = 1e-3 if target.dtype == np.float16 else 1e-12
    assert ours.loss_ == pytest.approx(other.loss_, rel=tolerance)


@each_way
def test_targets_must_not_be_missing(way):
    for missing in (np.nan, None, np.inf):
        target = y.astype(object)
        target[3] = missing
        with pytest.raises(ValueError, match=r"Input( y)? contains"):
            way(MLPRegressor(), X, target)


def test_sparse_targets_are_refused():
    for target in (sp.csr_matrix(np.c_[y, y]), sp.csr_array(y[:, np.newaxis])):
        with pytest.raises(TypeError, match="Sparse data was passed for y, but dense data is"):
            MLPRegressor().fit(X, target)


TOO_LARGE = {
    "float32": (np.float32, np.float32(1e37)),
    "above float32": (np.float32, 1e39),
    "negative": (np.float32, -1e30),
    "int": (np.float32, 2**63 - 1),
    "float64": (np.float64, 1e200),
}


@each_way
@pytest.mark.parametrize("rows", [ROWS, 3000], ids="{} rows".format)
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("kind", TOO_LARGE)
def test_targets_whose_squares_overflow_are_refused(way, rows, loss, kind):
    dtype, value = TOO_LARGE[kind]
    target = np.ones(rows, dtype=type(value))
    target[-1] = value
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError) as raised:
            way(MLPRegressor(loss=loss), np.ones((rows, 3), dtype=dtype), target)
    message = str(raised.value)
    assert "y holds a value of size" in message
    assert f"too large to train with in {np.dtype(dtype)}" in message
    assert "Scale the targets" in message
    assert ("precision='float64'" in message) == (dtype == np.float32)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("solver", "learning_rate"), [("adam", 2.0**59 / 10), ("sgd", 0.1)])
def test_large_targets_train_where_their_squares_fit(solver, learning_rate):
    large, target = X.astype(np.float32), 2.0**59 * y
    parameters = {"solver": solver, "learning_rate_init": learning_rate, "max_iter": 50}
    model = MLPRegressor(hidden_layer_sizes=(), random_state=0, **parameters).fit(large, target)
    assert model.score(X, target) > 0.9
    far = MLPRegressor(hidden_layer_sizes=(4,), precision="float64", max_iter=3)
    assert np.isfinite(far.fit(large, 1e37 * y).loss_)


@each_way
def test_poisson_needs_targets_that_are_not_negative(way):
    target = np.ones(ROWS)
    target[7] = -1e-3
    for dtype in (np.float32, np.float64):
        model = MLPRegressor(loss="poisson", random_state=0)
        with pytest.raises(ValueError, match=r"out of the valid range of the loss 'poisson'.*>= 0"):
            way(model, X.astype(dtype), target)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@each_solver
def test_poisson_needs_them_with_each_solver(solver):
    with pytest.raises(ValueError, match=r"out of the valid range of the loss 'poisson'"):
        MLPRegressor(loss="poisson", solver=solver).fit(X, y)
    model = MLPRegressor(loss="poisson", solver=solver, max_iter=200).fit(X, np.zeros(ROWS))
    assert model.predict(X).max() < 1


# -- features

TEXT = {
    "text": X.astype(str),
    "bytes": X.astype("S"),
    "lists of text": X.astype(str).tolist(),
    "a text among numbers": [*X.tolist()[:-1], [1.0, 2.0, "3"]],
}
DATES = {
    "dates": np.c_[days, days],
    "durations": np.c_[seconds, seconds],
    "frame of dates": pd.DataFrame({"a": days, "b": days}),
    "frame with a column of dates": pd.DataFrame({"a": days, "b": y}),
    "frame of times with a zone": pd.DataFrame({"a": pd.Series(days).dt.tz_localize("UTC")}),
    "lists of dates": [list(row) for row in np.c_[days, days]],
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("precision", ["auto", "float32", "float64"])
@pytest.mark.parametrize("kind", [*TEXT, *DATES])
@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_features_must_be_numbers_in_fit_and_predict(estimator, kind, precision):
    data, error, what = (
        (TEXT[kind], ValueError, "bytes/strings")
        if kind in TEXT
        else (DATES[kind], TypeError, "dates/durations")
    )
    message = f"dtype='numeric' is not compatible with arrays of {what}"
    target = (y > 0).astype(int)
    model = estimator(hidden_layer_sizes=(4,), precision=precision, random_state=0)
    with pytest.raises(error, match=message):
        model.fit(data, target)
    with pytest.raises(error, match=message):
        model.partial_fit(data, target, *([[0, 1]] if estimator is MLPClassifier else []))
    columns = np.shape(data)[1]
    model.set_params(solver="lbfgs", max_iter=50).fit(np.resize(X, (ROWS, columns)), target)
    with pytest.raises(error, match=message):
        model.predict(data)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame(X.astype(str), columns=list("abc")),
        X.astype(str).astype(object),
        X.tolist(),
        X > 0,
        pd.DataFrame({"a": pd.Series(range(ROWS), dtype="Int64"), "b": y}),
    ],
    ids=["text columns", "objects", "lists", "booleans", "nullable"],
)
def test_features_that_read_as_numbers_are_taken(data):
    ours, other = (
        kind(hidden_layer_sizes=(4,), max_iter=5, random_state=0).fit(data, y)
        for kind in (MLPRegressor, theirs.MLPRegressor)
    )
    assert ours.loss_ == pytest.approx(other.loss_, rel=1e-12)
    np.testing.assert_allclose(ours.predict(data), other.predict(data), rtol=1e-9)


def test_python_dates_are_refused_as_scikit_learn_refuses_them():
    data = [[datetime.date(2026, 1, 1)]] * ROWS
    with pytest.raises(TypeError, match=r"float\(\) argument must be"):
        MLPRegressor().fit(data, y)


# -- a loss beyond all numbers


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(("dtype", "epochs"), [(np.float32, 25), (np.float64, 200)])
@pytest.mark.parametrize("incremental", [False, True])
def test_an_infinite_loss_is_warned_of(dtype, epochs, incremental):
    # Each step multiplies W by -10: in the end W^2 overflows, and W doesn't yet.
    data, target = np.full((ROWS, 1), np.sqrt(11), dtype=dtype), np.ones(ROWS)
    model = MLPRegressor(
        hidden_layer_sizes=(),
        solver="sgd",
        learning_rate_init=1,
        momentum=0,
        n_iter_no_change=np.inf,
        max_iter=epochs,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning, match=r"grew beyond all bounds.*StandardScaler"):
        if incremental:
            for _ in range(epochs):
                model.partial_fit(data, target)
        else:
            model.fit(data, target)
    assert np.isinf(model.loss_)
    assert np.isfinite(model.coefs_[0]).all()


def test_no_such_warning_of_a_finite_loss():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        MLPRegressor(hidden_layer_sizes=(4,), random_state=0).partial_fit(1e3 * X, y)
