"""What tests of the page share: nets for it, and how they reach its buttons and read what it shows.

`find` and `press` go to the page's own handlers at once; that mouse and keys get there is the
matter of tests/page/test_controls.py.
"""

import itertools
import re
import unicodedata

import numpy as np

import chainfit
from chainfit._explain import step_rules
from chainfit._explain.writer import Writer

# Sums in another order, and the browser's own exp, log and tanh: some ulp, relative to the terms.
CLOSE = {"rtol": 1e-11, "atol": 1e-14}


def net_of(units, activation, out_activation, loss, seed=0, **settings):
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


def find(page, address):
    """Show a weight: type its name and press the button beside it."""
    page.evaluate(
        """(address) => {
            document.querySelector("#address").value = address;
            document.querySelector("#show").click();
        }""",
        str(address),
    )


def press(page, selector):
    """Press a button, which must be enabled."""
    page.eval_on_selector(
        selector,
        """(button) => {
            if (button.disabled) throw new Error(`#${button.id} is disabled`);
            button.click();
        }""",
    )


def slide(page, selector, value):
    """Move a slider."""
    page.eval_on_selector(
        selector,
        """(slider, value) => {
            slider.value = value;
            slider.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        str(value),
    )


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


def values(page, selector):
    """Return the numbers of what matches, in full."""
    return page.eval_on_selector_all(f"{selector} data", "all => all.map((d) => Number(d.value))")


def facts(page):
    """Return {name: number} of what the panel tells of the weight first."""
    return page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("[data-fact]:has(data)")].map(
            (e) => [e.dataset.fact, Number(e.querySelector("data").value)]))"""
    )


def units_of(page, layer):
    """Return the labels of a layer's nodes, which have their numbers."""
    return page.eval_on_selector_all(
        f"[data-unit^='{layer},']", "all => all.map((n) => n.getAttribute('aria-label'))"
    )


def lines_of(page, selector):
    """Return a formula line by line, as MathML has it: fractions as above, then below."""
    return page.eval_on_selector_all(
        f"{selector} .line",
        """all => all.map((line) =>
            [...line.querySelectorAll("math")].map((m) => m.textContent).join(" "))""",
    )


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


# Formulas as a row of letters and signs, without what belongs to MathML alone.
SIGNS = """() => {
    const text = (e) => {
        const [first, second] = e.children;
        switch (e.localName) {
            case "mfrac": return `${text(first)}/${text(second)}`;
            case "msqrt": return `sqrt${[...e.children].map(text).join("")}`;
            case "msup": return `${first.textContent === "e" ? "exp" : text(first)}${text(second)}`;
            case "mrow": case "math": case "msub": case "msubsup": case "munder":
                return [...e.children].map(text).join("");
            default: return e.textContent;
        }
    };
    const lines = (selector) => [...document.querySelectorAll(selector)].map((line) =>
        [...line.querySelectorAll("math")].map(text).join(""));
    return {
        heads: lines(".factors th"),
        rules: lines(".factors td:nth-child(2)"),
        path: lines(".one-path .line:first-child"),
        update: lines("section:has(h3) > .formula .line"),
        gap: lines(".factors .folded th").length,
    };
}"""


def signs(text):
    """Return a formula without brackets, blanks and what marks indices."""
    return re.sub(r"[()\s_^]", "", unicodedata.normalize("NFKC", text))


def assert_same_formulas(shown, chain):
    """The chain that SIGNS has found is that of a row, sign by sign."""
    write = Writer("unicode", digits=4)
    row = chain.row(0)
    end = -1 - len(chain.penalty_terms)  # the last is the product
    heads, rules_shown = shown["heads"][:end], shown["rules"][:end]
    if shown["gap"]:
        del heads[-2], rules_shown[-2]  # delta, the product so far
    assert [signs(head) for head in heads] == [
        signs(write.symbols(factor.partial)) for factor in row.factors
    ]
    for factor, rule in zip(row.factors, rules_shown, strict=True):
        general = rule.startswith("∑")  # the sum over a layer is written with an index
        sides = [signs(side) for side in rule.split("=")]
        # one factor for a neuron: the page writes the two that it is made of
        is_joined = chain.notation.per_neuron and factor is row.factors[-1]
        expected = signs(write.symbols(factor.rule))
        assert general or is_joined or sides[0] == expected, (sides, expected)
    if shown["path"]:
        best = max(row.paths, key=lambda path: abs(path.product))
        partials = [signs(write.symbols(factor.partial)) for factor in best.factors]
        assert [signs(part) for part in shown["path"][0].split("·")] == partials


def assert_update_lines(shown, chain):
    """The lines of the update that SIGNS has found are those of the chain, sign by sign."""
    write = Writer("unicode", digits=4)
    name = chain.address.name(chain.notation)
    weight = signs(write.name(name))
    lines = step_rules.update_rule(chain.update, chain.notation.loss, name)
    for line, written in zip(lines, shown["update"][-len(lines) :], strict=True):
        expected = signs(f"{write.name(line.name)}={write.symbols(line.rule)}")
        expected = re.sub(r"(\d)e-(\d+)", r"\1·10−\2", expected)
        for when in ("old", "new"):
            expected = expected.replace(f"{weight}{when}", f"w{when}")
        assert signs(written).startswith(f"{expected}="), (written, expected)
