"""from_sklearn and to_sklearn: the whole fitted state, both ways."""

import copy

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn import neural_network as theirs
from sklearn.exceptions import NotFittedError

import chainfit

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = _rng.randn(120, 6)
_signal = 2 * X[:, 0] + np.sin(X[:, 1])
_three = np.digitize(_signal, [-1, 1])
TARGETS = {
    "real": _signal,
    "outputs": np.c_[_signal, X[:, 2]],
    "counts": _rng.poisson(np.exp(X[:, 0])),
    "binary": (_signal > 0).astype(int),
    "words": np.array(["no", "perhaps", "yes"])[_three],
    "labels": (np.c_[_signal, X[:, 2], X[:, 3]] > 0).astype(int),
}
SETTINGS = {
    "adam": {"beta_1": 0.8, "epsilon": 1e-6},
    "nesterov": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.05},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.7},
    "plain": {"solver": "sgd", "momentum": 0, "power_t": 0.3},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1},
    "early": {"early_stopping": True, "activation": "logistic"},
    "lbfgs": {"solver": "lbfgs", "alpha": 0.1},
}


def unfitted(package, target, **parameters):
    defaults = {"hidden_layer_sizes": (7, 5), "max_iter": 12, "random_state": 3}
    if target in ("real", "outputs", "counts"):
        parameters["loss"] = "poisson" if target == "counts" else "squared_error"
        return package.MLPRegressor(**{**defaults, **parameters})
    return package.MLPClassifier(**{**defaults, **parameters})


def outputs(model):
    methods = ("predict", "predict_proba")
    return [getattr(model, name)(X) for name in methods if hasattr(model, name)]


def assert_close(a, b, rtol=1e-12):
    for mine, other in zip(
        [*a.coefs_, *a.intercepts_, *outputs(a)],
        [*b.coefs_, *b.intercepts_, *outputs(b)],
        strict=True,
    ):
        assert mine.dtype == other.dtype
        if mine.dtype.kind == "f":
            np.testing.assert_allclose(mine, other, rtol=0, atol=rtol * np.abs(other).max())
        else:
            assert (mine == other).all()
    for name in (
        *("n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "_no_improvement_count"),
        *("validation_scores_", "best_validation_score_"),
    ):
        assert hasattr(a, name) == hasattr(b, name), name
        value = getattr(a, name, None)
        if value is not None:
            np.testing.assert_allclose(value, getattr(b, name), rtol=rtol, err_msg=name)


def assert_same_state(a, b):
    """Two scikit-learn models or two of ours have the same attributes, to the bit."""
    assert type(a) is type(b)
    states = [plain_state(model) for model in (a, b)]
    assert states[0].keys() == states[1].keys()
    assert states[0] == states[1]


def plain_state(model):
    """All attributes but those that nothing reads before the next fit makes them anew.

    And but our own record of the epochs, for which scikit-learn has no place.
    """
    scratch = {"_coef_indptr", "_intercept_indptr", "_random_state", "_epochs", "_losses"}
    if not model.early_stopping:
        scratch |= {"_best_coefs", "_best_intercepts"}
    state = flat({k: v for k, v in model.__getstate__().items() if k not in scratch})
    if model.solver == "sgd":
        # Plain descent multiplies velocities by 0, and only Adam counts its steps.
        if "_optimizer" in state and model.momentum == 0:
            del state["_optimizer"]["velocities"]
        state.get("_optimizer_state", {}).pop("steps", None)
    return state


def flat(value):
    """Plain content to compare with ==."""
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.tolist()
    if isinstance(value, dict):
        return {key: flat(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [flat(item) for item in value]
    if isinstance(value, np.random.RandomState):
        return flat(value.get_state())
    return flat(vars(value)) if hasattr(value, "__dict__") else value


def go_on(model, target):
    """Train on, by what the solver has."""
    if model.early_stopping or model.solver == "lbfgs":
        return model.set_params(warm_start=True, max_iter=5).fit(X, target)
    return model.partial_fit(X[:50], target[:50]).partial_fit(X, target)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_from_scikit_learn_and_back(setting, target):
    y = TARGETS[target]
    if (setting, target) == ("lbfgs", "outputs"):
        y = y[:, 0]  # with more outputs theirs minimises something else
    their = unfitted(theirs, target, **SETTINGS[setting]).fit(X, y)
    ours = chainfit.from_sklearn(their)
    assert type(ours).__name__ == type(their).__name__
    assert_close(ours, their)
    back = ours.to_sklearn()
    assert_same_state(back, their)
    assert_same_state(chainfit.from_sklearn(back), ours)
    for model in (their, ours, back):
        go_on(model, y)
    assert_close(ours, their, 1e-9)
    assert_same_state(back, their)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_to_scikit_learn_and_back(setting, target):
    y = TARGETS[target]
    if (setting, target) == ("lbfgs", "outputs"):
        y = y[:, 0]
    ours = unfitted(chainfit, target, **SETTINGS[setting]).fit(X, y)
    their = ours.to_sklearn()
    back = chainfit.from_sklearn(their)
    assert_same_state(back, ours)
    assert_close(their, ours)
    for model in (ours, their, back):
        go_on(model, y)
    assert_same_state(back, ours)
    assert_close(their, ours, 1e-9)


@pytest.mark.parametrize("generator", ["own", "global"])
def test_random_state_goes_on(generator):
    state = np.random.RandomState(5) if generator == "own" else None
    their = unfitted(theirs, "real", random_state=state)
    np.random.seed(0)
    their.fit(X, TARGETS["real"])
    ours = chainfit.from_sklearn(their)
    back = ours.to_sklearn()
    for model in (their, ours, back):
        np.random.seed(1)
        model.partial_fit(X, TARGETS["real"]).partial_fit(X, TARGETS["real"])
    assert_close(ours, their, 1e-9)
    assert_close(back, their, 1e-12)


def test_nothing_is_shared():
    their = unfitted(theirs, "words", solver="sgd").fit(X, TARGETS["words"])
    before = copy.deepcopy(their)
    ours = chainfit.from_sklearn(their)
    again = ours.to_sklearn()
    for model in (ours, again):
        for array in (*model.coefs_, *model.intercepts_, model.classes_):
            array[...] = 0
        model.loss_curve_.append(0.0)
    for velocity in again._optimizer.velocities:
        velocity[:] = 0
    assert_same_state(their, before)


def test_feature_names_and_requests():
    frame = pd.DataFrame(X, columns=list("abcdef"))
    with sklearn.config_context(enable_metadata_routing=True):
        their = unfitted(theirs, "words").set_fit_request(sample_weight=True)
        their.set_partial_fit_request(classes="all_of_them").set_score_request(sample_weight=False)
    their.fit(frame, TARGETS["words"])
    ours = chainfit.from_sklearn(their)
    assert ours.feature_names_in_.tolist() == list("abcdef")
    for model in (ours, ours.to_sklearn()):
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(frame.rename(columns={"a": "z"}))
        requests = model._get_metadata_request()
        assert requests.fit.requests["sample_weight"] is True
        assert requests.partial_fit.requests["classes"] == "all_of_them"
        assert requests.score.requests == {"sample_weight": False}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    their = unfitted(theirs, "real").fit(X.astype(dtype), TARGETS["real"])
    ours = chainfit.from_sklearn(their)
    for model in (ours, ours.to_sklearn()):
        model.partial_fit(X.astype(dtype), TARGETS["real"])
        assert {w.dtype for w in (*model.coefs_, *model.intercepts_)} == {np.dtype(dtype)}


@pytest.mark.parametrize("cls", ["MLPClassifier", "MLPRegressor"])
def test_unfitted_models(cls):
    their = getattr(theirs, cls)(alpha=0.5, hidden_layer_sizes=[3, 4])
    ours = chainfit.from_sklearn(their)
    assert type(ours) is getattr(chainfit, cls)
    more = {"n_threads": None, "precision": "auto", **ours._own_parameters}
    assert ours.get_params() == {**their.get_params(), **more}
    for model in (ours, ours.to_sklearn()):
        with pytest.raises(NotFittedError):
            model.predict(X)
    assert ours.to_sklearn().get_params() == their.get_params()


def test_derived_classes_become_plain_ones():
    class Theirs(theirs.MLPRegressor):
        pass

    class Ours(chainfit.MLPRegressor):
        pass

    assert type(chainfit.from_sklearn(Theirs())) is chainfit.MLPRegressor
    assert type(Ours().to_sklearn()) is theirs.MLPRegressor


def test_what_has_no_counterpart():
    ours = chainfit.MLPRegressor(n_threads=1, precision="float32").fit(X, TARGETS["real"])
    their = ours.to_sklearn()
    assert not {"n_threads", "precision"} & their.get_params().keys()
    np.testing.assert_allclose(their.predict(X), ours.predict(X), rtol=1e-4)
    message = "scikit-learn has no activation='leaky_relu', only 'identity', 'logistic', 'relu', "
    with pytest.raises(ValueError, match=message):
        ours.set_params(activation="leaky_relu").to_sklearn()
    trained = chainfit.MLPRegressor(solver="rmsprop", max_iter=2).fit(X, TARGETS["real"])
    with pytest.raises(ValueError, match="scikit-learn has no optimizer 'rmsprop', by which"):
        trained.set_params(solver="adam").to_sklearn()
    for wrong in (None, theirs.MLPRegressor, theirs.BernoulliRBM(), ours):
        with pytest.raises(TypeError, match="from_sklearn takes an MLPClassifier or MLPRegressor"):
            chainfit.from_sklearn(wrong)
