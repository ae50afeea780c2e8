"""Losses that are functions of the user: as good as the core's, refused where they are wrong."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit, logsumexp, softmax
from sklearn.base import clone

import chainfit
from chainfit import MLPClassifier, MLPRegressor

RNG = np.random.RandomState(0)
X = RNG.randn(90, 4)
Y = np.c_[X[:, 0] * X[:, 1], X[:, 2] + 0.1 * RNG.randn(90)]
LABELS = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.5, 0.5])]
WEIGHT = RNG.uniform(0.2, 2, 90)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def squared(y, z):
    return ((z - y) ** 2).sum(axis=1) / 2, z - y


def absolute(y, z):
    return abs(z - y).sum(axis=1), np.sign(z - y)


def log_loss(y, z):
    if z.shape[1] == 1:
        return np.logaddexp(0, z[:, 0]) - y[:, 0] * z[:, 0], expit(z) - y
    return logsumexp(z, axis=1) - (y * z).sum(axis=1), softmax(z, axis=1) - y


def regressor(loss=squared, **settings):
    settings = {"hidden_layer_sizes": (7, 5), "max_iter": 5, "random_state": 0, **settings}
    return MLPRegressor(loss, **settings)


def assert_same(model, other, rtol=0.0):
    for a, b in zip(
        model.coefs_ + model.intercepts_, other.coefs_ + other.intercepts_, strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"solver": "sgd", "batch_size": 40},
        {"dropout": 0.3, "batch_size": 40},
        {"clip_norm": 0.1, "batch_size": 40},
        {"early_stopping": True, "batch_size": 27},
        {"out_activation": "softplus", "solver": "lbfgs"},
        {"precision": "float32", "batch_size": 45},
    ],
    ids=str,
)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_squared_error_again(settings, weight):
    """On the road of tiles even to the bits; a link is then a part of the function."""
    if "out_activation" in settings:
        own = lambda y, z: (  # noqa: E731
            ((np.logaddexp(0, z) - y) ** 2).sum(axis=1) / 2, (np.logaddexp(0, z) - y) * expit(z)
        )  # fmt: skip
        ours, right = regressor(own, **settings), regressor("squared_error", **settings)
        rtol = 1e-5  # L-BFGS's own
    else:
        ours, right, rtol = regressor(**settings), regressor("squared_error", **settings), 0.0
    ours.fit(X, Y, weight), right.fit(X, Y, weight)
    assert_same(ours, right, rtol)
    np.testing.assert_allclose(ours.predict(X), right.predict(X), rtol=rtol * 10, atol=rtol)
    if not settings:  # ours is summed over the outputs, not averaged
        penalty = ours.alpha / 2 * sum((W**2).sum() for W in ours.coefs_) / 90
        assert ours.loss_ > 1.5 * right.loss_ - penalty


@pytest.mark.parametrize("batch_size", [1, 5, 17])
def test_small_batches_sparse_rows_partial_fit(batch_size):
    for rows in (X, sp.csr_matrix(np.where(abs(X) > 1, X, 0))):
        ours = regressor(batch_size=batch_size).fit(rows, Y)
        right = regressor("squared_error", batch_size=batch_size).fit(rows, Y)
        assert_same(ours, right, 1e-9)
        for _ in range(2):
            ours.partial_fit(rows, Y), right.partial_fit(rows, Y)
        assert_same(ours, right, 1e-9)


@pytest.mark.parametrize("labels", [LABELS, LABELS == "a", (Y > 0).astype(int)])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_classifiers(labels, solver):
    def multilabel(y, z):
        return (np.logaddexp(0, z) - y * z).sum(axis=1), expit(z) - y

    settings = {"solver": solver, "max_iter": 5, "random_state": 0, "hidden_layer_sizes": (6,)}
    ours = MLPClassifier(loss=multilabel if labels.ndim == 2 else log_loss, **settings)
    ours.fit(X, labels)
    right = MLPClassifier(**settings).fit(X, labels)
    assert_same(ours, right, 1e-6 if solver == "lbfgs" else 1e-9)
    np.testing.assert_array_equal(ours.predict(X), right.predict(X))
    np.testing.assert_allclose(ours.loss_, right.loss_, rtol=1e-6)


def test_bits_on_any_number_of_threads(many_threads):
    prints = set()
    for n_threads in (1, 2, 3):
        model = regressor(absolute, n_threads=n_threads, hidden_layer_sizes=(300, 300))
        model.set_params(batch_size=90, max_iter=2).fit(np.tile(X, (1, 30)), Y)
        prints.add(b"".join(W.tobytes() for W in model.coefs_))
    assert len(prints) == 1


def test_validation():
    model = regressor(scoring="loss", early_stopping=True)
    model.fit(X[:60], Y[:60], X_val=X[60:], y_val=Y[60:])
    losses = squared(Y[60:], model.predict(X[60:]))[0]
    assert -model.best_validation_score_ == pytest.approx(losses.mean(), rel=1e-12)


def test_gradients_are_those_of_the_function():
    ours, right = regressor().fit(X, Y), regressor("squared_error").fit(X, Y)
    right.coefs_, right.intercepts_ = ours.coefs_, ours.intercepts_
    for a, b in zip(ours.gradients(X, Y).coefs, right.gradients(X, Y).coefs, strict=True):
        np.testing.assert_array_equal(a, b)


# --- what is refused -----------------------------------------------------------------------------

WRONG = {
    "derivative": (lambda y, z: (squared(y, z)[0], y - z), ValueError, "is not its own"),
    "a hundredth": (lambda y, z: (squared(y, z)[0], 1.01 * (z - y)), ValueError, "is not its own"),
    "factor": (lambda y, z: (2 * squared(y, z)[0], z - y), ValueError, "is not its own"),
    "no pair": (lambda y, z: squared(y, z)[0], TypeError, "must return a pair"),
    "a number": (lambda y, z: (squared(y, z)[0].sum(), z - y), ValueError, "losses of shape"),
    "one slope": (lambda y, z: (squared(y, z)[0], (z - y)[:, 0]), ValueError, "derivatives of"),
    "text": (lambda y, z: (np.full(len(y), "1"), z - y), ValueError, "losses of shape"),
    "error": (lambda y, z: 1 / 0, ZeroDivisionError, "division"),
}


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_leaves_all_as_it_was(kind, solver):
    function, error, message = WRONG[kind]
    generator = np.random.RandomState(3)
    model = regressor("squared_error", solver=solver).fit(X, Y)
    model.set_params(loss=function, random_state=generator)
    before, state = model.coefs_[0].copy(), generator.get_state()[1].copy()
    attributes = {name for name in vars(model)}
    with pytest.raises(error, match=message):
        model.fit(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], before)
    np.testing.assert_array_equal(generator.get_state()[1], state)
    assert {name for name in vars(model)} == attributes


def test_an_error_in_the_middle():
    calls = []

    def fails(y, z):
        calls.append(len(y))
        if len(calls) > 20:
            raise RuntimeError("enough")
        return squared(y, z)

    model = regressor("squared_error", batch_size=10).fit(X, Y)
    before = model.coefs_[0].copy()
    with pytest.raises(RuntimeError, match="enough"):
        model.set_params(loss=fails).fit(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], before)


def test_files_pickles_clones_explanations(tmp_path):
    model = regressor(absolute).fit(X, Y)
    assert clone(model).loss is absolute
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    with pytest.raises(TypeError, match="cannot save"):
        model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())
    assert chainfit.explain(model, X[:2], Y[:2], "w_12^(1)").trace.loss_rows.shape == (2,)
