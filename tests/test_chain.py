"""explain: chains of derivatives against numbers worked out by hand, and what a Chain promises."""

import copy
import json
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier as SklearnMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainfit
from chainfit import Net, explain

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# The 3-3-1 net of A. Thomas's neural networks tutorial, to which the first text refers: there its
# output on this row is given as 0.8354. The numbers below were worked out to 30 digits:
#
# x = (1.5, 2, 3)              the row sums to 6.5
# z_i^(1) = 0.2 i 6.5 + 0.8    = 2.1, 3.4, 4.7
# h_i^(2) = 1 / (1 + e^-z)     = 0.890903178804387, 0.967704535301549, 0.990986701347152
# z_1^(2) = 0.5 sum h + 0.2    = 1.62479720772654
# h_1^(3)                      = 0.835455661247565
TUTORIAL = Net(
    [[[0.2, 0.4, 0.6]] * 3, [[0.5]] * 3],
    [[0.8] * 3, [0.2]],
    activation="logistic",
    out_activation="logistic",
    loss="squared_error",
    learning_rate_init=0.5,
)
ROW, TARGET = [1.5, 2.0, 3.0], [1.0]

# 4-3-2-1, relu: short decimals throughout, third hidden node off.
# z^(1) = 1.4, 0.4, -0.7   h^(2) = 1.4, 0.4, 0   z^(2) = h^(3) = 0.64, 0.16   h_1^(4) = 0.54
(EXAMPLE,) = chainfit.walkthrough("4-3-2-1")


def four_three_two_one(weight, **settings):
    trace = EXAMPLE.trace
    return explain(trace.net, trace.X, trace.Y, weight, **settings)


def values(factors):
    return [factor.value for factor in factors]


# --- by hand -------------------------------------------------------------------------------------


def test_the_weight_of_the_question():
    """dJ/dw_12^(2) = dJ/dh_1^(3) dh_1^(3)/dz_1^(2) dz_1^(2)/dw_12^(2), the equation asked about."""
    chain = explain(TUTORIAL, ROW, TARGET, "w_12^(2)")
    assert [str(factor).split(" = ")[0] for factor in chain.factors] == [
        "∂J/∂h₁⁽³⁾",
        "∂h₁⁽³⁾/∂z₁⁽²⁾",
        "∂z₁⁽²⁾/∂w₁₂⁽²⁾",
    ]
    assert_allclose(
        values(chain.factors),
        [-0.164544338752435, 0.137469499336959, 0.967704535301549],
        rtol=1e-14,
    )
    assert_allclose(chain.value, -0.0218893100146637, rtol=1e-14)
    assert chain.stored == "coefs_[1][1, 0]" and chain.weight == 0.5
    assert_allclose(chain.update["new"], 0.5 + 0.5 * 0.0218893100146637, rtol=1e-15)


def test_a_first_layer_weight_has_one_path_where_there_is_one_output():
    chain = explain(TUTORIAL, ROW, TARGET, "w_23^(1)")  # from x_3 to h_2^(2)
    (path,) = chain.paths
    assert path.nodes == ((1, 1), (2, 0))
    assert_allclose(
        values(path.factors),
        [-0.164544338752435, 0.137469499336959, 0.5, 0.0312524676583617, 3.0],
        rtol=1e-13,
    )
    assert_allclose(chain.value, -0.00106038815827801, rtol=1e-13)


def test_a_first_layer_weight_with_several_paths():
    """w_12^(1) of 4-3-2-1: x_2 = 2 goes to h_1^(2), and from there by both nodes of layer 3."""
    chain = four_three_two_one("w_12^(1)")
    first, second = chain.paths
    # dJ/dh = 0.54 - 1, output slope 1, then w f' w f' x
    assert_allclose(values(first.factors), [-0.46, 1, 0.5, 1, 0.5, 1, 2], rtol=1e-14)
    assert_allclose(values(second.factors), [-0.46, 1, -0.5, 1, -0.2, 1, 2], rtol=1e-14)
    assert_allclose([first.product, second.product], [-0.23, -0.092], rtol=1e-14)
    assert_allclose(chain.value, -0.322, rtol=1e-14)
    # folded: (0.5 (-0.23) - 0.2 (0.23)) 1 2
    assert_allclose(values(chain.factors), [-0.161, 1, 2], rtol=1e-14)


def test_a_dead_relu_is_named_and_its_paths_are_zero():
    chain = four_three_two_one("w_32^(1)")  # into the node that is off, z = -0.7
    assert chain.value == 0
    assert [path.product for path in chain.paths] == [0, 0]
    (block,) = chain.row(0).blocks
    assert (block.layer, block.unit, block.reason, block.slope) == (1, 2, "off", 0)
    assert all(path.blocks == (block,) for path in chain.paths)
    assert chain.row(0).n_alive == 0
    assert "h₃⁽²⁾  relu is off, because z₃⁽¹⁾ = −0.7; all paths go through it" in str(chain)


def test_one_factor_for_each_neuron():
    """The second text's chain of a first-layer weight: three outputs, three factors."""
    chain = four_three_two_one("W_12(1)", notation="outputs")
    path = chain.paths[0]
    assert [str(factor).split(" = ")[0] for factor in path.factors] == [
        "∂L/∂O₃₁",
        "∂O₃₁/∂O₂₁",
        "∂O₂₁/∂O₁₁",
        "∂O₁₁/∂W₁₂(1)",
    ]
    assert_allclose(values(path.factors), [-0.46, 0.5, 0.5, 2], rtol=1e-14)


def test_softmax_with_log_loss_is_p_minus_y():
    """Two classes, z = (ln 3, 0): p = (3/4, 1/4), y = (0, 1)."""
    net = Net([[[math.log(3), 0.0]]], out_activation="softmax")
    chain = explain(net, [1.0], [0.0, 1.0], (0, 0, 0))
    (path,) = chain.paths
    assert path.nodes == ((1, 0),)
    assert_allclose(values(path.factors), [0.75, 1], rtol=1e-14)  # p_1 - y_1, x
    assert_allclose(chain.value, 0.75, rtol=1e-14)
    text = str(chain)
    # through p_2: -1/p_2 times dp_2/dz_1 = -p_2 p_1; through p_1: y_1 = 0
    words = " ".join(text.split())
    assert "∂J/∂h₂⁽²⁾ = −y₂ / h₂⁽²⁾ = −1 / 0.25 = −4 " in words
    assert "∂h₂⁽²⁾/∂z₁⁽¹⁾ = −h₂⁽²⁾ · h₁⁽²⁾ = −0.25 · 0.75 = −0.1875 " in words
    assert "= 0 · 0.1875 − 4 · (−0.1875)" in text
    assert "∂J/∂z₁⁽¹⁾ = ∂J/∂h₁⁽²⁾ · ∂h₁⁽²⁾/∂z₁⁽¹⁾ + ∂J/∂h₂⁽²⁾ · ∂h₂⁽²⁾/∂z₁⁽¹⁾" in words
    assert "∂J/∂z₁⁽¹⁾ = h₁⁽²⁾ − y₁" in words


def test_l2_and_batch():
    """J = mean of (w x - y)^2 / 2 plus alpha/2 w^2 / sum of the rows' weights."""
    net = Net([[[2.0]]], alpha=0.3)
    chain = explain(net, [[1.0], [3.0]], [1.0, 2.0], "w_11^(1)", sample_weight=[1.0, 2.0])
    # residuals 1 and 4; terms 1 * 1 and 4 * 3; shares 1/3 and 2/3
    assert_allclose(chain.terms, [1, 12], rtol=1e-15)
    assert_allclose(chain.share, [1 / 3, 2 / 3], rtol=1e-15)
    assert_allclose(chain.l2_term, 0.3 / 3 * 2, rtol=1e-15)
    assert_allclose(chain.value, 25 / 3 + 0.2, rtol=1e-15)
    assert chain.shown_row == 1
    assert_allclose(values(chain.factors), [2 / 3, 4, 1, 3], rtol=1e-15)
    assert_allclose([path.product for path in chain.paths], [1 / 3, 8], rtol=1e-15)
    bias = chain.of("b_1^(1)")
    assert bias.l2_term == 0 and bias.stored == "intercepts_[0][0]"
    assert_allclose(bias.value, 1 / 3 + 8 / 3, rtol=1e-15)


# --- what a Chain promises -----------------------------------------------------------------------


def wide_net(seed=0):
    rng = np.random.RandomState(seed)
    sizes = [5, 30, 20, 4]
    coefs = [rng.normal(0, 0.4, shape) for shape in pairwise(sizes)]
    return Net(coefs, activation="tanh", out_activation="softmax"), rng.normal(size=(3, 5))


@pytest.mark.parametrize("max_paths", [1, np.int64(7), 60])
def test_top_paths_and_the_rest_add_up(max_paths):
    net, X = wide_net()
    chain = explain(net, X, [0, 3, 1], (0, 2, 4), max_paths=max_paths)
    everything = explain(net, X, [0, 3, 1], (0, 2, 4), max_paths=20 * 4)
    assert everything.value == chain.value and everything.remainder == 0
    for r in range(3):
        row, full = chain.row(r), everything.row(r)
        assert row.n_paths == len(full.paths) == row.n_alive == 80
        sizes = sorted((abs(path.product) for path in full.paths), reverse=True)
        assert_allclose([abs(p.product) for p in row.paths], sizes[: len(row.paths)], rtol=1e-13)
        rest = math.fsum(p.product for p in full.paths) - math.fsum(p.product for p in row.paths)
        assert_allclose(row.remainder, rest, rtol=0, atol=1e-15)
    paths = math.fsum(path.product for path in chain.paths)
    assert_allclose(paths + chain.remainder + chain.l2_term, chain.value, rtol=1e-14)


def test_saturated_units_are_named():
    net = Net([[[6.0, 0.5]], [[1.0], [1.0]]], activation="logistic", out_activation="tanh")
    chain = explain(net, [2.0], [0.0], (0, 0, 0))
    assert [(b.layer, b.unit, b.reason) for b in chain.row(0).blocks] == [(1, 0, "saturated")]
    assert "logistic is saturated at z₁⁽¹⁾ = 12: its slope is" in str(chain)


def test_an_output_rounded_to_its_limit():
    """dJ/dh is infinite at p = 0, but with the softmax's own loss dJ/dz = p - y is not."""
    net = Net(
        [[[800.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]], activation="relu", out_activation="softmax"
    )
    chain = explain(net, [1.0], [0.0, 1.0], (1, 0, 0))
    assert chain.row(0).fused and chain.value == 800.0
    assert str(chain.factors[0]) == "∂J/∂z₁⁽²⁾ = h₁⁽³⁾ − y₁ = 1"
    assert [path.nodes for path in chain.paths] == [((2, 0),)]
    log = Net([[[-800.0]]], out_activation="logistic", loss="log_loss")
    with pytest.raises(ValueError, match="loss='log_loss' has no derivative at output 0"):
        explain(log, [1.0], [[1.0]], (0, 0, 0))


def test_an_output_all_but_rounded_to_its_limit():
    """p = e^-500 for the true class: -1/p is finite, but p p_k and its likes underflow."""
    net = Net([[[500.0, 0.0, -100.0]]], out_activation="softmax")
    for k, p in ((0, 1.0), (1, math.exp(-500)), (2, math.exp(-600))):
        chain = explain(net, [1.0], [0.0, 1.0, 0.0], (0, 0, k))
        assert chain.row(0).fused
        assert_allclose(chain.value, p - (k == 1), rtol=1e-12)
        assert [path.product for path in chain.paths] == [chain.value]
    poisson = Net([[[1.0, -800.0]]], out_activation="softmax", loss="poisson")
    assert_allclose(explain(poisson, [1.0], [[1.0, 0.0]], (0, 0, 0)).value, 0, atol=1e-300)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_the_update_is_that_of_the_next_partial_fit(solver):
    X, y = load_iris(return_X_y=True)
    model = chainfit.MLPClassifier((5,), solver=solver, max_iter=7, random_state=0, batch_size=32)
    model.fit(X, y)
    rows = slice(40, 72)
    chain = explain(model, X[rows], y[rows], "w_23^(2)")
    before = copy.deepcopy(model)
    model.partial_fit(X[rows], y[rows])
    assert chain.update["old"] == before.coefs_[1][2, 1]
    assert chain.update["new"] == model.coefs_[1][2, 1] != chain.update["old"]
    assert chain.update["gradient"] == chain.trace.dW[1][2, 1]


def test_lbfgs_has_no_rule_for_one_weight():
    X, y = load_iris(return_X_y=True)
    model = chainfit.MLPClassifier((5,), solver="lbfgs", max_iter=7, random_state=0).fit(X, y)
    chain = explain(model, X[:5], y[:5], (0, 0, 0))
    assert chain.update is None
    assert "L-BFGS has no rule for a single weight" in str(chain)


def fitted_models():
    X, y = load_iris(return_X_y=True)
    D, t = load_diabetes(return_X_y=True)
    ours = {"max_iter": 5, "random_state": 0}
    yield chainfit.MLPClassifier((4, 3), **ours).fit(X, y), X, y
    yield chainfit.MLPClassifier((4,), **ours).fit(X.astype(np.float32), y == 1), X, y == 1
    yield chainfit.MLPClassifier((4,), **ours).fit(X, np.eye(3)[y] > 0), X, np.eye(3)[y] > 0
    yield (
        chainfit.MLPRegressor(hidden_layer_sizes=(4,), **ours, activation="tanh").fit(D, t / 100),
        D,
        t / 100,
    )
    two = np.c_[t, t[::-1]] / 100
    yield chainfit.MLPRegressor(hidden_layer_sizes=(4,), **ours).fit(D, two), D, two
    yield chainfit.MLPRegressor(hidden_layer_sizes=(4,), **ours, loss="poisson").fit(D, t), D, t
    yield SklearnMLPClassifier((4,), **ours).fit(X, y), X, y
    pipe = make_pipeline(StandardScaler(), chainfit.MLPClassifier((4,), **ours)).fit(X, y)
    yield pipe, X, y


@pytest.mark.parametrize("case", range(8))
def test_models_of_every_kind(case):
    model, X, y = list(fitted_models())[case]
    for rows in (slice(70, 71), slice(0, 150, 10)):
        for weight in ((0, 1, 2), (1, 2, 0), (1, 0)):
            chain = explain(model, X[rows], y[rows], weight)
            check = chain.verification
            assert check.kernel is not None and check.difference is not None
            assert_allclose(check.kernel, chain.value, rtol=1e-10, atol=1e-15)


def test_rows_of_a_batch():
    chain = explain(TUTORIAL, [ROW, [0.0, 1.0, -1.0]], [1.0, 0.0], "w_12^(2)")
    assert chain.n_rows == 2 and chain.row(-1) is chain.row(1)
    for r, x in enumerate(chain.trace.X):
        one = explain(TUTORIAL, x, chain.trace.Y[r], "w_12^(2)")
        assert_allclose(chain.terms[r], one.value, rtol=1e-14)
    with pytest.raises(IndexError, match="row 2 is out of range: the batch has 2 rows"):
        chain.row(2)


def test_copies_and_repr():
    chain = four_three_two_one("w_12^(1)")
    assert repr(chain) == f"Chain('w_12^(1)', value={chain.value!r}, 1 row)"
    twin = pickle.loads(pickle.dumps(chain))
    assert str(twin) == str(chain) and twin.value == chain.value


def test_json_holds_everything():
    chain = explain(TUTORIAL, [ROW, [0.0, 1.0, -1.0]], [1.0, 0.0], "w_23^(1)")
    data = json.loads(chain.to_json(indent=1))
    assert data == chain.to_dict()
    assert data["value"] == chain.value and data["stored"] == "coefs_[0][2, 1]"
    total = data["l2_term"] + data["remainder"]
    for row in data["rows"]:
        for path in row["paths"]:
            total += path["product"]
            assert math.isclose(
                math.prod(factor["value"] for factor in path["factors"]), path["product"]
            )
    assert math.isclose(total, chain.value, rel_tol=1e-14)
    assert data["verification"]["kernel"] == chain.verification.kernel
    assert data["update"]["new"] == chain.update["new"]


# --- errors --------------------------------------------------------------------------------------


def test_errors():
    with pytest.raises(ValueError, match=r"There is no 'w_41\^\(2\)' in a net of 3-3-1\. It has"):
        explain(TUTORIAL, ROW, TARGET, "w_41^(2)")
    with pytest.raises(ValueError, match="notation must be one of 'tutorial', 'outputs', 'matrix'"):
        explain(TUTORIAL, ROW, TARGET, "w_12^(2)", notation="latin")
    for bad in (0, -1, True, 2.5, "3"):
        with pytest.raises(ValueError, match="max_paths must be an integer of at least 1"):
            explain(TUTORIAL, ROW, TARGET, "w_12^(2)", max_paths=bad)
    with pytest.raises(NotFittedError):
        explain(chainfit.MLPRegressor(), ROW, TARGET, "w_12^(2)")
    with pytest.raises(TypeError, match="got str"):
        explain("net", ROW, TARGET, "w_12^(2)")
    with pytest.raises(ValueError, match="X has 2 features"):
        explain(TUTORIAL, [1.0, 2.0], TARGET, "w_12^(2)")
    with pytest.raises(ValueError, match="y must be given"):
        explain(TUTORIAL, ROW, None, "w_12^(2)")
    chain = explain(TUTORIAL, ROW, TARGET, "w_12^(2)")
    for method in (chain.text, chain.to_latex, chain.to_html):
        with pytest.raises(ValueError, match="hide must be None or 'numbers', got 'all'"):
            method(hide="all")
        with pytest.raises(ValueError, match="digits must be an integer from 1 to 17, got 0"):
            method(digits=0)
    with pytest.raises(ValueError, match="width must be at least 80, got 79"):
        chain.text(width=79)


def test_targets_that_are_no_probabilities():
    net = Net([[[1.0, 0.0]]], out_activation="softmax")
    with pytest.raises(ValueError, match="must add up to 1 to the last digit"):
        explain(net, [1.0], [0.3, 0.7000001], (0, 0, 0))
    assert explain(net, [1.0], [0.3, 0.7], (0, 0, 0)).value != 0


def test_an_infinite_loss():
    net = Net([[[1000.0]]], out_activation="exp", loss="poisson")
    with (
        pytest.raises(ValueError, match="J is not finite on these rows"),
        np.errstate(all="ignore"),
    ):
        explain(net, [1.0], [[1.0]], (0, 0, 0))
