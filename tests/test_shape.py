"""The shape of a net, and what it starts from: sizes, `init`, weights drawn or given."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import RandomizedSearchCV

import chainfit
from chainfit import HiddenLayers, MLPClassifier, MLPRegressor
from chainfit._cli.net_options import sizes
from chainfit._estimators.initial import INITIALIZERS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
D, progress = load_diabetes(return_X_y=True)


# -- sizes


def test_sizes_as_text_are_those_of_a_tuple(tmp_path):
    text, plain = (
        MLPClassifier(sizes, random_state=0, max_iter=3).fit(X, y) for sizes in ("5-3", (5, 3))
    )
    assert_array_equal(text.predict_proba(X), plain.predict_proba(X))
    assert "hidden_layer_sizes='5-3'" in repr(text)
    text.save(tmp_path / "model")
    again = chainfit.load(tmp_path / "model")
    assert again.hidden_layer_sizes == "5-3"
    assert clone(again).hidden_layer_sizes == "5-3"
    assert_array_equal(again.predict_proba(X), text.predict_proba(X))
    assert text.to_sklearn().hidden_layer_sizes == (5, 3)
    assert [
        len(b) for b in clone(text).set_params(hidden_layer_sizes="7").fit(X, y).intercepts_
    ] == [7, 3]


@pytest.mark.parametrize(
    "text", ["", "-", "5-", "05", "0", "5-0", "5,3", "5 - 3", "5.0", "²", "9" * 19]
)
def test_text_that_is_no_sizes(text):
    with pytest.raises(ValueError, match="or a text such as '64-32'"):
        MLPClassifier(text).fit(X, y)


def test_sizes_on_the_command_line():
    assert [sizes(text) for text in ("none", "7", "9,8", "9-8")] == [(), (7,), (9, 8), (9, 8)]


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "lbfgs"])
@pytest.mark.parametrize("batch_size", [1, 5, 17, 200])
def test_a_linear_model_has_the_gradient_of_logistic_regression(solver, batch_size):
    rows = min(batch_size, 150)
    model = MLPClassifier((), solver=solver, batch_size=rows, random_state=0, max_iter=2)
    model.fit(X, y)
    assert [W.shape for W in model.coefs_] == [(4, 3)]
    scores = X @ model.coefs_[0] + model.intercepts_[0]
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert_allclose(model.predict_proba(X), expected, rtol=1e-12)


def test_a_linear_model_is_explained_and_shown():
    model = MLPRegressor(hidden_layer_sizes=(), random_state=0, max_iter=2).fit(D, progress)
    chain = chainfit.explain(model, D[:5], progress[:5], (0, 2, 0))
    row = D[:5] @ model.coefs_[0] + model.intercepts_[0] - progress[:5, None]
    expected = (row * D[:5, 2:3]).mean() + model.alpha / 5 * model.coefs_[0][2, 0]
    assert chain.to_dict()["value"] == pytest.approx(expected, rel=1e-12)
    assert "The net: 10-1" in str(chainfit.trace(model, D[:3], progress[:3]))
    assert "<html" in chainfit.explore(model, D[:3], progress[:3]).html


# -- drawn by a search


def test_hidden_layers_are_drawn_within_their_bounds():
    space = HiddenLayers((1, 3), width=(8, 64))
    assert repr(space) == "HiddenLayers(n_layers=(1, 3), width=(8, 64))"
    generator = np.random.RandomState(0)
    drawn = [space.rvs(random_state=generator) for _ in range(2000)]
    assert {len(sizes) for sizes in drawn} == {1, 2, 3}
    assert all(len(set(sizes)) == 1 and isinstance(sizes[0], int) for sizes in drawn)
    widths = np.array([sizes[0] for sizes in drawn])
    assert (widths.min(), widths.max()) == (8, 64)
    # as many below the geometric middle as above it: 2000 draws, four standard deviations
    assert abs(np.mean(widths < np.sqrt(8 * 65)) - 0.5) < 4 * 0.5 / np.sqrt(2000)
    assert space.rvs(random_state=1) == space.rvs(random_state=1)
    assert HiddenLayers(0, 5).rvs() == ()
    assert HiddenLayers(2, 5).rvs() == (5, 5)
    assert repr(pickle.loads(pickle.dumps(space))) == repr(space)


def test_hidden_layers_in_a_search():
    search = RandomizedSearchCV(
        MLPClassifier(max_iter=2, random_state=0),
        {"hidden_layer_sizes": HiddenLayers((0, 2), width=(2, 4)), "init": list(INITIALIZERS)},
        n_iter=3,
        cv=2,
        random_state=0,
    ).fit(X, y)
    assert isinstance(search.best_params_["hidden_layer_sizes"], tuple)


@pytest.mark.parametrize(
    ("n_layers", "width"),
    [
        (-1, 8),
        (1, 0),
        ((3, 1), 8),
        (1, (8, 4)),
        (1.0, 8),
        (True, 8),
        ((1, 2, 3), 8),
        ("13", 8),
        (1, None),
    ],
)
def test_bounds_that_are_none(n_layers, width):
    with pytest.raises(ValueError, match="must be an int >= "):
        HiddenLayers(n_layers, width)


# -- how weights are drawn


def weights(init, n_in, n_out):
    """Return W, b of the first layer before its first step."""
    model = MLPRegressor(hidden_layer_sizes=(n_out,), init=init, random_state=0).initialize(n_in)
    return model.coefs_[0], model.intercepts_[0]


def test_the_default_is_scikit_learns():
    assert next(iter(INITIALIZERS)) == MLPClassifier().init == MLPRegressor().init
    assert MLPClassifier().get_params()["init"] == "glorot_uniform"


@pytest.mark.parametrize(("n_in", "n_out"), [(200, 300), (300, 200), (250, 250)])
@pytest.mark.parametrize(
    ("init", "bound", "scale"),
    [
        ("glorot_uniform", lambda m, n: np.sqrt(6 / (m + n)), None),
        ("glorot_normal", None, lambda m, n: np.sqrt(2 / (m + n))),
        ("he_uniform", lambda m, n: np.sqrt(6 / m), None),
        ("he_normal", None, lambda m, n: np.sqrt(2 / m)),
    ],
)
def test_the_distribution_of_weights(init, bound, scale, n_in, n_out):
    W, b = weights(init, n_in, n_out)
    assert W.shape == (n_in, n_out)
    std = scale(n_in, n_out) if scale else bound(n_in, n_out) / np.sqrt(3)
    # of n draws the variance has a relative standard deviation of sqrt(2 / n) or less
    assert W.var() == pytest.approx(std**2, rel=4 * np.sqrt(2 / W.size))
    assert abs(W.mean()) < 4 * std / np.sqrt(W.size)
    if bound:
        assert np.abs(W).max() <= bound(n_in, n_out)
    else:
        assert np.abs(W).max() > 3.5 * std
    assert (init == "glorot_uniform") == bool(b.any())


@pytest.mark.parametrize(
    ("n_in", "n_out"), [(1, 1), (3, 70), (70, 3), (64, 64), (100, 65), (65, 100)]
)
def test_orthogonal_is_q_of_the_drawn_matrix(n_in, n_out):
    W, b = weights("orthogonal", n_in, n_out)
    assert not b.any()
    normal = np.random.RandomState(0).normal(size=(n_out, n_in))
    tall = normal if n_out >= n_in else normal.T
    Q, R = np.linalg.qr(tall)
    Q *= np.sign(np.diag(R))
    expected = Q.T if n_out >= n_in else Q
    # Q moves by up to the matrix's condition times what A does, a few units in the last place
    limit = 100 * np.linalg.cond(tall) * np.finfo(float).eps
    assert_allclose(W, expected, rtol=0, atol=limit)
    gram = W.T @ W if n_in >= n_out else W @ W.T
    assert_allclose(gram, np.eye(len(gram)), rtol=0, atol=50 * np.finfo(float).eps)


@pytest.mark.parametrize("init", INITIALIZERS)
def test_pytorch_draws_from_the_same_distribution(init):
    torch = pytest.importorskip("torch")
    names = {
        "glorot_uniform": "xavier_uniform_",
        "glorot_normal": "xavier_normal_",
        "he_uniform": "kaiming_uniform_",
        "he_normal": "kaiming_normal_",
        "orthogonal": "orthogonal_",
    }
    there = torch.empty(300, 200, dtype=torch.float64)  # (to, from)
    more = {"nonlinearity": "relu"} if init.startswith("he") else {}
    torch.manual_seed(0)
    getattr(torch.nn.init, names[init])(there, **more)
    W, _ = weights(init, 200, 300)
    limit = 4 * np.sqrt(2 * 2 / W.size)
    assert W.var() == pytest.approx(there.numpy().var(), rel=limit)


@pytest.mark.parametrize("init", INITIALIZERS)
def test_equal_seeds_give_equal_weights(init, isa, dtype, tmp_path):
    parameters = {"init": init, "hidden_layer_sizes": (40, 7), "random_state": 0, "max_iter": 2}
    first = MLPClassifier(**parameters).fit(X.astype(dtype), y)
    again = clone(first).fit(X.astype(dtype), y)
    assert_array_equal(first.predict_proba(X), again.predict_proba(X))
    first.save(tmp_path / "model")
    loaded = chainfit.load(tmp_path / "model")
    assert loaded.init == pickle.loads(pickle.dumps(first)).init == init
    assert_array_equal(loaded.fit(X.astype(dtype), y).coefs_[1], first.coefs_[1])


def test_orthogonal_has_equal_bits_on_all_instruction_sets(running_isas, using_isa):
    found = []
    for name in running_isas:
        with using_isa(name):
            found.append(weights("orthogonal", 90, 60)[0])
    for W in found[1:]:
        assert_array_equal(W, found[0])


def test_an_unknown_init_is_refused():
    with pytest.raises(
        ValueError, match=r"The 'init' parameter of MLPRegressor must be a str among"
    ):
        MLPRegressor(init="he").fit(D, progress)


# -- models without a fit


@pytest.mark.parametrize(
    ("model", "targets", "y"),
    [
        (MLPClassifier((5, 4), random_state=0), (3,), y),
        (MLPClassifier("5-4", random_state=0), (["a", "b", "c"],), np.array(["a", "b", "c"])[y]),
        (MLPClassifier((5,), random_state=0), (2,), y % 2),
        (MLPClassifier((), random_state=0, init="he_normal"), ([False, True],), y > 0),
        (MLPClassifier((5,), random_state=0), (3, "multilabel"), np.eye(3, dtype=int)[y]),
        (MLPClassifier((5,), random_state=0, precision="float32"), (3,), y),
        (MLPRegressor(hidden_layer_sizes=(5,), random_state=0), (), X[:, 1]),
        (MLPRegressor(hidden_layer_sizes=(5,), random_state=0, loss="poisson"), (), X[:, 1]),
        (MLPRegressor(hidden_layer_sizes=(), random_state=0), (2,), X[:, :2]),
        (MLPRegressor("gaussian_nll", (5,), random_state=0), (2,), X[:, :2]),
        (MLPRegressor("quantile", (5,), quantile=(0.1, 0.5, 0.9), random_state=0), (), X[:, 1]),
        (MLPRegressor("gamma", (5,), out_activation="softplus", random_state=0), (), X[:, 1]),
    ],
)
def test_initialize_draws_what_fit_begins_with(model, targets, y, tmp_path):
    multilabel = {"multilabel": True} if targets[1:] else {}
    started = clone(model).initialize(4, *targets[:1], **multilabel)
    # one step of no size: the weights that fit begins with
    fitted = clone(model).set_params(learning_rate_init=1e-300, max_iter=1, alpha=0)
    if model.precision == "float32":
        fitted.set_params(learning_rate_init=1e-37)
    fitted.fit(X, y)
    for mine, expected in zip(started.coefs_, fitted.coefs_, strict=True):
        assert_array_equal(mine, expected)
    assert_array_equal(started.predict(X), fitted.predict(X))
    assert started.predict(X).dtype == fitted.predict(X).dtype
    for name in ("n_features_in_", "n_outputs_", "n_layers_", "out_activation_"):
        assert getattr(started, name) == getattr(fitted, name)
    assert started.n_iter_ == started.t_ == 0
    started.save(tmp_path / "model")
    loaded = chainfit.load(tmp_path / "model")
    again = pickle.loads(pickle.dumps(started))
    results = [m.partial_fit(X, y).predict(X) for m in (started, loaded, again)]
    assert_array_equal(results[0], results[1])
    assert_array_equal(results[0], results[2])
    if model.loss not in ("gaussian_nll", "quantile"):  # of several outputs for a target
        chainfit.explain(loaded, X[:3], y[:3], (0, 1, 0))


def test_initialize_forgets_an_earlier_fit():
    model = MLPClassifier((5,), random_state=0, max_iter=2).fit(X, y)
    model.initialize(7, ["no", "yes"])
    assert model.predict(np.zeros((1, 7))).item() in ("no", "yes")
    assert not hasattr(model, "loss_curve_")
    assert model.set_params(warm_start=True).fit(np.eye(7), ["no", "yes"] * 3 + ["no"]).t_ > 0


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (lambda: MLPRegressor().initialize(0), "n_features must be an int >= 1, got 0"),
        (lambda: MLPRegressor().initialize(4.0), "n_features must be"),
        (lambda: MLPRegressor().initialize(4, 0), "n_targets must be"),
        (lambda: MLPRegressor(alpha=-1).initialize(4), "'alpha' parameter"),
        (lambda: MLPRegressor(activation=("relu", "tanh")).initialize(4), "activation must be"),
        (lambda: MLPRegressor(dropout=(0.1, 0.2, 0.3)).initialize(4), "dropout must be"),
        (lambda: MLPClassifier().initialize(4, 1), "classes must be two or more"),
        (lambda: MLPClassifier().initialize(4, ["a", "a"]), "classes must be two or more"),
        (lambda: MLPClassifier().initialize(4, ["a", "b"], multilabel=True), "numbers of their"),
    ],
)
def test_starts_that_are_refused(start, message):
    with pytest.raises(ValueError, match=message):
        start()


def test_a_failed_start_changes_nothing():
    generator = np.random.RandomState(0)
    model = MLPClassifier((5,), random_state=generator, max_iter=2).fit(X, y)
    before, state = model.__dict__.copy(), generator.get_state()[1].copy()
    with pytest.raises(ValueError):
        model.initialize(4, ["a", "a"])
    assert model.__dict__ == before
    assert_array_equal(generator.get_state()[1], state)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["classes", "two", "labels", "real", "quantiles", "variances"])
def test_from_weights_is_the_model_that_they_are_from(kind, dtype, tmp_path):
    rows = X.astype(dtype)
    fitted = {
        "classes": lambda: MLPClassifier((6, 5), random_state=0, max_iter=3).fit(rows, y),
        "two": lambda: MLPClassifier((6,), random_state=0, max_iter=3).fit(rows, y == 1),
        "labels": lambda: MLPClassifier((6,), random_state=0, max_iter=3).fit(rows, np.eye(3)[y]),
        "real": lambda: MLPRegressor(
            hidden_layer_sizes=(), random_state=0, max_iter=3, loss="poisson"
        ).fit(rows, y),
        "quantiles": lambda: MLPRegressor("quantile", (5,), quantile=(0.2, 0.8), max_iter=3).fit(
            rows, y
        ),
        "variances": lambda: MLPRegressor("gaussian_nll", (5,), max_iter=3).fit(rows, rows[:, :2]),
    }[kind]()
    more = {"classes": {}, "two": {"classes": [False, True]}, "labels": {"multilabel": True}}
    if isinstance(fitted, MLPRegressor):
        parameters = {name: getattr(fitted, name) for name in ("loss", "quantile")}
    else:
        parameters = more[kind]
    model = type(fitted).from_weights(fitted.coefs_, fitted.intercepts_, **parameters)
    assert model.coefs_[0].dtype == dtype
    assert model.coefs_[0] is not fitted.coefs_[0]
    assert_array_equal(model.predict(rows), fitted.predict(rows))
    model.save(tmp_path / "model")
    assert_array_equal(chainfit.load(tmp_path / "model").predict(rows), fitted.predict(rows))


def test_from_weights_takes_names_and_parameters():
    model = MLPRegressor.from_weights(
        [[[1], [2]]], feature_names=["a", "b"], precision="float32", alpha=0.5
    )
    assert (model.alpha, model.hidden_layer_sizes, model.coefs_[0].dtype) == (0.5, (), np.float32)
    assert model.feature_names_in_.tolist() == ["a", "b"]
    assert_array_equal(model.intercepts_[0], [0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MLPRegressor.from_weights([]), "at least one array"),
        (lambda: MLPRegressor.from_weights([[1.0]]), "2-dimensional"),
        (lambda: MLPRegressor.from_weights([[["x"]]]), "array of numbers"),
        (lambda: MLPRegressor.from_weights([[[np.nan]]]), "finite"),
        (lambda: MLPRegressor.from_weights([[[1.0]]], [[1.0, 2.0]]), "must have 1 numbers"),
        (lambda: MLPRegressor.from_weights([[[1.0]]], []), "must hold 1 arrays"),
        (lambda: MLPRegressor.from_weights([[[1.0]], [[1.0], [2.0]]]), "2 rows"),
        (lambda: MLPRegressor.from_weights([[[1.0]]], hidden_layer_sizes=3), "the targets make"),
        (lambda: MLPClassifier.from_weights([[[1.0, 2.0]]]), "the targets make"),
        (lambda: MLPRegressor.from_weights([[[1.0]]], feature_names=["a", "b"]), "1 names"),
        (lambda: MLPRegressor.from_weights([[[1e300]]], precision="float32"), "finite"),
    ],
)
def test_weights_that_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
