"""trace(...).update: the bits of the next partial_fit, its formula, and a model left alone."""

import copy
import pickle
import threading

import numpy as np
import pandas as pd
import pytest
from sklearn import neural_network as theirs

import chainfit
from chainfit import reference

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.RandomState(0)
X = RNG.randn(60, 5)
SIGNAL = 2 * X[:, 0] + np.sin(X[:, 1])
THREE = np.digitize(SIGNAL, [-1, 1])
TARGETS = {
    "real": SIGNAL,
    "reals": np.c_[SIGNAL, X[:, 2]],
    "counts": RNG.poisson(np.exp(X[:, 0])).astype(float),
    "binary": SIGNAL > 0,
    "words": np.array(["no", "perhaps", "yes"])[THREE],
    "labels": (np.c_[SIGNAL, X[:, 2], X[:, 3]] > 0).astype(int),
}
SOLVERS = {
    "sgd": {"solver": "sgd", "momentum": 0.0, "learning_rate": "invscaling"},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.7},
    "nesterov": {"solver": "sgd"},
    "adam": {"solver": "adam", "beta_1": 0.8, "epsilon": 1e-6},
}
PACKAGES = {"chainfit": chainfit, "sklearn": theirs}


def fitted(package="chainfit", target="words", dtype=np.float64, **parameters):
    y = TARGETS[target]
    kind = "MLPRegressor" if y.dtype.kind == "f" else "MLPClassifier"
    defaults = {"hidden_layer_sizes": (6, 4), "max_iter": 4, "random_state": 3, "alpha": 0.1}
    if target == "counts":
        defaults["loss"] = "poisson"
    model = getattr(PACKAGES[package], kind)(**{**defaults, **parameters})
    return model.fit(X.astype(dtype), y)


def assert_bits(update, model, dtype):
    """The update's new parameters are the model's, to the last bit."""
    for found, expected in zip(update.new, (model.coefs_, model.intercepts_), strict=True):
        for mine, its in zip(found, expected, strict=True):
            assert mine.dtype == its.dtype == dtype
            np.testing.assert_array_equal(mine, its, strict=True)


def close(found, expected, dtype):
    """Equal but for a few roundings of numbers about as large as the expected ones."""
    scale = np.abs(expected).max()
    return np.allclose(found, expected, rtol=0, atol=16 * np.finfo(dtype).eps * scale)


def assert_formula(update, dtype):
    """The shown numbers follow the rule, within roundings of the dtype."""
    for kind in (0, 1):
        for layer, old in enumerate(update.old[kind]):
            new, g = update.new[kind][layer], update.gradient[kind][layer]
            slots = {
                name: (before[kind][layer], after[kind][layer])
                for name, (before, after) in update.slots.items()
            }
            # a float32 step has a float32 gradient: off by roundings of sums of some ten terms
            slack = 50 * np.finfo(dtype).eps * max(1, np.abs(g).max())
            if update.rule == "sgd":
                assert close(new, old - update.eta * g, dtype)
            elif update.rule == "adam":
                (m0, m), (v0, v) = slots["m"], slots["v"]
                expected = update.beta1 * m0 + (1 - update.beta1) * g
                np.testing.assert_allclose(m, expected, rtol=0, atol=slack)
                expected = update.beta2 * v0 + (1 - update.beta2) * g * g
                np.testing.assert_allclose(v, expected, rtol=1e-4, atol=slack**2 + slack / 100)
                assert close(new, old - update.eta_t * m / (np.sqrt(v) + update.eps), dtype)
            else:
                v0, v = slots["velocity"]
                expected = update.mu * v0 - update.eta * g
                np.testing.assert_allclose(v, expected, rtol=0, atol=slack)
                step = v if update.rule == "momentum" else update.mu * v - update.eta * g
                np.testing.assert_allclose(new, old + step, rtol=0, atol=slack)


# --- models --------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("package", PACKAGES)
def test_new_weights_are_those_of_the_next_partial_fit(package, solver, target, dtype):
    model = fitted(package, target, dtype, **SOLVERS[solver])
    rows, y = X.astype(dtype), TARGETS[target]
    for part in (slice(0, 1), slice(7, 20)):
        update = chainfit.trace(model, rows[part], y[part]).update
        assert update.rule == solver
        assert_formula(update, dtype)
        model.partial_fit(rows[part], y[part])
        assert_bits(update, model, dtype)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_order_of_rows_is_the_one_to_be_drawn(package, dtype):
    y = TARGETS["words"]
    for random_state in (None, 5, np.random.RandomState(5)):
        model = fitted(package, dtype=dtype, random_state=random_state)
        for _ in range(2):
            update = chainfit.trace(model, X.astype(dtype), y).update
            model.partial_fit(X.astype(dtype), y)
            assert_bits(update, model, dtype)


@pytest.mark.parametrize("package", PACKAGES)
def test_weights_of_rows_count(package):
    model = fitted(package)
    weight = RNG.uniform(0.5, 2, 9)
    y = TARGETS["words"][:9]
    update = chainfit.trace(model, X[:9], y, sample_weight=weight).update
    model.partial_fit(X[:9], y, sample_weight=weight)
    assert_bits(update, model, np.float64)


def test_rows_are_one_mini_batch_whatever_the_models_batch_size():
    y = TARGETS["words"]
    one, two = fitted(batch_size=7), fitted(batch_size=7).set_params(batch_size=60)
    update = chainfit.trace(one, X, y).update
    assert_bits(update, two.partial_fit(X, y), np.float64)
    assert one.batch_size == 7


def test_one_hot_targets_are_labels():
    model = fitted()
    Y = (TARGETS["words"][:4, None] == model.classes_).astype(float)
    update = chainfit.trace(model, X[:4], Y).update
    model.partial_fit(X[:4], TARGETS["words"][:4])
    assert_bits(update, model, np.float64)


@pytest.mark.parametrize("package", PACKAGES)
def test_early_stopping_and_warm_start_do_not_hinder(package):
    model = fitted(package, early_stopping=True, warm_start=True)
    update = chainfit.trace(model, X[0], "no").update
    model.set_params(early_stopping=False, warm_start=False)
    model.best_loss_ = np.inf  # or scikit-learn's partial_fit fails after its step
    model.partial_fit(X[:1], ["no"])
    assert_bits(update, model, np.float64)


def test_the_step_size_is_where_the_schedule_left_it():
    model = fitted(**SOLVERS["sgd"])
    update = chainfit.trace(model, X, TARGETS["words"]).update
    # effective_learning_rate = learning_rate_init / (t_ + 1)^power_t, after each epoch
    assert update.eta == model.learning_rate_init / (model.t_ + 1) ** model.power_t
    assert update.of(0, 1, 2)["eta"] == update.eta < model.learning_rate_init


@pytest.mark.parametrize("package", PACKAGES)
def test_lbfgs_has_no_rule_for_a_weight_and_the_story_says_so(package):
    model = fitted(package, solver="lbfgs")
    found = chainfit.trace(model, X[0], "no")
    assert found.update is None
    assert "L-BFGS has no rule for a single weight" in str(found)
    # but what goes on with another solver begins a new optimizer
    model.set_params(solver="adam")
    update = chainfit.trace(model, X[0], "no").update
    assert (update.t, update.of(0, 0, 0)["m_old"]) == (1, 0.0)
    model.loss_curve_, model._no_improvement_count = [], 0  # as above
    model.best_loss_ = np.inf
    assert_bits(update, model.partial_fit(X[:1], ["no"]), np.float64)


@pytest.mark.filterwarnings("ignore:Got `batch_size`")
def test_loaded_models_and_tables(tmp_path):
    model = fitted()
    model.save(tmp_path / "model.safetensors")
    loaded = chainfit.load(tmp_path / "model.safetensors")
    update = chainfit.trace(loaded, X[0], "no").update
    assert_bits(update, model.partial_fit(X[:1], ["no"]), np.float64)
    frame = pd.DataFrame(X, columns=list("abcde")).assign(size=TARGETS["words"])
    table = chainfit.TabularRegressor(n_nets=2, max_iter=2, random_state=0).fit(frame, SIGNAL)
    found = chainfit.trace(table, frame[:3], SIGNAL[:3], net=1)
    table.nets_[1].set_params(early_stopping=False).partial_fit(
        table.encode(frame[:3]), table._as_learned(SIGNAL[:3])
    )
    assert_bits(found.update, table.nets_[1], np.float32)


def test_the_numbers_of_one_weight():
    model = fitted(**SOLVERS["adam"])
    found = chainfit.trace(model, X[:3], TARGETS["words"][:3])
    numbers = found.update.of(1, 2, 3)
    assert list(numbers) == [
        *("rule", "eta", "gradient", "old", "new", "beta1", "beta2", "eps", "t", "eta_t"),
        *("m_old", "m_new", "v_old", "v_new"),
    ]
    assert numbers["gradient"] == found.dW[1][2, 3] and numbers["old"] == model.coefs_[1][2, 3]
    assert found.update.of(1, None, 3)["old"] == model.intercepts_[1][3]
    state = model._optimizer_state
    m, v = (coefs[1][2, 3] for coefs, _ in state["slots"])
    assert (numbers["m_old"], numbers["v_old"], numbers["t"]) == (m, v, state["steps"] + 1)
    nesterov = chainfit.trace(fitted(**SOLVERS["nesterov"]), X[0], "no").update.of(0, 0, 0)
    assert {"mu", "velocity_old", "velocity_new"} < set(nesterov)


# --- the model is left alone ---------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_of_the_model_changes(package):
    frame = pd.DataFrame(X, columns=list("abcde"))
    for random_state in (None, np.random.RandomState(1)):
        model = fitted(package, random_state=random_state)
        model.fit(frame, TARGETS["words"])
        arrays = [*model.coefs_, *model.intercepts_]
        before, global_state = pickle.dumps(model), pickle.dumps(np.random.get_state())
        str(chainfit.trace(model, frame[:5], TARGETS["words"][:5]))
        assert pickle.dumps(model) == before
        assert pickle.dumps(np.random.get_state()) == global_state
        assert all(a is b for a, b in zip(arrays, [*model.coefs_, *model.intercepts_], strict=True))


def test_what_watches_a_model_is_neither_copied_nor_called():
    model = fitted()

    class Watcher:
        def __init__(self):
            self.lock = threading.Lock()  # can't be copied

        def setup(self, *arguments):
            raise AssertionError("called")

        teardown = on_fit_task_begin = on_fit_task_end = setup

    model.set_callbacks(Watcher())
    assert chainfit.trace(model, X[0], "no").update is not None
    with pytest.raises(TypeError, match="pickle"):
        copy.deepcopy(model)


@pytest.mark.parametrize("package", PACKAGES)
def test_an_update_stays_when_the_model_moves_on(package):
    model = fitted(package)
    update = chainfit.trace(model, X[0], "no").update
    before = update.of(0, 1, 2)
    model.partial_fit(X, TARGETS["words"])
    assert update.of(0, 1, 2) == before


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_a_step_into_infinity_is_an_error():
    model = fitted(target="real", solver="sgd", activation="identity", learning_rate_init=0.01)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        chainfit.trace(model, X[0] * 1e200, 1.0)


# --- nets by hand --------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_net_by_hand_makes_the_first_step_of_its_rule(solver):
    settings = {k: v for k, v in SOLVERS[solver].items() if k != "learning_rate"}
    if solver == "nesterov":
        settings["momentum"] = 0.9
    rng = np.random.RandomState(1)
    W, b = [rng.randn(5, 3), rng.randn(3, 2)], [rng.randn(3), rng.randn(2)]
    net = chainfit.Net(W, b, activation="tanh", alpha=0.2, learning_rate_init=0.3, **settings)
    Y = rng.randn(4, 2)
    found = chainfit.trace(net, X[:4], Y)
    constants = {"beta1": 0.8, "eps": 1e-6} if solver == "adam" else {"mu": net.momentum}
    state = reference.init_state(W, b, solver, eta=0.3, **constants)
    reference.step(X[:4], Y, W, b, state, activation="tanh", loss="squared_error", l2=0.2)
    assert found.update.rule == solver
    for mine, expected in zip(found.update.new, (W, b), strict=True):
        for p, q in zip(mine, expected, strict=True):
            np.testing.assert_allclose(p, q, rtol=1e-14, atol=1e-16)
    assert_formula(found.update, np.float64)
    assert found.update.t == (1 if solver == "adam" else 0)
    np.testing.assert_array_equal(found.update.old[0][0], net.coefs[0])
