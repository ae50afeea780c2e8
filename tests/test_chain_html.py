"""Chains as HTML: well formed, formulas in MathML, nothing that runs or is fetched."""

import sys
from xml.etree import ElementTree

import latex2mathml.converter
import numpy as np
import pytest

from chainfit import Net, explain
from chainfit._explain.mathml import breakable

HOSTILE = "</script><img src=x onerror=alert(1)>"

FETCHES = ("src", "href", "srcset", "data", "action", "poster", "background")


def chains():
    rng = np.random.RandomState(0)
    net = Net(
        [rng.normal(size=(3, 4)), rng.normal(size=(4, 2))],
        activation="tanh",
        out_activation="softmax",
        alpha=0.1,
        solver="adam",
        feature_names=["a & b", HOSTILE, '"'],
        output_names=[HOSTILE, "<b>"],
    )
    X, y = rng.normal(size=(4, 3)), [0, 1, 1, 0]
    for notation in ("tutorial", "outputs", "matrix", "sklearn"):
        yield explain(net, X[0], 1, (0, 1, 2), notation=notation)
        yield explain(net, X, y, (1, 3, 0), notation=notation)
        yield explain(net, X, y, (1, 1), notation=notation)


CHAINS = list(chains())


def tree(html):
    return ElementTree.fromstring(html.replace("&nbsp;", " "))


@pytest.mark.parametrize("hide", [None, "numbers"])
@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: f"{chain.notation.key} {chain.symbol}")
def test_well_formed(chain, hide):
    root = tree(chain.to_html(hide=hide))
    tags = [element.tag.rsplit("}")[-1] for element in root.iter()]
    allowed = {"div", "style", "h4", "p", "table", "tr", "td"}
    math = {"math", "mrow", "mi", "mn", "mo", "mtext", "mspace"}
    math |= {"mfrac", "msqrt", "msub", "msup", "msubsup", "munder", "munderover"}
    assert set(tags) <= allowed | math
    assert tags.count("math") > 20
    for element in root.iter():
        assert not {name for name in element.attrib if name.startswith("on") or name in FETCHES}
        assert "url(" not in (element.text or "") and "@import" not in (element.text or "")


def words(chain):
    return " ".join("".join(tree(chain.to_html()).itertext()).split())


def test_it_says_what_the_text_says():
    for chain in CHAINS:
        said = words(chain)
        for text in ("The chain", "Each factor", "Folded into delta", "The update", chain.stored):
            assert text in said
        assert "the function whose gradient training applies" in said


def test_names_of_the_user_are_text():
    said = words(CHAINS[0])
    assert f"({HOSTILE})" in said and "<img" not in CHAINS[0].to_html()
    assert f"({HOSTILE})" in words(CHAINS[1])


def test_code_is_text():
    """Not a row of letters in italics, which is what browsers make of other MathML."""
    html = CHAINS[9].to_html()  # sklearn
    assert ">activations[0][1]</mtext>" in html.replace("&#x000A0;", " ")


def test_numbers():
    """Every number of the text is a number of the page."""
    chain = CHAINS[0]
    html = chain.to_html(digits=4).replace("&#x0002E;", ".")
    for factor in max(chain.paths, key=lambda path: abs(path.product)).factors:
        assert f"{abs(factor.value):.4g}" in html
    assert f"{abs(chain.value):.4g}" not in chain.to_html(hide="numbers", digits=4)


def breaks(latex):
    """Return the pieces between which a line may break."""
    found = breakable(latex2mathml.converter.convert(latex))
    return ["".join(math.itertext()) for math in tree(f"<p>{found}</p>")]


def test_formulas_break_before_their_operators():
    assert breaks(r"a + b \cdot c - d") == ["a", "+b", "·c", "−d"]
    assert breaks(r"-a \cdot \left({-b}\right)") == ["−a", "·(−b)"]
    short, long = r"\left({1 - h}\right)", r"\left({a + b - c + d}\right)"
    assert breaks(rf"h \cdot {short}") == ["h", "·(1−h)"]
    assert breaks(rf"{long} \cdot h") == ["(a", "+b", "−c", "+d)", "·h"]
    tall = r"\left({a + \frac{b}{c} - d + e}\right)"
    assert len(breaks(tall)) == 1  # its brackets are as tall as the fraction
    assert len(breaks(r"\frac{a + b + c + d}{e}")) == 1


def test_a_sign_is_no_operator():
    """Cut out of its brackets it would stand apart from its number."""
    long = breakable(latex2mathml.converter.convert(r"\left({-a + b - c + d}\right)"))
    forms = [mo.get("form") for mo in tree(f"<p>{long}</p>").iter("mo") if mo.text == "−"]
    assert forms == ["prefix", "infix"]


def test_in_a_notebook():
    assert CHAINS[0]._repr_html_() == CHAINS[0].to_html()


def test_without_latex2mathml(monkeypatch):
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    with pytest.raises(ImportError, match=r"pip install 'chainfit\[explain\]'"):
        CHAINS[0].to_html()
    html = CHAINS[0]._repr_html_()
    assert html.startswith('<pre style="overflow-x:auto">J = ') and "<img" not in html
    assert "".join(tree(html).itertext()) == str(CHAINS[0])
