"""The chains on the page of chainfit.explore: paths, formulas, names, in Chromium."""

import itertools

import numpy as np
import pytest
from pages import CLOSE, batch_of, choose, facts, find, lines_of, net_of, press

import chainfit
from chainfit._explain.notation import get_notation

# --- paths ---------------------------------------------------------------------------------------


def all_paths(net, numbers, l, i, j):  # noqa: E741
    """{units: product} of every path from coefs[l][i, j], for the first row."""
    L = len(net.coefs)
    ranges = [range(n) for n in net.units[l + 2 :]]
    found = {}
    for rest in itertools.product(*ranges):
        path = (j, *rest)
        product = numbers.a[l][0, i] * numbers.delta[L][0, path[-1]]
        for layer, (u, v) in enumerate(itertools.pairwise(path), start=l + 1):
            product *= numbers.df[layer][0, u] * net.coefs[layer][u, v]
        found[path] = product
    return found


@pytest.mark.parametrize("out_activation", ["logistic", "softmax"])
def test_paths_of_a_weight(open_page, out_activation):
    loss = {"logistic": "binary_log_loss", "softmax": "log_loss"}[out_activation]
    net = net_of([3, 4, 3, 2], "tanh", out_activation, loss)
    X, Y = batch_of(net, rows=1)
    numbers = chainfit.trace(net, X, Y)
    page = open_page(chainfit.explore(net, X, Y).html)
    choose(page, 0, 1, 2)
    expected = all_paths(net, numbers, 0, 1, 2)
    assert "6 paths" in page.inner_text("#panel")
    shown = page.eval_on_selector_all(".path data", "all => all.map((d) => Number(d.value))")
    sizes = sorted(expected.values(), key=abs, reverse=True)
    np.testing.assert_allclose(shown, sizes, **CLOSE)
    np.testing.assert_allclose(sum(shown), numbers.dW[0][1, 2], **CLOSE)

    lit = page.eval_on_selector_all(".edge.lit", "all => all.map((e) => e.dataset.address)")
    assert len(lit) == 3 + 3 * 2  # everything above the weight
    page.click(".path >> nth=0")
    strongest = max(expected, key=lambda path: abs(expected[path]))
    hops = [f"{n},{u},{v}" for n, (u, v) in enumerate(itertools.pairwise(strongest), start=1)]
    lit = page.eval_on_selector_all(".edge.lit", "all => all.map((e) => e.dataset.address)")
    assert sorted(lit) == hops
    product = page.eval_on_selector_all(
        ".one-path .line:last-child [data-value]", "all => all.map((n) => Number(n.dataset.value))"
    )
    np.testing.assert_allclose(np.prod(product[:-1]), product[-1], rtol=1e-12)
    np.testing.assert_allclose(product[-1], expected[strongest], **CLOSE)
    page.click(".path >> nth=0")
    assert page.locator(".path[aria-pressed=true]").count() == 0


def test_too_many_paths_have_an_exact_remainder(open_page):
    net = net_of([3, 6, 5, 7, 4], "relu", "identity", "squared_error")
    X, Y = batch_of(net, rows=1, seed=4)
    numbers = chainfit.trace(net, X, Y)
    j = int(np.abs(numbers.dW[0]).sum(axis=0).argmax())
    page = open_page(chainfit.explore(net, X, Y).html)
    choose(page, 0, 0, j)
    text = page.inner_text("#panel")
    assert "Its 140 paths" in text and "the other 132 paths" in text
    expected = sorted(all_paths(net, numbers, 0, 0, j).values(), key=abs, reverse=True)
    shown = page.eval_on_selector_all(".path data", "all => all.map((d) => Number(d.value))")
    np.testing.assert_allclose(shown, expected[:8], **CLOSE)
    rest, total = page.eval_on_selector_all(
        "section:has(.paths) .sums data", "all => all.map((d) => Number(d.value))"
    )
    np.testing.assert_allclose(rest, sum(expected[8:]), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(total, numbers.dW[0][0, j], **CLOSE)


def test_blocked_paths_are_named(open_page):
    net = chainfit.Net([[[1.0, -1.0]], [[1.0, 0.5], [2.0, 1.0]], [[1.0], [1.0]]], activation="relu")
    page = open_page(chainfit.explore(net, [[2.0]], [1.0]).html)
    choose(page, 0, 0, 1)
    assert "is flat here (relu)" in page.inner_text("#panel")
    assert page.locator(".node.dead").count() == 1
    choose(page, 1, 1, 0)  # what it carries is 0 too
    assert "this row does not notice" in page.inner_text("#panel")


# --- formulas ------------------------------------------------------------------------------------


TEXTBOOK = chainfit.Net(
    [[[0.1, 0.4, -0.3], [0.8, -0.6, 0.2], [0.35, 0.5, 0.7]], [[0.3], [0.9], [-0.5]]],
    [[0.1, -0.2, 0.05], [0.2]],
    activation="logistic",
    out_activation="logistic",
    loss="squared_error",
    learning_rate_init=0.5,
)
X_BOOK, Y_BOOK = [[0.35, 0.9, 0.5]], [0.5]

NAMES = {
    "tutorial": "∂J∂w12(2) = ∂J∂h1(3) · ∂h1(3)∂z1(2) · ∂z1(2)∂w12(2)",
    "outputs": "∂L∂W22(1) = ∂L∂O21 · ∂O21∂W22(1)",
    "matrix": "∂J∂W[1][1, 0] = ∂J∂a[2][0] · ∂a[2][0]∂z[2][0] · ∂z[2][0]∂W[1][1, 0]",
    "sklearn": (
        "∂J∂coefs_[1][1, 0] = ∂J∂activations[2][0] · ∂activations[2][0]∂z[2][0] · "
        "∂z[2][0]∂coefs_[1][1, 0]"
    ),
}


@pytest.mark.parametrize("notation", NAMES)
def test_a_click_shows_the_chain(open_page, notation):
    page = open_page(chainfit.explore(TEXTBOOK, X_BOOK, Y_BOOK, notation=notation).html)
    choose(page, 1, 1, 0)
    symbols, numbers = lines_of(page, "section:has-text('Its chain')")[:2]
    assert symbols == NAMES[notation]
    t = chainfit.trace(TEXTBOOK, X_BOOK, Y_BOOK)
    factors = [t.da[2][0, 0], t.df[2][0, 0], t.a[1][0, 1]]
    if notation == "outputs":
        factors = [factors[0], factors[1] * factors[2]]
    shown = page.eval_on_selector_all(
        "section:has-text('Its chain') .line:nth-child(2) [data-value]",
        "all => all.map((n) => Number(n.dataset.value))",
    )
    np.testing.assert_allclose(shown, [*factors, t.dW[1][1, 0]], **CLOSE)
    assert numbers.endswith(f" {t.dW[1][1, 0]:.4g}")
    table = page.eval_on_selector_all(
        ".factors tr td.number data", "all => all.map((d) => Number(d.value))"
    )
    np.testing.assert_allclose(table[-1], np.prod(factors), **CLOSE)
    update = lines_of(page, "section:has-text('Its update')")
    w, g = 0.9, t.dW[1][1, 0]
    assert update[0].endswith(f"= 0.9 − 0.5 · {g:.4g} = {w - 0.5 * g:.4g}")
    assert "coefs_[1][1, 0]" in page.inner_text(".where")


def test_changing_the_notation_on_the_page(open_page):
    page = open_page(chainfit.explore(TEXTBOOK, X_BOOK, Y_BOOK).html)
    choose(page, 1, 1, 0)
    for notation, symbols in NAMES.items():
        page.select_option("#notation", notation)
        assert lines_of(page, "section:has-text('Its chain')")[0] == symbols


@pytest.mark.parametrize("notation", NAMES)
def test_names_are_those_of_explain(open_page, notation):
    net = net_of([12, 11, 2], "tanh", "identity", "squared_error")
    page = open_page(chainfit.explore(net, *batch_of(net), notation=notation).html)
    names = get_notation(notation)

    def labels(selector):
        return page.eval_on_selector_all(
            selector, "all => all.map((e) => e.getAttribute('aria-label').split(' ').slice(1))"
        )

    edges = [" ".join(words).rpartition(", ")[0] for words in labels(".edge")]
    expected = [
        names.weight(l, i, j).ascii
        for l in (0, 1)  # noqa: E741
        for j in range(net.units[l + 1])
        for i in range(net.units[l])
    ]
    assert edges == expected
    nodes = [words[0].rstrip(",") for words in labels(".node")]
    units = [(layer, i) for layer in range(3) for i in range(net.units[layer])]
    assert nodes == [names.a(*unit).ascii for unit in units]
    press(page, "#tab-backward")
    nodes = [words[0].rstrip(",").replace("δ", "delta") for words in labels(".node")]
    assert nodes[12:] == [names.delta(*unit).ascii for unit in units[12:]]
    for layer, j in units[12:]:
        find(page, names.bias(layer - 1, j).ascii)
        assert page.inner_text(".where code") == f"intercepts_[{layer - 1}][{j}]"


def test_chains_are_those_of_explain(open_page):
    net = net_of([3, 4, 3, 2], "logistic", "softmax", "log_loss", alpha=0.2)
    X, Y = batch_of(net, rows=1)
    page = open_page(chainfit.explore(net, X, Y).html)
    for address in ("w_42^(1)", "b_3^(1)", "w_31^(2)", "w_23^(3)", "b_1^(3)"):
        chain = chainfit.explain(net, X, Y, address)
        find(page, address)
        np.testing.assert_allclose(facts(page)["gradient"], chain.value, **CLOSE)
        shown = page.eval_on_selector_all(".path data", "all => all.map((d) => Number(d.value))")
        if shown:
            # explain leads each path on through the softmax; of a one-hot row one way is not 0
            products = [path.product for path in chain.paths if path.product]
            products.sort(key=abs, reverse=True)
            np.testing.assert_allclose(shown, products, **CLOSE)


def test_all_rows_add_up(open_page):
    net = net_of([4, 3, 2, 1], "tanh", "logistic", "binary_log_loss", alpha=0.5)
    X, Y = batch_of(net, rows=40)
    page = open_page(chainfit.explore(net, X, Y).html)
    press(page, "#all-rows")
    choose(page, 0, 2, 1)
    t = chainfit.trace(net, X, Y)
    terms = t.a[0][:, 2] * t.delta[1][:, 1]
    order = np.argsort(-np.abs(terms))
    shown = page.eval_on_selector_all(".path data", "all => all.map((d) => Number(d.value))")
    np.testing.assert_allclose(shown, terms[order[:10]], **CLOSE)
    names = page.eval_on_selector_all(".path .hops", "all => all.map((h) => h.textContent)")
    assert names == [f"row {r + 1}" for r in order[:10]]
    rest, l2, total = page.eval_on_selector_all(
        "section:has(.paths) .sums data", "all => all.map((d) => Number(d.value))"
    )
    np.testing.assert_allclose(rest, terms[order[10:]].sum(), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(l2, 0.5 / 40 * net.coefs[0][2, 1], **CLOSE)
    np.testing.assert_allclose(total, t.dW[0][2, 1], **CLOSE)
    page.click(".path >> nth=0")
    assert page.inner_text("#row-words") == f"row {order[0] + 1} of 40"
