"""How fitted estimators go on, fail, and are copied, pickled and saved."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone

import chainfit
from chainfit import MLPClassifier, MLPRegressor
from chainfit._estimators import callbacks

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

_rng = np.random.RandomState(0)
X = _rng.randn(60, 5)
y = X[:, 0] - X[:, 1]
labels = np.digitize(y, [-0.5, 0.5])
ESTIMATORS = {"classifier": (MLPClassifier, labels), "regressor": (MLPRegressor, y)}
both = pytest.mark.parametrize("kind", ESTIMATORS)


def make(kind, **parameters):
    """Return a small unfitted estimator and its targets."""
    cls, target = ESTIMATORS[kind]
    parameters = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0, **parameters}
    return cls(**parameters), target


def weights(model):
    return [*model.coefs_, *model.intercepts_]


def assert_equal_models(a, b):
    for mine, other in zip(weights(a), weights(b), strict=True):
        np.testing.assert_array_equal(mine, other, strict=True)
    np.testing.assert_array_equal(a.predict(X), b.predict(X), strict=True)


# -- partial_fit, warm_start


def test_partial_fit_is_there_for_solvers_with_steps_only():
    for cls in (MLPClassifier, MLPRegressor):
        assert hasattr(cls(), "partial_fit")
        model = cls(solver="lbfgs")
        assert not hasattr(model, "partial_fit")
        with pytest.raises(AttributeError, match="has no attribute 'partial_fit'") as error:
            model.partial_fit(X, y)
        assert "lbfgs is not stochastic" in str(error.value.__cause__)


@pytest.mark.parametrize(
    "changed",
    [{"activation": "tanh"}, {"loss": "huber", "huber_delta": 0.1}, {"precision": "float32"}],
    ids=["activation", "loss", "precision"],
)
def test_partial_fit_goes_by_what_the_net_has_become(changed):
    model, target = make("regressor")
    model.partial_fit(X, target).partial_fit(X, target)
    fresh = pickle.loads(pickle.dumps(model))  # whose core is built anew
    same = copy.deepcopy(model).partial_fit(X, target)
    for each in (model, fresh):
        each.set_params(**changed).partial_fit(X, target)
    assert_equal_models(model, fresh)
    assert not np.array_equal(model.coefs_[0], same.coefs_[0])


def test_partial_fit_errors():
    model, _ = make("classifier")
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, labels)
    assert not hasattr(model, "classes_")
    model.partial_fit(X, labels, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        model.partial_fit(X, labels, classes=[0, 1])
    with pytest.raises(ValueError, match=r"`y` has classes not in `self.classes_`"):
        model.partial_fit(X, labels + 1)
    before = copy.deepcopy(model)
    for bad in (X[:, :3], np.full_like(X, np.nan)):
        with pytest.raises(ValueError):
            model.partial_fit(bad, labels)
    model.set_params(early_stopping=True)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        model.partial_fit(X, labels)
    assert_equal_models(model, before)
    assert model.t_ == before.t_


def test_quick_and_thorough_checks_of_partial_fit_agree():
    """A plain array skips scikit-learn's validation; a list goes through it."""
    for kind, (_, target) in ESTIMATORS.items():
        quick, _ = make(kind)
        quick.fit(X, target)
        thorough = copy.deepcopy(quick)
        for weight in (None, np.linspace(1, 2, 20)):
            for rows in (slice(20), slice(20, 40)):
                quick.partial_fit(X[rows], target[rows], sample_weight=weight)
                thorough.partial_fit(
                    X[rows].tolist(),
                    target[rows].tolist(),
                    sample_weight=None if weight is None else weight.tolist(),
                )
        assert_equal_models(quick, thorough)


@both
def test_weights_changed_by_hand_count(kind):
    model, target = make(kind, solver="sgd", momentum=0.0)
    model.fit(X, target)
    for w in weights(model):
        w *= 0.5
    halved = copy.deepcopy(model)
    halved.coefs_ = [np.asfortranarray(w) for w in halved.coefs_]
    assert_equal_models(model, halved)
    assert_equal_models(model.partial_fit(X, target), halved.partial_fit(X, target))
    model.coefs_[0][:] = 0
    model.intercepts_[0][:] = 0
    assert len(np.unique(model.predict(X))) == 1


def test_running_optimizer_keeps_its_settings():
    """As in scikit-learn, set_params between partial_fit calls doesn't reach the optimizer.

    But for the learning rate and its schedule (see test_step_options.py).
    """
    model = make("regressor", solver="sgd")[0].partial_fit(X, y)
    changed = copy.deepcopy(model).set_params(momentum=0.1, solver="adamw")
    assert_equal_models(model.partial_fit(X, y), changed.partial_fit(X, y))
    reloaded = pickle.loads(pickle.dumps(changed))
    assert_equal_models(model.partial_fit(X, y), reloaded.partial_fit(X, y))


@both
def test_change_of_activation_and_precision_in_mid_course(kind):
    model, target = make(kind)
    model.fit(X, target).set_params(activation="tanh").partial_fit(X, target)
    velocity = model._optimizer_state["slots"][0][0][0]
    model.set_params(precision="float32").partial_fit(X, target)
    assert {w.dtype for w in weights(model)} == {np.dtype(np.float32)}
    state = model._optimizer_state
    assert (state["name"], state["steps"]) == ("adam", 7)
    assert state["slots"][0][0][0].dtype == np.float32
    assert velocity.dtype == np.float64


def test_warm_start_refuses_other_targets():
    model = make("regressor", warm_start=True)[0].fit(X, y)
    with pytest.raises(ValueError, match="y has 2 outputs, but MLPRegressor was fitted with 1"):
        model.fit(X, np.c_[y, y])
    with pytest.raises(ValueError, match="loss='poisson' goes with the output activation 'exp'"):
        model.set_params(loss="poisson").fit(X, np.abs(y))
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same"):
        make("classifier", warm_start=True)[0].fit(X, labels).fit(X, labels > 0)


def test_solver_may_change_under_warm_start():
    model = make("regressor", warm_start=True)[0].fit(X, y)
    curve = list(model.loss_curve_)
    model.set_params(solver="lbfgs").fit(X, y)
    assert not hasattr(model, "_optimizer_state")
    model.set_params(solver="sgd", early_stopping=True).fit(X, y)
    assert len(model.loss_curve_) == len(curve) + model.n_iter_
    assert len(model.validation_scores_) == model.n_iter_
    model.set_params(solver="adam", early_stopping=False).fit(X, y).partial_fit(X, y)
    assert model.best_loss_ == min(model.loss_curve_[-6:])


# -- failures


@both
def test_a_failing_fit_changes_nothing(kind):
    model, target = make(kind, solver="sgd")
    model.fit(X, target)
    before = {k: copy.deepcopy(v) for k, v in model.__dict__.items() if k != "_optimizer"}
    failures = [
        ({}, X[:, :2], [["a", None]] * 60),
        ({}, X[:, :2] * np.nan, target),
        ({"early_stopping": True, "validation_fraction": 0.01}, X[:, :2], target),
        ({"learning_rate_init": 1e300, "max_iter": 3}, 1e100 * X[:, :2], target),
        ({"hidden_layer_sizes": "many"}, X[:, :2], target),
    ]
    for parameters, bad_X, bad_y in failures:
        model.set_params(**parameters)
        with pytest.raises((ValueError, TypeError)):
            model.fit(bad_X, bad_y)
        model.set_params(**{name: before[name] for name in parameters})
        assert model.__dict__.keys() - {"_optimizer"} == before.keys()
        for name in ("coefs_", "intercepts_", "loss_curve_"):
            for mine, other in zip(getattr(model, name), before[name], strict=True):
                np.testing.assert_array_equal(mine, other)
        assert (model.n_features_in_, model.t_) == (5, 300)
    model.predict(X)
    model.partial_fit(X, target)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_non_finite_weights_are_an_error():
    model = make("regressor", solver="sgd", learning_rate_init=1e10, max_iter=50)[0]
    message = "Solver produced non-finite parameter weights. The input data may contain large"
    with pytest.raises(ValueError, match=message):
        model.fit(1e5 * X, y)
    assert not hasattr(model, "coefs_")
    with pytest.raises(ValueError, match=message):
        for _ in range(50):
            model.partial_fit(1e5 * X, y)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_diverging_fit_with_early_stopping_ends_with_finite_weights():
    model = MLPRegressor(
        hidden_layer_sizes=100,
        activation="identity",
        solver="sgd",
        learning_rate_init=1.0,
        max_iter=30,
        early_stopping=True,
        random_state=0,
    ).fit(10 * X, y)
    assert np.isnan(model.validation_scores_[-1])
    assert isinstance(model.validation_scores_[-1], float)
    assert all(np.isfinite(w).all() for w in weights(model))


def test_early_stopping_needs_enough_rows():
    with pytest.raises(ValueError, match=r"The validation set is too small\. Increase"):
        MLPRegressor(early_stopping=True).fit(X[:2], y[:2])
    with pytest.raises(ValueError, match=r"Classes with too few members are: \['True'\]"):
        MLPClassifier(early_stopping=True).fit(X[:4], [0, 0, 0, 1])


def test_error_in_the_validation_score_stops_the_fit(monkeypatch):
    model, target = make("classifier", early_stopping=True)

    def broken(*arguments, **keywords):
        raise RuntimeError("no score today")

    monkeypatch.setattr("chainfit._estimators.class_targets.codes", broken)
    with pytest.raises(RuntimeError, match="no score today"):
        model.fit(X, target)
    assert not hasattr(model, "coefs_")


INTERRUPTED = """
import _thread, threading, warnings
import numpy as np
from chainfit import MLPRegressor
X = np.random.RandomState(0).randn(500, 20)
model = MLPRegressor(max_iter=20_000, n_iter_no_change=np.inf, random_state=0)
threading.Timer(0.3, _thread.interrupt_main).start()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model.fit(X, X[:, 0])
print([str(w.message) for w in caught], 0 < model.n_iter_ < 20_000)
print(model.t_ == 500 * len(model.loss_curve_), model.loss_ == model.loss_curve_[-1])
print(model.partial_fit(X, X[:, 0]).score(X, X[:, 0]) > 0.5)
"""


def test_interrupt_keeps_the_model():
    # In a process of its own: an interrupt that comes late must not hit another test.
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.splitlines() == [
        "['Training interrupted by user.'] True",
        "True True",
        "True",
    ], done.stderr


def test_interrupt_in_the_first_epoch(monkeypatch):
    model, target = make("regressor", verbose=True)

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(callbacks, "print", interrupt, raising=False)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(X, target)
    assert (model.n_iter_, model.t_, len(model.loss_curve_)) == (1, 60, 1)
    model.predict(X)


# -- state


@both
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("through", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_go_on_to_the_same_bits(kind, solver, through):
    model, target = make(kind, solver=solver, learning_rate="adaptive", tol=1.0, n_iter_no_change=1)
    twin = through(model.fit(X, target))
    assert twin.get_params() == model.get_params()
    assert_equal_models(model, twin)
    if solver != "lbfgs":
        for _ in range(2):  # of one that has gone on, and of one just made
            model.partial_fit(X, target)
            twin = through(through(twin).partial_fit(X, target))
            assert_equal_models(model, twin)
            assert model._optimizer_state["eta"] == twin._optimizer_state["eta"]
        assert model.loss_curve_ == twin.loss_curve_


@both
def test_pickles_hold_plain_content_only(kind):
    model, target = make(kind)
    state = model.fit(X, target).__getstate__()
    assert "_optimizer" not in state
    held = state["_optimizer_state"]
    assert (held["name"], held["eta"], held["steps"]) == ("adam", 0.001, 5)
    assert [len(slot) for slot in held["slots"]] == [2, 2]
    assert clone(model).__getstate__().keys() == model.get_params().keys()
    other, _ = make(kind)
    other.__setstate__(state)
    assert "_optimizer_state" in state
    assert isinstance(state["_epochs"], np.ndarray)  # skops, for one, takes no array.array
    np.testing.assert_array_equal(other.history_["seconds"], model.history_["seconds"])
    assert_equal_models(other.partial_fit(X, target), model.partial_fit(X, target))


def test_refit_of_a_fitted_model_is_a_fresh_fit():
    model, target = make("classifier", early_stopping=True)
    model.fit(X, target).set_params(early_stopping=False)
    fresh = clone(model).fit(X, target)
    assert_equal_models(model.fit(X, target), fresh)
    assert {k for k in vars(model) if k.endswith("_")} == {
        k for k in vars(fresh) if k.endswith("_")
    }
    assert model.validation_scores_ is None


@both
def test_save_and_load(kind, tmp_path):
    model, target = make(kind)
    model.fit(X, target).save(tmp_path / "model.safetensors")
    loaded = chainfit.load(tmp_path / "model.safetensors")
    assert_equal_models(model, loaded)
    assert_equal_models(model.partial_fit(X, target), loaded.partial_fit(X, target))
