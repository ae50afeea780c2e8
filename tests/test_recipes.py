"""The recipes of CONTRIBUTING, carried out: blocks go where they say, and what they add works.

A comment before a block names its place: `<!-- FILE: after `LINE` -->`, or `before`, or `instead
of`, where LINE is how one line of FILE begins. `<..., NAME>` is the list that stands there, and
NAME.
"""

import re
import shutil

import pytest
from tree import ROOT, Tree

pytestmark = pytest.mark.slow

RECIPES = {"an activation": "softsign", "a loss": "cauchy", "an optimizer": "adagrad"}
PLACE = re.compile(r"<!-- (\S+): (after|before|instead of) `([^`]+)` -->\n```\w*\n(.*?)```", re.S)


def section(title):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def lengthened(old, new):
    """Return the line `new`, with what `old` has between its brackets in the place of dots."""
    name = re.search(r"<\.\.\., (\w+)>", new)
    return re.sub(r"(\w)(>)", rf"\1, {name[1]}\2", old, count=1) if name else new


def apply(tree, recipe):
    """Put each block of a recipe into its file; returns the files."""
    changed = []
    for name, where, beginning, block in PLACE.findall(recipe):
        lines = (tree / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (at,) = (i for i, line in enumerate(lines) if line.lstrip().startswith(beginning))
        end = at + (where != "before")
        if where == "instead of":  # a statement, which may have several lines
            end = next(n for n, line in enumerate(lines) if n >= at and ";" in line) + 1
            old = "".join(lines[at:end])
            block = "".join(lengthened(old, line) for line in block.splitlines(keepends=True))
        lines[at + (where == "after") : end] = [block]
        (tree / name).write_text("".join(lines), encoding="utf-8")
        changed.append(name)
    return changed


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """All recipes in one tree: a build takes its time."""
    pytest.importorskip("pybind11")
    if not shutil.which("cmake"):
        pytest.skip("cmake is not installed")
    tree = Tree(tmp_path_factory.mktemp("tree"))
    for what in RECIPES:
        recipe = section(f"How to add {what}")
        blocks = len(re.findall(r"^```\w+$", recipe, re.M))
        assert len(apply(tree, recipe)) == blocks >= 3  # none is left out
    tree.build()
    return tree


FIT = """
import sys, warnings
import numpy as np
import chainfit
from chainfit import reference

warnings.simplefilter("ignore")
names = {"an activation": "tanh", "a loss": "squared_error", "an optimizer": "sgd"}
names[sys.argv[1]] = sys.argv[2]
activation, loss, solver = names.values()
X = np.random.RandomState(0).randn(40, 3)
y = X[:, 0] * X[:, 1]
for units, batch_size in ((5, 4), 1), ((5, 4), 5), ((5, 4), 40), ((200, 3), 40):
    model = chainfit.MLPRegressor(
        hidden_layer_sizes=units, activation=activation, loss=loss, solver=solver, momentum=0,
        alpha=0, batch_size=batch_size, shuffle=False, max_iter=3, random_state=0,
    ).fit(X, y)
    W, b = reference.init_parameters([3, *units, 1], activation, np.random.RandomState(0))
    state = reference.init_state(W, b, solver, eta=0.001)
    settings = {"epochs": 3, "batch_size": batch_size, "activation": activation, "loss": loss}
    reference.fit(X, y[:, None], W, b, state, **settings)
    for ours, theirs in zip(model.coefs_ + model.intercepts_, W + b):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
assert model.predict(X[:1]) == model.row_predictor()(X[0])
model.save("model")
other = chainfit.load("model")
assert (other.predict(X) == model.predict(X)).all()
twin = other.partial_fit(X, y), model.partial_fit(X, y)  # with what the optimizer remembers
assert all(map(np.array_equal, *(m.coefs_ for m in twin)))

chain = chainfit.explain(model, X[:1], y[:1], (0, 1, 2))  # verified as it is made
assert chain.text() and chain.to_latex() and chain.to_html() and chainfit.explore(model, X, y).html
"""


@pytest.mark.parametrize("what", RECIPES)
def test_it_is_trained_on_every_road_saved_loaded_and_explained(tree, what):
    done = tree.run(FIT, what, RECIPES[what])
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize(
    ("tests", "name"),
    [
        ("tests/test_kernels.py", "softsign"),  # values, derivative, NaN
        ("tests/test_loss_kernels.py", "cauchy"),
        ("tests/test_training.py", "softsign"),  # against differences, and the oracle
        ("tests/test_training.py", "cauchy"),
        ("tests/test_training.py", "adagrad and not steps"),
        ("tests/test_onnx.py", "softsign"),  # on onnxruntime
        ("tests/page/test_agreement.py", "softsign"),  # text, LaTeX, page, dict
        ("tests/page/test_numbers.py", "trees"),  # all of them in the browser
    ],
)
def test_the_tests_find_it_in_the_tables(tree, tests, name):
    done = tree.pytest(tests, "-k", name)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.search(r"^\d+ passed", done.stdout, re.M), done.stdout  # none was skipped alone
