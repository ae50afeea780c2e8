"""The numbers on the page of chainfit.explore: computed in Chromium, compared with Python's."""

import warnings

import numpy as np
import pytest
from pages import CLOSE, assert_same_numbers, batch_of, choose, facts, find, lines_of, net_of, press
from scipy.special import erf

import chainfit
from chainfit import reference
from chainfit._explain import rules
from chainfit._explain.formula import FUNCTIONS, Constant, Quantity, as_data, code, substitute

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

HIDDEN = list(reference.ACTIVATIONS)
PAIRS = [
    ("identity", "squared_error"),
    ("logistic", "binary_log_loss"),
    ("softmax", "log_loss"),
    ("exp", "poisson"),
    ("logistic", "squared_error"),
    ("tanh", "squared_error"),
    ("relu", "squared_error"),
    ("leaky_relu", "squared_error"),
    ("exp", "squared_error"),
    ("softmax", "squared_error"),
    ("logistic", "log_loss"),
    ("logistic", "poisson"),
    ("softmax", "binary_log_loss"),
]


@pytest.mark.parametrize(
    ("out_activation", "loss", "activation", "depth"),
    [(*pair, HIDDEN[n % len(HIDDEN)], n % 5) for n, pair in enumerate(PAIRS)],
)
def test_numbers_of_a_step_are_those_of_trace(open_page, out_activation, loss, activation, depth):
    net = net_of([4, *[3, 5, 2, 4][:depth], 3], activation, out_activation, loss, alpha=0.3)
    X, Y = batch_of(net)
    weights = np.array([1.0, 0.0, 2.5, 0.25, 1.0])
    page = open_page(chainfit.explore(net, X, Y, sample_weight=weights).html)
    assert_same_numbers(page, chainfit.trace(net, X, Y, sample_weight=weights), 0, -1)
    for r in (0, 4):
        assert_same_numbers(page, chainfit.trace(net, X[[r]], Y[[r]]), 0, r)


def test_trees_are_evaluated_as_in_python(open_page):
    net = net_of([2, 1], "tanh", "identity", "squared_error")
    page = open_page(chainfit.explore(net, *batch_of(net)).html)

    def in_page(tree, values):
        units = [{name: row[o] for name, row in values.items()} for o in range(3)]
        units = [{**unit, "row": values["z"]} for unit in units]
        return page.evaluate(
            "([tree, units]) => units.map(chainfit.compile(tree))", [as_data(tree), units]
        )

    def here(tree, values):
        leaves = {name: Quantity(code(name), np.array([row])) for name, row in values.items()}
        variables = {rules.Z: leaves["z"], rules.Z_K: leaves["z"], rules.A: leaves["a"]}
        found = substitute(tree, {**variables, rules.Y: leaves["y"]}).value
        return np.broadcast_to(found, (1, 3))[0]

    trees = [tree for f in rules.ACTIVATIONS.values() for tree in (f.value, f.stable, f.slope)]
    trees += [t for f in rules.LOSSES.values() for t in (f.scale * f.term, f.slope, f.of_sum)]
    trees += [rules.Apply(name, rules.Z) for name in FUNCTIONS]
    for z in ([0.1, 1.7, 2.4], [2.6, 5.9, 7.0], [-2.4, -0.3, 40.0]):
        for y in ([0.0, 1.0, 0.0], [0.25, 0.5, 2.0]):
            values = {"z": z, "a": [0.125, 0.5, 0.375], "y": y}
            for tree in filter(None, trees):
                expected = here(tree, values)
                if np.isfinite(expected).all():  # a logarithm of a negative number is not
                    np.testing.assert_allclose(in_page(tree, values), expected, rtol=1e-14)


def test_a_new_rule_needs_no_script(open_page, monkeypatch):
    """An activation whose slope is one of z, and a loss with a parameter of its own."""
    z, a, y = rules.Z, rules.A, rules.Y
    part = 0.5 * (1 + rules.Apply("erf", z / rules.Apply("sqrt", Constant(2))))
    density = rules.Apply("exp", -(z**2) / 2) / rules.Apply("sqrt", Constant(2 * np.pi))
    monkeypatch.setitem(rules.ACTIVATIONS, "gelu", rules.Activation(z * part, part + z * density))
    gelu = lambda z, out=None: z * (1 + erf(z / np.sqrt(2))) / 2  # noqa: E731
    monkeypatch.setitem(reference.ACTIVATIONS, "gelu", reference.Activation(gelu, abs))

    d, size = rules.Variable("bend", code("δ")), rules.Apply("abs", a - y)
    huber = rules.Loss(
        rules.Case(d - size, (a - y) ** 2 / 2, d * (size - d / 2)),
        rules.ONE,
        rules.Case(d - size, a - y, rules.Case(a - y, d, -d)),
        words="Huber",
        parameters=(d,),
    )
    monkeypatch.setitem(rules.LOSSES, "squared_error", huber)
    monkeypatch.setattr(chainfit.Net, "bend", 0.5, raising=False)
    rows = lambda Y, a, bend: np.where(  # noqa: E731
        abs(a - Y) < 0.5, (a - Y) ** 2 / 2, 0.5 * (abs(a - Y) - 0.25)
    ).sum(axis=1)
    squared = reference.LOSSES["squared_error"]
    monkeypatch.setitem(reference.LOSSES, "squared_error", squared._replace(rows=rows))

    net = net_of([3, 4, 3, 2], "gelu", "tanh", "squared_error")
    X, Y = batch_of(net)
    page = open_page(chainfit.explore(net, X, Y).html)
    for r in range(5):
        assert_same_numbers(page, chainfit.trace(net, X[[r]], Y[[r]]), 0, r)
    choose(page, 0, 1, 2)
    lines = lines_of(page, ".factors")
    assert any("erf(" in line for line in lines)
    choose(page, 2, 0, 1)
    assert any("δ" in line and "0.5" in line for line in lines_of(page, ".factors"))
    assert "The two agree" in page.inner_text("#panel")


def test_outputs_rounded_to_their_ends(open_page):
    """A saturated output: the loss is clipped, delta is finite, and the page says what is up."""
    net = chainfit.Net([[[40.0]]], [[0.0]], out_activation="logistic", alpha=0.5)
    X, Y = np.array([[1.0], [-30.0]]), np.array([[0.0], [1.0]])
    page = open_page(chainfit.explore(net, X, Y).html)
    assert_same_numbers(page, chainfit.trace(net, X, Y), 0, -1)
    assert_same_numbers(page, chainfit.trace(net, X[[0]], Y[[0]]), 0, 0)
    choose(page, 0, 0, 0)
    panel = page.inner_text("#panel")
    assert "An output is rounded to its limit" in panel
    assert "The two agree" in panel  # the difference is that of the loss before it is clipped


MODELS = {
    "sgd": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.05},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate": "invscaling"},
    "nesterov": {"solver": "sgd", "momentum": 0.8, "learning_rate_init": 0.02},
    "adam": {"solver": "adam", "learning_rate_init": 0.01},
    "adamw": {"solver": "adamw", "weight_decay": 0.5},
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.RandomState(0)
    X = rng.randn(40, 4)
    return X, (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int)


def fitted(X, y, history=None, **parameters):
    model = chainfit.MLPClassifier(
        (3, 2), activation="tanh", max_iter=8, random_state=1, **parameters
    )
    if history is not None:
        model.set_callbacks(history)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("rows", [1, 40])
def test_updates_are_those_of_the_next_step(open_page, data, name, rows):
    X, y = data
    model = fitted(X, y, **MODELS[name])
    page = open_page(chainfit.explore(model, X, y).html)
    if rows == 40:
        press(page, "#all-rows")
    numbers = chainfit.trace(model, X[:rows], y[:rows])
    assert numbers.update.rule == name
    for l, W in enumerate(numbers.net.coefs):  # noqa: E741
        for i, j in [*np.ndindex(*W.shape), *((None, j) for j in range(W.shape[1]))]:
            find(page, f"{l}, {i}, {j}" if i is not None else f"intercepts_[{l}][{j}]")
            expected, shown = numbers.update.of(l, i, j), facts(page)
            assert shown["weight" if i is not None else "bias"] == expected["old"]
            g = expected["gradient"]
            np.testing.assert_allclose(shown["gradient"], g, **CLOSE)
            np.testing.assert_allclose(shown["next"], expected["new"], rtol=1e-10)
            np.testing.assert_allclose(shown["difference"], g, rtol=1e-4, atol=1e-8)


def test_float32_models_arrive_bit_for_bit(open_page, data):
    X, y = data
    model = fitted(X, y, precision="float32")
    page = open_page(chainfit.explore(model, X, y).html)
    assert page.evaluate("chainfit.data.dtype") == "float32"
    assert_same_numbers(page, chainfit.trace(model, X[[3]], y[[3]]), 0, 3)


def test_l_bfgs_has_no_rule_for_one_weight(open_page, data):
    X, y = data
    page = open_page(chainfit.explore(fitted(X, y, solver="lbfgs"), X, y).html)
    choose(page, 0, 0, 0)
    assert "L-BFGS has no rule for a single weight" in page.inner_text("#panel")
    assert page.inner_text("[data-fact='next'] dd") == "–"


def test_every_epoch_has_its_numbers(open_page, data):
    X, y = data
    history = chainfit.History()
    model = fitted(X, y, history, solver="adam")
    page = open_page(chainfit.explore(model, X, y, history=history).html)
    assert page.inner_text("#epoch-words") == "epoch 8"
    for epoch in (8, 7, 3, 0):
        while page.inner_text("#epoch-words") != f"epoch {epoch}":
            press(page, "#epoch-back")
        expected = chainfit.trace(history.nets[epoch], X[[0]], y[[0]])
        assert_same_numbers(page, expected, epoch, 0)
        shown = float(page.get_attribute("#loss data", "value"))
        np.testing.assert_allclose(shown, expected.J, **CLOSE)
    assert page.is_disabled("#epoch-back")
    choose(page, 0, 0, 0)
    assert "at this epoch was not kept" in page.inner_text("#panel")
    press(page, "#epoch-on")
    assert page.inner_text("#epoch-words") == "epoch 1"
    press(page, "#tab-layers")
    assert page.locator(".series").count() == 4  # J, and three layers of weights
    losses = page.evaluate("chainfit.data.epochs.map((e) => e.J)")
    expected = [chainfit.trace(net, X, y).J for net in history.nets]
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
