"""Equal seeds give scikit-learn's own model, to rounding, in float64."""

import warnings
from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import neural_network as theirs
from sklearn.exceptions import ConvergenceWarning

import chainfit

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:Got `batch_size` less than 1",
    "ignore:divide by zero encountered in log:RuntimeWarning",
    "ignore:.*encountered in matmul:RuntimeWarning",  # theirs, from BLAS
)

ROWS, EPOCHS, RTOL = 150, 20, 1e-9
_rng = np.random.RandomState(0)
X = _rng.randn(ROWS, 6)
WEIGHTS = _rng.rand(ROWS)
_signal = 2 * X[:, 0] + np.sin(X[:, 1])
_three = np.digitize(_signal, [-1, 1])
TARGETS = {
    "real": _signal,
    "outputs": np.c_[_signal, X[:, 2] ** 2],
    "counts": _rng.poisson(np.exp(X[:, 0])),
    "binary": (_signal > 0).astype(int),
    "three": _three,
    "words": np.array(["no", "perhaps", "yes"])[_three],
    "labels": (np.c_[_signal, X[:, 2], X[:, 3]] > 0).astype(int),
}

CONFIGURATIONS = {
    "adam": {},
    "adam_other_constants": {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-4, "alpha": 1.0},
    "nesterov": {"solver": "sgd", "activation": "tanh"},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "activation": "logistic"},
    "plain_sgd": {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.05},
    "batch_of_one": {"solver": "sgd", "batch_size": 1, "learning_rate_init": 1e-3, "max_iter": 5},
    "short_last_batch": {"batch_size": 17, "activation": "tanh"},
    "batch_above_rows": {"batch_size": 1000},
    "in_order": {"shuffle": False, "batch_size": 40},
    "invscaling": {
        "solver": "sgd",
        "learning_rate": "invscaling",
        "power_t": 0.3,
        "learning_rate_init": 0.1,
    },
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.1,
        "tol": 0.05,
        "n_iter_no_change": 2,
    },
    "converges": {"learning_rate_init": 0.01, "tol": 0.05, "n_iter_no_change": 3},
    "never_stops": {"tol": 10.0, "n_iter_no_change": np.inf},
    "early_stopping": {"early_stopping": True, "n_iter_no_change": 3, "learning_rate_init": 0.02},
    "early_stopping_adaptive": {
        "solver": "sgd",
        "early_stopping": True,
        "learning_rate": "adaptive",
        "validation_fraction": 0.3,
        "tol": 0.01,
        "n_iter_no_change": 2,
        "learning_rate_init": 0.05,
    },
    "early_stopping_in_order": {"early_stopping": True, "shuffle": False},
    "no_hidden_layer": {"hidden_layer_sizes": ()},
    "one_number": {"hidden_layer_sizes": 4, "activation": "identity"},
    "deep": {"hidden_layer_sizes": [7, 6, 5, 4], "activation": "logistic"},
}


# Three on every kind of target, the others on two kinds in turn.
ON_ALL = ("adam", "nesterov", "early_stopping")
FITS = [
    (configuration, target)
    for (n, configuration), (m, target) in product(enumerate(CONFIGURATIONS), enumerate(TARGETS))
    if configuration in ON_ALL or (n - m) % 7 in (0, 3)
]


def pair(target, **parameters):
    """Return our estimator and theirs for a kind of target."""
    parameters = {
        "hidden_layer_sizes": (9, 5),
        "max_iter": EPOCHS,
        "random_state": 3,
        **parameters,
    }
    if target in ("real", "outputs", "counts"):
        parameters["loss"] = "poisson" if target == "counts" else "squared_error"
        return chainfit.MLPRegressor(**parameters), theirs.MLPRegressor(**parameters)
    return chainfit.MLPClassifier(**parameters), theirs.MLPClassifier(**parameters)


def assert_same(ours, their, rtol=RTOL):
    """Every fitted attribute is theirs."""
    for name in ("coefs_", "intercepts_"):
        for mine, other in zip(getattr(ours, name), getattr(their, name), strict=True):
            np.testing.assert_allclose(mine, other, rtol=0, atol=rtol * np.abs(other).max())
            assert mine.dtype == other.dtype
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "n_features_in_", "out_activation_"):
        assert getattr(ours, name) == getattr(their, name), name
    for name in (
        *("loss_", "loss_curve_", "best_loss_"),
        *("validation_scores_", "best_validation_score_", "_no_improvement_count"),
    ):
        assert hasattr(ours, name) == hasattr(their, name), name
        if hasattr(their, name):
            mine, other = getattr(ours, name), getattr(their, name)
            assert (mine is None) == (other is None), name
            if other is not None:
                np.testing.assert_allclose(mine, other, rtol=rtol, err_msg=name)
    if hasattr(their, "classes_"):
        assert ours.classes_.tolist() == their.classes_.tolist()


def assert_same_predictions(ours, their, X=X, rtol=RTOL):
    """Predictions, probabilities and scores are theirs."""
    for method in ("predict_proba", "predict_log_proba"):
        assert hasattr(ours, method) == hasattr(their, method)
        if hasattr(their, method):
            np.testing.assert_allclose(
                getattr(ours, method)(X), getattr(their, method)(X), rtol=1e3 * rtol
            )
    mine, other = ours.predict(X), their.predict(X)
    assert mine.dtype == other.dtype
    assert mine.shape == other.shape
    if hasattr(their, "classes_"):
        assert (mine == other).all()
    else:
        np.testing.assert_allclose(mine, other, rtol=1e3 * rtol)


@pytest.mark.parametrize(("configuration", "target"), FITS)
def test_fit(configuration, target):
    ours, their = pair(target, **CONFIGURATIONS[configuration])
    weights = WEIGHTS if target in ("outputs", "counts", "three", "labels") else None
    for model in (ours, their):
        model.fit(X, TARGETS[target], sample_weight=weights)
    assert_same(ours, their)
    assert_same_predictions(ours, their)


@pytest.mark.parametrize(
    ("target", "activation"),
    [
        *zip(
            [name for name in TARGETS if name != "outputs"] * 2,
            ["identity", "logistic", "tanh", "relu"] * 3,
            strict=True,
        )
    ],
)
def test_lbfgs(target, activation):
    # SciPy's line search magnifies differences of rounding: 20 iterations come close to the bound.
    ours, their = pair(target, solver="lbfgs", activation=activation, max_iter=12, alpha=0.1)
    for model in (ours, their):
        model.fit(X, TARGETS[target], sample_weight=WEIGHTS)
    assert_same(ours, their)
    assert_same_predictions(ours, their)


# Every solver with every activation, on the forms of X in turn; the other settings are drawn.
SOLVERS = {
    "sgd": {"solver": "sgd", "momentum": 0},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "nesterov": {"solver": "sgd"},
    "adam": {"solver": "adam", "learning_rate_init": 0.003},
    "lbfgs": {"solver": "lbfgs", "max_iter": 12, "alpha": 0.1},
}
ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
FORMS = {"dense": np.asarray, "csr": sp.csr_array, "csc": sp.csc_matrix}
DRAWN = {
    "batch_size": (20, 50, "auto"),
    "learning_rate": ("constant", "invscaling", "adaptive"),
    "early_stopping": (False, True),
    "n_iter_no_change": (3, 10),
    "alpha": (1e-4, 0.5),
}
SPARSE_X = X * (_rng.rand(*X.shape) < 0.6)


def drawn_configurations():
    draw = np.random.RandomState(1)
    for n, (solver, activation, form) in enumerate(product(SOLVERS, ACTIVATIONS, FORMS)):
        names = [name for name in TARGETS if (solver, name) != ("lbfgs", "outputs")]
        target, weighted = names[draw.randint(len(names))], draw.rand() < 0.5
        parameters = {name: some[draw.randint(len(some))] for name, some in DRAWN.items()}
        parameters |= {"activation": activation, **SOLVERS[solver]}
        words = f"{solver}-{activation}-{form}-{target}-{'weighted' if weighted else 'plain'}"
        if n % 3 == n // 3 % 3:
            yield pytest.param(parameters, form, target, WEIGHTS if weighted else None, id=words)


@pytest.mark.parametrize(("parameters", "form", "target", "weights"), list(drawn_configurations()))
def test_drawn_settings(parameters, form, target, weights):
    ours, their = pair(target, **parameters)
    given = FORMS[form](SPARSE_X)
    for model in (ours, their):
        model.fit(given, TARGETS[target], sample_weight=weights)
    assert_same(ours, their)
    assert_same_predictions(ours, their, given)


def test_lbfgs_in_float32_computes_in_float64():
    ours, their = pair("real", solver="lbfgs", max_iter=10)
    for model in (ours, their):
        model.fit(X.astype(np.float32), TARGETS["real"])
    assert_same(ours, their, rtol=1e-6)


def test_lbfgs_with_several_outputs_gets_a_consistent_pair():
    """Theirs averages the loss over outputs, but not its gradient; ours finds a better minimum."""
    ours, their = pair("outputs", solver="lbfgs", max_iter=60, alpha=0.0)
    for model in (ours, their):
        model.fit(X, TARGETS["outputs"])
    residual = ours.predict(X) - TARGETS["outputs"]
    assert ours.loss_ == pytest.approx(0.5 * (residual**2).mean(), rel=1e-9)
    assert ours.loss_ < their.loss_


@pytest.mark.parametrize(
    ("target", "solver", "generator"),
    list(product(TARGETS, ["sgd", "adam"], ["seed", "own", "none"]))[::4],
)
def test_partial_fit_goes_on(target, solver, generator):
    """From nothing and after fit, seeded anew at each call or drawing on from one generator."""
    models, y = (
        pair(target, solver=solver, learning_rate="invscaling", batch_size=30),
        TARGETS[target],
    )
    first = {"classes": np.arange(3) if target == "labels" else np.unique(y)}
    if not hasattr(models[0], "predict_proba"):
        first = {}
    for model in models:
        if generator == "own":
            model.set_params(random_state=np.random.RandomState(5))
        elif generator == "none":
            model.set_params(random_state=None)
            np.random.seed(6)
        model.partial_fit(X[:80], y[:80], **first)
        model.partial_fit(X[:70], y[:70], sample_weight=WEIGHTS[:70])
        model.partial_fit(X[80:], y[80:], **first)
        model.partial_fit(X[80:], y[80:])
    assert_same(*models)
    for model in models:
        np.random.seed(7)
        model.fit(X, y).partial_fit(X, y).partial_fit(X[:50], y[:50])
    assert_same(*models)


@pytest.mark.parametrize("target", ["real", "binary", "three"])
@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "sgd", "learning_rate": "invscaling"},
        {"solver": "adam"},
        {"solver": "adam", "early_stopping": True, "n_iter_no_change": 5},
        {"solver": "adam", "early_stopping": True, "tol": 0, "learning_rate_init": 0.1},
    ],
    ids=["sgd", "adam", "early", "early_late"],
)
def test_warm_start_goes_on(target, parameters):
    models = pair(target, warm_start=True, max_iter=6, **parameters)
    for model in models:
        for rows in (slice(None), slice(100), slice(50, None)):
            model.fit(X[rows], TARGETS[target][rows])
    assert_same(*models)


def test_warm_start_lbfgs():
    models = pair("real", warm_start=True, solver="lbfgs", max_iter=5)
    for model in models:
        model.fit(X, TARGETS["real"]).fit(X[:100], TARGETS["real"][:100])
    assert_same(*models, rtol=1e-6)


def test_refit_starts_anew_in_another_form():
    models = pair("three", early_stopping=True)
    for model in models:
        model.fit(X, TARGETS["three"])
        model.set_params(hidden_layer_sizes=(3,), early_stopping=False)
        model.fit(X[:, :4], TARGETS["binary"])
    assert_same(*models)


@pytest.mark.parametrize("bit_generator", [np.random.MT19937, np.random.PCG64, np.random.SFC64])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_generator_is_left_as_scikit_learn_leaves_it(bit_generator, early_stopping):
    draws = []
    for model in pair("binary", early_stopping=early_stopping, max_iter=4):
        generator = np.random.RandomState(bit_generator(11))
        model.set_params(random_state=generator).fit(X, TARGETS["binary"])
        if not early_stopping:
            model.partial_fit(X, TARGETS["binary"])
        draws.append(generator.uniform(size=5).tolist())
    assert draws[0] == draws[1]


def test_global_generator():
    models = pair("real", random_state=None)
    draws = []
    for model in models:
        np.random.seed(8)
        model.fit(X, TARGETS["real"])
        draws.append(np.random.uniform())
    assert_same(*models)
    assert draws[0] == draws[1]


def test_no_draws_without_shuffle():
    generator = np.random.RandomState(0)
    model, _ = pair("real", shuffle=False, max_iter=3)
    model.fit(X, TARGETS["real"])
    model.set_params(random_state=generator)
    before = generator.get_state()[2]
    model.partial_fit(X, TARGETS["real"])
    assert generator.get_state()[2] == before


@pytest.mark.parametrize("target", ["real", "three"])
def test_float32_stays_close(target):
    models = pair(target, activation="tanh")
    for model in models:
        model.fit(X.astype(np.float32), TARGETS[target])
    assert_same(*models, rtol=1e-4)


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_iter": 4},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1},
        {"tol": 0.5, "n_iter_no_change": 2},
        {"early_stopping": True, "tol": 0.5, "n_iter_no_change": 2},
        {"solver": "lbfgs", "max_iter": 3},
    ],
    ids=["epochs", "adaptive", "converged", "early", "lbfgs"],
)
def test_output_and_warnings(parameters, capsys):
    said = []
    for model in pair("binary", **{"max_iter": 30, "verbose": True, **parameters}):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, TARGETS["binary"])
            if parameters.get("solver") != "lbfgs" and not parameters.get("early_stopping"):
                model.partial_fit(X, TARGETS["binary"])
        warned = [(w.category, str(w.message)) for w in caught]
        # which scikit-learn does not say: such a tol ends training before anything is learned
        warned = [(kind, text) for kind, text in warned if "learned nothing" not in text]
        said.append((capsys.readouterr().out, warned))
    assert said[0] == said[1]
    assert said[0][1] or "Stopping." in said[0][0]


def test_clipped_batch_size_and_convergence_warnings_point_at_the_caller():
    model, _ = pair("real", batch_size=1000, max_iter=1)
    with pytest.warns(UserWarning) as caught:
        model.fit(X, TARGETS["real"])
    assert [w.category for w in caught] == [UserWarning, ConvergenceWarning]
    assert "`batch_size`" in str(caught[0].message)
    assert {w.filename for w in caught} == {__file__}
