"""Text, LaTeX, MathML, dict and page of one chain: the same count of paths, the same numbers."""

import itertools
import json
import math
import re

import numpy as np
import pytest
from pages import SIGNS, assert_same_formulas, assert_update_lines, find

import chainfit
from chainfit import reference

KINDS = {
    "softmax": ("softmax", "log_loss", 3),
    "softmax, squared error": ("softmax", "squared_error", 3),
    "binary": ("logistic", "binary_log_loss", 1),
    "multilabel": ("logistic", "binary_log_loss", 3),
    "squared error": ("identity", "squared_error", 3),
    "poisson": ("exp", "poisson", 2),
}
OUTPUTS = ("ordinary", "met", "missed")
NOTATIONS = ("tutorial", "outputs", "matrix", "sklearn")
HIDDEN = list(reference.ACTIVATIONS)
SOLVERS = (
    {},
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterovs_momentum": False},
    {"solver": "adam"},
)
CLOSE = {"rtol": 1e-10, "atol": 1e-14}

# dJ/da of the outputs, and the factors of the path that is told in full
PAGE = """() => {
    const t = chainfit.trace(0, 0);
    const { units } = chainfit.data;
    const L = units.length - 1;
    const values = (selector) =>
        [...document.querySelectorAll(selector)].map((n) => Number(n.dataset.value ?? n.value));
    return {
        J: t.J,
        da: [...Array(units[L]).keys()].map((o) => t.rows[0].da(L, o)),
        a: Array.from(t.rows[0].a[L]),
        delta: Array.from(t.rows[0].delta[L]),
        products: values(".path data"),
        factors: values(".one-path .line:last-child [data-value]"),
        title: document.querySelector("section:has(.one-path) h3, section:has(.paths) h3")
            ?.textContent,
    };
}"""


def a_step(kind, activation, outputs):
    """Return a net, a row and its targets.

    The outputs may be rounded to their limits: to exactly the targets, or on the other side.
    """
    out_activation, loss, n = KINDS[kind]
    units = [3, 4, 5, n]
    rng = np.random.RandomState(len(kind) + len(activation))
    W = [rng.normal(0, 0.8, shape) for shape in itertools.pairwise(units)]
    b = [rng.normal(0, 0.3, m) for m in units[1:]]
    if outputs != "ordinary" and out_activation == "identity":
        W[-1] = np.zeros_like(W[-1])  # so that the outputs are the biases, in any order of sums
    elif outputs != "ordinary" and loss == "poisson":
        b[-1] = np.full(n, -800.0 if outputs == "met" else -200.0)  # e^-800 is 0
    elif outputs != "ordinary":
        b[-1] = np.array([800.0, -800.0, -800.0][:n])
    net = chainfit.Net(
        W, b, activation=activation, out_activation=out_activation, loss=loss, alpha=0.1
    )
    x = rng.normal(size=3)
    a = chainfit.trace(net, x, np.eye(n)[0]).a[-1][0]
    if outputs == "met":
        return net, x, a
    if loss == "log_loss":
        return net, x, np.eye(n)[(a.argmax() + (outputs == "missed")) % n]
    if loss == "poisson":
        return net, x, np.array([2.0, 0.0])
    return net, x, np.abs(np.round(np.clip(a, 0, 1)) - (outputs == "missed"))


def counts(chain):
    """Return every count of paths that the forms of a chain tell."""
    text = chain.text()
    yield int(re.search(r"along ([\d,]+) paths", text)[1].replace(",", ""))
    yield int(re.search(r"Every path: all (\d+)", text)[1])
    for data in (chain.to_dict(), json.loads(chain.to_json())):
        (row,) = data["rows"]
        yield row["n_paths"]
        yield len(row["paths"])
    yield chain.to_latex(sections=["paths"]).count(r"\to") // (len(chain.paths[0].nodes) - 1)
    yield chain.to_html(sections=["paths"]).count("<tr>") - 1  # their sum


# Every kind with every output, and of all others with each activation one, in turn.
CASES = [
    pytest.param(
        kind, outputs, activation, marks=[pytest.mark.slow] if (i + 2 * o + n) % len(KINDS) else []
    )
    for n, activation in enumerate(HIDDEN)
    for i, kind in enumerate(KINDS)
    for o, outputs in enumerate(OUTPUTS)
]


@pytest.mark.parametrize(("kind", "outputs", "activation"), CASES)
def test_one_count_and_the_same_numbers(open_page, kind, outputs, activation):
    notation = NOTATIONS[(len(activation) + OUTPUTS.index(outputs)) % len(NOTATIONS)]
    net, x, y = a_step(kind, activation, outputs)
    chain = chainfit.explain(net, x, y, (0, 1, 2), notation=notation, max_paths=100)
    n_paths = 5 * net.units[-1]
    assert set(counts(chain)) == {n_paths}
    row = chain.row(0)
    page = open_page(chainfit.explore(net, x, y, notation=notation).html)
    find(page, chain.symbol)
    shown = page.evaluate(PAGE)
    assert f"Its {n_paths} paths to the loss" in page.inner_text("#panel")
    for name in ("a", "da", "delta"):
        np.testing.assert_allclose(
            shown[name], getattr(chain.trace, name)[-1][0], err_msg=name, **CLOSE
        )
    np.testing.assert_allclose(shown["J"], chain.trace.J, **CLOSE)
    products = sorted((path.product for path in row.paths), key=abs, reverse=True)
    if products[0] == 0:
        assert shown["products"] == []
        return
    np.testing.assert_allclose(shown["products"], products[: len(shown["products"])], **CLOSE)
    best = max(row.paths, key=lambda path: abs(path.product))
    *factors, product = shown["factors"]
    np.testing.assert_allclose(factors, [f.value for f in best.factors], **CLOSE)
    np.testing.assert_allclose(product, best.product, **CLOSE)


def test_outputs_that_are_rounded_to_their_targets_are_among_them():
    for kind in ("binary", "multilabel", "softmax", "softmax, squared error", "squared error"):
        net, x, y = a_step(kind, "tanh", "met")
        assert (chainfit.trace(net, x, y).a[-1][0] == y).all()
    net, x, y = a_step("binary", "tanh", "met")
    assert y == 1 and chainfit.trace(net, x, y).da[-1] == -1  # -1/a, not 0
    net, x, y = a_step("softmax", "tanh", "missed")
    assert math.isinf(chainfit.trace(net, x, y).da[-1].min())


def test_the_definition_is_said_in_both(open_page):
    net, x, y = a_step("softmax", "tanh", "ordinary")
    text = " ".join(chainfit.explain(net, x, y, (0, 1, 2)).text().split())
    page = open_page(chainfit.explore(net, x, y).html)
    find(page, "w_32^(1)")
    for told in (text, page.inner_text("#panel")):
        assert "A path goes through one unit of each layer above the weight." in told
        assert "softmax moves all outputs at once: ∂J/∂z" in told


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_formulas(open_page, kind, notation):
    activation = HIDDEN[(len(kind) + len(notation)) % len(HIDDEN)]
    net, x, y = a_step(kind, activation, "ordinary")
    solver = SOLVERS[len(kind + notation) % len(SOLVERS)]
    net = chainfit.Net(
        net.coefs, net.intercepts, activation=activation, out_activation=net.out_activation,
        loss=net.loss, **solver,
    )  # fmt: skip
    page = open_page(chainfit.explore(net, x, y, notation=notation).html)
    for address in ((0, 1, 2), (1, 0, 3), (2, 2, 0)):
        chain = chainfit.explain(net, x, y, address, notation=notation)
        find(page, address)
        shown = page.evaluate(SIGNS)
        assert_same_formulas(shown, chain)
        assert_update_lines(shown, chain)
