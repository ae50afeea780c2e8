"""The reference against central differences, against scikit-learn, and at the edges of its range.

The reference is the oracle of the compiled kernels. What it is checked against here is independent
of both: the definition of a derivative, and scikit-learn's own multilayer perceptron.
"""

from itertools import pairwise

import numpy as np
import pytest
from scipy.special import expit, softmax, xlogy
from sklearn.neural_network import MLPClassifier, MLPRegressor

from chainfit import reference

ACTIVATIONS = sorted(reference.ACTIVATIONS)
LOSSES = sorted(set(reference.LOSSES) - {"gaussian_nll"})  # which tests/test_losses.py has
UPDATES = sorted(reference.UPDATES)
HIDDEN = [(5,), (5, 4), (4, 3, 5)]

H = 1e-5
KINK_DISTANCE = 1e-2
THIRD_DERIVATIVE = 100.0
ROUNDINGS = 16


def tolerance(J: float) -> float:
    """Bound |central difference - derivative| in float64 for the nets of `problem`.

    Truncation: h^2/6 |d3J/dp3|. Inputs and parameters are of the order of one, z has a variance
    near that of X, and so third derivatives are at most some tens (the largest by far: exp of a
    linear net). Rounding: J is a sum of some 20 terms of the order of |J| or 1, each behind a few
    roundings, so it is off by at most 16 eps (1 + |J|), twice, over a distance of 2h. At h = 1e-5
    that makes 2e-9 and 4e-10 (1 + |J|), while the largest gradients are of the order of 0.1 to 1.
    """
    rounding = ROUNDINGS * np.finfo(np.float64).eps * (1 + abs(J)) / H
    return H**2 / 6 * THIRD_DERIVATIVE + rounding


def targets(loss, rng, rows, n_outputs):
    if loss == "squared_error":
        return rng.uniform(-1, 1, (rows, n_outputs))
    if loss == "binary_log_loss":
        return rng.randint(0, 2, (rows, n_outputs)).astype(float)
    if loss == "log_loss":
        return np.eye(n_outputs)[rng.randint(0, n_outputs, rows)]
    if loss == "gamma":
        return rng.gamma(2.0, 0.5, (rows, n_outputs)) + 0.1
    return rng.poisson(1.0, (rows, n_outputs)).astype(float)


def hidden_z(X, W, b, activation):
    a = reference.forward(X, W, b, activation, "identity")
    return [a[layer] @ W[layer] + b[layer] for layer in range(len(W) - 1)]


def problem(activation, loss, hidden=(5, 4), rows=7, n_outputs=3):
    """Return X, Y, W, b with every hidden z at least `KINK_DISTANCE` away from 0.

    So no difference is taken across the kink of relu or leaky_relu: for a parameter that moves by
    H = 1e-5 to move a z by 0.01, dz/dp would have to be 1000, where it is of the order of one.
    """
    units = [4, *hidden, n_outputs]
    for seed in range(1000):
        rng = np.random.RandomState(seed)
        W = [rng.uniform(-1, 1, (n, m)) * np.sqrt(3 / n) for n, m in pairwise(units)]
        b = [rng.uniform(-0.5, 0.5, n) for n in units[1:]]
        X = rng.uniform(-1.5, 1.5, (rows, units[0]))
        if min(np.abs(z).min() for z in hidden_z(X, W, b, activation)) > KINK_DISTANCE:
            return X, targets(loss, rng, rows, n_outputs), W, b
    raise AssertionError("no seed keeps the hidden layers away from the kinks")


def weights_of(rows):
    return np.random.RandomState(5).uniform(0.2, 3.0, rows)


def differences(J, arrays):
    return [
        np.array([reference.finite_difference(J, p, i, H) for i in np.ndindex(p.shape)]).reshape(
            p.shape
        )
        for p in arrays
    ]


# --- the chain rule ------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted, l2"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_is_the_derivative_of_J(activation, loss, hidden, weighted):
    X, Y, W, b = problem(activation, loss, hidden)
    settings = {"loss": loss}
    if weighted:
        settings |= {"l2": 0.7, "sample_weight": weights_of(len(X))}

    def J():
        a = reference.forward(X, W, b, activation, reference.LOSSES[loss].link)
        return reference.objective(Y, a[-1], W, **settings)

    value, dW, db = reference.gradient(X, Y, W, b, activation=activation, **settings)
    assert value == J()
    for computed, differenced in zip([*dW, *db], differences(J, [*W, *b]), strict=True):
        np.testing.assert_allclose(computed, differenced, rtol=0, atol=tolerance(value))
    assert max(np.abs(g).max() for g in dW) > 1e6 * tolerance(value)  # the test can tell


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_delta_is_the_derivative_by_z(activation, loss):
    # A bias with a row of its own for each row of X is a shift of z itself.
    X, Y, W, b = problem(activation, loss)
    b = [np.tile(bias, (len(X), 1)) for bias in b]
    w = weights_of(len(X))

    def a():
        return reference.forward(X, W, b, activation, reference.LOSSES[loss].link)

    def J():
        return reference.objective(Y, a()[-1], W, loss=loss, sample_weight=w)

    delta = reference.deltas(a(), Y, W, activation, w, b, loss)
    assert list(delta) == [3, 2, 1]
    for layer, differenced in enumerate(differences(J, b), start=1):
        np.testing.assert_allclose(delta[layer], differenced, rtol=0, atol=tolerance(J()))


@pytest.mark.parametrize("loss", LOSSES)
def test_weights_count_rows(loss):
    X, Y, W, b = problem("tanh", loss)
    counts = np.array([2, 0, 1, 3, 1, 0, 2])
    settings = {"activation": "tanh", "loss": loss, "l2": 0.3}
    J, dW, db = reference.gradient(X, Y, W, b, sample_weight=counts.astype(float), **settings)
    X, Y = np.repeat(X, counts, axis=0), np.repeat(Y, counts, axis=0)
    J_repeated, dW_repeated, db_repeated = reference.gradient(X, Y, W, b, **settings)
    assert J == pytest.approx(J_repeated, rel=1e-13)
    for g, repeated in zip([*dW, *db], [*dW_repeated, *db_repeated], strict=True):
        np.testing.assert_allclose(g, repeated, rtol=1e-12, atol=1e-14)


def test_weights_that_sum_to_zero():
    X, Y, W, b = problem("tanh", "log_loss")
    with pytest.raises(ZeroDivisionError):
        reference.gradient(
            X, Y, W, b, activation="tanh", loss="log_loss", sample_weight=np.zeros(len(X))
        )


def test_losses_by_hand():
    Y = np.array([[0.0, 1.0]])
    a = np.array([[0.2, 0.8]])
    expected = {
        "squared_error": (0.2**2 + 0.2**2) / 2,
        "binary_log_loss": -2 * np.log(0.8),
        "log_loss": -np.log(0.8),
        "poisson": 0.2 + np.log(1 / 0.8) - 1 + 0.8,
        "huber": 0.2**2,
        "absolute_error": 0.4,
        "quantile": 0.2,
        "log_cosh": 2 * np.log(np.cosh(0.2)),
        "gamma": np.inf,  # of a target of 0
        "gaussian_nll": (np.log(0.8) + 0.2**2 / 0.8) / 2,
    }
    assert {name: loss.rows(Y, a)[0] for name, loss in reference.LOSSES.items()} == pytest.approx(
        expected, rel=1e-14
    )
    W = [np.array([[3.0, -4.0]])]
    with_l2 = reference.objective(Y, a, W, loss="log_loss", l2=0.1, sample_weight=np.array([2.0]))
    assert with_l2 == pytest.approx(-np.log(0.8) + 0.1 / 2 * 25 / 2, rel=1e-14)


# --- range and dtype -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_are_safe_and_accurate(dtype):
    eps = np.finfo(dtype).eps
    z = np.concatenate([np.linspace(-80, 80, 1601), [-1e30, 1e30, 0.0]]).astype(dtype)
    with np.errstate(all="raise", under="ignore"):
        a = {name: known.f(z) for name, known in reference.ACTIVATIONS.items()}
        rows = np.stack([z, -z, np.zeros_like(z)], axis=1)
        p = reference.LINKS["softmax"](rows)
    for value in (*a.values(), p):
        assert value.dtype == dtype
        assert np.isfinite(value).all()
    for name, known in reference.ACTIVATIONS.items():
        with np.errstate(under="ignore"):
            assert (a[name] * known.df(a[name] if known.given == "a" else z)).dtype == dtype
    np.testing.assert_allclose(a["logistic"], expit(z.astype(float)), rtol=4 * eps, atol=0)
    # softmax: e^(z-c) has the relative error of z - c, at most 160 eps / 2, and exp's own
    np.testing.assert_allclose(p, softmax(rows.astype(float), axis=1), rtol=90 * eps, atol=1e-37)
    np.testing.assert_array_equal(a["relu"], np.where(z > 0, z, 0))
    np.testing.assert_array_equal(a["leaky_relu"], np.where(z > 0, z, dtype(0.01) * z))


def test_slope_at_the_kink_is_the_left_one():
    a = np.array([-2.0, -0.0, 0.0, 1e-300])
    derivative = {name: known.df for name, known in reference.ACTIVATIONS.items()}
    assert derivative["relu"](a).tolist() == [0, 0, 0, 1]
    assert derivative["leaky_relu"](a).tolist() == [0.01, 0.01, 0.01, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_stay_finite_at_saturated_outputs(dtype):
    eps = float(np.finfo(dtype).eps)
    Y = np.array([[1, 0], [0, 1]], dtype)
    with np.errstate(all="raise"):
        wrong = {name: reference.LOSSES[name].rows(Y, 1 - Y) for name in LOSSES if "log" in name}
        right = {name: reference.LOSSES[name].rows(Y, Y) for name in LOSSES if name != "gamma"}
    assert wrong["log_loss"] == pytest.approx([-np.log(eps)] * 2)
    assert wrong["binary_log_loss"] == pytest.approx([-2 * np.log(eps)] * 2)
    assert all(rows.dtype == dtype and np.abs(rows).max() < 4 * eps for rows in right.values())
    with np.errstate(all="raise"):
        assert reference.LOSSES["poisson"].rows(Y, 1 - Y).tolist() == [np.inf, np.inf]
        assert reference.LINKS["exp"](np.full((1, 1), 1e4, dtype)) == np.inf


def test_poisson_of_no_counts_is_the_rate():
    a = np.array([[0.3, 0.0]])
    Y = np.zeros((1, 2))
    assert reference.LOSSES["poisson"].rows(Y, a) == pytest.approx(a.sum())
    Y = np.array([[2.0, 5.0]])
    a = np.array([[1.5, 0.1]])
    expected = (xlogy(Y, Y / a) - Y + a).sum(axis=1)
    np.testing.assert_allclose(reference.LOSSES["poisson"].rows(Y, a), expected, rtol=1e-15)


def float32(arrays):
    return [array.astype(np.float32) for array in arrays]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_float32_stays_float32(activation, loss):
    X, Y, W, b = problem(activation, loss)
    w = weights_of(len(X))
    settings = {"activation": activation, "loss": loss, "l2": 0.1}
    _, dW, db = reference.gradient(X, Y, W, b, sample_weight=w, **settings)
    X, Y, w = float32([X, Y, w])
    W, b = float32(W), float32(b)
    _, dW32, db32 = reference.gradient(X, Y, W, b, sample_weight=w, **settings)
    largest = max(np.abs(g).max() for g in [*dW, *db])
    for g, g32 in zip([*dW, *db], [*dW32, *db32], strict=True):
        assert g32.dtype == np.float32
        np.testing.assert_allclose(g32, g, rtol=0, atol=1e-5 * largest)
    for optimizer in UPDATES:
        state = reference.init_state(W, b, optimizer, eta=0.01)
        reference.step(X, Y, W, b, state, sample_weight=w, **settings)
        slots = [array for slot_W, slot_b in state.slots for array in [*slot_W, *slot_b]]
        assert {array.dtype.name for array in [*W, *b, *slots]} == {"float32"}
        assert all(np.isfinite(array).all() for array in [*W, *b, *slots])


# --- updates and training ------------------------------------------------------------------------


def test_updates_by_hand():
    # J = (w x)^2 / 2 with x = 1: g = w. Two steps from w = 1, eta = 0.1.
    X, Y = np.ones((1, 1)), np.zeros((1, 1))
    velocity = [-0.1, 0.5 * -0.1 - 0.1 * 0.9]  # momentum: w = 1, then 0.9
    nesterov = 1 + 0.5 * -0.1 - 0.1  # 0.85
    expected = {
        "sgd": 0.9 * 0.9,
        "momentum": 0.9 + velocity[1],
        "nesterov": nesterov + 0.5 * (0.5 * -0.1 - 0.1 * nesterov) - 0.1 * nesterov,
    }
    # Adam: the first step is eta g/(|g| + eps sqrt(1/(1-beta2))), the second from the raw moments.
    m, v = 0.1 * 1.0, 0.001 * 1.0
    w = 1 - 0.1 * (m / (1 - 0.9)) / (np.sqrt(v / (1 - 0.999)) + 1e-3 / np.sqrt(1 - 0.999))
    m, v = 0.9 * m + 0.1 * w, 0.999 * v + 0.001 * w**2
    correction = np.sqrt(1 - 0.999**2)
    expected["adam"] = w - 0.1 * (m / (1 - 0.9**2)) / (np.sqrt(v) / correction + 1e-3 / correction)
    for optimizer, result in expected.items():
        W, b = [np.ones((1, 1))], [np.zeros(1)]
        state = reference.init_state(W, b, optimizer, eta=0.1, mu=0.5, eps=1e-3)
        for _ in range(2):
            b[0][:] = 0  # the bias would move as well
            reference.step(X, Y, W, b, state, activation="identity", loss="squared_error")
        assert W[0].item() == pytest.approx(result, rel=1e-14), optimizer
        assert state.steps == 2


def test_adamw_is_adam_on_weights_that_decayed():
    X, Y, W, b = problem("tanh", "squared_error")
    settings = {"activation": "tanh", "loss": "squared_error", "l2": 0.3}
    _, dW, db = reference.gradient(X, Y, W, b, **settings)
    decayed = [p * (1 - 0.1 * 0.25) for p in W]
    eps = 1e-8 / np.sqrt(1 - 0.999)  # the first step of Adam is eta g / (|g| + eps)
    starts = zip([*decayed, *b], [*dW, *db], strict=True)
    expected = [p - 0.1 * g / (abs(g) + eps) for p, g in starts]
    state = reference.init_state(W, b, "adamw", eta=0.1, weight_decay=0.25)
    reference.step(X, Y, W, b, state, **settings)
    for got, right in zip([*W, *b], expected, strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-10)


def scikit_learn_data(task, rng, rows=53):
    """Return X, y as scikit-learn takes it, Y as the reference does, loss, estimator and its task.

    53 rows in batches of 8 leave a short last batch.
    """
    X = rng.standard_normal((rows, 5))
    score = X @ rng.standard_normal((5, 3)) + 0.3 * rng.standard_normal((rows, 3))
    if task == "binary":
        y = (score[:, 0] > 0).astype(int)
        return X, y, y[:, np.newaxis].astype(float), "binary_log_loss", MLPClassifier, {}
    if task == "multilabel":
        y = (score > 0).astype(int)
        return X, y, y.astype(float), "binary_log_loss", MLPClassifier, {}
    if task == "multiclass":
        y = score.argmax(axis=1)
        return X, y, np.eye(3)[y], "log_loss", MLPClassifier, {}
    if task == "poisson":
        y = rng.poisson(np.exp(0.3 * score[:, 0])).astype(float)
        return X, y, y[:, np.newaxis], "poisson", MLPRegressor, {"loss": "poisson"}
    if task == "multi-output":
        return X, score, score, "squared_error", MLPRegressor, {}
    return X, score[:, 0], score[:, :1], "squared_error", MLPRegressor, {}


SOLVERS = {
    "sgd": {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False},
    "momentum": {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": False},
    "nesterov": {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": True},
    "adam": {"solver": "adam", "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-7},
}
CONSTANTS = {"mu": 0.8, "beta1": 0.8, "beta2": 0.99, "eps": 1e-7}
TASKS = ["binary", "multilabel", "multiclass", "regression", "multi-output", "poisson"]
CASES = [
    *((task, "tanh", optimizer, True, True) for task in TASKS for optimizer in SOLVERS),
    *(("multiclass", f, "adam", False, True) for f in ["identity", "logistic", "tanh", "relu"]),
    ("regression", "relu", "nesterov", True, False),
    ("binary", "logistic", "adam", False, False),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("task", "activation", "optimizer", "weighted", "shuffle"), CASES)
def test_training_equals_scikit_learns(task, activation, optimizer, weighted, shuffle):
    # Same seed: the draws of the parameters and of the shuffles are scikit-learn's own.
    rng = np.random.RandomState(1)
    X, y, Y, loss, estimator, arguments = scikit_learn_data(task, rng)
    w = rng.uniform(0.5, 2.0, len(X)) if weighted else None
    eta, l2, epochs, batch_size = 0.01, 0.05, 6, 8
    theirs = estimator(
        hidden_layer_sizes=(6, 4), activation=activation, alpha=l2, learning_rate_init=eta,
        batch_size=batch_size, max_iter=epochs, shuffle=shuffle, random_state=3, tol=0.0,
        **SOLVERS[optimizer], **arguments,
    ).fit(X, y, sample_weight=w)  # fmt: skip

    draws = np.random.RandomState(3)
    W, b = reference.init_parameters([5, 6, 4, Y.shape[1]], activation, draws)
    state = reference.init_state(W, b, optimizer, eta=eta, **CONSTANTS)
    curve = reference.fit(
        X, Y, W, b, state, epochs=epochs, batch_size=batch_size,
        random_state=draws if shuffle else None, activation=activation, loss=loss, l2=l2,
        sample_weight=w,
    )  # fmt: skip

    for mine, other in zip([*W, *b], [*theirs.coefs_, *theirs.intercepts_], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-10, atol=1e-10 * np.abs(other).max())
    assert state.steps == epochs * 7
    if task != "multi-output":  # there scikit-learn reports a mean over outputs, not J
        np.testing.assert_allclose(curve, theirs.loss_curve_, rtol=1e-10)


def test_fit_is_epoch_by_epoch():
    X, Y, W, b = problem("tanh", "log_loss", rows=11)
    settings = {"batch_size": 4, "activation": "tanh", "loss": "log_loss"}
    W_epochs, b_epochs = [w.copy() for w in W], [bias.copy() for bias in b]
    state = reference.init_state(W, b, "adam", eta=0.05)
    curve = reference.fit(
        X, Y, W, b, state, epochs=3, random_state=np.random.RandomState(0), **settings
    )
    state = reference.init_state(W, b, "adam", eta=0.05)
    draws = np.random.RandomState(0)
    order = np.arange(len(X))
    for J in curve:
        order = order[draws.permutation(len(X))]
        assert reference.epoch(X, Y, W_epochs, b_epochs, state, order, **settings) == J
    for mine, other in zip([*W, *b], [*W_epochs, *b_epochs], strict=True):
        np.testing.assert_array_equal(mine, other)
    assert curve[-1] < curve[0]


def test_finite_difference_puts_the_parameter_back():
    p = np.array([0.3, 2.0])
    slope = reference.finite_difference(lambda: p[1] ** 3, p, 1, 1e-5)
    assert slope == pytest.approx(12.0, abs=1e-9)  # h^2/6 * 6 + 8 eps/h
    assert p.tolist() == [0.3, 2.0]

    def fails():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        reference.finite_difference(fails, p, 1, 1e-5)
    assert p.tolist() == [0.3, 2.0]
