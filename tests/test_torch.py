"""PyTorch's losses, activations and Adam in float64, over 50 steps; skipped where there is none."""

import numpy as np
import pytest

from chainfit import MLPClassifier, MLPRegressor, _core

torch = pytest.importorskip("torch")
F = torch.nn.functional

ACTIVATIONS = {
    "identity": lambda z: z,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "gelu": F.gelu,
    "silu": F.silu,
    "elu": F.elu,
    "selu": F.selu,
    "softplus": lambda z: F.softplus(z, threshold=700),
    "mish": F.mish,
    "exp": torch.exp,
}


def pinball(a, y, quantile):
    return torch.where(y > a, quantile * (y - a), (1 - quantile) * (a - y))


# (a, y) -> loss of each output; PyTorch's are not halved, have their constants, or are not there.
LOSSES = {
    "squared_error": lambda a, y: F.mse_loss(a, y, reduction="none") / 2,
    "absolute_error": lambda a, y: F.l1_loss(a, y, reduction="none"),
    "huber": lambda a, y: F.huber_loss(a, y, reduction="none", delta=1.35),
    "log_cosh": lambda a, y: torch.log(torch.cosh(a - y)),
    "quantile": lambda a, y: pinball(a, y, 0.5),
    "poisson": lambda a, y: F.poisson_nll_loss(a, y, log_input=False, eps=0, reduction="none"),
    "gamma": lambda a, y: y / a + torch.log(a),
}
# PyTorch adds epsilon to sqrt(v / (1 - beta2^t)), we to sqrt(v): it must not count.
EPSILON = 1e-30

X = np.random.RandomState(0).randn(60, 4)
Y = np.random.RandomState(1).gamma(2.0, 0.6, (60, 2)) + 0.05


def train(W, b, activation, loss_of_rows, batch=12, epochs=10):
    """Make 50 steps of Adam with torch; return its W and b."""
    W, b = ([torch.tensor(a, requires_grad=True) for a in part] for part in (W, b))
    adam = torch.optim.Adam([*W, *b], lr=0.01, eps=EPSILON)
    for _ in range(epochs):
        for start in range(0, len(X), batch):
            rows = slice(start, start + batch)
            a = torch.tensor(X[rows])
            for layer in range(len(W) - 1):
                a = ACTIVATIONS[activation](a @ W[layer] + b[layer])
            adam.zero_grad()
            loss_of_rows(a @ W[-1] + b[-1], rows).mean().backward()
            adam.step()
    return [[a.detach().numpy() for a in part] for part in (W, b)]


def trained(estimator, y):
    """Return the model after 50 steps, and the weights that it began with."""
    settings = {
        "hidden_layer_sizes": (6, 5), "solver": "adam", "alpha": 0.0, "batch_size": 12,
        "shuffle": False, "learning_rate_init": 0.01, "epsilon": EPSILON, "random_state": 0,
        "tol": 0.0,
    }  # fmt: skip
    model = estimator.set_params(**settings)
    begin = type(model)(**{**model.get_params(), "learning_rate_init": 1e-300, "max_iter": 1})
    begin.fit(X, y)
    return model.set_params(max_iter=10).fit(X, y), begin.coefs_, begin.intercepts_


pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def assert_same(model, theirs):
    for ours, right in zip((model.coefs_, model.intercepts_), theirs, strict=True):
        for a, r in zip(ours, right, strict=True):
            np.testing.assert_allclose(a, r, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("activation", _core.activations())
def test_activations(activation):
    if activation not in ACTIVATIONS:
        pytest.skip("PyTorch has none such")
    model, W, b = trained(MLPRegressor(activation=activation), Y)
    y = torch.tensor(Y)
    theirs = train(W, b, activation, lambda z, rows: ((z - y[rows]) ** 2).sum(axis=1) / 2)
    assert_same(model, theirs)


@pytest.mark.parametrize("link", [None, "softplus", "exp", "logistic"])
@pytest.mark.parametrize("loss", LOSSES)
def test_losses(loss, link):
    model, W, b = trained(MLPRegressor(loss, activation="tanh", out_activation=link), Y)
    y, f = torch.tensor(Y), ACTIVATIONS[model.out_activation_]
    theirs = train(W, b, "tanh", lambda z, rows: LOSSES[loss](f(z), y[rows]).sum(axis=1))
    assert_same(model, theirs)


def test_quantiles():
    levels = (0.2, 0.7)
    model, W, b = trained(MLPRegressor("quantile", activation="tanh", quantile=levels), Y)
    y = torch.tensor(Y)

    def loss(z, rows):
        parts = [pinball(z[:, 2 * k : 2 * k + 2], y[rows], q) for k, q in enumerate(levels)]
        return sum(parts).sum(axis=1)

    assert_same(model, train(W, b, "tanh", loss))


def test_gaussian_nll():
    model, W, b = trained(MLPRegressor("gaussian_nll", activation="tanh"), Y)
    y = torch.tensor(Y)

    def loss(z, rows):
        variance = torch.exp(z[:, 2:])
        each = F.gaussian_nll_loss(z[:, :2], y[rows], variance, eps=1e-300, reduction="none")
        return each.sum(axis=1)

    assert_same(model, train(W, b, "tanh", loss))


@pytest.mark.parametrize("smoothing", [0.0, 0.15])
@pytest.mark.parametrize("classes", [2, 3])
def test_log_loss(classes, smoothing):
    """Of two classes theirs has two outputs; our one is the difference of them, against 0."""
    labels = np.arange(60) * 7 % classes
    estimator = MLPClassifier(activation="tanh", label_smoothing=smoothing)
    model, W, b = trained(estimator, labels)
    y = torch.tensor(labels)

    def loss(z, rows):
        z = z if classes > 2 else torch.hstack([torch.zeros_like(z), z])
        return F.cross_entropy(z, y[rows], reduction="none", label_smoothing=smoothing)

    assert_same(model, train(W, b, "tanh", loss))
