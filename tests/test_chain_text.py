"""Chains as text: what is written, in which columns, and what is left out of an exercise."""

import re
from itertools import pairwise

import numpy as np
import pytest

import chainfit
from chainfit import Net, explain
from chainfit._explain.formula import Partial, Quantity, Rest, SumOver, indexed, total
from chainfit._explain.writer import Writer

TUTORIAL = Net(
    [[[0.2, 0.4, 0.6]] * 3, [[0.5]] * 3],
    [[0.8] * 3, [0.2]],
    activation="logistic",
    out_activation="logistic",
    loss="squared_error",
    learning_rate_init=0.5,
)

PRINTED = """\
J = ½ · (h₁⁽³⁾ − y₁)², the function whose gradient training applies (squared error, half the sum
over the outputs; no L2 term)
∂J/∂w₁₂⁽²⁾ = −0.0218893   on one row, along one path

  weight     w₁₂⁽²⁾ = 0.5, from node 2 of layer 2 to node 1 of layer 3
  stored in  coefs_[1][1, 0]
  net        3-3-1, hidden layers logistic, outputs logistic
  notation   tutorial: layer 1 is the input, h⁽¹⁾ = x; wᵢⱼ⁽ˡ⁾ leads from node j of layer l to node i
             of layer l+1; zᵢ⁽ˡ⁾ is the sum over j of wᵢⱼ⁽ˡ⁾ hⱼ⁽ˡ⁾, plus bᵢ⁽ˡ⁾; hᵢ⁽ˡ⁺¹⁾ = f(zᵢ⁽ˡ⁾)

The chain
     ∂J       ∂J     ∂h₁⁽³⁾    ∂z₁⁽²⁾
  ─────── = ────── · ────── · ───────
  ∂w₁₂⁽²⁾   ∂h₁⁽³⁾   ∂z₁⁽²⁾   ∂w₁₂⁽²⁾

Each factor
  ∂J/∂h₁⁽³⁾      = h₁⁽³⁾ − y₁          = 0.835456 − 1                    = −0.164544
  ∂h₁⁽³⁾/∂z₁⁽²⁾  = h₁⁽³⁾ · (1 − h₁⁽³⁾) = 0.835456 · (1 − 0.835456)       =  0.137469
  ∂z₁⁽²⁾/∂w₁₂⁽²⁾ = h₂⁽²⁾                                                 =  0.967705
  product                              = −0.164544 · 0.137469 · 0.967705 ≈ −0.0218893

Folded into delta
  δ₁⁽²⁾ = ∂J/∂z₁⁽²⁾ is what all weights into this unit have in common. Each delta is computed once,
  from those of the layer above.
  δ₁⁽²⁾      = (h₁⁽³⁾ − y₁) · h₁⁽³⁾ · (1 − h₁⁽³⁾)
             = (0.835456 − 1) · 0.835456 · (1 − 0.835456)
             ≈ −0.0226198
  ∂J/∂w₁₂⁽²⁾ = δ₁⁽²⁾ · h₂⁽²⁾ = −0.0226198 · 0.967705 = −0.0218893

The update: gradient descent
  w₁₂⁽²⁾ new = w₁₂⁽²⁾ old − η · ∂J/∂w₁₂⁽²⁾ = 0.5 − 0.5 · (−0.0218893) =  0.510945

Verified
  product of the chain     −0.02188931001"""


def tutorial(**settings):
    return explain(TUTORIAL, [1.5, 2.0, 3.0], [1.0], "w_12^(2)", **settings)


def test_printed():
    assert str(tutorial()).startswith(PRINTED)


def chains():
    """Yield (name, chain): every section, notation, activation, large and small, in batches too."""
    rng = np.random.RandomState(0)

    def net(*units, **settings):
        coefs = [rng.normal(0, 1.5 / np.sqrt(n), (n, m)) for n, m in pairwise(units)]
        return Net(coefs, [rng.normal(0, 0.2, n) for n in units[1:]], **settings)

    for notation in ("tutorial", "outputs", "matrix", "sklearn"):
        settings = {"notation": notation}
        deep = net(3, 4, 5, 4, 3, 2, activation="leaky_relu", alpha=0.1, momentum=0.9)
        x = rng.normal(size=(9, 3))
        yield f"deep {notation}", explain(deep, x[0], x[0, :2], (0, 1, 2), **settings)
        yield f"batch {notation}", explain(deep, x, x[:, :2], (1, 1, 2), **settings)
        yield f"bias {notation}", explain(deep, x, x[:, :2], (2, 1), **settings)
        wide = net(200, 120, 110, 12, out_activation="softmax", solver="adam")
        X = rng.normal(size=(2, 200))
        yield f"wide {notation}", explain(wide, X[:1], [3], (0, 150, 101), **settings)
        yield f"output {notation}", explain(wide, X, [3, 11], (2, 99, 11), **settings)
        names = {"feature_names": ["länge", "a" * 150, "b c"], "output_names": ["{x}", "<y>"]}
        mixed = net(
            3, 4, 2, activation="tanh", out_activation="softmax", loss="squared_error", **names
        )
        yield f"named {notation}", explain(mixed, x[0], [0.5, 0.1], (0, 0, 2), **settings)
        yield f"named output {notation}", explain(mixed, x[0], [0.5, 0.1], (1, 0, 1), **settings)


CASES = dict(chains())


@pytest.mark.parametrize("hide", [None, "numbers"])
@pytest.mark.parametrize("name", CASES)
def test_it_fits(name, hide):
    """Within 100 columns, no blanks at line ends, no two empty lines; ASCII where asked for."""
    for ascii in (False, True):
        text = CASES[name].text(ascii=ascii, hide=hide)
        assert max(map(len, text.splitlines())) <= 100
        assert text == text.strip() and "\n\n\n" not in text
        assert all(line == line.rstrip() for line in text.splitlines())
        assert not ascii or text.isascii()


@pytest.mark.parametrize("width", [80, 140])
def test_width(width):
    for name, chain in CASES.items():
        if name.split()[-1] == "tutorial" and "named" not in name:
            assert max(map(len, chain.text(width=width).splitlines())) <= width, name


@pytest.mark.parametrize("name", CASES)
def test_it_says_where_and_what(name):
    chain = CASES[name]
    text = chain.text(ascii=True)
    assert text.startswith(f"{chain.notation.loss.ascii} = ")
    assert "the function whose gradient training applies" in " ".join(text.split())
    assert f"stored in  {chain.stored}" in text
    assert f"d{chain.notation.loss.ascii}/d{chain.symbol} = " in text
    for value in chain.verification.rows():
        assert value[0] in text
    for title in ("The chain", "Each factor", "Folded into delta", "The update", "Verified"):
        assert re.search(rf"^{title}", text, re.M)
    assert ("Every row" in text or "largest rows" in text) == (chain.n_rows > 1)
    assert ("The L2 term" in text) == bool(chain.trace.net.alpha)
    assert ("Through the softmax" in text) == (chain.trace.net.out_activation == "softmax")


def test_names_of_the_user():
    text = str(CASES["named tutorial"])
    assert "from node 1 of layer 1 (länge) to node 3 of layer 2" in text
    assert "(l\\xe4nge)" in CASES["named tutorial"].text(ascii=True)
    assert "to node 2 of layer 3 (<y>)" in str(CASES["named output tutorial"])


def test_ascii_says_the_same():
    """With each letter put back, the words and numbers of both forms are equal."""
    unicode, plain = tutorial().text(), tutorial().text(ascii=True)
    table = str.maketrans("₁₂₃⁽⁾²³¹∂δη·−½─≈", "123()231ddn*-h-~")
    numbers = r"\d+\.\d+"
    assert re.findall(numbers, unicode.translate(table)) == re.findall(numbers, plain)
    assert "∂" not in plain and "dJ/dh_1^(3)        = h_1^(3) - y_1" in plain


def test_exercise():
    text = tutorial().text(hide="numbers")
    assert "0.835" not in text and "Verified" not in text
    assert "∂J/∂h₁⁽³⁾      = h₁⁽³⁾ − y₁          = ____ − ____        = ____" in text
    assert "weights   w₁₁⁽¹⁾ = 0.2,  w₁₂⁽¹⁾ = 0.2,  w₁₃⁽¹⁾ = 0.2,  b₁⁽¹⁾ = 0.8" in text
    assert "inputs    h₁⁽¹⁾ = 1.5,  h₂⁽¹⁾ = 2,  h₃⁽¹⁾ = 3" in text
    assert "training  η = 0.5" in text


def test_exercise_does_not_tell_what_blocks():
    trace = chainfit.walkthrough("4-3-2-1")[0].trace
    chain = explain(trace.net, trace.X, trace.Y, "w_32^(1)")
    assert "What blocks" in str(chain) and "h₃⁽²⁾ off" in str(chain)
    text = chain.text(hide="numbers")
    assert "What blocks" not in text and " off" not in text


def test_sections():
    chain = tutorial()
    assert chain.text(sections=["factors", "delta"]) == "\n\n".join(
        part for part in str(chain).split("\n\n") if part.startswith(("Each", "Folded"))
    )
    assert "Folded" not in chain.to_html(sections=["chain"])
    assert len(re.findall(r"&(?:=|\\approx) ", chain.to_latex(sections=["chain"]))) == 3
    assert chain.text(sections=["softmax"]) == ""
    with pytest.raises(ValueError, match=r"sections must be among 'head', .*, got 'chains'"):
        chain.text(sections=["chains"])


def test_digits():
    assert "= −0.16 " not in str(tutorial())
    short = tutorial().text(digits=2)
    assert "= 0.84 − 1            = −0.16\n" in short
    assert "−0.164544338752435" in tutorial().text(digits=17)


# --- the writer ----------------------------------------------------------------------------------

A, B = Quantity(indexed("a"), 2.0), Quantity(indexed("b", (1, 12), "(2)"), -0.5)
TINY = Quantity(indexed("c"), 2e-9)

WRITTEN = [
    (A * (1 - B), "a · (1 − b₁,₁₂⁽²⁾)", "2 · (1 − (−0.5))", 3.0),
    (1 - A**2, "1 − a²", "1 − 2²", -3.0),
    (1 - B**2, "1 − (b₁,₁₂⁽²⁾)²", "1 − (−0.5)²", 0.75),
    (TINY**2, "c²", "(2e-9)²", 4e-18),
    (-A / B, "−a / b₁,₁₂⁽²⁾", "−2 / (−0.5)", 4.0),
    (A / (B * A), "a / (b₁,₁₂⁽²⁾ · a)", "2 / (−0.5 · 2)", -2.0),
    (-(A - B), "−(a − b₁,₁₂⁽²⁾)", "−(2 − (−0.5))", -2.5),
    (A + B, "a + b₁,₁₂⁽²⁾", "2 − 0.5", 1.5),
    (A - B * A, "a − b₁,₁₂⁽²⁾ · a", "2 − (−0.5 · 2)", 3.0),
    (total([B, A, B]), "b₁,₁₂⁽²⁾ + a + b₁,₁₂⁽²⁾", "−0.5 + 2 − 0.5", 1.0),
    (total([A, Rest(1234, 0.25)]), "a + … 1,234 more", "2 + 0.25", 2.25),
    (Partial(indexed("J"), indexed("w"), -0.0), "∂J/∂w", "0", 0.0),
    (SumOver("k", A * B, -1.0), "Σₖ a · b₁,₁₂⁽²⁾", "−1", -1.0),
]


@pytest.mark.parametrize("formula,symbols,numbers,value", WRITTEN)
def test_written(formula, symbols, numbers, value):
    writer = Writer("unicode")
    assert writer.symbols(formula) == symbols
    assert writer.numbers(formula) == numbers
    assert formula.value == pytest.approx(value, rel=1e-15)
