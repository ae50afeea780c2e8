"""The numbers on the page of chainfit.explore: computed in Chromium, compared with Python's."""

import itertools
import warnings

import numpy as np
import pytest
from scipy.special import erf

import chainfit
from chainfit import reference
from chainfit._explain import rules
from chainfit._explain.formula import FUNCTIONS, Constant, Quantity, as_data, code, substitute
from chainfit._explain.notation import get_notation

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Sums in another order, and the browser's own exp, log and tanh: some ulp, relative to the terms.
CLOSE = {"rtol": 1e-11, "atol": 1e-14}

TRACE = """([epoch, row]) => {
    const t = chainfit.trace(epoch, row);
    const { units } = chainfit.data;
    const range = (n) => [...Array(n).keys()];
    const of_line = (l, i) => range(units[l + 1]).map((j) => t.gradient({ l, i, j }));
    const db = units.slice(1).map((_, l) => of_line(l, -1));
    const dW = units.slice(1).map((_, l) => range(units[l]).map((i) => of_line(l, i)));
    const all_rows = (name) => units.map((_, l) =>
        t.rows[0][name][l] && t.rows.flatMap((row) => [...row[name][l]]));
    const [z, a, delta] = ["z", "a", "delta"].map(all_rows);
    return { z, a, delta, dW, db, J: t.J, penalty: t.penalty };
}"""


def choose(page, l, i, j):  # noqa: E741
    """Click on a line where no other one lies over it."""
    x, y = page.evaluate(
        """(address) => {
            const edge = document.querySelector(`[data-address="${address}"]`);
            const line = edge.querySelector(".line");
            const to_screen = line.getScreenCTM();
            for (let t = 0.1; t < 0.9; t += 0.02) {
                const at = line.getPointAtLength(t * line.getTotalLength());
                const { x, y } = at.matrixTransform(to_screen);
                if (edge.contains(document.elementFromPoint(x, y))) return [x, y];
            }
        }""",
        f"{l},{i},{j}",
    )
    page.mouse.click(x, y)


def random_net(units, activation, out_activation, loss, seed=0, **settings):
    rng = np.random.RandomState(seed)
    W = [rng.uniform(-1, 1, (n, m)) * np.sqrt(3 / n) for n, m in itertools.pairwise(units)]
    b = [rng.uniform(-0.5, 0.5, n) for n in units[1:]]
    return chainfit.Net(
        W, b, activation=activation, out_activation=out_activation, loss=loss, **settings
    )


def batch_of(net, rows=5, seed=1):
    rng = np.random.RandomState(seed)
    X = rng.uniform(-1.5, 1.5, (rows, net.units[0]))
    shape = (rows, net.units[-1])
    if net.loss == "log_loss":
        return X, np.eye(net.units[-1])[rng.randint(0, net.units[-1], rows)]
    if net.loss == "binary_log_loss":
        return X, rng.randint(0, 2, shape).astype(float)
    return X, rng.poisson(1.0, shape).astype(float) + (net.loss == "squared_error") * rng.rand()


def assert_same_numbers(page, numbers, epoch, row):
    shown = page.evaluate(TRACE, [epoch, row])
    for name in ("z", "a", "delta"):
        for l, theirs in enumerate(getattr(numbers, name)):  # noqa: E741
            if theirs is None:
                assert shown[name][l] is None
            else:
                np.testing.assert_allclose(shown[name][l], theirs.ravel(), **CLOSE)
    for name in ("dW", "db"):
        for mine, theirs in zip(shown[name], getattr(numbers, name), strict=True):
            np.testing.assert_allclose(mine, theirs, **CLOSE)
    np.testing.assert_allclose(
        [shown["J"], shown["penalty"]], [numbers.J, numbers.penalty], **CLOSE
    )


HIDDEN = list(reference.ACTIVATIONS)
PAIRS = [
    ("identity", "squared_error"),
    ("logistic", "binary_log_loss"),
    ("softmax", "log_loss"),
    ("exp", "poisson"),
    ("logistic", "squared_error"),
    ("tanh", "squared_error"),
    ("relu", "squared_error"),
    ("leaky_relu", "squared_error"),
    ("exp", "squared_error"),
    ("softmax", "squared_error"),
    ("logistic", "log_loss"),
    ("logistic", "poisson"),
    ("softmax", "binary_log_loss"),
]


@pytest.mark.parametrize(
    ("out_activation", "loss", "activation", "depth"),
    [(*pair, HIDDEN[n % len(HIDDEN)], n % 5) for n, pair in enumerate(PAIRS)],
)
def test_numbers_of_a_step_are_those_of_trace(open_page, out_activation, loss, activation, depth):
    net = random_net([4, *[3, 5, 2, 4][:depth], 3], activation, out_activation, loss, alpha=0.3)
    X, Y = batch_of(net)
    weights = np.array([1.0, 0.0, 2.5, 0.25, 1.0])
    page = open_page(chainfit.explore(net, X, Y, sample_weight=weights).html)
    assert_same_numbers(page, chainfit.trace(net, X, Y, sample_weight=weights), 0, -1)
    for r in (0, 4):
        assert_same_numbers(page, chainfit.trace(net, X[[r]], Y[[r]]), 0, r)


def test_trees_are_evaluated_as_in_python(open_page):
    page = open_page(chainfit.explore(TEXTBOOK, X_BOOK, Y_BOOK).html)

    def in_page(tree, values):
        units = [{name: row[o] for name, row in values.items()} for o in range(3)]
        units = [{**unit, "row": values["z"]} for unit in units]
        return page.evaluate(
            "([tree, units]) => units.map(chainfit.compile(tree))", [as_data(tree), units]
        )

    def here(tree, values):
        leaves = {name: Quantity(code(name), np.array([row])) for name, row in values.items()}
        variables = {rules.Z: leaves["z"], rules.Z_K: leaves["z"], rules.A: leaves["a"]}
        found = substitute(tree, {**variables, rules.Y: leaves["y"]}).value
        return np.broadcast_to(found, (1, 3))[0]

    trees = [tree for f in rules.ACTIVATIONS.values() for tree in (f.value, f.stable, f.slope)]
    trees += [t for f in rules.LOSSES.values() for t in (f.scale * f.term, f.slope, f.of_sum)]
    trees += [rules.Apply(name, rules.Z) for name in FUNCTIONS]
    for z in ([0.1, 1.7, 2.4], [2.6, 5.9, 7.0], [-2.4, -0.3, 40.0]):
        for y in ([0.0, 1.0, 0.0], [0.25, 0.5, 2.0]):
            values = {"z": z, "a": [0.125, 0.5, 0.375], "y": y}
            for tree in filter(None, trees):
                expected = here(tree, values)
                if np.isfinite(expected).all():  # a logarithm of a negative number is not
                    np.testing.assert_allclose(in_page(tree, values), expected, rtol=1e-14)


def test_a_new_rule_needs_no_script(open_page, monkeypatch):
    """An activation whose slope is one of z, and a loss with a parameter of its own."""
    z, a, y = rules.Z, rules.A, rules.Y
    part = 0.5 * (1 + rules.Apply("erf", z / rules.Apply("sqrt", Constant(2))))
    density = rules.Apply("exp", -(z**2) / 2) / rules.Apply("sqrt", Constant(2 * np.pi))
    monkeypatch.setitem(rules.ACTIVATIONS, "gelu", rules.Activation(z * part, part + z * density))
    gelu = lambda z, out=None: z * (1 + erf(z / np.sqrt(2))) / 2  # noqa: E731
    monkeypatch.setitem(reference.ACTIVATIONS, "gelu", reference.Activation(gelu, abs))
    monkeypatch.setattr("chainfit._explain.net.HIDDEN_ACTIVATIONS", ("gelu",))

    d, size = rules.Variable("bend", code("δ")), rules.Apply("abs", a - y)
    huber = rules.Loss(
        rules.Case(d - size, (a - y) ** 2 / 2, d * (size - d / 2)),
        rules.ONE,
        rules.Case(d - size, a - y, rules.Case(a - y, d, -d)),
        words="Huber",
        parameters=(d,),
    )
    monkeypatch.setitem(rules.LOSSES, "squared_error", huber)
    monkeypatch.setattr(chainfit.Net, "bend", 0.5, raising=False)
    rows = lambda Y, a, bend: np.where(  # noqa: E731
        abs(a - Y) < 0.5, (a - Y) ** 2 / 2, 0.5 * (abs(a - Y) - 0.25)
    ).sum(axis=1)
    squared = reference.LOSSES["squared_error"]
    monkeypatch.setitem(reference.LOSSES, "squared_error", squared._replace(rows=rows))

    net = random_net([3, 4, 3, 2], "gelu", "tanh", "squared_error")
    X, Y = batch_of(net)
    page = open_page(chainfit.explore(net, X, Y).html)
    for r in range(5):
        assert_same_numbers(page, chainfit.trace(net, X[[r]], Y[[r]]), 0, r)
    choose(page, 0, 1, 2)
    lines = lines_of(page, ".factors")
    assert any("erf(" in line for line in lines)
    choose(page, 2, 0, 1)
    assert any("δ" in line and "0.5" in line for line in lines_of(page, ".factors"))
    assert "The two agree" in page.inner_text("#panel")


def test_outputs_rounded_to_their_ends(open_page):
    """A saturated output: the loss is clipped, delta is finite, and the page says what is up."""
    net = chainfit.Net([[[40.0]]], [[0.0]], out_activation="logistic", alpha=0.5)
    X, Y = np.array([[1.0], [-30.0]]), np.array([[0.0], [1.0]])
    page = open_page(chainfit.explore(net, X, Y).html)
    assert_same_numbers(page, chainfit.trace(net, X, Y), 0, -1)
    assert_same_numbers(page, chainfit.trace(net, X[[0]], Y[[0]]), 0, 0)
    choose(page, 0, 0, 0)
    panel = page.inner_text("#panel")
    assert "An output is rounded to its limit" in panel
    assert "The two agree" in panel  # the difference is that of the loss before it is clipped


MODELS = {
    "sgd": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.05},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate": "invscaling"},
    "nesterov": {"solver": "sgd", "momentum": 0.8, "learning_rate_init": 0.02},
    "adam": {"solver": "adam", "learning_rate_init": 0.01},
    "adamw": {"solver": "adamw", "weight_decay": 0.5},
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.RandomState(0)
    X = rng.randn(40, 4)
    return X, (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int)


def fitted(X, y, history=None, **parameters):
    model = chainfit.MLPClassifier(
        (3, 2), activation="tanh", max_iter=8, random_state=1, **parameters
    )
    if history is not None:
        model.set_callbacks(history)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


def fact(page, name):
    return float(page.get_attribute(f"[data-fact='{name}'] data", "value"))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("rows", [1, 40])
def test_updates_are_those_of_the_next_step(open_page, data, name, rows):
    X, y = data
    model = fitted(X, y, **MODELS[name])
    page = open_page(chainfit.explore(model, X, y).html)
    if rows == 40:
        page.click("#all-rows")
    numbers = chainfit.trace(model, X[:rows], y[:rows])
    assert numbers.update.rule == name
    for l, W in enumerate(numbers.net.coefs):  # noqa: E741
        for i, j in [*np.ndindex(*W.shape), *((None, j) for j in range(W.shape[1]))]:
            page.fill("#address", f"{l}, {i}, {j}" if i is not None else f"intercepts_[{l}][{j}]")
            page.press("#address", "Enter")
            expected = numbers.update.of(l, i, j)
            old = "weight" if i is not None else "bias"
            assert fact(page, old) == expected["old"]
            np.testing.assert_allclose(fact(page, "gradient"), expected["gradient"], **CLOSE)
            np.testing.assert_allclose(fact(page, "next"), expected["new"], rtol=1e-10)
            np.testing.assert_allclose(
                fact(page, "difference"), expected["gradient"], rtol=1e-4, atol=1e-8
            )


def test_float32_models_arrive_bit_for_bit(open_page, data):
    X, y = data
    model = fitted(X, y, precision="float32")
    page = open_page(chainfit.explore(model, X, y).html)
    assert page.evaluate("chainfit.data.dtype") == "float32"
    assert_same_numbers(page, chainfit.trace(model, X[[3]], y[[3]]), 0, 3)


def test_l_bfgs_has_no_rule_for_one_weight(open_page, data):
    X, y = data
    page = open_page(chainfit.explore(fitted(X, y, solver="lbfgs"), X, y).html)
    choose(page, 0, 0, 0)
    assert "L-BFGS has no rule for a single weight" in page.inner_text("#panel")
    assert page.inner_text("[data-fact='next'] dd") == "–"


def test_every_epoch_has_its_numbers(open_page, data):
    X, y = data
    history = chainfit.History()
    model = fitted(X, y, history, solver="adam")
    page = open_page(chainfit.explore(model, X, y, history=history).html)
    assert page.inner_text("#epoch-words") == "epoch 8"
    for epoch in (8, 7, 3, 0):
        while page.inner_text("#epoch-words") != f"epoch {epoch}":
            page.click("#epoch-back")
        expected = chainfit.trace(history.nets[epoch], X[[0]], y[[0]])
        assert_same_numbers(page, expected, epoch, 0)
        shown = float(page.get_attribute("#loss data", "value"))
        np.testing.assert_allclose(shown, expected.J, **CLOSE)
    assert page.is_disabled("#epoch-back")
    choose(page, 0, 0, 0)
    assert "at this epoch was not kept" in page.inner_text("#panel")
    page.click("#epoch-on")
    assert page.inner_text("#epoch-words") == "epoch 1"
    page.click("#tab-layers")
    assert page.locator(".series").count() == 4  # J, and three layers of weights
    losses = page.evaluate("chainfit.data.epochs.map((e) => e.J)")
    expected = [chainfit.trace(net, X, y).J for net in history.nets]
    np.testing.assert_allclose(losses, expected, rtol=1e-12)


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
    net = random_net([3, 4, 3, 2], "tanh", out_activation, loss)
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
    net = random_net([3, 6, 5, 7, 4], "relu", "identity", "squared_error")
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


def lines_of(page, selector):
    """Text of a formula line by line, as MathML has it: fractions as above, then below."""
    return page.eval_on_selector_all(
        f"{selector} .line",
        """all => all.map((line) =>
            [...line.querySelectorAll("math")].map((m) => m.textContent).join(" "))""",
    )


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
    net = random_net([12, 11, 2], "tanh", "identity", "squared_error")
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
    page.click("#tab-backward")
    nodes = [words[0].rstrip(",").replace("δ", "delta") for words in labels(".node")]
    assert nodes[12:] == [names.delta(*unit).ascii for unit in units[12:]]
    for layer, j in units[12:]:
        page.fill("#address", names.bias(layer - 1, j).ascii)
        page.click("#find button")
        assert page.inner_text(".where code") == f"intercepts_[{layer - 1}][{j}]"


def test_chains_are_those_of_explain(open_page):
    net = random_net([3, 4, 3, 2], "logistic", "softmax", "log_loss", alpha=0.2)
    X, Y = batch_of(net, rows=1)
    page = open_page(chainfit.explore(net, X, Y).html)
    for address in ("w_42^(1)", "b_3^(1)", "w_31^(2)", "w_23^(3)", "b_1^(3)"):
        chain = chainfit.explain(net, X, Y, address)
        page.fill("#address", address)
        page.press("#address", "Enter")
        np.testing.assert_allclose(fact(page, "gradient"), chain.value, **CLOSE)
        shown = page.eval_on_selector_all(".path data", "all => all.map((d) => Number(d.value))")
        if shown:
            # explain leads each path on through the softmax; of a one-hot row one way is not 0
            products = [path.product for path in chain.paths if path.product]
            products.sort(key=abs, reverse=True)
            np.testing.assert_allclose(shown, products, **CLOSE)


def test_all_rows_add_up(open_page, data):
    X, y = data
    model = fitted(X, y, alpha=0.5)
    page = open_page(chainfit.explore(model, X, y).html)
    page.click("#all-rows")
    choose(page, 0, 2, 1)
    t = chainfit.trace(model, X, y)
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
    np.testing.assert_allclose(l2, 0.5 / 40 * model.coefs_[0][2, 1], **CLOSE)
    np.testing.assert_allclose(total, t.dW[0][2, 1], **CLOSE)
    page.click(".path >> nth=0")
    assert page.inner_text("#row-words") == f"row {order[0] + 1} of 40"
