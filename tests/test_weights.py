"""Sample weights: negative ones as in scikit-learn, and any size that a float has."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import neural_network as theirs

import chainfit
from chainfit import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ROWS = 100
_rng = np.random.RandomState(0)
X = _rng.randn(ROWS, 4)
signal = X[:, 0] - X[:, 1]
WEIGHTS = _rng.rand(ROWS) + 0.1
SOLVERS = {
    "adam": {},
    "small batches": {"batch_size": 7},
    "sgd": {"solver": "sgd"},
    "sgd, single rows": {"solver": "sgd", "batch_size": 1, "learning_rate_init": 1e-4},
    "lbfgs": {"solver": "lbfgs", "max_iter": 4},
    "early stopping": {"early_stopping": True},
}
TARGETS = {
    "real": ("MLPRegressor", signal, {}),
    "outputs": ("MLPRegressor", np.c_[signal, X[:, 2]], {}),
    "counts": ("MLPRegressor", _rng.poisson(np.exp(X[:, 0] / 2)), {"loss": "poisson"}),
    "two": ("MLPClassifier", signal > 0, {}),
    "three": ("MLPClassifier", np.digitize(signal, [-0.5, 0.5]), {}),
}
each_solver = pytest.mark.parametrize("solver", SOLVERS)


def fit(package, target, sample_weight, *, dtype=np.float64, **parameters):
    name, y, more = TARGETS[target]
    parameters = {"max_iter": 8, "random_state": 0, "alpha": 0.01, **more, **parameters}
    model = getattr(package, name)(hidden_layer_sizes=(5,), **parameters)
    return model.fit(X.astype(dtype), y, sample_weight=sample_weight)


def parameters_of(model):
    return [*model.coefs_, *model.intercepts_]


@each_solver
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("shift", [0.8, -0.8, -5.0], ids="sum of any sign {:+}".format)
def test_negative_weights_train_as_in_scikit_learn(solver, target, shift):
    if (solver, target) == ("lbfgs", "outputs"):
        pytest.skip("scikit-learn's loss and gradient contradict each other")
    weight = np.random.RandomState(1).randn(ROWS) + shift
    ours, other = (fit(p, target, weight, **SOLVERS[solver]) for p in (chainfit, theirs))
    for mine, expected in zip(parameters_of(ours), parameters_of(other), strict=True):
        assert_allclose(mine, expected, rtol=1e-10, atol=1e-10)
    assert ours.loss_ == pytest.approx(other.loss_, rel=1e-10)


@each_solver
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("exponent", [-1060, -600, -130, -80, 80, 130, 600, 1023])
def test_the_size_of_all_weights_does_not_matter(solver, dtype, exponent):
    # Powers of two, so that rounding is the same; a penalty would have to be scaled as well.
    weight = np.ldexp(np.arange(1.0, ROWS + 1), -7)
    if exponent == -1060:
        weight = np.ones(ROWS)  # denormals have few digits
    expected = fit(chainfit, "real", weight, dtype=dtype, alpha=0, **SOLVERS[solver])
    found = fit(
        chainfit, "real", np.ldexp(weight, exponent), dtype=dtype, alpha=0, **SOLVERS[solver]
    )
    for mine, other in zip(parameters_of(found), parameters_of(expected), strict=True):
        assert_array_equal(mine, other, strict=True)
    assert found.loss_ == expected.loss_


@each_solver
@pytest.mark.parametrize("exponent", [-400, 400])
def test_the_penalty_is_divided_by_the_sum_of_the_weights_of_any_size(solver, exponent):
    expected = fit(chainfit, "real", WEIGHTS, alpha=0.01, **SOLVERS[solver])
    weight, alpha = np.ldexp(WEIGHTS, 2 * exponent), np.ldexp(0.01, 2 * exponent)
    found = fit(chainfit, "real", weight, alpha=alpha, **SOLVERS[solver])
    for mine, other in zip(parameters_of(found), parameters_of(expected), strict=True):
        assert_array_equal(mine, other, strict=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_of_very_different_sizes(dtype):
    weight = np.where(np.arange(ROWS) % 2, 1.0, 1e-320)
    found = fit(chainfit, "real", weight, dtype=dtype)
    expected = fit(theirs, "real", weight)
    for mine, other in zip(parameters_of(found), parameters_of(expected), strict=True):
        assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


@each_solver
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_weights_that_sum_to_zero_are_refused(solver, kind):
    parameters = {"max_iter": 5, "random_state": 0, **SOLVERS[solver], "batch_size": 1000}
    model = kind(hidden_layer_sizes=(5,), **parameters)
    with pytest.raises(ValueError, match="must contain at least one non-zero number"):
        model.fit(X, signal > 0, sample_weight=np.zeros(ROWS))
    with pytest.raises(ValueError, match="Sample weights sum to zero over all rows"):
        model.fit(X, signal > 0, sample_weight=np.tile([1.0, -1.0], ROWS // 2))
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize("weight", [np.inf, np.nan, -np.inf])
def test_weights_that_are_no_numbers_are_refused(weight):
    for sample_weight in (weight, np.full(ROWS, weight)):
        with pytest.raises(ValueError, match=r"Input sample_weight contains (NaN|infinity)"):
            MLPRegressor().fit(X, signal, sample_weight=sample_weight)


@pytest.mark.parametrize(
    ("dtype", "alpha", "weight", "by"),
    [
        (np.float64, 1e300, None, "number of rows"),
        (np.float32, 1e300, None, "number of rows"),
        (np.float32, 1e22, None, "number of rows"),
        (np.float64, 1e-4, 1e-320, "sum of the sample weights"),
        (np.float32, 1e-4, 1e-40, "sum of the sample weights"),
        (np.float32, 1e-4, -1e-40, "sum of the sample weights"),
    ],
)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_penalty_beyond_the_dtype_is_refused(dtype, alpha, weight, by, solver):
    model = MLPRegressor(alpha=alpha, solver=solver)
    with pytest.raises(
        ValueError, match=f"alpha=.* is divided by the {by} and .* {dtype.__name__}"
    ):
        model.fit(X.astype(dtype), signal, sample_weight=weight)
    assert not hasattr(model, "coefs_")


def test_partial_fit_scales_weights_too():
    weight = np.full(ROWS, 2.0**-1060)
    scaled, plain = (
        MLPRegressor(hidden_layer_sizes=(5,), random_state=0, alpha=0) for _ in range(2)
    )
    for _ in range(3):
        scaled.partial_fit(X, signal, sample_weight=weight)
        plain.partial_fit(X, signal)
    for mine, other in zip(parameters_of(scaled), parameters_of(plain), strict=True):
        assert_array_equal(mine, other, strict=True)
