"""Chains where outputs belong together, and of losses that the user wrote."""

import math

import numpy as np
import pytest

import chainfit
from chainfit import MLPClassifier, MLPRegressor, reference
from chainfit._explain import outputs, rules
from chainfit._explain.formula import plain, substitute
from chainfit._explain.net import as_net
from chainfit._explain.outputs import group_of
from chainfit._explain.trace import activate, loss_derivative, slopes

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.RandomState(0)
X = RNG.randn(40, 3)
Y = np.c_[X[:, 0] * X[:, 1], X[:, 2] + 0.3 * RNG.randn(40)]
LABELS = np.c_[np.digitize(X[:, 0], [-0.5, 0.5]) + 3, (X[:, 1] > 0) + 7]
NOTATIONS = ("tutorial", "outputs", "matrix", "sklearn")


def expectile(y_true, raw):
    error = raw - y_true
    weight = np.where(error < 0, 4.0, 1.0)
    return (weight * error**2 / 2).sum(axis=1), weight * error


def cross_entropy(y_true, raw):
    p = np.exp(raw - raw.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return -(y_true * np.log(p)).sum(axis=1), p - y_true


#: A model, its targets, and how many outputs it has.
KINDS = {
    "gaussian": (MLPRegressor(loss="gaussian_nll"), Y[:, 0], 2),
    "gaussians": (MLPRegressor(loss="gaussian_nll"), Y, 4),
    "quantiles": (MLPRegressor(loss="quantile", quantile=(0.1, 0.5, 0.9)), Y[:, 0], 3),
    "quantiles of two": (MLPRegressor(loss="quantile", quantile=[0.2, 0.7]), Y, 4),
    "classifications": (MLPClassifier(), LABELS, 5),
    "smoothed": (MLPClassifier(label_smoothing=0.2), LABELS, 5),
    "custom": (MLPRegressor(loss=expectile), Y, 2),
    "custom of classes": (MLPClassifier(loss=cross_entropy), LABELS[:, 0], 3),
}


def fitted(kind, dtype=np.float64, **parameters):
    model, y, _ = KINDS[kind]
    given = {"hidden_layer_sizes": (4, 3), "activation": "tanh", "max_iter": 3, "batch_size": 8}
    model = type(model)(**{**model.get_params(), **given, "random_state": 1, **parameters})
    return model.fit(X.astype(dtype), y), y


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", KINDS)
def test_the_step_is_the_next_one(kind, dtype):
    model, y = fitted(kind, dtype)
    rows = X.astype(dtype)
    for part in (slice(0, 1), slice(2, 9)):
        weight = RNG.uniform(0.5, 2, len(rows[part]))
        found = chainfit.trace(model, rows[part], y[part], sample_weight=weight)
        gradients = model.gradients(rows[part], y[part], weight)
        tolerance = {"rtol": 1e-10, "atol": 1e-13}
        if dtype == np.float32:
            tolerance = {"rtol": 1e-3, "atol": 1e-5}
        for ours, theirs in zip((found.dW, found.db), gradients, strict=True):
            for mine, its in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(mine, its, **tolerance)
        model.set_params(batch_size=len(rows[part])).partial_fit(
            rows[part], y[part], sample_weight=weight
        )
        for mine, its in zip(found.update.new, (model.coefs_, model.intercepts_), strict=True):
            for a, b in zip(mine, its, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_paths_add_up_and_every_rule_gives_its_number(kind, rows):
    model, y = fitted(kind, alpha=0.1)
    n = KINDS[kind][2]
    for number, weight in enumerate([(0, 1, 2), (1, 3, 1), (2, 0, n - 1), (2, 0), (1, 2)]):
        notation = NOTATIONS[(number + n) % 4]
        chain = chainfit.explain(model, X[:rows], y[:rows], weight, notation=notation)
        layer, source, target = chain.address
        trace = chain.trace
        stored = trace.db[layer][target] if source is None else trace.dW[layer][source, target]
        terms = [*(path.product for path in chain.paths), chain.remainder, chain.l2_term]
        assert math.fsum(terms) == pytest.approx(stored, rel=1e-12, abs=1e-15)
        folded = [chain.row(r).factors for r in range(rows)]
        for factors in (*folded, *(path.factors for path in chain.paths)):
            for factor in factors:
                assert factor.rule.value == pytest.approx(factor.value, rel=1e-12, abs=1e-14)
        assert chain.verification.kernel is not None and chain.verification.difference is not None
        for text in (chain.text(), chain.text(ascii=True), chain.to_latex(), chain.to_html()):
            assert "nan" not in text
    for text in (trace.text(), trace.to_latex(), trace.to_html(), trace.text(hide="numbers")):
        assert "nan" not in text


def test_outputs_are_named():
    names = {kind: as_net(fitted(kind)[0]).output_names for kind in KINDS}
    assert names["gaussian"] == ("mean", "variance")
    assert names["gaussians"] == (
        "mean of y_1",
        "mean of y_2",
        "variance of y_1",
        "variance of y_2",
    )
    assert names["quantiles"] == ("quantile 0.1", "quantile 0.5", "quantile 0.9")
    assert names["quantiles of two"][1] == "quantile 0.2 of y_2"
    assert names["classifications"] == (
        "3 in column 1", "4 in column 1", "5 in column 1", "7 in column 2", "8 in column 2",
    )  # fmt: skip
    assert names["custom"] == ("y_1", "y_2")


def test_what_belongs_together_is_said():
    said = {
        "gaussians": "Each target has two outputs, its mean in the first half",
        "quantiles": "an output for each quantile q, 0.1, 0.5 and 0.9",
        "classifications": "The outputs are 2 classifications, of 3 and 2 classes",
        "custom": "The loss is a function of your own",
    }
    for kind, words in said.items():
        model, y = fitted(kind)
        chain = chainfit.explain(model, X[0], y[0], (0, 1, 2))
        for text in (str(chain), str(chain.trace)):
            assert words in " ".join(text.split())


def test_factors_of_each_kind_of_output():
    model, y = fitted("gaussian")
    mean, variance = (chainfit.explain(model, X[0], y[0], (2, 0, j)).factors for j in (0, 1))
    assert str(mean[0]).startswith("∂J/∂h₁⁽⁴⁾ = (h₁⁽⁴⁾ − y₁) / h₂⁽⁴⁾ = ")
    assert str(variance[1]).startswith("∂h₂⁽⁴⁾/∂z₂⁽³⁾ = h₂⁽⁴⁾ = ")
    model, y = fitted("quantiles")
    factor = chainfit.explain(model, X[0], y[0], (2, 0, 2)).factors[0]
    assert "q₃" in str(factor) and factor.value in (-0.9, 0.9 - 0.8)
    model, y = fitted("custom")
    factor = chainfit.explain(model, X[0], y[0], (2, 0, 1)).factors[0]
    assert str(factor).startswith("∂J/∂h₂⁽⁴⁾ = slope(y, h)[1] = ")
    assert factor.value == expectile(Y[:1], chainfit.trace(model, X[:1], Y[:1]).a[-1])[1][0, 1]


def test_a_softmax_ties_its_own_outputs():
    model, y = fitted("classifications")
    net = as_net(model)
    assert net.groups == (3, 2)
    assert [list(group_of(net, k)) for k in (0, 2, 3, 4)] == [[0, 1, 2]] * 2 + [[3, 4]] * 2
    found = chainfit.trace(model, X[:4], y[:4])
    sums = np.add.reduceat(found.a[-1], [0, 3], axis=1)
    np.testing.assert_allclose(sums, 1, rtol=1e-15)
    text = chainfit.explain(model, X[0], y[0], (2, 0, 4)).text(sections=["softmax"])
    assert "∂h₄⁽⁴⁾" in text and "∂h₃⁽⁴⁾" not in text


def test_nets_by_hand():
    for n, loss, out in ((3, "gaussian_nll", "mean_variance"), (4, "quantile", "identity")):
        with pytest.raises(ValueError, match="outputs for each target can't have"):
            chainfit.Net([np.ones((1, n))], loss=loss, out_activation=out, quantile=(0.1, 0.5, 0.9))
    with pytest.raises(ValueError, match="is not defined at every output"):
        chainfit.Net([np.ones((1, 2))], loss="squared_error", out_activation="mean_variance")
    with pytest.raises(ValueError, match="'loss' parameter of Net must be"):
        chainfit.Net([np.ones((1, 2))], loss="given")
    net = chainfit.Net([[[1.0, 0.5]]], loss="gaussian_nll", out_activation="mean_variance")
    found = chainfit.trace(net, [2.0], [1.0, 1.0])
    # mean 2, variance e: (ln v + (y - m)^2 / v) / 2
    assert found.J == pytest.approx((1 + 1 / math.e) / 2)
    assert rules.loss_of(net).term == rules.LOSSES["gaussian_nll"].term


def test_a_page_has_no_loss_of_python():
    model, y = fitted("custom")
    with pytest.raises(ValueError, match="calculates in the browser"):
        chainfit.explore(model, X[:3], y[:3])


def test_a_wrong_slope_is_found():
    model, y = fitted("custom")
    model.set_params(loss=lambda y_true, raw: (expectile(y_true, raw)[0], raw - y_true + 1))
    with pytest.raises(ValueError, match="is not its own"):
        chainfit.explain(model, X[:3], y[:3], (0, 1, 2))


@pytest.mark.parametrize("half", [1, 3])
def test_trees_of_means_and_variances_are_the_references(half):
    z, y = RNG.randn(5, 2 * half), RNG.randn(5, half)
    net = as_net(MLPRegressor(loss="gaussian_nll").initialize(2, half))
    a = activate(net, len(net.coefs), z)
    np.testing.assert_allclose(a, reference.LINKS["mean_variance"](z), rtol=1e-15)
    np.testing.assert_allclose(
        slopes(net, len(net.coefs), z, a), reference.LINK_SLOPES["mean_variance"](a), rtol=1e-15
    )
    Y, loss = np.tile(y, (1, 2)), reference.LOSSES["gaussian_nll"]
    np.testing.assert_allclose(loss_derivative(net, Y, a), loss.slope(Y, a), rtol=1e-13)
    tree, known = rules.LOSSES["gaussian_nll"], outputs.known(net, Y, a)
    terms = substitute(tree.scale * tree.term, {
        rules.Y: plain(Y), rules.A: plain(a), **{v: plain(x) for v, x in known.items()}
    }).value  # fmt: skip
    np.testing.assert_allclose(terms.sum(axis=1), loss.rows(Y, a), rtol=1e-13)


def test_a_kink_of_ones_own_loss_is_no_mismatch():
    def absolute(y_true, raw):
        return np.abs(raw - y_true).sum(axis=1), np.sign(raw - y_true)

    model = MLPRegressor(loss=absolute).from_weights([[[1.0]]], [[0.0]], loss=absolute, alpha=0)
    for away in (1e-6, -1e-6, 0.0, 1.0):
        check = chainfit.explain(model, [[1.0]], [1.0 + away], (0, 0, 0)).verification
        assert check.chain == check.kernel == -np.sign(away)
