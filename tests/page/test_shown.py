"""Equations on the page can be calculated by hand: read back from what is shown, in decimals."""

import itertools

import numpy as np
import pytest
from pages import find, press
from reader import check, check_line, is_numeric

import chainfit

# A formula as a text, as `reader` takes it.
TEXT = """() => {
    const text = (e) => {
        const all = () => [...e.children].map(text).join("");
        const [first, second] = e.children;
        switch (e.localName) {
            case "mfrac": return `((${text(first)}) / (${text(second)}))`;
            case "msqrt": return `sqrt(${all()})`;
            case "msup": {
                const base = first.textContent, power = second.textContent;
                if (base === "10") return `10^(${power})`;
                return base === "e" ? `exp(${text(second)})` : `(${text(first)})^${power}`;
            }
            case "mo": return ["(", ")"].includes(e.textContent) ? e.textContent
                : ` ${e.textContent} `;
            case "mtext": return e.classList.contains("aside") ? "" : e.textContent;
            case "mrow": case "math": return e.dataset.value ? number(e) : all();
            default: return e.textContent;
        }
    };
    const number = (e) => e.textContent.replace("·10", "e").replace("\u2212", "-")
        .replace("e\u2212", "e-");
    const line = (e) => [...e.querySelectorAll("math")].map(text).join("");
    const cell = (e) => e.textContent.trim().replaceAll("\u2212", "-").replace("\u00a0", " ");
    const of = (selector) => [...document.querySelectorAll(selector)];
    return {
        lines: of(".formula .line").map(line),
        rows: of("table.factors tr").map((row) => {
            const [middle, value] = [row.querySelector(".line"), row.querySelector(".number")];
            return [middle ? line(middle) : "", cell(value)];
        }),
        factors: of("#panel tr td.number").map(cell),
        sums: of(".sums dd").map(cell),
        paths: of(".path data").map(cell),
    };
}"""

KINDS = [
    ("identity", "squared_error"),
    ("logistic", "binary_log_loss"),
    ("softmax", "log_loss"),
    ("exp", "poisson"),
    ("softmax", "squared_error"),
]
HIDDEN = ("identity", "logistic", "tanh", "relu", "leaky_relu")


def a_net(seed):
    rng = np.random.RandomState(seed)
    out_activation, loss = KINDS[seed % len(KINDS)]
    units = [3, 4, 3, 3]
    net = chainfit.Net(
        [rng.normal(0, 0.8, shape) for shape in itertools.pairwise(units)],
        [rng.normal(0, 0.3, n) for n in units[1:]],
        activation=HIDDEN[seed // 2 % 5],
        out_activation=out_activation,
        loss=loss,
        alpha=0.1 * (seed % 2),
        momentum=0.9 * (seed % 3 == 0),
        solver="adam" if seed % 3 == 1 else "sgd",
    )
    return net, rng.normal(size=(2, 3)), np.eye(3)[rng.randint(3, size=2)]


def sign_and_value(text, default="="):
    sign, _, value = text.rpartition(" ")
    return sign.strip() or default, value


def check_panel(page, with_paths):
    shown = page.evaluate(TEXT)
    checked = sum(map(check_line, shown["lines"]))
    for middle, text in shown["rows"]:
        sign, value = sign_and_value(text, "")
        numbers = middle.rpartition(" = ")[2].removeprefix("L2: ")
        if sign and is_numeric(numbers):
            check(numbers, sign, value)
            checked += 1
    if with_paths and len(shown["paths"]) > 1:
        *others, total = shown["sums"][: -2 if len(shown["sums"]) > 2 else None]
        terms = [f"({x})" for x in [*shown["paths"], *others]]
        check(" + ".join(terms), *sign_and_value(total))
        checked += 1
    return checked


# every kind twice, every activation
@pytest.mark.parametrize(
    "seed", [*range(10), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(10, 30))]
)
def test_formulas(open_page, seed):
    net, X, Y = a_net(seed)
    page = open_page(chainfit.explore(net, X, Y).html)
    checked = 0
    for address in ("w_12^(1)", "w_21^(2)", "b_2^(3)"):
        find(page, address)
        checked += check_panel(page, with_paths=True)
        factors = [sign_and_value(text) for text in page.evaluate(TEXT)["factors"]]
        if not net.alpha or address[0] == "b":  # the last row is the product of the others
            values = [value for _, value in factors[:-3]] + [factors[-2][1]]
            check(" * ".join(f"({x})" for x in values), *factors[-1])
    press(page, "#all-rows")
    checked += check_panel(page, with_paths=True)
    page.press("body", "Escape")
    press(page, "#tab-story")
    while not page.is_disabled("#step-on"):
        press(page, "#step-on")
        checked += check_panel(page, with_paths=False)
    assert checked >= 40
