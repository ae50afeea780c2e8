"""What a step may do beside its rule, on the page: the numbers of trace and its update's lines."""

import numpy as np
import pytest
from pages import (
    SIGNS,
    assert_same_formulas,
    assert_same_numbers,
    assert_update_lines,
    find,
)

import chainfit
from chainfit import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.RandomState(0).randn(50, 4)
y = X[:, 0] * X[:, 1] + 0.1 * X[:, 2]

OPTIONS = {
    "l1": {"l1": 0.5, "alpha": 0.2},
    "clip_norm": {"clip_norm": 0.1},
    "clip_norm, not reached": {"clip_norm": 1e3, "l1": 0.1},
    "average": {"average": "ema", "average_decay": 0.9},
    "cosine": {"learning_rate": "cosine"},
    "one_cycle": {"learning_rate": "one_cycle"},
    "step": {"learning_rate": "step", "decay_steps": 5, "warmup": 3},
    "warmup": {"warmup": 50},
    "invscaling": {"learning_rate": "invscaling"},
    "callable": {"learning_rate": lambda step, total: 0.01 / (step + 1)},
    "dropout": {"dropout": 0.4, "activation": "logistic"},
    "dropout of the input": {"dropout": (0.3, 0.4, 0.4), "l1": 0.1},
    "all": {"l1": 0.1, "clip_norm": 0.1, "weight_decay": 0.05, "average": "ema"},
}
UPDATE = """([row, address]) => {
    const step = chainfit.update_of(0, chainfit.trace(0, row), address);
    return step.known ?? step.why;
}"""


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_numbers_and_lines_of_a_step(open_page, solver, option):
    model = MLPRegressor(
        hidden_layer_sizes=(5, 3), max_iter=4, batch_size=8, random_state=0, solver=solver,
        momentum=0.0 if option == "l1" else 0.9, **{"activation": "tanh", **OPTIONS[option]},
    ).fit(X, y)  # fmt: skip
    page = open_page(chainfit.explore(model, X[:6], y[:6]).html)
    for rows, row in ((slice(0, 6), -1), (slice(2, 3), 2)):
        found = chainfit.trace(model, X[rows], y[rows])
        assert_same_numbers(page, found, 0, row)
        for l, i, j in ((0, 1, 2), (1, None, 2), (2, 2, 0)):  # noqa: E741
            address = {"l": l, "i": -1 if i is None else i, "j": j}
            shown = page.evaluate(UPDATE, [row, address])
            expected = found.update.of(l, i, j)
            assert shown.keys() == expected.keys()
            for key, value in expected.items():
                if key not in ("rule", "schedule"):
                    np.testing.assert_allclose(shown[key], value, rtol=1e-9, atol=1e-14)
    find(page, (0, 1, 2))
    chain = chainfit.explain(model, X[:1], y[:1], (0, 1, 2))
    shown = page.evaluate(SIGNS)
    assert_same_formulas(shown, chain)
    assert_update_lines(shown, chain)
    panel = page.inner_text("#panel")
    assert ("clip_norm" in panel) == ("clip_norm" in OPTIONS[option])
    assert ("avg" in panel) == ("average" in OPTIONS[option])
    assert ("Your function gave" in panel) == (option == "callable")
    assert ("mask" in panel) == ("dropout" in OPTIONS[option])
    assert ("L1" in panel) == ("l1" in OPTIONS[option])


LABELS = np.c_[np.digitize(X[:, 0], [-0.5, 0.5]) + 3, (X[:, 1] > 0) + 7]
OUTPUTS = {
    "gaussian": (MLPRegressor(loss="gaussian_nll"), np.c_[y, X[:, 1]], "two outputs"),
    "quantiles": (MLPRegressor(loss="quantile", quantile=(0.1, 0.5, 0.9)), y, "for each quantile"),
    "classes": (MLPClassifier(), LABELS, "2 classifications"),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_outputs_that_belong_together(open_page, kind):
    model, targets, words = OUTPUTS[kind]
    model.set_params(hidden_layer_sizes=(4,), activation="tanh", max_iter=3, random_state=0)
    model.fit(X, targets)
    page = open_page(chainfit.explore(model, X[:5], targets[:5]).html)
    assert words in page.inner_text("body")
    assert_same_numbers(page, chainfit.trace(model, X[:5], targets[:5]), 0, -1)
    assert_same_numbers(page, chainfit.trace(model, X[:1], targets[:1]), 0, 0)
    for address in ((0, 1, 2), (1, 2, 0), (1, 2, model.n_outputs_ - 1)):
        find(page, address)
        chain = chainfit.explain(model, X[:1], targets[:1], address)
        shown = page.evaluate(SIGNS)
        assert_same_formulas(shown, chain)
        assert_update_lines(shown, chain)
        assert "They differ" not in page.inner_text("#panel")


def test_earlier_epochs_are_whole(open_page):
    history = chainfit.History()
    model = MLPRegressor(
        hidden_layer_sizes=(5,), dropout=(0.2, 0.5), max_iter=3, batch_size=8, random_state=0
    )
    model.set_callbacks(history).fit(X, y)
    page = open_page(chainfit.explore(model, X[:6], y[:6], history=history).html)
    assert "Earlier epochs are shown whole" in page.inner_text("body")
    whole = chainfit.Net(history.nets[1].coefs, history.nets[1].intercepts, alpha=model.alpha)
    assert_same_numbers(page, chainfit.trace(whole, X[:6], y[:6]), 1, -1)
    assert_same_numbers(page, chainfit.trace(model, X[:6], y[:6]), 3, -1)
