"""What tests of the page share: nets for it, and how they reach its buttons and read what it shows.

`find` and `press` go to the page's own handlers at once; that mouse and keys get there is the
matter of tests/page/test_controls.py.
"""

import itertools

import numpy as np

import chainfit

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
