"""The step that is explained, where it does more than its rule: the next one of training."""

import copy

import numpy as np
import pytest

import chainfit
from chainfit import MLPClassifier, MLPRegressor, reference
from chainfit._explain import schedule_rules, step_rules
from chainfit._explain.formula import Name

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.RandomState(0).randn(50, 4)
y = X[:, 0] * X[:, 1] + 0.1 * X[:, 2]

#: An estimator's parameters that ask for something.
OPTIONS = {
    "cosine": {"learning_rate": "cosine", "warmup": 0.1},
    "linear": {"learning_rate": "linear", "warmup": 3},
    "step": {"learning_rate": "step", "decay_steps": 5, "decay_rate": 0.5},
    "one_cycle": {"learning_rate": "one_cycle"},
    "callable": {"learning_rate": lambda step, total: 0.01 / (step + 1)},
    "warmup": {"warmup": 40},
    "invscaling": {"learning_rate": "invscaling"},
    "adaptive": {"learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1},
    "weight_decay": {"weight_decay": 0.05},
    "l1": {"l1": 0.5, "alpha": 0.2},
    "clip_norm": {"clip_norm": 0.3},
    "clip_norm, not reached": {"clip_norm": 1e3},
    "average": {"average": "ema", "average_decay": 0.9},
    "all": {"l1": 0.1, "clip_norm": 0.3, "weight_decay": 0.05, "average": "ema", "warmup": 4},
    "dropout": {"dropout": 0.3},
    "dropout of the input": {"dropout": (0.4, 0.5, 0.2), "l1": 0.1},
}


def make(**parameters):
    given = {"hidden_layer_sizes": (7, 5), "max_iter": 4, "batch_size": 8, "random_state": 0}
    return MLPRegressor(**{**given, **parameters})


def weights(model):
    return [*model.coefs_, *model.intercepts_]


def assert_is_next(model, rows):
    """The step that is explained on so many rows is the one that the model makes next."""
    found = chainfit.trace(model, X[:rows], y[:rows])
    update = found.update
    averaged = update.slots.get("average")
    before = weights(model)
    model.partial_fit(X[:rows], y[:rows])
    published = averaged or (update.old, update.new)
    for theirs, (coefs, intercepts) in zip((before, weights(model)), published, strict=True):
        for expected, ours in zip(theirs, coefs + intercepts, strict=True):
            np.testing.assert_array_equal(expected, ours)
    if averaged:
        for raw, new in zip(model._optimizer_state["raw"], update.new, strict=True):
            for expected, ours in zip(raw, new, strict=True):
                np.testing.assert_array_equal(expected, ours)
    for address in ((0, 1, 2), (1, None, 3), (2, 4, 0)):
        numbers = update.of(*address)
        for line in step_rules.update_rule(numbers, Name("J", "J", "J"), Name("w", "w", "w")):
            # the number of the rule, with the numbers shown, is the core's
            assert line.rule.value == pytest.approx(line.value, rel=1e-11, abs=1e-14)
    return found


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "rmsprop"])
def test_the_step_that_is_explained_is_the_next_one(solver, option):
    model = make(solver=solver, max_iter=9, shuffle=False, **OPTIONS[option])
    for _ in range(3):
        model.partial_fit(X, y)
    for rows in (8, 1):
        found = assert_is_next(model, rows)
    chain = chainfit.explain(model, X[:8], y[:8], (0, 1, 2))
    for text in (str(found), str(chain), chain.to_latex(), chain.to_html(), found.to_html()):
        assert ("clip_norm" in text.replace("\\", "")) == ("clip_norm" in OPTIONS[option])
        assert ("avg" in text) == ("average" in OPTIONS[option])


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_an_average_begins_with_the_weights_after_the_first_step(solver):
    model = make(solver=solver, **OPTIONS["average"]).initialize(4)
    found = assert_is_next(model, 8)
    numbers = found.update.of(0, 1, 2)
    assert numbers["average_new"] == numbers["new"] and numbers["average_decay"] == 0
    found = assert_is_next(model, 8)
    assert found.update.of(0, 1, 2)["average_decay"] == 0.9


def test_the_gradient_is_that_of_the_weights_that_are_trained():
    model = make(**OPTIONS["average"]).fit(X, y)
    raw = model._optimizer_state["raw"]
    net = chainfit.trace(model, X[:3], y[:3]).net
    np.testing.assert_array_equal(net.coefs[0], raw[0][0])
    assert (net.coefs[0] != model.coefs_[0]).any()
    # without the average the model's weights are those that the next step moves
    plain = copy.deepcopy(model).set_params(average=None)
    np.testing.assert_array_equal(chainfit.trace(plain, X[:3], y[:3]).net.coefs[0], plain.coefs_[0])


# --- dropout -------------------------------------------------------------------------------------


def dropping(**parameters):
    return make(
        solver="sgd", momentum=0.0, dropout=(0.3, 0.5, 0.4), activation=("logistic", "gelu"),
        **parameters,
    )  # fmt: skip


STATES = {
    "seed": {"random_state": 3},
    "generator": {"random_state": np.random.RandomState(3)},
    "global": {"random_state": None},
    "in order": {"shuffle": False},
}


@pytest.mark.parametrize("begin", ["fitted", "initialized", "other"])
@pytest.mark.parametrize("state", STATES)
def test_the_masks_are_those_of_the_next_step(state, begin):
    """Whatever draws them, and whichever order the rows are in."""
    model = dropping(**STATES[state])
    if begin == "initialized":
        model.initialize(4)
    else:
        model.set_params(dropout=0.0 if begin == "other" else model.dropout).fit(X, y)
        model.set_params(dropout=(0.3, 0.5, 0.4))
    for rows in (9, 1):
        found = assert_is_next(model.set_params(batch_size=rows), rows)
        for old, new, g in zip(
            found.update.old[0], found.update.new[0], found.update.gradient[0], strict=True
        ):
            np.testing.assert_allclose(new, old - found.update.eta * g, rtol=1e-12, atol=1e-16)
        masks = found.dropout.masks
        assert [mask.shape for mask in masks] == [(rows, 4), (rows, 7), (rows, 5)]
        for mask, rate in zip(masks, (0.3, 0.5, 0.4), strict=True):
            assert set(np.unique(mask)) <= {0, 1 / (1 - rate)}
        assert rows == 1 or (masks[1] == 0).any()


@pytest.mark.parametrize("rows", [1, 6])
@pytest.mark.parametrize("notation", ["tutorial", "outputs", "matrix", "sklearn"])
def test_paths_through_masks_add_up_to_the_gradient(notation, rows):
    model = dropping(alpha=0.1).fit(X, y)
    step = chainfit.trace(model, X[:rows], y[:rows])
    reasons = set()
    for address in ((0, 1, 2), (0, 3), (1, 2, 4), (2, 3, 0), (1, 6, 0)):
        chain = chainfit.explain(model, X[:rows], y[:rows], address, notation=notation)
        layer, source, target = chain.address
        stored = step.db[layer][target] if source is None else step.dW[layer][source, target]
        total = sum(path.product for path in chain.paths) + chain.remainder + chain.l2_term
        assert total == pytest.approx(stored, rel=1e-12, abs=1e-15)
        for path in chain.paths:
            for factor in path.factors:
                assert factor.rule.value == pytest.approx(factor.value, rel=1e-12, abs=1e-15)
        reasons |= {block.reason for r in range(rows) for block in chain.row(r).blocks}
        for text in (chain.text(), chain.to_html()):
            assert "Dropout drops units" in text
        assert ("mask" in chain.to_latex(sections=["factors"])) == (layer < 2)
    assert "dropped" in reasons


def test_predictions_drop_nothing():
    model = dropping().fit(X, y)
    found = chainfit.trace(copy.deepcopy(model).set_params(dropout=0.0), X[:3], y[:3])
    assert found.dropout is None and "mask" not in str(found)
    np.testing.assert_allclose(found.a[-1].ravel(), model.predict(X[:3]), rtol=1e-12)


# --- schedules -----------------------------------------------------------------------------------

#: learning_rate and other parameters, and the name of the formula.
SCHEDULED = {
    "cosine": ({"learning_rate": "cosine"}, {"cosine"}),
    "linear": ({"learning_rate": "linear", "warmup": 3}, {"warmup", "linear"}),
    "step": ({"learning_rate": "step", "decay_steps": 5, "decay_rate": 0.5}, {"step"}),
    "one_cycle": ({"learning_rate": "one_cycle"}, {"one_cycle, rising", "one_cycle, falling"}),
    "callable": ({"learning_rate": lambda step, total: 0.01 / (step + 1)}, {"given"}),
    "warmup": ({"warmup": 0.3}, {"warmup", None}),
    "invscaling": ({"learning_rate": "invscaling", "power_t": 0.3}, {"invscaling"}),
    "adaptive": (
        {"learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1}, {"adaptive", None}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULED)
def test_the_formula_of_a_schedule_gives_its_learning_rate(name):
    parameters, expected = SCHEDULED[name]
    model = make(max_iter=10, batch_size=50, **parameters).initialize(4)
    seen = set()
    for _ in range(12):
        found = chainfit.trace(model, X, y)
        numbers = found.update.of(0, 1, 2)
        seen.add(numbers.get("schedule"))
        lines = step_rules.update_rule(numbers, Name("J", "J", "J"), Name("w", "w", "w"))
        by_name = {line.name.ascii: line for line in lines}
        if numbers.get("schedule") not in (None, "given"):
            assert by_name["eta"].rule.value == pytest.approx(found.update.eta, rel=1e-12)
            assert "η = η₀" in str(found)
        if name == "callable":
            assert f"Your function gave the learning rate {numbers['eta']:.6g}" in str(found)
        old = found.update.old[0][0]
        model.partial_fit(X, y)
        np.testing.assert_array_equal(found.update.new[0][0], model.coefs_[0])
        assert (old != model.coefs_[0]).any() or numbers["eta"] == 0
    assert seen == expected


@pytest.mark.parametrize("name", reference.SCHEDULES)
def test_schedules_are_the_references(name):
    for step in range(40):
        if name == "constant":
            continue
        part = ", rising" if step <= 0.3 * 40 - 1 else ", falling"
        key = name + part * (name == "one_cycle")
        known = {"eta_0": 0.1, "step": step, "steps": 40}
        eta = schedule_rules.evaluated(schedule_rules.SCHEDULES[key].lines, known)["eta"]
        expected = reference.learning_rate(name, step, 40, eta=0.1)
        assert eta == pytest.approx(expected, rel=1e-13, abs=1e-18)


def test_a_schedule_that_has_left_its_formula_is_not_written():
    model = make(solver="sgd", learning_rate="invscaling").fit(X, y)
    model._optimizer_state = {**model._optimizer_state, "eta": 0.123}
    update = chainfit.trace(model, X[:3], y[:3]).update
    assert update.eta == 0.123 and "schedule" not in update.constants


# --- classes -------------------------------------------------------------------------------------


def test_weights_of_classes_are_weights_of_rows():
    labels = np.digitize(y, [-0.3, 0.3])
    model = MLPClassifier(
        (4,), class_weight={0: 5.0, 1: 1.0, 2: 0.5}, label_smoothing=0.1, solver="sgd",
        momentum=0.0, max_iter=3, batch_size=9, random_state=0,
    ).fit(X, labels)  # fmt: skip
    own = np.linspace(0.5, 2, 9)
    for weights in (None, own):
        found = chainfit.trace(model, X[:9], labels[:9], sample_weight=weights)
        expected = np.array([5.0, 1.0, 0.5])[labels[:9]] * (1 if weights is None else own)
        np.testing.assert_array_equal(found.sample_weight, expected)
        gradients = model.gradients(X[:9], labels[:9], weights)
        np.testing.assert_allclose(found.dW[0], gradients.coefs[0], rtol=1e-11, atol=1e-14)
        model.partial_fit(X[:9], labels[:9], sample_weight=weights)
        np.testing.assert_array_equal(found.update.new[0][0], model.coefs_[0])
        old, new = found.update.old[0][0], found.update.new[0][0]
        np.testing.assert_allclose(new, old - found.update.eta * found.dW[0], rtol=1e-12)
    model.set_params(class_weight="balanced")
    for what in (chainfit.trace, chainfit.explore):
        with pytest.raises(ValueError, match="depends on all rows of a fit"):
            what(model, X[:9], labels[:9])
