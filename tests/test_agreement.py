"""Text, LaTeX, HTML and dict of one chain, or of one step: the same equations, sign by sign.

Each form is read back into rows of sides, without what belongs to the form alone: brackets, blanks
and the marks of indices. (`page/test_agreement.py` compares them with the page.)
"""

import itertools
import re
from html import unescape
from xml.etree import ElementTree

import numpy as np
import pytest

import chainfit
from chainfit import reference

KINDS = {
    "softmax": ("softmax", "log_loss", 3),
    "softmax, squared error": ("softmax", "squared_error", 3),
    "binary": ("logistic", "binary_log_loss", 1),
    "multilabel": ("logistic", "binary_log_loss", 3),
    "squared error": ("identity", "squared_error", 3),
    "squared error, logistic": ("logistic", "squared_error", 2),
    "poisson": ("exp", "poisson", 2),
}
NOTATIONS = ("tutorial", "outputs", "matrix", "sklearn")
HIDDEN = tuple(reference.ACTIVATIONS)
EQUATIONS = ("factors", "paths", "softmax", "delta", "rows", "l2", "update")
WHOLE = 10_000  # columns: every equation in one line


def step(kind, rows=1):
    """Return a net, rows and targets; activations, two of them, and solver come round."""
    out_activation, loss, n = KINDS[kind]
    number = list(KINDS).index(kind)
    rng = np.random.RandomState(number)
    units = [3, 4, 2, n]
    net = chainfit.Net(
        [rng.normal(0, 0.8, shape) for shape in itertools.pairwise(units)],
        [rng.normal(0, 0.3, m) for m in units[1:]],
        activation=(HIDDEN[number % len(HIDDEN)], HIDDEN[(number + 1) % len(HIDDEN)]),
        out_activation=out_activation,
        loss=loss,
        alpha=0.1 * (number % 2),
        l1=0.05 * (number % 3 == 0),
        solver=("sgd", "adam")[number % 2],
        momentum=0.9 * (number % 3 == 0),
    )
    Y = np.eye(n)[rng.randint(n, size=rows)] if n > 1 else rng.randint(2, size=(rows, 1)) * 1.0
    return net, rng.normal(size=(rows, 3)), Y


def turns(rows):
    """Return (kind, notation, rows) of every kind; notations come round."""
    return [(kind, NOTATIONS[(n + rows) % 4], rows) for n, kind in enumerate(KINDS)]


# --- reading back --------------------------------------------------------------------------------


SIGNS = "−·≈→∂δημβεπρλ½ₜ∇‖"
ASCII = (
    *("-", "*", "~=", "->", "d", "delta", "eta", "mu", "beta", "eps", "pi", "rho", "lambda"),
    *("1/2", "t", "grad", "|"),
)


def bare(text):
    """Return a side without brackets, blanks, and marks of indices."""
    for sign, word in zip(SIGNS, ASCII, strict=True):
        text = text.replace(sign, word)
    text = text.translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹", "01234567890123456789"))
    return re.sub(r"[\s(){}⁽⁾_^,:'…]|\.\.\.", "", text)


def rows_of_text(text):
    """Return rows of (sign, side) of the lines that have a sign before a side."""
    found = []
    for line in text.splitlines():
        left, *sides = re.split(r" +(~=|=|≈) +", line.strip())
        if sides:
            last = re.split(r" {3,}", sides[-1])[0]  # without a remark
            found.append([bare(left), *map(bare, sides[:-1]), bare(last)])
    return found


def slashed(latex):
    """Return LaTeX with a slash between the two groups of a fraction."""
    while match := re.search(r"\\t?frac(?=\{)", latex):
        end, depth = match.end(), 0
        while depth or end == match.end():
            depth += {"{": 1, "}": -1}.get(latex[end], 0)
            end += 1
        latex = f"{latex[: match.start()]}{latex[match.end() : end]}/{latex[end:]}"
    return latex


def plain(latex):
    """Return LaTeX as the ASCII form has it, but for brackets."""
    latex = re.sub(r" \\cdot 10\^\{(-?\d+)\}", r"e\1", latex)
    latex = re.sub(r"\\(left|right)(?=[]()|[])", "", latex)
    latex = slashed(latex)
    words = {
        r"\partial": "d", r"\cdot": "*", r"\to": "->", r"\dots": "...", r"\varepsilon": "eps",
        r"\approx": "~=", r"\quad": "", r"\,": "", r"\sum": "sum", r"\square": "____",
        r"\|": "|", r"\nabla": "grad",
    }  # fmt: skip
    for command, word in words.items():
        latex = latex.replace(command, word)
    latex = re.sub(r"\\(mathtt|text|mathrm)\b", "", latex)
    return re.sub(r"\\([a-z]+|[_%&#$])", r"\1", latex)


def rows_of_latex(latex):
    found = []
    for line in latex.split(" \\\\\n"):
        if line.startswith((r"&\textbf", r"\begin{aligned}" + "\n" + r"&\textbf")):
            continue
        line = line.removeprefix("\\begin{aligned}\n").removesuffix("\n\\end{aligned}")
        if not line or line.startswith(r" &\quad"):  # not an equation: what else there is
            continue
        line = line.replace(r" :&\quad", " &=")
        left, *sides = re.split(r" &?(=|\\approx) ", line)
        found.append([bare(plain(part)) for part in (left, *sides)])
    return found


def linear(element):
    """Return MathML in a line, brackets but for."""
    parts = [linear(child) for child in element]
    if element.tag.endswith("mfrac"):
        return "/".join(parts)
    if element.tag.endswith("msqrt"):
        return f"sqrt{''.join(parts)}"
    return (element.text or "") + "".join(parts)


def rows_of_html(html):
    root = ElementTree.fromstring(html.replace("&nbsp;", " "))
    found = []
    for row in root.iter("tr"):
        cells = ["".join(linear_cell(cell)) for cell in row if cell.get("class") != "remark"]
        if len(cells) > 2:
            left, *sides = [cell for cell in cells if cell]
            signed = [re.match(r"(=|≈) ?(.*)", side).groups() for side in sides]
            found.append([bare(left), *(bare(part) for pair in signed for part in pair)])
    return found


def linear_cell(cell):
    yield cell.text or ""
    for child in cell:
        yield linear(child)
        yield child.tail or ""


def powers(rows):
    """Return rows with LaTeX's powers of ten, as MathML writes them, in e notation."""
    return [[re.sub(r"\*10(-?\d+)", r"e\1", side) for side in row] for row in rows]


# --- chains --------------------------------------------------------------------------------------


def assert_same_equations(chain):
    few = chain.trace.net.units[-1] <= 3  # of more the deltas have a line without a sign
    for key in EQUATIONS if few else set(EQUATIONS) - {"delta"}:
        sections = [key]
        text = chain.text(ascii=True, digits=17, width=WHOLE, sections=sections)
        lines = [line for line in text.splitlines() if line.startswith("  ")]
        text = "\n".join(line for line in lines if " is what all" not in line)  # a paragraph
        latex = chain.to_latex(digits=17, sections=sections)
        html = unescape(chain.to_html(digits=17, sections=sections).replace("&nbsp;", " "))
        expected = rows_of_text(text)
        if not expected:
            assert r"\textbf" not in latex
            continue
        assert rows_of_latex(latex) == expected
        assert powers(rows_of_html(html)) == expected


@pytest.mark.parametrize(("kind", "notation", "rows"), [*turns(1), *turns(3)])
def test_every_equation_of_a_chain(kind, notation, rows):
    net, X, Y = step(kind, rows)
    for weight in ((0, 1, 2), (2, 0)):
        assert_same_equations(chainfit.explain(net, X, Y, weight, notation=notation))


X = np.random.RandomState(0).randn(30, 3)
REALS = np.c_[X[:, 0] * X[:, 1], X[:, 2]]
MODELS = {
    "dropout": ({"dropout": (0.3, 0.5, 0.5)}, REALS),
    "clipped": ({"clip_norm": 0.1, "average": "ema", "weight_decay": 0.1, "l1": 0.1}, REALS),
    "cosine": ({"learning_rate": "cosine", "warmup": 3}, REALS),
    "step": ({"learning_rate": "step", "decay_steps": 2, "solver": "rmsprop"}, REALS),
    "gaussian": ({"loss": "gaussian_nll"}, REALS),
    "quantiles": ({"loss": "quantile", "quantile": (0.2, 0.7)}, REALS[:, 0]),
    "custom": ({"loss": lambda y, h: (((h - y) ** 2).sum(axis=1), 2 * (h - y))}, REALS),
    "classes": ({}, np.digitize(X[:, :2], [-0.5, 0.5]) + 3),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("number", "kind"), [*enumerate(MODELS)])
def test_every_equation_of_what_a_model_does(number, kind):
    options, y = MODELS[kind]
    model = chainfit.MLPClassifier() if kind == "classes" else chainfit.MLPRegressor()
    given = {"hidden_layer_sizes": (4, 2), "activation": "tanh", "max_iter": 3, "random_state": 0}
    model.set_params(**given, **options).fit(X, y)
    for rows in (1, 3):
        for weight in ((0, 1, 2), (2, 0)):
            notation = NOTATIONS[(number + rows) % 4]
            chain = chainfit.explain(model, X[:rows], y[:rows], weight, notation=notation)
            assert_same_equations(chain)
        assert_same_step(chain.trace)


@pytest.mark.parametrize(("kind", "notation", "rows"), turns(1))
def test_factors_and_products_are_those_of_the_dict(kind, notation, rows):
    net, X, Y = step(kind, rows)
    chain = chainfit.explain(net, X, Y, (0, 1, 2), notation=notation)
    (row,) = chain.to_dict()["rows"]
    *factors, product = rows_of_text(chain.text(digits=17, width=WHOLE, sections=["factors"]))
    best = max(row["paths"], key=lambda path: abs(path["product"]))
    in_short = rows_of_text(chain.text(width=WHOLE, sections=["factors"]))[:-1]
    for exact, shown, factor in zip(factors, in_short, best["factors"], strict=True):
        # a rule's own constants have the digits of the form
        assert shown[0] == bare(factor["symbol"]) and shown[2] == bare(factor["rule"])
        assert float(exact[-1]) == factor["value"]
    assert float(product[-1]) == best["product"]
    *paths, total = rows_of_text(chain.text(digits=17, width=WHOLE, sections=["paths"]))
    assert len(paths) == len(row["paths"]) == row["n_paths"]
    assert [float(path[-1]) for path in paths] == [path["product"] for path in row["paths"]]
    assert float(total[-1]) == row["term"]


# --- steps ---------------------------------------------------------------------------------------


def assert_same_step(trace):
    text = trace.text(ascii=True, digits=17, width=WHOLE)
    expected = rows_of_text("\n".join(line for line in text.splitlines() if line[:2] == "  "))
    latex = re.sub(r"&\\begin\{array\}.*?\\end\{array\}( \\\\\n)?", "", trace.to_latex(digits=17),
                   flags=re.S)  # fmt: skip
    assert rows_of_latex(latex) == expected
    html = unescape(trace.to_html(digits=17).replace("&nbsp;", " "))
    lines = re.findall(r'<p class="equation">(.*?)</p>', html)
    unicode = trace.text(digits=17, width=WHOLE)
    assert lines == [
        line.strip() for line in unicode.splitlines() if re.match(r"  \S.* [=≈] ", line)
    ]
    return expected


@pytest.mark.parametrize(("kind", "notation", "rows"), turns(1))
def test_every_equation_of_a_step(kind, notation, rows):
    net, X, Y = step(kind, rows)
    assert len(assert_same_step(chainfit.trace(net, X, Y, notation=notation))) > 40
