"""The regressor's losses and output activations, as users meet them, and oracles that aren't ours.

scikit-learn's generalized linear models are nets without hidden layers; SciPy knows the normal
distribution.
"""

import pickle

import numpy as np
import pytest
import scipy.stats
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import GammaRegressor, PoissonRegressor, QuantileRegressor
from sklearn.metrics import d2_pinball_score, mean_pinball_loss, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils._param_validation import InvalidParameterError

import chainfit
from chainfit import MLPRegressor

RNG = np.random.RandomState(0)
X = RNG.randn(200, 3)
WEIGHT = RNG.uniform(0.2, 2, 200)
Y = np.exp(0.4 * X[:, 0] - 0.2 * X[:, 1]) * RNG.gamma(3, 1 / 3, 200) + 0.01
TWO = np.c_[Y, Y**2]
LOSSES = (
    "squared_error", "absolute_error", "huber", "log_cosh", "quantile", "poisson", "gamma",
    "gaussian_nll",
)  # fmt: skip


def model(loss, **settings):
    settings = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0, **settings}
    return MLPRegressor(loss, **settings)


pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("targets", [Y, TWO], ids=["one", "two"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    ("loss", "more"),
    [(loss, {}) for loss in LOSSES]
    + [("quantile", {"quantile": (0.1, 0.5, 0.9)}), ("quantile", {"quantile": [0.25]})]
    + [(loss, {"out_activation": "softplus"}) for loss in LOSSES if loss != "gaussian_nll"],
)
def test_it_trains_and_comes_back(loss, more, solver, targets, tmp_path):
    fitted = model(loss, solver=solver, **more).fit(X, targets, WEIGHT)
    predicted = fitted.predict(X)
    levels = more.get("quantile", 0.5)
    assert predicted.shape == targets.shape + ((len(levels),) if not np.isscalar(levels) else ())
    assert fitted.loss_ < clone(fitted).set_params(max_iter=1).fit(X, targets, WEIGHT).loss_
    fitted.save(tmp_path / "model")
    for again in (chainfit.load(tmp_path / "model"), pickle.loads(pickle.dumps(fitted))):
        assert again.get_params() == fitted.get_params()
        np.testing.assert_array_equal(again.predict(X), predicted)
        np.testing.assert_array_equal(again.predict(X[:1]), predicted[:1])
        if solver == "adam":
            np.testing.assert_array_equal(
                again.partial_fit(X, targets).predict(X),
                pickle.loads(pickle.dumps(fitted)).partial_fit(X, targets).predict(X),
            )


@pytest.mark.parametrize("loss", LOSSES)
def test_early_stopping(loss):
    fitted = model(loss, early_stopping=True, max_iter=20).fit(X, TWO)
    assert len(fitted.validation_scores_) == fitted.n_iter_
    assert fitted.best_validation_score_ == max(fitted.validation_scores_)


def test_search():
    grid = {"loss": ["quantile"], "quantile": [0.2, 0.5], "out_activation": [None, "softplus"]}
    search = GridSearchCV(model("poisson"), grid, cv=2).fit(X, Y)
    assert search.best_params_.keys() == grid.keys()


# --- several outputs for a target ----------------------------------------------------------------


def test_quantiles_never_cross():
    levels = (0.05, 0.45, 0.5, 0.55, 0.95)
    fitted = model("quantile", quantile=levels, hidden_layer_sizes=(20,), max_iter=60).fit(X, TWO)
    found = fitted.predict(X)
    assert found.shape == (200, 2, 5)
    assert (np.diff(found, axis=2) >= 0).all()
    # the sorted outputs of the net itself, the first level's of both targets first
    raw = fitted._forward(X).reshape(200, 5, 2)
    np.testing.assert_array_equal(found, np.sort(raw, axis=1).transpose(0, 2, 1))
    assert (np.diff(raw, axis=1) < 0).any()  # the test can tell


def test_mean_and_deviation():
    """Noise whose size depends on x."""
    x = np.linspace(-1, 1, 2000)[:, np.newaxis]
    true = np.exp(x[:, 0] - 2)
    y = np.random.RandomState(1).normal(x[:, 0], true)
    fitted = model("gaussian_nll", solver="lbfgs", max_iter=300, alpha=0.0).fit(x, y)
    mean, deviation = fitted.predict(x, return_std=True)
    np.testing.assert_array_equal(mean, fitted.predict(x))
    assert mean.shape == deviation.shape == (2000,)
    assert abs(mean - x[:, 0]).mean() < 0.02
    assert abs(deviation - true).mean() < 0.02
    # the loss is the likelihood, but for ln(2 pi) / 2
    likelihood = scipy.stats.norm.logpdf(y, mean, deviation)
    assert fitted.loss_ == pytest.approx(-likelihood.mean() - np.log(2 * np.pi) / 2, rel=1e-12)
    two = model("gaussian_nll").fit(X, TWO).predict(X, return_std=True)
    assert two[0].shape == two[1].shape == (200, 2)
    assert (two[1] > 0).all()


def test_deviations_are_not_to_be_had_of_other_losses():
    fitted = model("huber").fit(X, Y)
    with pytest.raises(ValueError, match="return_std=True needs a model fitted with loss='gauss"):
        fitted.predict(X, return_std=True)


# --- linear models -------------------------------------------------------------------------------


def linear(loss, alpha=0.0, **more):
    return model(
        loss, hidden_layer_sizes=(), solver="lbfgs", alpha=alpha, tol=1e-10, max_iter=5000,
        max_fun=10**6, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "theirs"), [("poisson", PoissonRegressor), ("gamma", GammaRegressor)]
)
def test_generalized_linear_models(loss, theirs):
    """Theirs is half the mean deviance too, and alpha / 2 |w|^2 not divided by the rows.

    SciPy stops where J falls by less than 2e-9 of itself: its root, 5e-5, is what w is good for.
    """
    ours = linear(loss, alpha=0.3 * WEIGHT.sum()).fit(X, Y, WEIGHT)
    right = theirs(alpha=0.3, tol=1e-10, max_iter=1000).fit(X, Y, WEIGHT)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], right.coef_, atol=5e-5)
    np.testing.assert_allclose(ours.predict(X), right.predict(X), rtol=2e-4)


def test_linear_quantiles():
    """The least loss is known from linear programming; the tuple finds it for each level."""
    levels = (0.2, 0.5, 0.9)
    ours = linear("quantile", quantile=levels)
    ours.set_params(solver="adam", learning_rate_init=0.01, max_iter=3000, tol=0, batch_size=200)
    ours.fit(X, Y)
    for k, level in enumerate(levels):
        right = QuantileRegressor(quantile=level, alpha=0).fit(X, Y)
        least = mean_pinball_loss(Y, right.predict(X), alpha=level)
        found = mean_pinball_loss(Y, ours._forward(X)[:, k], alpha=level)  # not sorted
        assert least - 1e-12 <= found <= 1.01 * least


# --- what is refused, before any work ------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "poisson", "out_activation": "identity"}, "needs outputs above 0"),
        ({"loss": "gamma", "out_activation": "tanh"}, "needs outputs above 0"),
        ({"loss": "gaussian_nll", "out_activation": "exp"}, "output activation of its own"),
        ({"out_activation": "softmax"}, "The 'out_activation' parameter of MLPRegressor must be"),
        ({"quantile": 1.0}, r"must be a float in the range \(0.0, 1.0\) or several"),
        ({"quantile": (0.5, 0.5)}, "or several in a tuple, rising"),
        ({"quantile": ()}, "or several in a tuple, rising"),
        ({"quantile": (0.1, "0.5")}, "or several in a tuple, rising"),
        ({"quantile": [None, 0.5]}, "or several in a tuple, rising"),
        ({"quantile": "0.5"}, "or several in a tuple, rising"),
    ],
)
def test_parameters_that_are_refused(settings, message):
    with pytest.raises((InvalidParameterError, ValueError), match=message):
        model(**{"loss": "squared_error", **settings}).fit(X, Y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gamma_needs_targets_above_0(dtype):
    for low in (0.0, -1.0, 1e-320, 1e-40 if dtype == np.float32 else 0.0):
        y = Y.copy()
        y[3] = low
        with pytest.raises(ValueError, match="loss 'gamma', which needs y > 0"):
            model("gamma").fit(X.astype(dtype), y)


def test_a_fitted_model_keeps_its_outputs():
    fitted = model("quantile", quantile=(0.1, 0.9), warm_start=True).fit(X, Y)
    for change in ({"quantile": (0.1, 0.5, 0.9)}, {"loss": "huber"}, {"quantile": 0.5}):
        changed = pickle.loads(pickle.dumps(fitted)).set_params(**change)
        with pytest.raises(ValueError, match="for a target, but the model was fitted with 2"):
            changed.fit(X, Y)
        assert changed.predict(X).shape == (200, 2)
    fitted.set_params(quantile=(0.2, 0.7)).fit(X, Y)
    with pytest.raises(ValueError, match="goes with the output activation 'softplus'"):
        fitted.set_params(out_activation="softplus").fit(X, Y)


def test_explanations_know_pairs():
    for loss, link in (("squared_error", "softplus"), ("quantile", None), ("gamma", "softplus")):
        fitted = model(loss, out_activation=link).fit(X, Y)
        chain = chainfit.explain(fitted, X[:5], Y[:5], "w_12^(1)")
        assert chain.verification.kernel is not None
        assert chain.verification.kernel_note == ""
        assert str(chainfit.trace(fitted, X[:2], Y[:2]))


@pytest.mark.parametrize("targets", [Y, TWO], ids=["one", "two"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
def test_the_score_of_several_quantiles(targets, weight):
    levels = (0.1, 0.5, 0.9)
    fitted = model("quantile", quantile=levels, max_iter=30, early_stopping=True)
    rows = {"X_val": X[:90], "y_val": targets[:90]}
    if weight is not None:
        rows["sample_weight_val"] = weight[:90]
    fitted.fit(X, targets, **rows)
    predicted = fitted.predict(X)
    scores = []
    for k, level in enumerate(levels):  # written out, by the loss alone
        weights = {"sample_weight": weight, "alpha": level, "multioutput": "raw_values"}
        loss = mean_pinball_loss(targets, predicted[..., k], **weights)
        constant = [mean_pinball_loss(t, np.full(200, q), **weights) for t, q in (
            (t, np.min([q for q in t if np.average(t <= q, weights=weight) >= level]))
            for t in targets.reshape(200, -1).T)]  # fmt: skip
        scores.append(np.mean(1 - loss / np.ravel(constant)))
    assert fitted.score(X, targets, weight) == pytest.approx(np.mean(scores), abs=2e-3)
    val = fitted.score(X[:90], targets[:90], None if weight is None else weight[:90])
    assert fitted.best_validation_score_ == max(fitted.validation_scores_)
    assert fitted.best_validation_score_ == pytest.approx(val, rel=1e-12)


@pytest.mark.parametrize("levels", [(0.2, 0.8), [0.3]])
def test_several_quantiles_in_cross_validation(levels):
    scores = cross_val_score(model("quantile", quantile=levels, max_iter=40), X, Y, cv=3)
    fitted = model("quantile", quantile=levels, max_iter=40).fit(X[67:], Y[67:])
    found = [
        d2_pinball_score(Y[:67], predicted, alpha=level)
        for predicted, level in zip(fitted.predict(X[:67]).T, levels, strict=True)
    ]
    assert scores[0] == pytest.approx(np.mean(found), rel=1e-12)
    assert np.isfinite(scores).all()
    with pytest.raises(NotFittedError):
        clone(fitted).score(X, Y)
    fitted.set_params(quantile=(0.1, 0.2, 0.3))
    with pytest.raises(ValueError, match="has 3 levels, but the model was fitted with"):
        fitted.score(X, Y)


def test_the_score_of_a_mean_with_a_variance():
    fitted = model("gaussian_nll").fit(X, TWO, X_val=X, y_val=TWO)
    assert fitted.score(X, TWO) == r2_score(TWO, fitted.predict(X))
    assert fitted.validation_scores_[-1] == pytest.approx(fitted.score(X, TWO), rel=1e-12)
    assert np.isfinite(cross_val_score(model("gaussian_nll"), X, Y)).all()
