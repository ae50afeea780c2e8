"""What is shown can be calculated by hand: = stands where the shown digits make the result.

Every number is read back from the text, as a reader would, and calculated with in decimals.
"""

import re
from html import escape
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from reader import calculate, check, check_line, is_numeric

import chainfit
from chainfit import Net, explain
from chainfit._explain.document import Document, Equations
from chainfit._explain.formula import Apply, Quantity, code
from chainfit._explain.render_html import to_html
from chainfit._explain.render_text import break_formula, to_text
from chainfit._explain.story_step import step_story
from chainfit._explain.writer import Writer

KINDS = [
    ("identity", "squared_error"),
    ("logistic", "binary_log_loss"),
    ("softmax", "log_loss"),
    ("exp", "poisson"),
    ("logistic", "squared_error"),
    ("softmax", "squared_error"),
    ("logistic", "log_loss"),
]
HIDDEN = ("identity", "logistic", "tanh", "relu", "leaky_relu")
SOLVERS = (
    {},
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterovs_momentum": False},
    {"solver": "adam"},
)
ROOT = Path(__file__).parents[1]
DIGITS = (6, 1, 3, 4, 12, 17)
WHOLE = 10_000  # columns: every equation in one line


def step(seed):
    """Return a net, rows and targets; every kind, activation and solver comes round."""
    rng = np.random.RandomState(seed)
    out_activation, loss = KINDS[seed % len(KINDS)]
    units = [3, *rng.randint(2, 5, 1 + seed % 3), 3]
    net = Net(
        [rng.normal(0, 0.8, shape) for shape in pairwise(units)],
        [rng.normal(0, 0.3, n) for n in units[1:]],
        activation=HIDDEN[seed % 5],
        out_activation=out_activation,
        loss=loss,
        alpha=0.1 * (seed % 2),
        **SOLVERS[seed % 4],
    )
    rows = 3 if seed % 4 == 3 else 1
    X, Y = rng.normal(size=(rows, 3)), np.eye(3)[rng.randint(3, size=rows)]
    if loss == "squared_error" or (loss == "binary_log_loss" and seed % 3 == 0):
        Y = rng.uniform(size=Y.shape)
    return net, X, Y


def chains(seed):
    net, X, Y = step(seed)
    rng = np.random.RandomState(seed)
    for notation in ("tutorial", "outputs"):
        layer = int(rng.randint(len(net.coefs)))
        address = (layer, int(rng.randint(net.units[layer])), int(rng.randint(2)))
        yield explain(net, X, Y, address, notation=notation, max_paths=4)


def sections_of(text):
    return re.split(r"\n\n", text)


def check_sum(section):
    """Check a column of terms and the sum below it."""
    lines = re.findall(r"^ +(.+?) +(=|~=|≈) +(\S+)(?:   .*)?$", section, re.M)
    values = [re.split(r"\s+(?:=|~=|≈)\s+", rest)[-1] for _, _, rest in lines]
    (total,) = [n for n, (left, _, _) in enumerate(lines) if left == "sum"]
    check(" + ".join(f"({value})" for value in values[:total]), lines[total][1], values[total])


def check_product(text):
    """Check that a product has the factors above it, as they are shown there."""
    lines = re.search(r"^Each factor.*\n((?: +\S.*\n)+? +product .*)", text, re.M)[1].split("\n")
    *factors, product = [line for line in lines if re.search(r"\s(=|~=|≈)\s", line)]
    values = [re.split(r"\s+(?:=|~=|≈)\s+", line)[-1].split("   ")[0] for line in factors]
    assert len(values) > 1
    _, numbers, _ = re.split(r"\s+(?:=|~=|≈)\s+", product)
    assert calculate(numbers) == calculate(" * ".join(f"({value})" for value in values))
    assert check_line(product) == 1


@pytest.mark.parametrize("ascii", [False, True])
@pytest.mark.parametrize("seed", range(28))
def test_text(seed, ascii):
    digits = DIGITS[seed % len(DIGITS)]
    checked = 0
    for chain in chains(seed):
        text = chain.text(ascii=ascii, digits=digits, width=WHOLE)
        for part in sections_of(text):
            if part.startswith(("Every path", "Every row")):
                check_sum(re.sub(r"^( +\S.*?) (=|~=|≈) .* (=|~=|≈) ", r"\1 \3 ", part, flags=re.M))
                checked += 1
            checked += sum(map(check_line, part.split("\n")))
    assert checked >= 8


@pytest.mark.parametrize("seed", range(28))
def test_trace(seed):
    net, X, Y = step(seed)
    trace = chainfit.trace(net, X[:1], Y[:1])
    writer = Writer(("unicode", "ascii")[seed % 2], digits=DIGITS[seed // 2 % len(DIGITS)])
    story = step_story(trace, trace.notation, writer)
    equations = Document(
        tuple(
            section._replace(blocks=(Equations((row,), block.layout),))
            for section in story.sections
            for block in section.blocks
            if isinstance(block, Equations)
            for row in block.rows
        )
    )
    lines = equation_lines(equations, writer, WHOLE)
    assert sum(map(check_line, lines)) >= 10
    html = to_html(story, writer).replace("&nbsp;", " ")
    assert all(escape(line) in html for line in lines)
    # the same in lines of 100 columns
    assert equation_lines(equations, writer, 100) == lines
    assert max(map(len, to_text(equations, writer, 100).splitlines())) <= 100 or writer.digits > 6


def equation_lines(equations, writer, width):
    """Return the equations, one in each section, in a line each."""
    parts = to_text(equations, writer, width).split("\n\n")
    return [" ".join(part.split("\n", 1)[1].split()) for part in parts]


@pytest.mark.parametrize("y", [0.0, 1.0, 0.25])
def test_an_output_rounded_to_its_limit(y):
    """The loss is told with the probability that it takes, which is clipped."""
    net = Net([[[50.0]]], out_activation="logistic", loss="binary_log_loss")
    text = chainfit.trace(net, [2.0], y).text(ascii=True)
    assert sum(map(check_line, text.splitlines())) >= 4
    assert ("ln(2.22045e-16)" in text) == (y != 1.0)
    assert "goes back" not in text  # delta is h - y, whatever f'(z) is


@pytest.mark.parametrize("example", chainfit.walkthrough(), ids=lambda e: e.name)
def test_walkthrough(example):
    for ascii in (False, True):
        step, *chains = example.text(ascii=ascii, width=WHOLE).split("\nThe chain of ")
        assert sum(map(check_line, step.split("\n"))) >= 10
        assert len(chains) == len(example.chains)
        for text in chains:
            assert sum(map(check_line, text.split("\n"))) >= 1
            check_product(text)


def plain(latex):
    """Return a side of an equation of LaTeX as a text of Python."""
    latex = re.sub(r" \\cdot 10\^\{(-?\d+)\}", r"e\1", latex)
    latex = latex.replace(r"\left({", "(").replace(r"}\right)", ")").replace(r" \cdot ", " * ")
    latex = re.sub(r"\\text\{( if | else )\}", r"\1", latex)
    latex = re.sub(r"\^\{(\d+)\}", r"^\1", latex)
    while match := re.search(r"\\sqrt\{([^{}]*)\}", latex):
        latex = latex.replace(match[0], f"sqrt({match[1]})")
    while match := re.search(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", latex):
        latex = latex.replace(match[0], f"(({match[1]}) / ({match[2]}))")
    return latex


@pytest.mark.parametrize("seed", range(28))
def test_latex(seed):
    digits = DIGITS[seed % len(DIGITS)]
    checked = 0
    for chain in chains(seed):
        _, *lines = chain.to_latex(digits=digits).split("\n")[1:-1]
        end = next(n for n, line in enumerate(lines) if n and re.match(r"&(=|\\approx) ", line))
        terms = [line.removesuffix(r" \\") for line in lines[:end]]
        terms[0] = terms[0].split("&= ")[1]
        sign, value = lines[end].removesuffix(r" \\")[1:].split(" ", 1)
        whole = " ".join(term.removeprefix(r"&\quad ") for term in terms)
        check(plain(whole), {"=": "="}.get(sign, "≈"), plain(value))
        for line in lines[end + 1 :]:
            sides = re.split(r" &?(=|\\approx) | :&\\quad ", line.removesuffix(r" \\"))
            if len(sides) < 5 or not is_numeric(plain(sides[-3])):
                continue
            check(plain(sides[-3]), {"=": "="}.get(sides[-2], "≈"), plain(sides[-1]))
            checked += 1
    assert checked >= 6


@pytest.mark.parametrize("seed", range(7))
def test_html_has_the_signs_of_the_text(seed):
    for chain in chains(seed):
        signs = [
            (
                chain.text(sections=[key]).count(" ≈ "),
                len(re.findall("<td[^>]*>≈&nbsp;", chain.to_html(sections=[key]))),
            )
            for key in ("factors", "paths", "softmax", "delta", "rows", "l2", "update")
        ]
        assert all(text == html for text, html in signs) and sum(text for text, _ in signs)


def test_the_readme():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert sum(map(check_line, page.splitlines())) >= 2


def test_the_page_of_the_docs():
    page = (ROOT / "docs" / "chain-rule.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```text\n(.*?)^```", page, re.M | re.S)
    # sides below each other, and products below their paths
    joined = [re.sub(r"\n +(?=[=≈] )", " ", block) for block in blocks]
    checked = sum(check_line(line) for block in joined for line in block.split("\n"))
    assert checked >= 30
    for block in blocks:
        for sign, value, product in re.findall(r" ([=≈]) +(\S+)\n {6}(\S.*)$", block, re.M):
            check(product, sign, value)
            checked += 1
    assert checked >= 34


def test_formulas_break_where_they_hold_together_least():
    signs = Writer("ascii").signs
    text = "a * b * c - (d + e) * f"
    assert break_formula(text, "  x = ", 99, signs) == ["  x = a * b * c - (d + e) * f"]
    assert break_formula(text, "  x = ", 22, signs) == ["  x = a * b * c", "      - (d + e) * f"]
    lines = ["  x = a * b", "      + c * d"]
    assert break_formula("a * b + c * d", "  x = ", 15, signs) == lines
    in_three = ["  x = a * b * c", "      - (d + e)", "      * f"]
    assert break_formula(text, "  x = ", 17, signs) == in_three
    assert break_formula(text, "  x = ", 14, signs)[-1] == "      + e) * f"


# --- the writer ----------------------------------------------------------------------------------


def number(value):
    return Quantity(code(""), value)


@pytest.mark.parametrize(
    ("formula", "value", "digits", "sign"),
    [
        (number(0.414565747183) * number(0.574442516812), 0.2381441911958, 12, "="),
        (number(0.414565747183) * number(0.574442516812), 0.2381441911958, 6, "≈"),  # 0.238145
        (number(1 / 3) * number(3.0), 1.0, 6, "≈"),
        (number(1.0) / number(3.0), 1 / 3, 6, "="),
        (number(0.1) + number(0.2), 0.1 + 0.2, 16, "="),
        (number(0.1) + number(0.2), 0.1 + 0.2, 17, "≈"),
        (number(0.5) - number(0.5), 1e-17, 6, "≈"),
        (number(-0.0) * number(3.0), -0.0, 6, "="),
        (Apply("ln", number(0.0)), -np.inf, 6, "="),
        (Apply("sinh", number(0.0)), 1.0, 6, "≈"),  # not known
    ],
)
def test_relation(formula, value, digits, sign):
    assert Writer("unicode", digits=digits).relation(formula, value) == sign
    ascii = Writer("ascii", digits=digits).relation(formula, value)
    assert ascii == {"=": "=", "≈": "~="}[sign]
    assert Writer("latex", digits=digits, hide_numbers=True).relation(formula, value) == "="


def test_the_reader():
    assert calculate("−0.5 · (1 if 1.4 > 0 else 0)² + 2e-3") == calculate("-0.498")
    with pytest.raises(AssertionError):
        check("0.414566 * 0.242701 * 0.574443", "=", "0.0577978")
    with pytest.raises(AssertionError):
        check("0.5 * 0.5", "~=", "0.25")
