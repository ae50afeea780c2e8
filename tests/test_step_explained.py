"""The step that is explained, where it does more than its rule: the next one of training."""

import copy

import numpy as np
import pytest

import chainfit
from chainfit import MLPRegressor
from chainfit._explain import rules
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
    "warmup": {"warmup": 4},
    "weight_decay": {"weight_decay": 0.05},
    "dropout": {"dropout": 0.3},
    "l1": {"l1": 0.5},
    "clip_norm": {"clip_norm": 0.3},
    "average": {"average": "ema"},
}
REFUSED = ("dropout", "l1", "clip_norm", "average")


def make(**parameters):
    given = {"hidden_layer_sizes": (7, 5), "max_iter": 4, "batch_size": 8, "random_state": 0}
    return MLPRegressor(**{**given, **parameters})


def weights(model):
    return [*model.coefs_, *model.intercepts_]


@pytest.mark.parametrize("option", [name for name in OPTIONS if name not in REFUSED])
@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "rmsprop"])
def test_the_step_that_is_explained_is_the_next_one(solver, option):
    model = make(solver=solver, max_iter=9, shuffle=False, **OPTIONS[option])
    for _ in range(3):
        model.partial_fit(X, y)
    found = chainfit.trace(model, X[:8], y[:8])
    before = weights(model)
    model.partial_fit(X[:8], y[:8])
    for old, new, ours, theirs in zip(
        before, weights(model), found.update.old[0] + found.update.old[1],
        found.update.new[0] + found.update.new[1], strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(old, ours)
        np.testing.assert_array_equal(new, theirs)
    for address in ((0, 1, 2), (1, None, 3), (2, 4, 0)):
        numbers = found.update.of(*address)
        *_, last = rules.update_rule(numbers, Name("J", "J", "J"), Name("w", "w", "w"))
        # the number of the rule, with the numbers shown, is the new weight
        assert last.rule.value == pytest.approx(numbers["new"], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("option", REFUSED)
def test_a_step_that_is_not_explained_is_refused(option):
    model = make(**OPTIONS[option]).fit(X, y)
    with pytest.raises(ValueError, match=f"A step with {option}=.* is not explained"):
        chainfit.trace(model, X[:3], y[:3])
    with pytest.raises(ValueError, match=f"A step with {option}=.* is not explained"):
        chainfit.explain(model, X[:3], y[:3], (0, 1, 2))
    plain = copy.deepcopy(model).set_params(**{option: MLPRegressor().get_params()[option]})
    assert "J" in str(chainfit.trace(plain, X[:3], y[:3]))
