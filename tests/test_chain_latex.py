"""LaTeX of chains, read back by sympy: the formulas evaluate to the numbers of the chain."""

import math
import re
from itertools import pairwise

import numpy as np
import pytest
from sympy.parsing.latex import parse_latex

from chainfit import Net, explain
from chainfit._explain.formula import Case, Formula, Partial, Quantity
from chainfit._explain.render_latex import escape
from chainfit._explain.writer import Writer

HIDDEN = ("identity", "logistic", "tanh", "relu", "leaky_relu")
OUT = (
    ("logistic", "squared_error"),
    ("softmax", "log_loss"),
    ("exp", "poisson"),
    ("logistic", "binary_log_loss"),
    ("softmax", "squared_error"),
)
NOTATIONS = ("tutorial", "outputs", "matrix", "sklearn")


def random_chain(seed):
    rng = np.random.RandomState(seed)
    out, loss = OUT[seed % len(OUT)]
    units = [3, *rng.randint(2, 5, 1 + seed % 3), 3]
    net = Net(
        [rng.normal(0, 0.8, shape) for shape in pairwise(units)],
        [rng.normal(0, 0.3, n) for n in units[1:]],
        activation=HIDDEN[seed // 5 % 5],
        out_activation=out,
        loss=loss,
        alpha=0.2 * (seed % 2),
        momentum=0.9 * (seed % 3 == 0),
        solver="adam" if seed % 7 == 0 else "sgd",
    )
    rows = 3 if seed % 4 == 3 else 1
    Y = np.eye(3)[rng.randint(3, size=rows)]
    layer = int(rng.randint(len(units) - 1))
    weight = (layer, int(rng.randint(units[layer])), int(rng.randint(units[layer + 1])))
    weight = weight if seed % 6 else weight[::2]
    notation = NOTATIONS[seed // 4 % 4]
    return explain(net, rng.normal(size=(rows, 3)), Y, weight, notation=notation, max_paths=5)


def evaluate(latex):
    return float(parse_latex(latex).evalf(25))


def plain(number):
    """Return a number of LaTeX as Python writes it."""
    return re.sub(r" \\cdot 10\^\{(-?\d+)\}", r"e\1", number)


def lines_of(chain, **settings):
    latex = chain.to_latex(digits=17, **settings)
    assert latex.startswith("\\begin{aligned}\n") and latex.endswith("\n\\end{aligned}")
    return latex.split("\n")[1:-1]


def sides(line):
    line = line.removesuffix(r"\\").replace("&", "").replace(r"\approx", "=")
    return [side.strip() for side in line.split(" = ")]


@pytest.mark.parametrize("seed", range(0, 50, 3))
def test_the_derivative_in_numbers(seed):
    chain = random_chain(seed)
    symbols, *lines = lines_of(chain)
    row_loss = chain.notation.row_loss() if chain.n_rows > 1 else chain.notation.loss
    derivative = Writer("latex").symbols(Partial(row_loss, chain.address.name(chain.notation)))
    assert symbols.startswith(f"{derivative} &= ")
    # the terms, one a line, as far as the value
    signs = ("&= ", r"&\approx ")
    end = next(n for n, line in enumerate(lines) if n and line.startswith(signs))
    terms = " ".join(line.removesuffix(r"\\") for line in lines[:end])
    number = evaluate(terms.replace(r"&\quad", "").split("&=")[1])
    size = float(chain.share @ chain.backward.absolute_terms) + abs(chain.l2_term)
    assert abs(number - chain.value) <= 1e-14 * size
    value = lines[end].partition(" ")[2].removesuffix(r" \\")
    assert float(plain(value)) == chain.value


# Each output, activation, solver, notation, kind of address and number of rows is among the first.
EQUATIONS = [0, 6, 12, 24, 43]
EQUATIONS += [pytest.param(s, marks=pytest.mark.slow) for s in range(50) if s not in EQUATIONS]


@pytest.mark.parametrize("seed", EQUATIONS)
def test_every_equation(seed):
    """Each `... = numbers = value`, of factors, paths, deltas, L2 and update."""
    chain = random_chain(seed)
    checked = 0
    for line in lines_of(chain)[1:]:
        if r"\text{ if }" in line or r"\textbf" in line or line.startswith("&"):
            continue
        right = sides(line.replace(r":&\quad", "&="))[1:]
        if len(right) < 2 or re.search(
            r"[a-zA-Z]", re.sub(r"\\(cdot|left|right|frac|sqrt)", "", right[-2])
        ):
            continue  # in symbols
        number, value = evaluate(right[-2]), evaluate(right[-1])
        assert math.isclose(number, value, rel_tol=1e-9, abs_tol=1e-12), line
        checked += 1
        if checked == 10:  # sympy takes its time
            break
    assert checked >= 3


def leaves(formula):
    if isinstance(formula, Quantity | Partial):
        yield formula
    for part in vars(formula).values():
        for item in part if isinstance(part, tuple) else (part,):
            if isinstance(item, Formula):
                yield from leaves(item)


@pytest.mark.parametrize("seed", range(0, 50, 3))
def test_every_rule_in_symbols(seed):
    """With a letter for every symbol, and the symbols' numbers for the letters."""
    chain = random_chain(seed)
    writer = Writer("latex")
    row = chain.row(0)
    factors = [*row.factors, *(factor for path in row.paths[:3] for factor in path.factors)]
    checked = 0
    for factor in factors:
        if isinstance(factor.rule, Case) or r"\text" in writer.symbols(factor.rule):
            continue
        latex, numbers = writer.symbols(factor.rule), {}
        for n, leaf in enumerate(leaves(factor.rule)):
            symbol = writer.symbols(leaf)
            if symbol in latex:
                latex = latex.replace(symbol, f"x_{{{n}}}")
                numbers[f"x_{{{n}}}"] = leaf.value
        value = parse_latex(latex).subs(numbers).evalf(25)
        assert math.isclose(float(value), factor.value, rel_tol=1e-12, abs_tol=1e-14), latex
        checked += 1
    assert checked >= 1


def test_hidden_numbers():
    latex = random_chain(1).to_latex(hide="numbers")
    assert r"\square \cdot \square" in latex
    # numbers are left in indices, exponents and rules only
    rest = re.sub(r"[_^]\{[^{}]*\}|\\(mathtt|text|textbf)\{[^{}]*\}", "", latex)
    assert set(re.findall(r"\d+\.?\d*", rest)) <= {"0", "1", "0.01"}


def test_digits():
    net = Net([[[1 / 3]]])
    chain = explain(net, [1.0], [0.0], (0, 0, 0))
    assert "0.33 " in chain.to_latex(digits=2)
    assert repr(1 / 3) in chain.to_latex(digits=17)


def test_for_notebooks():
    chain = random_chain(2)
    assert chain._repr_latex_() == f"$$\n{chain.to_latex()}\n$$"


def test_escape():
    assert escape("50 % of {a_b} & #1 $") == r"50 \% of \{a\_b\} \& \#1 \$"
    assert escape("\\^~") == r"\textbackslash{}\textasciicircum{}\textasciitilde{}"
