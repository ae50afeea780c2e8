"""trace: every number against the reference, the core, and the definition of a derivative."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, ndtr, softmax, xlogy
from sklearn.datasets import load_iris

import chainfit
from chainfit import _core, reference
from chainfit._explain.batch import as_batch
from chainfit._explain.net import _DEFINED, CANONICAL, as_net
from chainfit._explain.trace import softmax_jacobian, trace_numbers

H = 1e-5
KINK_DISTANCE = 1e-2
ACTIVATIONS = sorted(reference.ACTIVATIONS)
# of outputs that belong together tests/test_chain_outputs.py has the test
PAIRS = [(loss, out) for loss, outs in _DEFINED.items() for out in outs if loss != "gaussian_nll"]

# Written again, by the books and not by the package.
FUNCTIONS = {
    "identity": lambda z: z,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda z: np.where(z > 0, z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "softmax": lambda z: softmax(z, axis=1),
    "exp": np.exp,
    "gelu": lambda z: z * ndtr(z),
    "silu": lambda z: z * expit(z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(z)),
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(z)),
    "softplus": lambda z: np.logaddexp(0, z),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
}
LOSSES = {
    "gamma": lambda y, p: y / p - np.log(y / p) - 1,
    "squared_error": lambda y, p: (y - p) ** 2 / 2,
    "binary_log_loss": lambda y, p: -xlogy(y, p) - xlogy(1 - y, 1 - p),
    "log_loss": lambda y, p: -xlogy(y, p),
    "poisson": lambda y, p: xlogy(y, y) - xlogy(y, p) - y + p,
    "huber": lambda y, p: np.where(
        abs(y - p) < 1.35, (y - p) ** 2 / 2, 1.35 * (abs(y - p) - 0.675)
    ),
}


def parameters(units, rng):
    W = [rng.uniform(-1, 1, (n, m)) * np.sqrt(3 / n) for n, m in pairwise(units)]
    return W, [rng.uniform(-0.5, 0.5, m) for m in units[1:]]


def targets(loss, rng, rows, n):
    if loss == "squared_error":
        return rng.uniform(-1, 1, (rows, n))
    if loss == "binary_log_loss":
        return rng.randint(0, 2, (rows, n)).astype(float)
    if loss == "log_loss":
        return np.eye(n)[rng.randint(0, n, rows)]
    if loss == "gamma":
        return rng.gamma(2.0, 0.5, (rows, n)) + 0.1
    return rng.poisson(1.0, (rows, n)).astype(float)


def objective(X, Y, W, b, activation, out_activation, loss, alpha, weight):
    a = X
    for layer in range(len(W)):
        last = layer == len(W) - 1
        a = FUNCTIONS[out_activation if last else activation](a @ W[layer] + b[layer])
    data = weight @ LOSSES[loss](Y, a).sum(axis=1)
    return (data + alpha / 2 * sum((w**2).sum() for w in W)) / weight.sum()


def traced(units, activation, out_activation, loss, *, alpha=0.0, weighted=False, rows=5):
    """Return a trace with no z of a layer near the kink of relu, where it has no derivative."""
    for seed in range(1000):
        rng = np.random.RandomState(seed)
        W, b = parameters(units, rng)
        X = rng.uniform(-1.5, 1.5, (rows, units[0]))
        Y = targets(loss, rng, rows, units[-1])
        weight = rng.uniform(0.2, 3.0, rows) if weighted else None
        settings = {"activation": activation, "out_activation": out_activation, "loss": loss}
        net = chainfit.Net(W, b, alpha=alpha, **settings)
        found = chainfit.trace(net, X, Y, sample_weight=weight)
        if min(np.abs(z).min() for z in found.z[1:]) > KINK_DISTANCE:
            return found
    raise AssertionError("no seed keeps the sums away from 0")


# --- the gradient --------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("loss", "out_activation"), PAIRS)
def test_the_gradient_is_the_derivative_of_J(activation, loss, out_activation):
    weighted = loss != "poisson"  # with and without
    found = traced(
        (3, 4, 3, 2), activation, out_activation, loss, alpha=0.3 * weighted, weighted=weighted
    )
    net = found.net
    W, b = [w.copy() for w in net.coefs], [v.copy() for v in net.intercepts]
    weight = np.ones(5) if found.sample_weight is None else found.sample_weight

    def J():
        return objective(
            found.X, found.Y, W, b, activation, out_activation, loss, net.alpha, weight
        )

    assert found.J == pytest.approx(J(), rel=1e-13)
    # h^2/6 d3J/dp3 and eps J / h: about 1e-9 for derivatives of the order of 1 to 100
    for computed, p in zip([*found.dW, *found.db], [*W, *b], strict=True):
        differenced = [reference.finite_difference(J, p, i, H) for i in np.ndindex(p.shape)]
        np.testing.assert_allclose(computed.ravel(), differenced, rtol=1e-7, atol=2e-8)
    assert max(np.abs(g).max() for g in found.dW) > 1e-3  # the test can tell


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted, l2"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("link", sorted(CANONICAL))
def test_the_gradient_is_that_of_the_reference_and_of_the_core(link, activation, weighted):
    loss = CANONICAL[link]
    found = traced((4, 5, 3), activation, link, loss, alpha=0.7 * weighted, weighted=weighted)
    net = found.net
    J, dW, db = reference.gradient(
        found.X, found.Y, net.coefs, net.intercepts,
        activation=activation, loss=loss, l2=net.alpha, sample_weight=found.sample_weight,
    )  # fmt: skip
    trainer = _core.TrainerF64(list(net.units), activation, loss, "sgd")
    trainer.set_parameters(list(net.coefs), list(net.intercepts))
    data, penalty, core_dW, core_db = trainer.loss_and_gradient(
        found.X, found.Y, found.sample_weight, net.alpha, 1
    )
    assert found.J == pytest.approx(J, rel=1e-14)
    assert found.J == pytest.approx(data + penalty, rel=1e-13)
    assert found.penalty == pytest.approx(penalty, rel=1e-13, abs=0)
    for mine, theirs in ((found.dW, dW), (found.db, db), (found.dW, core_dW), (found.db, core_db)):
        for g, expected in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(g, expected, rtol=1e-12, atol=1e-15)


# --- what lies between ---------------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "out_activation"), PAIRS)
def test_the_parts_are_linked_by_the_chain_rule(loss, out_activation):
    found = traced((3, 4, 2), "tanh", out_activation, loss, weighted=True, alpha=0.2)
    net, L = found.net, 2
    assert found.z[0] is found.da[0] is found.delta[0] is found.df[0] is None
    np.testing.assert_array_equal(found.a[0], found.X)
    share = found.sample_weight / found.sample_weight.sum()
    np.testing.assert_allclose(found.share, share, rtol=1e-15)
    for layer in (1, 2):
        a = found.a[layer - 1] @ net.coefs[layer - 1] + net.intercepts[layer - 1]
        np.testing.assert_array_equal(found.z[layer], a)
        function = FUNCTIONS[net.layer_activation(layer)]
        np.testing.assert_allclose(found.a[layer], function(found.z[layer]), rtol=1e-14)
        if found.df[layer] is not None:
            # also where the pair has a formula of its own for delta
            product = found.da[layer] * found.df[layer]
            np.testing.assert_allclose(found.delta[layer], product, rtol=1e-13)
    np.testing.assert_allclose(found.da[1], found.delta[2] @ net.coefs[1].T, rtol=1e-14)
    np.testing.assert_allclose(
        found.loss_rows, LOSSES[loss](found.Y, found.a[L]).sum(axis=1), rtol=1e-13
    )
    assert found.J == pytest.approx(share @ found.loss_rows + found.penalty, rel=1e-14)
    if out_activation == "softmax":
        assert found.df[L] is None
        for r in range(len(found.X)):
            delta = found.da[L][r] @ softmax_jacobian(found.a[L][r])
            np.testing.assert_allclose(found.delta[L][r], delta, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("loss", "link", "z", "y", "delta"),
    [
        ("binary_log_loss", "logistic", 800.0, 1.0, 0.0),
        ("binary_log_loss", "logistic", 800.0, 0.0, 1.0),
        ("binary_log_loss", "logistic", -800.0, 1.0, -1.0),
        ("poisson", "exp", -800.0, 0.0, 0.0),
        ("poisson", "exp", -800.0, 2.0, -2.0),
    ],
)
@pytest.mark.filterwarnings("error")
def test_outputs_that_are_rounded_to_their_end_have_a_delta(loss, link, z, y, delta):
    found = chainfit.trace(chainfit.Net([[[z]]], out_activation=link, loss=loss), [1.0], y)
    assert found.delta[1] == delta
    assert str(found)


def test_an_output_rounded_to_where_there_is_no_derivative_is_named():
    net = chainfit.Net([[[-800.0]]], out_activation="logistic", loss="poisson")
    with pytest.raises(ValueError, match=r"no derivative at output 0 of row 1, 0: its weighted"):
        chainfit.trace(net, [[0.0], [1.0]], [1.0, 1.0])


def test_a_loss_with_a_parameter():
    net = chainfit.Net([[[2.0]]], loss="huber", huber_delta=0.5)
    found = chainfit.trace(net, [[1.0], [1.0]], [1.8, -1.0])  # residuals 0.2 and 3
    np.testing.assert_allclose(found.loss_rows, [0.02, 0.5 * (3 - 0.25)], rtol=1e-14)
    np.testing.assert_allclose(found.delta[1], [[0.1], [0.25]], rtol=1e-14)
    assert "= 0.02" in str(chainfit.trace(net, [1.0], 1.8))


def test_a_row_that_weighs_nothing_changes_nothing():
    rng = np.random.RandomState(2)
    net = chainfit.Net(*parameters((3, 4, 1), rng), alpha=0.1)
    X, y = rng.randn(3, 3), rng.randn(3)
    one, two = (
        chainfit.trace(net, rows, targets, sample_weight=weight)
        for rows, targets, weight in ((X, y, [2.0, 0.0, 1.0]), (X[::2], y[::2], [2.0, 1.0]))
    )
    assert one.J == pytest.approx(two.J, rel=1e-15)
    np.testing.assert_allclose(one.dW[0], two.dW[0], rtol=1e-14)
    assert (one.delta[1][1] == 0).all()


# --- told ----------------------------------------------------------------------------------------


def stories():
    rng = np.random.RandomState(0)
    for units in [(3, 2), (3, 3, 2), (4, 3, 2, 2), (6, 6, 6), (7, 5, 3), (40, 120, 11)]:
        for loss, out_activation in PAIRS:
            net = chainfit.Net(
                *parameters(units, rng), activation="relu", out_activation=out_activation,
                loss=loss, alpha=0.1, solver="adam", feature_names=["x" * 200] * units[0],
            )  # fmt: skip
            for rows in (1, 12):
                X, Y = rng.randn(rows, units[0]) * 1e-3, targets(loss, rng, rows, units[-1])
                yield chainfit.trace(net, X, Y, sample_weight=None if rows == 1 else np.ones(rows))


def test_every_story_fits_and_says_what_it_leaves_out():
    for found in stories():
        text = str(found)
        assert max(map(len, text.splitlines())) <= 100
        wide = max(found.net.units) > 100
        assert ("Shown: " in text) == (wide or len(found.X) > 8)
        assert "nan" not in text
        for title in ("Forward: layer 2", "Loss", "Backward: layer 2", "Gradient", "Update: Adam"):
            assert f"\n{title}" in text


def test_the_story_has_the_numbers():
    net = chainfit.Net([[[0.5], [-1.0]]], [[0.25]], loss="squared_error", alpha=0.2)
    text = chainfit.trace(net, [2.0, 1.0], 1.0).text(ascii=True)
    for line in (
        "  z_1^(1) = w_11^(1) * h_1^(1) + w_12^(1) * h_2^(1) + b_1^(1) = 0.5 * 2 - 1 * 1 + 0.25"
        " = 0.25",
        "  data term = 1/2 * (h_1^(2) - y_1)^2 = 0.5 * (0.25 - 1)^2 = 0.28125",
        "  L2 term = alpha / 2 * sum w^2 = 0.125",
        "  J = data term + L2 term = 0.28125 + 0.125 = 0.40625",
        "  dJ/dh_1^(2) = h_1^(2) - y_1 = 0.25 - 1 = -0.75",
        "  dJ/dw_11^(1) = delta_1^(1) * h_1^(1) + alpha * w_11^(1) = -0.75 * 2 + 0.2 * 0.5 = -1.4",
        "  dJ/db_1^(1) = delta_1^(1) = -0.75",
        "  w_12^(1)  -0.95     -1  -0.905",
    ):
        assert line in text.splitlines()


def test_the_story_of_a_batch_names_dead_nodes():
    net = chainfit.Net([[[1.0, -1.0]], [[1.0], [1.0]]], activation="relu")
    text = str(chainfit.trace(net, [[1.0], [2.0]], [0.0, 1.0]))
    assert "h₂⁽²⁾: f'(z) = 0 (relu at z <= 0) in every row, nothing goes back through it." in text
    assert "h₁⁽²⁾: f'" not in text


def test_names_of_users_do_no_harm():
    evil = '</script><img src=x onerror="alert(1)">\n\x1b[31m'
    net = chainfit.Net([np.ones((2, 1))], feature_names=[evil, "b"], output_names=[evil])
    found = chainfit.trace(net, [1.0, 2.0], 0.0)
    html = found._repr_html_()
    assert "<img" not in html and "&lt;img" in html and "<script" not in html
    assert "\x1b" not in str(found) and "\x1b" not in html
    assert max(map(len, str(found).splitlines())) <= 100


def test_html_has_the_numbers_of_the_text():
    found = chainfit.trace(chainfit.Net([[[0.5], [-1.0]]], [[0.25]]), [2.0, 1.0], 1.0)
    html = found._repr_html_()
    assert "∂J/∂w₁₁⁽¹⁾ = δ₁⁽¹⁾ · h₁⁽¹⁾ = −0.75 · 2 = −1.5" in html.replace("&nbsp;", " ")
    assert html.count("<table>") == html.count("</table>") == 3


def test_tables_hold_every_number_once():
    found = traced((3, 4, 2), "tanh", "softmax", "log_loss", rows=3)
    tables = {name: pd.DataFrame(columns) for name, columns in found.tables().items()}
    assert {name: len(table) for name, table in tables.items()} == {
        "forward": 3 * (4 + 2),
        "loss": 3,
        "backward": 3 * (4 + 2),
        "parameters": 3 * 4 + 4 + 4 * 2 + 2,
    }
    forward = tables["forward"].set_index(["layer", "row", "unit"])
    backward = tables["backward"].set_index(["layer", "row", "unit"])
    assert forward.loc[(1, 2, 3), "z"] == found.z[1][2, 3]
    assert forward.loc[(2, 1, 0), "a"] == found.a[2][1, 0]
    assert backward.loc[(1, 0, 2), "delta"] == found.delta[1][0, 2]
    assert np.isnan(backward.loc[2, "df"]).all()
    weights = tables["parameters"].set_index(["layer", "i", "j"])
    assert weights.loc[(0, 2, 3), "gradient"] == found.dW[0][2, 3]
    assert weights.loc[(1, -1, 1), "gradient"] == found.db[1][1]
    assert weights.loc[(1, -1, 1), "new"] == found.update.new[1][1][1]
    assert weights.loc[(0, 1, 2), "old"] == found.net.coefs[0][1, 2]


def test_the_numbers_alone_are_those_of_trace():
    X, y = load_iris(return_X_y=True)
    model = chainfit.MLPClassifier((5,), max_iter=300, tol=1e-3, random_state=0).fit(X, y)
    net = as_net(model)
    alone = trace_numbers(net, *as_batch(net, X[:4], y[:4]))
    whole = chainfit.trace(model, X[:4], y[:4])
    assert alone.update is None and alone.J == whole.J
    np.testing.assert_array_equal(alone.dW[0], whole.dW[0])
    np.testing.assert_allclose(whole.a[-1], model.predict_proba(X[:4]), rtol=1e-12)
    assert repr(whole).startswith("<Trace of Net(4-5-3, activation='relu'")


def test_a_step_in_parts_and_as_an_exercise():
    net = chainfit.Net([[[0.5, 1.0], [-1.0, 0.25]], [[0.75], [2.0]]], solver="adam")
    step = chainfit.trace(net, [2.0, 1.0], 1.5)
    text = step.text()
    loss, update = step.text(sections=["loss"]), step.text(sections=["update"])
    assert loss.startswith("Loss\n----\n") and loss in text
    assert update.startswith("Update: Adam\n") and text.endswith(update)
    with pytest.raises(ValueError, match="sections must be among 'overview', 'given', 'inputs'"):
        step.to_latex(sections=["factors"])
    exercise = step.text(hide="numbers", ascii=True)
    assert "= ____" in exercise and f"{step.J:.6g}" not in exercise.partition("Loss\n")[2]
    given = exercise.partition("Given\n")[2].partition("Forward")[0]
    assert "h_1^(1) = 2" in given and "w_12^(1) = -1" in given and "beta1 = 0.9" in given
    assert r"\square" in step.to_latex(hide="numbers") and "____" in step.to_html(hide="numbers")
    batch = chainfit.trace(net, [[2.0, 1.0], [1.0, 1.0]], [1.5, 0.5]).text(hide="numbers")
    assert "____" in batch and "Given" not in batch
