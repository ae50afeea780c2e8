"""The recipe of CONTRIBUTING, carried out: blocks go where they say, and softsign works everywhere.

A comment before a block names its place: `<!-- FILE: after `LINE` -->`, or `before`, or `instead
of`, where LINE is how one line of FILE begins.
"""

import re
import shutil

import pytest
from tree import ROOT, Tree

pytestmark = pytest.mark.slow

PLACE = re.compile(r"<!-- (\S+): (after|before|instead of) `([^`]+)` -->\n```\w*\n(.*?)```", re.S)


def section(title):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0]


def apply(tree, recipe):
    """Put each block of a recipe into its file; returns the files."""
    changed = []
    for name, where, beginning, block in PLACE.findall(recipe):
        lines = (tree / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (at,) = (i for i, line in enumerate(lines) if line.lstrip().startswith(beginning))
        lines[at + (where == "after") : at + (where != "before")] = [block]
        (tree / name).write_text("".join(lines), encoding="utf-8")
        changed.append(name)
    return changed


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    pytest.importorskip("pybind11")
    if not shutil.which("cmake"):
        pytest.skip("cmake is not installed")
    tree = Tree(tmp_path_factory.mktemp("tree"))
    recipe = section("How to add an activation")
    blocks = len(re.findall(r"^```\w+$", recipe, re.M))
    assert len(apply(tree, recipe)) == blocks >= 3  # none is left out
    tree.build()
    return tree


FIT = """
import warnings
import numpy as np
import chainfit
from chainfit import reference

warnings.simplefilter("ignore")
X = np.random.RandomState(0).randn(40, 3)
y = X[:, 0] * X[:, 1]
settings = {"activation": "softsign", "loss": "squared_error"}
for units, batch_size in ((5, 4), 1), ((5, 4), 5), ((5, 4), 40), ((200, 3), 40):
    model = chainfit.MLPRegressor(
        hidden_layer_sizes=units, activation="softsign", solver="sgd", momentum=0, alpha=0,
        batch_size=batch_size, shuffle=False, max_iter=3, random_state=0,
    ).fit(X, y)
    random_state = np.random.RandomState(0)
    W, b = reference.init_parameters([3, *units, 1], "softsign", random_state)
    state = reference.init_state(W, b, "sgd", eta=0.001)
    reference.fit(X, y[:, None], W, b, state, epochs=3, batch_size=batch_size, **settings)
    for ours, theirs in zip(model.coefs_ + model.intercepts_, W + b):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
assert model.predict(X[:1]) == model.row_predictor()(X[0])
model.save("softsign")
assert (chainfit.load("softsign").predict(X) == model.predict(X)).all()
"""


def test_it_is_trained_on_every_road_saved_and_loaded(tree):
    done = tree.run(FIT)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize(
    "tests",
    [
        "tests/test_kernels.py",  # values, derivative, NaN
        "tests/page/test_agreement.py",  # text, LaTeX, page, dict
    ],
)
def test_the_tests_find_it_in_the_tables(tree, tests):
    done = tree.pytest(tests, "-k", "softsign")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.search(r"^\d+ passed", done.stdout, re.M), done.stdout  # none was skipped alone
