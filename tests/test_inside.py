"""What is inside a net: activations, gradients by weights and by inputs, attributions, summary."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError

from chainfit import MLPClassifier, MLPRegressor, reference
from chainfit._estimators.rules import ACTIVATIONS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
WEIGHT = np.random.RandomState(0).rand(len(X)) + 0.1

MODELS = {
    "classes": lambda **p: MLPClassifier((6, 5), activation=("tanh", "logistic"), **p).fit(X, y),
    "two": lambda **p: MLPClassifier((6,), activation="tanh", **p).fit(X, y == 1),
    "labels": lambda **p: MLPClassifier((6,), activation="silu", **p).fit(X, np.eye(3)[y]),
    "real": lambda **p: MLPRegressor("squared_error", (6, 5, 4), "gelu", **p).fit(
        X, X[:, :2] * y[:, None]
    ),
    "linear": lambda **p: MLPRegressor("squared_error", (), **p).fit(X, y),
    "quantiles": lambda **p: MLPRegressor("quantile", (6,), "mish", quantile=(0.2, 0.8), **p).fit(
        X, y
    ),
    "variances": lambda **p: MLPRegressor("gaussian_nll", (6,), "softplus", **p).fit(X, y),
    "softplus": lambda **p: MLPRegressor("gamma", (6,), "mish", out_activation="softplus", **p).fit(
        X, y + 1
    ),
    "counts": lambda **p: MLPRegressor("poisson", (7,), "tanh", **p).fit(X, y),
}
TARGETS = {
    "classes": y, "two": y == 1, "labels": np.eye(3)[y], "real": X[:, :2] * y[:, None], "linear": y,
    "counts": y, "quantiles": y, "variances": y, "softplus": y + 1,
}  # fmt: skip
each_model = pytest.mark.parametrize("name", MODELS)
# Those with an output for each target.
each_plain_model = pytest.mark.parametrize(
    "name", sorted(MODELS.keys() - {"quantiles", "variances"})
)


def fitted(name, **parameters):
    return MODELS[name](random_state=0, max_iter=8, alpha=0.1, **parameters)


def output_of(model, rows):
    """Return a[L]."""
    return model.activations(rows, model.n_layers_ - 1)


# -- activations


@each_plain_model
def test_activations_are_those_of_the_forward_pass(name):
    model = fitted(name)
    a = X
    for layer in range(1, model.n_layers_ - 1):
        z = a @ model.coefs_[layer - 1] + model.intercepts_[layer - 1]
        activation = (
            model.activation if isinstance(model.activation, str) else model.activation[layer - 1]
        )
        a = reference.ACTIVATIONS[activation].f(z)
        assert_allclose(model.activations(X, layer), a, rtol=1e-12, atol=1e-14)
    output = output_of(model, X)
    if name in ("classes", "labels"):
        assert_array_equal(output, model.predict_proba(X))
    elif name == "two":
        assert_array_equal(output[:, 0], model.predict_proba(X)[:, 1])
    else:
        assert_array_equal(np.squeeze(output), model.predict(X))


@pytest.mark.parametrize("layer", [0, 4, -1, 1.0, True, None])
def test_layers_that_there_are_none_of(layer):
    with pytest.raises(
        ValueError, match="layer must be an int from 1, the first hidden layer, to 3"
    ):
        fitted("classes").activations(X, layer)


@each_model
def test_equal_bits_on_any_machine_and_for_sparse_rows(name, running_isas, using_isa):
    model = fitted(name)
    last = model.n_layers_ - 1
    looks = [
        lambda m, rows: m.activations(rows, max(1, last - 1)),
        lambda m, rows: m.input_gradient(rows),
        lambda m, rows: m.integrated_gradients(rows, raw=True, n_steps=3),
        lambda m, rows: m.gradients(rows, TARGETS[name]).coefs[0],
    ]
    for look in looks:
        expected = look(model, X)
        for isa in running_isas:
            with using_isa(isa):
                for threads in (1, 2, 3):
                    model.set_params(n_threads=threads)
                    assert_array_equal(look(model, X), expected)
        assert_array_equal(look(model, csr_array(X)), expected)


# -- by the weights


@each_plain_model
@pytest.mark.parametrize("sample_weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_gradients_against_central_differences(name, sample_weight):
    model = fitted(name)
    rows, targets = X[::7], TARGETS[name][::7]
    weight = None if sample_weight is None else sample_weight[::7]
    found = model.gradients(rows, targets, weight)

    def loss():
        # a step of no size reports the loss that it saw
        model.set_params(solver="sgd", momentum=0, learning_rate_init=1e-300, batch_size=len(rows))
        copy = type(model)(**model.get_params()).set_params(warm_start=True)
        vars(copy).update(
            {k: v for k, v in vars(model).items() if k.endswith("_") or k == "_label_binarizer"}
        )
        vars(copy).pop("_optimizer", None)
        outputs = model.n_outputs_ if name == "real" else 1
        data = copy.partial_fit(rows, targets, sample_weight=weight).loss_
        penalty = model.alpha / 2 * sum((W**2).sum() for W in model.coefs_)
        penalty /= len(rows) if weight is None else weight.sum()
        return (data - penalty) * outputs + penalty

    h = 1e-6
    for mine, arrays in zip(found, (model.coefs_, model.intercepts_), strict=True):
        for gradient, array in zip(mine, arrays, strict=True):
            assert gradient.shape == array.shape
            for place in [(0,) * array.ndim, tuple(n - 1 for n in array.shape)]:
                held = array[place]
                array[place] = held + h
                above = loss()
                array[place] = held - h
                below = loss()
                array[place] = held
                # h^2 of curvature, and the loss's rounding over 2 h
                limit = 1e-16 * max(1.0, abs(above)) * 50 / h + 10 * h**2
                assert abs(gradient[place] - (above - below) / (2 * h)) < limit + 1e-9


@each_model
def test_gradients_are_what_a_step_goes_by(name):
    model = fitted(name, solver="sgd", momentum=0.0, learning_rate_init=0.25, shuffle=False)
    model.set_params(batch_size=len(X))
    gradients = model.gradients(X, TARGETS[name])
    before = model.coefs_[0].copy()
    vars(model).pop("_optimizer")
    model.partial_fit(X, TARGETS[name])
    assert_array_equal(model.coefs_[0], before - 0.25 * gradients.coefs[0])


def test_gradients_change_nothing():
    model = fitted("classes")
    before = dict(vars(model))
    weights = [W.copy() for W in model.coefs_]
    model.gradients(X[:3], y[:3])
    assert vars(model) == before
    for W, held in zip(model.coefs_, weights, strict=True):
        assert_array_equal(W, held)


def test_gradients_of_rows_that_lack_a_class():
    """Also of a model that is to start warm, which needs every class to train."""
    model = fitted("classes")
    wanted = model.gradients(X[:1], y[:1])
    found = model.set_params(warm_start=True).gradients(X[:1], y[:1])
    for a, b in zip(found.coefs, wanted.coefs, strict=True):
        assert_array_equal(a, b)


def test_gradients_take_what_fit_takes():
    model = fitted("classes")
    with pytest.raises(ValueError, match="classes not in"):
        model.gradients(X[:2], [0, 7])
    with pytest.raises(ValueError, match="features"):
        model.gradients(X[:2, :2], y[:2])
    with pytest.raises(NotFittedError):
        MLPClassifier().gradients(X, y)


# -- by the inputs


@each_model
@pytest.mark.parametrize("raw", [False, True])
def test_input_gradients_against_central_differences(name, raw):
    model = fitted(name)
    rows, h = X[::9], 1e-6
    for output in range(model.n_outputs_):
        found = model.input_gradient(rows, output, raw=raw)

        def value(at, output=output):
            if not raw:
                return output_of(model, at)[:, output]
            a = model.activations(at, model.n_layers_ - 2) if model.n_layers_ > 2 else at
            return (a @ model.coefs_[-1] + model.intercepts_[-1])[:, output]

        for feature in range(X.shape[1]):
            step = h * np.eye(X.shape[1])[feature]
            expected = (value(rows + step) - value(rows - step)) / (2 * h)
            size = max(1.0, np.abs(value(rows)).max())
            assert_allclose(
                found[:, feature], expected, rtol=0, atol=1e-16 * size * 50 / h + 1e-9 * size
            )


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_input_gradients_of_every_activation(activation):
    model = MLPRegressor("squared_error", (5, 4), activation, random_state=1).initialize(4)
    h = 1e-6
    expected = np.stack(
        [(model.predict(X + h * e) - model.predict(X - h * e)) / (2 * h) for e in np.eye(4)], axis=1
    )
    found = model.input_gradient(X)
    # a row whose z passes 0 within h may have another slope there
    assert np.mean(np.abs(found - expected) < 1e-8) > 0.99


def test_input_gradients_of_pytorch():
    torch = pytest.importorskip("torch")
    model = fitted("classes")
    rows = torch.tensor(X, requires_grad=True)
    a = rows
    functions = [torch.tanh, torch.sigmoid, lambda z: torch.softmax(z, dim=1)]
    for W, b, f in zip(model.coefs_, model.intercepts_, functions, strict=True):
        a = f(a @ torch.tensor(W) + torch.tensor(b))
    for output in range(3):
        (expected,) = torch.autograd.grad(a[:, output].sum(), rows, retain_graph=True)
        assert_allclose(model.input_gradient(X, output), expected.numpy(), rtol=1e-11, atol=1e-14)


@each_model
@pytest.mark.parametrize("baseline", [None, X.mean(axis=0) + 0.5, np.roll(X, 1, axis=0)])
def test_integrated_gradients_add_up_to_the_difference(name, baseline):
    model = fitted(name)
    start = np.zeros_like(X) if baseline is None else np.broadcast_to(baseline, X.shape)
    for output in range(model.n_outputs_):
        found = model.integrated_gradients(X, output, baseline=baseline)
        expected = output_of(model, X)[:, output] - output_of(model, start)[:, output]
        assert_allclose(found.sum(axis=1), expected, atol=1e-8)


def test_float32_stays():
    model = MLPClassifier((5,), random_state=0, max_iter=2).fit(X.astype(np.float32), y)
    rows = X.astype(np.float32)
    for found in (
        model.activations(rows, 1),
        model.input_gradient(rows, 2),
        model.integrated_gradients(rows, 2),
        model.gradients(rows, y).coefs[0],
    ):
        assert found.dtype == np.float32


@pytest.mark.parametrize("output", [-1, 3, 1.0, True, "setosa"])
def test_outputs_that_there_are_none_of(output):
    model = fitted("classes")
    for look in (model.input_gradient, model.integrated_gradients):
        with pytest.raises(ValueError, match="output must be an int from 0 to 2"):
            look(X, output)


@pytest.mark.parametrize("baseline", [np.zeros(3), np.zeros((2, 4)), 0.0, np.full(4, np.nan)])
def test_baselines_that_are_none(baseline):
    with pytest.raises(ValueError, match="baseline must hold finite numbers"):
        fitted("classes").integrated_gradients(X, baseline=baseline)


def test_the_number_of_points_must_be_one():
    with pytest.raises(ValueError, match="n_steps must be an int >= 1, got 0"):
        fitted("classes").integrated_gradients(X, n_steps=0)


# -- summary


def test_a_summary_has_the_numbers():
    model = fitted("classes", precision="float32")
    summary = model.summary()
    assert summary.n_parameters == sum(a.size for a in (*model.coefs_, *model.intercepts_))
    assert summary.nbytes == sum(a.nbytes for a in (*model.coefs_, *model.intercepts_))
    assert summary.optimizer_nbytes == 2 * summary.nbytes
    assert [layer.units for layer in summary.layers] == [4, 6, 5, 3]
    assert [layer.activation for layer in summary.layers] == ["", "tanh", "logistic", "softmax"]
    assert summary.predict_flop == 2 * (4 * 6 + 6 * 5 + 5 * 3)
    assert summary.training_flop == 3 * summary.predict_flop - 2 * 4 * 6
    text = str(summary)
    assert text == repr(summary)
    assert "83 parameters in float32, 332 bytes; the optimizer 'adam' needs 664 bytes more" in text
    html = summary._repr_html_()
    assert html.count("<tr>") == 5
    assert "softmax" in html
    with pytest.raises(NotFittedError):
        MLPClassifier().summary()


@pytest.mark.parametrize(
    ("parameters", "each"),
    [
        ({"solver": "sgd", "momentum": 0}, 0),
        ({"solver": "sgd"}, 8),
        ({"solver": "adam"}, 16),
        ({"solver": "lbfgs"}, 160),
    ],
)
def test_memory_of_the_optimizer(parameters, each):
    summary = MLPRegressor(hidden_layer_sizes=(100,), **parameters).initialize(10).summary()
    assert summary.optimizer_nbytes == each * 1201
